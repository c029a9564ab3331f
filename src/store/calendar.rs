//! What becomes news because a day comes or passes. Times are milliseconds since 1970.

use super::Store;
use super::sql::{Row, Sql, Step};
use crate::access::consent::Effect;
use crate::error::{Error, Result};
use crate::fhir::resource::Key;
use crate::kap::base::Id;

/// A record whose day came.
#[derive(Clone, Debug)]
pub struct Come {
    pub key: Key,
    pub version: i64,
    /// The end of the day that it states, or the time from which its consent opens what was closed.
    pub at: i64,
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
    /// Days that end after this …
    pub after: i64,
    /// … and not after that.
    pub until: i64,
}

/// The guard of [`told`]: another replica was first.
pub const TOLD: &str = "day of the calendar";

impl Store {
    /// Some of the records whose day came and was not told.
    pub async fn come(&self, tenant: &str, looked: Looked) -> Result<Vec<Come>> {
        const TEXT: &str = "SELECT d.id, r.version, MAX(d.hi) FROM index_date d \
            JOIN resource r ON r.tenant = d.tenant AND r.type = d.type AND r.id = d.id AND r.deleted = 0 \
            WHERE d.tenant = $1 AND d.type = $2 AND d.param = $3 AND d.hi > $4 AND d.hi <= $5 AND NOT EXISTS \
            (SELECT 1 FROM calendar_told t WHERE t.tenant = d.tenant AND t.type = d.type AND t.id = d.id \
            AND t.what = $6 AND t.at = d.hi) GROUP BY d.id, r.version ORDER BY d.id LIMIT 100";
        let args = vec![
            tenant.into(),
            looked.kind.into(),
            looked.param.into(),
            looked.after.into(),
            looked.until.into(),
            looked.what.into(),
        ];
        let rows = self.read(Sql::new(TEXT, args)).await?;
        rows.iter().map(|row| come(looked.kind, row)).collect()
    }

    /// Some of the consents by which, since `after` and until `until`, something opened that was closed when they were
    /// signed: a permission that began, a denial that ended. `what` names that it is told.
    pub async fn opened(
        &self,
        tenant: &str,
        what: &str,
        (after, until): (i64, i64),
    ) -> Result<Vec<Come>> {
        const PERMIT: i64 = Effect::Permit as i64;
        let text = format!(
            "SELECT g.consent, r.version, MAX(g.at) FROM \
             (SELECT consent, valid_from AS at FROM consent_grant WHERE tenant = $1 AND effect = {PERMIT} \
             AND valid_from > granted_at AND valid_from > $2 AND valid_from <= $3 UNION \
             SELECT consent, valid_to AS at FROM consent_grant WHERE tenant = $1 AND effect <> {PERMIT} \
             AND valid_to > $2 AND valid_to <= $3) g \
             JOIN resource r ON r.tenant = $1 AND r.type = 'Consent' AND r.id = g.consent AND r.deleted = 0 \
             WHERE NOT EXISTS (SELECT 1 FROM calendar_told t WHERE t.tenant = $1 AND t.type = 'Consent' \
             AND t.id = g.consent AND t.what = $4 AND t.at = g.at) \
             GROUP BY g.consent, r.version ORDER BY g.consent LIMIT 100"
        );
        let sql = Sql {
            text: text.into(),
            args: vec![tenant.into(), after.into(), until.into(), what.into()],
        };
        let rows = self.read(sql).await?;
        rows.iter().map(|row| come("Consent", row)).collect()
    }
}

fn come(kind: &str, row: &Row) -> Result<Come> {
    let broken = || Error::internal("an id of the index is none");
    Ok(Come {
        key: Key::new(kind, Id::new(&*row.text(0)).ok_or_else(broken)?),
        version: row.int(1),
        at: row.int(2),
    })
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
