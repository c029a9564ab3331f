//! A partner's server that is of another kind.

use kap_fhir::demo::script::Party;
use serde_json::{Value, json};

use super::{exchanged, peer, state, until};
use crate::app::{Db, TestApp};
use crate::both;
use crate::fhir_door::{CODES, STRUCTURE, cleared, get, referred, text};
use crate::peer::{Does, Fault, Habits, Peer, Support};

both!(
    a_referral_and_its_answer_go_both_ways,
    nothing_is_there_twice,
    visits_there_settle_what_is_due_here,
);

pub fn numbers(peer: &Peer) -> Vec<(String, usize)> {
    let kinds = [
        "Patient",
        "Task",
        "ServiceRequest",
        "Condition",
        "Consent",
        "QuestionnaireResponse",
        "EpisodeOfCare",
    ];
    let count = |kind: &str| (kind.to_owned(), peer.all(kind).len());
    kinds.into_iter().map(count).collect()
}

pub fn own(peer: &Peer, kind: &str) -> Value {
    let all = peer.all(kind);
    assert_eq!(all.len(), 1, "{kind}: {all:#?}");
    all[0].clone()
}

pub fn reference(value: &Value) -> Value {
    json!({ "reference": format!("{}/{}", text(&value["resourceType"]), text(&value["id"])) })
}

/// The Task as the partner's staff move it.
pub fn moved(peer: &Peer, status: &str, business: &str, at: &str) {
    let mut task = own(peer, "Task");
    task["status"] = json!(status);
    task["businessStatus"] = json!({ "coding": [{ "system": format!("{CODES}/kap-task-business-status"), "code": business }] });
    task["lastModified"] = json!(at);
    peer.put(task);
}

async fn a_referral_and_its_answer_go_both_ways(db: Db) {
    let app = TestApp::start(db, &referred()).await;
    let peer = peer(&app, Habits::default()).await;
    let played = app.play(&referred()).await;
    let practice = app.as_party(Party::Practice);
    until("the packet is there", || async {
        peer.all("Task").len() == 1
    })
    .await;
    let sent = exchanged(&app).await;
    assert_eq!(sent.status, "ok", "{sent:#?}");
    let (task, request, patient) = (
        own(&peer, "Task"),
        own(&peer, "ServiceRequest"),
        own(&peer, "Patient"),
    );
    assert_eq!(task["focus"], reference(&request));
    assert_eq!(task["for"]["reference"], reference(&patient)["reference"]);
    assert_eq!(task["status"], "requested");
    assert!(!peer.all("QuestionnaireResponse").is_empty());

    // Their staff take it on, evaluate and decide, between two fetches.
    moved(
        &peer,
        "accepted",
        "referral-accepted",
        "2026-06-03T12:40:00-07:00",
    );
    exchanged(&app).await;
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let shown = get(practice, &path).await.expect(200);
    assert_eq!(
        shown["referrals"][0]["taskEvents"][1]["status"], "accepted",
        "{shown}"
    );

    // Their clinician is one of the episode's team, known by the NPI alone.
    let team = get(practice, "/fhir/Practitioner?family=Exampleton")
        .await
        .expect(200);
    let identifier = team["entry"][0]["resource"]["identifier"].clone();
    let doctor = peer.put(json!({ "resourceType": "Practitioner", "active": true,
        "identifier": identifier, "name": [{ "family": "Exampleton" }] }));
    let doctor = json!({ "reference": format!("Practitioner/{doctor}") });
    let encounter = peer.put(json!({
        "resourceType": "Encounter", "status": "finished",
        "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR" },
        "type": [{ "coding": [{ "system": format!("{CODES}/kap-session-type"), "code": "medical-evaluation" }] }],
        "subject": reference(&patient), "participant": [{ "individual": doctor }],
        "period": { "start": "2026-06-10T12:00:00-07:00", "end": "2026-06-10T12:45:00-07:00" },
    }));
    peer.put(json!({
        "resourceType": "ClinicalImpression", "status": "completed",
        "extension": [
            { "url": format!("{STRUCTURE}/kap-clearance-decision"), "valueCodeableConcept": { "coding": [{ "system": format!("{CODES}/kap-clearance-decision"), "code": "cleared" }] } },
            { "url": format!("{STRUCTURE}/kap-clearance-validity"), "valuePeriod": { "start": "2026-06-10", "end": "2026-12-10" } },
            { "url": format!("{STRUCTURE}/kap-clearance-setting"), "valueCode": "in-person" },
            { "url": format!("{STRUCTURE}/kap-clearance-route"), "valueCodeableConcept": { "coding": [{ "system": "http://snomed.info/sct", "code": "37839007" }] } },
            { "url": format!("{STRUCTURE}/kap-clearance-dose-ceiling"), "valueQuantity": { "value": 300, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg" } },
        ],
        "subject": reference(&patient),
        "encounter": { "reference": format!("Encounter/{encounter}") },
        "date": "2026-06-10T13:05:00-07:00", "assessor": doctor,
    }));
    moved(
        &peer,
        "completed",
        "decision-issued",
        "2026-06-10T13:05:00-07:00",
    );
    let after = exchanged(&app).await;
    assert_eq!(after.reviews, 0, "{after:#?}");
    let shown = get(practice, &path).await.expect(200);
    assert_eq!(shown["phase"], "cleared", "{shown}");

    // What does not fit is kept, answered, and keeps nothing else back.
    let bad = peer.put(json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "subject": reference(&patient), "medicationCodeableConcept": { "text": "Ketamine lozenges" } }));
    // An order of another medicine is a record like any other, and a stranger's is none of ours.
    let other = peer.put(
        json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "subject": reference(&patient), "medicationCodeableConcept": { "text": "Sertraline" } }),
    );
    // What it orders is said by the Medication that it names.
    let medicine = peer
        .put(json!({ "resourceType": "Medication", "code": { "text": "Ketamine 100 mg troche" } }));
    let named = peer.put(json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "subject": reference(&patient), "medicationReference": { "reference": format!("Medication/{medicine}") } }));
    let stranger = peer.put(json!({ "resourceType": "Patient", "name": [{ "family": "Nobody" }] }));
    peer.put(json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "subject": { "reference": format!("Patient/{stranger}") }, "medicationCodeableConcept": { "text": "Ketamine" } }));
    let after = exchanged(&app).await;
    assert_eq!((after.reviews, after.status), (2, "ok"), "{after:#?}");
    let said = peer.all("Communication");
    let about: Vec<&str> = said
        .iter()
        .map(|one| text(&one["about"][0]["reference"]))
        .collect();
    let bad = [&bad, &named].map(|id| format!("MedicationRequest/{id}"));
    assert_eq!(about, bad);
    for said in &said {
        let payload = text(&said["payload"][0]["contentString"]);
        assert!(payload.contains("kap-ketamine-prescription"), "{said}");
    }
    let address = format!("{}/MedicationRequest/{other}", peer.base());
    let orders = get(
        practice,
        "/fhir/MedicationRequest?intent=order&identifier:missing=false",
    )
    .await
    .expect(200);
    let orders = orders["entry"].as_array().cloned().unwrap_or_default();
    let theirs = orders
        .iter()
        .filter(|e| e["resource"]["identifier"][0]["system"] == "urn:ietf:rfc:3986");
    let theirs: Vec<&Value> = theirs
        .map(|e| &e["resource"]["identifier"][0]["value"])
        .collect();
    assert_eq!(theirs, [address.as_str()]);
    exchanged(&app).await;
    assert_eq!(peer.all("Communication").len(), 2, "each is answered once");
    app.stop().await;
}

async fn nothing_is_there_twice(db: Db) {
    let app = TestApp::start(db, &referred()).await;
    let peer = peer(&app, Habits::default()).await;
    // It takes the packet, and the answer is lost.
    peer.fail(Fault::new(Does::DoAndCut).times(2).on("POST /"));
    app.play(&referred()).await;
    until("the packet is there", || async {
        peer.all("Task").len() == 1
    })
    .await;
    exchanged(&app).await;
    let before = numbers(&peer);
    assert!(before.iter().all(|(_, n)| *n > 0), "{before:?}");
    exchanged(&app).await;
    assert_eq!(numbers(&peer), before);
    // A server that knows neither transactions nor conditional creates.
    peer.set(|habits| {
        habits.transactions = Support::Refused;
        habits.conditional_create = Support::Refused;
    });
    exchanged(&app).await;
    assert_eq!(numbers(&peer), before);
    assert_eq!(state(&app).await.status, "ok");
    app.stop().await;
}

/// The prescriber as the server there has him.
pub fn doctor_of(peer: &Peer) -> Value {
    let all = peer.all("Practitioner");
    let mut all = all.iter();
    let doctor = all.find(|one| one["name"][0]["family"] == "Exampleton");
    reference(doctor.expect("the prescriber"))
}

/// A medical follow-up of the patient there.
pub fn visit(peer: &Peer, doctor: &Value, day: &str, status: &str) -> Value {
    let patient = reference(&own(peer, "Patient"));
    json!({ "resourceType": "Encounter", "status": status,
        "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR" },
        "type": [{ "coding": [{ "system": format!("{CODES}/kap-session-type"), "code": "medical-follow-up" }] }],
        "subject": patient, "participant": [{ "individual": doctor }],
        "period": { "start": format!("{day}T12:00:00-07:00"), "end": format!("{day}T12:30:00-07:00") } })
}

/// The medical follow-ups of an episode: the day from which each counts, and how it stands.
pub fn medical(shown: &Value) -> Vec<(String, String)> {
    let all = shown["followUps"].as_array().cloned().unwrap_or_default();
    let medical = all
        .iter()
        .filter(|f| text(&f["kind"]).starts_with("medical"));
    let mut all: Vec<_> = medical
        .map(|f| (text(&f["anchor"]).to_owned(), text(&f["status"]).to_owned()))
        .collect();
    all.sort();
    all
}

async fn visits_there_settle_what_is_due_here(db: Db) {
    let (app, played) = TestApp::played(db, &cleared()).await;
    let peer = peer(&app, Habits::default()).await;
    exchanged(&app).await;
    let practice = app.as_party(Party::Practice);
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let doctor = doctor_of(&peer);
    let visit = |day: &str, status: &str| visit(&peer, &doctor, day, status);
    let due = async || medical(&get(practice, &path).await.expect(200));
    let pair = |anchor: &str, status: &str| (anchor.to_owned(), status.to_owned());
    assert_eq!(due().await, [pair("2026-06-10", "open")]);
    // Another visit of the patient is none of ours, and the later follow-up comes first.
    let mut other = visit("2026-07-01", "finished");
    other["type"] = json!([{ "text": "Dermatology" }]);
    peer.put(other);
    let later = peer.put(visit("2026-09-01", "finished"));
    exchanged(&app).await;
    let now = exchanged(&app).await;
    assert_eq!(now.reviews, 0, "{}", super::told(&app).await);
    assert_eq!(
        due().await,
        [
            pair("2026-06-10", "overdue-resolved"),
            pair("2026-09-01", "open")
        ]
    );
    peer.put(visit("2026-07-08", "finished"));
    exchanged(&app).await;
    exchanged(&app).await;
    let want = [
        pair("2026-06-10", "overdue-resolved"),
        pair("2026-07-08", "done"),
        pair("2026-09-01", "open"),
    ];
    assert_eq!(due().await, want);
    // One was not held.
    let mut gone = visit("2026-09-01", "entered-in-error");
    gone["id"] = json!(later);
    peer.put(gone);
    exchanged(&app).await;
    let now = exchanged(&app).await;
    assert_eq!(now.reviews, 0, "{}", super::told(&app).await);
    let shown = get(practice, &path).await.expect(200);
    let sessions = shown["sessions"].as_array().cloned().unwrap_or_default();
    let held = sessions
        .iter()
        .find(|s| text(&s["start"]).starts_with("2026-09-01"));
    assert_eq!(held.expect("the visit")["status"], "entered-in-error");
    app.stop().await;
}
