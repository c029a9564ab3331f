//! What was fetched from a partner and does not fit: kept until it does, or until somebody has seen to it.

use std::sync::Arc;

use crate::error::Result;
use crate::store::Store;
use crate::store::filter::Builder;
use crate::store::sql::{Row, Sql, Step};

/// A record of theirs that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    pub kind: Arc<str>,
    /// Its id there.
    pub there: Arc<str>,
    /// Digest of what came.
    pub digest: Arc<str>,
    /// The patient here.
    pub patient: Arc<str>,
    /// When it came.
    pub at: i64,
    /// Why it does not fit, without a word of the record.
    pub reason: Arc<str>,
    /// As it came.
    pub body: Arc<str>,
    /// Whether the partner was told.
    pub answered: bool,
    /// When it fitted, or somebody had seen to it; 0 while it waits.
    pub settled_at: i64,
}

/// The guard of [`settle`]: nothing of this name waits.
pub const WAITS: &str = "record that waits for review";

/// Keeps it. What came before of the same record makes room; who was told of the same is not told again.
#[must_use]
pub fn put(tenant: &str, partner: &str, review: &Review) -> Step {
    const TEXT: &str = "INSERT INTO partner_review (tenant, partner, type, there, digest, patient, at, reason, body, \
        answered, settled_at, tried_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, $7) \
        ON CONFLICT (tenant, partner, type, there) DO UPDATE SET \
        answered = CASE WHEN partner_review.digest = excluded.digest AND partner_review.reason = excluded.reason \
            AND partner_review.settled_at = 0 THEN partner_review.answered ELSE 0 END, \
        at = CASE WHEN partner_review.digest = excluded.digest THEN partner_review.at ELSE excluded.at END, \
        digest = excluded.digest, patient = excluded.patient, reason = excluded.reason, body = excluded.body, settled_at = 0 \
        WHERE partner_review.settled_at = 0 OR partner_review.digest <> excluded.digest";
    let args = vec![
        tenant.into(),
        partner.into(),
        review.kind.clone().into(),
        review.there.clone().into(),
        review.digest.clone().into(),
        review.patient.clone().into(),
        review.at.into(),
        review.reason.clone().into(),
        review.body.clone().into(),
    ];
    Step::any(TEXT, args)
}

/// Notes that it was tried again.
#[must_use]
pub fn tried(tenant: &str, partner: &str, review: &Review, at: i64) -> Step {
    const TEXT: &str = "UPDATE partner_review SET tried_at = $5 \
        WHERE tenant = $1 AND partner = $2 AND type = $3 AND there = $4";
    let mut args = place(tenant, partner, (&review.kind, &review.there));
    args.push(at.into());
    Step::any(TEXT, args)
}

/// Notes that the partner was told.
#[must_use]
pub fn answered(tenant: &str, partner: &str, review: &Review) -> Step {
    const TEXT: &str = "UPDATE partner_review SET answered = 1 \
        WHERE tenant = $1 AND partner = $2 AND type = $3 AND there = $4 AND digest = $5";
    let mut args = place(tenant, partner, (&review.kind, &review.there));
    args.push(review.digest.clone().into());
    Step::any(TEXT, args)
}

const SETTLE: &str = "UPDATE partner_review SET settled_at = $5, body = '' \
    WHERE tenant = $1 AND partner = $2 AND type = $3 AND there = $4 AND settled_at = 0";

/// It waits no more; what came is forgotten.
#[must_use]
pub fn settle(tenant: &str, partner: &str, of: (&str, &str), at: i64) -> Step {
    let mut args = place(tenant, partner, of);
    args.push(at.into());
    Step::one(WAITS, SETTLE, args)
}

/// As [`settle`], for what fits by now, whether it waited or not.
#[must_use]
pub fn fits(tenant: &str, partner: &str, of: (&str, &str), at: i64) -> Step {
    let mut args = place(tenant, partner, of);
    args.push(at.into());
    Step::any(SETTLE, args)
}

fn place(
    tenant: &str,
    partner: &str,
    (kind, there): (&str, &str),
) -> Vec<crate::store::sql::Value> {
    vec![tenant.into(), partner.into(), kind.into(), there.into()]
}

impl Store {
    /// How many wait.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reviews_counted(&self, tenant: &str, partner: &str) -> Result<i64> {
        const TEXT: &str = "SELECT COUNT(*) FROM partner_review WHERE tenant = $1 AND partner = $2 AND settled_at = 0";
        let args = vec![tenant.into(), partner.into()];
        let rows = self.read(Sql::new(TEXT, args)).await?;
        Ok(rows.first().map_or(0, |row| row.int(0)))
    }

    /// What waits and was not answered yet, the oldest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reviews_to_answer(
        &self,
        tenant: &str,
        partner: &str,
        most: i64,
    ) -> Result<Vec<Review>> {
        let mut b = select(tenant, partner);
        b.push(" AND answered = 0 ORDER BY at, type, there LIMIT ")
            .bind(most);
        Ok(self.read(b.sql()).await?.iter().map(review).collect())
    }

    /// What waits, the oldest first: `most` from the one at place `from`.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reviews(
        &self,
        tenant: &str,
        partner: &str,
        (from, most): (i64, i64),
    ) -> Result<Vec<Review>> {
        let mut b = select(tenant, partner);
        b.push(" ORDER BY at, type, there LIMIT ").bind(most);
        b.push(" OFFSET ").bind(from);
        Ok(self.read(b.sql()).await?.iter().map(review).collect())
    }

    /// What waits and was not tried for the longest time.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reviews_to_try(
        &self,
        tenant: &str,
        partner: &str,
        most: i64,
    ) -> Result<Vec<Review>> {
        let mut b = select(tenant, partner);
        b.push(" ORDER BY tried_at, type, there LIMIT ").bind(most);
        Ok(self.read(b.sql()).await?.iter().map(review).collect())
    }

    /// Type, id there and digest of all that waits.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn reviews_named(&self, tenant: &str, partner: &str) -> Result<Vec<[Arc<str>; 3]>> {
        const TEXT: &str = "SELECT type, there, digest FROM partner_review \
            WHERE tenant = $1 AND partner = $2 AND settled_at = 0";
        let args = vec![tenant.into(), partner.into()];
        let rows = self.read(Sql::new(TEXT, args)).await?;
        Ok(rows
            .iter()
            .map(|row| [0, 1, 2].map(|n| row.text(n)))
            .collect())
    }
}

fn select(tenant: &str, partner: &str) -> Builder {
    let mut b = Builder::default();
    b.push("SELECT type, there, digest, patient, at, reason, body, answered, settled_at FROM partner_review WHERE tenant = ");
    b.bind(tenant).push(" AND partner = ").bind(partner);
    b.push(" AND settled_at = 0");
    b
}

fn review(row: &Row) -> Review {
    Review {
        kind: row.text(0),
        there: row.text(1),
        digest: row.text(2),
        patient: row.text(3),
        at: row.int(4),
        reason: row.text(5),
        body: row.text(6),
        answered: row.int(7) != 0,
        settled_at: row.int(8),
    }
}
