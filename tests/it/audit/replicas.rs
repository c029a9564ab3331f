//! Two services on one database make one chain.

use std::sync::Arc;

use futures_util::future::join_all;
use kap_fhir::cli::assemble;
use kap_fhir::demo::script::Party;
use kap_fhir::interaction::audit::seal::pass;
use kap_fhir::store::Store;

use super::chain::report;
use crate::app::{Db, TestApp, sealed, store};
use crate::both;
use crate::idempotency::beginning;
use crate::raw::Place;
use crate::wire::Ask;

both!(the_chain_does_not_fork);

/// The same database, opened again.
async fn again(place: &Place) -> Arc<Store> {
    let (url, options) = match place {
        Place::File(folder) => (
            format!("sqlite:{}", folder.path().join("kap.db").display()),
            kap_fhir::store::Options::default(),
        ),
        Place::Schema(schema) => (
            crate::app::postgres_url(),
            kap_fhir::store::Options {
                schema: Some(schema.clone()),
                ..Default::default()
            },
        ),
    };
    Arc::new(Store::open(&url, options).await.expect("store"))
}

async fn the_chain_does_not_fork(db: Db) {
    let (first, place) = store(db).await;
    let a = TestApp::over(first, &beginning()).await;
    let second = again(&place).await;
    let clock = a.app.clock.clone();
    // One key for both, as replicas have.
    let b = assemble(second.clone(), clock, "default", &a.base, None);
    let b = sealed(b);
    let practice = a.as_party(Party::Practice);
    let read = Ask::get("/fhir/Patient");
    for _ in 0..10 {
        let reads = (0..20).map(|_| read.send(practice));
        let seals = (0..6).map(|n| pass(if n % 2 == 0 { &a.app } else { &b }));
        let (_, sealed) = tokio::join!(join_all(reads), join_all(seals));
        assert!(sealed.iter().all(Result::is_ok), "{sealed:?}");
        a.app.clock.advance(time::Duration::milliseconds(500));
    }
    pass(&b).await.expect("sealed");
    pass(&a.app).await.expect("sealed");
    let keys = [&a.app, &b].map(|app| app.sealing.key().expect("key").check());
    let signed = |batch: &kap_fhir::audit::chain::Batch| {
        let mut both = keys.iter().filter(|key| key.id() == &*batch.key);
        both.any(|key| key.holds(batch.head.bytes(), &batch.signature))
    };
    let found =
        kap_fhir::interaction::audit::verify::verify(&b.store, "default", signed, None).await;
    let found = found.expect("report");
    assert_eq!((&found.findings[..], found.waiting), (&[][..], 0));
    let rows = place.cell("SELECT COUNT(*) FROM audit").await;
    assert_eq!(rows, found.rows.to_string(), "every row is in one batch");
    let by = place.rows("SELECT DISTINCT key FROM audit_batch").await;
    assert_eq!(by.len(), 2, "both sealed");
    let alone = report(&b, None).await;
    assert!(
        !alone.findings.is_empty(),
        "one key does not verify what another sealed"
    );
    second.close().await;
    a.stop().await;
}
