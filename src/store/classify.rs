//! Rows of an older schema, which have no labels and no class yet: they are found and judged some at a time.

use super::Store;
use super::sql::{Sql, Step};
use super::view::{COLUMNS, WIDTH, stored};
use crate::access::{Classes, Labels};
use crate::error::Result;
use crate::fhir::resource::Stored;
use crate::kap::base::Id;

/// A row that is not classified.
#[derive(Clone, Debug)]
pub struct Unclassified {
    pub row: Stored,
    /// It is a version that was replaced.
    pub past: bool,
}

impl Store {
    /// Some of the rows that are not classified.
    pub(crate) async fn unclassified(&self, tenant: &str) -> Result<Vec<Unclassified>> {
        let past = COLUMNS.replace("r.body", "r.body, 1");
        let text = format!(
            "SELECT * FROM (SELECT {COLUMNS}, 0 FROM resource r WHERE r.tenant = $1 AND r.class = 0 \
             LIMIT 200) a UNION ALL SELECT * FROM (SELECT {past} FROM resource_history r \
             WHERE r.tenant = $1 AND r.class = 0 LIMIT 200) b"
        );
        let sql = Sql {
            text: text.into(),
            args: vec![tenant.into()],
        };
        let rows = self.read(sql).await?;
        let each = rows.iter().map(|row| {
            Ok(Unclassified {
                row: stored(row)?,
                past: row.int(WIDTH) == 1,
            })
        });
        each.collect()
    }

    /// Some of the episodes whose consents are not yet rows, after `after`.
    pub(crate) async fn ungranted(&self, tenant: &str, after: &str) -> Result<Vec<Id>> {
        let text = "SELECT episode FROM episode_head WHERE tenant = $1 AND granted = 0 \
            AND episode > $2 ORDER BY episode LIMIT 100";
        let args = vec![tenant.into(), after.into()];
        let rows = self.read(Sql::new(text, args)).await?;
        Ok(rows
            .iter()
            .filter_map(|row| Id::new(&*row.text(0)))
            .collect())
    }
}

/// Gives a row its labels and class, unless it has them or was replaced meanwhile.
#[must_use]
pub fn classify(tenant: &str, found: &Unclassified, labels: Labels, class: Classes) -> Step {
    const CURRENT: &str = "UPDATE resource SET labels = $5, class = $6 \
        WHERE tenant = $1 AND type = $2 AND id = $3 AND version = $4 AND class = 0";
    const PAST: &str = "UPDATE resource_history SET labels = $5, class = $6 \
        WHERE tenant = $1 AND type = $2 AND id = $3 AND version = $4 AND class = 0";
    let key = &found.row.key;
    let args = vec![
        tenant.into(),
        key.kind.clone().into(),
        key.id.as_str().into(),
        found.row.version.into(),
        labels.bits().into(),
        class.bits().into(),
    ];
    Step::any(if found.past { PAST } else { CURRENT }, args)
}
