//! Rows on their way into batches, and the batches.

use std::sync::{Arc, LazyLock};

use super::COLUMNS;
use crate::audit::chain::{Batch, Cell, Hash, Leaf, Tip, leaf, parse_leaves};
use crate::error::Result;
use crate::store::Store;
use crate::store::sql::{Row as Columns, Sql, Step, Value};

impl Store {
    /// Ids of rows after `after`, in their order.
    pub(crate) async fn audit_ids(
        &self,
        tenant: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Arc<str>>> {
        const TEXT: &str =
            "SELECT id FROM audit WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3";
        self.settled().await?;
        let args = vec![tenant.into(), after.into(), limit.into()];
        let rows = self.read(Sql::new(TEXT, args)).await?;
        Ok(rows.iter().map(|row| row.text(0)).collect())
    }

    /// Rows from `from` on, in the order of their ids, each as its hash. What is no id is told as the nil one.
    pub(crate) async fn audit_leaves(
        &self,
        tenant: &str,
        from: &str,
        limit: i64,
    ) -> Result<Vec<(Arc<str>, Leaf)>> {
        static TEXT: LazyLock<String> = LazyLock::new(|| {
            let columns = COLUMNS.join(", ");
            format!(
                "SELECT {columns} FROM audit WHERE tenant = $1 AND id >= $2 ORDER BY id LIMIT $3"
            )
        });
        self.settled().await?;
        let args = vec![tenant.into(), from.into(), limit.into()];
        let rows = self.read(Sql::new(&TEXT, args)).await?;
        let leaf = |row: &Columns| {
            let id = row.text(1);
            let leaf = Leaf {
                id: id.parse().unwrap_or_default(),
                hash: leaf(row.0.iter().map(cell)),
            };
            (id, leaf)
        };
        Ok(rows.iter().map(leaf).collect())
    }

    /// Batches after number `after`, in order. One whose leaves cannot be read has none.
    pub(crate) async fn audit_batches(
        &self,
        tenant: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Batch>> {
        const TEXT: &str = "SELECT n, prev, root, leaves, sealed_at, key, head, signature FROM audit_batch \
            WHERE tenant = $1 AND n > $2 ORDER BY n LIMIT $3";
        let args = vec![tenant.into(), after.into(), limit.into()];
        let rows = self.read(Sql::new(TEXT, args)).await?;
        Ok(rows.iter().map(batch).collect())
    }

    /// The end of the chain.
    pub(crate) async fn audit_tip(&self, tenant: &str) -> Result<Tip> {
        const TEXT: &str =
            "SELECT n, head, sealed_at FROM audit_batch WHERE tenant = $1 ORDER BY n DESC LIMIT 1";
        let rows = self.read(Sql::new(TEXT, vec![tenant.into()])).await?;
        Ok(rows.first().map_or(Tip::START, |row| Tip {
            n: row.int(0),
            head: hash(row, 1),
            sealed_at: row.int(2),
        }))
    }

    /// The number of the last batch that was sealed before `at`; 0 where there is none.
    pub(crate) async fn audit_sealed_before(&self, tenant: &str, at: i64) -> Result<i64> {
        const TEXT: &str = "SELECT n FROM audit_batch WHERE tenant = $1 AND sealed_at < $2 ORDER BY n DESC LIMIT 1";
        let args = vec![tenant.into(), at.into()];
        let rows = self.read(Sql::new(TEXT, args)).await?;
        Ok(rows.first().map_or(0, |row| row.int(0)))
    }

    /// Adds a batch to the chain; `false` where another replica added one first.
    pub(crate) async fn seal(&self, tenant: &str, batch: &Batch) -> Result<bool> {
        let steps = vec![seal(tenant, batch)];
        Ok(self.write("seal audit", steps).await?.is_ok())
    }
}

/// A batch is added after the one that it names, once.
fn seal(tenant: &str, batch: &Batch) -> Step {
    const TEXT: &str = "INSERT INTO audit_batch (tenant, n, prev, root, leaves, sealed_at, key, head, signature) \
        SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), \
        CAST($6 AS BIGINT), CAST($7 AS TEXT), CAST($8 AS TEXT), CAST($9 AS TEXT) \
        WHERE $2 = 1 OR EXISTS (SELECT 1 FROM audit_batch WHERE tenant = $1 AND n = $2 - 1 AND head = $3) \
        ON CONFLICT DO NOTHING";
    let args = vec![
        tenant.into(),
        batch.n.into(),
        batch.prev.to_string().into(),
        batch.root.to_string().into(),
        batch.print_leaves().into(),
        batch.sealed_at.into(),
        batch.key.clone().into(),
        batch.head.to_string().into(),
        batch.signature.clone().into(),
    ];
    Step::one("audit chain", TEXT, args)
}

fn cell(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Null,
        Value::Int(n) => Cell::Int(*n),
        Value::Text(text) => Cell::Text(text),
    }
}

/// What cannot be read as a hash is none that could be right.
fn hash(row: &Columns, column: usize) -> Hash {
    Hash::parse(&row.text(column)).unwrap_or(Hash::NONE)
}

fn batch(row: &Columns) -> Batch {
    Batch {
        n: row.int(0),
        prev: hash(row, 1),
        root: hash(row, 2),
        leaves: parse_leaves(&row.text(3)).unwrap_or_default(),
        sealed_at: row.int(4),
        key: row.text(5),
        head: hash(row, 6),
        signature: row.text(7),
    }
}
