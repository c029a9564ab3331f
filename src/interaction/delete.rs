//! FHIR R4 delete: <https://hl7.org/fhir/R4/http.html#delete>. The versions before stay; the record is found no more.
//!
//! What states a fact of an episode is not deleted: it is taken back by the status `entered-in-error`, so that who relied
//! on it can see that it was there.

use super::audit::note;
use super::commit::Change;
use super::home::Home;
use super::pointers::Pointers;
use super::reading::{Loaded, load_whole};
use super::write::{Incoming, seen, write_and_delete};
use crate::access::label::Labelling;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::audit::Kind as Act;
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::fhir::resource::{Key, Stored};
use crate::kap::Id;
use crate::mapping;
use crate::mapping::summary::Document;
use crate::store::view::EpisodeFilter;

/// So often a change of whichever version is the present one is begun anew. Each lost race is another's write done; it is
/// the request's time limit that ends a rush, not this number.
pub const TRIES: usize = 200;

/// Deletes a resource: gives the version that says so. A second time nothing happens, and it is no error.
///
/// # Errors
/// `Forbidden` by role or scope, and for records of others; `NotFound` where it is missing or hidden; those of `If-Match`
/// ([`seen`]); `Conflict` where other records refer to it; `Unprocessable` where it states a fact of an episode.
pub async fn delete(
    app: &App,
    access: &Access,
    key: &Key,
    if_match: Option<i64>,
) -> Result<Stored> {
    access.allow(Interaction::Delete, &key.kind)?;
    let mut tries = 0;
    loop {
        tries += 1;
        let old = app.store.view(access).lookup(key).await?;
        let old = old.ok_or_else(Error::not_found)?;
        if old.body.is_none() {
            let event = access.event(Act::Delete);
            let event = event.target(&key.kind, key.id.as_str(), Some(old.version));
            note(access, event.patient(old.patient.as_ref().map(Id::as_str)));
            return Ok(old);
        }
        seen(&old, if_match)?;
        match write_and_delete(app, access, "fhir delete", vec![], vec![old]).await {
            Ok(mut stored) => {
                let row = stored.pop();
                return row.ok_or_else(|| Error::internal("a deletion without its record"));
            }
            Err(error) if raced(&error) && if_match.is_none() && tries < TRIES => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether another write of the same record came first.
#[must_use]
pub fn raced(error: &Error) -> bool {
    error.code == Some("version-conflict")
}

/// The episode that the writes are of, or else that of what is deleted.
///
/// # Errors
/// `Unprocessable` where they are of several.
pub fn home(home: Option<Home>, gone: &[Stored]) -> Result<Option<Home>> {
    let mut found = home;
    for row in gone {
        let Some(episode) = &row.episode else {
            continue;
        };
        match &found {
            None => {
                found = Some(Home {
                    episode: episode.clone(),
                    patient: row.patient.clone(),
                });
            }
            Some(known) if known.episode == *episode => {}
            Some(_) => {
                let text = "A transaction changes one episode at a time.";
                return Err(Error::new(ErrorKind::Unprocessable, text));
            }
        }
    }
    Ok(found)
}

/// Whether the caller may delete these, and nothing that stays speaks of them.
///
/// # Errors
/// As [`delete`].
pub async fn check(
    app: &App,
    access: &Access,
    gone: &[Stored],
    incoming: &[Incoming],
    pointers: &Pointers,
) -> Result<()> {
    for row in gone {
        access.allow(Interaction::Delete, &row.key.kind)?;
        may_go(access, row)?;
        facts_of_patient(app, access, row).await?;
    }
    let keys: Vec<Key> = gone.iter().map(|row| row.key.clone()).collect();
    if pointers.keys().any(|key| keys.contains(key)) {
        let text = "A record of this request refers to one that the same request deletes.";
        return Err(Error::new(ErrorKind::Conflict, text));
    }
    // What is written in the same request was just asked; what is deleted with it speaks no more.
    let rewritten = incoming.iter().map(|one| one.resource.key.clone());
    let silent: Vec<Key> = keys.iter().cloned().chain(rewritten).collect();
    let reason = "an entry of the directory stays as long as anybody names it";
    let all = Access::system(app.tenant.clone(), reason, access.now());
    for row in gone {
        // A patient's record that is hidden from the caller must not be told by what cannot be deleted.
        let who = if row.patient.is_none() { &all } else { access };
        if app.store.view(who).names(&row.key, &silent).await? {
            let text = "Other records refer to this one: change or delete those first.";
            return Err(Error::new(ErrorKind::Conflict, text).at(row.key.kind.to_string()));
        }
    }
    Ok(())
}

fn may_go(access: &Access, row: &Stored) -> Result<()> {
    let kind = row.key.kind.to_string();
    if row.redacted.is_some() {
        let text = "You see a part of this record: who sees the whole of it deletes it.";
        return Err(Error::new(ErrorKind::Unprocessable, text).at(kind));
    }
    let own =
        |c: &crate::access::Caller| c.organization == row.owner || c.organization == row.author;
    if !access.caller().is_some_and(own) {
        let text = "Only the organization that wrote this record or keeps it deletes it.";
        return Err(Error::new(ErrorKind::Forbidden, text).code("not-permitted"));
    }
    let url = mapping::codes::structure("kap-projection-of");
    let value = row.value().unwrap_or_default();
    let mut extensions = value["extension"].as_array().into_iter().flatten();
    if extensions.any(|x| x["url"] == url.as_str()) {
        let text =
            "This service keeps this record as a projection of another one: change that one.";
        return Err(Error::new(ErrorKind::Forbidden, text).code("not-permitted"));
    }
    Ok(())
}

/// A problem or an allergy is of the patient as a whole: every episode of the patient's may rest on it.
async fn facts_of_patient(app: &App, access: &Access, row: &Stored) -> Result<()> {
    let (Some(patient), None) = (&row.patient, &row.episode) else {
        return Ok(());
    };
    let reason = "rules see the whole episode";
    let whole = Access::system(app.tenant.clone(), reason, access.now());
    let filter = EpisodeFilter {
        patient: Some(patient.clone()),
        ..EpisodeFilter::default()
    };
    let heads = app
        .store
        .view(&whole)
        .episodes(&filter, 200, None)
        .await?
        .heads;
    for head in heads {
        let loaded = load_whole(app, &whole, &head.episode).await?;
        states_nothing(std::slice::from_ref(row), &loaded)?;
    }
    Ok(())
}

/// Whether none of these states a fact of the episode or is written from its facts.
///
/// # Errors
/// `Unprocessable` where one does.
pub fn states_nothing(gone: &[Stored], loaded: &Loaded) -> Result<()> {
    if gone.is_empty() {
        return Ok(());
    }
    let reading = mapping::from_fhir(&loaded.values);
    let made = mapping::all_to_fhir(&loaded.episode.facts(), &loaded.episode);
    for row in gone {
        let read = reading
            .facts
            .iter()
            .any(|(_, from)| from.contains(&row.key));
        if read || made.iter().any(|resource| resource.key == row.key) {
            let text = "This record states a fact of the episode: it is not deleted, it is taken back by an update \
                        to the status entered-in-error.";
            return Err(Error::new(ErrorKind::Unprocessable, text).at(row.key.kind.to_string()));
        }
        if is_document(row, loaded) {
            let text = "This service writes this document from the episode, and writes it again.";
            return Err(Error::new(ErrorKind::Unprocessable, text).at(row.key.kind.to_string()));
        }
    }
    Ok(())
}

/// Whether it is one of the service's own documents, or the entry by which one is found.
fn is_document(row: &Stored, loaded: &Loaded) -> bool {
    let id = row.key.id.as_str();
    let ours = |id: &str| Document::from_id(id, &loaded.episode).is_some();
    match &*row.key.kind {
        "Composition" => ours(id),
        "DocumentReference" => id.strip_suffix("-ref").is_some_and(ours),
        _ => false,
    }
}

/// What is deleted in the words of changes: for the Provenance, which names it with the labels that it had.
#[must_use]
pub fn in_changes(rows: &[Stored], writer: &Id) -> Vec<Change> {
    let change = |old: &Stored| {
        Some(Change {
            resource: old.resource()?,
            over: Some(old.clone()),
            owner: old.owner.clone(),
            author: writer.clone(),
            class: None,
            episode: old.episode.clone(),
            by_caller: None,
            labelling: Labelling::Sent,
        })
    };
    rows.iter().filter_map(change).collect()
}
