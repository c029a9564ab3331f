//! Whether a value is as a profile states it.

use serde_json::Value;

/// Whether all that the pattern says stands in the value: more may stand there.
pub(super) fn pattern(pattern: &Value, value: &Value) -> bool {
    match (pattern, value) {
        (Value::Object(wanted), Value::Object(members)) => wanted.iter().all(|(name, wanted)| {
            members
                .get(name)
                .is_some_and(|found| self::pattern(wanted, found))
        }),
        (Value::Array(wanted), Value::Array(items)) => wanted
            .iter()
            .all(|wanted| items.iter().any(|item| self::pattern(wanted, item))),
        (wanted, found) => wanted == found,
    }
}

/// A pattern in words: the codes and values that it asks for.
pub(super) fn said(pattern: &Value) -> String {
    match pattern {
        Value::Object(members) => {
            let parts: Vec<String> = members
                .iter()
                .map(|(name, value)| match value {
                    Value::Object(_) | Value::Array(_) => said(value),
                    value => format!("{name} {}", said(value)),
                })
                .collect();
            parts.join(", ")
        }
        Value::Array(items) => items.iter().map(said).collect::<Vec<_>>().join("; "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
