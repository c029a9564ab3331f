use serde_json::{Value, json};

use super::*;

const TAG: &str = r#""meta":{"tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]}"#;

fn shape(pairs: &[(&str, &str)]) -> Shape {
    let mut shape = Shape::default();
    for (name, value) in pairs {
        assert!(shape.take(name, value).expect("a shape"), "{name}");
    }
    shape
}

fn left(shape: &Shape, text: &str) -> String {
    let kind = serde_json::from_str::<Value>(text).expect("json")["resourceType"].clone();
    let kind = kind.as_str().expect("a type");
    shape.of(kind, true, text).expect("a part").expect("a part")
}

#[test]
fn a_summary_has_what_the_definitions_mark_byte_for_byte() {
    let whole = r#"{"resourceType":"Observation","id":"o","meta":{"versionId":"2"},"text":{"status":"generated"},
        "status":"final","code":{"text":"x"},"valueQuantity":{"value": 1.10},"note":[{"text":"n"}],"_status":{"id":"s"},
        "component":[{"code":{"text":"c"},"valueInteger":3,"referenceRange":[{"text":"r"}]}],"interpretation":[{"text":"i"}]}"#;
    assert_eq!(
        left(&shape(&[("_summary", "true")]), whole),
        r#"{"resourceType":"Observation","id":"o","meta":{"versionId":"2","tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]},"status":"final","code":{"text":"x"},"valueQuantity":{"value": 1.10},"_status":{"id":"s"},"component":[{"code":{"text":"c"},"valueInteger":3}]}"#
    );
}

#[test]
fn a_part_that_loses_all_its_elements_goes() {
    let whole = json!({"resourceType": "Consent", "id": "c", "status": "active", "scope": {"text": "s"},
        "category": [{"text": "c"}], "provision": {"provision": [{"type": "deny"}]}});
    let part = left(&shape(&[("_summary", "true")]), &whole.to_string());
    assert!(!part.contains("provision"), "{part}");
}

#[test]
fn text_data_and_elements_keep_what_must_be_there() {
    let whole = r#"{"resourceType":"Patient","id":"p","text":{"status":"generated"},"active":true,"name":[{"text":"n"}],"birthDate":"2001-01-01"}"#;
    for (asked, rest) in [
        (
            ("_summary", "text"),
            r#""text":{"status":"generated"},"active":true"#,
        ),
        (
            ("_summary", "data"),
            r#""active":true,"name":[{"text":"n"}],"birthDate":"2001-01-01""#,
        ),
        (
            ("_elements", "birthDate"),
            r#""active":true,"birthDate":"2001-01-01""#,
        ),
        (
            ("_elements", "Patient.name,gender"),
            r#""active":true,"name":[{"text":"n"}]"#,
        ),
    ] {
        let part = left(&shape(&[asked]), whole);
        assert_eq!(
            part,
            format!(r#"{{"resourceType":"Patient","id":"p",{TAG},{rest}}}"#),
            "{asked:?}"
        );
    }
    // What comes along with the matches is whole unless its own type is named.
    let names = shape(&[("_elements", "name")]);
    assert_eq!(names.of("Patient", false, whole).expect("whole"), None);
    let own = shape(&[("_elements", "Organization.name")]);
    assert_eq!(own.of("Patient", true, whole).expect("whole"), None);
}

#[test]
fn what_is_referred_to_within_comes_along() {
    let whole = r##"{"resourceType":"MedicationRequest","id":"m","contained":[{"resourceType":"Medication","id":"x"}],
        "status":"active","intent":"order","medicationReference":{"reference":"#x"},"subject":{"reference":"Patient/p"}}"##;
    let part = left(&shape(&[("_summary", "true")]), whole);
    assert!(part.contains(r#""contained":[{"resourceType":"Medication","id":"x"}]"#));
    let plain = whole.replace("#x", "Medication/x");
    let part = left(&shape(&[("_summary", "true")]), &plain);
    assert!(!part.contains("contained"), "{part}");
}

#[test]
fn names_that_there_are_not_are_given_back() {
    let mut asked = shape(&[(
        "_elements",
        "name,colour,photo,Patient.contact,Nothing.id,value",
    )]);
    let hidden = |kind: &str, name: &str| (kind, name) == ("Patient", "photo");
    let unknown = asked.unknown(&["Patient"], &hidden);
    assert_eq!(unknown, ["colour", "photo", "Nothing.id", "value"]);
    assert_eq!(
        asked.pairs(),
        [("_elements".to_owned(), "name,Patient.contact".to_owned())]
    );
}

#[test]
fn contradictions_and_unknown_words_are_refused() {
    for pairs in [
        vec![("_summary", "yes")],
        vec![("_summary", "true"), ("_elements", "id")],
        vec![("_elements", "id"), ("_summary", "data")],
    ] {
        let mut asked = Shape::default();
        let last = pairs.iter().map(|(n, v)| asked.take(n, v)).last();
        assert!(last.expect("one").is_err(), "{pairs:?}");
    }
    assert!(!shape(&[("_elements", "id"), ("_summary", "count")]).is_whole());
    assert!(shape(&[("_summary", "false")]).is_whole());
    assert!(!Shape::default().take("_count", "1").expect("another's"));
}
