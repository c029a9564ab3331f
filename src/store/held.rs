//! What must be true when something is stored, where nobody else may make it untrue meanwhile.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::filter::Builder;
use super::sql::{Expect, Step};

/// Steps of a write that fail, guarded by `guard`, where `check` (SQL of a condition) is not true. Whoever holds the same
/// `name` at the same time waits until this write is through. `at` is in milliseconds since 1970.
pub(super) fn held(
    tenant: &str,
    name: &str,
    guard: &'static str,
    at: i64,
    check: impl FnOnce(&mut Builder),
) -> Vec<Step> {
    // The row is a lock: it goes again in the next step, but a second writer of it waits for the end of this write.
    const LOCK: &str = "INSERT INTO idempotency (tenant, client, key, request, status, headers, body, at) \
        VALUES ($1, '', $2, '', 0, '', NULL, $3) ON CONFLICT DO NOTHING";
    let name = URL_SAFE_NO_PAD.encode(Sha256::digest(name));
    let lock = Step::one(guard, LOCK, vec![tenant.into(), (&*name).into(), at.into()]);
    let mut b = Builder::default();
    b.push("DELETE FROM idempotency WHERE tenant = ")
        .bind(tenant);
    b.push(" AND client = '' AND key = ").bind(&*name);
    b.push(" AND ");
    check(&mut b);
    let check = Step {
        sql: b.sql(),
        expect: Expect::One { guard },
    };
    vec![lock, check]
}
