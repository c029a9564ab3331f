//! What was changed behind the service's back is found.

use kap_fhir::app::App;
use kap_fhir::audit::chain::{Anchor, Batch, Finding, Report};
use kap_fhir::auth::seal::SealingKey;
use kap_fhir::demo::script::Party;
use kap_fhir::interaction::audit::seal::{anchor, pass};
use kap_fhir::interaction::audit::verify::verify;

use crate::app::{Db, TestApp};
use crate::both;
use crate::idempotency::beginning;
use crate::raw::Place;
use crate::wire::Ask;

both!(
    each_manipulation_is_found,
    a_forged_seal_is_found,
    rows_that_come_late_are_sealed_too,
    sealing_fails_loudly_and_recovers,
);

pub async fn report(app: &App, told: Option<Anchor>) -> Report {
    let check = app.sealing.key().expect("key").check();
    let signed = |batch: &Batch| check.holds(batch.head.bytes(), &batch.signature);
    verify(&app.store, "default", signed, told)
        .await
        .expect("report")
}

/// Three batches at least.
async fn sealed(db: Db) -> TestApp {
    let (app, _) = TestApp::played(db, &beginning()).await;
    for _ in 0..3 {
        Ask::get("/fhir/Patient")
            .send(app.as_party(Party::Practice))
            .await;
        app.app.clock.advance(time::Duration::seconds(1));
        pass(&app.app).await.expect("sealed");
    }
    app
}

/// Takes the triggers away, as somebody with every right would.
async fn disarm(place: &Place) {
    let sql = match place {
        Place::File(_) => {
            "DROP TRIGGER audit_not_updated; DROP TRIGGER audit_not_deleted;
             DROP TRIGGER audit_batch_not_updated; DROP TRIGGER audit_batch_not_deleted;"
        }
        Place::Schema(_) => {
            "DROP TRIGGER audit_not_changed ON audit; DROP TRIGGER audit_batch_not_changed ON audit_batch;"
        }
    };
    place.run(sql).await.expect("disarmed");
}

async fn each_manipulation_is_found(db: Db) {
    use Finding as F;
    let app = sealed(db).await;
    let whole = report(&app.app, None).await;
    assert_eq!(whole.findings, []);
    assert!(whole.batches >= 3 && whole.rows > 20, "{whole:?}");
    let told = anchor(&whole.tip);
    assert_eq!(report(&app.app, Some(told)).await.findings, []);
    let place = app.place();
    disarm(place).await;
    let row = place
        .cell("SELECT MIN(id) FROM audit WHERE kind = 'create' AND patient IS NOT NULL")
        .await;
    let found = async || report(&app.app, Some(told)).await.findings;

    let set = |value: &str| format!("UPDATE audit SET client = {value} WHERE id = '{row}'");
    place.run(&set("'somebody-else'")).await.expect("edited");
    assert!(matches!(found().await[..], [F::Edited { row: r, .. }] if r.to_string() == row));
    place.run(&set("'demo-practice'")).await.expect("put back");
    assert_eq!(found().await, []);

    place
        .run("CREATE TABLE aside AS SELECT * FROM audit")
        .await
        .expect("copied");
    let delete = format!("DELETE FROM audit WHERE id = '{row}'");
    let restore = format!("INSERT INTO audit SELECT * FROM aside WHERE id = '{row}'");
    place.run(&delete).await.expect("deleted");
    assert!(matches!(found().await[..], [F::Deleted { row: r, .. }] if r.to_string() == row));
    place.run(&restore).await.expect("put back");
    assert_eq!(found().await, []);

    // Long ago, so that no pass takes it for one that came late.
    let forged = "00000000-0001-7000-8000-000000000000";
    let insert = format!(
        "INSERT INTO audit (tenant, id, at, source, kind, outcome) VALUES ('default', '{forged}', 1, 'x', 'read', 0)"
    );
    place.run(&insert).await.expect("inserted");
    assert!(matches!(found().await[..], [F::Inserted { row: r }] if r.to_string() == forged));
    place
        .run(&format!("DELETE FROM audit WHERE id = '{forged}'"))
        .await
        .expect("put back");

    // Two rows that differ change places; then two batches do.
    let other = place
        .cell("SELECT MIN(id) FROM audit WHERE kind = 'client-add'")
        .await;
    let swap = format!(
        "UPDATE audit SET id = 'x' WHERE id = '{row}'; UPDATE audit SET id = '{row}' WHERE id = '{other}';
         UPDATE audit SET id = '{other}' WHERE id = 'x'"
    );
    place.run(&swap).await.expect("reordered");
    let reordered = found().await;
    assert!(
        reordered.len() == 2 && reordered.iter().all(|f| matches!(f, F::Edited { .. })),
        "{reordered:?}"
    );
    place.run(&swap).await.expect("put back");
    let swap =
        "UPDATE audit_batch SET n = 9999 WHERE n = 1; UPDATE audit_batch SET n = 1 WHERE n = 2;
        UPDATE audit_batch SET n = 2 WHERE n = 9999";
    place.run(swap).await.expect("reordered");
    assert!(found().await.contains(&F::Order { batch: 1 }));
    place.run(swap).await.expect("put back");
    assert_eq!(found().await, []);

    // The end is cut off, rows and batch: only a head that was told earlier shows it.
    let last = whole.tip.n;
    place
        .run(&format!("DELETE FROM audit_batch WHERE n = {last}"))
        .await
        .expect("cut off");
    let ends = place.cell("SELECT MAX(id) FROM audit").await;
    assert!(!ends.is_empty());
    let cut = found().await;
    assert_eq!(
        cut,
        [F::Truncated {
            told: last,
            last: last - 1
        }]
    );
    app.stop().await;
}

async fn a_forged_seal_is_found(db: Db) {
    let app = sealed(db).await;
    disarm(app.place()).await;
    let whole = report(&app.app, None).await;
    // Whoever can write to the database writes the whole chain anew, with a key of their own.
    let forger = SealingKey::generate().expect("key");
    let n = whole.tip.n;
    let seal = forger.sign(whole.tip.head.bytes()).expect("signed");
    let sql = format!("UPDATE audit_batch SET signature = '{seal}' WHERE n = {n}");
    app.place().run(&sql).await.expect("forged");
    let found = report(&app.app, None).await.findings;
    assert_eq!(found, [Finding::Signature { batch: n }]);
    let sql = format!("UPDATE audit_batch SET leaves = 'AAAA' WHERE n = {n}");
    app.place().run(&sql).await.expect("broken");
    let found = report(&app.app, None).await.findings;
    assert!(found.contains(&Finding::Batch { batch: n }), "{found:?}");
    app.stop().await;
}

async fn rows_that_come_late_are_sealed_too(db: Db) {
    let app = sealed(db).await;
    // As if its transaction had taken four minutes.
    let at = app.app.clock.millis() - 240_000;
    let id = kap_fhir::audit::record::first_id(at);
    let insert = format!(
        "INSERT INTO audit (tenant, id, at, source, kind, outcome) VALUES ('default', '{id}', {at}, 'late', 'read', 0)"
    );
    app.place().run(&insert).await.expect("inserted");
    let mut last = report(&app.app, None).await;
    assert_eq!(
        (last.findings.len(), last.waiting >= 1),
        (0, true),
        "{last:?}"
    );
    for _ in 0..61 {
        pass(&app.app).await.expect("sealed");
        last = report(&app.app, None).await;
        if last.waiting == 0 {
            break;
        }
    }
    assert_eq!((last.findings.len(), last.waiting), (0, 0), "{last:?}");
    app.stop().await;
}

async fn sealing_fails_loudly_and_recovers(db: Db) {
    let app = sealed(db).await;
    let practice = app.as_party(Party::Practice);
    app.place()
        .run("ALTER TABLE audit_batch RENAME TO elsewhere")
        .await
        .expect("renamed");
    Ask::get("/fhir/Patient").send(practice).await;
    assert!(pass(&app.app).await.is_err());
    assert_eq!(
        Ask::get("/readyz").send(practice).await.status,
        200,
        "not for a moment's failure"
    );
    app.app.clock.advance(time::Duration::seconds(61));
    assert!(pass(&app.app).await.is_err());
    assert_eq!(Ask::get("/readyz").send(practice).await.status, 503);
    app.place()
        .run("ALTER TABLE elsewhere RENAME TO audit_batch")
        .await
        .expect("renamed");
    pass(&app.app).await.expect("sealed");
    assert_eq!(Ask::get("/readyz").send(practice).await.status, 200);
    let told = app
        .place()
        .rows("SELECT outcome, reason FROM audit WHERE kind = 'seal-failed'")
        .await;
    assert_eq!(told, [["12", "unsealed"]]);
    pass(&app.app).await.expect("sealed");
    assert_eq!(report(&app.app, None).await.findings, []);
    app.stop().await;
}
