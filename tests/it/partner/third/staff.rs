//! The staff of a partner, who write what they decide into their own system.
//!
//! What they write is what the same step of the story wrote at a service where everybody works together, as somebody else
//! would have it: under an id of their own, with references to what is at theirs, and with no identifier of ours.

use std::collections::HashMap;

use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use serde_json::{Value, json};

use super::records::Records;
use crate::app::TestApp;
use crate::fhir_door::{get, text};

/// What is theirs to write; what is named comes before what names it.
const KINDS: [&str; 5] = [
    "Encounter",
    "MedicationRequest",
    "MedicationDispense",
    "ClinicalImpression",
    "Task",
];

/// Members of a Task that are theirs to change.
const OF_TASK: [&str; 5] = [
    "status",
    "businessStatus",
    "statusReason",
    "lastModified",
    "note",
];

pub struct Staff<'a> {
    /// The service where everybody works together.
    together: &'a TestApp,
    records: Records<'a>,
    /// Versions that were seen there, by type and id.
    seen: HashMap<String, String>,
    /// From type and id there to id at theirs.
    ids: HashMap<String, String>,
}

impl<'a> Staff<'a> {
    pub fn new(together: &'a TestApp, records: Records<'a>) -> Self {
        Self {
            together,
            records,
            seen: HashMap::new(),
            ids: HashMap::new(),
        }
    }

    fn caller(&self) -> &'a Caller {
        self.together.as_party(Party::Partner)
    }

    /// What was written since the last time.
    pub async fn news(&mut self) -> Vec<Value> {
        let mut news = vec![];
        for kind in KINDS {
            let found = get(self.caller(), &format!("/fhir/{kind}?_count=100")).await;
            let found = found.expect(200);
            for entry in found["entry"].as_array().into_iter().flatten() {
                let resource = &entry["resource"];
                let version = text(&resource["meta"]["versionId"]).to_owned();
                if self.seen.insert(name(resource), version.clone()) != Some(version) {
                    news.push(resource.clone());
                }
            }
        }
        news
    }

    /// Writes these into their own system. Whether one is of a kind that the practice fetches.
    pub async fn write(&mut self, news: &[Value]) -> bool {
        let mut fetched = false;
        for resource in news {
            fetched |=
                text(&resource["resourceType"]) != "Encounter" || resource["status"] == "finished";
            match text(&resource["resourceType"]) {
                "Task" if resource["businessStatus"].is_object() => {
                    self.moved(resource).await;
                    continue;
                }
                // Another task is the practice's own.
                "Task" => continue,
                _ => {}
            }
            let mut own = self.theirs(resource).await.expect("a resource");
            let members = own.as_object_mut().expect("members");
            for name in ["id", "text"] {
                members.remove(name);
            }
            if let Some(all) = own["identifier"].as_array_mut() {
                all.retain(|one| {
                    !text(&one["system"]).contains("/id/")
                        || text(&one["system"]).ends_with("external-rx")
                });
            }
            // What they claim for it is what was agreed; versions and labels are each system's own.
            own["meta"] = json!({ "profile": resource["meta"]["profile"] });
            let name = name(resource);
            if let Some(id) = self.ids.get(&name) {
                own["id"] = json!(id);
            }
            let id = self.records.put(own).await;
            self.ids.insert(name, id);
        }
        fetched
    }

    /// The referral's Task, which came to them, as they move it.
    async fn moved(&mut self, task: &Value) {
        let all = self.records.all("Task").await;
        assert_eq!(all.len(), 1, "one referral has one Task: {all:#?}");
        let mut own = all[0].clone();
        for name in OF_TASK {
            match &task[name] {
                Value::Null => own.as_object_mut().and_then(|own| own.remove(name)),
                value => Some(std::mem::replace(&mut own[name], value.clone())),
            };
        }
        self.records.put(own).await;
    }

    /// The same with references to what is at theirs; what names something that they do not have is left out.
    async fn theirs(&mut self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(all) => {
                let mut own = vec![];
                for one in all {
                    own.extend(Box::pin(self.theirs(one)).await);
                }
                (!own.is_empty()).then_some(Value::Array(own))
            }
            Value::Object(members) => {
                if let Some(reference) = members.get("reference").and_then(Value::as_str) {
                    return self.reference(reference).await;
                }
                let mut own = serde_json::Map::new();
                for (name, value) in members {
                    match Box::pin(self.theirs(value)).await {
                        Some(value) => own.insert(name.clone(), value),
                        None if name == "valueReference" => return None,
                        None => None,
                    };
                }
                Some(Value::Object(own))
            }
            other => Some(other.clone()),
        }
    }

    async fn reference(&mut self, reference: &str) -> Option<Value> {
        if reference.starts_with('#') {
            return Some(json!({ "reference": reference }));
        }
        let kind = reference.split('/').next()?;
        if !self.ids.contains_key(reference) {
            let id = self.found(kind, reference).await?;
            self.ids.insert(reference.to_owned(), id);
        }
        let id = &self.ids[reference];
        Some(json!({ "reference": format!("{kind}/{id}") }))
    }

    /// What came to them from the practice: the only one of its kind, or the one with the same identifier. Who and which
    /// place works for them is entered where it is not.
    async fn found(&self, kind: &str, reference: &str) -> Option<String> {
        let all = self.records.all(kind).await;
        if let ([one], "Patient" | "EpisodeOfCare" | "ServiceRequest") = (all.as_slice(), kind) {
            return Some(text(&one["id"]).to_owned());
        }
        let there = get(self.caller(), &format!("/fhir/{reference}")).await;
        if there.status == 404 {
            return None;
        }
        let mut there = there.expect(200);
        // Both services give a step's records the same ids, and who is sent a record is told its address.
        let address = format!("/fhir/{reference}\"");
        let same = |one: &&Value| {
            one["identifier"].to_string().contains(&address)
                || shares(&one["identifier"], &there["identifier"])
        };
        if let Some(one) = all.iter().find(same) {
            return Some(text(&one["id"]).to_owned());
        }
        if !matches!(kind, "Practitioner" | "Organization" | "Medication") {
            return None;
        }
        let members = there.as_object_mut()?;
        members.retain(|name, _| !["id", "meta", "text"].contains(&name.as_str()));
        Some(self.records.put(there).await)
    }
}

fn name(resource: &Value) -> String {
    format!(
        "{}/{}",
        text(&resource["resourceType"]),
        text(&resource["id"])
    )
}

/// Whether two lists have an identifier in common.
fn shares(a: &Value, b: &Value) -> bool {
    let list = |all: &Value| {
        let all = all.as_array().into_iter().flatten();
        all.map(|i| (i["system"].clone(), i["value"].clone()))
            .collect::<Vec<_>>()
    };
    let own = list(b);
    list(a).iter().any(|identifier| own.contains(identifier))
}
