//! Whether a reference points at what its element may point at (<https://hl7.org/fhir/R4/references.html>). Whether it is
//! there is not asked here.

use serde_json::Value;

use super::contained::Contained;
use crate::fhir::definitions;

/// What is wrong with a reference that may point at `targets` (at anything where they are none), as a sentence.
#[must_use]
pub fn fault(reference: &Value, targets: &[&str], contained: &Contained) -> Option<String> {
    if targets.is_empty() {
        return None;
    }
    let literal = reference["reference"].as_str();
    let found = literal.and_then(|text| of_literal(text, contained));
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
fn of_literal<'a>(text: &'a str, contained: &'a Contained) -> Option<&'a str> {
    if let Some(id) = text.strip_prefix('#') {
        return contained.kind(id);
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
