//! The FHIR door: what a partner sends becomes the same record as what the practice's API takes, and keeps its bytes.

use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use kap_fhir::kap::dosing::SessionType;
use kap_fhir::kap::{Episode, Phase};
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::sample;
use crate::app::{Db, TestApp};

mod content;
mod course;
mod directory;
mod doors;
mod forms;
mod partner;
mod plain;
mod provenance;
mod references;
mod rules;
mod search;
pub mod supply;
pub mod transactions;
mod units;
mod validate;
mod wire;
pub mod world;

pub const FIRST: &str = include_str!("../samples/01-adult-trd-remote-lozenge.json");
pub const STRUCTURE: &str = "https://kap-interop.example.org/fhir/StructureDefinition";
pub const CODES: &str = "https://kap-interop.example.org/fhir/CodeSystem";

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

/// Updates a resource; what it says of its version is the version that it follows.
pub async fn put(caller: &Caller, body: &Value) -> Answer {
    let path = format!(
        "/fhir/{}/{}",
        text(&body["resourceType"]),
        text(&body["id"])
    );
    let seen = body["meta"]["versionId"].as_str();
    let etag = seen.map(|version| format!("W/\"{version}\""));
    let headers: Vec<(&str, &str)> = etag.iter().map(|etag| ("If-Match", &**etag)).collect();
    call(caller, Method::PUT, &path, &headers, Some(body.to_string())).await
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The one match of a search.
pub async fn only(caller: &Caller, path: &str) -> Value {
    let set = get(caller, path).await.expect(200);
    let entries = set["entry"].as_array().cloned().unwrap_or_default();
    assert_eq!(entries.len(), 1, "{path}: {set}");
    entries[0]["resource"].clone()
}

/// The first sample up to its referral: nothing of the partner has happened yet.
pub fn referred() -> Episode {
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
pub fn evaluated() -> Episode {
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
pub fn cleared() -> Episode {
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
pub fn normal(value: &Value) -> Value {
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

pub async fn clearance_of(db: Db) -> (TestApp, Value, Value) {
    let (json_door, played) = TestApp::played(db, &cleared()).await;
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
pub fn partners_own(impression: &Value) -> Value {
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
