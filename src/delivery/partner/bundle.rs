//! Bundles that go to a partner's server, and what its answers say (<https://hl7.org/fhir/R4/http.html#transaction>).

use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::fhir::resource::Key;
use crate::interaction::partner::receive;
use crate::kap::Id;

/// A record that goes.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    /// Its fullUrl where it is new there.
    pub(super) name: String,
    pub(super) text: String,
    /// Its id and version there, where it is known.
    pub(super) there: Option<(Arc<str>, Arc<str>)>,
    /// The identifier, system and value, of which there must be none where it is created.
    pub(super) unless: Option<(String, String)>,
}

impl Entry {
    /// The resource with its id there.
    pub(super) fn text_there(&self) -> String {
        match (&self.there, self.text.strip_prefix('{')) {
            (Some((there, _)), Some(rest)) => format!("{{\"id\":{},{rest}", json!(**there)),
            _ => self.text.clone(),
        }
    }

    /// The resource as a value.
    pub(super) fn value(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

/// The fullUrl of a record that is new there: its address here for a service of this kind, which keeps the id, else a name
/// that is good for this bundle.
pub(super) fn name(here: &str, key: &Key, is_alike: bool) -> String {
    let address = format!("{here}/{key}");
    if is_alike {
        return address;
    }
    let uuid = Uuid::new_v5(&Uuid::NAMESPACE_URL, address.as_bytes());
    uuid.urn().to_string()
}

/// A transaction of these records, for the server at `base`. The resources are as their texts.
pub(super) fn transaction(entries: &[Entry], base: &str) -> String {
    let entries = entries.iter().map(|one| {
        let kind = &one.key.kind;
        let (name, request) = match (&one.there, &one.unless) {
            (Some((there, version)), _) => {
                let mut request = json!({ "method": "PUT", "url": format!("{kind}/{there}") });
                if !version.is_empty() {
                    request["ifMatch"] = (**version).into();
                }
                (format!("{base}/{kind}/{there}"), request)
            }
            (None, Some((system, named))) => {
                let unless = criteria(system, named);
                let request = json!({ "method": "POST", "url": **kind, "ifNoneExist": unless });
                (one.name.clone(), request)
            }
            (None, None) => (one.name.clone(), json!({ "method": "POST", "url": **kind })),
        };
        let resource = one.text_there();
        format!(
            r#"{{"fullUrl":{},"resource":{resource},"request":{request}}}"#,
            json!(name)
        )
    });
    let entries: Vec<String> = entries.collect();
    format!(
        r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#,
        entries.join(",")
    )
}

/// The search for whatever bears an identifier.
pub(super) fn criteria(system: &str, named: &str) -> String {
    receive::criteria(system, named)
}

/// What became of an entry.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) id: Option<String>,
    pub(super) version: String,
    /// Whether it was made by this very transaction.
    pub(super) is_new: bool,
}

/// What became of the entries, in their order.
pub(super) fn done(reply: &Value) -> Vec<Done> {
    let all = reply["entry"].as_array().into_iter().flatten();
    let one = |entry: &Value| {
        let text = |name: &str| entry["response"][name].as_str().unwrap_or_default();
        let location = text("location");
        let kind = entry["resource"]["resourceType"]
            .as_str()
            .unwrap_or_default();
        let (id, version) = placed(location, text("etag"), kind, &entry["resource"]);
        let is_new = text("status").starts_with("201");
        Done {
            id,
            version,
            is_new,
        }
    };
    all.map(one).collect()
}

/// Id and version of what was written, by `Location`, `ETag` and the resource, as far as they say it.
pub(super) fn placed(
    location: &str,
    etag: &str,
    kind: &str,
    body: &Value,
) -> (Option<String>, String) {
    let mut parts = location.trim_end_matches('/').rsplit('/');
    let mut last = parts.next().unwrap_or_default();
    let mut version = etag.to_owned();
    if parts.clone().next() == Some("_history") {
        if version.is_empty() {
            version = format!("W/\"{last}\"");
        }
        parts.next();
        last = parts.next().unwrap_or_default();
    }
    let own = body["id"].as_str().filter(|_| body["resourceType"] == kind);
    let id = (!last.is_empty()).then_some(last).or(own);
    if version.is_empty() {
        version = self::version("", body);
    }
    (id.map(str::to_owned), version)
}

/// The version of a resource as an ETag; empty where nothing says it.
pub(super) fn version(etag: &str, body: &Value) -> String {
    if !etag.is_empty() {
        return etag.to_owned();
    }
    let said = body["meta"]["versionId"].as_str();
    said.map(|version| format!("W/\"{version}\""))
        .unwrap_or_default()
}

/// What a search found.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    /// Id and version.
    One(String, String),
    Several,
}

/// Which of the records of a searchset is the one that was asked for: servers that do not know a parameter answer with others.
pub(super) fn found(bundle: &Value, kind: &str, asked: impl Fn(&Value) -> bool) -> Found {
    let all = bundle["entry"].as_array().into_iter().flatten();
    let resources = all.map(|entry| &entry["resource"]);
    let mut own = resources.filter(|r| r["resourceType"] == kind && asked(r));
    match (own.next(), own.next()) {
        (None, _) => Found::Nothing,
        (Some(_), Some(_)) => Found::Several,
        (Some(one), None) => match one["id"].as_str().and_then(Id::new) {
            Some(id) => Found::One(id.to_string(), version("", one)),
            None => Found::Nothing,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_found_where_the_answer_says() {
        let at = |location: &str, etag: &str| placed(location, etag, "Task", &Value::Null);
        let known = (Some("7".to_owned()), "W/\"2\"".to_owned());
        assert_eq!(at("https://a.example/fhir/Task/7/_history/2", ""), known);
        assert_eq!(at("Task/7", "W/\"2\""), known);
        let body = json!({ "resourceType": "Task", "id": "7", "meta": { "versionId": "2" } });
        assert_eq!(placed("", "", "Task", &body), known);
        assert_eq!(at("", "").0, None);
    }

    #[test]
    fn a_server_that_heeds_no_parameter_finds_nobody() {
        let one = |id: &str, value: &str| json!({ "resource": { "resourceType": "Patient", "id": id, "identifier": [{ "value": value }] } });
        let asked = |r: &Value| r["identifier"][0]["value"] == "mine";
        let found = |entries: Value| found(&json!({ "entry": entries }), "Patient", asked);
        assert!(matches!(found(json!([one("1", "other")])), Found::Nothing));
        assert!(
            matches!(found(json!([one("1", "other"), one("2", "mine")])), Found::One(id, _) if id == "2")
        );
        assert!(matches!(
            found(json!([one("1", "mine"), one("2", "mine")])),
            Found::Several
        ));
        assert!(matches!(found(json!([one("a/b", "mine")])), Found::Nothing));
    }
}
