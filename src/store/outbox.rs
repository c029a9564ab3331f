//! What waits for its numbers: one row for each change and topic, written in the transaction of the change.
//!
//! Rows are taken by being there, never by "later than the last one that was seen": a transaction that began early may
//! commit late, and would be passed over.

use std::sync::Arc;

use super::Store;
use super::sql::{Row, Sql, Step};
use crate::error::{Error, Result};
use crate::fhir::resource::Key;
use crate::kap::base::{Id, codes};

/// The guard of [`taken`]: another sequencer was first.
pub const TAKEN: &str = "row of the outbox";

codes! {
    /// Why a record is told of.
    Why {
        /// It was written.
        Changed = "changed",
        /// A consent was given since which it can be seen.
        Visible = "visible",
        /// Its time came: it is due, or its validity ended.
        Due = "due",
        /// It is an alert that nobody has acknowledged.
        Escalated = "escalated",
    }
}

/// Something that happened, and the topic that it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// Code of the topic.
    pub topic: Arc<str>,
    pub key: Key,
    /// The version that it is about.
    pub version: i64,
    pub why: Why,
    /// When it happened, milliseconds since 1970.
    pub at: i64,
}

/// A row.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub seq: i64,
    pub what: Happening,
}

/// Puts a row in.
#[must_use]
pub fn put(tenant: &str, what: &Happening) -> Step {
    const TEXT: &str = "INSERT INTO outbox (tenant, topic, type, id, version, kind, at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let args = vec![
        tenant.into(),
        what.topic.clone().into(),
        what.key.kind.clone().into(),
        what.key.id.as_str().into(),
        what.version.into(),
        what.why.code().into(),
        what.at.into(),
    ];
    Step::any(TEXT, args)
}

/// Takes a row out, guarded by [`TAKEN`]: to be written with its numbers.
#[must_use]
pub fn taken(tenant: &str, waiting: &Waiting) -> Step {
    const TEXT: &str = "DELETE FROM outbox WHERE seq = $1 AND tenant = $2";
    Step::one(TAKEN, TEXT, vec![waiting.seq.into(), tenant.into()])
}

impl Store {
    /// Some of the rows, in the order in which they were put in.
    pub async fn waiting(&self, tenant: &str, most: i64) -> Result<Vec<Waiting>> {
        const TEXT: &str = "SELECT seq, topic, type, id, version, kind, at FROM outbox \
            WHERE tenant = $1 ORDER BY seq LIMIT $2";
        let sql = Sql::new(TEXT, vec![tenant.into(), most.into()]);
        self.read(sql).await?.iter().map(waiting).collect()
    }
}

fn waiting(row: &Row) -> Result<Waiting> {
    let broken = || Error::internal("a row of the outbox cannot be read");
    Ok(Waiting {
        seq: row.int(0),
        what: Happening {
            topic: row.text(1),
            key: Key {
                kind: row.text(2),
                id: Id::new(&*row.text(3)).ok_or_else(broken)?,
            },
            version: row.int(4),
            why: Why::from_code(&row.text(5)).ok_or_else(broken)?,
            at: row.int(6),
        },
    })
}

/// An alert that is watched.
#[derive(Clone, Debug)]
pub struct Watched {
    pub key: Key,
    /// When it was raised, milliseconds since 1970.
    pub raised_at: i64,
    /// How often it was told once more.
    pub level: i64,
    /// When that is done next, milliseconds since 1970.
    pub next_at: i64,
}

/// The guard of [`escalate`] and [`unwatch`]: another replica was first.
pub const WATCH: &str = "watched alert";

/// Watches an alert from `raised_at` on: it is told once more at `next_at`, unless it is acknowledged.
#[must_use]
pub fn watch(tenant: &str, key: &Key, raised_at: i64, next_at: i64) -> Step {
    const TEXT: &str = "INSERT INTO alert_watch (tenant, type, id, raised_at, level, next_at) VALUES ($1, $2, $3, $4, 0, $5) \
        ON CONFLICT (tenant, type, id) DO UPDATE SET raised_at = excluded.raised_at, level = 0, next_at = excluded.next_at";
    let args = vec![
        tenant.into(),
        key.kind.clone().into(),
        key.id.as_str().into(),
        raised_at.into(),
        next_at.into(),
    ];
    Step::any(TEXT, args)
}

/// Notes that an alert was told once more, guarded by [`WATCH`].
#[must_use]
pub fn escalate(tenant: &str, watched: &Watched, next_at: i64) -> Step {
    const TEXT: &str = "UPDATE alert_watch SET level = level + 1, next_at = $4 \
        WHERE tenant = $1 AND type = $2 AND id = $3 AND level = $5 AND next_at = $6";
    let args = vec![
        tenant.into(),
        watched.key.kind.clone().into(),
        watched.key.id.as_str().into(),
        next_at.into(),
        watched.level.into(),
        watched.next_at.into(),
    ];
    Step::one(WATCH, TEXT, args)
}

/// Watches an alert no longer, guarded by [`WATCH`].
#[must_use]
pub fn unwatch(tenant: &str, watched: &Watched) -> Step {
    const TEXT: &str = "DELETE FROM alert_watch WHERE tenant = $1 AND type = $2 AND id = $3 AND level = $4 AND next_at = $5";
    let args = vec![
        tenant.into(),
        watched.key.kind.clone().into(),
        watched.key.id.as_str().into(),
        watched.level.into(),
        watched.next_at.into(),
    ];
    Step::one(WATCH, TEXT, args)
}

impl Store {
    /// Some of the alerts that are to be told once more at `now`.
    pub async fn watched(&self, tenant: &str, now: i64) -> Result<Vec<Watched>> {
        const TEXT: &str = "SELECT type, id, raised_at, level, next_at FROM alert_watch \
            WHERE tenant = $1 AND next_at <= $2 ORDER BY next_at, type, id LIMIT 100";
        let rows = self
            .read(Sql::new(TEXT, vec![tenant.into(), now.into()]))
            .await?;
        let watched = |row: &Row| {
            let broken = || Error::internal("a watched alert cannot be read");
            Ok(Watched {
                key: Key {
                    kind: row.text(0),
                    id: Id::new(&*row.text(1)).ok_or_else(broken)?,
                },
                raised_at: row.int(2),
                level: row.int(3),
                next_at: row.int(4),
            })
        };
        rows.iter().map(watched).collect()
    }
}
