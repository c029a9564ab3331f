//! Records on their way between this service and a partner's: which of them go, under which names, and what of theirs is
//! news. Pure.
//!
//! Two systems give the same record different ids. It is known there by an identifier: a business identifier for people, else
//! its address here as a URI (<https://hl7.org/fhir/R4/datatypes.html#Identifier>, system `urn:ietf:rfc:3986`).

use base64::Engine as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::fhir::merge::merge_text;
use crate::fhir::reference;
use crate::fhir::resource::Key;

mod added;
mod course;
mod flow;
mod part;
mod task;

pub use added::completed;
pub use flow::{
    Flow, fetched, flow, is_added_to, is_ahead, is_outside, is_referral, is_sent_once, is_shared,
    is_taken, is_told_at_once, moves, narrowed, rank, unread, within,
};
pub use part::{is_drawn_up, unmarked};
pub use task::{between, is_of_requester, moved, standing};

/// The system of identifiers that are URIs.
pub const URI: &str = "urn:ietf:rfc:3986";

/// A digest of what a record says, whatever its version and whenever it was stored.
#[must_use]
pub fn digest(value: &Value) -> String {
    let mut said = value.clone();
    for name in ["id", "text"] {
        if let Some(all) = said.as_object_mut() {
            all.shift_remove(name);
        }
    }
    if let Some(meta) = said.get_mut("meta").and_then(Value::as_object_mut) {
        for name in ["versionId", "lastUpdated", "source"] {
            meta.shift_remove(name);
        }
    }
    let mut text = String::new();
    print(&said, &mut text);
    let hash = Sha256::digest(text);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&hash[..16])
}

/// As JSON with the members of objects in the order of their names.
fn print(value: &Value, out: &mut String) {
    match value {
        Value::Object(all) => {
            let mut names: Vec<&String> = all.keys().collect();
            names.sort();
            out.push('{');
            for name in names {
                out.push_str(&json!(name).to_string());
                out.push(':');
                print(&all[name.as_str()], out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(all) => {
            out.push('[');
            for value in all {
                print(value, out);
                out.push(',');
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// The identifier by which a record is found elsewhere: system and value. `base` is the URL of the API where it lives.
#[must_use]
pub fn identifier(key: &Key, value: &Value, base: &str) -> (String, String) {
    let people = matches!(
        &*key.kind,
        "Patient" | "Practitioner" | "Organization" | "Medication"
    );
    let mut all = identifiers(value);
    let own = all.iter().find(|(_, value)| *value == key.id.as_str());
    match own.cloned() {
        Some(own) if !people => return own,
        _ => {}
    }
    if &*key.kind == "Patient" {
        // A number of an insurance is a family's: the record number alone is one person's.
        let record = value["identifier"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|one| {
                let mut types = one["type"]["coding"].as_array().into_iter().flatten();
                types.any(|coding| coding["code"] == "MR")
            });
        let record = record.map(|one| identifiers(&json!({ "identifier": one })));
        all = record.unwrap_or_default();
    }
    if people && !all.is_empty() {
        let npi = all
            .iter()
            .position(|(system, _)| system.ends_with("us-npi"));
        return all.swap_remove(npi.unwrap_or_default());
    }
    (URI.into(), format!("{base}/{key}"))
}

/// The record of the system at `base` whose address an identifier is.
#[must_use]
pub fn address(system: &str, named: &str, base: &str) -> Option<Key> {
    let below = (system == URI).then(|| reference::relative(named, base));
    reference::local(below.flatten()?.as_str())
}

/// Whether a record bears its address in another system than the one at `base`: it is a copy, and what it tells of is done
/// there.
#[must_use]
pub fn is_copy(value: &Value, base: &str) -> bool {
    let kind = value["resourceType"].as_str().unwrap_or_default();
    identifiers(value).iter().any(|(system, named)| {
        let web = named.starts_with("https://") || named.starts_with("http://");
        let key = named.rsplit('/').nth(1) == Some(kind);
        system == URI && web && key && reference::relative(named, base).is_none()
    })
}

/// The identifiers of a record that have a system.
#[must_use]
pub fn identifiers(value: &Value) -> Vec<(String, String)> {
    let of = &value["identifier"];
    let all = of
        .as_array()
        .map_or(std::slice::from_ref(of), Vec::as_slice);
    let pair = |one: &Value| {
        let text = |name: &str| one[name].as_str().map(str::to_owned);
        Some((text("system")?, text("value")?))
    };
    all.iter().filter_map(pair).collect()
}

/// A record as it leaves: without what is of its storage, with its identifier, and each reference as `place` names it there.
/// What cannot be named there is named by its identifier; what is attached stays where it is and is named by its whole address.
/// The numbers are those of the text.
#[must_use]
pub fn outgoing(
    key: &Key,
    text: &str,
    base: &str,
    place: &mut dyn FnMut(&Key) -> Option<String>,
) -> Option<String> {
    let was: Value = serde_json::from_str(text).ok()?;
    let mut value = without_storage(&was);
    let (system, named) = identifier(key, &was, base);
    add_identifier(&mut value, &system, &named);
    // What is done with it there is told here as done.
    if matches!(&*key.kind, "Encounter" | "EpisodeOfCare") {
        add_identifier(&mut value, URI, &format!("{base}/{key}"));
    }
    refer(&mut value, &mut |said| {
        let here = reference::relative(said, base);
        let key = reference::local(here.as_deref().unwrap_or(said))?;
        Some(place(&key).map_or_else(|| Named::Only(format!("{base}/{key}"), key), Named::As))
    });
    locate(&mut value, base);
    merge_text(&was, &value, text).ok().map(|(text, _)| text)
}

/// A record as it comes in from `base`: each reference is what `find` says that it is here, and its address there is one of
/// its identifiers.
#[must_use]
pub fn incoming(
    key: (&str, &str),
    text: &str,
    base: &str,
    find: &mut dyn FnMut(&str, &str) -> Option<Key>,
) -> Option<String> {
    let was: Value = serde_json::from_str(text).ok()?;
    let mut value = without_storage(&was);
    if key.0 == "Task" && value["lastModified"].is_null() && was["meta"]["lastUpdated"].is_string()
    {
        value["lastModified"] = was["meta"]["lastUpdated"].clone();
    }
    add_identifier(&mut value, URI, &format!("{base}/{}/{}", key.0, key.1));
    refer(&mut value, &mut |said| {
        let there = reference::relative(said, base);
        let there = reference::local(there.as_deref().unwrap_or(said))?;
        let found = find(&there.kind, there.id.as_str());
        Some(match found {
            Some(key) => Named::As(key.to_string()),
            None => Named::Only(format!("{base}/{there}"), there),
        })
    });
    locate(&mut value, base);
    merge_text(&was, &value, text).ok().map(|(text, _)| text)
}

/// The records of the system at `base` that a record refers to: type and id.
#[must_use]
pub fn named(value: &Value, base: &str) -> Vec<Key> {
    let kind = value["resourceType"].as_str().unwrap_or_default();
    let all = reference::references(kind, value).into_iter();
    let key = |said: &str| {
        let own = reference::relative(said, base);
        reference::local(own.as_deref().unwrap_or(said))
    };
    all.filter_map(|found| key(&found.text)).collect()
}

fn without_storage(value: &Value) -> Value {
    let mut out = value.clone();
    let Some(all) = out.as_object_mut() else {
        return out;
    };
    all.shift_remove("id");
    let bare = all
        .get_mut("meta")
        .and_then(Value::as_object_mut)
        .map(|meta| {
            for name in ["versionId", "lastUpdated", "source"] {
                meta.shift_remove(name);
            }
            meta.is_empty()
        });
    if bare == Some(true) {
        all.shift_remove("meta");
    }
    out
}

/// Types that have room for one identifier.
const ONE: &[&str] = &[
    "AdverseEvent",
    "Bundle",
    "Composition",
    "QuestionnaireResponse",
];

fn add_identifier(value: &mut Value, system: &str, named: &str) {
    if identifiers(value)
        .iter()
        .any(|(s, v)| s == system && v == named)
    {
        return;
    }
    let new = json!({ "system": system, "value": named });
    let kind = value["resourceType"].as_str().unwrap_or_default();
    if ONE.contains(&kind) {
        value["identifier"] = new;
    } else if let Some(all) = value["identifier"].as_array_mut() {
        all.push(new);
    } else {
        value["identifier"] = json!([new]);
    }
}

/// How a reference is written.
enum Named {
    /// As this text.
    As(String),
    /// By its address alone: it cannot be followed.
    Only(String, Key),
}

fn refer(value: &mut Value, name: &mut dyn FnMut(&str) -> Option<Named>) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|one| refer(one, name)),
        Value::Object(all) => {
            let said = all.get("reference").and_then(Value::as_str);
            let said = said.filter(|said| !said.starts_with('#'));
            match said.and_then(&mut *name) {
                Some(Named::As(text)) => {
                    all.insert("reference".into(), text.into());
                }
                Some(Named::Only(address, key)) => {
                    all.shift_remove("reference");
                    let own = json!({ "system": URI, "value": address });
                    all.entry("identifier").or_insert(own);
                    all.entry("type").or_insert_with(|| (&*key.kind).into());
                }
                None => {}
            }
            all.values_mut().for_each(|one| refer(one, name));
        }
        _ => {}
    }
}

/// Makes the addresses of attachments whole: on another server a relative one leads nowhere (R4 `Attachment.url`).
fn locate(value: &mut Value, base: &str) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|one| locate(one, base)),
        Value::Object(all) => {
            if let Some(Value::String(url)) = all.get_mut("url") {
                let path = url.split(['?', '#']).next().unwrap_or_default();
                let record: Vec<&str> = path.splitn(3, '/').take(2).collect();
                if reference::local(&record.join("/")).is_some() {
                    *url = format!("{base}/{url}");
                }
            }
            all.values_mut().for_each(|one| locate(one, base));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
