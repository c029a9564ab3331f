//! The operator's side of private notes: admitting keys, changing them, handing notes over. None of it opens a note.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::{place, sealed};
use crate::access::Role;
use crate::app::App;
use crate::audit::event::{Event, Kind as Act, NOTE_KEY};
use crate::error::{Error, Kind, Result};
use crate::interaction::audit;
use crate::interaction::subscription::secrets;
use crate::private::Ring;
use crate::store;
use crate::store::notes::{self, NoteRow, Pass};
use crate::store::sql::Step;

/// So many data keys are wrapped in one transaction.
const BATCH: i64 = 200;

/// Starts to seal with `ring`, which came from the file `source`.
///
/// # Errors
/// `Invalid` where the ring lacks a key that notes of this database are sealed with, or has another of its name.
pub async fn unlock(app: &App, ring: Ring, source: Option<PathBuf>) -> Result<()> {
    admit(app, &ring).await?;
    app.private.hold(ring, source);
    Ok(())
}

/// Checks the ring against every key that the database knows, each by its mark, and makes the active one known.
async fn admit(app: &App, ring: &Ring) -> Result<()> {
    for _ in 0..2 {
        let mut known = false;
        for row in app.store.private_keys(&app.tenant).await? {
            if !ring.has(&row.key) {
                return Err(lacks(&row.key));
            }
            if !ring.made(&app.tenant, &row.key, &row.mark) {
                let text = format!(
                    "The key {} of the file of private keys is not the one that sealed the private notes in the \
                     database. Give the file that has it.",
                    row.key
                );
                return Err(Error::new(Kind::Invalid, text));
            }
            known |= *row.key == *ring.active();
        }
        if known {
            return Ok(());
        }
        let mark = ring.mark(&app.tenant)?;
        let mut steps = vec![notes::add_key(&app.tenant, ring.active(), &mark)];
        let event = Event::new(Act::NoteKeyAdd).target(NOTE_KEY, ring.active(), None);
        steps.extend(trace(app, vec![event]));
        write(app, "private key", steps).await?;
        // Once more: another program may have made another key of the same name known at this instant.
    }
    Err(Error::internal("a key that was made known is not there"))
}

fn lacks(key: &str) -> Error {
    let text = format!(
        "Private notes in the database are sealed with the key {key}, which the file of private keys lacks. Give the \
         file that has it."
    );
    Error::new(Kind::Invalid, text)
}

async fn write(app: &App, name: &'static str, steps: Vec<Step>) -> Result<()> {
    // The one guard is that of a key that another program made known: whoever writes one looks again.
    app.store.write(name, steps).await.map(drop)
}

/// The ring with the key of this id. A running service reads its key file again when it meets a key that it does not
/// know, so that a new key needs no restart.
pub(in crate::interaction) async fn ring_with(app: &App, key: &str) -> Result<Arc<Ring>> {
    let ring = app.private.ring()?;
    if ring.has(key) {
        return Ok(ring);
    }
    refresh(app).await?;
    let ring = app.private.ring()?;
    if ring.has(key) {
        return Ok(ring);
    }
    let text = "This is sealed with a key that this process does not have.";
    Err(Error::new(Kind::Unavailable, text))
}

/// Takes what the key file holds now.
pub(super) async fn refresh(app: &App) -> Result<()> {
    let away = |cause| {
        let text = "The keys of private notes cannot be used now.";
        Error::new(Kind::Unavailable, text).because(cause)
    };
    match app.private.read_again().map_err(away)? {
        Some((ring, source)) => unlock(app, ring, Some(source)).await.map_err(away),
        None => Ok(()),
    }
}

/// What [`rewrap`] did.
#[derive(Debug)]
pub struct Rewrapped {
    /// Data keys that were wrapped anew.
    pub count: usize,
    /// Ids of the keys that this database still needs.
    pub needed: Vec<String>,
}

/// Records that the operator added a key to the key file.
///
/// # Errors
/// `Unavailable` where it cannot be recorded.
pub async fn rotated(app: &App, key: &str) -> Result<()> {
    let event = Event::new(Act::NoteKeyRotate).target(NOTE_KEY, key, None);
    audit::append(app, vec![event]).await
}

/// Wraps every data key that another key wraps with the active key, then forgets the keys that nothing needs. Can be
/// broken off anywhere and run again; notes are written and read meanwhile.
///
/// # Errors
/// `Invalid` where the ring lacks a key, or notes do not open: the others are wrapped all the same; those of the store.
pub async fn rewrap(app: &App) -> Result<Rewrapped> {
    let ring = app.private.ring()?;
    let (mut count, mut broken) = (secrets::reseal(app, &ring).await?, vec![]);
    for row in app.store.private_keys(&app.tenant).await? {
        if *row.key != *ring.active() {
            let passed = pass(app, &ring, Pass::WrappedBy(&row.key), None).await?;
            count += passed.count;
            broken.extend(passed.broken);
        }
    }
    let mut steps = vec![notes::retire_keys(&app.tenant, ring.active())];
    let event = Event::new(Act::NoteRewrap).target(NOTE_KEY, ring.active(), None);
    let event = event.detail(format!("finished: {count} data keys"));
    steps.extend(trace(app, vec![event]));
    write(app, "retire private keys", steps).await?;
    all_opened(&broken)?;
    let needed = app.store.private_keys(&app.tenant).await?;
    let needed = needed.iter().map(|row| row.key.to_string()).collect();
    Ok(Rewrapped { count, needed })
}

/// Gives the notes that one client of a practice stored to another one: the practice has a new program, its clinicians
/// are the same. Can be broken off and run again. Gives the number of versions.
///
/// # Errors
/// `Invalid` where the two are not therapists' clients of one practice; as [`rewrap`].
pub async fn hand_over(app: &App, from: &str, to: &str) -> Result<usize> {
    let clients = app.auth.clients().await?;
    let of = |id: &str| {
        let found = clients.iter().find(|c| &*c.id == id);
        let therapists = found.filter(|c| c.role == Role::PracticeTherapist);
        therapists.ok_or_else(|| {
            let text = format!("{id} is no client of the role practice-therapist.");
            Error::new(Kind::Invalid, text)
        })
    };
    if from == to || of(from)?.organization != of(to)?.organization {
        let text = "Notes are handed over between two clients of one practice.";
        return Err(Error::new(Kind::Invalid, text));
    }
    let ring = app.private.ring()?;
    let passed = pass(app, &ring, Pass::Of(from), Some(to)).await?;
    all_opened(&passed.broken)?;
    Ok(passed.count)
}

/// What a pass over notes did.
#[derive(Debug, Default)]
struct Passed {
    count: usize,
    /// Versions that do not open, which are left as they are.
    broken: Vec<String>,
}

fn all_opened(broken: &[String]) -> Result<()> {
    if broken.is_empty() {
        return Ok(());
    }
    let (count, first) = (broken.len(), broken[..broken.len().min(10)].join(", "));
    let text = format!(
        "{count} versions of private notes do not open, because their rows were changed outside of the service; they \
         are left as they are, the others are done: {first}."
    );
    Err(Error::new(Kind::Invalid, text))
}

/// Wraps the data keys of a pass with the active key; for the client `to` where one is given, else for the note's own.
async fn pass(app: &App, ring: &Ring, pass: Pass<'_>, to: Option<&str>) -> Result<Passed> {
    let mut count = 0;
    loop {
        let round = round(app, ring, pass, to).await?;
        count += round.count;
        // Another round finds what was written meanwhile.
        if round.count == 0 {
            let broken = round.broken;
            return Ok(Passed { count, broken });
        }
    }
}

async fn round(app: &App, ring: &Ring, pass: Pass<'_>, to: Option<&str>) -> Result<Passed> {
    let (mut done, mut after) = (Passed::default(), None);
    loop {
        let rows = app
            .store
            .sealed_notes(&app.tenant, pass, after.as_ref(), BATCH);
        let rows = rows.await?;
        let Some(last) = rows.last() else {
            return Ok(done);
        };
        after = Some((last.id.clone(), last.version));
        let (mut steps, mut wrapped) = (vec![], vec![]);
        for row in &rows {
            if !ring.has(&row.key) {
                return Err(lacks(&row.key));
            }
            let client = to.unwrap_or(&row.client);
            match ring.rewrap(&place(&app.tenant, row), &sealed(row), client) {
                Ok(again) => {
                    let (key, data_key) = (&again.key, &again.wrapped);
                    steps.push(notes::rewrap(&app.tenant, row, client, key, data_key));
                    wrapped.push(row);
                }
                Err(_) => done
                    .broken
                    .push(format!("{} version {}", row.id, row.version)),
            }
        }
        done.count += wrapped.len();
        steps.extend(trace(app, events(ring, &wrapped, to)));
        write(app, "rewrap private notes", steps).await?;
    }
}

/// What is recorded of notes whose data keys were wrapped anew: who has them now, for each patient, or that nobody else
/// has.
fn events(ring: &Ring, rows: &[&NoteRow], to: Option<&str>) -> Vec<Event> {
    if rows.is_empty() {
        return vec![];
    }
    let Some(to) = to else {
        let event = Event::new(Act::NoteRewrap).target(NOTE_KEY, ring.active(), None);
        return vec![event.detail(format!("{} data keys", rows.len()))];
    };
    let of: BTreeSet<_> = rows
        .iter()
        .map(|row| (row.patient.as_str(), &*row.client))
        .collect();
    let event = |(patient, from)| {
        let event = Event::new(Act::NoteHandOver).target("client", to, None);
        event.patient(Some(patient)).detail(format!("from {from}"))
    };
    of.into_iter().map(event).collect()
}

fn trace(app: &App, events: Vec<Event>) -> Vec<Step> {
    store::audit::steps(&app.tenant, app.recorder.rows(events))
}
