mod values;

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
fn chains_ask_the_types_that_have_the_parameter() {
    let types = |kind: &str, text: &str| {
        let query = query(kind, text);
        assert_eq!(query.chains.len(), 1, "{text}");
        let others = query.chains[0].others.iter().map(|other| other.kind);
        assert!(
            !query.asks_nothing() && query.print().contains('='),
            "{text}"
        );
        others.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(types("Observation", "patient.name=x"), "Patient");
    assert_eq!(types("Observation", "subject.birthdate=2001"), "Patient");
    assert_eq!(
        types("Task", "owner.name=x"),
        "Organization Patient Practitioner RelatedPerson"
    );
    assert_eq!(types("Task", "owner:Organization.name=x"), "Organization");
    assert_eq!(types("Patient", "_has:Task:patient:owner.name=x"), "Task");
    for (kind, text) in [
        ("Observation", "patient.colour=x"),
        ("Patient", "_has:Nothing:patient:code=x"),
        ("Patient", "_has:Observation:code:status=x"),
        ("Patient", "_has:AuditEvent:patient:action=R"),
        ("AuditEvent", "patient.name=x"),
    ] {
        assert!(
            refused(kind, text).contains("no search parameter"),
            "{text}"
        );
    }
}

#[test]
fn what_comes_along_may_be_everything() {
    let of = |text: &str| query("Observation", text).include[0].clone();
    let all = of("_include=*");
    assert_eq!(all, of("_include=*"));
    assert_eq!((all.from.len(), all.from[0].kind), (1, "Observation"));
    let names = |from: &From| from.params.iter().map(|p| p.indexed).collect::<Vec<_>>();
    let named = names(&all.from[0]);
    assert!(named.contains(&"subject") && !named.contains(&"patient"));
    assert!(of("_revinclude=*").from.len() > 20);
    let again = of("_include:iterate=Encounter:*");
    assert!(again.iterate && again.asks("Encounter") && !again.asks("Patient"));
    let text = "_include=*&_include:iterate=Patient:general-practitioner&_revinclude=Provenance:*";
    let first = query("Observation", text);
    assert_eq!(query("Observation", &first.print()).include, first.include);
}

#[test]
fn of_everything_each_reference_leads_where_its_parameter_does() {
    let of = |text: &str| query("EpisodeOfCare", text).include[0].clone();
    for text in ["_include=*", "_include=EpisodeOfCare:*"] {
        let all = of(text);
        let manager = all.from[0].params.iter();
        let mut manager = manager.filter(|p| p.indexed == "care-manager");
        assert_eq!(manager.next().and_then(|p| p.target), Some("Practitioner"));
        let to = |kind| all.from[0].to(kind).any(|p| p.indexed == "care-manager");
        assert!(to("Practitioner") && !to("PractitionerRole"));
    }
    let reverse = query("PractitionerRole", "_revinclude=EpisodeOfCare:*").include[0].clone();
    assert!(
        !reverse.from[0]
            .to("PractitionerRole")
            .any(|p| p.indexed == "care-manager")
    );
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
        "_include=Patient:*",
        "_include:recurse=Observation:patient",
        "_include=Observation",
        "status.code=x",
        "subject:Nothing.name=x",
        "subject:Patient.general-practitioner:PractitionerRole.organization.name=x",
        "patient.general-practitioner.organization.partof.name=x",
        "patient.birthdate=yesterday",
        "patient.name:colour=x",
        "_has:Encounter:patient=x",
        "_has:Condition:patient:_has:Encounter:patient:status=x",
        "_summary=yes",
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
    let error = SearchQuery::parse("Device", &[], Handling::Strict).expect_err("refused");
    assert_eq!(error.kind, Kind::NotSupported);
}
