//! Sizes, media types and headers.

use kap_fhir::demo::script::Party;

use super::{Case, PAST, World, dose};
use crate::app::Db;
use crate::both;
use crate::wire::Ask;

both!(bad_transport);

#[rustfmt::skip]
async fn bad_transport(db: Db) {
    let w = World::new(db).await;
    let doses = w.session("doses");
    let good = dose(PAST, "");
    let ask = || Ask::post(&doses, good.clone());
    let huge = dose(
        PAST,
        &format!(r#","note":"{}""#, "x".repeat(10 * 1024 * 1024)),
    );
    let over = format!("{good}{}", " ".repeat(2 * 1024 * 1024));
    let mut cut = ask();
    cut.claims = Some(cut.body.len() + 10);
    let cases = vec![
        Case("10 MB", Ask::post(&doses, huge), 413, "too-long", ""),
        Case("just over 2 MiB", Ask::post(&doses, over), 413, "too-long", ""),
        Case("cut off", cut, 400, "invalid", ""),
        Case("no media type", ask().without("Content-Type"), 415, "not-supported", ""),
        Case("text", ask().with("Content-Type", "text/plain"), 415, "not-supported", ""),
        Case("FHIR", ask().with("Content-Type", "application/fhir+json"), 415, "not-supported", ""),
        Case("a form", ask().with("Content-Type", "application/x-www-form-urlencoded"), 415, "not-supported", ""),
        Case("two media types", ask().twice("Content-Type", "application/json"), 400, "invalid", ""),
        Case("no key", ask().without("Idempotency-Key"), 400, "idempotency-key-missing", ""),
        Case("empty key", ask().with("Idempotency-Key", "\"\""), 400, "idempotency-key-missing", ""),
        Case("long key", ask().with("Idempotency-Key", &"k".repeat(256)), 400, "idempotency-key-missing", ""),
        Case("two keys", ask().twice("Idempotency-Key", "b"), 400, "invalid", ""),
        Case("no ETag", ask().with("If-Match", "3"), 400, "invalid", ""),
        Case("two ETags", ask().with("If-Match", "W/\"1\", W/\"2\""), 400, "invalid", ""),
        Case("stale ETag", ask().with("If-Match", "W/\"1\""), 412, "version-conflict", ""),
        Case("future ETag", ask().with("If-Match", "W/\"99999\""), 412, "version-conflict", ""),
    ];
    w.refuses(Party::Practice, cases).await;
    w.app.stop().await;
}
