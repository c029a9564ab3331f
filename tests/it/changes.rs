//! Patch, delete, and changes of whichever resource meets a condition.

mod conditions;
mod patches;

use kap_fhir::demo::player::Caller;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::Db;
use crate::both;
use crate::fhir_door::world::{World, patient};
use crate::fhir_door::{Answer, call, get, only, post, put, text};

both!(
    a_deleted_record_is_gone_and_its_past_is_not,
    what_is_not_to_be_deleted_stays
);

/// A document entry, which states no fact of the episode.
fn entry(w: &World, identifier: &str) -> Value {
    json!({ "resourceType": "DocumentReference", "status": "current",
        "identifier": [{ "system": "urn:example:entry", "value": identifier }],
        "subject": { "reference": format!("Patient/{}", patient(&w.own)) },
        "content": [{ "attachment": { "contentType": "text/plain", "title": "a letter" } }] })
}

async fn written(caller: &Caller, body: &Value) -> String {
    let kind = text(&body["resourceType"]);
    let made = post(caller, &format!("/fhir/{kind}"), body)
        .await
        .expect(201);
    format!("/fhir/{kind}/{}", text(&made["id"]))
}

async fn delete(caller: &Caller, path: &str, headers: &[(&str, &str)]) -> Answer {
    call(caller, Method::DELETE, path, headers, None).await
}

/// Sends a patch; a list is a JSON Patch, a resource a FHIRPath Patch.
async fn patch(caller: &Caller, path: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
    let url = format!("{}{path}", caller.base);
    let media = if body.is_array() {
        "application/json-patch+json"
    } else {
        "application/fhir+json"
    };
    let mut request = caller
        .http
        .patch(url)
        .bearer_auth(&caller.token)
        .header("Content-Type", media);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.body(body.to_string()).send().await.expect("answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("text");
    Answer {
        status,
        headers,
        text,
    }
}

async fn a_deleted_record_is_gone_and_its_past_is_not(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let path = written(practice, &entry(&w, "a")).await;
    let id = path.rsplit('/').next().expect("an id");
    let stale = delete(practice, &path, &[("If-Match", "W/\"7\"")]).await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    let gone = delete(practice, &path, &[("If-Match", "W/\"1\"")]).await;
    assert_eq!(
        (gone.status, gone.text.as_str(), gone.header("etag")),
        (204, "", "W/\"2\"")
    );
    for (suffix, status) in [
        ("", 410),
        ("/_history/1", 200),
        ("/_history/2", 410),
        ("/_history/3", 404),
    ] {
        assert_eq!(
            get(practice, &format!("{path}{suffix}")).await.status,
            status,
            "{suffix}"
        );
    }
    let past = get(practice, &format!("{path}/_history")).await.expect(200);
    assert_eq!(past["entry"][0]["request"]["method"], "DELETE");
    assert!(past["entry"][0].get("resource").is_none());
    assert_eq!(past["entry"][1]["resource"]["meta"]["versionId"], "1");
    let of_type = get(practice, "/fhir/DocumentReference/_history?_count=1")
        .await
        .expect(200);
    assert_eq!(of_type["entry"][0], past["entry"][0]);
    let found = get(
        practice,
        "/fhir/DocumentReference?identifier=urn:example:entry|a",
    )
    .await
    .expect(200);
    assert!(found.get("entry").is_none(), "{found}");
    // A second time nothing happens; what is deleted is not brought back.
    let again = delete(practice, &path, &[]).await;
    assert_eq!((again.status, again.header("etag")), (204, "W/\"2\""));
    let mut body = entry(&w, "a");
    body["id"] = json!(id);
    assert_eq!(put(practice, &body).await.status, 410);
    assert_eq!(patch(practice, &path, &json!([]), &[]).await.status, 410);
    // Who wrote it and who deleted it: two Provenances, and the audit knows.
    let told = get(
        practice,
        &format!("/fhir/Provenance?target=DocumentReference/{id}"),
    )
    .await
    .expect(200);
    assert_eq!(told["entry"].as_array().map(Vec::len), Some(2), "{told}");
    let events = get(
        w.partner(),
        &format!("/fhir/AuditEvent?entity=DocumentReference/{id}"),
    )
    .await;
    assert!([200, 400].contains(&events.status));
    // The episode goes on.
    let next = post(practice, "/fhir/Communication", &w.message(&[])).await;
    assert_eq!(next.status, 201, "{}", next.text);
    w.app.stop().await;
}

async fn what_is_not_to_be_deleted_stays(db: Db) {
    let w = World::new(db).await;
    let (practice, partner) = (w.practice(), w.partner());
    // A fact is taken back, not deleted.
    let fact = written(practice, &w.message(&[])).await;
    let refused = delete(practice, &fact, &[]).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(
        refused.text.contains("entered-in-error"),
        "{}",
        refused.text
    );
    for kind in [
        "Task",
        "Condition",
        "ServiceRequest",
        "Composition",
        "DocumentReference",
    ] {
        let search = format!("/fhir/{kind}?patient={}&_count=1", patient(&w.own));
        let first = get(practice, &search).await.expect(200)["entry"][0]["resource"].clone();
        let path = format!("/fhir/{kind}/{}", text(&first["id"]));
        let refused = delete(practice, &path, &[]).await;
        assert!(
            [409, 422].contains(&refused.status),
            "{path}: {} {}",
            refused.status,
            refused.text
        );
        assert_eq!(get(practice, &path).await.status, 200);
    }
    // What another record speaks of stays as long as that does.
    let target = written(practice, &entry(&w, "old")).await;
    let mut newer = entry(&w, "new");
    newer["relatesTo"] = json!([{ "code": "replaces", "target": { "reference": target.trim_start_matches("/fhir/") } }]);
    let newer = written(practice, &newer).await;
    let refused = delete(practice, &target, &[]).await;
    assert_eq!(
        (refused.status, text(&refused.json()["issue"][0]["code"])),
        (409, "conflict"),
        "{}",
        refused.text
    );
    assert_eq!(delete(practice, &newer, &[]).await.status, 204);
    assert_eq!(delete(practice, &target, &[]).await.status, 204);
    // A decision, a prescription or a consent names the version that it follows.
    let decision = only(partner, "/fhir/ClinicalImpression").await;
    let path = format!("/fhir/ClinicalImpression/{}", text(&decision["id"]));
    assert_eq!(delete(partner, &path, &[]).await.status, 428);
    assert_eq!(patch(partner, &path, &json!([]), &[]).await.status, 428);
    // By role: nobody deletes a patient. By organization: who neither wrote nor keeps it does not.
    let person = format!("/fhir/Patient/{}", patient(&w.own));
    assert_eq!(delete(practice, &person, &[]).await.status, 403);
    let theirs = written(practice, &w.message(&[])).await;
    let foreign = delete(partner, &theirs, &[]).await;
    assert!([403, 404].contains(&foreign.status), "{}", foreign.text);
    let hidden = w.first("Task", &w.stranger).await;
    let (hidden, none) = (
        delete(practice, &format!("/fhir/{hidden}"), &[]).await,
        delete(practice, "/fhir/Task/none", &[]).await,
    );
    assert_eq!((hidden.status, none.status), (404, 404));
    assert_eq!(hidden.json()["issue"], none.json()["issue"]);
    w.app.stop().await;
}
