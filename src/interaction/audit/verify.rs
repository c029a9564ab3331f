//! Goes through the whole audit and finds what is not as it was sealed.

use std::collections::VecDeque;
use std::sync::Arc;

use uuid::Uuid;

use super::seal::LATE;
use crate::audit::chain::{Anchor, Batch, Finding, Leaf, Report, Walk};
use crate::audit::record::{first_id, text};
use crate::error::Result;
use crate::store::Store;

/// Rows that are read at once.
const PAGE: usize = 5000;

/// Recomputes every hash and every head. `signed` tells whether a batch bears a good signature; `anchor` is a head that
/// was told earlier.
///
/// # Errors
/// Where the store fails.
pub async fn verify(
    store: &Store,
    tenant: &str,
    signed: impl Fn(&Batch) -> bool,
    anchor: Option<Anchor>,
) -> Result<Report> {
    let mut walk = Walk::new(tenant, anchor);
    let mut rows = Rows::default();
    let mut after = 0;
    let mut sealed_at = 0;
    loop {
        let batches = store.audit_batches(tenant, after, 20).await?;
        for batch in &batches {
            if let Some(last) = batch.leaves.iter().map(|leaf| leaf.id).max() {
                while let Some(row) = rows.next_until(store, tenant, last).await? {
                    walk.row(row.id, row.hash);
                }
            }
            walk.batch(batch, signed(batch));
            (after, sealed_at) = (batch.n, batch.sealed_at);
        }
        if batches.is_empty() {
            break;
        }
    }
    while let Some(row) = rows.next_until(store, tenant, Uuid::max()).await? {
        walk.row(row.id, row.hash);
    }
    let mut report = walk.end(first_id(sealed_at - LATE));
    look_again(store, tenant, &mut report).await?;
    Ok(report)
}

/// The service goes on while it is verified: a row that came in after its place had been passed is not gone.
async fn look_again(store: &Store, tenant: &str, report: &mut Report) -> Result<()> {
    let mut kept = Vec::new();
    for finding in report.findings.drain(..) {
        if let Finding::Deleted { row, .. } = finding {
            let found = store.audit_leaves(tenant, &text(row), 1).await?;
            if found.first().is_some_and(|(_, leaf)| leaf.id == row) {
                report.rows += 1;
                continue;
            }
        }
        kept.push(finding);
    }
    report.findings = kept;
    Ok(())
}

/// Every row, in the order of ids, some at a time.
#[derive(Default)]
struct Rows {
    read: VecDeque<Leaf>,
    last: Option<Arc<str>>,
    ended: bool,
}

impl Rows {
    /// The next row, unless it is after `last`.
    async fn next_until(
        &mut self,
        store: &Store,
        tenant: &str,
        last: Uuid,
    ) -> Result<Option<Leaf>> {
        if self.read.is_empty() && !self.ended {
            let from = self.last.clone().unwrap_or_default();
            let page = i64::try_from(PAGE).unwrap_or(i64::MAX);
            let mut found = store.audit_leaves(tenant, &from, page).await?;
            self.ended = found.len() < PAGE;
            // The page begins with the last row of the one before.
            if self.last.is_some() && !found.is_empty() {
                found.remove(0);
            }
            self.last = found.last().map(|(id, _)| id.clone()).or(self.last.take());
            self.read.extend(found.into_iter().map(|(_, leaf)| leaf));
        }
        let due = self.read.front().is_some_and(|leaf| leaf.id <= last);
        Ok(if due { self.read.pop_front() } else { None })
    }
}
