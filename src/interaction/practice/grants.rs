//! The consents of an episode as rows that a database can ask: who signed, for whom, from when until when.

use super::party;
use crate::access::consent::{Directive, Grant, Rule, compile};
use crate::kap::base::Instant;
use crate::kap::calendar::birthday;
use crate::kap::consent::{Consent, ConsentKind, ConsentStatus, PrivacyRule, RuleType, SignerType};
use crate::kap::{Episode, Id};
use crate::store::consent::{Granted, set_grants};
use crate::store::sql::Step;

/// The statements that make the grants of the episode what its consents say.
#[must_use]
pub fn steps(tenant: &str, episode: &Episode) -> Vec<Step> {
    set_grants(
        tenant,
        &episode.episode_id,
        &episode.patient.id,
        &grants(episode),
    )
}

/// What has to change of who takes part in the episode, and of what its consents grant.
#[must_use]
pub fn changed(tenant: &str, before: &Episode, after: &Episode) -> Vec<Step> {
    let mut out = Vec::new();
    if party::parties(before) != party::parties(after) {
        out.extend(party::steps(tenant, after));
    }
    if grants(before) != grants(after) {
        out.extend(steps(tenant, after));
    }
    out
}

/// What every privacy consent of the episode grants.
#[must_use]
pub fn grants(episode: &Episode) -> Vec<Granted> {
    let related: Vec<Id> = party::parties(episode)
        .into_iter()
        .map(|p| p.organization)
        .filter(|id| *id != episode.organizations.practice.id)
        .collect();
    let mut out = Vec::new();
    for consent in &episode.consents {
        let Some(directive) = directive(episode, consent, &related) else {
            continue;
        };
        let rows = compile(&directive).into_iter();
        out.extend(rows.map(|grant: Grant| Granted {
            consent: consent.id.clone(),
            grant,
        }));
    }
    out
}

/// Whether consents of this kind say who may be told what.
#[must_use]
pub const fn is_enforced(kind: ConsentKind) -> bool {
    matches!(kind, ConsentKind::PrivacyDisclosure | ConsentKind::Part2Sud)
}

/// The consent in the words of `access`; `None` where it is none that grants or denies anything.
fn directive(episode: &Episode, consent: &Consent, related: &[Id]) -> Option<Directive> {
    let stands = matches!(
        consent.status,
        ConsentStatus::Active | ConsentStatus::Revoked | ConsentStatus::Expired
    );
    let signed = consent.signed_at.filter(|_| stands)?;
    if !is_enforced(consent.kind) {
        return None;
    }
    let calendar = episode.calendar();
    let start_of = |day| calendar.start_of(day).millis();
    let period = consent.period.as_ref();
    let from = period.and_then(|p| p.start).map_or(i64::MIN, start_of);
    let ends = [consent.expires, period.and_then(|p| p.end)];
    let ends = ends.into_iter().flatten();
    let to = ends.map(|day| start_of(day.plus_days(1))).min();
    let taken_back = consent.status == ConsentStatus::Revoked;
    let revoked = consent.revoked_at.or(taken_back.then_some(signed));
    let of_minor = episode.is_minor(calendar.day(signed));
    let signature = Signature::of(episode, consent, of_minor);
    let majority = of_minor && !signature.own;
    let gone = consent.status == ConsentStatus::Expired && to.is_none();
    Some(Directive {
        part2: consent.kind == ConsentKind::Part2Sud,
        signed_at: signed.millis(),
        from: from.max(signed.millis()),
        to: if gone {
            i64::MIN
        } else {
            to.unwrap_or(i64::MAX)
        },
        revoked_at: revoked.map(Instant::millis),
        majority: majority.then(|| start_of(birthday(episode.patient.birth_date, 18))),
        by_patient: signature.patient,
        by_somebody: signature.somebody,
        of_minor,
        root_permits: consent.root.map(|root| root == RuleType::Permit),
        rules: consent
            .exceptions
            .iter()
            .filter_map(|r| rule(episode, r))
            .collect(),
        related: related.to_vec(),
    })
}

/// Who signed.
struct Signature {
    /// The patient, in whatever capacity.
    patient: bool,
    /// The patient in their own right: an adult, or a minor in a capacity that is more than assent.
    own: bool,
    /// The patient in their own right, or who stands for them.
    somebody: bool,
}

impl Signature {
    fn of(episode: &Episode, consent: &Consent, of_minor: bool) -> Self {
        let patients = || {
            let signers = consent.signers.iter();
            signers.filter(|s| s.kind == SignerType::Patient)
        };
        let in_own_right = |capacity: Option<&str>| match capacity {
            None => !of_minor,
            Some(capacity) => capacity != "assent" || !of_minor,
        };
        let own = patients().any(|s| in_own_right(s.capacity.as_deref()));
        // A parent's word ends with the child's minority; a court's does not.
        let stands = |id: &Id| {
            let guardian = episode.guardian(id);
            let authority = guardian.and_then(|g| g.legal_authority.as_ref());
            authority.is_some_and(|l| of_minor || l.basis != "parent-of-minor")
        };
        let mut others = consent.signers.iter();
        let guarded = others.any(|s| s.kind == SignerType::RelatedPerson && stands(&s.id));
        Self {
            patient: patients().next().is_some(),
            own,
            somebody: own || guarded,
        }
    }
}

/// A rule with its recipients as organizations; `None` where it is for people alone who have no client here (a
/// guardian, the patient).
fn rule(episode: &Episode, rule: &PrivacyRule) -> Option<Rule> {
    let organization = |id: &Id| {
        let related = episode.related_persons.iter().any(|p| p.id == *id);
        if related || *id == episode.patient.id {
            return None;
        }
        let member = episode.care_team.iter().find(|m| m.id == *id);
        Some(member.map_or(id, |m| &m.organization_id).clone())
    };
    let recipients: Vec<Id> = rule.recipients.iter().filter_map(organization).collect();
    if recipients.is_empty() && !rule.recipients.is_empty() {
        return None;
    }
    Some(Rule {
        permit: rule.kind == RuleType::Permit,
        recipients: (!recipients.is_empty()).then_some(recipients),
        purposes: rule.purposes.clone(),
        labels: rule.security_labels.clone(),
        classes: rule.data_classes.clone(),
    })
}

#[cfg(test)]
mod tests;
