use serde_json::json;

use super::*;
use crate::error::Kind;

const PATIENT: &str = r#"{"resourceType":"Patient","id":"p","name":[{"use":"official","family":"A","given":["x","y"]},{"use":"usual","family":"B"}],"birthDate":"1984-03-12","_birthDate":{"id":"b"},"extension":[{"url":"http://e","valueDecimal": 1.10}],"multipleBirthInteger":2}"#;

fn operation(parts: &Value) -> Value {
    let named = |(name, value): (&String, &Value)| {
        let mut part = json!({ "name": name });
        match (name.as_str(), value) {
            ("type", v) => part["valueCode"] = v.clone(),
            ("path" | "name", v) => part["valueString"] = v.clone(),
            ("value", v) => {
                for (member, value) in v.as_object().expect("a value") {
                    part[member] = value.clone();
                }
            }
            (_, v) => part["valueInteger"] = v.clone(),
        }
        part
    };
    let parts: Vec<Value> = parts
        .as_object()
        .expect("parts")
        .iter()
        .map(named)
        .collect();
    json!({ "name": "operation", "part": parts })
}

fn run(operations: &[Value]) -> Result<String> {
    let all: Vec<Value> = operations.iter().map(operation).collect();
    let patch = json!({ "resourceType": "Parameters", "parameter": all }).to_string();
    apply(PATIENT, "Patient", patch.as_bytes())
}

fn done(one: Value) -> Value {
    let text = run(&[one]).expect("a patched resource");
    from_str(&text).expect("json")
}

#[test]
fn each_operation_changes_its_place() {
    let added = done(
        json!({"type": "add", "path": "Patient", "name": "gender", "value": {"valueCode": "female"}}),
    );
    assert_eq!(added["gender"], "female");
    let added = done(
        json!({"type": "add", "path": "Patient.name[0]", "name": "given", "value": {"valueString": "z"}}),
    );
    assert_eq!(added["name"][0]["given"], json!(["x", "y", "z"]));
    let added = done(
        json!({"type": "add", "path": "Patient", "name": "telecom", "value": {"valueContactPoint": {"value": "1"}}}),
    );
    assert_eq!(added["telecom"], json!([{"value": "1"}]));
    let added = done(
        json!({"type": "add", "path": "Patient", "name": "deceased", "value": {"valueBoolean": false}}),
    );
    assert_eq!(added["deceasedBoolean"], false);
    let parts = json!({"part": [
        {"name": "relationship", "valueCodeableConcept": {"text": "a"}}, {"name": "relationship", "valueCodeableConcept": {"text": "b"}},
        {"name": "name", "valueHumanName": {"family": "C"}},
        {"name": "period", "part": [{"name": "start", "valueDateTime": "2020"}]}]});
    let added = done(json!({"type": "add", "path": "Patient", "name": "contact", "value": parts}));
    assert_eq!(
        added["contact"],
        json!([{"relationship": [{"text": "a"}, {"text": "b"}], "name": {"family": "C"}, "period": {"start": "2020"}}])
    );
    let inserted = done(
        json!({"type": "insert", "path": "Patient.name.where(use = 'official').given", "index": 1, "value": {"valueString": "z"}}),
    );
    assert_eq!(inserted["name"][0]["given"], json!(["x", "z", "y"]));
}

#[test]
fn elements_are_moved_deleted_and_replaced() {
    let moved =
        done(json!({"type": "move", "path": "Patient.name", "source": 1, "destination": 0}));
    assert_eq!(moved["name"][0]["family"], "B");
    let deleted = done(json!({"type": "delete", "path": "Patient.birthDate"}));
    assert!(deleted.get("birthDate").is_none() && deleted.get("_birthDate").is_none());
    let deleted =
        done(json!({"type": "delete", "path": "Patient.name.where(use='usual' and family='B')"}));
    assert_eq!(deleted["name"].as_array().map(Vec::len), Some(1));
    let deleted = done(json!({"type": "delete", "path": "Patient.extension('http://e')"}));
    assert!(deleted.get("extension").is_none());
    let same = done(json!({"type": "delete", "path": "Patient.photo"}));
    assert_eq!(same, from_str::<Value>(PATIENT).expect("json"));
    let replaced = done(
        json!({"type": "replace", "path": "Patient.birthDate", "value": {"valueDate": "1990"}}),
    );
    assert_eq!(replaced["birthDate"], "1990");
    assert!(replaced.get("_birthDate").is_none());
    let replaced = done(
        json!({"type": "replace", "path": "Patient.multipleBirth", "value": {"valueBoolean": true}}),
    );
    assert_eq!(
        (
            &replaced["multipleBirthBoolean"],
            replaced.get("multipleBirthInteger")
        ),
        (&json!(true), None)
    );
    let replaced = done(
        json!({"type": "replace", "path": "multipleBirth.ofType(integer)", "value": {"valueInteger": 3}}),
    );
    assert_eq!(replaced["multipleBirthInteger"], 3);
    let replaced = done(
        json!({"type": "replace", "path": "Patient.name.last().family", "value": {"valueString": "D"}}),
    );
    assert_eq!(replaced["name"][1]["family"], "D");
}

#[test]
fn what_is_not_named_keeps_its_bytes_and_values_keep_theirs() {
    let patch = r#"{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"add"},
        {"name":"path","valueString":"Patient.extension('http://e')"},{"name":"name","valueString":"extension"},
        {"name":"value","valueExtension":{"url":"n","valueDecimal": 2.500}}]}]}"#;
    let text = apply(PATIENT, "Patient", patch.as_bytes()).expect("patched");
    assert!(text.contains(r#""valueDecimal":1.10"#), "{text}");
    assert!(
        text.contains(r#"{"url":"n","valueDecimal": 2.500}"#),
        "{text}"
    );
    assert!(text.contains(
        r#"[{"use":"official","family":"A","given":["x","y"]},{"use":"usual","family":"B"}]"#
    ));
}

#[test]
fn what_does_not_fit_is_refused() {
    for one in [
        json!({"type": "add", "path": "Patient.name", "name": "text", "value": {"valueString": "x"}}),
        json!({"type": "add", "path": "Patient.photo", "name": "url", "value": {"valueString": "x"}}),
        json!({"type": "add", "path": "Patient", "name": "colour", "value": {"valueString": "x"}}),
        json!({"type": "add", "path": "Patient", "name": "birthDate", "value": {"valueDate": "1990"}}),
        json!({"type": "add", "path": "Patient", "name": "deceased", "value": {"valueQuantity": {}}}),
        json!({"type": "insert", "path": "Patient.name", "index": 7, "value": {"valueHumanName": {"text": "x"}}}),
        json!({"type": "insert", "path": "Patient.name[0]", "index": 0, "value": {"valueHumanName": {"text": "x"}}}),
        json!({"type": "replace", "path": "Patient.photo", "value": {"valueString": "x"}}),
        json!({"type": "replace", "path": "Patient.name", "value": {"valueHumanName": {"text": "x"}}}),
        json!({"type": "delete", "path": "Patient.name"}),
        json!({"type": "move", "path": "Patient.name", "source": 0, "destination": 2}),
    ] {
        let error = run(std::slice::from_ref(&one)).expect_err("refused");
        assert_eq!(error.kind, Kind::Unprocessable, "{one}");
        assert_eq!(
            error.issues[0].at.as_deref(),
            Some("Parameters.parameter[0]")
        );
    }
    for one in [
        json!({"type": "add", "path": "Patient", "name": "gender"}),
        json!({"type": "merge", "path": "Patient"}),
        json!({"path": "Patient"}),
        json!({"type": "delete"}),
        json!({"type": "delete", "path": "Patient.name.exists()"}),
        json!({"type": "delete", "path": "Patient.name.where(use = "}),
        json!({"type": "delete", "path": "Patient..name"}),
        json!({"type": "delete", "path": "Patient.name[x]"}),
        json!({"type": "move", "path": "Patient.name", "source": 0}),
    ] {
        assert_eq!(
            run(std::slice::from_ref(&one)).expect_err("refused").kind,
            Kind::Invalid,
            "{one}"
        );
    }
    let all_or_nothing = [
        json!({"type": "delete", "path": "Patient.birthDate"}),
        json!({"type": "replace", "path": "Patient.photo", "value": {"valueString": "x"}}),
    ];
    assert!(run(&all_or_nothing).is_err());
}
