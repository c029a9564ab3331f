//! Modifier extensions change what a record means (<https://hl7.org/fhir/R4/extensibility.html#modifierExtension>). This
//! service knows none: a record that its rules read may hold none, for they would read it wrongly.

use serde_json::Value;

use super::write::Incoming;
use crate::error::{Error, Issue, Kind, Result};
use crate::mapping;

/// Refuses records with modifier extensions of the types that rules read.
///
/// # Errors
/// `Unprocessable` with each place.
pub fn check(incoming: &[Incoming]) -> Result<()> {
    let mut issues = Vec::new();
    for one in incoming {
        let kind = &one.resource.key.kind;
        if !mapping::reads(kind) {
            continue;
        }
        let mut places = Vec::new();
        seek(&one.resource.value, kind, &mut places);
        issues.extend(places.into_iter().map(|at| {
            let text = "This service does not know the modifier extension, and would read the record wrongly.";
            one.place(Issue {
                code: Some("extension"),
                text: text.into(),
                at: Some(at),
                ..Issue::default()
            })
        }));
    }
    if issues.is_empty() {
        return Ok(());
    }
    Err(Error::with_issues(Kind::Unprocessable, issues))
}

/// The places of modifier extensions; contained resources are nobody's record.
fn seek(value: &Value, at: &str, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members.iter().filter(|(name, _)| *name != "contained") {
                let place = format!("{at}.{name}");
                match name.as_str() {
                    "modifierExtension" => out.push(place),
                    _ => seek(value, &place, out),
                }
            }
        }
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                seek(item, &format!("{at}[{n}]"), out);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_modifier_is_found_but_for_those_of_contained_resources() {
        let mut found = Vec::new();
        let value = json!({"modifierExtension": [{"url": "u"}], "contained": [{"modifierExtension": []}],
            "component": [{"code": {}}, {"modifierExtension": [{"url": "u"}]}]});
        seek(&value, "Observation", &mut found);
        assert_eq!(
            found,
            [
                "Observation.modifierExtension",
                "Observation.component[1].modifierExtension"
            ]
        );
    }
}
