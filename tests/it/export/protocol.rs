//! The protocol: what is refused, what is cancelled, how many there may be, and what is left after a day.

use kap_fhir::delivery::files::Files;
use kap_fhir::demo::script::Party;
use reqwest::Method;

use super::{ASYNC, done, exported, kick_off, place};
use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{FIRST, call, get, text};

both!(the_protocol_is_kept);

async fn the_protocol_is_kept(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    let caller = app.as_party(Party::Practice);
    for (path, headers, status) in [
        ("/fhir/$export", &[][..], 400),
        ("/fhir/$export", &[("Prefer", "respond-sync")][..], 400),
        ("/fhir/$export?_outputFormat=text/csv", &ASYNC[..], 400),
        ("/fhir/$export?_type=Unheard", &ASYNC[..], 400),
        ("/fhir/$export?_since=yesterday", &ASYNC[..], 400),
        ("/fhir/$export?_typeFilter=Observation", &ASYNC[..], 400),
        (
            "/fhir/$export?_typeFilter=Observation%3Funheard%3D1",
            &ASYNC[..],
            400,
        ),
        ("/fhir/$export?_elements=a+b", &ASYNC[..], 400),
        ("/fhir/$export?patient=Patient/1", &ASYNC[..], 400),
        ("/fhir/Group/none/$export", &ASYNC[..], 404),
        ("/fhir/$export?_type=AuditEvent", &ASYNC[..], 403),
        ("/fhir/$export/none", &[][..], 404),
        ("/fhir/$export/none/Patient-1-1.ndjson", &[][..], 404),
        ("/fhir/$export/..%2f..%2fetc/passwd", &[][..], 404),
    ] {
        let answer = call(caller, Method::GET, path, headers, None).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        assert_eq!(answer.json()["resourceType"], "OperationOutcome", "{path}");
    }
    let nobody = caller.http.get(format!("{}/fhir/$export", caller.base));
    let nobody = nobody.header("Prefer", "respond-async").send().await;
    assert_eq!(nobody.expect("answer").status().as_u16(), 401);
    for format in [
        "application/fhir%2Bndjson",
        "application/fhir+ndjson",
        "ndjson",
        "application/ndjson",
    ] {
        let path = format!("/fhir/$export?_type=Patient&_outputFormat={format}");
        assert_eq!(exported(caller, &path).await.len(), 1);
    }
    // A second export after the first is as good as that.
    let first = exported(caller, "/fhir/$export").await;
    assert_eq!(exported(caller, "/fhir/$export").await, first);
    // Cancelled, it is gone with its files.
    let begun = kick_off(caller, "/fhir/$export").await;
    let state = place(caller, &begun);
    let manifest = done(caller, &state).await;
    let file = text(&manifest["output"][0]["url"]).replace(&caller.base, "");
    let cancelled = call(caller, Method::DELETE, &state, &[], None).await;
    assert_eq!(cancelled.status, 202, "{}", cancelled.text);
    for path in [&state, &file] {
        let gone = get(caller, path).await;
        assert_eq!(gone.status, 404, "{}", gone.text);
        assert_eq!(gone.json()["resourceType"], "OperationOutcome");
    }
    assert_eq!(
        call(caller, Method::DELETE, &state, &[], None).await.status,
        404
    );
    // Too many at once: these are nobody's to work on for now.
    app.place().run("UPDATE job SET state = 'open', lease_until = 9999999999999 WHERE state = 'done' AND id IN (SELECT id FROM job WHERE state = 'done' ORDER BY id LIMIT 2)").await.expect("open");
    let busy = kick_off(caller, "/fhir/$export").await;
    assert_eq!(busy.status, 429, "{}", busy.text);
    assert!(!busy.header("retry-after").is_empty());
    let partner = app.as_party(Party::Partner);
    let begun = kick_off(partner, "/fhir/$export").await;
    done(partner, &place(partner, &begun)).await;
    // After a day nothing is left.
    app.app.clock.advance(time::Duration::hours(25));
    kap_fhir::interaction::job::forget_expired(&app.app)
        .await
        .expect("forgotten");
    assert_eq!(app.place().cell("SELECT COUNT(*) FROM job").await, "0");
    assert_eq!(app.place().cell("SELECT COUNT(*) FROM job_file").await, "0");
    let root = app.app.exports.files().and_then(Files::root);
    let root = root.expect("a folder").to_owned();
    assert_eq!(std::fs::read_dir(&root).expect("folder").count(), 0);
    let _ = std::fs::remove_dir_all(root);
    app.stop().await;
}
