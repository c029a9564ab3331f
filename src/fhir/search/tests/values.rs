use super::*;

#[test]
fn every_fault_is_told_at_once_and_where_it_stands() {
    let text = "colour=red&date=yesterday&size&code=8867-4&_sort=shape&_count=x&_count=2";
    let error = SearchQuery::parse("Observation", &pairs(text), Handling::Strict);
    let error = error.expect_err("refused");
    let mut told: Vec<_> = error
        .issues
        .iter()
        .map(|i| {
            (
                i.at.as_deref().unwrap_or_default(),
                i.code.unwrap_or_default(),
            )
        })
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("http._count", "value"),
            ("http._count", "value"),
            ("http._sort", "not-supported"),
            ("http.colour", "not-supported"),
            ("http.date", "value"),
            ("http.size", "value"),
        ]
    );
    // What is unknown is passed over without strictness; what is wrong never is.
    let error = SearchQuery::parse("Observation", &pairs(text), Handling::Lenient);
    assert_eq!(error.expect_err("refused").issues.len(), 4);
}

fn weight() -> Vec<IndexEntry> {
    let value = json!({"id": "o2", "status": "final",
        "identifier": [{"type": {"coding": [{"system": "urn:types", "code": "MR"}], "text": "Record"}, "value": "7"}],
        "meta": {"profile": ["http://example.org/fhir/a/b"]},
        "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7", "display": "Body weight"}], "text": "Weight today"},
        "performer": [{"identifier": {"system": "urn:npi", "value": "99"}}],
        "effectiveDateTime": "2024-03-01",
        "valueQuantity": {"value": 70.2, "unit": "kilogram", "system": "http://unitsofmeasure.org", "code": "kg"},
        "component": [
            {"code": {"coding": [{"code": "hat"}]}, "valueQuantity": {"value": 120, "system": "http://unitsofmeasure.org", "code": "g"}},
            {"code": {"coding": [{"code": "mood"}]}, "valueCodeableConcept": {"coding": [{"code": "good"}]}}]});
    extract("Observation", &value)
}

#[test]
fn quantities_pairs_uris_and_modifiers_are_matched() {
    let entries = weight();
    for text in [
        "value-quantity=70.2",
        "value-quantity=70200|http://unitsofmeasure.org|g",
        "value-quantity=gt154|http://unitsofmeasure.org|[lb_av]",
        "value-quantity=ap75||kg",
        "value-quantity=70||kilogram",
        "combo-value-quantity=0.12|http://unitsofmeasure.org|kg",
        "code-value-quantity=29463-7$70.2",
        "code-value-quantity=http://loinc.org|29463-7$lt71|http://unitsofmeasure.org|kg",
        "combo-code-value-quantity=hat$120",
        "component-code-value-quantity=hat$ge0.12|http://unitsofmeasure.org|kg",
        "component-code-value-concept=mood$good",
        "combo-code-value-concept=x$y,mood$good",
        "_profile=http://example.org/fhir/a/b",
        "_profile:below=http://example.org/fhir/a",
        "_profile:above=http://example.org/fhir/a/b/c",
        "code:text=body",
        "code:text=WEIGHT",
        "identifier:of-type=urn:types|MR|7",
        "performer:identifier=urn:npi|99",
        "performer:identifier=99",
        "value-quantity:missing=false",
        "performer:missing=false",
        "encounter:missing=true",
        "component-code-value-quantity:missing=false",
        "date=ap2024-03",
    ] {
        assert!(query("Observation", text).matches(&entries), "{text}");
    }
    for text in [
        "value-quantity=70.20|http://unitsofmeasure.org|g",
        "value-quantity=70.2||g",
        "code-value-quantity=hat$120",
        "combo-code-value-quantity=hat$70.2",
        "combo-code-value-concept=hat$good",
        "component-code-value-quantity=mood$120",
        "_profile=http://example.org/fhir/a",
        "_profile:below=http://example.org/fhir/a/b/c",
        "_profile:below=http://example.org/fhir/a/bb",
        "_profile:above=http://example.org/fhir/a",
        "code:text=today",
        "identifier:of-type=urn:types|MR|8",
        "identifier:of-type=urn:types|DL|7",
        "performer:identifier=urn:other|99",
        "performer=99",
        "code-value-date:missing=false",
        "performer:missing=true",
        "code:in=http://example.org/none",
    ] {
        assert!(!query("Observation", text).matches(&entries), "{text}");
    }
}

#[test]
fn about_a_date_is_wider_the_longer_ago_it_is() {
    let entries = weight();
    let day = 86_400_000;
    let now = "2024-06-09".parse::<Interval>().expect("a date").lo;
    let met = |text: &str, now| query("Observation", text).around(now).matches(&entries);
    // A hundred days before now, ten days off are about the same, and twelve are not.
    assert!(met("date=ap2024-03-10", now));
    assert!(!met("date=ap2024-03-14", now));
    assert!(met("date=ap2024-03-14", now + 300 * day));
    assert!(!met(
        "date=ap2024-03-02",
        "2024-03-02".parse::<Interval>().expect("a date").lo
    ));
}

#[test]
fn a_value_set_is_the_list_of_its_codes() {
    let entries = weight();
    let known = |url: &str| {
        let code = |code: &str| Token {
            system: Some("http://loinc.org".into()),
            code: Some(code.into()),
        };
        match url {
            "urn:weights" => Some(vec![code("29463-7"), code("3141-9")]),
            "urn:none" => Some(vec![]),
            _ => None,
        }
    };
    let met = |text: &str| {
        let query = query("Observation", text).expand(&known).expect("a set");
        query.matches(&entries)
    };
    assert!(met("code:in=urn:weights"));
    assert!(!met("code:not-in=urn:weights"));
    assert!(!met("code:in=urn:none"));
    assert!(met("code:not-in=urn:none"));
    let unknown = query("Observation", "code:in=urn:other").expand(&known);
    assert_eq!(unknown.expect_err("unknown"), "urn:other");
}

#[test]
fn canonical_references_ask_for_a_version_or_for_all() {
    let value = json!({"id": "q", "questionnaire": "http://example.org/Questionnaire/phq|1.2"});
    let entries = extract("QuestionnaireResponse", &value);
    for (text, met) in [
        ("questionnaire=http://example.org/Questionnaire/phq", true),
        (
            "questionnaire=http://example.org/Questionnaire/phq|1.2",
            true,
        ),
        (
            "questionnaire=http://example.org/Questionnaire/phq|1.3",
            false,
        ),
        ("questionnaire:below=http://example.org/Questionnaire", true),
        ("questionnaire=http://example.org/Questionnaire", false),
        ("questionnaire:missing=false", true),
    ] {
        assert_eq!(
            query("QuestionnaireResponse", text).matches(&entries),
            met,
            "{text}"
        );
    }
}

#[test]
fn what_a_search_needs_of_a_newer_index_is_named() {
    let newer = |text: &str, version| {
        let query = query("Observation", text);
        query.newer_than(version)
    };
    assert!(newer("code=x&_sort=-date,status", 1).is_empty());
    assert_eq!(newer("value-quantity=5&code=x", 1), ["value-quantity"]);
    assert_eq!(newer("code:text=x", 1), ["code"]);
    assert_eq!(newer("_sort=status,specimen", 1), ["specimen"]);
    assert_eq!(newer("_include=Observation:specimen", 1), ["specimen"]);
    assert_eq!(newer("value-quantity=5&code:text=x", 2), ["value-quantity"]);
    assert!(newer("value-quantity=5&code:text=x&_sort=specimen", 3).is_empty());
}

#[test]
fn documents_are_found_by_how_they_relate_to_others() {
    let value = json!({"relatesTo": [
        {"code": "replaces", "target": {"reference": "DocumentReference/d1"}},
        {"code": "appends", "target": {"reference": "DocumentReference/d2"}}]});
    let entries = extract("DocumentReference", &value);
    let met = |text: &str| {
        let query = query("DocumentReference", text).relative_to("http://here/fhir");
        query.matches(&entries)
    };
    assert!(met("relationship=replaces$DocumentReference/d1"));
    assert!(met("relationship=appends$d2"));
    assert!(met(
        "relationship=appends$http://here/fhir/DocumentReference/d2"
    ));
    assert!(!met("relationship=appends$DocumentReference/d1"));
    assert!(!met("relationship=appends$Composition/d2"));
}

#[test]
fn the_number_of_values_is_limited() {
    let many = |n: usize| vec!["x"; n].join(",");
    query("Observation", &format!("code={}", many(300)));
    refused("Observation", &format!("code={}", many(301)));
}
