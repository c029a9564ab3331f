//! Scopes that are narrowed by a parameter: what they leave out is not there, by whatever door one looks.

use std::collections::BTreeSet;

use kap_fhir::access::Role;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::sample;
use crate::app::{Db, TestApp};
use crate::both;
use crate::client::client;
use crate::fhir_door::{FIRST, call, get, post, put, text};

both!(
    what_a_narrowed_scope_leaves_out_is_not_there,
    what_a_narrowed_scope_writes_is_of_what_it_speaks_of
);

const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
const REST: &str = "system/Patient.rs system/EpisodeOfCare.rs system/Encounter.rs system/Composition.rs \
    system/Practitioner.rs system/PractitionerRole.rs system/Organization.rs system/Condition.rs system/CareTeam.rs \
    system/MedicationAdministration.rs";

async fn narrow(app: &TestApp, name: &'static str, letters: &str) -> Caller {
    let scope = format!("{REST} system/Observation.{letters}?category={CATEGORY}|vital-signs");
    let role = Role::PracticeTherapist;
    client(app, name, "org-practice-01", role, &scope).await
}

fn is_vital(resource: &Value) -> bool {
    let categories = resource["category"].as_array().into_iter().flatten();
    let mut codings = categories.flat_map(|c| c["coding"].as_array().into_iter().flatten());
    codings.any(|c| c["system"] == CATEGORY && c["code"] == "vital-signs")
}

/// Every observation in a bundle.
fn observations(bundle: &Value) -> Vec<&Value> {
    let entries = bundle["entry"].as_array().into_iter().flatten();
    let resources = entries.map(|e| &e["resource"]);
    resources
        .filter(|r| r["resourceType"] == "Observation")
        .collect()
}

fn ids<'v>(all: impl IntoIterator<Item = &'v Value>) -> BTreeSet<&'v str> {
    all.into_iter().map(|r| text(&r["id"])).collect()
}

async fn what_a_narrowed_scope_leaves_out_is_not_there(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, played) = TestApp::played(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let narrow = narrow(&app, "vitals", "rs").await;
    let whole = get(practice, "/fhir/Observation?_count=1000")
        .await
        .expect(200);
    let (vital, other): (Vec<&Value>, Vec<&Value>) = observations(&whole)
        .into_iter()
        .partition(|one| is_vital(one));
    assert!(vital.len() > 3 && other.len() > 3);

    let found = get(&narrow, "/fhir/Observation?_count=1000&_total=accurate")
        .await
        .expect(200);
    assert_eq!(ids(observations(&found)), ids(vital.iter().copied()));
    assert_eq!(found["total"].as_u64(), Some(vital.len() as u64));
    let count = get(&narrow, "/fhir/Observation?_count=0").await;
    assert_eq!(
        count.expect(200)["total"].as_u64(),
        Some(vital.len() as u64)
    );
    let seen = format!("/fhir/Observation/{}", text(&vital[0]["id"]));
    for path in ["", "/_history/1"] {
        get(&narrow, &format!("{seen}{path}")).await.expect(200);
    }
    let missing = get(&narrow, "/fhir/Observation/nothing").await;
    for one in &other {
        let hidden = format!("/fhir/Observation/{}", text(&one["id"]));
        for path in ["", "/_history/1"] {
            let answer = get(&narrow, &format!("{hidden}{path}")).await;
            assert_eq!((answer.status, &answer.text), (404, &missing.text));
        }
        let by_id = format!("/fhir/Observation?_total=accurate&_id={}", text(&one["id"]));
        assert_eq!(get(&narrow, &by_id).await.expect(200)["total"], 0);
    }
    let along = get(&narrow, "/fhir/Encounter?_revinclude=Observation:encounter").await;
    let along = along.expect(200);
    assert!(!observations(&along).is_empty());
    assert!(observations(&along).into_iter().all(is_vital));

    let papers = get(&narrow, "/fhir/Composition?_count=100")
        .await
        .expect(200);
    let papers = papers["entry"].as_array().expect("documents").clone();
    let mut told = 0;
    for paper in &papers {
        let path = format!(
            "/fhir/Composition/{}/$document",
            text(&paper["resource"]["id"])
        );
        // Some documents are of records that this client has no scope for: there are none then.
        let document = get(&narrow, &path).await.json();
        told += observations(&document).len();
        assert!(observations(&document).into_iter().all(is_vital));
    }
    assert!(told > 0);

    let path = format!("/kap/v1/episodes/{}", played.episode);
    let of = async |who: &Caller, part: &str| get(who, &format!("{path}{part}")).await.expect(200);
    // The practice has just read it: what is kept of that reading is not for this caller.
    let (mine, theirs) = (of(practice, "").await, of(&narrow, "").await);
    let scores = |episode: &Value| episode["outcomes"].as_array().map_or(0, Vec::len);
    assert!(scores(&mine) > 0 && scores(&theirs) == 0, "{theirs}");
    let export = of(&narrow, "/$export-episode").await;
    assert_eq!(ids(observations(&export)), ids(vital.iter().copied()));
    let (mine, theirs) = (
        of(practice, "/timeline").await,
        of(&narrow, "/timeline").await,
    );
    assert!(mine.to_string().len() > theirs.to_string().len());
    let told = theirs.to_string();
    assert!(other.iter().all(|one| !told.contains(text(&one["id"]))));
    app.stop().await;
}

async fn what_a_narrowed_scope_writes_is_of_what_it_speaks_of(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let narrow = narrow(&app, "vitals", "crus").await;
    let patient = get(practice, "/fhir/Patient").await.expect(200);
    let patient = text(&patient["entry"][0]["resource"]["id"]).to_owned();
    let made = |category: &str, name: &str| {
        json!({
            "resourceType": "Observation", "status": "final",
            "identifier": [{ "system": "urn:example:lab", "value": name }],
            "category": [{ "coding": [{ "system": CATEGORY, "code": category }] }],
            "code": { "coding": [{ "system": "http://loinc.org", "code": "8867-4" }] },
            "subject": { "reference": format!("Patient/{patient}") },
            "effectiveDateTime": "2026-05-01T10:00:00Z",
            "valueQuantity": { "value": 70, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min" },
        })
    };
    let refused = post(&narrow, "/fhir/Observation", &made("laboratory", "a")).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    let told = refused.header("www-authenticate");
    assert!(told.contains("insufficient_scope"), "{told}");
    assert!(
        refused
            .text
            .contains("allow to create Observation only where category=")
            && refused.text.contains("|vital-signs holds"),
        "{}",
        refused.text
    );
    let mut vital = post(&narrow, "/fhir/Observation", &made("vital-signs", "b"))
        .await
        .expect(201);
    vital["valueQuantity"]["value"] = json!(71);
    vital = put(&narrow, &vital).await.expect(200);
    let mut moved = vital.clone();
    moved["category"] = made("laboratory", "b")["category"].clone();
    assert_eq!(put(&narrow, &moved).await.status, 403);
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        { "resource": made("vital-signs", "c"), "request": { "method": "POST", "url": "Observation" } },
        { "resource": made("laboratory", "d"), "request": { "method": "POST", "url": "Observation" } },
    ]});
    assert_eq!(post(&narrow, "/fhir", &bundle).await.status, 403);
    let none = "/fhir/Observation?identifier=urn:example:lab|c";
    assert!(get(practice, none).await.expect(200).get("entry").is_none());

    // What became another thing is not there any more, nor are the versions from when it was one of these.
    let moved = put(practice, &moved).await.expect(200);
    let path = format!("/fhir/Observation/{}", text(&moved["id"]));
    for part in ["", "/_history/1", "/_history/2"] {
        let answer = get(&narrow, &format!("{path}{part}")).await;
        assert_eq!(answer.status, 404, "{part}");
    }
    assert_eq!(put(&narrow, &vital).await.status, 404);
    // And when it is one of these again, what it was in between is not.
    let mut back = moved.clone();
    back["category"] = vital["category"].clone();
    put(practice, &back).await.expect(200);
    for (version, status) in [(1, 200), (2, 200), (3, 404), (4, 200)] {
        let answer = get(&narrow, &format!("{path}/_history/{version}")).await;
        assert_eq!(answer.status, status, "{version}");
    }

    // A record that is hidden is none, also to the condition of a create.
    post(practice, "/fhir/Observation", &made("laboratory", "e"))
        .await
        .expect(201);
    let header = [("If-None-Exist", "identifier=urn:example:lab|e")];
    let create = async |who: &Caller, body: Value| {
        let body = Some(body.to_string());
        call(who, Method::POST, "/fhir/Observation", &header, body).await
    };
    assert_eq!(create(practice, made("vital-signs", "e")).await.status, 200);
    let new = create(&narrow, made("vital-signs", "e")).await;
    assert_eq!(new.status, 201, "{}", new.text);
    let again = create(&narrow, made("vital-signs", "e")).await;
    assert_eq!(again.status, 200, "{}", again.text);
    app.stop().await;
}
