//! Seals rows into the chain: every second, on every replica; which of them adds a batch is decided by the database.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use uuid::Uuid;

use super::append;
use crate::app::App;
use crate::audit::chain::{Anchor, Batch, Leaf, Tip};
use crate::audit::event::{Event, Kind, Outcome};
use crate::audit::record::{first_id, text};
use crate::error::{Error, Result};

/// Rows in a batch at most.
const BATCH: usize = 1000;
/// A row may become visible so long after its own time: longer than any request may take, and clocks may differ.
pub const LATE: i64 = 5 * 60 * 1000;
/// How far a pass looks back behind the one before it, unless it looks back as far as rows may be late.
const OVERLAP: i64 = 3000;
/// So many passes look back a little, then one as far as rows may be late.
const SHORT: u64 = 60;
/// Ids that a pass reads at once, and how many it seals before it lets others have a turn.
const PAGE: usize = 5000;
const MOST: usize = 20_000;
/// How long sealing may fail before the service says that it is not ready, milliseconds.
const PATIENCE: i64 = 60_000;

/// What one replica knows of the chain.
#[derive(Debug, Default)]
pub struct Sealer {
    tip: Option<Tip>,
    /// Rows that are in a batch, as far back as a pass may look.
    sealed: BTreeSet<Uuid>,
    passes: u64,
    /// Where the next short pass begins, milliseconds since 1970.
    from: i64,
}

/// How sealing goes, for those who ask without waiting for it.
#[derive(Debug, Default)]
pub struct Health {
    /// Since when it fails, by the service's clock; 0 where it does not.
    failing_since: AtomicI64,
    /// How often it failed since it worked last.
    failures: AtomicU64,
}

impl Health {
    /// Whether sealing works, or has not failed for long.
    #[must_use]
    pub fn is_good(&self, now: i64) -> bool {
        let since = self.failing_since.load(Ordering::Relaxed);
        since == 0 || now - since < PATIENCE
    }
}

/// Seals every row that is in no batch; gives the end of the chain. A failure is told by the log, by `/readyz` after a
/// minute, and in the audit itself once it is over.
///
/// # Errors
/// `Unavailable` where the store fails.
pub async fn pass(app: &App) -> Result<Tip> {
    let mut sealer = app.sealing.sealer.lock().await;
    let health = &app.sealing.health;
    match sealer.pass(app).await {
        Ok(tip) => {
            let failed = health.failures.load(Ordering::Relaxed);
            if failed > 0 {
                let event = Event::new(Kind::SealFailed).failed(Outcome::Major, "unsealed");
                let event = event.detail(format!("{failed} times, works again"));
                append(app, vec![event]).await?;
                health.failures.store(0, Ordering::Relaxed);
                health.failing_since.store(0, Ordering::Relaxed);
            }
            Ok(tip)
        }
        Err(error) => {
            // What it knows may be half of it.
            *sealer = Sealer::default();
            if health.failures.fetch_add(1, Ordering::Relaxed) == 0 {
                let now = app.clock.millis();
                health.failing_since.store(now, Ordering::Relaxed);
            }
            Err(error)
        }
    }
}

/// The end of the chain as it is told to the log.
#[must_use]
pub fn anchor(tip: &Tip) -> Anchor {
    Anchor {
        n: tip.n,
        head: tip.head,
    }
}

impl Sealer {
    async fn pass(&mut self, app: &App) -> Result<Tip> {
        let began = app.clock.millis();
        self.learn(app).await?;
        let tip = self.tip.unwrap_or(Tip::START);
        let late = tip.sealed_at - LATE;
        let long = self.passes.is_multiple_of(SHORT);
        let from = if long { late } else { self.from.min(began) };
        let (loose, whole) = self.loose(app, from).await?;
        for chunk in loose.chunks(BATCH) {
            if !self.seal(app, chunk).await? {
                // Another replica was first. What it left is for the next pass, which must look as far back as this one.
                return Ok(self.tip.unwrap_or(Tip::START));
            }
        }
        if whole {
            self.passes += 1;
            self.from = began - OVERLAP;
        }
        self.forget();
        Ok(self.tip.unwrap_or(Tip::START))
    }

    /// Takes in the batches that others added; at first, those of the time in which rows may be late.
    async fn learn(&mut self, app: &App) -> Result<()> {
        let mut after = if let Some(tip) = &self.tip {
            tip.n
        } else {
            let tip = app.store.audit_tip(&app.tenant).await?;
            let bound = tip.sealed_at - 2 * LATE;
            app.store.audit_sealed_before(&app.tenant, bound).await?
        };
        loop {
            let batches = app.store.audit_batches(&app.tenant, after, 20).await?;
            for batch in &batches {
                if batch.leaves.is_empty() {
                    return Err(Error::internal("a batch of the audit cannot be read"));
                }
                self.take(batch);
                after = batch.n;
            }
            if batches.is_empty() {
                return Ok(());
            }
        }
    }

    fn take(&mut self, batch: &Batch) {
        self.sealed.extend(batch.leaves.iter().map(|leaf| leaf.id));
        self.tip = Some(batch.tip());
    }

    /// The rows from `from` (milliseconds since 1970) on that are in no batch, and whether these are all.
    async fn loose(&self, app: &App, from: i64) -> Result<(Vec<Uuid>, bool)> {
        let mut loose = Vec::new();
        let mut after = text(first_id(from));
        loop {
            let page = i64::try_from(PAGE).unwrap_or(i64::MAX);
            let ids = app.store.audit_ids(&app.tenant, &after, page).await?;
            // What is no id was not written by this program: `audit verify` tells of it.
            let known = ids.iter().filter_map(|id| id.parse().ok());
            loose.extend(known.filter(|id| !self.sealed.contains(id)));
            match ids.last() {
                Some(last) if ids.len() == PAGE && loose.len() < MOST => after = last.clone(),
                _ => return Ok((loose, ids.len() < PAGE)),
            }
        }
    }

    /// Seals these rows as one batch; `false` where another replica added one first.
    async fn seal(&mut self, app: &App, ids: &[Uuid]) -> Result<bool> {
        let key = app.sealing.key()?;
        let leaves = leaves(app, ids).await?;
        let tip = self.tip.unwrap_or(Tip::START);
        let now = app.clock.millis();
        let mut batch = Batch::after(&tip, &app.tenant, leaves, now, Arc::from(key.id()));
        batch.signature = key.sign(batch.head.bytes())?.into();
        let added = app.store.seal(&app.tenant, &batch).await?;
        if added {
            self.take(&batch);
        }
        Ok(added)
    }

    /// Forgets rows that no pass looks back to.
    fn forget(&mut self) {
        if let Some(tip) = &self.tip {
            let bound = first_id(tip.sealed_at - 2 * LATE);
            if self.sealed.first().is_some_and(|first| *first < bound) {
                self.sealed = self.sealed.split_off(&bound);
            }
        }
    }
}

/// The hashes of the rows with these ids, which are in their order.
async fn leaves(app: &App, ids: &[Uuid]) -> Result<Vec<Leaf>> {
    let mut leaves = Vec::with_capacity(ids.len());
    let mut wanted = ids.iter().copied().peekable();
    // Rows that were sealed before may stand between a late one and the others: they are jumped over.
    while let Some(next) = wanted.peek() {
        let page = i64::try_from(BATCH).unwrap_or(i64::MAX);
        let from = text(*next);
        let found = app.store.audit_leaves(&app.tenant, &from, page).await?;
        let before = leaves.len();
        for (_, leaf) in found {
            if wanted.next_if(|id| *id == leaf.id).is_some() {
                leaves.push(leaf);
            }
        }
        if leaves.len() == before {
            return Err(Error::internal(
                "a row of the audit is gone before it was sealed",
            ));
        }
    }
    Ok(leaves)
}
