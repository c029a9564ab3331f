//! Records that no episode needs: what an EHR sends of a patient who has none, and valid FHIR that states no KAP fact.

use kap_fhir::access::Role;

use super::world::{World, patient};
use super::*;
use crate::both;
use crate::client::client;

both!(
    a_patient_without_an_episode_has_records,
    what_is_of_kap_needs_its_episode,
    an_episode_takes_what_it_does_not_understand
);

fn pulse(patient: &str) -> Value {
    json!({ "resourceType": "Observation", "status": "final",
        "code": { "coding": [{ "system": "http://loinc.org", "code": "8867-4", "display": "Heart rate" }] },
        "subject": { "reference": patient }, "effectiveDateTime": "2026-11-01T10:00:00Z",
        "valueQuantity": { "value": 72, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min" } })
}

fn entry(url: &str, resource: &Value) -> Value {
    let kind = &resource["resourceType"];
    json!({ "fullUrl": url, "resource": resource, "request": { "method": "POST", "url": kind } })
}

fn somebody() -> Value {
    json!({ "resourceType": "Patient", "name": [{ "family": "Rivera", "given": ["Test"] }],
        "identifier": [{ "system": "https://ehr.example.org/mrn", "value": "SYN-900001" }],
        "gender": "female", "birthDate": "1980-02-03" })
}

async fn a_patient_without_an_episode_has_records(db: Db) {
    let w = World::new(db).await;
    let url = "urn:uuid:0b6d8f4e-6c0d-4b8e-9c4a-0b7f9d1f2a11";
    let both = json!({ "resourceType": "Bundle", "type": "transaction",
        "entry": [entry(url, &somebody()), entry("urn:uuid:0b6d8f4e-6c0d-4b8e-9c4a-0b7f9d1f2a12", &pulse(url))] });
    let answer = post(w.practice(), "/fhir", &both).await.expect(200);
    let at = |n: usize| {
        let location = answer["entry"][n]["response"]["location"].as_str();
        let location = location.expect("a location").split("/_history").next();
        let mut parts = location.expect("a path").rsplit('/');
        let (id, kind) = (parts.next().expect("id"), parts.next().expect("type"));
        format!("{kind}/{id}")
    };
    let (patient, first) = (at(0), at(1));
    let second = post(w.practice(), "/fhir/Observation", &pulse(&patient)).await;
    let second = second.expect(201);

    let path = format!("/fhir/Observation?patient={patient}&code=8867-4&_total=accurate");
    let set = get(w.practice(), &path).await.expect(200);
    assert_eq!(set["total"], 2, "{set}");
    // It is the practice's, and nobody else's: no episode and no consent gives it to others.
    let elsewhere = client(
        &w.app,
        "elsewhere",
        "org-practice-02",
        Role::PracticeTherapist,
        "system/*.cruds",
    );
    let elsewhere = elsewhere.await;
    for caller in [w.partner(), &elsewhere] {
        let hidden = get(caller, &format!("/fhir/{first}")).await;
        assert_eq!(hidden.status, 404, "{}", hidden.text);
        let none = get(caller, &path).await;
        assert!(
            none.json()["total"] == json!(0) || none.status >= 400,
            "{}",
            none.text
        );
        let theirs = post(caller, "/fhir/Observation", &pulse(&patient)).await;
        assert!(matches!(theirs.status, 403 | 422), "{}", theirs.text);
    }
    let mut next = second.clone();
    next["status"] = json!("amended");
    let next = put(w.practice(), &next).await.expect(200);
    assert_eq!(next["meta"]["versionId"], "2");
}

async fn what_is_of_kap_needs_its_episode(db: Db) {
    let w = World::new(db).await;
    let patient = post(w.practice(), "/fhir/Patient", &somebody())
        .await
        .expect(201);
    let patient = format!("Patient/{}", text(&patient["id"]));
    let mut dose = pulse(&patient);
    dose["meta"] = json!({ "profile": [format!("{STRUCTURE}/kap-session-vital-sign")] });
    let consent = json!({ "resourceType": "Consent", "status": "active", "dateTime": "2026-11-01T10:00:00Z",
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "patient": { "reference": patient },
        "policyRule": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN" }] } });
    let mut nobodys = pulse(&patient);
    nobodys.as_object_mut().map(|o| o.remove("subject"));
    for record in [&dose, &consent, &nobodys] {
        let kind = text(&record["resourceType"]);
        let answer = post(w.practice(), &format!("/fhir/{kind}"), record).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
    }
}

async fn an_episode_takes_what_it_does_not_understand(db: Db) {
    let w = World::new(db).await;
    let subject = json!({ "reference": format!("Patient/{}", patient(&w.own)) });
    let worded = json!({ "resourceType": "Condition", "subject": subject, "code": { "text": "Tinnitus" },
        "clinicalStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active" }] } });
    let inside = json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": subject,
        "contained": [{ "resourceType": "Medication", "id": "m", "code": { "text": "Sertraline 50 mg" } }],
        "medicationReference": { "reference": "#m" } });
    let survey = json!({ "resourceType": "Observation", "status": "final", "subject": subject,
        "code": { "coding": [{ "system": "http://loinc.org", "code": "11341-5", "display": "History of Occupation" }] },
        "category": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "social-history" }] }],
        "valueString": "Carpenter", "effectiveDateTime": "2026-11-01" });
    let before = format!("/kap/v1/episodes/{}", w.own.episode);
    for record in [&worded, &inside, &survey] {
        let kind = text(&record["resourceType"]);
        let stored = post(w.practice(), &format!("/fhir/{kind}"), record)
            .await
            .expect(201);
        let read = get(
            w.practice(),
            &format!("/fhir/{kind}/{}", text(&stored["id"])),
        )
        .await;
        assert_eq!(read.status, 200, "{}", read.text);
        // The partner treats in this episode: what joins it is told by the same rules as the rest of it.
        get(w.practice(), &before).await.expect(200);
    }
    let lists = get(w.practice(), &before).await.text;
    assert!(lists.contains("Sertraline 50 mg"), "{lists}");
    // What the rules must understand is refused with what is missing, not put beside them.
    let event =
        json!({ "resourceType": "AdverseEvent", "actuality": "actual", "subject": subject });
    let answer = post(w.practice(), "/fhir/AdverseEvent", &event).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
}
