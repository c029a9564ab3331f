//! An episode that was read before is not read again, unless something that it rests on has changed.

use kap_fhir::demo::script::Party;
use kap_fhir::interaction::directory;
use kap_fhir::kap::Id;
use reqwest::Method;
use serde_json::Value;

use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{FIRST, get, put, text};
use crate::idempotency::{beginning, message};

both!(
    a_reading_is_kept_and_never_stale,
    an_organization_is_read_with_its_endpoint
);

async fn a_reading_is_kept_and_never_stale(db: Db) {
    let episode = beginning();
    let (app, played) = TestApp::played(db, &episode).await;
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

async fn an_organization_is_read_with_its_endpoint(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let own = &episode.organizations.practice;
    let endpoint = own.endpoint.as_deref().expect("a FHIR server");
    let listed = get(practice, "/kap/v1/organizations").await.expect(200);
    let mut items = listed["items"].as_array().into_iter().flatten();
    let found = items.find(|item| item["id"] == own.id.as_str());
    assert_eq!(text(&found.expect("listed")["endpoint"]), endpoint);
    // So who opens an episode tells where its people are reached, which US Core asks of their roles (pd-1).
    let roles = format!("/fhir/PractitionerRole?organization={}", own.id);
    let roles = get(practice, &roles).await.expect(200);
    let role = &roles["entry"][0]["resource"];
    let reached = text(&role["endpoint"][0]["reference"]);
    assert_eq!(reached, format!("Endpoint/{}-fhir", own.id));
    let claimed = text(&role["meta"]["profile"][0]);
    assert!(claimed.ends_with("/us-core-practitionerrole"), "{role}");
    assert_eq!(
        get(practice, &format!("/fhir/{reached}")).await.expect(200)["address"],
        endpoint
    );
    app.stop().await;
}
