//! `_elements`: resources with the elements that were asked for, and those that every such resource must have.

use crate::error::Result;
use crate::fhir::shape::Shape;
use crate::interaction::operation::{Asked, invalid};

/// The elements that were asked for: `name`, or `Type.name`.
///
/// # Errors
/// `Invalid` where one of them is not written so.
pub fn named(asked: &Asked) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for name in asked.all("_elements").flat_map(|value| value.split(',')) {
        let name = name.trim();
        let legal = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        if name.is_empty() || !name.split('.').all(legal) || name.split('.').count() > 2 {
            let text =
                "_elements names elements, such as code or Observation.code, separated by commas.";
            return Err(invalid(text));
        }
        out.push(name.to_owned());
    }
    Ok(out)
}

/// The resource with these elements alone, marked as a part; `None` where none speak of its type.
///
/// # Errors
/// `Internal` where the text is no JSON.
pub fn only(kind: &str, text: &str, elements: &[String]) -> Result<Option<String>> {
    if elements.is_empty() {
        return Ok(None);
    }
    let mut shape = Shape::default();
    shape.take("_elements", &elements.join(","))?;
    shape.of(kind, true, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_and_what_must_be_there_stays() {
        let text = r#"{"resourceType":"Observation","id":"o","meta":{"versionId":"1"},"status":"final","code":{"text":"x"},"note":[{"text":"y"}],"valueInteger":1}"#;
        let part = |elements: &[&str]| {
            let elements: Vec<String> = elements.iter().map(|&e| e.to_owned()).collect();
            only("Observation", text, &elements).expect("json")
        };
        assert_eq!(part(&[]), None);
        assert_eq!(part(&["Task.note"]), None);
        let value: serde_json::Value =
            serde_json::from_str(&part(&["note"]).expect("a part")).expect("json");
        assert_eq!(value["note"][0]["text"], "y");
        assert_eq!(
            (&value["status"], &value["code"]["text"]),
            (&"final".into(), &"x".into())
        );
        assert!(value.get("valueInteger").is_none());
        assert_eq!(value["meta"]["tag"][0]["code"], "SUBSETTED");
        assert_eq!(value["meta"]["versionId"], "1");
    }
}
