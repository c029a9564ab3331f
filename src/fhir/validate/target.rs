//! Whether a reference points at what its element may point at (<https://hl7.org/fhir/R4/references.html>). Whether it is
//! there is not asked here.

use serde_json::Value;

use crate::fhir::definitions;
use crate::fhir::fhirpath::Node;

/// What is wrong with a reference that may point at `targets` (at anything where they are none), as a sentence.
pub fn fault(reference: &Value, targets: &[&str], root: Option<Node<'_>>) -> Option<String> {
    if targets.is_empty() {
        return None;
    }
    let literal = reference["reference"].as_str();
    let found = literal.and_then(|text| of_literal(text, root));
    let said = || {
        reference["type"]
            .as_str()
            .map(|text| text.rsplit('/').next().unwrap_or(text))
    };
    let kind = found.or_else(said).and_then(definitions::resource)?;
    if targets.contains(&kind.name) {
        return None;
    }
    Some(format!(
        "This points at a {}; it may point at {}.",
        kind.name,
        targets.join(", ")
    ))
}

/// The resource type that a literal reference names, where it names one.
fn of_literal<'a>(text: &'a str, root: Option<Node<'a>>) -> Option<&'a str> {
    if let Some(id) = text.strip_prefix('#') {
        let root = root?.value?;
        if id.is_empty() {
            return root["resourceType"].as_str();
        }
        let all = root["contained"].as_array()?;
        let found = all.iter().find(|one| one["id"].as_str() == Some(id))?;
        return found["resourceType"].as_str();
    }
    if text.starts_with("urn:") {
        return None;
    }
    if let Some((kind, _)) = text.split_once('?') {
        return kind.rsplit('/').next();
    }
    let plain = text.split("/_history/").next().unwrap_or(text);
    let mut steps = plain.rsplit('/');
    steps.next()?;
    steps.next()
}
