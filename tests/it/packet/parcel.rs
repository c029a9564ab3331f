//! A packet as the practice's service makes it: what the partner may see of the episode, as one transaction.

use kap_fhir::access::Role;
use kap_fhir::demo::player::Caller;
use kap_fhir::interaction::directory::put_organization;
use kap_fhir::kap::Id;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::client::client;
use crate::fhir_door::{get, referred, text};

/// What a packet holds; organizations and endpoints are of each service's own directory.
pub const KINDS: &[&str] = &[
    "Patient",
    "EpisodeOfCare",
    "Practitioner",
    "PractitionerRole",
    "CareTeam",
    "RelatedPerson",
    "Condition",
    "AllergyIntolerance",
    "QuestionnaireResponse",
    "Observation",
    "Consent",
    "ServiceRequest",
    "Task",
    "DetectedIssue",
    "Flag",
    "ClinicalImpression",
    "CarePlan",
    "Goal",
    "Medication",
    "MedicationRequest",
    "MedicationDispense",
    "Encounter",
    "MedicationAdministration",
    "Procedure",
    "AdverseEvent",
    "Appointment",
    "Communication",
];

/// The entries of a packet.
#[derive(Clone, Debug)]
pub struct Parcel(pub Vec<Value>);

impl Parcel {
    /// Everything of these types that the caller sees, but for what the service only restates.
    pub async fn of(caller: &Caller) -> Self {
        let mut entries = Vec::new();
        for kind in KINDS {
            let mut path = Some(format!("/fhir/{kind}?_count=100"));
            while let Some(page) = path {
                let set = get(caller, &page).await.expect(200);
                let all = set["entry"].as_array().into_iter().flatten();
                let own = all.filter(|e| !e.to_string().contains("kap-projection-of"));
                entries.extend(own.map(entry));
                let links = set["link"].as_array().into_iter().flatten();
                let mut next = links.filter(|link| link["relation"] == "next");
                path = next
                    .next()
                    .map(|link| text(&link["url"]).replace(&caller.base, ""));
            }
        }
        for entry in &mut entries {
            no_papers(&mut entry["resource"]);
        }
        Self(entries)
    }

    /// The same without these types, and without what refers to something that is left out.
    pub fn without(&self, kinds: &[&str]) -> Self {
        let is_of = |e: &Value| kinds.contains(&text(&e["resource"]["resourceType"]));
        let (mut gone, mut left): (Vec<Value>, Vec<Value>) =
            self.0.iter().cloned().partition(is_of);
        while let Some(one) = gone.pop() {
            let name = format!("\"{}\"", name(&one["resource"]));
            let (more, rest) = left
                .into_iter()
                .partition(|e| e["resource"].to_string().contains(&name));
            left = rest;
            gone.extend::<Vec<Value>>(more);
        }
        Self(left)
    }

    /// The entry of the first resource of a type.
    pub fn first(&self, kind: &str) -> &Value {
        self.0
            .iter()
            .find(|e| e["resource"]["resourceType"] == kind)
            .expect(kind)
    }

    /// The same, with the first resource of a type changed.
    pub fn with(&self, kind: &str, change: impl FnOnce(&mut Value)) -> (Self, usize) {
        let mut parcel = self.clone();
        let n = parcel
            .0
            .iter()
            .position(|e| e["resource"]["resourceType"] == kind)
            .expect(kind);
        change(&mut parcel.0[n]["resource"]);
        (parcel, n)
    }

    /// As one transaction.
    pub fn bundle(&self) -> Value {
        json!({ "resourceType": "Bundle", "type": "transaction", "entry": self.0 })
    }
}

/// Takes out references to papers that are no records of the service: the samples name some.
fn no_papers(value: &mut Value) {
    let names_one = |v: &Value| text(&v["reference"]).starts_with("DocumentReference/");
    match value {
        Value::Object(members) => {
            members.retain(|_, v| !names_one(v));
            members.values_mut().for_each(no_papers);
            members.retain(|_, v| *v != json!([]));
        }
        Value::Array(items) => {
            items.retain(|item| !names_one(item));
            items.iter_mut().for_each(no_papers);
            let is_left = |item: &Value| {
                item.as_object()
                    .is_none_or(|o| o.len() > 1 || !o.contains_key("url"))
            };
            items.retain(is_left);
        }
        _ => {}
    }
}

/// `Type/id`
pub fn name(resource: &Value) -> String {
    format!(
        "{}/{}",
        text(&resource["resourceType"]),
        text(&resource["id"])
    )
}

fn entry(found: &Value) -> Value {
    let resource = &found["resource"];
    let identifier = &resource["identifier"][0];
    let unless = match (identifier["system"].as_str(), identifier["value"].as_str()) {
        (Some(system), Some(value)) if resource["resourceType"] == "EpisodeOfCare" => {
            format!("identifier={system}|{value}")
        }
        _ => format!("_id={}", text(&resource["id"])),
    };
    json!({ "fullUrl": found["fullUrl"], "resource": resource,
        "request": { "method": "POST", "url": resource["resourceType"], "ifNoneExist": unless } })
}

/// The status codes of an answer.
pub fn statuses(answer: &Value) -> Vec<String> {
    let entries = answer["entry"].as_array().into_iter().flatten();
    let status = |e: &Value| text(&e["response"]["status"])[..3].to_owned();
    entries.map(status).collect()
}

/// The episode as a client sees it.
pub async fn shown(caller: &Caller, id: &str) -> Value {
    get(caller, &format!("/kap/v1/episodes/{id}"))
        .await
        .expect(200)
}

/// A resource without the stamp of the store.
pub fn unstamped(resource: &Value) -> Value {
    let mut out = resource.clone();
    if let Some(meta) = out["meta"].as_object_mut() {
        meta.remove("versionId");
        meta.remove("lastUpdated");
    }
    out
}

/// The two say the same, but for how often each was written, and for papers that are no records of the service.
#[track_caller]
pub fn agreed(here: &Value, there: &Value) {
    let mut out = Vec::new();
    differ("", here, there, &mut out);
    assert!(out.is_empty(), "{}", out.join("\n"));
}

/// Every place where the two differ.
fn differ(at: &str, here: &Value, there: &Value, out: &mut Vec<String>) {
    match (here, there) {
        (Value::Object(a), Value::Object(b)) => {
            let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
            names.sort();
            names.dedup();
            names.retain(|name| !matches!(name.as_str(), "version" | "documentId"));
            for name in names {
                let null = Value::Null;
                let (a, b) = (a.get(name).unwrap_or(&null), b.get(name).unwrap_or(&null));
                differ(&format!("{at}/{name}"), a, b, out);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (n, (a, b)) in a.iter().zip(b).enumerate() {
                differ(&format!("{at}/{n}"), a, b, out);
            }
        }
        (a, b) if a == b => {}
        (a, b) => out.push(format!("{at}: {a} | {b}")),
    }
}

/// A client of another practice in the directory of this service.
pub async fn another_practice(app: &TestApp) -> Caller {
    let mut practice = referred().organizations.practice;
    practice.id = Id::new("org-practice-02").expect("id");
    put_organization(&app.app, &practice)
        .await
        .expect("organization");
    let role = Role::PracticeTherapist;
    client(
        app,
        "practice-02",
        practice.id.as_str(),
        role,
        "system/*.cruds",
    )
    .await
}
