//! Private notes as the database holds them: sealed. Nothing here can open one.
//!
//! A note is read through a [`View`] by the client that stored it, for the clinician who wrote it, and by nobody else:
//! there is no other statement that gives a note's sealed text to a caller.

use std::sync::Arc;

use super::Store;
use super::filter::Builder;
use super::sql::{Row, Sql, Step};
use super::view::View;
use crate::error::{Error, Result};
use crate::fhir::search::After;
use crate::kap::base::Id;

/// The guard of [`add`]: this version of the note is there already, or the key that sealed it was retired.
pub const ADDED: &str = "private note";

/// A version of a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteRow {
    pub id: Id,
    pub version: i64,
    pub patient: Id,
    pub episode: Id,
    pub kind: Arc<str>,
    pub author: Id,
    pub client: Arc<str>,
    /// Empty where the note is about no session.
    pub session: Arc<str>,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub recorded_at: i64,
    pub key: Arc<str>,
    pub wrapped: Arc<str>,
    pub sealed: Arc<str>,
}

/// The columns of [`note`], under the alias `n`.
const COLUMNS: &str = "n.id, n.version, n.patient, n.episode, n.kind, n.author, n.client, n.session, n.created_at, \
    n.recorded_at, n.key, n.wrapped, n.sealed";
/// [`COLUMNS`] without the seal: for lists.
const HEADS: &str = "n.id, n.version, n.patient, n.episode, n.kind, n.author, n.client, n.session, n.created_at, \
    n.recorded_at, '', '', ''";
/// Only the newest version of a note.
const NEWEST: &str = " AND n.version = (SELECT MAX(v.version) FROM private_note v \
    WHERE v.tenant = n.tenant AND v.id = n.id)";

/// Which notes of a clinician are listed.
#[derive(Clone, Debug)]
pub struct NoteFilter<'a> {
    pub episode: &'a Id,
    pub author: &'a Id,
    pub kind: Option<&'a str>,
    pub session: Option<&'a Id>,
}

/// A page of notes, the newest first, without their seals.
#[derive(Clone, Debug)]
pub struct NotePage {
    pub rows: Vec<NoteRow>,
    /// The last note, if there are more.
    pub next: Option<After>,
}

impl View<'_> {
    /// A version of a note, the newest where none is named, if `author` wrote it through the caller's client.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn private_note(
        &self,
        (episode, id): (&Id, &Id),
        author: &Id,
        version: Option<i64>,
    ) -> Result<Option<NoteRow>> {
        let mut b = Builder::default();
        b.push("SELECT ").push(COLUMNS);
        if !self.own(&mut b, episode, author) {
            return Ok(None);
        }
        b.push(" AND n.id = ").bind(id.as_str());
        match version {
            Some(version) => b.push(" AND n.version = ").bind(version),
            None => b.push(NEWEST),
        };
        let rows = self.store.read_row(b.sql()).await?;
        rows.first().map(note).transpose()
    }

    /// A page of at most `count` notes, those that come after `after`.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn private_notes(
        &self,
        filter: &NoteFilter<'_>,
        count: u32,
        after: Option<&After>,
    ) -> Result<NotePage> {
        let mut b = Builder::default();
        b.push("SELECT ").push(HEADS);
        if !self.own(&mut b, filter.episode, filter.author) {
            return Ok(NotePage {
                rows: vec![],
                next: None,
            });
        }
        b.push(NEWEST);
        if let Some(kind) = filter.kind {
            b.push(" AND n.kind = ").bind(kind);
        }
        if let Some(session) = filter.session {
            b.push(" AND n.session = ").bind(session.as_str());
        }
        if let Some(after) = after {
            b.push(" AND (n.created_at, n.id) < (").bind(after.value());
            b.push(", ").bind(after.id.as_str()).push(")");
        }
        b.push(" ORDER BY n.created_at DESC, n.id DESC LIMIT ")
            .bind(i64::from(count) + 1);
        let rows = self.store.read(b.sql()).await?;
        let mut rows = rows.iter().map(note).collect::<Result<Vec<_>>>()?;
        let more = rows.len() > count as usize;
        rows.truncate(count as usize);
        let last = rows.last().filter(|_| more);
        let next = last.map(|n| After::number(n.created_at, n.id.to_string()));
        Ok(NotePage { rows, next })
    }

    /// The patient of an episode, if there is such a one and it is this organization's.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn patient_of_own(
        &self,
        episode: &Id,
        organization: &Id,
    ) -> Result<Option<Id>> {
        let text =
            "SELECT patient FROM episode_head WHERE tenant = $1 AND episode = $2 AND owner = $3";
        let args = vec![
            self.access.tenant().into(),
            episode.as_str().into(),
            organization.as_str().into(),
        ];
        let rows = self.store.read_row(Sql::new(text, args)).await?;
        Ok(rows.first().and_then(|row| Id::new(&*row.text(0))))
    }

    /// From where the caller's own notes are read; `false` for the service itself, which has none.
    fn own(&self, b: &mut Builder, episode: &Id, author: &Id) -> bool {
        let Some(caller) = self.access.caller() else {
            return false;
        };
        b.push(" FROM private_note n WHERE n.tenant = ")
            .bind(self.access.tenant());
        b.push(" AND n.episode = ").bind(episode.as_str());
        b.push(" AND n.client = ").bind(caller.client.clone());
        b.push(" AND n.author = ").bind(author.as_str());
        b.push(" AND EXISTS (SELECT 1 FROM episode_head h WHERE h.tenant = n.tenant AND h.episode = n.episode");
        b.push(" AND h.owner = ")
            .bind(caller.organization.as_str())
            .push(")");
        true
    }
}

fn note(row: &Row) -> Result<NoteRow> {
    let id = |column| {
        Id::new(&*row.text(column)).ok_or_else(|| Error::internal("a stored id is not an id"))
    };
    Ok(NoteRow {
        id: id(0)?,
        version: row.int(1),
        patient: id(2)?,
        episode: id(3)?,
        kind: row.text(4),
        author: id(5)?,
        client: row.text(6),
        session: row.text(7),
        created_at: row.int(8),
        recorded_at: row.int(9),
        key: row.text(10),
        wrapped: row.text(11),
        sealed: row.text(12),
    })
}

/// Adds a version of a note, guarded by [`ADDED`].
pub(crate) fn add(tenant: &str, note: &NoteRow) -> Step {
    const TEXT: &str = "INSERT INTO private_note (tenant, id, version, patient, episode, kind, author, client, session, \
        created_at, recorded_at, key, wrapped, sealed) \
        SELECT k.tenant, CAST($2 AS TEXT), CAST($3 AS BIGINT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT), \
        CAST($7 AS TEXT), CAST($8 AS TEXT), CAST($9 AS TEXT), CAST($10 AS BIGINT), CAST($11 AS BIGINT), k.key, \
        CAST($13 AS TEXT), CAST($14 AS TEXT) FROM private_key k WHERE k.tenant = $1 AND k.key = $12 ON CONFLICT DO NOTHING";
    let args = vec![
        tenant.into(),
        note.id.as_str().into(),
        note.version.into(),
        note.patient.as_str().into(),
        note.episode.as_str().into(),
        note.kind.clone().into(),
        note.author.as_str().into(),
        note.client.clone().into(),
        note.session.clone().into(),
        note.created_at.into(),
        note.recorded_at.into(),
        note.key.clone().into(),
        note.wrapped.clone().into(),
        note.sealed.clone().into(),
    ];
    Step::one(ADDED, TEXT, args)
}

/// Which versions a pass over sealed notes is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pass<'a> {
    /// Those whose data key is wrapped by this key.
    WrappedBy(&'a str),
    /// Those that this client stored.
    Of(&'a str),
}

/// A key as the database knows it: its id and its mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRow {
    pub key: Arc<str>,
    pub mark: Arc<str>,
}

impl Store {
    /// At most `count` versions that are left for a pass, those after the version `after`, for the operator's commands.
    pub(crate) async fn sealed_notes(
        &self,
        tenant: &str,
        pass: Pass<'_>,
        after: Option<&(Id, i64)>,
        count: i64,
    ) -> Result<Vec<NoteRow>> {
        let mut b = Builder::default();
        b.push("SELECT ")
            .push(COLUMNS)
            .push(" FROM private_note n WHERE n.tenant = ")
            .bind(tenant);
        match pass {
            Pass::WrappedBy(key) => b.push(" AND n.key = ").bind(key),
            Pass::Of(client) => b.push(" AND n.client = ").bind(client),
        };
        if let Some((id, version)) = after {
            b.push(" AND (n.id, n.version) > (").bind(id.as_str());
            b.push(", ").bind(*version).push(")");
        }
        b.push(" ORDER BY n.id, n.version LIMIT ").bind(count);
        self.read(b.sql()).await?.iter().map(note).collect()
    }

    /// The keys that notes of the tenant are, or were, sealed with.
    pub(crate) async fn private_keys(&self, tenant: &str) -> Result<Vec<KeyRow>> {
        let text = "SELECT key, mark FROM private_key WHERE tenant = $1 ORDER BY key";
        let rows = self.read(Sql::new(text, vec![tenant.into()])).await?;
        let key = |row: &Row| KeyRow {
            key: row.text(0),
            mark: row.text(1),
        };
        Ok(rows.iter().map(key).collect())
    }
}

/// Makes a key known; of two programs that do so at once, one does it.
pub(crate) fn add_key(tenant: &str, key: &str, mark: &str) -> Step {
    let text =
        "INSERT INTO private_key (tenant, key, mark) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    let args = vec![tenant.into(), key.into(), mark.into()];
    Step::one("private key", text, args)
}

/// Forgets every key but `active` that no note needs any more.
pub(crate) fn retire_keys(tenant: &str, active: &str) -> Step {
    let text = "DELETE FROM private_key WHERE tenant = $1 AND key <> $2 AND NOT EXISTS \
        (SELECT 1 FROM private_note n WHERE n.tenant = private_key.tenant AND n.key = private_key.key) AND NOT EXISTS \
        (SELECT 1 FROM subscription s WHERE s.tenant = private_key.tenant AND s.ring = private_key.key) AND NOT EXISTS \
        (SELECT 1 FROM signing_key s WHERE s.tenant = private_key.tenant AND s.ring = private_key.key)";
    Step::any(text, vec![tenant.into(), active.into()])
}

/// Puts a newly wrapped data key, and the client that it is for, in the place of the one that `was` has; does nothing
/// where another program was first.
pub(crate) fn rewrap(tenant: &str, was: &NoteRow, client: &str, key: &str, wrapped: &str) -> Step {
    let text = "UPDATE private_note SET client = $5, key = $6, wrapped = $7 \
        WHERE tenant = $1 AND id = $2 AND version = $3 AND wrapped = $4";
    let args = vec![
        tenant.into(),
        was.id.as_str().into(),
        was.version.into(),
        was.wrapped.clone().into(),
        client.into(),
        key.into(),
        wrapped.into(),
    ];
    Step::any(text, args)
}
