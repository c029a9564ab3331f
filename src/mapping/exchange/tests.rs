use serde_json::json;

use super::*;
use crate::kap::Id;

const HERE: &str = "https://practice.example/fhir";
const THERE: &str = "https://partner.example/fhir";

fn key(kind: &str, id: &str) -> Key {
    Key::new(kind, Id::new(id).expect("an id"))
}

#[test]
fn what_leaves_bears_names_that_are_known_there() {
    let text = r##"{"resourceType":"MedicationAdministration","id":"m1","meta":{"versionId":"3","lastUpdated":"2026-01-01T00:00:00Z","profile":["urn:p"]},
        "subject":{"reference":"Patient/p1"},"context":{"reference":"https://practice.example/fhir/Encounter/e1"},
        "request":{"reference":"MedicationRequest/r1","display":"Lozenges"},"reasonReference":[{"reference":"#c"}],
        "dosage":{"dose":{"value":2.50,"unit":"mg"}}}"##;
    let mut place = |key: &Key| match &*key.kind {
        "Patient" => Some("Patient/77".into()),
        "Encounter" => Some("urn:uuid:e1".into()),
        _ => None,
    };
    let out = outgoing(
        &key("MedicationAdministration", "m1"),
        text,
        HERE,
        &mut place,
    );
    let out = out.expect("a record");
    assert!(out.contains("2.50"), "a dose keeps its digits: {out}");
    let value: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(value["subject"]["reference"], "Patient/77");
    assert_eq!(value["context"]["reference"], "urn:uuid:e1");
    assert_eq!(
        value["request"],
        json!({ "display": "Lozenges", "type": "MedicationRequest",
            "identifier": { "system": URI, "value": "https://practice.example/fhir/MedicationRequest/r1" } })
    );
    assert_eq!(value["reasonReference"][0]["reference"], "#c");
    assert_eq!(value["meta"], json!({ "profile": ["urn:p"] }));
    assert_eq!(value["id"], Value::Null);
    assert_eq!(
        value["identifier"],
        json!([{ "system": URI, "value": "https://practice.example/fhir/MedicationAdministration/m1" }])
    );
}

#[test]
fn what_comes_in_is_known_by_its_address() {
    let text = r#"{"resourceType":"MedicationRequest","id":"9","subject":{"reference":"https://partner.example/fhir/Patient/77"},
        "requester":{"reference":"Practitioner/5","display":"Dr. A"}}"#;
    let mut find = |kind: &str, id: &str| match (kind, id) {
        ("Patient", "77") => Some(key("Patient", "p1")),
        _ => None,
    };
    let out = incoming(("MedicationRequest", "9"), text, THERE, &mut find).expect("a record");
    let value: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(value["subject"]["reference"], "Patient/p1");
    assert_eq!(value["requester"]["reference"], Value::Null);
    assert_eq!(value["requester"]["display"], "Dr. A");
    assert_eq!(
        value["identifier"][0]["value"],
        "https://partner.example/fhir/MedicationRequest/9"
    );
}

#[test]
fn people_are_known_by_their_own_identifiers() {
    let record = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR" }] });
    let patient = json!({ "identifier": [{ "system": "urn:insurance", "value": "family" },
        { "system": "urn:mrn", "value": "7", "type": record }] });
    let of = |kind: &str, value: &Value| identifier(&key(kind, "a"), value, HERE);
    assert_eq!(of("Patient", &patient), ("urn:mrn".into(), "7".into()));
    let npi = json!({ "identifier": [{ "system": "urn:x", "value": "1" },
        { "system": "http://hl7.org/fhir/sid/us-npi", "value": "2" }] });
    assert_eq!(of("Practitioner", &npi).1, "2");
    let own = json!({ "identifier": [{ "system": "urn:x", "value": "1" }, { "system": "urn:own", "value": "a" }] });
    assert_eq!(of("Task", &own), ("urn:own".into(), "a".into()));
    let family = json!({ "identifier": [{ "system": "urn:insurance", "value": "family" }] });
    assert_eq!(of("Patient", &family).0, URI, "a family shares it");
    let single = json!({ "resourceType": "QuestionnaireResponse", "identifier": { "system": "s", "value": "a" } });
    assert_eq!(of("QuestionnaireResponse", &single).0, "s");
}

#[test]
fn a_digest_tells_what_is_said_and_not_when_it_was_stored() {
    let a = json!({ "resourceType": "Task", "id": "1", "status": "requested", "meta": { "versionId": "1" } });
    let b = json!({ "status": "requested", "meta": { "versionId": "2" }, "id": "2", "resourceType": "Task" });
    let c = json!({ "resourceType": "Task", "status": "accepted", "meta": {} });
    assert_eq!(digest(&a), digest(&b));
    assert_ne!(digest(&a), digest(&c));
}

#[test]
fn a_task_moves_and_stays_what_it_is() {
    let ours = json!({ "resourceType": "Task", "status": "requested", "for": { "reference": "Patient/p" }, "statusReason": { "text": "old" } });
    let theirs = json!({ "resourceType": "Task", "status": "accepted", "for": { "reference": "Patient/77" },
        "meta": { "lastUpdated": "2026-01-02T00:00:00Z" }, "businessStatus": { "coding": [{ "system": "s", "code": "c" }] } });
    assert_ne!(standing(&ours), standing(&theirs));
    let out = moved(&ours, &theirs);
    assert_eq!(standing(&out), standing(&theirs));
    assert_eq!(out["for"]["reference"], "Patient/p");
    assert_eq!(out["lastModified"], "2026-01-02T00:00:00Z");
    assert_eq!(out["statusReason"], Value::Null);
}

#[test]
fn each_record_is_of_one_flow_or_stays() {
    let none = json!({});
    let within = json!({ "encounter": { "reference": "Encounter/e" } });
    assert_eq!(flow("Observation", &none), Some(Flow::Referral));
    assert_eq!(flow("Observation", &within), Some(Flow::Sessions));
    assert_eq!(flow("Provenance", &none), None);
    assert_eq!(flow("Task", &none), None);
    assert_eq!(flow("MedicationRequest", &none), Some(Flow::Prescriptions));
    assert!(rank("Patient") < rank("Task") && rank("Task") < rank("Observation"));
}

#[test]
fn an_order_of_ketamine_is_known_by_whatever_names_it() {
    let order = |medicine: Value| {
        let mut order = json!({ "resourceType": "MedicationRequest" });
        for (name, value) in medicine.as_object().into_iter().flatten() {
            order[name.as_str()] = value.clone();
        }
        order
    };
    let at = |order: &Value, medicine: Option<&Value>| {
        super::unread("MedicationRequest", order, medicine).map(|(at, _)| at)
    };
    let coded =
        |system: &str, code: &str| json!({ "coding": [{ "system": system, "code": code }] });
    let (rxnorm, snomed) = (
        "http://www.nlm.nih.gov/research/umls/rxnorm",
        "http://snomed.info/sct",
    );
    for medicine in [
        json!({ "text": "Ketamine lozenges" }),
        json!({ "text": "SPRAVATO 56 mg" }),
        coded(rxnorm, "6130"),
        coded(rxnorm, "2119365"),
        coded(snomed, "373464007"),
    ] {
        let own = order(json!({ "medicationCodeableConcept": medicine }));
        assert_eq!(at(&own, None), Some("meta.profile"), "{medicine}");
        let within = json!({ "resourceType": "Medication", "id": "m", "code": medicine });
        let own = order(
            json!({ "medicationReference": { "reference": "#m" }, "contained": [within.clone()] }),
        );
        assert_eq!(at(&own, None), Some("meta.profile"), "{medicine}");
        let own = order(json!({ "medicationReference": { "reference": "Medication/m" } }));
        assert_eq!(at(&own, Some(&within)), Some("meta.profile"), "{medicine}");
        let mixed = json!({ "code": { "text": "Compound 7" }, "ingredient": [{ "itemCodeableConcept": medicine }] });
        assert_eq!(at(&own, Some(&mixed)), Some("meta.profile"), "{medicine}");
    }
    let other = json!({ "code": { "text": "Sertraline" } });
    let own = order(json!({ "medicationReference": { "reference": "Medication/m" } }));
    assert_eq!(at(&own, Some(&other)), None);
    assert_eq!(at(&own, None), Some("medicationReference"));
    let told = order(json!({ "medicationReference": { "display": "Sertraline" } }));
    assert_eq!(at(&told, None), None);
    // The same digits of another system are another thing.
    let own = order(json!({ "medicationCodeableConcept": coded(snomed, "6130") }));
    assert_eq!(at(&own, None), None);
}
