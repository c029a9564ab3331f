//! What becomes news because a day comes or passes. Times are milliseconds since 1970.

use super::Store;
use super::sql::{Row, Sql, Step};
use crate::error::{Error, Result};
use crate::fhir::resource::Key;
use crate::kap::base::Id;

/// A record whose day came.
#[derive(Clone, Debug)]
pub struct Come {
    pub key: Key,
    pub version: i64,
    /// The end of the day that it states, or the beginning.
    pub at: i64,
}

/// What comes of a day or a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    Begin,
    End,
}

/// Which days are looked for.
#[derive(Clone, Copy, Debug)]
pub struct Looked {
    /// Type of the records.
    pub kind: &'static str,
    /// The search parameter of the day.
    pub param: &'static str,
    /// What is told of it, so that it is told once.
    pub what: &'static str,
    pub edge: Edge,
    /// Days that end, or begin, after this …
    pub after: i64,
    /// … and not after that.
    pub until: i64,
}

/// The guard of [`told`]: another replica was first.
pub const TOLD: &str = "day of the calendar";

impl Store {
    /// Some of the records whose day came and was not told.
    pub async fn come(&self, tenant: &str, looked: Looked) -> Result<Vec<Come>> {
        let at = match looked.edge {
            Edge::Begin => "d.lo",
            Edge::End => "d.hi",
        };
        let text = format!(
            "SELECT d.id, r.version, MAX({at}) FROM index_date d \
             JOIN resource r ON r.tenant = d.tenant AND r.type = d.type AND r.id = d.id AND r.deleted = 0 \
             WHERE d.tenant = $1 AND d.type = $2 AND d.param = $3 AND {at} > $4 AND {at} <= $5 AND NOT EXISTS \
             (SELECT 1 FROM calendar_told t WHERE t.tenant = d.tenant AND t.type = d.type AND t.id = d.id \
             AND t.what = $6 AND t.at = {at}) GROUP BY d.id, r.version ORDER BY d.id LIMIT 100"
        );
        let args = vec![
            tenant.into(),
            looked.kind.into(),
            looked.param.into(),
            looked.after.into(),
            looked.until.into(),
            looked.what.into(),
        ];
        let sql = Sql {
            text: text.into(),
            args,
        };
        let rows = self.read(sql).await?;
        let come = |row: &Row| {
            let broken = || Error::internal("an id of the index is none");
            Ok(Come {
                key: Key::new(looked.kind, Id::new(&*row.text(0)).ok_or_else(broken)?),
                version: row.int(1),
                at: row.int(2),
            })
        };
        rows.iter().map(come).collect()
    }
}

/// Notes that the day of a record was told, or is nobody's news; guarded by [`TOLD`].
#[must_use]
pub fn told(tenant: &str, come: &Come, what: &str) -> Step {
    const TEXT: &str = "INSERT INTO calendar_told (tenant, type, id, what, at) VALUES ($1, $2, $3, $4, $5) \
        ON CONFLICT DO NOTHING";
    let args = vec![
        tenant.into(),
        come.key.kind.clone().into(),
        come.key.id.as_str().into(),
        what.into(),
        come.at.into(),
    ];
    Step::one(TOLD, TEXT, args)
}
