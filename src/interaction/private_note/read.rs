//! Telling private notes to their originator.

use serde::{Deserialize, Serialize};

use super::{event, head, keys, originator, place, sealed};
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::audit::event::Kind as Act;
use crate::error::{Error, Kind, Result};
use crate::interaction::audit;
use crate::interaction::paging::Pages;
use crate::kap::Id;
use crate::private::{Head, Note, NoteKind};
use crate::store::notes::NoteFilter;

/// For whom a note is read, and which version.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct One {
    /// The clinician who reads: the client vouches for it.
    author_id: Id,
    version: Option<i64>,
}

/// Whose notes are listed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct List {
    author_id: Id,
    kind: Option<NoteKind>,
    session_id: Option<Id>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// A page of notes, without their words.
#[derive(Debug, Serialize)]
pub struct Page {
    items: Vec<Head>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A note, opened.
///
/// # Errors
/// `NotFound` where it does not exist or is another's; `Internal` where its row was changed.
pub async fn one(
    app: &App,
    access: &Access,
    (episode, note): (&Id, &Id),
    ask: &One,
) -> Result<(Head, Note)> {
    originator(access, Interaction::Read)?;
    let view = app.store.view(access);
    let found = view.private_note((episode, note), &ask.author_id, ask.version);
    let row = found.await?.ok_or_else(Error::not_found)?;
    let ring = keys::ring_with(app, &row.key).await?;
    let note = ring.open(&place(&app.tenant, &row), &sealed(&row))?;
    audit::note(access, event(access, Act::NoteRead, &row));
    Ok((head(&row)?, note))
}

/// The notes of a clinician in an episode, the newest first: that they are there, not what they say.
///
/// # Errors
/// `NotFound` where the episode is not one of the caller's practice; `Invalid` for a limit or a cursor that is none, `Gone`
/// for a cursor whose time is over.
pub async fn list(app: &App, access: &Access, episode: &Id, list: &List) -> Result<Page> {
    let caller = originator(access, Interaction::Read)?;
    let limit = list.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Error::new(Kind::Invalid, "The limit is 1 to 200.").at("limit"));
    }
    let view = app.store.view(access);
    let patient = view.patient_of_own(episode, &caller.organization).await?;
    let patient = patient.ok_or_else(Error::not_found)?;
    let filter = NoteFilter {
        episode,
        author: &list.author_id,
        kind: list.kind.map(NoteKind::code),
        session: list.session_id.as_ref(),
    };
    let pages = Pages::of(app, access, format!("private notes {filter:?}"));
    let after = pages.after(list.cursor.as_deref())?;
    let page = view.private_notes(&filter, limit, after.as_ref()).await?;
    let listed = access.event(Act::NoteList).detail("private notes");
    let listed = listed.target("EpisodeOfCare", episode.as_str(), None);
    audit::note(access, listed.patient(Some(patient.as_str())));
    Ok(Page {
        items: page.rows.iter().map(head).collect::<Result<_>>()?,
        next: pages.cursor(page.next.as_ref())?,
    })
}
