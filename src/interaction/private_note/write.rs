//! Taking private notes. A note is never changed: amending it adds a version, and the ones before are kept.

use std::fmt;
use std::time::Instant as Stopwatch;

use serde_json::{Value, json};

use super::{body, event, head, keys, of_the_practice, originator, place, sealed};
use crate::access::{Access, Caller, Interaction};
use crate::app::App;
use crate::audit::event::Kind as Act;
use crate::error::{Error, Kind, Result};
use crate::interaction::audit;
use crate::interaction::episode::whole;
use crate::interaction::practice::actor;
use crate::interaction::practice::command::fingerprint;
use crate::kap::base::Instant;
use crate::kap::people::MemberRole;
use crate::kap::{Episode, Id};
use crate::private::{Head, Note};
use crate::store::audit as trace;
use crate::store::idempotency::{self, Answer};
use crate::store::notes::{self, NoteRow};
use crate::store::sql::Step;

/// A note that came in.
pub struct Incoming<'a> {
    pub episode: &'a Id,
    /// The note that this is a new version of.
    pub amends: Option<&'a Id>,
    /// The version that the client saw.
    pub if_match: Option<i64>,
    /// The idempotency key.
    pub key: &'a str,
    pub body: &'a [u8],
}

impl fmt::Debug for Incoming<'_> {
    /// Without the body, which holds what was said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("episode", &self.episode)
            .field("amends", &self.amends)
            .finish_non_exhaustive()
    }
}

/// What became of it.
#[derive(Debug)]
pub struct Taken {
    pub head: Head,
    pub replayed: bool,
}

/// Stores a note, or a new version of one, once per idempotency key.
///
/// # Errors
/// `Invalid` or `Unprocessable` with a JSON pointer, never with words of the note; `NotFound` for everybody but the
/// originator; `PreconditionFailed`; `Conflict` where another version came first.
pub async fn take(app: &App, access: &Access, incoming: &Incoming<'_>) -> Result<Taken> {
    let caller = originator(access, Interaction::Update)?;
    if incoming.amends.is_none() && incoming.if_match.is_some() {
        let text = "A note that is not there yet has no version: leave If-Match out.";
        return Err(Error::new(Kind::PreconditionFailed, text));
    }
    let note = &body::read(incoming.body)?;
    let taking = Taking {
        app,
        access,
        caller,
        incoming,
        note,
    };
    if let Some(taken) = taking.replay().await? {
        return Ok(taken);
    }
    let loaded = whole(app, access, incoming.episode).await?;
    of_the_practice(caller, &loaded.episode)?;
    let row = taking.row(&loaded.episode).await?;
    check(app, &loaded.episode, note)?;
    if let Some(taken) = taking.store(row.clone()).await? {
        return Ok(taken);
    }
    // The key was retired since this process read its file.
    keys::refresh(app).await?;
    taking.store(row).await?.ok_or_else(lost)
}

/// What only the episode can tell: that author, session and speaker are its own, and that no time is to come.
fn check(app: &App, episode: &Episode, note: &Note) -> Result<()> {
    let unfit = |at: &str, text: &str| Error::new(Kind::Unprocessable, text).at(at);
    let practice = &episode.organizations.practice.id;
    let clinician = episode.care_team.iter().any(|m| {
        m.id == *note.author()
            && m.organization_id == *practice
            && m.role != MemberRole::CareCoordinator
    });
    if !clinician {
        let text = "The author is no clinician of the practice in this episode's care team.";
        return Err(unfit("/authorId", text));
    }
    let known = |id: &Id| episode.sessions.iter().any(|s| s.id == *id);
    if !note.session().is_none_or(known) {
        return Err(unfit("/sessionId", "The episode has no such session."));
    }
    if !note.is_of_somebody(|who| is_of(episode, who)) {
        let text = "This is no member of the care team, related person or `patient`.";
        return Err(unfit("/expressedBy", text));
    }
    let skew = i64::from(app.policy.clock_skew_minutes);
    let latest = Instant(app.clock.now()).plus_minutes(skew);
    if note.at().is_some_and(|at| at > latest) {
        return Err(unfit("/at", "The time is in the future."));
    }
    Ok(())
}

fn is_of(episode: &Episode, who: &Id) -> bool {
    who.as_str() == "patient"
        || *who == episode.patient.id
        || episode.care_team.iter().any(|m| m.id == *who)
        || episode.related_persons.iter().any(|p| p.id == *who)
}

/// A note on its way into the store.
struct Taking<'a> {
    app: &'a App,
    access: &'a Access,
    caller: &'a Caller,
    incoming: &'a Incoming<'a>,
    note: &'a Note,
}

impl Taking<'_> {
    /// The row of the note, still without its seal: of a new note, or of the version after the newest.
    async fn row(&self, episode: &Episode) -> Result<NoteRow> {
        let now = self.app.clock.millis();
        let new = NoteRow {
            id: self.id(),
            version: 1,
            patient: episode.patient.id.clone(),
            episode: episode.episode_id.clone(),
            kind: self.note.kind().code().into(),
            author: self.note.author().clone(),
            client: self.caller.client.clone(),
            session: self.note.session().map_or("", Id::as_str).into(),
            created_at: now,
            recorded_at: now,
            key: "".into(),
            wrapped: "".into(),
            sealed: "".into(),
        };
        let Some(amended) = self.incoming.amends else {
            return Ok(new);
        };
        let newest = self.stored(amended, None).await?;
        let newest = newest.ok_or_else(Error::not_found)?;
        let seen = self.incoming.if_match;
        if seen.is_some_and(|seen| seen != newest.version) {
            let text = "If-Match names another version than the present one. Read again.";
            return Err(Error::new(Kind::PreconditionFailed, text).code("version-conflict"));
        }
        if newest.kind != new.kind {
            let text = format!(
                "The kind of a note stays: this one is of the kind {}.",
                newest.kind
            );
            return Err(Error::new(Kind::Unprocessable, text).at("/kind"));
        }
        Ok(NoteRow {
            id: newest.id,
            version: newest.version + 1,
            created_at: newest.created_at,
            recorded_at: now.max(newest.recorded_at + 1),
            ..new
        })
    }

    /// The id of a new note: the same request gives the same.
    fn id(&self) -> Id {
        let seed = format!("{}|{}", self.caller.client, self.incoming.key);
        actor::ids(self.access.tenant(), &seed)("private note")
    }

    /// A version of a note of this author; the newest where none is named.
    async fn stored(&self, id: &Id, version: Option<i64>) -> Result<Option<NoteRow>> {
        let view = self.app.store.view(self.access);
        let key = (self.incoming.episode, id);
        view.private_note(key, self.note.author(), version).await
    }

    /// Seals the note into its row and writes it. `None` where the key that sealed it was retired.
    async fn store(&self, mut row: NoteRow) -> Result<Option<Taken>> {
        let (app, started) = (self.app, Stopwatch::now());
        let ring = app.private.ring()?;
        let seal = ring.seal(&app.clock, &place(&app.tenant, &row), self.note)?;
        row.key = seal.key.into();
        row.wrapped = seal.wrapped.into();
        row.sealed = seal.text.into();
        let done = app.store.write("private note", self.steps(&row)).await?;
        app.metrics.commit("private note", started.elapsed());
        let Err(conflict) = done else {
            if let Some(trail) = self.access.trail() {
                trail.written();
            }
            return taken(&row, false).map(Some);
        };
        app.metrics.conflict(conflict.guard);
        // A twin of this request was faster: its answer is the answer.
        if let Some(taken) = self.replay().await? {
            return Ok(Some(taken));
        }
        let known = app.store.private_keys(&app.tenant).await?;
        if known.iter().any(|k| k.key == row.key) {
            return Err(lost());
        }
        Ok(None)
    }

    /// The version, its answer and its event: one transaction.
    fn steps(&self, row: &NoteRow) -> Vec<Step> {
        let kept = json!({ "note": row.id, "version": row.version });
        let answer = Answer {
            request: self.print().into(),
            status: 200,
            headers: kept.to_string().into(),
            body: None,
        };
        let (tenant, key) = (self.access.tenant(), self.incoming.key);
        let mut steps = idempotency::record(tenant, &row.client, key, &answer, row.recorded_at);
        steps.push(notes::add(tenant, row));
        let act = match row.version {
            1 => Act::NoteCreate,
            _ => Act::NoteUpdate,
        };
        let event = self.app.recorder.row(event(self.access, act, row));
        steps.extend(trace::steps(tenant, vec![event]));
        steps
    }

    /// Names the request, without its body: a hash of what was said would let it be guessed.
    fn print(&self) -> String {
        let amended = self.incoming.amends.map_or("", Id::as_str);
        let path = format!("{}/private-notes/{amended}", self.incoming.episode);
        fingerprint(&path, "private note", b"")
    }

    /// What an earlier request with this key did, if there was one: it was the same where it left the same note behind.
    async fn replay(&self) -> Result<Option<Taken>> {
        let (app, key) = (self.app, self.incoming.key);
        let (tenant, client) = (self.access.tenant(), &self.caller.client);
        let known = idempotency::lookup(&app.store, tenant, client, key).await?;
        let Some(known) = known else {
            return Ok(None);
        };
        if *known.request != *self.print() {
            return Err(reused());
        }
        let kept: Value = serde_json::from_str(&known.headers).map_err(Error::internal)?;
        let id = kept["note"].as_str().and_then(Id::new);
        let id = id.ok_or_else(|| Error::internal("a kept answer names no note"))?;
        let row = self.stored(&id, kept["version"].as_i64()).await?;
        let row = row.ok_or_else(reused)?;
        let ring = keys::ring_with(app, &row.key).await?;
        if ring.open(&place(&app.tenant, &row), &sealed(&row))? != *self.note {
            return Err(reused());
        }
        let again = event(self.access, Act::NoteRead, &row).detail("repeated request");
        audit::note(self.access, again);
        taken(&row, true).map(Some)
    }
}

fn taken(row: &NoteRow, replayed: bool) -> Result<Taken> {
    let head = head(row)?;
    Ok(Taken { head, replayed })
}

fn reused() -> Error {
    let text =
        "This Idempotency-Key was used for another request. Use a new key for a new command.";
    Error::new(Kind::Unprocessable, text).code("idempotency-key-reused")
}

fn lost() -> Error {
    let text = "Another write came first (private note). Read again, then repeat.";
    Error::new(Kind::Conflict, text).code("version-conflict")
}
