use serde_json::{Value, json};

use super::*;
use crate::kap::Id;
use crate::mapping::codes::{RXNORM, SNOMED};

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
fn what_is_attached_is_named_by_its_whole_address() {
    let text = r#"{"resourceType":"DocumentReference","extension":[{"url":"urn:x","extension":[{"url":"kind","valueCode":"a"}]}],
        "content":[{"attachment":{"url":"Composition/c-1/$document"}},{"attachment":{"url":"Binary/b"}},
            {"attachment":{"url":"https://elsewhere.example/Binary/b"}},{"attachment":{"url":"urn:uuid:0b7c3e4e"}}]}"#;
    let out = outgoing(&key("DocumentReference", "d"), text, HERE, &mut |_| None);
    let value: Value = serde_json::from_str(&out.expect("a record")).expect("JSON");
    let urls: Vec<&Value> = (0..4)
        .map(|n| &value["content"][n]["attachment"]["url"])
        .collect();
    let whole = [
        "https://practice.example/fhir/Composition/c-1/$document",
        "https://practice.example/fhir/Binary/b",
        "https://elsewhere.example/Binary/b",
        "urn:uuid:0b7c3e4e",
    ];
    assert_eq!(urls, whole);
    assert_eq!(value["extension"][0]["extension"][0]["url"], "kind");
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

fn order(medicine: &Value) -> Value {
    let mut order = json!({ "resourceType": "MedicationRequest" });
    for (name, value) in medicine.as_object().into_iter().flatten() {
        order[name.as_str()] = value.clone();
    }
    order
}

fn unread_at(order: &Value, medicines: &[Value]) -> Option<&'static str> {
    unread("MedicationRequest", order, medicines).map(|(at, _)| at)
}

fn coded(system: &str, code: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code }] })
}

const BY_REFERENCE: &str = r#"{ "medicationReference": { "reference": "Medication/m" } }"#;

#[test]
fn an_order_of_ketamine_is_known_by_whatever_names_it() {
    let by_reference = order(&serde_json::from_str(BY_REFERENCE).expect("JSON"));
    for concept in [
        json!({ "text": "Ketamine lozenges" }),
        json!({ "text": "SPRAVATO 56 mg" }),
        json!({ "coding": [{ "display": "esketamine" }] }),
        coded(RXNORM, "6130"),
        coded(RXNORM, "2119365"),
        coded(SNOMED, "373464007"),
    ] {
        let known = |order: &Value, medicines: &[Value]| {
            assert_eq!(
                unread_at(order, medicines),
                Some("meta.profile"),
                "{concept}"
            );
        };
        known(
            &order(&json!({ "medicationCodeableConcept": concept })),
            &[],
        );
        let medicine = json!({ "resourceType": "Medication", "id": "m", "code": concept });
        let reference = json!({ "reference": "#m" });
        known(
            &order(&json!({ "medicationReference": reference, "contained": [medicine] })),
            &[],
        );
        known(&by_reference, &[medicine]);
        let ingredient = json!([{ "itemCodeableConcept": concept }]);
        known(
            &by_reference,
            &[json!({ "code": { "text": "Compound 7" }, "ingredient": ingredient })],
        );
    }
    let mut display = json!({ "medicationReference": { "display": "Ketamine 100 mg" } });
    assert_eq!(unread_at(&order(&display), &[]), Some("meta.profile"));
    display["medicationReference"]["reference"] = json!("Medication/m");
    let vague = json!({ "code": { "text": "Compound 7" } });
    assert_eq!(unread_at(&order(&display), &[vague]), Some("meta.profile"));
}

#[test]
fn an_order_of_another_medicine_is_a_record_like_any_other() {
    let by_reference = order(&serde_json::from_str(BY_REFERENCE).expect("JSON"));
    let other = json!({ "resourceType": "Medication", "code": { "text": "Sertraline" },
        "manufacturer": { "display": "Ketamine Works" },
        "identifier": [{ "system": URI, "value": "https://ketamine.example/fhir/Medication/m" }] });
    assert_eq!(unread_at(&by_reference, &[other]), None);
    let clinic = json!({ "resourceType": "Organization", "name": "Ketamine Clinic" });
    let own =
        json!({ "medicationCodeableConcept": { "text": "Sertraline" }, "contained": [clinic] });
    assert_eq!(unread_at(&order(&own), &[]), None);
    let told = json!({ "medicationReference": { "display": "Sertraline" } });
    assert_eq!(unread_at(&order(&told), &[]), None);
    // The same digits of another system are another thing.
    let mut own = coded(SNOMED, "6130");
    own["text"] = json!("Sertraline");
    assert_eq!(
        unread_at(&order(&json!({ "medicationCodeableConcept": own })), &[]),
        None
    );
}

#[test]
fn an_order_that_does_not_say_what_it_orders_is_not_one_of_another_medicine() {
    let by_reference = order(&serde_json::from_str(BY_REFERENCE).expect("JSON"));
    assert_eq!(unread_at(&by_reference, &[]), Some("medication"));
    assert_eq!(
        unread_at(&by_reference, &[json!({ "status": "active" })]),
        Some("medication")
    );
    let display = json!({ "medicationReference": { "reference": "Medication/9", "display": "Compound troche 7" } });
    assert_eq!(unread_at(&order(&display), &[]), Some("medication"));
    let own = json!({ "medicationCodeableConcept": coded(RXNORM, "1234567") });
    assert_eq!(unread_at(&order(&own), &[]), Some("medication"));
}

#[test]
fn of_all_visits_those_of_a_course_are_taken_over_once_they_are_over() {
    let system = crate::mapping::codes::system("kap-session-type");
    let visit = |status: &str, system: &str, code: &str| {
        json!({ "resourceType": "Encounter", "status": status,
            "type": [{ "coding": [{ "system": "https://partner.example/visit", "code": "V1" }, { "system": system, "code": code }] }] })
    };
    assert!(is_taken(
        "Encounter",
        &visit("finished", &system, "medical-follow-up")
    ));
    assert!(is_taken(
        "Encounter",
        &visit("finished", &system, "medical-evaluation")
    ));
    assert!(!is_taken(
        "Encounter",
        &visit("in-progress", &system, "medical-follow-up")
    ));
    assert!(!is_taken(
        "Encounter",
        &visit("finished", &system, "dosing")
    ));
    assert!(!is_taken(
        "Encounter",
        &visit(
            "finished",
            "https://partner.example/visit",
            "medical-follow-up"
        )
    ));
    assert!(!is_taken("Encounter", &json!({ "status": "finished" })));
    let (name, values) = narrowed("Encounter").expect("a parameter");
    assert_eq!(
        (name, values),
        (
            "type",
            format!("{system}|medical-evaluation,{system}|medical-follow-up")
        )
    );
    assert!(narrowed("Task").is_none() && is_taken("Task", &json!({})));
}
