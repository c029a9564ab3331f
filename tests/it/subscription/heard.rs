//! The message that an alert was acknowledged: who may not see the event sees nothing of it.

use kap_fhir::demo::script::Party;
use serde_json::{Value, json};

use super::alarms::{event, sent};
use crate::app::{Db, TestApp};
use crate::both;
use crate::fhir_door::{cleared, get, post, put, text};

both!(
    who_may_not_see_the_event_sees_no_message_of_it,
    a_message_takes_nobody_elses_place
);

/// Reports an event and has `party` acknowledge it; its id.
async fn acknowledged(app: &TestApp, party: Party, path: &str, event: &Value, by: &str) -> String {
    let (practice, place) = (
        app.as_party(Party::Practice),
        format!("{path}/adverse-events"),
    );
    let made = sent(practice, &place, event, by).await;
    let id = text(&made["id"]).to_owned();
    let body = json!({ "by": by });
    sent(
        app.as_party(party),
        &format!("{place}/{id}/acknowledge"),
        &body,
        &id,
    )
    .await;
    id
}

async fn who_may_not_see_the_event_sees_no_message_of_it(db: Db) {
    let (app, played) = TestApp::played(db, &cleared()).await;
    let (practice, partner) = (app.as_party(Party::Practice), app.as_party(Party::Partner));
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let (here, there) = (&played.names["prac-ther-01"], &played.names["prac-pres-01"]);
    // The partner wrote the first version, and is its author no more than the event's.
    let one = acknowledged(&app, Party::Partner, &path, &event(here, "moderate"), there).await;
    let message = format!("/fhir/Communication/{one}-ack");
    assert_eq!(get(partner, &message).await.status, 200);
    let label = json!({ "resourceType": "Parameters", "parameter": [{ "name": "meta", "valueMeta": { "security": [
        { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "SDV" }] } }] });
    let added = format!("/fhir/AdverseEvent/{one}/$meta-add");
    post(practice, &added, &label).await.expect(200);
    assert_eq!(
        get(partner, &format!("/fhir/AdverseEvent/{one}"))
            .await
            .status,
        404
    );
    assert_eq!(get(partner, &message).await.status, 404);
    assert_eq!(get(practice, &message).await.status, 200);
    // What the event itself says hides both from the start.
    let mut other = event(here, "moderate");
    other["events"] = json!([{ "system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "T76.11XA", "display": "Adult physical abuse, suspected" }]);
    let two = acknowledged(&app, Party::Practice, &path, &other, here).await;
    assert_eq!(
        get(partner, &format!("/fhir/AdverseEvent/{two}"))
            .await
            .status,
        404
    );
    assert_eq!(
        get(partner, &format!("/fhir/Communication/{two}-ack"))
            .await
            .status,
        404
    );
    let found = get(partner, "/fhir/Communication?category=alert")
        .await
        .expect(200);
    assert!(
        found["entry"].as_array().is_none_or(Vec::is_empty),
        "{found}"
    );
    let found = get(practice, "/fhir/Communication?category=alert")
        .await
        .expect(200);
    assert_eq!(found["entry"].as_array().map_or(0, Vec::len), 2, "{found}");
    // An event that never was is one that nobody was alarmed by.
    let own = get(practice, &format!("/fhir/AdverseEvent/{two}")).await;
    let mut own = own.expect(200);
    let status = "https://kap-interop.example.org/fhir/StructureDefinition/kap-record-status";
    let wrong = json!({ "url": status, "valueCode": "entered-in-error" });
    own["extension"]
        .as_array_mut()
        .expect("extensions")
        .push(wrong);
    put(practice, &own).await.expect(200);
    let now = get(practice, &format!("/fhir/Communication/{two}-ack")).await;
    assert_eq!(now.expect(200)["status"], "entered-in-error");
    app.stop().await;
}

async fn a_message_takes_nobody_elses_place(db: Db) {
    let (app, played) = TestApp::played(db, &cleared()).await;
    let (practice, partner) = (app.as_party(Party::Practice), app.as_party(Party::Partner));
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let by = &played.names["prac-ther-01"];
    let place = format!("{path}/adverse-events");
    let made = sent(practice, &place, &event(by, "moderate"), "one").await;
    let id = text(&made["id"]);
    let course = get(practice, &format!("/fhir/EpisodeOfCare/{}", played.episode)).await;
    let patient = course.expect(200)["patient"]["reference"].clone();
    let body = json!({ "resourceType": "Communication", "id": format!("{id}-ack"), "status": "completed",
        "category": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/communication-category", "code": "notification" }] }],
        "subject": { "reference": patient }, "payload": [{ "contentString": "taken" }] });
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        { "resource": body, "request": { "method": "POST", "url": "Communication" }, "fullUrl": format!("https://x.example/Communication/{id}-ack") }] });
    let taken = post(partner, "/fhir", &bundle).await;
    assert!(taken.text.contains("201 Created"), "{}", taken.text);
    sent(
        practice,
        &format!("{place}/{id}/acknowledge"),
        &json!({ "by": by }),
        "seen",
    )
    .await;
    let (updates, worse) = (
        format!("{place}/{id}/updates"),
        json!({ "by": by, "severity": "severe" }),
    );
    sent(practice, &updates, &worse, "worse").await;
    sent(
        practice,
        &format!("{place}/{id}/acknowledge"),
        &json!({ "by": by }),
        "seen again",
    )
    .await;
    let event = get(practice, &format!("/fhir/AdverseEvent/{id}"))
        .await
        .expect(200);
    assert!(event.to_string().contains("acknowledgedAt"), "{event}");
    let theirs = get(partner, &format!("/fhir/Communication/{id}-ack")).await;
    let theirs = theirs.expect(200);
    assert_eq!(theirs["payload"][0]["contentString"], "taken");
    assert_eq!(theirs["meta"]["versionId"], "1", "{theirs}");
    app.stop().await;
}
