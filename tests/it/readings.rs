//! An episode that was read before is not read again, unless something that it rests on has changed.

use kap_fhir::demo::script::Party;
use kap_fhir::interaction::directory;
use kap_fhir::kap::Id;
use reqwest::Method;
use serde_json::Value;

use crate::app::{Db, TestApp};
use crate::both;
use crate::fhir_door::{get, put, text};
use crate::idempotency::{beginning, message};

both!(a_reading_is_kept_and_never_stale);

async fn a_reading_is_kept_and_never_stale(db: Db) {
    let episode = beginning();
    let app = TestApp::start(db, &episode).await;
    let played = app.play(&episode).await;
    let practice = app.as_party(Party::Practice);
    let id = Id::new(played.episode.as_str()).expect("an id");
    let path = format!("/kap/v1/episodes/{id}");
    let shown = async || get(practice, &path).await.expect(200);
    let kept = || app.app.readings.kept(&app.app.tenant, &id);

    // A command leaves the state that it made.
    let body = message(&played, "one");
    let sent = format!("{path}/communications");
    let done = practice
        .send(Method::POST, &sent, Some((&body, "one")))
        .await;
    assert_eq!(done.expect("an answer").status, 201);
    let before = kept();
    assert!(before.is_some(), "the command's state is kept");
    let version = shown().await["version"].as_i64();
    assert_eq!((kept(), version), (before, before));

    // What raises no version of the episode is seen all the same: the patient's record, and the directory's.
    let mut patient = get(practice, "/fhir/Patient").await.json()["entry"][0]["resource"].clone();
    patient["telecom"] = serde_json::json!([{ "system": "phone", "value": "+1-555-0199" }]);
    assert_eq!(put(practice, &patient).await.status, 200);
    let found = |value: &Value| value["patient"]["telecom"][0]["value"] == "+1-555-0199";
    assert!(found(&shown().await));
    let mut partner = episode.organizations.partner.clone();
    partner.name = "Renamed Medical, P.C.".into();
    directory::put_organization(&app.app, &partner)
        .await
        .expect("renamed");
    let name = &shown().await["organizations"]["partner"]["name"];
    assert_eq!(text(name), "Renamed Medical, P.C.");
    app.stop().await;
}
