//! A subset of a resource, cut out of its text.

use std::fmt::Write as _;

use serde_json::Result;
use serde_json::value::RawValue;

use super::Pick;
use super::table::{self, Element};
use crate::fhir::json::Members;

/// What a copy bears that is not the whole.
const SUBSETTED: &str =
    r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}"#;

/// What `pick` chooses of the resource `text`, marked as a subset.
///
/// # Errors
/// Where `text` is no JSON object.
pub(super) fn subset(kind: &str, text: &str, pick: &Pick<'_>) -> Result<String> {
    let members = Members::of(text)?;
    let mut kept: Vec<(&str, String)> = Vec::new();
    for (name, raw) in &members.0 {
        if let Some(part) = top(kind, name, raw.get(), pick)? {
            kept.push((name, part));
        }
    }
    // Where something refers to what is contained, that comes along: a reference must lead somewhere.
    let refers = kept.iter().any(|(_, part)| part.contains("\"#"));
    let contained = members.get("contained").filter(|_| refers);
    if let Some(contained) = contained.filter(|_| kept.iter().all(|(n, _)| *n != "contained")) {
        kept.push(("contained", contained.to_owned()));
    }
    if kept.iter().all(|(name, _)| *name != "meta") {
        let first = kept
            .iter()
            .take_while(|(n, _)| matches!(*n, "resourceType" | "id"));
        kept.insert(first.count(), ("meta", tagged("{}")?));
    }
    written(&kept)
}

fn written(members: &[(&str, String)]) -> Result<String> {
    let mut out = String::from("{");
    for (i, (name, part)) in members.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(out, "{comma}{}:{part}", serde_json::to_string(name)?);
    }
    out.push('}');
    Ok(out)
}

/// What is left of an element of the resource itself.
fn top(kind: &str, name: &str, text: &str, pick: &Pick<'_>) -> Result<Option<String>> {
    let bare = name.strip_prefix('_').unwrap_or(name);
    match bare {
        "resourceType" | "id" => return Ok(Some(text.to_owned())),
        "meta" => return tagged(text).map(Some),
        _ => {}
    }
    let Some((path, element)) = table::find(kind, "", bare) else {
        return Ok(matches!(pick, Pick::Data).then(|| text.to_owned()));
    };
    let must = element.stays;
    let stays = match pick {
        Pick::Summary if must || element.summary => return part(kind, element, text),
        Pick::Summary => false,
        Pick::Text => must || bare == "text",
        Pick::Data => bare != "text",
        Pick::Only(names) => must || names.contains(path.trim_end_matches("[x]")),
    };
    Ok(stays.then(|| text.to_owned()))
}

/// The summary of an element: of one whose elements are listed those of the summary, else all.
fn part(kind: &str, element: Element, text: &str) -> Result<Option<String>> {
    if !element.listed {
        return Ok(Some(text.to_owned()));
    }
    if text.trim_start().starts_with('{') {
        return object(kind, element.path, text);
    }
    let entries: Vec<&RawValue> = serde_json::from_str(text)?;
    let parts = entries
        .iter()
        .map(|raw| object(kind, element.path, raw.get()));
    let parts: Vec<String> = parts.filter_map(Result::transpose).collect::<Result<_>>()?;
    Ok((!parts.is_empty()).then(|| format!("[{}]", parts.join(","))))
}

fn object(kind: &str, path: &str, text: &str) -> Result<Option<String>> {
    let members = Members::of(text)?;
    let mut kept = Vec::new();
    for (name, raw) in &members.0 {
        let bare = name.strip_prefix('_').unwrap_or(name);
        let found = table::find(kind, path, bare).map(|(_, element)| element);
        let chosen = |e: &Element| e.summary || e.stays;
        let left = match found.filter(chosen) {
            Some(element) => part(kind, element, raw.get())?,
            None if bare == "id" => Some(raw.get().to_owned()),
            None => None,
        };
        kept.extend(left.map(|part| (&**name, part)));
    }
    let empty = kept.is_empty();
    Ok(if empty { None } else { Some(written(&kept)?) })
}

/// `meta` with the tag of a subset.
fn tagged(meta: &str) -> Result<String> {
    let members = Members::of(meta)?;
    let mut out: Vec<(&str, String)> = Vec::new();
    for (name, raw) in &members.0 {
        let text = if name == "tag" {
            let tags: Vec<&RawValue> = serde_json::from_str(raw.get())?;
            let mut tags: Vec<&str> = tags.iter().map(|tag| tag.get()).collect();
            tags.push(SUBSETTED);
            format!("[{}]", tags.join(","))
        } else {
            raw.get().to_owned()
        };
        out.push((name, text));
    }
    if members.get("tag").is_none() {
        out.push(("tag", format!("[{SUBSETTED}]")));
    }
    written(&out)
}
