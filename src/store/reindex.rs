//! Records whose rows of the index are of an older version: they are found and indexed anew some at a time, by every
//! replica that likes to, while others read and write.

use std::sync::atomic::Ordering;

use super::Store;
use super::index::{forget, mark, rows};
use super::resource::{date, key};
use super::sql::{Sql, Step};
use super::view::{COLUMNS, stored};
use crate::error::{Error, Issue, Kind, Result};
use crate::fhir::index::{IndexEntry, VERSION};
use crate::fhir::resource::{Key, Stored};
use crate::fhir::search::SearchQuery;

/// The guard of [`anew`]: the record was changed or indexed meanwhile.
pub const INDEXED: &str = "resource indexed";

/// Records that are read at a time.
const BATCH: i64 = 50;

impl Store {
    /// Looks up by which version every record of the tenant is indexed at least, and answers searches by that.
    pub(crate) async fn look_up_index(&self, tenant: &str) -> Result<i64> {
        const STATE: &str = "SELECT version FROM index_state WHERE tenant = $1";
        const ANY: &str =
            "SELECT 1 FROM resource WHERE tenant = $1 AND indexed < version + $2 LIMIT 1";
        let found = self.read(Sql::new(STATE, vec![tenant.into()])).await?;
        let version = if let Some(row) = found.first() {
            row.int(0).min(VERSION)
        } else {
            // Nobody looked yet: a database of before, or an empty one.
            let any = Sql::new(ANY, vec![tenant.into(), mark(0).into()]);
            let old = !self.read(any).await?.is_empty();
            if old { 1 } else { VERSION }
        };
        self.reached.store(version, Ordering::Release);
        Ok(version)
    }

    /// Some of the records after `last` that are not indexed by the present version, in the order of their keys.
    pub(crate) async fn stale(&self, tenant: &str, last: Option<&Key>) -> Result<Vec<Stored>> {
        let (kind, id) = last.map_or(("", ""), |key| (&*key.kind, key.id.as_str()));
        let text = format!(
            "SELECT {COLUMNS} FROM resource r WHERE r.tenant = $1 AND (r.type, r.id) > ($2, $3) \
             AND r.indexed < r.version + $4 ORDER BY r.type, r.id LIMIT $5"
        );
        let sql = Sql {
            text: text.into(),
            args: vec![
                tenant.into(),
                kind.into(),
                id.into(),
                mark(0).into(),
                BATCH.into(),
            ],
        };
        self.read(sql).await?.iter().map(stored).collect()
    }

    /// Records that every record of the tenant is indexed by the present version.
    pub(crate) async fn index_is_whole(&self, tenant: &str) -> Result<()> {
        const DONE: &str = "INSERT INTO index_state (tenant, version) VALUES ($1, $2) \
            ON CONFLICT (tenant) DO UPDATE SET version = excluded.version \
            WHERE index_state.version < excluded.version";
        let step = Step::any(DONE, vec![tenant.into(), VERSION.into()]);
        // No step has a guard, so there is no conflict.
        self.write("indexed", vec![step]).await?.ok();
        self.reached.store(VERSION, Ordering::Release);
        Ok(())
    }

    /// Whether the index answers a search for every record.
    ///
    /// # Errors
    /// `Unavailable`, naming the parameters that are still being indexed.
    pub(super) fn answers(&self, query: &SearchQuery) -> Result<()> {
        let reached = self.reached.load(Ordering::Acquire);
        if reached >= VERSION {
            return Ok(());
        }
        let issue = |name: &str| Issue {
            code: Some("transient"),
            text: format!(
                "The records are still being indexed by '{name}' after an upgrade of the service; try again later."
            ),
            at: Some(format!("http.{name}")),
            ..Issue::default()
        };
        let issues: Vec<Issue> = query.newer_than(reached).into_iter().map(issue).collect();
        if issues.is_empty() {
            return Ok(());
        }
        Err(Error::with_issues(Kind::Unavailable, issues))
    }
}

/// Gives a record its rows anew, guarded by [`INDEXED`].
#[must_use]
pub fn anew(tenant: &str, row: &Stored, entries: &[IndexEntry]) -> Vec<Step> {
    const MARK: &str = "UPDATE resource SET indexed = $5, date = $6 \
        WHERE tenant = $1 AND type = $2 AND id = $3 AND version = $4 AND indexed < $5";
    let mut args = key(tenant, &row.key);
    args.extend([
        row.version.into(),
        mark(row.version).into(),
        date(&row.key.kind, entries).into(),
    ]);
    let mut steps = vec![Step::one(INDEXED, MARK, args)];
    forget(&mut steps, tenant, &row.key);
    let patient = row.patient.as_ref().map_or("", |p| p.as_str());
    rows(&mut steps, tenant, &row.key, patient, entries);
    steps
}
