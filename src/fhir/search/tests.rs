use serde_json::json;

use super::*;
use crate::error::Kind;
use crate::fhir::index::extract;

fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}

fn query(kind: &str, text: &str) -> SearchQuery {
    SearchQuery::parse(kind, &pairs(text), Handling::Strict)
        .expect("a search")
        .0
}

fn refused(kind: &str, text: &str) -> String {
    let error = SearchQuery::parse(kind, &pairs(text), Handling::Strict).expect_err("refused");
    assert_eq!(error.kind, Kind::Invalid);
    error.issues[0].text.clone()
}

fn heart_rate() -> Vec<IndexEntry> {
    let value = json!({"id": "o1", "meta": {"lastUpdated": "2024-03-02T00:00:00Z"}, "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
        "subject": {"reference": "Patient/p1"}, "effectiveDateTime": "2024-03-01T20:00:00-08:00",
        "valueString": "Ünruhig und müde"});
    extract("Observation", &value)
}

#[test]
fn each_kind_is_matched() {
    let entries = heart_rate();
    let yes = [
        "code=8867-4",
        "code=http://loinc.org|8867-4",
        "code=http://loinc.org|",
        "code=x,8867-4",
        "code:not=x",
        "status=final",
        "status=|final",
        "patient=p1",
        "patient=Patient/p1",
        "subject=Patient/p1",
        "subject:Patient=p1",
        "subject=p1",
        "encounter:missing=true",
        "code:missing=false",
        "date=2024-03-02",
        "date=ge2024-03-01",
        "date=eq2024",
        "date=ne2023",
        "date=sa2024-02",
        "date=eb2025",
        "date=gt2024-03-01",
        "date=lt2024-03-03",
        "date=le2024-03-02T04:00:00Z",
        "value-string=unru",
        "value-string:contains=MUD",
        "value-string:exact=%C3%9Cnruhig und m%C3%BCde",
        "_id=o1",
        "_lastUpdated=2024-03-02",
    ];
    for text in yes {
        assert!(query("Observation", text).matches(&entries), "{text}");
    }
    let no = [
        "code=|8867-4",
        "code=http://snomed.info/sct|8867-4",
        "code:not=8867-4",
        "patient=p2",
        "subject=Group/p1",
        "encounter=e",
        "code:missing=true",
        "date=2024-03-01",
        "date=gt2024-03-02",
        "date=sa2024-03-02",
        "date=ne2024",
        "value-string=mud",
        "value-string:exact=Unruhig",
        "_id=o2",
        "status=final&code=x",
    ];
    for text in no {
        assert!(!query("Observation", text).matches(&entries), "{text}");
    }
}

#[test]
fn what_is_printed_is_read_as_the_same() {
    let text = "code=http://loinc.org|8867-4,a%5C,b&date=ge2024-01-01T00:00:00%2B02:00&_sort=-date\
        &_include=Observation:subject:Patient&_revinclude=Provenance:target&_count=7&_total=accurate";
    let first = query("Observation", text);
    let second = query("Observation", &first.print());
    assert_eq!(first.print(), second.print());
    assert_eq!(second.page.count, 7);
    assert!(matches!(
        second.sort.0[..],
        [SortKey {
            by: SortBy::Date,
            direction: Direction::Down
        }]
    ));
    assert_eq!(second.include.len(), 2);
    let codes = vec![
        Token {
            system: Some("http://loinc.org".into()),
            code: Some("8867-4".into()),
        },
        Token {
            system: None,
            code: Some("a,b".into()),
        },
    ];
    assert_eq!(second.filters[0].test, Test::Token(codes));
}

#[test]
fn pages_of_one_search_have_one_identity() {
    let a = query("Observation", "code=x&_count=5");
    let b = query("Observation", "code=x&_count=9&_cursor=abc&_total=accurate");
    assert_eq!(a.identity(), b.identity());
    assert_ne!(
        a.identity(),
        query("Observation", "code=x&_sort=date").identity()
    );
    assert_ne!(a.identity(), query("Condition", "code=x").identity());
}

#[test]
fn unknown_parameters_are_named_or_listed() {
    assert!(refused("Observation", "colour=red").contains("'colour'"));
    let lenient = SearchQuery::parse(
        "Observation",
        &pairs("colour=red&code=x"),
        Handling::Lenient,
    );
    let (query, ignored) = lenient.expect("a search");
    assert_eq!(
        (query.filters.len(), ignored),
        (1, vec!["colour".to_owned()])
    );
}

#[test]
fn bad_values_and_modifiers_are_refused_in_either_handling() {
    let bad = [
        "date=yesterday",
        "date=ap",
        "code:like=x",
        "_tag:text=x",
        "identifier:of-type=a|b",
        "value-quantity=heavy",
        "value-quantity=5|http://unitsofmeasure.org|",
        "value-quantity=5|mg",
        "value-quantity:contains=5",
        "code-value-quantity=8867-4",
        "code-value-quantity=8867-4$",
        "code-value-quantity=8867-4$x",
        "code-value-quantity:not=8867-4$5",
        "date:missing=maybe",
        "_count=-1",
        "_sort=colour",
        "_sort=date,",
        "_sort=code-value-quantity",
        "_sort=code,date,status,category,method",
        "_include=Observation:code",
        "_include=Patient:link",
        "_total=some",
        "code=|",
        "code=a|b|c",
        "_id:missing=true",
        "subject:Nothing=1",
    ];
    for text in bad {
        refused("Observation", text);
        assert!(
            SearchQuery::parse("Observation", &pairs(text), Handling::Lenient).is_err(),
            "{text}"
        );
    }
}

#[test]
fn the_count_is_limited() {
    assert_eq!(query("Observation", "").page.count, 50);
    assert_eq!(query("Observation", "_count=0").page.count, 0);
    assert_eq!(query("Observation", "_count=1000").page.count, 1000);
    assert_eq!(query("Observation", "_count=1001").page.count, 1000);
}

#[test]
fn a_type_without_parameters_is_not_supported() {
    let error = SearchQuery::parse("Group", &[], Handling::Strict).expect_err("refused");
    assert_eq!(error.kind, Kind::NotSupported);
}

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
        query.newer_than(version).collect::<Vec<_>>()
    };
    assert!(newer("code=x&_sort=-date,status", 1).is_empty());
    assert_eq!(newer("value-quantity=5&code=x", 1), ["value-quantity"]);
    assert_eq!(newer("code:text=x", 1), ["code"]);
    assert_eq!(newer("_sort=status,specimen", 1), ["specimen"]);
    assert_eq!(newer("_include=Observation:specimen", 1), ["specimen"]);
    assert!(newer("value-quantity=5&code:text=x&_sort=specimen", 2).is_empty());
}
