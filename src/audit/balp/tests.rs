use super::*;
use crate::audit::Who;

fn event(kind: Kind) -> Event {
    Event {
        who: Who {
            client: Some("c1".into()),
            organization: Some("o1".into()),
            role: Some("partner-prescriber".into()),
            token: Some("t1".into()),
            purpose: Some("TREAT".into()),
        },
        peer: Some("127.0.0.1".into()),
        request: Some("r1".into()),
        ..Event::new(kind)
    }
}

fn told(event: Event) -> Value {
    let row = Row {
        id: "a1".into(),
        at: 0,
        source: "0.1.0@x".into(),
        event,
    };
    audit_event(&row, "https://h")
}

fn profile_of(value: &Value) -> &str {
    value["meta"]["profile"][0].as_str().unwrap_or_default()
}

#[test]
fn a_read_names_who_what_and_whose() {
    let read = event(Kind::Read).target("Encounter", "e1", Some(3));
    let value = told(read.patient(Some("p1")));
    assert_eq!(
        profile_of(&value),
        "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead"
    );
    assert_eq!(value["recorded"], "1970-01-01T00:00:00.000Z");
    assert_eq!(value["agent"][0]["type"]["coding"][0]["code"], "110152");
    assert_eq!(value["agent"][0]["who"]["identifier"]["value"], "c1");
    assert_eq!(
        value["agent"][0]["policy"][0],
        "urn:ietf:params:oauth:jti:t1"
    );
    assert_eq!(value["agent"][2]["who"]["reference"], "Organization/o1");
    assert_eq!(
        value["entity"][0]["what"]["reference"],
        "Encounter/e1/_history/3"
    );
    assert_eq!(value["entity"][1]["what"]["reference"], "Patient/p1");
    assert_eq!(value["entity"][2]["what"]["identifier"]["value"], "r1");
    let plain = told(event(Kind::Read).target("Organization", "o1", Some(1)));
    assert!(profile_of(&plain).ends_with("BasicAudit.Read"));
}

#[test]
fn a_search_tells_the_raw_query_and_nothing_of_the_result() {
    let search = event(Kind::Search).detail("GET /fhir/Patient?name=Zz");
    let value = told(search.patient(Some("p1")));
    assert!(profile_of(&value).ends_with("BasicAudit.PatientQuery"));
    let query = value["entity"][0]["query"].as_str().expect("query");
    assert_eq!(
        STANDARD.decode(query).expect("base64"),
        b"GET /fhir/Patient?name=Zz"
    );
    assert!(value["entity"][0].get("what").is_none());
    assert!(value["entity"][0].get("detail").is_none());
}

#[test]
fn a_failure_claims_no_profile_and_says_why_in_a_word() {
    let read = event(Kind::Read).target("Patient", "p1", None);
    let refused = told(
        read.clone()
            .failed(Outcome::Serious, "403 insufficient-scope"),
    );
    assert_eq!(profile_of(&refused), "");
    assert_eq!(refused["outcome"], "8");
    assert_eq!(refused["outcomeDesc"], "403 insufficient-scope");
    assert_eq!(refused["subtype"][0]["code"], "AuthZ-Role");
    assert_eq!(refused["subtype"][1]["code"], "read");
    let hidden = told(read.failed(Outcome::Minor, "404 not-found"));
    assert_eq!(
        (&hidden["type"]["code"], &hidden["outcome"]),
        (&json!("rest"), &json!("4"))
    );
}

#[test]
fn what_the_operator_did_has_agents_too() {
    let value = told(Event::new(Kind::ClientAdd).target("client", "c9", None));
    assert_eq!(profile_of(&value), "");
    assert_eq!(value["agent"].as_array().map(Vec::len), Some(2));
    assert_eq!(value["agent"][0]["requestor"], true);
}

#[test]
fn every_kind_is_told() {
    for kind in Kind::ALL {
        let value = told(event(*kind));
        assert!(
            value["type"]["code"].is_string() && value["subtype"][0]["code"].is_string(),
            "{kind}"
        );
    }
}
