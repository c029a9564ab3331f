//! What is noted of each request, and what is done with the notes.
//!
//! Every interaction notes what it shows ([`shown`], [`searched`], [`episode`]); changes are noted by `commit`. The
//! outermost layer of `http` settles the notes before the answer leaves ([`settle`]).

pub mod disclosures;
pub mod emergencies;
pub mod events;
pub mod seal;
pub mod verify;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::history::Of;
use crate::access::Access;
use crate::app::App;
use crate::audit::event::{Event, Kind, Target};
use crate::audit::trail::{Noted, Trail};
use crate::error::{Error, Result};
use crate::fhir::resource::Stored;
use crate::kap::{Episode, Id};

/// Most bytes of a question that are repeated for each patient.
const LONG: usize = 1024;

/// Notes that a resource was shown.
pub fn shown(access: &Access, kind: Kind, row: &Stored) {
    note(access, of(access, kind, row));
}

/// Notes that a document or the like about `row` was shown; to another organization than its owner, it is a disclosure.
pub fn document(access: &Access, row: &Stored, what: &str) {
    let own = access.caller().is_none_or(|c| c.organization == row.owner);
    let kind = if own || row.patient.is_none() {
        Kind::Read
    } else {
        Kind::Disclose
    };
    note(access, of(access, kind, row).detail(what));
}

fn of(access: &Access, kind: Kind, row: &Stored) -> Event {
    access
        .event(kind)
        .target(&row.key.kind, row.key.id.as_str(), Some(row.version))
        .patient(row.patient.as_ref().map(Id::as_str))
}

/// Notes that a search gave these resources: one event for each patient among them, one where there is none. How many
/// there were is not told.
pub fn searched<'r>(access: &Access, rows: impl Iterator<Item = &'r Stored>) {
    listed(access, rows.filter_map(|row| row.patient.as_ref()));
}

/// As [`searched`], for a list that shows something of these patients.
pub fn listed<'r>(access: &Access, patients: impl Iterator<Item = &'r Id>) {
    let Some(trail) = access.trail() else { return };
    each(trail, trail.asked(Kind::Search), patients);
}

/// Notes that these versions were shown, as [`searched`].
pub fn versions(access: &Access, of: Of<'_>, rows: &[Stored]) {
    let Some(trail) = access.trail() else { return };
    let event = trail.asked(Kind::History);
    let target = |kind: &str, id: Option<&Id>| Target {
        kind: kind.into(),
        id: id.map(|id| id.as_str().into()),
        version: None,
    };
    let target = match of {
        Of::Instance(key) => Some(target(&key.kind, Some(&key.id))),
        Of::Type(kind) => Some(target(kind, None)),
        Of::System => None,
    };
    let event = Event { target, ..event };
    each(
        trail,
        event,
        rows.iter().filter_map(|row| row.patient.as_ref()),
    );
}

/// Notes the event once for each patient, and once where there is none.
fn each<'r>(trail: &Trail, mut event: Event, patients: impl Iterator<Item = &'r Id>) {
    let patients: BTreeSet<&str> = patients.map(Id::as_str).collect();
    let mut patients = patients.into_iter();
    trail.note(event.clone().patient(patients.next()));
    // The first one tells it all: a long question about many patients is not kept a thousand times.
    event.detail = event.detail.map(|asked| shortened(&asked).unwrap_or(asked));
    for patient in patients {
        trail.note(event.clone().patient(Some(patient)));
    }
}

/// The beginning of a long text; `None` where it is not long.
fn shortened(text: &str) -> Option<Arc<str>> {
    let end = text.floor_char_boundary(LONG);
    (end < text.len()).then(|| format!("{}…", &text[..end]).into())
}

/// Notes that an episode was shown; `what` says in which view.
pub fn episode(access: &Access, episode: &Episode, what: &str) {
    let event = access
        .event(Kind::Read)
        .target("EpisodeOfCare", episode.episode_id.as_str(), None)
        .patient(Some(episode.patient.id.as_str()));
    note(access, event.detail(what));
}

/// Notes an event, to be written before the answer leaves.
pub fn note(access: &Access, event: Event) {
    if let Some(trail) = access.trail() {
        trail.note(event);
    }
}

/// Writes what a request noted.
///
/// # Errors
/// `Unavailable` where it cannot be written, `Internal` where a success left no trace: nothing may leave then.
pub async fn settle(app: &App, noted: Noted) -> Result<()> {
    if noted.events.is_empty() {
        let text = "an answer that leaves no trace in the audit";
        return if noted.written {
            Ok(())
        } else {
            Err(Error::internal(text))
        };
    }
    append(app, noted.events).await
}

/// Writes events that are about no change.
///
/// # Errors
/// `Unavailable` where they cannot be written.
pub async fn append(app: &App, events: Vec<Event>) -> Result<()> {
    let rows = app.recorder.rows(events);
    app.store.append(&app.tenant, rows).await
}
