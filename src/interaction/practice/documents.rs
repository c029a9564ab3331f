//! Which summary documents a change makes due: a new one for each event, a new version when its facts changed.

use crate::fhir::resource::{Key, Resource};
use crate::kap::base::Instant;
use crate::kap::clearance::Clearance;
use crate::kap::dosing::{Session, SessionStatus, SessionType};
use crate::kap::{Episode, Id};
use crate::mapping::summary::{Document, compose};

/// The compositions (with their document references) that the change from `before` to `after` makes due.
#[must_use]
pub fn due(before: &Episode, after: &Episode, at: Instant) -> Vec<Resource> {
    kinds(before, after)
        .into_iter()
        .filter_map(|document| compose(document, after, at))
        .flatten()
        .collect()
}

/// Whether a record is of a document that the change makes due: the Composition, or the entry by which it is found.
#[must_use]
pub fn is_due(before: &Episode, after: &Episode, key: &Key) -> bool {
    let id = key.id.as_str();
    let id = match &*key.kind {
        "Composition" => Some(id),
        "DocumentReference" => id.strip_suffix("-ref"),
        _ => None,
    };
    let of = |document: &Document| Some(document.id(after).as_str()) == id;
    id.is_some() && kinds(before, after).iter().any(of)
}

fn kinds(before: &Episode, after: &Episode) -> Vec<Document> {
    let mut out = Vec::new();
    for referral in &after.referrals {
        if !before.referrals.iter().any(|r| r.id == referral.id) {
            let referral = referral.id.clone();
            out.push(Document::Referral { referral });
        }
    }
    for clearance in &after.clearances {
        if standing(before, clearance) != standing(after, clearance) {
            let clearance = clearance.id.clone();
            out.push(Document::Clearance { clearance });
        }
    }
    for session in &after.sessions {
        let old = before.sessions.iter().find(|s| s.id == session.id);
        let changed =
            old != Some(session) || events(before, &session.id) != events(after, &session.id);
        if changed && session.status == SessionStatus::Completed {
            out.extend(of_session(session));
        }
    }
    if after.phase.is_terminal() && (before.phase != after.phase) {
        out.push(Document::Episode);
    }
    out
}

/// What a reader must know of a decision that is on record: whether it was revoked or superseded.
fn standing(episode: &Episode, clearance: &Clearance) -> Option<(Option<Instant>, bool)> {
    let known = episode.clearances.iter().find(|c| c.id == clearance.id)?;
    let mut all = episode.clearances.iter();
    let superseded = all.any(|c| c.supersedes.as_ref() == Some(&clearance.id));
    Some((known.revoked_at, superseded))
}

fn of_session(session: &Session) -> Option<Document> {
    let id = session.id.clone();
    match session.kind {
        SessionType::Dosing => Some(Document::Dosing { session: id }),
        SessionType::Integration => Some(Document::Integration { session: id }),
        SessionType::MedicalFollowUp => Some(Document::FollowUp { session: id }),
        _ => None,
    }
}

fn events<'e>(episode: &'e Episode, session: &Id) -> Vec<&'e crate::kap::safety::AdverseEvent> {
    episode
        .adverse_events
        .iter()
        .filter(|e| e.session_id.as_ref() == Some(session))
        .collect()
}
