//! Bundles of requests: transactions of all methods, batches, and both under contention.

mod contention;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kap_fhir::demo::player::Caller;
use serde_json::{Value, json};

use crate::app::Db;
use crate::both;
use crate::fhir_door::world::{World, patient};
use crate::fhir_door::{Answer, get, post, text};

both!(
    a_transaction_deletes_creates_changes_and_reads_in_that_order,
    a_transaction_is_of_an_episode_and_of_other_patients_too,
    a_transaction_that_fails_changes_nothing,
    each_entry_of_a_batch_stands_alone
);

fn entry(w: &World, identifier: &str) -> Value {
    json!({ "resourceType": "DocumentReference", "status": "current",
        "identifier": [{ "system": "urn:example:bundle", "value": identifier }],
        "subject": { "reference": format!("Patient/{}", patient(&w.own)) },
        "content": [{ "attachment": { "contentType": "text/plain", "title": "a letter" } }] })
}

fn asks(method: &str, url: &str, resource: Option<Value>) -> Value {
    let mut entry = json!({ "request": { "method": method, "url": url } });
    if let Some(resource) = resource {
        entry["resource"] = resource;
    }
    entry
}

fn binary(patch: &Value) -> Value {
    json!({ "resourceType": "Binary", "contentType": "application/json-patch+json", "data": STANDARD.encode(patch.to_string()) })
}

async fn send(caller: &Caller, style: &str, entries: &[Value]) -> Answer {
    post(
        caller,
        "/fhir",
        &json!({ "resourceType": "Bundle", "type": style, "entry": entries }),
    )
    .await
}

fn statuses(answer: &Value) -> Vec<String> {
    let entries = answer["entry"].as_array().into_iter().flatten();
    entries
        .map(|e| {
            text(&e["response"]["status"])
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

async fn made(caller: &Caller, body: &Value) -> String {
    let made = post(caller, "/fhir/DocumentReference", body)
        .await
        .expect(201);
    format!("DocumentReference/{}", text(&made["id"]))
}

async fn a_transaction_deletes_creates_changes_and_reads_in_that_order(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let (old, other) = (
        made(practice, &entry(&w, "old")).await,
        made(practice, &entry(&w, "other")).await,
    );
    let add = json!([{ "op": "add", "path": "/description", "value": "patched" },
        { "op": "add", "path": "/relatesTo", "value": [{ "code": "appends", "target": { "reference": "urn:uuid:0b7c3e4e-4a24-4c4e-9d0c-5b1a8f0a0001" } }] }]);
    let mut created = asks("POST", "DocumentReference", Some(entry(&w, "new")));
    created["fullUrl"] = json!("urn:uuid:0b7c3e4e-4a24-4c4e-9d0c-5b1a8f0a0001");
    let mut unchanged = asks("GET", &format!("Patient/{}", patient(&w.own)), None);
    let version = get(practice, &format!("/fhir/Patient/{}", patient(&w.own))).await;
    unchanged["request"]["ifNoneMatch"] = json!(version.header("etag"));
    let answer = send(
        practice,
        "transaction",
        &[
            asks("GET", &other, None),
            asks("PATCH", &other, Some(binary(&add))),
            created,
            asks("DELETE", &old, None),
            asks(
                "PUT",
                "DocumentReference?identifier=urn:example:bundle|where",
                Some(entry(&w, "where")),
            ),
            asks(
                "GET",
                "DocumentReference?identifier=urn:example:bundle|new",
                None,
            ),
            unchanged,
            asks("HEAD", &other, None),
        ],
    )
    .await
    .expect(200);
    assert_eq!(answer["type"], "transaction-response");
    assert_eq!(
        statuses(&answer),
        ["200", "200", "201", "204", "201", "200", "304", "200"],
        "{answer}"
    );
    // What is read is read last: the patch is there, and so is what was created.
    assert_eq!(answer["entry"][0]["resource"]["description"], "patched");
    let new = &answer["entry"][5]["resource"]["entry"][0]["resource"];
    let named = format!("DocumentReference/{}", text(&new["id"]));
    assert_eq!(
        answer["entry"][0]["resource"]["relatesTo"][0]["target"]["reference"],
        json!(named)
    );
    assert!(answer["entry"][7].get("resource").is_none());
    assert_eq!(get(practice, &format!("/fhir/{old}")).await.status, 410);
    // A second time: what was deleted is deleted, what the criteria mean is updated, and by them deleted.
    let path = |op: &str, path: &str, value: Value| {
        json!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
        { "name": "type", "valueCode": op }, { "name": "path", "valueString": path }, { "name": "value", "valueString": value }] }] })
    };
    let answer = send(
        practice,
        "transaction",
        &[
            asks("DELETE", &old, None),
            asks(
                "PUT",
                "DocumentReference?identifier=urn:example:bundle|where",
                Some(entry(&w, "where")),
            ),
            asks(
                "PATCH",
                "DocumentReference?identifier=urn:example:bundle|other",
                Some(path(
                    "replace",
                    "DocumentReference.description",
                    json!("again"),
                )),
            ),
            asks(
                "DELETE",
                "DocumentReference?identifier=urn:example:bundle|none",
                None,
            ),
        ],
    )
    .await;
    assert_eq!(answer.status, 404, "{}", answer.text);
    let answer = send(
        practice,
        "transaction",
        &[
            asks("DELETE", &old, None),
            asks(
                "PUT",
                "DocumentReference?identifier=urn:example:bundle|where",
                Some(entry(&w, "where")),
            ),
            asks(
                "PATCH",
                "DocumentReference?identifier=urn:example:bundle|other",
                Some(path(
                    "replace",
                    "DocumentReference.description",
                    json!("again"),
                )),
            ),
        ],
    )
    .await
    .expect(200);
    assert_eq!(statuses(&answer), ["204", "200", "200"], "{answer}");
    assert_eq!(
        get(practice, &format!("/fhir/{other}")).await.json()["description"],
        "again"
    );
    w.app.stop().await;
}

async fn a_transaction_is_of_an_episode_and_of_other_patients_too(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let person = "urn:uuid:0b7c3e4e-4a24-4c4e-9d0c-5b1a8f0a0002";
    let mut patient_entry = asks(
        "POST",
        "Patient",
        Some(
            json!({ "resourceType": "Patient", "name": [{ "family": "Other" }], "birthDate": "1980-01-01" }),
        ),
    );
    patient_entry["fullUrl"] = json!(person);
    let active = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical";
    let allergy = json!({ "resourceType": "AllergyIntolerance", "patient": { "reference": person }, "code": { "text": "latex" },
        "clinicalStatus": { "coding": [{ "system": active, "code": "active" }] } });
    let answer = send(
        practice,
        "transaction",
        &[
            patient_entry,
            asks("POST", "AllergyIntolerance", Some(allergy)),
            asks("POST", "Communication", Some(w.message(&[]))),
        ],
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(statuses(&answer.json()), ["201", "201", "201"]);
    let location = text(&answer.json()["entry"][1]["response"]["location"]).to_owned();
    let allergy = get(practice, &location[location.find("/fhir").expect("ours")..])
        .await
        .expect(200);
    let patient_id = text(&answer.json()["entry"][0]["fullUrl"])
        .rsplit('/')
        .next()
        .map(str::to_owned);
    assert_eq!(
        allergy["patient"]["reference"],
        json!(format!("Patient/{}", patient_id.expect("an id")))
    );
    // Records of two episodes are still two transactions, and nothing of either is stored.
    let mut theirs = w.message(&[]);
    theirs["subject"]["reference"] = json!(format!("Patient/{}", patient(&w.neighbour)));
    let before = w.messages().await;
    let answer = send(
        practice,
        "transaction",
        &[
            asks("POST", "Communication", Some(w.message(&[]))),
            asks("POST", "Communication", Some(theirs)),
        ],
    )
    .await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert_eq!(w.messages().await, before);
    w.app.stop().await;
}

async fn a_transaction_that_fails_changes_nothing(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let (one, two) = (
        made(practice, &entry(&w, "one")).await,
        made(practice, &entry(&w, "two")).await,
    );
    let fact = post(practice, "/fhir/Communication", &w.message(&[]))
        .await
        .expect(201);
    let fact = format!("Communication/{}", text(&fact["id"]));
    let test = json!([{ "op": "test", "path": "/status", "value": "superseded" }]);
    let mut stale = asks("DELETE", &two, None);
    stale["request"]["ifMatch"] = json!("W/\"9\"");
    let mut refers = entry(&w, "refers");
    refers["relatesTo"] = json!([{ "code": "replaces", "target": { "reference": one } }]);
    for (last, status) in [
        (asks("DELETE", "DocumentReference/none", None), 404),
        (stale, 412),
        (asks("DELETE", &fact, None), 422),
        (asks("DELETE", &one, None), 400),
        (asks("PUT", &one, Some(entry(&w, "one"))), 400),
        (asks("PATCH", &two, Some(binary(&test))), 422),
        (
            asks(
                "PATCH",
                &two,
                Some(json!({ "resourceType": "Binary", "contentType": "text/plain", "data": "" })),
            ),
            400,
        ),
        (asks("PATCH", &two, None), 400),
        (asks("DELETE", "Patient", None), 400),
        (
            asks("DELETE", &format!("Patient/{}", patient(&w.own)), None),
            403,
        ),
        (asks("BREW", &two, None), 400),
        (asks("POST", "DocumentReference", Some(refers)), 409),
        (asks("GET", "Patient/none", None), 404),
        (asks("HEAD", "Patient/none/_history/1", None), 404),
        (asks("GET", &one, None), 410),
        (asks("GET", "Patient?birthdate=never", None), 400),
        (asks("GET", "Nobody/1", None), 404),
    ] {
        let answer = send(
            practice,
            "transaction",
            &[asks("DELETE", &one, None), last.clone()],
        )
        .await;
        assert_eq!(answer.status, status, "{last}: {}", answer.text);
        assert_eq!(
            get(practice, &format!("/fhir/{one}")).await.header("etag"),
            "W/\"1\""
        );
        assert_eq!(
            get(practice, &format!("/fhir/{two}")).await.header("etag"),
            "W/\"1\""
        );
    }
    w.app.stop().await;
}

async fn each_entry_of_a_batch_stands_alone(db: Db) {
    let w = World::new(db).await;
    let (practice, partner) = (w.practice(), w.partner());
    let old = made(practice, &entry(&w, "old")).await;
    let theirs = w.first("Task", &w.stranger).await;
    let patch = json!([{ "op": "add", "path": "/description", "value": "patched" }]);
    let answer = send(
        practice,
        "batch",
        &[
            asks("POST", "DocumentReference", Some(entry(&w, "new"))),
            asks("GET", &theirs, None),
            asks(
                "POST",
                "DocumentReference",
                Some(json!({ "resourceType": "DocumentReference" })),
            ),
            asks("PATCH", &old, Some(binary(&patch))),
            asks("GET", &old, None),
            asks(
                "GET",
                "DocumentReference?identifier=urn:example:bundle|new",
                None,
            ),
            asks("GET", &format!("{old}/_history"), None),
            asks("DELETE", &old, None),
            asks("GET", &old, None),
            asks("PUT", &old, Some(entry(&w, "old"))),
            json!({ "request": { "method": "BREW", "url": "Patient" } }),
            json!(7),
            asks(
                "DELETE",
                "DocumentReference?identifier=urn:example:bundle|new",
                None,
            ),
        ],
    )
    .await
    .expect(200);
    assert_eq!(answer["type"], "batch-response");
    assert_eq!(
        statuses(&answer),
        [
            "201", "404", "400", "200", "200", "200", "200", "204", "410", "400", "400", "400",
            "204"
        ],
        "{answer}"
    );
    assert_eq!(answer["entry"][4]["resource"]["description"], "patched");
    assert_eq!(
        answer["entry"][5]["resource"]["entry"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(answer["entry"][6]["resource"]["type"], "history");
    assert_eq!(
        answer["entry"][2]["response"]["outcome"]["issue"][0]["expression"][0],
        "DocumentReference.status"
    );
    // Each is asked by its own scope and role.
    let answer = send(
        partner,
        "batch",
        &[
            asks("DELETE", &format!("Patient/{}", patient(&w.own)), None),
            asks("GET", &format!("Patient/{}", patient(&w.own)), None),
        ],
    )
    .await
    .expect(200);
    assert_eq!(statuses(&answer), ["403", "200"], "{answer}");
    let none = send(practice, "batch", &[]).await.expect(200);
    assert_eq!(none["type"], "batch-response");
    let many: Vec<Value> = (0..501).map(|_| asks("GET", "Patient/x", None)).collect();
    assert_eq!(send(practice, "batch", &many).await.status, 413);
    w.app.stop().await;
}
