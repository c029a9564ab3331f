//! References in a resource: where they stand and what they name.

use serde_json::Value;

use super::resource::Key;
use crate::kap::base::Id;

/// A literal reference with the FHIRPath of its element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Such as `Observation.subject`.
    pub at: String,
    /// The text of `reference`.
    pub text: String,
}

/// Every literal reference below `value`, in document order. References to contained resources (`#…`) are left out.
#[must_use]
pub fn references(kind: &str, value: &Value) -> Vec<Found> {
    let mut out = Vec::new();
    walk(value, &mut kind.to_owned(), &mut out);
    out
}

fn walk(value: &Value, at: &mut String, out: &mut Vec<Found>) {
    match value {
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                step(at, &format!("[{i}]"), |at| walk(item, at, out));
            }
        }
        Value::Object(members) => {
            if let Some(text) = members
                .get("reference")
                .and_then(Value::as_str)
                .filter(|t| !t.starts_with('#'))
            {
                out.push(Found {
                    at: at.clone(),
                    text: text.to_owned(),
                });
            }
            for (name, member) in members.iter().filter(|(name, _)| *name != "reference") {
                step(at, &format!(".{name}"), |at| walk(member, at, out));
            }
        }
        _ => {}
    }
}

fn step(at: &mut String, more: &str, f: impl FnOnce(&mut String)) {
    let len = at.len();
    at.push_str(more);
    f(at);
    at.truncate(len);
}

/// The resource that a reference of this server names: `Type/id`, `Type/id/_history/n`, or the same below `base`.
/// `None` for references to other servers and for those that are no literal references to a resource.
#[must_use]
pub fn local(text: &str, base: &str) -> Option<Key> {
    let text = text
        .strip_prefix(base)
        .map_or(text, |rest| rest.trim_start_matches('/'));
    let mut parts = text.split('/');
    let (kind, id) = (parts.next()?, parts.next()?);
    let rest = (parts.next(), parts.next(), parts.next());
    let versioned = matches!(rest, (None, _, _) | (Some("_history"), Some(_), None));
    let typed = kind.starts_with(|c: char| c.is_ascii_uppercase())
        && kind.chars().all(|c| c.is_ascii_alphabetic());
    (typed && versioned)
        .then(|| Id::new(id).map(|id| Key::new(kind, id)))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_come_with_their_place() {
        let value = json!({"subject":{"reference":"Patient/1"},"performer":[{"reference":"#x"},{"reference":"Practitioner/2"}]});
        let found: Vec<_> = references("Observation", &value)
            .into_iter()
            .map(|f| (f.at, f.text))
            .collect();
        assert_eq!(
            found,
            [
                ("Observation.subject".into(), "Patient/1".into()),
                (
                    "Observation.performer[1]".into(),
                    "Practitioner/2".to_owned()
                )
            ]
        );
    }

    #[test]
    fn only_own_literal_references_are_local() {
        let key = |t: &str| local(t, "https://h/fhir").map(|k| k.to_string());
        assert_eq!(key("Patient/1").as_deref(), Some("Patient/1"));
        assert_eq!(
            key("https://h/fhir/Patient/1/_history/2").as_deref(),
            Some("Patient/1")
        );
        for other in [
            "https://x/fhir/Patient/1",
            "urn:uuid:1",
            "Patient",
            "Patient/..",
            "patient/1",
            "Patient?identifier=1",
            "Patient/1/x",
        ] {
            assert_eq!(key(other), None, "{other}");
        }
    }
}
