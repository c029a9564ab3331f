//! What cannot be recorded is not done and not answered.

use kap_fhir::demo::script::Party;

use crate::app::{Db, TestApp};
use crate::both;
use crate::idempotency::{beginning, message};
use crate::wire::Ask;

both!(
    nothing_leaves_and_nothing_is_done,
    the_audit_is_only_added_to
);

async fn nothing_leaves_and_nothing_is_done(db: Db) {
    let (app, played) = TestApp::played(db, &beginning()).await;
    let practice = app.as_party(Party::Practice);
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let patient = Ask::get("/fhir/Patient").send(practice).await.json();
    let patient = patient["entry"][0]["resource"]["id"]
        .as_str()
        .expect("id")
        .to_owned();
    let version = Ask::get(path.clone()).send(practice).await.json()["version"].clone();
    app.place()
        .run("ALTER TABLE audit RENAME TO elsewhere")
        .await
        .expect("renamed");
    // SQLite records reads in a journal first: it learns a moment later that the database does not take them.
    for _ in 0..100 {
        if Ask::get("/fhir/Patient").send(practice).await.status == 503 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    for path in [
        format!("/fhir/Patient/{patient}"),
        "/fhir/Patient".to_owned(),
        "/fhir/Patient/nobody".to_owned(),
        path.clone(),
        format!("{path}/$export-episode"),
        "/kap/v1/worklist".to_owned(),
    ] {
        let heard = Ask::get(path.clone()).send(practice).await;
        assert_eq!(heard.status, 503, "{path}: {}", heard.text);
        assert!(heard.text.contains("cannot be recorded"), "{}", heard.text);
        assert!(!heard.text.contains(&patient), "{path}: {}", heard.text);
        assert!(heard.header("etag").is_empty() && heard.header("retry-after") == "1");
    }
    let command = Ask::json(
        format!("{path}/communications"),
        &message(&played, "unheard"),
    );
    assert_eq!(command.send(practice).await.status, 503);
    let account = app
        .logins
        .iter()
        .find(|l| l.party == Party::Practice)
        .expect("account");
    let login = kap_fhir::demo::token::Login {
        base: &app.base,
        client: account.client,
        scope: account.scope,
    };
    let http = kap_fhir::demo::http().expect("http");
    let token = login.token(&http, &account.key, &app.app.clock).await;
    assert!(token.is_err(), "no token without a trace");
    app.place()
        .run("ALTER TABLE elsewhere RENAME TO audit")
        .await
        .expect("renamed");
    let after = Ask::get(path).send(practice).await;
    assert_eq!(after.status, 200, "{}", after.text);
    assert_eq!(after.json()["version"], version, "the command was not done");
    // The requests that were refused left no trace: that is why they were refused.
    app.stop_in_the_dark().await;
}

async fn the_audit_is_only_added_to(db: Db) {
    let app = TestApp::start(db, &beginning()).await;
    kap_fhir::interaction::audit::seal::pass(&app.app)
        .await
        .expect("sealed");
    let mut attempts = vec![
        "UPDATE audit SET outcome = 0",
        "DELETE FROM audit",
        "UPDATE audit_batch SET n = n + 1",
        "DELETE FROM audit_batch",
    ];
    if db == Db::Postgres {
        attempts.extend(["TRUNCATE audit", "TRUNCATE audit_batch"]);
    }
    for sql in attempts {
        let refused = app.place().run(sql).await.expect_err(sql);
        assert!(refused.contains("only ever added to"), "{sql}: {refused}");
    }
    app.stop().await;
}
