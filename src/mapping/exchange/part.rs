//! Records of which the other side sees a part, and those that it may write for itself.

use serde_json::Value;

use crate::access::label;
use crate::fhir::merge::merge_text;
use crate::fhir::resource::Key;

/// The record without the mark of a redacted copy; `None` where it is no JSON.
///
/// A service of this kind stores no such copy, lest it be written over the whole. What it is told from here is a record of
/// its own there, which holds what it may know and never comes back.
#[must_use]
pub fn unmarked(text: &str) -> Option<String> {
    let was: Value = serde_json::from_str(text).ok()?;
    let mut value = was.clone();
    if let Some(labels) = value["meta"]["security"].as_array_mut() {
        labels.retain(|one| !label::is_redacted(one));
    }
    merge_text(&was, &value, text).ok().map(|(text, _)| text)
}

/// Whether it is the entry of a document that a service of this kind draws up from the record. The other side draws up its
/// own of what it knows, and goes by that.
#[must_use]
pub fn is_drawn_up(key: &Key, value: &Value) -> bool {
    let entry = (&*key.kind == "DocumentReference").then(|| key.id.as_str().strip_suffix("-ref"));
    let document = entry
        .flatten()
        .map(|id| format!("Composition/{id}/$document"));
    document.is_some_and(|url| value["content"][0]["attachment"]["url"] == url.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_told_is_no_copy() {
        let part = r#"{"resourceType":"Patient","meta":{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"SDV"},{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"REDACTED"}]},"birthDate":"1984-03-12"}"#;
        let told = unmarked(part).expect("JSON");
        let value: Value = serde_json::from_str(&told).expect("JSON");
        assert!(label::partial(&value).is_none(), "{told}");
        assert_eq!(value["meta"]["security"][0]["code"], "SDV");
        assert_eq!(value["birthDate"], "1984-03-12");
    }
}
