#![expect(clippy::too_many_lines, reason = "a row a case")]
#![expect(
    clippy::needless_pass_by_value,
    reason = "values are written where they are used"
)]

use serde_json::json;

use super::*;

fn found(value: &Value) -> Vec<(String, String)> {
    let issues = check(value).err().map(|e| e.issues).unwrap_or_default();
    issues
        .into_iter()
        .map(|issue| {
            let code = issue
                .rule
                .unwrap_or_else(|| issue.code.unwrap_or_default().to_owned());
            (issue.at.unwrap_or_default(), code)
        })
        .collect()
}

fn places(value: &Value) -> Vec<String> {
    found(value).into_iter().map(|(at, _)| at).collect()
}

/// `value` has this one fault and is otherwise well.
fn one(value: Value, at: &str, code: &str) {
    assert_eq!(found(&value), [(at.to_owned(), code.to_owned())], "{value}");
}

fn well(value: Value) {
    assert_eq!(found(&value), [], "{value}");
}

/// An Observation with these members beside status and code.
fn observation(more: Value) -> Value {
    let mut value =
        json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"}});
    for (name, member) in more.as_object().into_iter().flatten() {
        value[name] = member.clone();
    }
    value
}

#[test]
fn what_is_well_formed_passes() {
    well(
        json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"},
        "_status": {"id": "a"}, "valueQuantity": {"value": 1.1, "unit": "mg"},
        "effectiveDateTime": "2026-07-18T10:03:00.250-07:00",
        "extension": [{"url": "u", "valueBoolean": true}],
        "device": {"reference": "#d"},
        "contained": [{"resourceType": "Device", "id": "d", "status": "active"}]}),
    );
    well(
        json!({"resourceType": "Patient", "name": [{"given": ["a", null], "_given": [null, {"extension": [
        {"url": "u", "valueCode": "x"}]}]}]}),
    );
    well(json!({"resourceType": "Observation", "code": {"text": "x"},
        "_status": {"extension": [{"url": "u", "valueCode": "unknown"}]}}));
}

#[test]
fn each_fault_of_form_is_named() {
    for (value, at) in [
        (
            json!({"resourceType": "Patient", "nickname": "x"}),
            "Patient.nickname",
        ),
        (
            json!({"resourceType": "Patient", "name": {"family": "x"}}),
            "Patient.name",
        ),
        (
            json!({"resourceType": "Patient", "name": []}),
            "Patient.name",
        ),
        (
            json!({"resourceType": "Patient", "name": [{"famly": "x"}]}),
            "Patient.name[0].famly",
        ),
        (
            json!({"resourceType": "Patient", "birthDate": "1990-13-01"}),
            "Patient.birthDate",
        ),
        (
            json!({"resourceType": "Patient", "birthDate": null}),
            "Patient.birthDate",
        ),
        (
            json!({"resourceType": "Patient", "active": "true"}),
            "Patient.active",
        ),
        (
            json!({"resourceType": "Patient", "deceasedString": "x"}),
            "Patient.deceasedString",
        ),
        (
            json!({"resourceType": "Patient", "deceasedBoolean": true, "deceasedDateTime": "2020"}),
            "Patient.deceasedDateTime",
        ),
        (
            json!({"resourceType": "Patient", "contact": [{"resourceType": "x", "name": {"text": "x"}}]}),
            "Patient.contact[0].resourceType",
        ),
        (
            json!({"resourceType": "Observation", "status": "final"}),
            "Observation.code",
        ),
        (
            json!({"resourceType": "MedicationDispense", "status": "completed"}),
            "MedicationDispense.medicationCodeableConcept",
        ),
        (
            json!({"resourceType": "Observatio", "status": "final"}),
            "Observatio",
        ),
    ] {
        assert_eq!(places(&value), [at], "{value}");
        assert_eq!(check(&value).expect_err("a fault").status(), 400);
    }
}

#[test]
fn what_stands_beside_a_primitive_is_looked_at() {
    let patient = |name: Value| json!({"resourceType": "Patient", "name": [name]});
    for (value, at) in [
        (
            patient(json!({"given": ["a", null]})),
            "Patient.name[0].given[1]",
        ),
        (
            patient(json!({"given": [null]})),
            "Patient.name[0].given[0]",
        ),
        (
            patient(json!({"given": ["a", "b"], "_given": [{"id": "x"}]})),
            "Patient.name[0]._given",
        ),
        (
            patient(json!({"given": [null], "_given": [{"id": "x"}]})),
            "Patient.name[0]._given[0]",
        ),
        (
            patient(json!({"given": ["a"], "_given": [null]})),
            "Patient.name[0]._given",
        ),
        (
            patient(json!({"family": "a", "_family": [{"id": "x"}]})),
            "Patient.name[0]._family",
        ),
        (
            patient(json!({"family": "a", "_period": {"id": "x"}})),
            "Patient.name[0]._period",
        ),
        (
            observation(json!({"_effectiveDateTime": {"bogus": 1}})),
            "Observation._effectiveDateTime.bogus",
        ),
    ] {
        assert_eq!(places(&value), [at], "{value}");
    }
}

#[test]
fn contained_resources_are_looked_into() {
    let with =
        |inner: Value| observation(json!({"subject": {"reference": "#a"}, "contained": [inner]}));
    well(with(json!({"resourceType": "Patient", "id": "a"})));
    one(
        with(json!({"resourceType": "Group", "id": "a", "type": "person", "actual": true, "x": 1})),
        "Observation.contained[0].x",
        "structure",
    );
    one(
        with(json!({"resourceType": "Martian", "id": "a"})),
        "Observation.contained[0]",
        "structure",
    );
    one(
        with(
            json!({"resourceType": "Patient", "id": "a", "contained": [{"resourceType": "Patient"}]}),
        ),
        "Observation.contained[0]",
        "structure",
    );
    one(
        with(json!({"resourceType": "Patient", "id": "a", "gender": "x"})),
        "Observation.contained[0].gender",
        "code-invalid",
    );
    let unused = with(json!({"resourceType": "Patient", "id": "b"}));
    let faults = found(&unused);
    assert!(
        faults.contains(&("Observation".into(), "dom-3".into())),
        "{faults:?}"
    );
    assert!(
        faults.contains(&("Observation.subject".into(), "ref-1".into())),
        "{faults:?}"
    );
    one(
        with(json!({"resourceType": "Patient", "id": "a", "meta": {"versionId": "1"}})),
        "Observation",
        "dom-4",
    );
    one(
        with(json!({"resourceType": "Specimen", "id": "a"})),
        "Observation.subject",
        "value",
    );
}

#[test]
fn required_codes_are_of_their_sets() {
    let patient = |more: Value| json!({"resourceType": "Patient", "telecom": [more]});
    one(
        json!({"resourceType": "Observation", "status": "foo", "code": {"text": "x"}}),
        "Observation.status",
        "code-invalid",
    );
    one(
        json!({"resourceType": "Patient", "gender": "x"}),
        "Patient.gender",
        "code-invalid",
    );
    one(
        patient(json!({"system": "pigeon", "value": "x"})),
        "Patient.telecom[0].system",
        "code-invalid",
    );
    one(
        observation(json!({"valueQuantity": {"value": 1, "comparator": "~"}})),
        "Observation.valueQuantity.comparator",
        "code-invalid",
    );
    let status = |system: &str, code: &str| {
        json!({"resourceType": "Condition", "subject": {"reference": "Patient/1"},
            "clinicalStatus": {"coding": [{"system": system, "code": code}]}})
    };
    well(status(
        "http://terminology.hl7.org/CodeSystem/condition-clinical",
        "active",
    ));
    one(
        status(
            "http://terminology.hl7.org/CodeSystem/condition-clinical",
            "x",
        ),
        "Condition.clinicalStatus.coding",
        "code-invalid",
    );
    one(
        status("http://else", "active"),
        "Condition.clinicalStatus.coding",
        "code-invalid",
    );
    let wrong = json!({"resourceType": "Observation", "status": "foo", "code": {"text": "x"}});
    assert_eq!(check(&wrong).expect_err("a fault").status(), 422);
}

#[test]
fn references_point_at_what_they_may() {
    one(
        observation(json!({"performer": [{"reference": "Observation/1"}]})),
        "Observation.performer[0]",
        "value",
    );
    one(
        observation(json!({"encounter": {"reference": "https://h/fhir/Patient/1/_history/2"}})),
        "Observation.encounter",
        "value",
    );
    one(
        observation(json!({"encounter": {"type": "Patient", "display": "x"}})),
        "Observation.encounter",
        "value",
    );
    for text in [
        "Encounter/1",
        "urn:uuid:5b1c0e5e-0000-4000-8000-000000000000",
        "https://h/fhir/Encounter/1",
        "https://elsewhere/x",
        "Encounter?identifier=1",
    ] {
        well(observation(json!({"encounter": {"reference": text}})));
    }
}

#[test]
fn the_rules_of_the_standard_hold() {
    let coding = json!([{"system": "http://loinc.org", "code": "1-8"}]);
    one(
        observation(json!({"referenceRange": [{"appliesTo": [{"text": "x"}]}]})),
        "Observation.referenceRange[0]",
        "obs-3",
    );
    one(
        observation(json!({"valueString": "x", "dataAbsentReason": {"text": "x"}})),
        "Observation",
        "obs-6",
    );
    one(
        observation(
            json!({"code": {"coding": coding}, "valueString": "x", "component": [{"code": {"coding": coding}}]}),
        ),
        "Observation",
        "obs-7",
    );
    one(
        observation(json!({"valueQuantity": {"value": 1, "code": "mg"}})),
        "Observation.valueQuantity",
        "qty-3",
    );
    one(
        observation(json!({"effectivePeriod": {"start": "2026-02-01", "end": "2026-01-01"}})),
        "Observation.effectivePeriod",
        "per-1",
    );
    well(observation(
        json!({"effectivePeriod": {"start": "2026", "end": "2026-01-01"}}),
    ));
    one(
        observation(json!({"extension": [{"url": "u"}]})),
        "Observation.extension[0]",
        "ext-1",
    );
    one(
        observation(json!({"valueRange": {"low": {"value": 2}, "high": {"value": 1.5}}})),
        "Observation.valueRange",
        "rng-2",
    );
    one(
        observation(json!({"subject": {"reference": "#nobody"}})),
        "Observation.subject",
        "ref-1",
    );
    one(
        observation(json!({"note": [{"text": "x", "authorReference": {"id": "a"}}]})),
        "Observation.note[0].authorReference",
        "invariant",
    );
    one(
        json!({"resourceType": "Organization", "name": "x", "telecom": [{"system": "phone", "value": "1", "use": "home"}]}),
        "Organization.telecom[0]",
        "org-3",
    );
    one(
        json!({"resourceType": "Organization", "active": true}),
        "Organization",
        "org-1",
    );
    one(
        json!({"resourceType": "Patient", "contact": [{"gender": "male"}]}),
        "Patient.contact[0]",
        "pat-1",
    );
    one(
        json!({"resourceType": "Patient", "photo": [{"data": "YQ=="}]}),
        "Patient.photo[0]",
        "att-1",
    );
    one(
        json!({"resourceType": "Task", "status": "draft", "intent": "order", "authoredOn": "2026-02-01", "lastModified": "2026-01-01"}),
        "Task",
        "inv-1",
    );
}

#[test]
fn everything_is_said_at_once() {
    let value = json!({"resourceType": "Observation", "status": "foo", "colour": "red",
        "encounter": {"reference": "Patient/1"}, "valueQuantity": {"value": 1, "code": "mg"}});
    let codes: Vec<String> = found(&value).into_iter().map(|(_, code)| code).collect();
    assert_eq!(
        codes,
        ["code-invalid", "structure", "value", "qty-3", "required"]
    );
}

#[test]
fn warnings_are_told_to_those_who_ask() {
    let value = observation(json!({}));
    assert!(findings(&value, Depth::Errors).is_empty());
    let told = findings(&value, Depth::Warnings);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].issue.rule.as_deref(), Some("dom-6"));
    assert!(refuse(told).is_ok());
}
