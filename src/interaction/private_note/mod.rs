//! Private notes: taken from, and told to, the clinician of the practice who writes them, through the client that
//! stands for that clinician. To everybody else there is no such path.
//!
//! Not a FHIR interaction. A note is no resource and no part of the episode's record: writing one goes neither through
//! `commit` nor changes the episode's version, so that nobody can tell from outside that it was written.

mod body;
pub mod keys;
pub mod read;
pub mod write;

use crate::access::{Access, Caller, Interaction, Role};
use crate::audit::event::{Event, Kind as Act, PRIVATE_NOTE};
use crate::error::{Error, Result};
use crate::kap::base::Instant;
use crate::kap::{Episode, Id};
use crate::private::{Head, NoteKind, Place, Sealed};
use crate::store::notes::NoteRow;

/// The caller, if it may have private notes at all. A client of another role hears what it would hear of a note that
/// does not exist. SMART knows scopes of FHIR types alone: a note asks for that of the episode that it belongs to.
///
/// # Errors
/// `NotFound` for another role than the practice's therapist; `Forbidden` where the token's scopes are too narrow.
pub fn originator(access: &Access, interaction: Interaction) -> Result<&Caller> {
    let caller = access.caller().ok_or_else(Error::not_found)?;
    if caller.role != Role::PracticeTherapist {
        return Err(Error::not_found());
    }
    access.allow(interaction, "EpisodeOfCare")?;
    Ok(caller)
}

/// Refuses a client whose organization is not the practice of the episode.
fn of_the_practice(caller: &Caller, episode: &Episode) -> Result<()> {
    if caller.organization == episode.organizations.practice.id {
        Ok(())
    } else {
        Err(Error::not_found())
    }
}

/// The event of a request about a version of a note: that there was one, and of whom the note is.
fn event(access: &Access, act: Act, row: &NoteRow) -> Event {
    access
        .event(act)
        .target(PRIVATE_NOTE, row.id.as_str(), Some(row.version))
        .patient(Some(row.patient.as_str()))
}

/// Where a version of a note belongs.
fn place<'a>(tenant: &'a str, row: &'a NoteRow) -> Place<'a> {
    Place {
        tenant,
        patient: row.patient.as_str(),
        episode: row.episode.as_str(),
        note: row.id.as_str(),
        version: row.version,
        kind: &row.kind,
        author: row.author.as_str(),
        session: &row.session,
        created_at: row.created_at,
        recorded_at: row.recorded_at,
        client: &row.client,
    }
}

fn sealed(row: &NoteRow) -> Sealed {
    Sealed {
        key: row.key.to_string(),
        wrapped: row.wrapped.to_string(),
        text: row.sealed.to_string(),
    }
}

/// What is known of a note without opening it.
fn head(row: &NoteRow) -> Result<Head> {
    let kind = NoteKind::from_code(&row.kind);
    Ok(Head {
        id: row.id.clone(),
        episode_id: row.episode.clone(),
        version: row.version,
        kind: kind.ok_or_else(|| Error::internal("a private note of unknown kind"))?,
        author_id: row.author.clone(),
        session_id: Id::new(&*row.session),
        created_at: moment(row.created_at)?,
        recorded_at: moment(row.recorded_at)?,
    })
}

fn moment(millis: i64) -> Result<Instant> {
    let nanos = i128::from(millis) * 1_000_000;
    time::OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .map(Instant)
        .map_err(Error::internal)
}
