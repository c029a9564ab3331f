//! `meta.security` of a resource changed in its text, everything else byte for byte.

use std::fmt::Write as _;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::json::Members;
use super::resource::Resource;
use crate::error::{Error, Result};
use crate::kap::base::Coding;

/// The resource without the security labels at the positions `drop` and with the labels `add`; a confidentiality
/// comes first.
///
/// # Errors
/// `Internal` where the text is no JSON object (it was checked when it came in).
pub fn relabelled(resource: Resource, drop: &[usize], add: &[Coding]) -> Result<Resource> {
    if drop.is_empty() && add.is_empty() {
        return Ok(resource);
    }
    let text = spliced(&resource.json, drop, add).map_err(Error::internal)?;
    let mut value = resource.value;
    let labels: Vec<Value> = value["meta"]["security"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let kept = labels
        .into_iter()
        .enumerate()
        .filter(|(n, _)| !drop.contains(n));
    let mut all: Vec<Value> = kept.map(|(_, label)| label).collect();
    for (n, coding) in add.iter().enumerate() {
        let at = if is_level(coding) {
            n.min(all.len())
        } else {
            all.len()
        };
        all.insert(at, json!(coding));
    }
    if !value["meta"].is_object() {
        value["meta"] = json!({});
    }
    value["meta"]["security"] = Value::Array(all);
    Ok(Resource {
        key: resource.key,
        json: text.into(),
        value,
    })
}

/// The text of a resource with one label more.
///
/// # Errors
/// Where `text` is no JSON object.
pub fn marked(text: &str, label: &Coding) -> serde_json::Result<String> {
    spliced(text, &[], std::slice::from_ref(label))
}

/// The text of a resource with one tag more.
///
/// # Errors
/// Where `text` is no JSON object.
pub fn tagged(text: &str, tag: &Coding) -> serde_json::Result<String> {
    let members = Members::of(text)?;
    let old = Members::of(members.get("meta").unwrap_or("{}"))?;
    let before: Vec<&RawValue> = serde_json::from_str(old.get("tag").unwrap_or("[]"))?;
    let mut tags: Vec<String> = before.iter().map(|raw| raw.get().to_owned()).collect();
    tags.push(serde_json::to_string(tag)?);
    let mut meta = Vec::new();
    for (name, raw) in old.0.iter().filter(|(name, _)| name != "tag") {
        meta.push(format!("{}:{}", serde_json::to_string(name)?, raw.get()));
    }
    meta.push(format!("\"tag\":[{}]", tags.join(",")));
    let meta = format!("\"meta\":{{{}}}", meta.join(","));
    let mut out = Vec::new();
    for (name, raw) in &members.0 {
        if name == "meta" {
            out.push(meta.clone());
        } else {
            out.push(format!("{}:{}", serde_json::to_string(name)?, raw.get()));
        }
    }
    if members.get("meta").is_none() {
        out.push(meta);
    }
    Ok(format!("{{{}}}", out.join(",")))
}

fn is_level(coding: &Coding) -> bool {
    coding.system.ends_with("/v3-Confidentiality")
}

fn spliced(text: &str, drop: &[usize], add: &[Coding]) -> serde_json::Result<String> {
    let members = Members::of(text)?;
    let mut out = String::with_capacity(text.len() + 256);
    let mut comma = '{';
    for (name, raw) in &members.0 {
        out.push(comma);
        comma = ',';
        let _ = write!(out, "{}:", serde_json::to_string(name)?);
        if name == "meta" {
            meta(&mut out, raw.get(), drop, add)?;
        } else {
            out.push_str(raw.get());
        }
        if name == "id" && members.get("meta").is_none() {
            out.push_str(",\"meta\":");
            meta(&mut out, "{}", drop, add)?;
        }
    }
    out.push('}');
    Ok(out)
}

fn meta(out: &mut String, old: &str, drop: &[usize], add: &[Coding]) -> serde_json::Result<()> {
    let members = Members::of(old)?;
    let mut comma = '{';
    for (name, raw) in &members.0 {
        let _ = write!(out, "{comma}{}:", serde_json::to_string(name)?);
        comma = ',';
        if name == "security" {
            security(out, raw.get(), drop, add)?;
        } else {
            out.push_str(raw.get());
        }
    }
    if members.get("security").is_none() {
        let _ = write!(out, "{comma}\"security\":");
        security(out, "[]", drop, add)?;
    }
    out.push('}');
    Ok(())
}

fn security(out: &mut String, old: &str, drop: &[usize], add: &[Coding]) -> serde_json::Result<()> {
    let old: Vec<&RawValue> = serde_json::from_str(old)?;
    let texts = |level: bool| {
        let wanted = add.iter().filter(move |c| is_level(c) == level);
        wanted.map(serde_json::to_string)
    };
    let kept = old.iter().enumerate().filter(|(n, _)| !drop.contains(n));
    let kept = kept.map(|(_, raw)| Ok(raw.get().to_owned()));
    let all = texts(true).chain(kept).chain(texts(false));
    let all: Vec<String> = all.collect::<serde_json::Result<_>>()?;
    let _ = write!(out, "[{}]", all.join(","));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::resource::Key;
    use crate::kap::base::Id;

    fn coding(system: &str, code: &str) -> Coding {
        let system = format!("http://terminology.hl7.org/CodeSystem/{system}");
        Coding {
            system,
            code: code.to_owned(),
            display: None,
        }
    }

    fn received(text: &str) -> Resource {
        Resource {
            key: Key::new("Basic", Id::new("a").expect("id")),
            json: text.into(),
            value: serde_json::from_str(text).expect("json"),
        }
    }

    #[test]
    fn only_the_labels_change_and_the_text_says_what_the_value_says() {
        let levels =
            r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality","code":"R"}"#;
        let topic = r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"PSY"}"#;
        let kept = r#"{"code": "x" ,"system":"urn:own"}"#;
        for (before, drop, after) in [
            (
                r#""status":"final","valueQuantity":{"value": 1.10}"#.to_owned(),
                vec![],
                format!(
                    r#""meta":{{"security":[{levels},{topic}]}},"status":"final","valueQuantity":{{"value": 1.10}}"#
                ),
            ),
            (
                r#""meta":{"profile": ["p"]}"#.to_owned(),
                vec![],
                format!(r#""meta":{{"profile":["p"],"security":[{levels},{topic}]}}"#),
            ),
            (
                format!(r#""meta":{{"security":[{{"code":"N"}}, {kept}],"tag":[]}}"#),
                vec![0],
                format!(r#""meta":{{"security":[{levels},{kept},{topic}],"tag":[]}}"#),
            ),
        ] {
            let resource = received(&format!(r#"{{"resourceType":"Basic","id":"a",{before}}}"#));
            let add = [
                coding("v3-Confidentiality", "R"),
                coding("v3-ActCode", "PSY"),
            ];
            let changed = relabelled(resource, &drop, &add).expect("changed");
            assert_eq!(
                &*changed.json,
                format!(r#"{{"resourceType":"Basic","id":"a",{after}}}"#)
            );
            let parsed: Value = serde_json::from_str(&changed.json).expect("json");
            assert_eq!(parsed, changed.value);
        }
    }

    #[test]
    fn nothing_to_change_leaves_the_text_alone() {
        let resource = received(r#"{"resourceType":"Basic","meta": {"tag": [] }}"#);
        let text = resource.json.clone();
        let same = relabelled(resource, &[], &[]).expect("same");
        assert_eq!(same.json, text);
    }
}
