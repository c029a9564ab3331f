//! Who sees a part of a record: which, and that nothing tells the rest.

mod documents;

use kap_fhir::access::Role;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use kap_fhir::kap::Episode;
use kap_fhir::kap::lift::lift;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Db, TestApp};
use crate::both;
use crate::client::client;
use crate::fhir_door::{Answer, call, get, post, put, text};

both!(
    a_pharmacy_sees_what_it_ships_by,
    an_integrator_reads_no_words,
    an_address_is_hidden_where_it_is_dangerous,
    a_part_is_never_written_back
);

const FIRST: &str = include_str!("../samples/01-adult-trd-remote-lozenge.json");

/// The first sample, whose privacy consent also permits what is labelled `SDV`.
fn open() -> Episode {
    let mut file: Value = serde_json::from_str(FIRST).expect("json");
    let rules = file["consents"][2]["exceptions"].as_array_mut();
    for rule in rules
        .expect("rules")
        .iter_mut()
        .filter(|r| r["type"] == "permit")
    {
        let labels = rule["securityLabels"].as_array_mut().expect("labels");
        labels.push(json!("SDV"));
    }
    lift(&file.to_string()).expect("an episode").episode
}

async fn start(db: Db) -> (TestApp, String) {
    let episode = open();
    let (app, played) = TestApp::played(db, &episode).await;
    (app, played.episode.clone())
}

async fn first(who: &Caller, query: &str) -> Value {
    get(who, &format!("/fhir/{query}")).await.expect(200)["entry"][0]["resource"].clone()
}

fn is_marked(value: &Value) -> bool {
    let labels = value["meta"]["security"].as_array().into_iter().flatten();
    labels.into_iter().any(|label| label["code"] == "REDACTED")
}

fn names(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(n, _)| n.as_str())
        .collect()
}

/// A part has no version to ask by.
fn is_bare(answer: &Answer) {
    assert_eq!(
        (answer.header("etag"), answer.header("last-modified")),
        ("", "")
    );
}

/// Adds to the Patient what a pharmacy needs not know.
async fn fill_in(practice: &Caller, labels: &[&str]) -> Value {
    let mut patient = first(practice, "Patient").await;
    let social = json!({"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "SS"}]},
        "system": "http://hl7.org/fhir/sid/us-ssn", "value": "900-00-0001"});
    patient["identifier"]
        .as_array_mut()
        .expect("identifiers")
        .push(social);
    patient["contact"] = json!([{"name": {"family": "Standby", "given": ["Sam"]}, "telecom": [{"system": "phone", "value": "+1-555-0199"}]}]);
    patient["maritalStatus"] = json!({"text": "separated"});
    for code in labels {
        let label =
            json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code});
        patient["meta"]["security"]
            .as_array_mut()
            .expect("labels")
            .push(label);
    }
    put(practice, &patient).await.expect(200)
}

async fn a_pharmacy_sees_what_it_ships_by(db: Db) {
    let (app, _) = start(db).await;
    let (practice, pharmacy) = (app.as_party(Party::Practice), app.as_party(Party::Pharmacy));
    let whole = fill_in(practice, &[]).await;
    let path = format!("/fhir/Patient/{}", text(&whole["id"]));
    let answer = get(pharmacy, &path).await;
    is_bare(&answer);
    let seen = answer.expect(200);
    assert_eq!(
        names(&seen),
        [
            "resourceType",
            "id",
            "meta",
            "identifier",
            "active",
            "name",
            "telecom",
            "gender",
            "birthDate",
            "address"
        ]
    );
    assert!(is_marked(&seen) && !is_marked(&whole), "{seen}");
    assert_eq!(seen["identifier"].as_array().map(Vec::len), Some(1));
    assert_eq!(seen["identifier"][0]["type"]["coding"][0]["code"], "MR");
    assert_eq!(first(pharmacy, "Patient").await, seen);
    let version = text(&whole["meta"]["versionId"]);
    let old = get(pharmacy, &format!("{path}/_history/{version}")).await;
    is_bare(&old);
    assert_eq!(old.expect(200), seen);
    let etag = format!("W/\"{version}\"");
    let unchanged = [("if-none-match", etag.as_str())];
    assert_eq!(
        call(pharmacy, Method::GET, &path, &unchanged, None)
            .await
            .status,
        200
    );
    assert_eq!(
        call(practice, Method::GET, &path, &unchanged, None)
            .await
            .status,
        304
    );

    // Nor is it told by asking: a parameter over what is hidden is none.
    let strict = [("prefer", "handling=strict")];
    for query in [
        "Patient?identifier=900-00-0001",
        "Patient?address-city=X",
        "Patient?race=x",
        "Patient?language=en",
        "Patient?general-practitioner=x",
        "Patient?identifier:missing=true",
        "MedicationRequest?encounter=x",
    ] {
        let path = format!("/fhir/{query}");
        let answer = call(pharmacy, Method::GET, &path, &strict, None).await;
        assert_eq!(answer.status, 400, "{query}");
        let (kind, name) = query.split_once('?').expect("a query");
        let name = name.split('=').next().expect("a name");
        assert!(
            answer
                .text
                .contains(&format!("{kind} has no search parameter '{name}'")),
            "{}",
            answer.text
        );
        assert_eq!(
            call(practice, Method::GET, &path, &strict, None)
                .await
                .status,
            200,
            "{query}"
        );
        let ignored = get(pharmacy, &path).await.expect(200);
        assert!(
            ignored
                .to_string()
                .contains("Not supported and therefore ignored"),
            "{ignored}"
        );
    }
    let beside = "/fhir/Patient?_include=Patient:general-practitioner";
    assert_eq!(get(pharmacy, beside).await.status, 400);
    assert_eq!(get(practice, beside).await.status, 200);

    let order = first(pharmacy, "MedicationRequest?intent=order").await;
    assert!(is_marked(&order));
    for gone in ["reasonReference", "reasonCode", "encounter", "note", "text"] {
        assert!(order[gone].is_null(), "{gone}: {order}");
    }
    assert!(order["dosageInstruction"][0]["text"].is_string(), "{order}");
    let along = get(
        pharmacy,
        "/fhir/MedicationDispense?_include=MedicationDispense:patient",
    )
    .await
    .expect(200);
    let entries = along["entry"].as_array().expect("entries");
    let patient = entries
        .iter()
        .find(|e| e["resource"]["resourceType"] == "Patient");
    assert_eq!(patient.map(|e| &e["resource"]), Some(&seen));
    let dispense = first(pharmacy, "MedicationDispense").await;
    assert!(!is_marked(&dispense));
    let dispense = get(
        pharmacy,
        &format!("/fhir/MedicationDispense/{}", text(&dispense["id"])),
    )
    .await;
    assert!(dispense.header("etag").starts_with("W/"));
    app.stop().await;
}

async fn an_integrator_reads_no_words(db: Db) {
    let (app, episode) = start(db).await;
    let all = "system/*.rs";
    let integrator = client(
        &app,
        "integrator",
        "org-external-pcp",
        Role::Integrator,
        all,
    )
    .await;
    for kind in [
        "Observation",
        "Encounter",
        "MedicationAdministration",
        "Composition",
        "Condition",
        "Patient",
    ] {
        let set = get(&integrator, &format!("/fhir/{kind}")).await.expect(200);
        let entries = set["entry"].as_array().expect(kind);
        for entry in entries {
            let value = &entry["resource"];
            assert!(
                is_marked(value) && value["text"].is_null() && value["note"].is_null(),
                "{value}"
            );
            let sections = value["section"].as_array().into_iter().flatten();
            assert!(sections.into_iter().all(|s| s["text"].is_null()), "{value}");
        }
    }
    let shown = get(&integrator, &format!("/kap/v1/episodes/{episode}"))
        .await
        .expect(200);
    assert!(shown["sessions"][0]["clinicalSummary"].is_null(), "{shown}");
    assert!(
        shown["patient"]["preferredLanguage"].is_string()
            && shown["sessions"].as_array().is_some_and(|s| s.len() > 2)
    );
    for part in ["timeline", "trends", "$export-episode"] {
        assert_eq!(
            get(&integrator, &format!("/kap/v1/episodes/{episode}/{part}"))
                .await
                .status,
            200,
            "{part}"
        );
    }
    let other = get(&integrator, "/fhir/DocumentReference?description=KAP").await;
    assert!(other.text.contains("ignored"), "{}", other.text);
    app.stop().await;
}

async fn an_address_is_hidden_where_it_is_dangerous(db: Db) {
    let (app, episode) = start(db).await;
    let practice = app.as_party(Party::Practice);
    let path = format!(
        "/fhir/Patient/{}",
        text(&first(practice, "Patient").await["id"])
    );
    let partner = app.as_party(Party::Partner);
    assert!(get(partner, &path).await.expect(200)["address"].is_array());
    fill_in(practice, &["SDV"]).await;
    for party in [Party::Partner, Party::Pharmacy, Party::Ehr] {
        let answer = get(app.as_party(party), &path).await;
        assert_eq!(answer.status, 200, "{party:?}");
        is_bare(&answer);
        let seen = answer.expect(200);
        assert!(seen["address"].is_null() && is_marked(&seen), "{seen}");
        assert!(seen["name"].is_array(), "{seen}");
        // So is the one from before it was known to be dangerous.
        let before = format!("{path}/_history/1");
        let before = get(app.as_party(party), &before).await.expect(200);
        assert!(
            before["address"].is_null() && is_marked(&before),
            "{before}"
        );
    }
    assert!(get(practice, &path).await.expect(200)["address"].is_array());
    for party in [Party::Partner, Party::Ehr] {
        let shown = get(app.as_party(party), &format!("/kap/v1/episodes/{episode}"))
            .await
            .expect(200);
        assert!(
            shown["patient"]["address"].is_null() && shown["patient"]["name"].is_object(),
            "{shown}"
        );
    }
    app.stop().await;
}

async fn a_part_is_never_written_back(db: Db) {
    let (app, _) = start(db).await;
    let (practice, partner) = (app.as_party(Party::Practice), app.as_party(Party::Partner));
    let finder = first(partner, "DocumentReference?_count=1").await;
    assert!(is_marked(&finder), "{finder}");
    let mut clean = finder.clone();
    let labels = clean["meta"]["security"].as_array_mut().expect("labels");
    labels.retain(|label| label["code"] != "REDACTED");
    let refused = put(partner, &clean).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.text.contains("business-rule") && refused.text.contains("a part of this record"),
        "{}",
        refused.text
    );
    let entry = json!({"resource": clean, "request": {"method": "PUT", "url": format!("DocumentReference/{}", text(&clean["id"]))}});
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry]});
    assert_eq!(post(partner, "/fhir", &bundle).await.status, 422);

    let system = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";
    let patient = first(practice, "Patient").await;
    for (list, code) in [
        ("tag", "SUBSETTED"),
        ("security", "SUBSETTED"),
        ("security", "REDACTED"),
        ("tag", "REDACTED"),
    ] {
        let mut part = patient.clone();
        let mark = json!({"system": system, "code": code});
        part["meta"][list].as_array_mut().expect(list).push(mark);
        let refused = put(practice, &part).await;
        assert_eq!(refused.status, 422, "{list} {code}: {}", refused.text);
        assert!(
            refused.text.contains(&format!("Patient.meta.{list}")),
            "{}",
            refused.text
        );
        part.as_object_mut().expect("an object").remove("id");
        assert_eq!(
            post(practice, "/fhir/Patient", &part).await.status,
            422,
            "{list} {code}"
        );
    }
    app.stop().await;
}
