//! Answers kept by `Idempotency-Key`, so that a repeated request is answered and not done again.

use std::sync::Arc;

use super::Store;
use super::sql::{Sql, Step};
use crate::error::Result;

/// The guard of [`record`]: another request with this key was first.
pub const KEY: &str = "idempotency key";

/// The answer to a request. Holds no copy of clinical data: resources are read again when it is repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Fingerprint of the request.
    pub request: Arc<str>,
    /// HTTP status.
    pub status: i64,
    /// The headers that are needed, as the caller writes them.
    pub headers: Arc<str>,
    /// Body, where it cannot be read again.
    pub body: Option<Arc<str>>,
}

/// The kept answer to `client`'s request with `key`.
///
/// # Errors
/// Those of the store.
pub(crate) async fn lookup(
    store: &Store,
    tenant: &str,
    client: &str,
    key: &str,
) -> Result<Option<Answer>> {
    const TEXT: &str = "SELECT request, status, headers, body FROM idempotency \
        WHERE tenant = $1 AND client = $2 AND key = $3";
    let sql = Sql::new(TEXT, vec![tenant.into(), client.into(), key.into()]);
    let rows = store.read_row(sql).await?;
    Ok(rows.first().map(|row| Answer {
        request: row.text(0),
        status: row.int(1),
        headers: row.text(2),
        body: row.opt_text(3),
    }))
}

/// Keeps an answer in the transaction of its effect, guarded by [`KEY`]: of two requests with one key, one
/// wins and the other has no effect. `at` is in milliseconds since 1970.
#[must_use]
pub fn record(tenant: &str, client: &str, key: &str, answer: &Answer, at: i64) -> Vec<Step> {
    const TEXT: &str = "INSERT INTO idempotency (tenant, client, key, request, status, headers, body, at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let args = vec![
        tenant.into(),
        client.into(),
        key.into(),
        answer.request.clone().into(),
        answer.status.into(),
        answer.headers.clone().into(),
        answer.body.clone().into(),
        at.into(),
    ];
    vec![Step::one(KEY, TEXT, args)]
}

/// Forgets at most 1000 answers that were kept before `before` (milliseconds since 1970).
#[must_use]
pub fn forget(before: i64) -> Vec<Step> {
    const TEXT: &str = "DELETE FROM idempotency WHERE (tenant, client, key) IN \
        (SELECT tenant, client, key FROM idempotency WHERE at < $1 LIMIT 1000)";
    vec![Step::any(TEXT, vec![before.into()])]
}

/// Runs [`forget`].
///
/// # Errors
/// Those of the store.
pub async fn sweep(store: &Store, before: i64) -> Result<()> {
    // No step has a guard, so there is no conflict.
    store
        .write("forget answers", forget(before))
        .await
        .map(drop)
}
