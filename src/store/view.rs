//! The store seen under an access: the only way to read clinical data.

mod everything;
mod history;
mod leaving;
mod reading;

use std::collections::{BTreeSet, HashSet};

use super::Store;
use super::episode::Head;
use super::filter::{Builder, Of, visible};
use super::sql::Row;
use crate::access::Interaction::{Read, Search};
use crate::access::{Access, Interaction, Token};
use crate::error::{Error, Kind, Result};
use crate::fhir::index::{self, IndexEntry, IndexValue};
use crate::fhir::resource::{Key, Stored};
use crate::fhir::search::After;
use crate::kap::base::{Day, Id};

/// The columns of a resource under the alias `r`, in the order of [`stored`].
pub(super) const COLUMNS: &str = "r.type, r.id, r.version, r.at, r.patient, r.episode, r.owner, \
    r.author, r.labels, r.lowered, r.body";
/// How many columns [`COLUMNS`] has: the next one is a statement's own.
pub(super) const WIDTH: usize = 11;
/// [`COLUMNS`] without the body, which is the last of them.
const COLUMNS_WITHOUT_BODY: &str =
    "r.type, r.id, r.version, r.at, r.patient, r.episode, r.owner, r.author, r.labels, r.lowered";
/// Those of a version before the present one: what it shows is cut for the labels of either.
const HISTORY: &str = "h.type, h.id, h.version, h.at, h.patient, h.episode, h.owner, h.author, \
    h.labels | r.labels, h.lowered, h.body";

/// Keys per statement of [`View::find`]: few sizes, so that the statements stay prepared; the last key is repeated.
const SIZES: [usize; 4] = [4, 16, 64, 200];

pub use everything::{Everything, Part, Record};
pub use history::{Past, Span, Versions};
pub use leaving::{Retold, seen};
pub use reading::{Bodies, EpisodeRecord, Ground, is_directory};

/// What `access` may see of the store.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(super) store: &'a Store,
    pub(super) access: &'a Access,
}

/// Which episodes to list; what is empty or `None` is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpisodeFilter {
    /// Codes of `kap-episode-phase`, one of which it is.
    pub phases: BTreeSet<String>,
    /// Status of the EpisodeOfCare.
    pub status: Option<String>,
    pub patient: Option<Id>,
    /// Something is due before this day.
    pub due_before: Option<Day>,
}

/// A page of episodes, the latest changed first.
#[derive(Clone, Debug)]
pub struct Episodes {
    pub heads: Vec<Head>,
    /// The last of them, if there are more.
    pub next: Option<After>,
}

impl<'a> View<'a> {
    pub(super) const fn new(store: &'a Store, access: &'a Access) -> Self {
        Self { store, access }
    }

    /// The current version of a resource, if there is one and it is visible; a deletion has no body.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn lookup(&self, key: &Key) -> Result<Option<Stored>> {
        let mut b = current(key);
        visible(&mut b, self.access, "r", Of::One(&key.kind, Read));
        let rows = self.store.read_row(b.sql()).await?;
        rows.first().map(|row| self.told(row)).transpose()
    }

    /// The current version of a resource.
    ///
    /// # Errors
    /// `NotFound` where there is none or it is hidden; `Gone` where it was deleted.
    pub async fn read(&self, key: &Key) -> Result<Stored> {
        present(self.lookup(key).await?)
    }

    /// The visible resources among `keys`, in no order: one statement for up to 200 of them. Those that are missing,
    /// hidden or deleted are left out.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn find(&self, keys: &[Key]) -> Result<Vec<Stored>> {
        let mut out = Vec::with_capacity(keys.len());
        for keys in keys.chunks(*SIZES.last().unwrap_or(&1)) {
            let mut b = Builder::default();
            wanted(&mut b, keys);
            b.push(" SELECT ").push(COLUMNS);
            b.push(" FROM wanted k CROSS JOIN resource r");
            b.push(" WHERE r.type = k.type AND r.id = k.id AND r.deleted = 0");
            visible(&mut b, self.access, "r", Of::Any);
            let rows = self.store.read(b.sql()).await?;
            for row in &rows {
                out.push(self.told(row)?);
            }
        }
        Ok(out)
    }

    /// Those of `keys` of which there is a visible record, be it a deleted one.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn taken(&self, keys: &[Key]) -> Result<HashSet<Key>> {
        let mut out = HashSet::new();
        for keys in keys.chunks(*SIZES.last().unwrap_or(&1)) {
            let mut b = Builder::default();
            wanted(&mut b, keys);
            b.push(" SELECT r.type, r.id FROM wanted k CROSS JOIN resource r");
            b.push(" WHERE r.type = k.type AND r.id = k.id");
            visible(&mut b, self.access, "r", Of::Any);
            for row in &self.store.read(b.sql()).await? {
                let kind = row.text(0);
                out.insert(Key {
                    kind,
                    id: id(row, 1)?,
                });
            }
        }
        Ok(out)
    }

    /// The visible resources of a type of a patient, in no order.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn of_patient(&self, kind: &str, patient: &Id) -> Result<Vec<Stored>> {
        let mut b = Builder::default();
        b.push("SELECT ").push(COLUMNS);
        b.push(" FROM resource r WHERE r.deleted = 0 AND r.patient <> '' AND r.patient = ");
        b.bind(patient.as_str()).push(" AND r.type = ").bind(kind);
        visible(&mut b, self.access, "r", Of::One(kind, Read));
        let rows = self.store.read(b.sql()).await?;
        rows.iter().map(|row| self.told(row)).collect()
    }

    /// A version of a resource. Both it and the current version must be visible: what was hidden later
    /// stays hidden in its history.
    ///
    /// # Errors
    /// `NotFound` where there is none or it is hidden; `Gone` where that version is a deletion.
    pub async fn vread(&self, key: &Key, version: i64) -> Result<Stored> {
        let mut b = current(key);
        b.push(" AND r.version = ").bind(version);
        let of = Of::One(&key.kind, Read);
        visible(&mut b, self.access, "r", of);
        b.push(" UNION ALL SELECT ").push(HISTORY);
        b.push(
            " FROM resource_history h JOIN resource r ON r.tenant = h.tenant AND r.type = h.type ",
        );
        b.push("AND r.id = h.id WHERE h.type = ")
            .bind(key.kind.clone());
        b.push(" AND h.id = ").bind(key.id.as_str());
        b.push(" AND h.version = ").bind(version);
        visible(&mut b, self.access, "h", Of::Past);
        visible(&mut b, self.access, "r", of);
        let rows = self.store.read(b.sql()).await?;
        let row = rows.first().map(stored).transpose()?;
        let narrowed = self.access.narrowed(Read, &key.kind).is_some();
        let row = row.filter(|row| !narrowed || self.covers(Read, row));
        present(row.map(|row| self.seen(row)).transpose()?)
    }

    /// Whether the caller's scopes speak of what this version says.
    fn covers(&self, interaction: Interaction, row: &Stored) -> bool {
        let kind = &row.key.kind;
        let entries = row.value().map(|value| index::extract(kind, &value));
        let entries = entries.unwrap_or_default();
        self.access.covers(interaction, kind, &tokens(&entries))
    }

    /// Whether anything of the episode is visible: to others it does not exist.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn takes_part(&self, episode: &Id) -> Result<bool> {
        let mut b = Builder::default();
        b.push("SELECT 1 FROM resource r WHERE r.episode <> '' AND r.episode = ")
            .bind(episode.as_str());
        visible(&mut b, self.access, "r", Of::Any);
        b.push(" LIMIT 1");
        Ok(!self.store.read(b.sql()).await?.is_empty())
    }

    /// A page of at most `count` visible episodes, those that come after `after`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn episodes(
        &self,
        filter: &EpisodeFilter,
        count: u32,
        after: Option<&After>,
    ) -> Result<Episodes> {
        let mut b = Builder::default();
        b.push("SELECT h.episode, h.patient, h.owner, h.version, h.phase, h.status, h.due_day, h.updated_at ");
        b.push(HEADS).push(" WHERE 1 = 1");
        filter.narrow(&mut b);
        visible(&mut b, self.access, "r", Of::One(HEADER, Search));
        if let Some(after) = after {
            b.push(" AND (h.updated_at, h.episode) < (")
                .bind(after.value());
            b.push(", ").bind(after.id.as_str()).push(")");
        }
        b.push(" ORDER BY h.updated_at DESC, h.episode DESC LIMIT ")
            .bind(i64::from(count) + 1);
        let rows = self.store.read(b.sql()).await?;
        let mut heads = rows.iter().map(head).collect::<Result<Vec<_>>>()?;
        let more = heads.len() > count as usize;
        heads.truncate(count as usize);
        let last = heads.last().filter(|_| more);
        let next = last.map(|h| After::number(h.updated_at, h.episode.to_string()));
        Ok(Episodes { heads, next })
    }
}

/// The tokens among what a record is found by.
#[must_use]
pub fn tokens(entries: &[IndexEntry]) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    for IndexEntry { param, value } in entries {
        if let IndexValue::Token { system, code } = value {
            out.push(Token {
                param,
                system,
                code,
            });
        }
    }
    out
}

/// The type of an episode's header.
const HEADER: &str = "EpisodeOfCare";

/// The episodes, each with its header `r`: who sees the EpisodeOfCare, sees the episode.
const HEADS: &str = "FROM episode_head h JOIN resource r ON r.tenant = h.tenant \
    AND r.type = 'EpisodeOfCare' AND r.id = h.episode AND r.deleted = 0";

/// Begins a statement with the table `wanted` of these keys.
fn wanted(b: &mut Builder, keys: &[Key]) {
    let size = SIZES.into_iter().find(|size| *size >= keys.len());
    b.push("WITH given(type, id) AS (VALUES ");
    for i in 0..size.unwrap_or(keys.len()) {
        if let Some(key) = keys.get(i).or(keys.last()) {
            b.push(if i == 0 { "(" } else { ", (" });
            b.bind(key.kind.clone()).push(", ");
            b.bind(key.id.as_str()).push(")");
        }
    }
    b.push("), wanted AS (SELECT DISTINCT type, id FROM given)");
}

impl EpisodeFilter {
    fn narrow(&self, b: &mut Builder) {
        if !self.phases.is_empty() {
            b.push(" AND h.phase IN (");
            for (i, phase) in self.phases.iter().enumerate() {
                b.push(if i == 0 { "" } else { ", " }).bind(phase.as_str());
            }
            b.push(")");
        }
        if let Some(status) = &self.status {
            b.push(" AND h.status = ").bind(status.as_str());
        }
        if let Some(patient) = &self.patient {
            b.push(" AND h.patient = ").bind(patient.as_str());
        }
        if let Some(day) = &self.due_before {
            b.push(" AND h.due_day < ").bind(day.to_string());
        }
    }
}

/// Selects the current version of a resource, whoever may see it.
fn current(key: &Key) -> Builder {
    let mut b = Builder::default();
    b.push("SELECT ")
        .push(COLUMNS)
        .push(" FROM resource r WHERE r.type = ");
    b.bind(key.kind.clone())
        .push(" AND r.id = ")
        .bind(key.id.as_str());
    b
}

fn present(found: Option<Stored>) -> Result<Stored> {
    match found {
        None => Err(Error::not_found()),
        Some(stored) if stored.body.is_none() => {
            Err(Error::new(Kind::Gone, "This record was deleted."))
        }
        Some(stored) => Ok(stored),
    }
}

/// A resource from the columns [`COLUMNS`], whole: what leaves for a caller goes through [`View::told`].
pub(super) fn stored(row: &Row) -> Result<Stored> {
    Ok(Stored {
        key: Key {
            kind: row.text(0),
            id: id(row, 1)?,
        },
        version: row.int(2),
        at: row.int(3),
        patient: Id::new(&*row.text(4)),
        episode: Id::new(&*row.text(5)),
        owner: id(row, 6)?,
        author: Id::new(&*row.text(7)).unwrap_or_default(),
        labels: row.int(8),
        lowered: row.int(9),
        body: row.opt_text(10),
        redacted: None,
    })
}

fn head(row: &Row) -> Result<Head> {
    Ok(Head {
        episode: id(row, 0)?,
        patient: id(row, 1)?,
        owner: id(row, 2)?,
        version: row.int(3),
        phase: row.text(4).to_string(),
        status: row.text(5).to_string(),
        due_day: row.opt_text(6).map(|d| d.to_string()),
        updated_at: row.int(7),
    })
}

fn id(row: &Row, column: usize) -> Result<Id> {
    Id::new(&*row.text(column)).ok_or_else(|| Error::internal("a stored id is not an id"))
}
