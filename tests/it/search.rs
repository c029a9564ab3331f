//! Searches over HTTP: every kind of value, every order, and what they say while records are being indexed anew.

mod faults;
mod order;
mod reindex;
mod standing;
mod values;

use kap_fhir::demo::player::Caller;
use serde_json::{Value, json};

use crate::fhir_door::{get, only, post, text};

/// The ids that a search finds, in their order, over all its pages.
pub async fn ids(caller: &Caller, path: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut path = path.to_owned();
    loop {
        let set = get(caller, &path).await.expect(200);
        let entries = set["entry"].as_array().into_iter().flatten();
        let matches = entries.filter(|e| e["search"]["mode"] == "match");
        out.extend(matches.map(|e| text(&e["resource"]["id"]).to_owned()));
        let links = set["link"].as_array().into_iter().flatten();
        let next = links
            .filter(|l| l["relation"] == "next")
            .find_map(|l| text(&l["url"]).strip_prefix(caller.base.as_str()));
        match next {
            Some(next) => path = next.to_owned(),
            None => return out,
        }
    }
}

/// The id of the one patient, as this caller sees it.
pub async fn patient(caller: &Caller) -> String {
    text(&only(caller, "/fhir/Patient").await["id"]).to_owned()
}

/// Stores a record and gives its id.
pub async fn stored(caller: &Caller, value: &Value) -> String {
    let path = format!("/fhir/{}", text(&value["resourceType"]));
    let record = post(caller, &path, value).await.expect(201);
    text(&record["id"]).to_owned()
}

/// An observation of a patient with this code, and `more`.
pub fn observation(patient: &str, code: &str, more: &Value) -> Value {
    let mut value = json!({
        "resourceType": "Observation",
        "status": "final",
        "code": { "coding": [{ "system": "urn:test", "code": code, "display": format!("Measured {code}") }] },
        "subject": { "reference": format!("Patient/{patient}") },
        "effectiveDateTime": "2026-05-01",
    });
    for (name, part) in more.as_object().into_iter().flatten() {
        value[name] = part.clone();
    }
    value
}

/// An amount of a unit of UCUM.
pub fn amount(value: f64, code: &str) -> Value {
    json!({ "value": value, "unit": code, "system": "http://unitsofmeasure.org", "code": code })
}
