//! What every patient of the cohort has on record: a resource of each class and each label.

use serde_json::{Value, json};

const TERMS: &str = "http://terminology.hl7.org/CodeSystem";

fn labelled(mut value: Value, codes: &[&str]) -> Value {
    let coding = |code: &&str| {
        let level = ["N", "R", "V"].contains(code);
        let system = if level {
            "v3-Confidentiality"
        } else {
            "v3-ActCode"
        };
        json!({ "system": format!("{TERMS}/{system}"), "code": code })
    };
    value["meta"] = json!({ "security": codes.iter().map(coding).collect::<Vec<_>>() });
    value
}

/// The resources; the first is the indication. Of those that have a topic of their own `variant` chooses what they say.
pub fn kit(patient: &str, sender: &str, variant: usize) -> Vec<Value> {
    let subject = json!({ "reference": format!("Patient/{patient}") });
    let coded =
        |system: &str, code: &str| json!({ "coding": [{ "system": system, "code": code }] });
    let condition = |code: &str| {
        json!({ "resourceType": "Condition", "subject": subject,
            "clinicalStatus": coded(&format!("{TERMS}/condition-clinical"), "active"),
            "verificationStatus": coded(&format!("{TERMS}/condition-ver-status"), "confirmed"),
            "category": [coded(&format!("{TERMS}/condition-category"), "problem-list-item")],
            "code": coded("http://hl7.org/fhir/sid/icd-10-cm", code) })
    };
    let observation = |category: &str, code: &str| {
        json!({ "resourceType": "Observation", "status": "final", "subject": subject, "effectiveDateTime": "2026-05-03T10:00:00Z", "valueQuantity": { "value": 5, "unit": "{score}", "system": "http://unitsofmeasure.org", "code": "{score}" },
            "category": [coded(&format!("{TERMS}/observation-category"), category)], "code": coded("http://loinc.org", code) })
    };
    let message = |category: &str| {
        json!({ "resourceType": "Communication", "status": "completed", "subject": subject,
            "category": [coded(&format!("{TERMS}/communication-category"), category)], "sent": "2026-05-04T10:00:00Z",
            "sender": { "reference": format!("Practitioner/{sender}") }, "recipient": [{ "reference": format!("Practitioner/{sender}") }] })
    };
    let flag = || json!({ "resourceType": "Flag", "status": "active", "subject": subject, "code": { "text": "a flag" } });
    let document = |code: &str| {
        json!({ "resourceType": "DocumentReference", "status": "current", "subject": subject, "date": "2026-05-03T10:00:00Z",
            "type": coded("http://loinc.org", code), "content": [{ "attachment": { "contentType": "text/plain", "title": "a letter" } }] })
    };
    let allergy = |to: &str| {
        json!({ "resourceType": "AllergyIntolerance", "patient": subject, "code": { "text": to },
            "clinicalStatus": coded(&format!("{TERMS}/allergyintolerance-clinical"), "active") })
    };
    let or = |a: &'static str, b: &'static str| [a, b][variant];
    vec![
        condition("F33.2"),
        condition(or("F10.20", "F11.20")),
        labelled(condition(or("F43.10", "F43.12")), &["R", "SDV"]),
        labelled(condition(or("F32.1", "F32.2")), &["R", "PSY", "42CFRPart2"]),
        condition(or("B20", "Z21")),
        observation("survey", "44261-6"),
        observation("laboratory", "2093-3"),
        observation("vital-signs", "85354-9"),
        observation("social-history", "82810-3"),
        observation("survey", or("75626-2", "82667-7")),
        labelled(observation("exam", or("10197-2", "8302-2")), &["R", "HIV"]),
        labelled(
            observation("exam", or("10198-0", "8867-4")),
            &["R", "MST", "PSY"],
        ),
        labelled(
            observation("exam", or("10199-8", "3141-9")),
            &["R", "ETHUD"],
        ),
        labelled(observation("exam", or("10200-4", "9279-1")), &["R", "SUD"]),
        labelled(observation("exam", or("10201-2", "8310-5")), &["V", "PSY"]),
        labelled(observation("exam", "10202-0"), &["R", "MH"]),
        labelled(observation("laboratory", "2085-9"), &["N"]),
        allergy("penicillin"),
        labelled(allergy(or("disulfiram", "naltrexone")), &["R", "ETH"]),
        json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "plan", "subject": subject,
            "medicationCodeableConcept": { "text": "sertraline" } }),
        json!({ "resourceType": "Goal", "lifecycleStatus": "active", "subject": subject, "description": { "text": "sleep" } }),
        labelled(
            json!({ "resourceType": "Goal", "lifecycleStatus": "active", "subject": subject, "description": { "text": or("safety", "intimacy") } }),
            &["R", "SEX"],
        ),
        message("alert"),
        labelled(message("alert"), &["R", "PSY", "ETH"]),
        message("notification"),
        labelled(
            message("notification"),
            &["R", "PSY", "NOAUTH", "PERSISTLABEL"],
        ),
        labelled(message("notification"), &["R", "PRS"]),
        flag(),
        labelled(flag(), &["R", "PSY", "B"]),
        document("11488-4"),
        document("78472-8"),
        labelled(
            document("34788-0"),
            &["R", "PSY", "42CFRPart2", "ETH", "NORDSCLCD"],
        ),
    ]
}
