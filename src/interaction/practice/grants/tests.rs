//! The consents of the samples, and what becomes of them when they end.

use super::*;
use crate::access::consent::Effect;
use crate::access::{Classes, Labels};
use crate::kap::base::Instant;
use crate::kap::lift::lift;

const ADULT: &str = include_str!("../../../../tests/samples/01-adult-trd-remote-lozenge.json");
const TRAUMA: &str =
    include_str!("../../../../tests/samples/02-adult-ptsd-inperson-im-hold-ae.json");
const MINOR: &str = include_str!("../../../../tests/samples/03-adolescent-deferred.json");

fn sample(text: &str) -> Episode {
    lift(text).expect("a sample").episode
}

fn millis(text: &str) -> i64 {
    let at: Instant = text.parse().expect("an instant");
    at.millis()
}

fn privacy(episode: &mut Episode) -> &mut Consent {
    let mut all = episode.consents.iter_mut();
    all.find(|c| c.kind == ConsentKind::PrivacyDisclosure)
        .expect("a privacy consent")
}

fn rows(episode: &Episode, effect: Effect) -> Vec<Grant> {
    let all = grants(episode).into_iter().map(|g| g.grant);
    all.filter(|g| g.effect == effect).collect()
}

fn to(grant: &Grant) -> &str {
    grant.organization.as_ref().map_or("*", Id::as_str)
}

#[test]
fn a_member_is_told_as_the_organization_and_the_period_is_the_practices_days() {
    let episode = sample(ADULT);
    let permits = rows(&episode, Effect::Permit);
    let named: Vec<&str> = permits.iter().map(to).collect();
    assert_eq!(
        named,
        ["org-partner-01", "org-pharmacy-01", "org-external-pcp"]
    );
    for permit in &permits {
        assert_eq!(permit.from, millis("2026-06-03T09:05:00-07:00"));
        assert_eq!(permit.to, millis("2027-06-04T00:00:00-07:00"));
        assert_eq!(permit.granted_at, permit.from);
    }
    let wanted = Classes::PRESCRIPTION
        .or(Classes::SHIPMENT)
        .or(Classes::ALLERGY)
        .or(Classes::IDENTITY);
    assert_eq!(permits[1].classes, wanted);
    let off = rows(&episode, Effect::NoDefaults);
    assert_eq!(off.len(), 1);
    let denied = rows(&episode, Effect::Deny);
    assert_eq!(denied.len(), 1);
    assert_eq!((to(&denied[0]), denied[0].labels), ("*", Labels::NOTE));
}

#[test]
fn other_kinds_of_consent_grant_nothing() {
    let mut episode = sample(ADULT);
    privacy(&mut episode).kind = ConsentKind::PsychotherapyNotes;
    assert!(grants(&episode).is_empty());
    let mut episode = sample(ADULT);
    privacy(&mut episode).status = ConsentStatus::Draft;
    assert!(grants(&episode).is_empty());
    let mut episode = sample(ADULT);
    privacy(&mut episode).status = ConsentStatus::EnteredInError;
    assert!(grants(&episode).is_empty());
}

#[test]
fn trauma_is_denied_to_everyone() {
    let denied = rows(&sample(TRAUMA), Effect::Deny);
    let trauma = Labels::SDV.or(Labels::MST);
    assert!(denied.iter().any(|d| to(d) == "*" && d.labels == trauma));
}

#[test]
fn a_guardian_is_no_organization_and_the_minors_assent_makes_the_adolescent_part_count() {
    let episode = sample(MINOR);
    let permits = rows(&episode, Effect::Permit);
    let named: Vec<&str> = permits.iter().map(to).collect();
    assert_eq!(named, ["org-partner-01", "org-external-cap"]);
    assert!(permits.iter().all(|p| p.labels.meets(Labels::ADOL)));
    // What is denied to the guardian is denied to no organization.
    assert!(
        rows(&episode, Effect::Deny)
            .iter()
            .all(|d| d.labels == Labels::NOTE)
    );
}

#[test]
fn assent_ends_with_minority_and_the_defaults_stay_off() {
    let mut episode = sample(MINOR);
    let consent = privacy(&mut episode);
    consent.period = None;
    let birthday = millis("2028-01-20T00:00:00-08:00");
    for permit in rows(&episode, Effect::Permit) {
        assert_eq!(permit.to, birthday);
    }
    let off = rows(&episode, Effect::NoDefaults);
    assert!(off.iter().any(|g| g.from == birthday && g.to == i64::MAX));
    // In a capacity of their own, it goes on.
    for signer in &mut privacy(&mut episode).signers {
        if signer.kind == SignerType::Patient {
            signer.capacity = Some("emancipated-minor".into());
        }
    }
    assert!(
        rows(&episode, Effect::Permit)
            .iter()
            .all(|p| p.to == i64::MAX)
    );
}

#[test]
fn a_guardian_alone_covers_nothing_adolescent_and_without_authority_nothing_at_all() {
    let mut episode = sample(MINOR);
    privacy(&mut episode)
        .signers
        .retain(|s| s.kind == SignerType::RelatedPerson);
    let permits = rows(&episode, Effect::Permit);
    assert!(!permits.is_empty());
    assert!(permits.iter().all(|p| !p.labels.meets(Labels::ADOL)));
    for person in &mut episode.related_persons {
        if let Some(authority) = &mut person.legal_authority {
            authority.verified_at = None;
        }
    }
    assert!(rows(&episode, Effect::Permit).is_empty());
    // And a minor's assent alone is no consent.
    let mut episode = sample(MINOR);
    privacy(&mut episode)
        .signers
        .retain(|s| s.kind == SignerType::Patient);
    assert!(rows(&episode, Effect::Permit).is_empty());
}

#[test]
fn an_adults_parent_signs_for_nobody_and_a_court_does() {
    let mut episode = sample(MINOR);
    episode.patient.birth_date = "2000-01-20".parse().expect("a day");
    privacy(&mut episode)
        .signers
        .retain(|s| s.kind == SignerType::RelatedPerson);
    assert!(rows(&episode, Effect::Permit).is_empty());
    for person in &mut episode.related_persons {
        if let Some(authority) = &mut person.legal_authority {
            authority.basis = "court-order".into();
        }
    }
    assert!(!rows(&episode, Effect::Permit).is_empty());
}

#[test]
fn taken_back_without_a_time_counts_from_its_signature() {
    let mut episode = sample(ADULT);
    let consent = privacy(&mut episode);
    consent.status = ConsentStatus::Revoked;
    assert!(rows(&episode, Effect::Permit).is_empty());
    let withdrawn = rows(&episode, Effect::Withdrawn);
    assert_eq!(withdrawn.len(), 3);
    assert!(
        withdrawn
            .iter()
            .all(|w| w.from == millis("2026-06-03T09:05:00-07:00"))
    );
    // Expired says no day: then it is over.
    let mut episode = sample(ADULT);
    let consent = privacy(&mut episode);
    consent.status = ConsentStatus::Expired;
    consent.period = None;
    assert!(grants(&episode).is_empty());
}
