//! Searches that go beyond one type: chains, what comes along, compartments, the whole record, the service's own forms.

use kap_fhir::access::Role;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::client::client;
use crate::fhir_door::{FIRST, call, get, only, text};

mod along;
mod forms;
mod places;

both!(chains_are_followed, narrowed_scopes_hold_on_every_step);

async fn start(db: Db) -> (TestApp, Value) {
    let (full, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &full).await;
    let patient = only(app.as_party(Party::Practice), "/fhir/Patient").await;
    (app, patient)
}

fn key(resource: &Value) -> String {
    format!(
        "{}/{}",
        text(&resource["resourceType"]),
        text(&resource["id"])
    )
}

/// The resources of a searchset of this mode.
fn of_mode(set: &Value, mode: &str) -> Vec<Value> {
    let entries = set["entry"].as_array().into_iter().flatten();
    let entries = entries.filter(|e| e["search"]["mode"] == mode);
    entries.map(|e| e["resource"].clone()).collect()
}

async fn matches(caller: &Caller, path: &str) -> Vec<Value> {
    of_mode(&get(caller, path).await.expect(200), "match")
}

async fn chains_are_followed(db: Db) {
    let (app, patient) = start(db).await;
    let practice = app.as_party(Party::Practice);
    let family = text(&patient["name"][0]["family"]);
    let identifier = format!(
        "{}|{}",
        text(&patient["identifier"][0]["system"]),
        text(&patient["identifier"][0]["value"])
    );
    let observations = matches(practice, "/fhir/Observation?_count=1000")
        .await
        .len();
    let count = async |path: &str| {
        matches(practice, &format!("/fhir/{path}&_count=1000"))
            .await
            .len()
    };
    for (query, some) in [
        (format!("patient.name={family}"), true),
        (format!("subject:Patient.identifier={identifier}"), true),
        (format!("subject.family:exact={family}"), true),
        ("patient.birthdate=lt1900".to_owned(), false),
        (
            format!("patient.name={family}&patient.birthdate=gt1900"),
            true,
        ),
        (
            format!("encounter.patient.name={family}&patient.name=nobody"),
            false,
        ),
    ] {
        let found = count(&format!("Observation?{query}")).await;
        assert_eq!(found, if some { observations } else { 0 }, "{query}");
    }
    // Two links, and a criterion beside the chain.
    let deep = count(&format!("Observation?encounter.patient.name={family}")).await;
    let with_encounter = count("Observation?encounter:missing=false").await;
    assert_eq!(deep, with_encounter);
    let finished = matches(
        practice,
        "/fhir/Observation?encounter.status=finished&_count=1000",
    )
    .await;
    let vital = matches(
        practice,
        "/fhir/Observation?encounter:Encounter.status=finished&category=vital-signs&_count=1000&_sort=-date",
    )
    .await;
    assert!(
        vital.len() > 3 && vital.len() < finished.len(),
        "{}",
        vital.len()
    );
    for (query, found) in [
        ("_has:Observation:patient:code=8867-4", 1),
        ("_has:Observation:patient:code=none", 0),
        (
            "_has:MedicationRequest:subject:medication.code:missing=false",
            1,
        ),
        ("_has:Observation:patient:encounter.status=finished", 1),
        ("_has:Observation:patient:encounter.status=planned", 0),
    ] {
        assert_eq!(count(&format!("Patient?{query}")).await, found, "{query}");
    }
    let form = call(
        practice,
        Method::POST,
        "/fhir/Patient/_search?_has:Goal:patient:lifecycle-status=active",
        &[("Content-Type", "application/x-www-form-urlencoded")],
        None,
    );
    let set = form.await.expect(200);
    assert_eq!(of_mode(&set, "match").len(), 1, "{set}");
    // Pages of a chain, and its self link.
    let first = format!("/fhir/Observation?patient.name={family}&_count=5&_total=accurate");
    let set = get(practice, &first).await.expect(200);
    assert_eq!(set["total"].as_u64(), Some(observations as u64));
    assert!(
        text(&set["link"][0]["url"]).contains(&format!("patient.name={family}")),
        "{set}"
    );
    assert!(text(&set["link"][1]["url"]).contains("_cursor="), "{set}");
    // What meets a chain, a conditional create knows.
    let finding = json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": {"reference": key(&patient)}});
    for (name, status) in [(family, 412), ("nobody", 201)] {
        let unless = format!("subject:Patient.name={name}");
        let headers = [("If-None-Exist", &*unless)];
        let body = Some(finding.to_string());
        let answer = call(practice, Method::POST, "/fhir/Observation", &headers, body).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    app.stop().await;
}

async fn narrowed_scopes_hold_on_every_step(db: Db) {
    let (app, patient) = start(db).await;
    let category = "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs";
    let scope =
        format!("system/Patient.rs system/Encounter.rs system/Observation.rs?category={category}");
    let role = Role::PracticeTherapist;
    let narrow = client(&app, "steps", "org-practice-01", role, &scope).await;
    let practice = app.as_party(Party::Practice);
    let id = text(&patient["id"]);
    for (query, whole, less) in [
        (
            "Patient?_has:Observation:patient:category=vital-signs",
            1,
            1,
        ),
        ("Patient?_has:Observation:patient:category=survey", 1, 0),
    ] {
        let path = format!("/fhir/{query}&_total=accurate");
        let [a, b] = [
            get(practice, &path).await.expect(200),
            get(&narrow, &path).await.expect(200),
        ];
        assert!(a["total"].as_u64() >= Some(whole), "{query}: {a}");
        assert_eq!(b["total"].as_u64(), Some(less), "{query}: {b}");
    }
    let vital = |r: &Value| {
        r["resourceType"] != "Observation" || r["category"].to_string().contains("vital-signs")
    };
    for path in [
        format!("/fhir/Patient/{id}/*?_count=1000"),
        format!("/fhir/Patient/{id}/Observation?_count=1000"),
        "/fhir?_count=1000".to_owned(),
        "/fhir/Patient?_revinclude=*".to_owned(),
        "/fhir/Encounter?_revinclude:iterate=Observation:*&_count=1000".to_owned(),
    ] {
        let set = get(&narrow, &path).await.expect(200);
        let all = [of_mode(&set, "match"), of_mode(&set, "include")].concat();
        assert!(
            all.iter().any(|r| r["resourceType"] == "Observation"),
            "{path}"
        );
        assert!(all.iter().all(vital), "{path}");
    }
    for path in [
        "/fhir/Patient?_has:Condition:patient:code=x",
        "/fhir?_type=Condition",
    ] {
        assert_eq!(get(&narrow, path).await.status, 403, "{path}");
    }
    app.stop().await;
}
