//! The FHIR door: what a partner sends becomes the same record as what the practice's API takes, and keeps its bytes.

use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use kap_fhir::kap::dosing::SessionType;
use kap_fhir::kap::{Episode, Phase};
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::sample;
use crate::app::{Db, TestApp};
use crate::both;

both!(
    two_doors_one_record,
    a_partner_plays_its_part,
    prescription_and_supply_in_one_transaction,
    refusals_name_their_element,
    facts_are_flagged_not_refused,
    versions_and_preferences,
    references_and_shapes,
    pages_are_stable,
    us_core_searches,
);

const FIRST: &str = include_str!("../samples/01-adult-trd-remote-lozenge.json");
const STRUCTURE: &str = "https://kap-interop.example.org/fhir/StructureDefinition";
const CODES: &str = "https://kap-interop.example.org/fhir/CodeSystem";

/// An answer with everything that a test looks at.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The body, if the status is as expected.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// The first `expression` of an OperationOutcome.
    pub fn expression(&self) -> String {
        let value = self.json();
        let at = &value["issue"][0]["expression"][0];
        at.as_str().unwrap_or_default().to_owned()
    }
}

/// Sends a request with these headers; a body is sent as it is.
pub async fn call(
    caller: &Caller,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<String>,
) -> Answer {
    let mut request = caller
        .http
        .request(method, format!("{}{path}", caller.base))
        .bearer_auth(&caller.token);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request
            .header("Content-Type", "application/fhir+json")
            .body(body);
    }
    let response = request.send().await.expect("answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("text");
    Answer {
        status,
        headers,
        text,
    }
}

pub async fn get(caller: &Caller, path: &str) -> Answer {
    call(caller, Method::GET, path, &[], None).await
}

pub async fn post(caller: &Caller, path: &str, body: &Value) -> Answer {
    call(caller, Method::POST, path, &[], Some(body.to_string())).await
}

pub async fn put(caller: &Caller, body: &Value) -> Answer {
    let path = format!(
        "/fhir/{}/{}",
        text(&body["resourceType"]),
        text(&body["id"])
    );
    call(caller, Method::PUT, &path, &[], Some(body.to_string())).await
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The one match of a search.
async fn only(caller: &Caller, path: &str) -> Value {
    let set = get(caller, path).await.expect(200);
    let entries = set["entry"].as_array().cloned().unwrap_or_default();
    assert_eq!(entries.len(), 1, "{path}: {set}");
    entries[0]["resource"].clone()
}

/// The first sample up to its referral: nothing of the partner has happened yet.
fn referred() -> Episode {
    let mut e = sample(FIRST).0;
    e.clearances.clear();
    e.prescriptions.clear();
    e.dispenses.clear();
    e.inventory.clear();
    e.outcomes.clear();
    e.adverse_events.clear();
    e.intentions.clear();
    e.communications.clear();
    e.follow_ups.clear();
    e.treatment_plan = None;
    e.sessions.retain(|s| s.kind == SessionType::Consultation);
    e.phase_history.retain(|p| {
        matches!(
            p.phase,
            Phase::Referred | Phase::Consultation | Phase::EvaluationRequested
        )
    });
    e.phase = Phase::EvaluationRequested;
    for referral in &mut e.referrals {
        referral.task_events.truncate(1);
    }
    e
}

/// The same up to the partner's evaluation: the decision is next.
fn evaluated() -> Episode {
    let full = sample(FIRST).0;
    let mut e = referred();
    let evaluation = |s: &&kap_fhir::kap::dosing::Session| s.kind == SessionType::MedicalEvaluation;
    e.sessions
        .extend(full.sessions.iter().find(evaluation).cloned());
    for (referral, whole) in e.referrals.iter_mut().zip(&full.referrals) {
        referral.task_events.clone_from(&whole.task_events);
        referral.task_events.pop();
    }
    e
}

/// The whole sample's clearance, with nothing in it that names a document outside the record.
fn cleared() -> Episode {
    let full = sample(FIRST).0;
    let mut e = evaluated();
    e.clearances.clone_from(&full.clearances);
    for clearance in &mut e.clearances {
        clearance.document_id = None;
        for condition in &mut clearance.conditions {
            (condition.satisfied_at, condition.satisfied_by) = (None, None);
        }
    }
    e
}

/// The record without what differs between two runs of the same content: ids, versions, instants of writing.
fn normal(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let keep = |name: &&String| {
                !matches!(
                    name.as_str(),
                    "id" | "version" | "outputClearanceId" | "updatedAt" | "etag"
                )
            };
            let kept = members.iter().filter(|(name, _)| keep(name));
            Value::Object(
                kept.map(|(name, value)| (name.clone(), normal(value)))
                    .collect(),
            )
        }
        Value::Array(items) => items.iter().map(normal).collect(),
        other => other.clone(),
    }
}

async fn clearance_of(db: Db) -> (TestApp, Value, Value) {
    let json_door = TestApp::start(db, &cleared()).await;
    let played = json_door.play(&cleared()).await;
    let practice = json_door.as_party(Party::Practice);
    let record = get(practice, &format!("/kap/v1/episodes/{}", played.episode))
        .await
        .expect(200);
    let impression = only(
        json_door.as_party(Party::Partner),
        "/fhir/ClinicalImpression",
    )
    .await;
    (json_door, record, impression)
}

/// What a partner would send: no id, no stamp, no narrative, no identifier of ours; its own codes beside ours.
fn partners_own(impression: &Value) -> Value {
    let mut value = impression.clone();
    if let Some(members) = value.as_object_mut() {
        for name in ["id", "text", "identifier"] {
            members.remove(name);
        }
    }
    value["meta"] = json!({ "profile": [format!("{STRUCTURE}/kap-clearance")] });
    let own = json!({ "system": "https://partner.example.org/codes", "code": "KE-7", "display": "Ketamine evaluation" });
    if let Some(codes) = value["code"]["coding"].as_array_mut() {
        codes.insert(0, own);
    }
    value
}

const FOREIGN: &str = r#"{"url":"https://partner.example.org/risk",  "valueDecimal": 1.10}"#;

/// The text with an extension that is the partner's own, with digits that a parser would lose.
fn with_foreign(value: &Value) -> String {
    value.to_string().replacen(
        r#""extension":["#,
        &format!(r#""extension":[{FOREIGN},"#),
        1,
    )
}

async fn two_doors_one_record(db: Db) {
    let (json_door, by_json, impression) = clearance_of(db).await;
    json_door.stop().await;

    let fhir_door = TestApp::start(db, &evaluated()).await;
    let played = fhir_door.play(&evaluated()).await;
    let (practice, partner) = (
        fhir_door.as_party(Party::Practice),
        fhir_door.as_party(Party::Partner),
    );
    let path = format!("/kap/v1/episodes/{}", played.episode);

    // A practice's client cannot author a decision, whoever it names.
    let sent = with_foreign(&partners_own(&impression));
    let refused = call(
        practice,
        Method::POST,
        "/fhir/ClinicalImpression",
        &[],
        Some(sent.clone()),
    )
    .await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert_eq!(refused.json()["resourceType"], "OperationOutcome");

    let stored = call(
        partner,
        Method::POST,
        "/fhir/ClinicalImpression",
        &[],
        Some(sent),
    )
    .await;
    assert_eq!(stored.status, 201, "{}", stored.text);
    assert!(
        stored
            .header("location")
            .contains("/fhir/ClinicalImpression/"),
        "{}",
        stored.header("location")
    );
    assert_eq!(stored.header("etag"), "W/\"1\"");
    assert!(stored.text.contains(FOREIGN), "{}", stored.text);
    let id = text(&stored.json()["id"]).to_owned();

    let by_fhir = get(practice, &path).await.expect(200);
    assert_eq!(normal(&by_fhir), normal(&by_json));
    assert_eq!(by_fhir["phase"], "cleared-with-conditions");

    consequences(partner, &id).await;

    // A second decision is the partner's to give, but not the same one changed.
    let mut changed = stored.json();
    changed["summary"] = json!("Something else.");
    let again = put(partner, &changed).await;
    assert_eq!(again.status, 409, "{}", again.text);

    // A condition met later changes our part alone.
    let clearance = &by_fhir["clearances"][0];
    let once = clearance["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|c| c["scope"] == "once")
        .cloned()
        .unwrap_or_default();
    let met = format!(
        "{path}/clearances/{}/conditions/{}/satisfy",
        text(&clearance["id"]),
        text(&once["id"])
    );
    let who = by_fhir["careTeam"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|m| m["role"] == "lead-therapist")
        .cloned()
        .unwrap_or_default();
    let body = json!({ "by": who["id"] });
    let done = practice
        .send(Method::POST, &met, Some((&body, "met")))
        .await
        .expect("answer");
    assert!(done.status < 300, "{}", done.body);
    let now = get(partner, &format!("/fhir/ClinicalImpression/{id}")).await;
    assert!(now.text.contains(FOREIGN), "{}", now.text);
    assert!(
        now.text.contains("KE-7") && now.text.contains("satisfiedAt"),
        "{}",
        now.text
    );
    assert_eq!(now.header("etag"), "W/\"2\"");
    let first = get(
        partner,
        &format!("/fhir/ClinicalImpression/{id}/_history/1"),
    )
    .await;
    assert_eq!(first.text, stored.text);
    fhir_door.stop().await;
}

/// The same transaction answered the Task, moved the episode, projected the status and said who wrote it.
async fn consequences(partner: &Caller, id: &str) {
    let task = only(partner, "/fhir/Task?focus:missing=false").await;
    assert_eq!(task["status"], "completed");
    assert_eq!(
        task["output"][0]["valueReference"]["reference"],
        format!("ClinicalImpression/{id}")
    );
    let episode = only(partner, "/fhir/EpisodeOfCare?phase=cleared-with-conditions").await;
    assert_eq!(episode["resourceType"], "EpisodeOfCare");
    let status = only(
        partner,
        &format!("/fhir/Observation?code={CODES}/kap-observation|clearance-status"),
    )
    .await;
    assert_eq!(
        status["valueCodeableConcept"]["coding"][0]["code"],
        "cleared-with-conditions"
    );
    let said = get(
        partner,
        &format!("/fhir/Provenance?target=ClinicalImpression/{id}"),
    )
    .await
    .expect(200);
    assert_eq!(said["entry"].as_array().map(Vec::len), Some(1), "{said}");
    // The projection is ours to keep.
    let mut forged = status;
    forged["valueCodeableConcept"]["coding"][0]["code"] = json!("cleared");
    assert_eq!(put(partner, &forged).await.status, 403);
}

fn task_as(task: &Value, status: &str, business: &str, at: &str) -> Value {
    let mut task = task.clone();
    task["status"] = json!(status);
    task["businessStatus"] = json!({ "coding": [{ "system": format!("{CODES}/kap-task-business-status"), "code": business }] });
    task["lastModified"] = json!(at);
    task
}

async fn a_partner_plays_its_part(db: Db) {
    let app = TestApp::start(db, &referred()).await;
    let played = app.play(&referred()).await;
    let (practice, partner) = (app.as_party(Party::Practice), app.as_party(Party::Partner));
    let task = only(partner, "/fhir/Task?status=requested&focus:missing=false").await;

    // The partner's system moves the Task natively, and may leave out what it does not know.
    let mut accepted = task_as(
        &task,
        "accepted",
        "referral-accepted",
        "2026-06-03T12:40:00-07:00",
    );
    if let Some(members) = accepted.as_object_mut() {
        members.remove("extension");
    }
    accepted["note"] = json!([{ "text": "Slot held." }]);
    let answer = put(partner, &accepted).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let working = task_as(
        &answer.json(),
        "in-progress",
        "evaluation-in-progress",
        "2026-06-10T12:00:00-07:00",
    );
    let answer = put(partner, &working).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["note"][0]["text"], "Slot held.");
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let shown = get(practice, &path).await.expect(200);
    let steps: Vec<&str> = shown["referrals"][0]["taskEvents"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|e| text(&e["status"]))
        .collect();
    assert_eq!(steps, ["requested", "accepted", "in-progress"], "{shown}");
    // A Task does not go back, and is not completed without a decision.
    let back = put(
        partner,
        &task_as(
            &answer.json(),
            "accepted",
            "referral-accepted",
            "2026-06-10T12:10:00-07:00",
        ),
    )
    .await;
    assert_eq!(back.status, 409, "{}", back.text);
    let early = put(
        partner,
        &task_as(
            &answer.json(),
            "completed",
            "decision-issued",
            "2026-06-10T12:10:00-07:00",
        ),
    )
    .await;
    assert_eq!(early.status, 409, "{}", early.text);

    let lead = text(
        &only(
            partner,
            "/fhir/PractitionerRole?organization=Organization/org-partner-01",
        )
        .await["id"],
    )
    .to_owned();
    let patient = task["for"]["reference"].clone();
    let encounter = json!({
        "resourceType": "Encounter", "status": "finished",
        "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR" },
        "type": [{ "coding": [{ "system": format!("{CODES}/kap-session-type"), "code": "medical-evaluation" }] }],
        "subject": { "reference": patient },
        "episodeOfCare": [{ "reference": format!("EpisodeOfCare/{}", played.episode) }],
        "participant": [{ "individual": { "reference": format!("PractitionerRole/{lead}") } }],
        "period": { "start": "2026-06-10T12:00:00-07:00", "end": "2026-06-10T12:45:00-07:00" },
    });
    let answer = post(partner, "/fhir/Encounter", &encounter).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let session = text(&answer.json()["id"]).to_owned();

    // Decision and Task in one transaction: the decision completes the referral, the Task agrees.
    let decision = json!({
        "resourceType": "ClinicalImpression", "status": "completed",
        "meta": { "profile": [format!("{STRUCTURE}/kap-clearance")] },
        "extension": [
            { "url": format!("{STRUCTURE}/kap-clearance-decision"), "valueCodeableConcept": { "coding": [{ "system": format!("{CODES}/kap-clearance-decision"), "code": "cleared" }] } },
            { "url": format!("{STRUCTURE}/kap-clearance-validity"), "valuePeriod": { "start": "2026-06-10", "end": "2026-12-10" } },
            { "url": format!("{STRUCTURE}/kap-clearance-setting"), "valueCode": "in-person" },
            { "url": format!("{STRUCTURE}/kap-clearance-route"), "valueCodeableConcept": { "coding": [{ "system": "http://snomed.info/sct", "code": "37839007" }] } },
            { "url": format!("{STRUCTURE}/kap-clearance-dose-ceiling"), "valueQuantity": { "value": 300, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg" } },
        ],
        "subject": { "reference": task["for"]["reference"] },
        "encounter": { "reference": format!("Encounter/{session}") },
        "date": "2026-06-10T13:05:00-07:00",
        "assessor": { "reference": format!("PractitionerRole/{lead}") },
    });
    let mut done = task_as(
        &get(partner, &format!("/fhir/Task/{}", text(&task["id"])))
            .await
            .json(),
        "completed",
        "decision-issued",
        "2026-06-10T13:05:00-07:00",
    );
    let urn = "urn:uuid:6f2c1c7e-52a5-4d9b-9a44-2f1f6f0f7a01";
    done["output"] =
        json!([{ "type": { "text": "decision" }, "valueReference": { "reference": urn } }]);
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        { "fullUrl": urn, "resource": decision, "request": { "method": "POST", "url": "ClinicalImpression" } },
        { "resource": done, "request": { "method": "PUT", "url": format!("Task/{}", text(&task["id"])), "ifMatch": "W/\"3\"" } },
    ]});
    let answer = post(partner, "/fhir", &bundle).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answered = answer.json();
    assert_eq!(answered["entry"][0]["response"]["status"], "201 Created");
    assert_eq!(answered["entry"][1]["response"]["status"], "200 OK");
    let shown = get(practice, &path).await.expect(200);
    assert_eq!(shown["phase"], "cleared");
    assert_eq!(
        shown["clearances"][0]["evaluationSessionId"],
        session.as_str()
    );
    let task = only(partner, "/fhir/Task?status=completed&focus:missing=false").await;
    assert_eq!(
        task["output"][0]["valueReference"]["reference"],
        format!("ClinicalImpression/{}", text(&shown["clearances"][0]["id"]))
    );

    // The summary of the decision is there as a document of what the partner may see.
    let composition = get(partner, "/fhir/Composition").await.expect(200);
    let id = text(&composition["entry"][0]["resource"]["id"]);
    let document = get(partner, &format!("/fhir/Composition/{id}/$document"))
        .await
        .expect(200);
    assert_eq!(document["type"], "document");
    assert_eq!(
        document["entry"][0]["resource"]["resourceType"],
        "Composition"
    );
    app.stop().await;
}

fn supply(patient: &Value, episode: &str, lead: &str) -> Value {
    let mg = |n: u32| json!({ "value": n, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg" });
    let link = json!({ "url": "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare", "valueReference": { "reference": format!("EpisodeOfCare/{episode}") } });
    let ketamine = json!({ "coding": [{ "system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "6130", "display": "ketamine" }], "text": "ketamine 100 mg sublingual lozenge" });
    let (med, rx) = (
        "urn:uuid:6f2c1c7e-52a5-4d9b-9a44-2f1f6f0f7a11",
        "urn:uuid:6f2c1c7e-52a5-4d9b-9a44-2f1f6f0f7a12",
    );
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        { "fullUrl": "urn:uuid:6f2c1c7e-52a5-4d9b-9a44-2f1f6f0f7a13", "resource": {
            "resourceType": "MedicationDispense", "status": "preparation",
            "meta": { "profile": [format!("{STRUCTURE}/kap-medication-dispense")] },
            "extension": [link, { "url": format!("{STRUCTURE}/kap-dispense"), "extension": [{ "url": "mgPerUnit", "valueDecimal": 100 }] },
                { "url": format!("{STRUCTURE}/kap-sessions-supplied"), "valuePositiveInt": 2 }],
            "identifier": [{ "system": "https://partner.example.org/fill", "value": "F-1" }],
            "medicationReference": { "reference": med }, "subject": patient,
            "performer": [{ "actor": { "reference": "Organization/org-pharmacy-01" } }],
            "authorizingPrescription": [{ "reference": rx }],
            "quantity": { "value": 4, "unit": "lozenge" }, "whenPrepared": "2026-06-11T10:00:00-07:00" },
          "request": { "method": "POST", "url": "MedicationDispense", "ifNoneExist": "identifier=https://partner.example.org/fill|F-1" } },
        { "fullUrl": rx, "resource": {
            "resourceType": "MedicationRequest", "status": "active", "intent": "order",
            "meta": { "profile": [format!("{STRUCTURE}/kap-ketamine-prescription")] },
            "extension": [link, { "url": format!("{STRUCTURE}/kap-max-dose-per-session"), "valueQuantity": mg(200) },
                { "url": format!("{STRUCTURE}/kap-record-only"), "valueBoolean": true },
                { "url": format!("{STRUCTURE}/kap-sessions-supplied"), "valuePositiveInt": 2 },
                { "url": format!("{STRUCTURE}/kap-pdmp-check"), "extension": [{ "url": "at", "valueDateTime": "2026-06-10T12:58:00-07:00" }] }],
            "identifier": [{ "system": "https://partner.example.org/rx", "value": "RX-1" }],
            "medicationReference": { "reference": med }, "subject": patient,
            "authoredOn": "2026-06-10T13:20:00-07:00",
            "requester": { "reference": format!("PractitionerRole/{lead}") },
            "dosageInstruction": [{ "text": "During supervised sessions only.",
                "route": { "coding": [{ "system": "http://snomed.info/sct", "code": "37839007", "display": "Sublingual route" }] },
                "maxDosePerAdministration": mg(200) }],
            "dispenseRequest": { "validityPeriod": { "start": "2026-06-10", "end": "2026-12-10" }, "numberOfRepeatsAllowed": 0,
                "quantity": { "value": 4, "unit": "lozenge" }, "performer": { "reference": "Organization/org-pharmacy-01" } } },
          "request": { "method": "POST", "url": "MedicationRequest", "ifNoneExist": "identifier=https://partner.example.org/rx|RX-1" } },
        { "fullUrl": med, "resource": {
            "resourceType": "Medication", "status": "active",
            "meta": { "profile": [format!("{STRUCTURE}/kap-ketamine-medication")] },
            "extension": [{ "url": format!("{STRUCTURE}/kap-compounded"), "valueBoolean": true },
                { "url": format!("{STRUCTURE}/kap-controlled-substance-schedule"), "valueCoding": { "system": "http://terminology.hl7.org/CodeSystem/v2-0477", "code": "III" } }],
            "identifier": [{ "system": "https://partner.example.org/drug", "value": "D-1" }],
            "code": ketamine, "form": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-orderableDrugForm", "code": "ORTROCHE" }] },
            "ingredient": [{ "itemCodeableConcept": { "coding": [{ "system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "6130" }] },
                "strength": { "numerator": mg(100), "denominator": { "value": 1, "unit": "lozenge" } } }] },
          "request": { "method": "POST", "url": "Medication", "ifNoneExist": "identifier=https://partner.example.org/drug|D-1" } },
    ]})
}

async fn prescription_and_supply_in_one_transaction(db: Db) {
    let app = TestApp::start(db, &cleared()).await;
    let played = app.play(&cleared()).await;
    let (practice, partner) = (app.as_party(Party::Practice), app.as_party(Party::Partner));
    let lead = text(
        &only(
            partner,
            "/fhir/PractitionerRole?organization=Organization/org-partner-01",
        )
        .await["id"],
    )
    .to_owned();
    let patient = only(partner, "/fhir/EpisodeOfCare").await["patient"].clone();
    let bundle = supply(&patient, &played.episode, &lead);

    // Nothing of a transaction is stored where one entry is refused; the refusal names entry and element.
    let mut bad = bundle.clone();
    bad["entry"][1]["resource"]["dispenseRequest"]["validityPeriod"]["end"] = json!("2026-06-01");
    let refused = post(partner, "/fhir", &bad).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(
        refused.expression(),
        "Bundle.entry[1].resource.dispenseRequest.validityPeriod.end",
        "{}",
        refused.text
    );
    let none = get(partner, "/fhir/Medication?identifier=D-1")
        .await
        .expect(200);
    assert!(none.get("entry").is_none(), "{none}");

    let answer = post(partner, "/fhir", &bundle).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let shown = get(practice, &path).await.expect(200);
    assert_eq!(shown["prescriptions"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        shown["dispenses"][0]["prescriptionId"],
        shown["prescriptions"][0]["id"]
    );

    // A repeat does nothing twice.
    let again = post(partner, "/fhir", &bundle).await;
    assert_eq!(again.status, 200, "{}", again.text);
    for (n, entry) in again.json()["entry"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        assert_eq!(entry["response"]["status"], "200 OK");
        assert_eq!(
            entry["response"]["location"],
            answer.json()["entry"][n]["response"]["location"]
        );
    }
    let after = get(practice, &path).await.expect(200);
    assert_eq!(after["version"], shown["version"]);

    // The medication of a prescription is part of it: the practice does not change what was prescribed.
    let mut medication = only(partner, "/fhir/Medication?identifier=D-1").await;
    medication["code"]["text"] = json!("something else");
    let refused = put(practice, &medication).await;
    assert!(
        matches!(refused.status, 403 | 409),
        "{} {}",
        refused.status,
        refused.text
    );

    // A single resource whose parts are stored already.
    let create = &bundle["entry"][2];
    let headers = [(
        "If-None-Exist",
        "identifier=https://partner.example.org/drug|D-1",
    )];
    let known = call(
        partner,
        Method::POST,
        "/fhir/Medication",
        &headers,
        Some(create["resource"].to_string()),
    )
    .await;
    assert_eq!(known.status, 200, "{}", known.text);
    app.stop().await;
}

async fn refusals_name_their_element(db: Db) {
    let (json_door, _, impression) = clearance_of(db).await;
    json_door.stop().await;
    let app = TestApp::start(db, &evaluated()).await;
    app.play(&evaluated()).await;
    let partner = app.as_party(Party::Partner);
    let good = partners_own(&impression);
    let without = |name: &str| {
        let mut value = good.clone();
        let url = format!("{STRUCTURE}/{name}");
        if let Some(all) = value["extension"].as_array_mut() {
            all.retain(|x| x["url"] != url.as_str());
        }
        value
    };
    for (name, at) in [
        (
            "kap-clearance-validity",
            format!("ClinicalImpression.extension('{STRUCTURE}/kap-clearance-validity').value.end"),
        ),
        (
            "kap-clearance-decision",
            format!("ClinicalImpression.extension('{STRUCTURE}/kap-clearance-decision')"),
        ),
        (
            "kap-clearance-route",
            format!("ClinicalImpression.extension('{STRUCTURE}/kap-clearance-route')"),
        ),
        (
            "kap-clearance-condition",
            format!("ClinicalImpression.extension('{STRUCTURE}/kap-clearance-condition')"),
        ),
    ] {
        let answer = post(partner, "/fhir/ClinicalImpression", &without(name)).await;
        assert_eq!(
            (answer.status, answer.expression()),
            (422, at),
            "{}",
            answer.text
        );
    }
    let mut nobody = good.clone();
    nobody["assessor"] = only(
        partner,
        "/fhir/PractitionerRole?organization=Organization/org-practice-01",
    )
    .await["id"]
        .as_str()
        .map(|id| json!({ "reference": format!("PractitionerRole/{id}") }))
        .unwrap_or_default();
    let answer = post(partner, "/fhir/ClinicalImpression", &nobody).await;
    assert_eq!(
        (answer.status, answer.expression().as_str()),
        (403, "ClinicalImpression.assessor"),
        "{}",
        answer.text
    );

    // A high finding waits for the prescriber.
    let finding = json!({
        "resourceType": "DetectedIssue", "status": "final", "severity": "high",
        "meta": { "profile": [format!("{STRUCTURE}/kap-contraindication-issue")] },
        "code": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "DRG" },
            { "system": format!("{CODES}/kap-rule"), "code": "KAP-RULE-BP" }] },
        "patient": good["subject"], "identifiedDateTime": "2026-06-10T12:30:00-07:00",
    });
    let answer = post(
        app.as_party(Party::Practice),
        "/fhir/DetectedIssue",
        &finding,
    )
    .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let answer = post(partner, "/fhir/ClinicalImpression", &good).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    assert!(answer.text.contains("KAP-INV-20"), "{}", answer.text);
    app.stop().await;
}

async fn facts_are_flagged_not_refused(db: Db) {
    let (full, _) = sample(FIRST);
    let app = TestApp::start(db, &full).await;
    let played = app.play(&full).await;
    let (practice, partner) = (app.as_party(Party::Practice), app.as_party(Party::Partner));
    let set = get(
        practice,
        "/fhir/MedicationAdministration?status=completed&_sort=-effective-time&_count=1",
    )
    .await
    .expect(200);
    let mut dose = set["entry"][0]["resource"].clone();
    if let Some(members) = dose.as_object_mut() {
        for name in ["id", "text", "identifier", "supportingInformation"] {
            members.remove(name);
        }
    }
    dose["meta"] = json!({ "profile": [format!("{STRUCTURE}/kap-ketamine-administration")] });
    dose["dosage"]["dose"]["value"] = json!(900);
    let refused = post(partner, "/fhir/MedicationAdministration", &dose).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    let before = get(practice, &format!("/kap/v1/episodes/{}", played.episode))
        .await
        .expect(200);
    let answer = post(practice, "/fhir/MedicationAdministration", &dose).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let after = get(practice, &format!("/kap/v1/episodes/{}", played.episode))
        .await
        .expect(200);
    let flags = |of: &Value| of["detectedIssues"].as_array().map_or(0, Vec::len);
    assert!(
        flags(&after) > flags(&before),
        "{}",
        after["detectedIssues"]
    );
    app.stop().await;
}

async fn versions_and_preferences(db: Db) {
    let app = TestApp::start(db, &cleared()).await;
    app.play(&cleared()).await;
    let (practice, partner) = (app.as_party(Party::Practice), app.as_party(Party::Partner));
    let patient = only(practice, "/fhir/Patient").await;
    let path = format!("/fhir/Patient/{}", text(&patient["id"]));
    let seen = get(practice, &path).await;
    let etag = seen.header("etag").to_owned();
    assert!(seen.header("last-modified").ends_with(" GMT"));
    let same = call(
        practice,
        Method::GET,
        &path,
        &[("If-None-Match", &etag)],
        None,
    )
    .await;
    assert_eq!((same.status, same.text.as_str()), (304, ""));
    let listed = format!("W/\"99\", {etag}");
    assert_eq!(
        call(
            practice,
            Method::GET,
            &path,
            &[("If-None-Match", &listed)],
            None
        )
        .await
        .status,
        304
    );

    let mut changed = patient.clone();
    changed["maritalStatus"] = json!({ "text": "x" });
    let body = Some(changed.to_string());
    let stale = call(
        practice,
        Method::PUT,
        &path,
        &[("If-Match", "W/\"77\"")],
        body.clone(),
    )
    .await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    let minimal = call(
        practice,
        Method::PUT,
        &path,
        &[("If-Match", &etag), ("Prefer", "return=minimal")],
        body,
    )
    .await;
    assert_eq!((minimal.status, minimal.text.as_str()), (200, ""));
    assert_ne!(minimal.header("etag"), etag);
    let unknown = json!({ "resourceType": "Patient", "id": "nobody" });
    assert_eq!(put(practice, &unknown).await.status, 404);
    assert_eq!(put(partner, &patient).await.status, 403);

    let asked = "/fhir/Observation?colour=red&_count=1";
    let strict = call(
        practice,
        Method::GET,
        asked,
        &[("Prefer", "handling=strict")],
        None,
    )
    .await;
    assert_eq!(strict.status, 400, "{}", strict.text);
    let lenient = get(practice, asked).await.expect(200);
    let outcome = lenient["entry"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|e| e["search"]["mode"] == "outcome")
        .cloned();
    assert!(outcome.is_some(), "{lenient}");
    assert!(
        !text(&lenient["link"][0]["url"]).contains("colour"),
        "{lenient}"
    );

    for (accept, status) in [
        ("application/fhir+xml", 406),
        ("application/fhir+json; fhirVersion=4.0", 200),
        ("*/*", 200),
        ("text/html, application/json;q=0.8", 200),
    ] {
        assert_eq!(
            call(practice, Method::GET, &path, &[("Accept", accept)], None)
                .await
                .status,
            status,
            "{accept}"
        );
    }
    assert_eq!(
        get(practice, &format!("{path}?_format=xml")).await.status,
        406
    );
    let metadata = get(practice, "/fhir/metadata").await.expect(200);
    assert_eq!(metadata["fhirVersion"], "4.0.1");
    let provenance = metadata["rest"][0]["resource"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|r| r["type"] == "Provenance")
        .cloned()
        .unwrap_or_default();
    assert!(
        !provenance["interaction"].to_string().contains("create"),
        "{provenance}"
    );
    app.stop().await;
}

async fn references_and_shapes(db: Db) {
    let app = TestApp::start(db, &cleared()).await;
    app.play(&cleared()).await;
    let practice = app.as_party(Party::Practice);
    let patient = text(&only(practice, "/fhir/Patient").await["id"]).to_owned();
    let message = |extra: &str| {
        format!(
            r#"{{"resourceType":"Communication","status":"completed","subject":{{"reference":"Patient/{patient}"}}{extra}}}"#
        )
    };
    let send = |body: String| {
        call(
            practice,
            Method::POST,
            "/fhir/Communication",
            &[],
            Some(body),
        )
    };
    for (extra, at) in [
        (r#","colour":"red""#, "Communication.colour"),
        (
            r#","payload":{"contentString":"x"}"#,
            "Communication.payload",
        ),
        (
            r#","payload":[{"contentStrin":"x"}]"#,
            "Communication.payload[0].contentStrin",
        ),
        (r#","sent":"yesterday""#, "Communication.sent"),
    ] {
        let answer = send(message(extra)).await;
        assert_eq!(
            (answer.status, answer.expression().as_str()),
            (400, at),
            "{}",
            answer.text
        );
    }
    let lost = send(message(r#","about":[{"reference":"Condition/none"}]"#)).await;
    assert_eq!(
        (lost.status, lost.expression().as_str()),
        (422, "Communication.about[0]"),
        "{}",
        lost.text
    );
    let homeless = json!({ "resourceType": "Flag", "status": "active", "code": { "text": "x" }, "subject": { "reference": "Organization/org-practice-01" } });
    assert_eq!(post(practice, "/fhir/Flag", &homeless).await.status, 422);
    let stored = send(message(r#","payload":[{"contentString":"x","extension":[{"url":"https://x.example.org/n","valueDecimal":2.50}]}]"#)).await;
    assert_eq!(stored.status, 201, "{}", stored.text);
    assert!(stored.text.contains("2.50"), "{}", stored.text);
    let id = text(&stored.json()["id"]).to_owned();
    assert_eq!(
        only(practice, &format!("/fhir/Communication?_id={id}")).await["id"],
        id.as_str()
    );
    app.stop().await;
}

async fn pages_are_stable(db: Db) {
    let (full, _) = sample(FIRST);
    let app = TestApp::start(db, &full).await;
    app.play(&full).await;
    let practice = app.as_party(Party::Practice);
    let all = get(practice, "/fhir/Observation?_count=1000")
        .await
        .expect(200);
    let known: Vec<String> = all["entry"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|e| text(&e["fullUrl"]).to_owned())
        .collect();
    let patient = text(&only(practice, "/fhir/Patient").await["id"]).to_owned();
    let mut seen: Vec<String> = Vec::new();
    let mut path =
        "/fhir/Observation?_count=7&_sort=-_lastUpdated&status=final,amended,cancelled,preliminary"
            .to_owned();
    for page in 0.. {
        let set = get(practice, &path).await.expect(200);
        seen.extend(
            set["entry"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|e| text(&e["fullUrl"]).to_owned()),
        );
        if page == 0 {
            let new = json!({ "resourceType": "Observation", "status": "final", "code": { "text": "new" }, "subject": { "reference": format!("Patient/{patient}") } });
            let stored = post(practice, "/fhir/Observation", &new).await;
            assert_eq!(stored.status, 201, "{}", stored.text);
        }
        let next = set["link"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|l| l["relation"] == "next")
            .map(|l| text(&l["url"]).to_owned());
        let Some(next) = next else { break };
        assert_eq!(next.matches("_cursor=").count(), 1, "{next}");
        assert!(
            next.contains("_count=7") && next.contains("status=final"),
            "{next}"
        );
        path = next.trim_start_matches(&app.base).to_owned();
    }
    let mut sorted = (known, seen);
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1);
    app.stop().await;
}

async fn us_core_searches(db: Db) {
    let (full, _) = sample(FIRST);
    let app = TestApp::start(db, &full).await;
    app.play(&full).await;
    let practice = app.as_party(Party::Practice);
    let patient = only(practice, "/fhir/Patient").await;
    let id = text(&patient["id"]);
    let name = &patient["name"][0];
    let found = async |path: String| {
        let set = get(practice, &path).await.expect(200);
        set["entry"].as_array().cloned().unwrap_or_default()
    };
    let day = |kind: &str, more: &str| format!("/fhir/{kind}?patient={id}{more}");
    let some = [
        format!("/fhir/Patient?_id={id}"),
        format!("/fhir/Patient?name={}", text(&name["family"])),
        format!(
            "/fhir/Patient?birthdate={}&name={}",
            text(&patient["birthDate"]),
            text(&name["family"])
        ),
        format!(
            "/fhir/Patient?gender={}&name={}",
            text(&patient["gender"]),
            text(&name["family"])
        ),
        format!(
            "/fhir/Patient?identifier={}|{}",
            text(&patient["identifier"][0]["system"]),
            text(&patient["identifier"][0]["value"])
        ),
        day("Encounter", ""),
        day("Encounter", "&date=ge2026-06-01&date=lt2026-07-01"),
        day("Condition", ""),
        day("Condition", "&category=problem-list-item"),
        day("AllergyIntolerance", ""),
        day("Observation", "&category=vital-signs"),
        day("Observation", "&code=http://loinc.org|85354-9"),
        day("Observation", "&category=vital-signs&date=ge2026-06-01"),
        day("MedicationRequest", "&intent=order"),
        day("MedicationRequest", "&intent=order&status=active"),
        day("MedicationDispense", ""),
        day("Procedure", ""),
        day("Procedure", "&date=ge2026-06-01"),
        day("DocumentReference", ""),
        day("CareTeam", "&status=active"),
        day("CarePlan", "&category=assess-plan"),
        day("Goal", ""),
        day("RelatedPerson", ""),
        day("ServiceRequest", ""),
        day("QuestionnaireResponse", ""),
        day("Provenance", "").replace("patient=", "_count=5&patient="),
        "/fhir/PractitionerRole?_include=PractitionerRole:practitioner".to_owned(),
    ];
    for path in &some {
        assert!(!found(path.clone()).await.is_empty(), "{path}");
    }
    for path in [
        "/fhir/Patient?name=nobody-of-that-name".to_owned(),
        day("Encounter", "&date=lt2020-01-01"),
        day("MedicationRequest", "&intent=proposal"),
    ] {
        assert!(found(path.clone()).await.is_empty(), "{path}");
    }
    let with = found(day(
        "MedicationRequest",
        "&intent=order&_include=MedicationRequest:medication",
    ))
    .await;
    assert!(
        with.iter()
            .any(|e| e["search"]["mode"] == "include"
                && e["resource"]["resourceType"] == "Medication")
    );
    let back = found(day("Encounter", "&_revinclude=Provenance:target")).await;
    assert!(
        back.iter()
            .any(|e| e["search"]["mode"] == "include"
                && e["resource"]["resourceType"] == "Provenance")
    );
    for (kind, dates) in [("Encounter", "date"), ("Observation", "date")] {
        let up = found(day(kind, &format!("&_sort={dates}"))).await;
        let mut down = found(day(kind, &format!("&_sort=-{dates}"))).await;
        down.reverse();
        let ids = |all: &[Value]| {
            all.iter()
                .map(|e| text(&e["fullUrl"]).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(&up), ids(&down), "{kind}");
    }
    app.stop().await;
}
