//! Whether a resource speaks the words of a KAP episode.

use serde_json::Value;

use super::codes::CANONICAL;

/// Whether the resource names anything of KAP's own definitions: a profile, an extension, a code system, a form.
/// What does is meant for an episode and is held to its rules; what does not is a record like any other.
#[must_use]
pub fn is_marked(value: &Value) -> bool {
    match value {
        Value::String(text) => text.starts_with(CANONICAL),
        Value::Array(items) => items.iter().any(is_marked),
        Value::Object(members) => members.values().any(is_marked),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Types of which the episode needs to understand every record: rules, alerts or rights rest on them.
const UNDERSTOOD: &[&str] = &[
    "AdverseEvent",
    "ClinicalImpression",
    "Consent",
    "EpisodeOfCare",
    "MedicationAdministration",
    "MedicationDispense",
    "Patient",
];

/// Whether a record of an episode may be one that states no fact: valid FHIR that lacks what the fact of its type needs.
#[must_use]
pub fn may_be_plain(kind: &str, value: &Value) -> bool {
    !UNDERSTOOD.contains(&kind) && !is_marked(value)
}

/// Whether a record of this type is nothing without its episode: who may see what, and whose episode it is, hang on it.
#[must_use]
pub fn needs_episode(kind: &str, value: &Value) -> bool {
    matches!(kind, "Consent" | "EpisodeOfCare") || is_marked(value)
}
