//! Which organizations have a part in an episode, from when until when.
//!
//! The practice always; the partner from the first referral; the pharmacy from the first prescription; an outside
//! provider while a privacy consent names it.

use crate::kap::base::Instant;
use crate::kap::calendar::Calendar;
use crate::kap::consent::{Consent, ConsentKind, ConsentStatus, RuleType};
use crate::kap::people::Member;
use crate::kap::{Episode, Id};
use crate::store::episode::{Party, set_parties};
use crate::store::sql::Step;

/// The statements that make the links of the episode what they must be.
#[must_use]
pub fn steps(tenant: &str, episode: &Episode) -> Vec<Step> {
    set_parties(
        tenant,
        &episode.episode_id,
        &episode.patient.id,
        &parties(episode),
    )
}

/// Every organization with a part in the episode.
#[must_use]
pub fn parties(episode: &Episode) -> Vec<Party> {
    let organizations = &episode.organizations;
    let mut out = vec![party(&organizations.practice.id, "practice", 0, None)];
    if let Some(from) = episode.referrals.iter().map(|r| r.requested_at).min() {
        out.push(party(
            &organizations.partner.id,
            "partner",
            from.millis(),
            None,
        ));
    }
    let prescribed = episode.prescriptions.iter().map(|p| p.authored_on).min();
    if let (Some(pharmacy), Some(from)) = (&organizations.pharmacy, prescribed) {
        out.push(party(&pharmacy.id, "pharmacy", from.millis(), None));
    }
    let zone = episode.calendar();
    for member in &episode.care_team {
        if out.iter().any(|p| p.organization == member.organization_id) {
            continue;
        }
        if let Some((from, to)) = shared_with(episode, member, &zone) {
            out.push(party(
                &member.organization_id,
                "external",
                from.millis(),
                to,
            ));
        }
    }
    out
}

fn party(organization: &Id, role: &str, from: i64, to: Option<i64>) -> Party {
    Party {
        organization: organization.clone(),
        role: role.to_owned(),
        valid_from: from,
        valid_to: to,
    }
}

/// From when until when an active privacy consent permits this provider to be told.
fn shared_with(
    episode: &Episode,
    member: &Member,
    zone: &Calendar,
) -> Option<(Instant, Option<i64>)> {
    let names = |consent: &Consent, kind: RuleType| {
        consent.exceptions.iter().any(|rule| {
            let recipients = &rule.recipients;
            rule.kind == kind
                && (recipients.contains(&member.id) || recipients.contains(&member.organization_id))
        })
    };
    let consent = episode.consents.iter().rev().find(|c| {
        c.kind == ConsentKind::PrivacyDisclosure
            && c.status == ConsentStatus::Active
            && names(c, RuleType::Permit)
            && !names(c, RuleType::Deny)
    })?;
    let end = consent
        .period
        .as_ref()
        .and_then(|p| p.end)
        .or(consent.expires);
    let to = end.map(|day| zone.start_of(day.plus_days(1)).millis());
    Some((consent.signed_at?, to))
}
