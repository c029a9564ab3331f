use serde_json::json;

use super::*;
use crate::fhir::compare::indexed;

fn found(kind: &str, value: &Value, param: &str) -> Vec<IndexValue> {
    let all = extract(kind, value).into_iter();
    all.filter(|e| e.param == param).map(|e| e.value).collect()
}

fn token(system: &str, code: &str) -> IndexValue {
    IndexValue::Token {
        system: system.into(),
        code: code.into(),
    }
}

#[test]
fn codings_identifiers_booleans_and_codes_are_tokens() {
    let patient = json!({"id": "p", "active": true, "gender": "female",
        "identifier": [{"system": "urn:mr", "value": "7"}, {"value": "8"}],
        "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en"}]}}]});
    assert_eq!(found("Patient", &patient, "active"), [token("", "true")]);
    assert_eq!(found("Patient", &patient, "gender"), [token("", "female")]);
    assert_eq!(
        found("Patient", &patient, "identifier"),
        [token("urn:mr", "7"), token("", "8")]
    );
    assert_eq!(
        found("Patient", &patient, "language"),
        [token("urn:ietf:bcp:47", "en")]
    );
    assert_eq!(found("Patient", &patient, "_id"), [token("", "p")]);
}

#[test]
fn text_is_folded_and_kept() {
    let patient = json!({"name": [{"family": "Núñez-Ågren", "given": ["Ana", "B."]}]});
    let family = found("Patient", &patient, "family");
    let wanted = IndexValue::Text {
        folded: "nunez-agren".into(),
        exact: "Núñez-Ågren".into(),
    };
    assert_eq!(family, [wanted]);
    assert_eq!(found("Patient", &patient, "name").len(), 3);
}

#[test]
fn long_values_are_compared_by_their_beginning() {
    let long = "é".repeat(1000);
    assert_eq!(indexed(&long), "é".repeat(256));
    let patient =
        json!({"identifier": [{"system": long, "value": long}], "name": [{"family": long}]});
    let half = "é".repeat(256);
    assert_eq!(
        found("Patient", &patient, "identifier"),
        [token(&half, &half)]
    );
    assert_eq!(found("Patient", &patient, "family").len(), 1);
}

#[test]
fn choices_take_the_types_of_their_kind() {
    let given = json!({"effectivePeriod": {"start": "2024-01-01"}, "valueCodeableConcept":
        {"coding": [{"system": "s", "code": "c"}]}, "component": [{"code": {"coding": [{"code": "x"}]}}]});
    assert_eq!(found("Observation", &given, "date").len(), 1);
    assert_eq!(
        found("Observation", &given, "value-concept"),
        [token("s", "c")]
    );
    assert_eq!(found("Observation", &given, "combo-code"), [token("", "x")]);
}

#[test]
fn references_keep_type_and_id_and_lose_the_version() {
    let o = json!({"subject": {"reference": "Patient/p1/_history/3"},
        "performer": [{"reference": "urn:uuid:5"}, {"reference": "#in"}, {"display": "x"}]});
    let is = |kind: &str, id: &str| IndexValue::Reference {
        kind: kind.into(),
        id: id.into(),
    };
    assert_eq!(found("Observation", &o, "subject"), [is("Patient", "p1")]);
    assert_eq!(
        found("Observation", &o, "performer"),
        [is("", "urn:uuid:5")]
    );
}

#[test]
fn what_stands_there_and_cannot_be_compared_is_marked() {
    let o = json!({"performer": [{"display": "x"}], "method": {"text": "by hand"}, "device": {"reference": "#in"},
        "subject": {"reference": "Patient/p1"}, "effectiveDateTime": "2024", "code": {"coding": [null]},
        "meta": {"tag": [{"display": "no code"}]}});
    let stands = |param: &str| found("Observation", &o, param).contains(&STANDS);
    for param in ["performer:", "method:", "device:", "code:"] {
        assert!(stands(param), "{param}");
    }
    for param in [
        "subject:",
        "date:",
        "encounter:",
        "_tag:",
        "value-quantity:",
    ] {
        assert!(!stands(param), "{param}");
    }
}

#[test]
fn the_compartment_is_read_from_subject_and_extension() {
    let url = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare";
    let o = json!({"id": "o", "subject": {"reference": "Patient/p1"},
        "extension": [{"url": url, "valueReference": {"reference": "EpisodeOfCare/e1"}}]});
    assert_eq!(
        compartment("Observation", &o),
        (Id::new("p1"), Id::new("e1"))
    );
    let e = json!({"id": "e1", "patient": {"reference": "Patient/p1"}});
    assert_eq!(
        compartment("EpisodeOfCare", &e),
        (Id::new("p1"), Id::new("e1"))
    );
    let v = json!({"subject": {"reference": "Patient/p1"}, "episodeOfCare": [{"reference": "EpisodeOfCare/e1"}]});
    assert_eq!(compartment("Encounter", &v), (Id::new("p1"), Id::new("e1")));
    assert_eq!(
        compartment("Patient", &json!({"id": "p1"})),
        (Id::new("p1"), None)
    );
    assert_eq!(
        compartment("Organization", &json!({"id": "o1"})),
        (None, None)
    );
    let group = json!({"subject": {"reference": "Group/g"}});
    assert_eq!(compartment("Observation", &group), (None, None));
}

#[test]
fn whether_somebody_is_deceased_is_always_known() {
    let of = |value: Value| found("Patient", &value, "deceased");
    assert_eq!(of(json!({})), [token("", "false")]);
    assert_eq!(of(json!({"deceasedBoolean": false})), [token("", "false")]);
    assert_eq!(of(json!({"deceasedBoolean": true})), [token("", "true")]);
    assert_eq!(of(json!({"deceasedDateTime": "2024"})), [token("", "true")]);
}

#[test]
fn elements_are_chosen_by_their_own() {
    let patient = json!({"telecom": [
        {"system": "phone", "value": "555"}, {"system": "email", "value": "a@example.org"}]});
    assert_eq!(
        found("Patient", &patient, "email"),
        [token("email", "a@example.org")]
    );
    assert_eq!(found("Patient", &patient, "phone"), [token("phone", "555")]);
    let rule = "https://kap-interop.example.org/fhir/CodeSystem/kap-rule";
    let issue = json!({"code": {"coding": [{"system": "urn:x", "code": "A"}, {"system": rule, "code": "B"}]}});
    assert_eq!(found("DetectedIssue", &issue, "rule"), [token(rule, "B")]);
    assert_eq!(found("DetectedIssue", &issue, "code").len(), 2);
}

#[test]
fn a_clearance_is_valid_until_the_end_of_its_period() {
    let url = "https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-validity";
    let value = json!({"extension": [{"url": url, "valuePeriod": {"start": "2024-01-01", "end": "2024-06-30"}}]});
    let day = "2024-06-30".parse::<Interval>().expect("a day");
    assert_eq!(
        found("ClinicalImpression", &value, "valid-until"),
        [IndexValue::Date(day)]
    );
}

#[test]
fn parts_are_paired_where_they_stand_together() {
    let value = json!({"component": [
        {"code": {"coding": [{"code": "a"}]}, "valueQuantity": {"value": 1}},
        {"code": {"coding": [{"code": "b"}, {"code": "c"}]}, "valueQuantity": {"value": 2}},
        {"code": {"coding": [{"code": "d"}]}}]});
    let pairs = found("Observation", &value, "component-code-value-quantity");
    let codes: Vec<_> = pairs
        .iter()
        .map(|pair| match pair {
            IndexValue::Pair { code, second, .. } => (code.as_str(), second.as_ref()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        codes.iter().map(|(c, _)| *c).collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    assert_ne!(codes[0].1, codes[1].1);
    assert_eq!(codes[1].1, codes[2].1);
}
