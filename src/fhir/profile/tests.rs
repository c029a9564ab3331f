use serde_json::json;

use super::*;

const BASE: &str = "https://kap-interop.example.org/fhir/";

fn url(id: &str) -> String {
    format!("{BASE}StructureDefinition/{id}")
}

#[test]
fn all_of_them_are_known_and_all_of_their_rules_can_be_read() {
    let profiles = OWN
        .by_url
        .values()
        .filter(|profile| profile.kind != "Extension");
    assert_eq!(profiles.count(), 32);
    for (kind, id, text) in definitions::own::all() {
        if kind != "StructureDefinition" {
            continue;
        }
        let value: Value = serde_json::from_str(text).expect("JSON");
        for element in value["snapshot"]["element"]
            .as_array()
            .into_iter()
            .flatten()
        {
            for rule in element["constraint"].as_array().into_iter().flatten() {
                let text = rule["expression"].as_str().expect("an expression");
                let readable = crate::fhir::fhirpath::Expression::new(text).is_ok();
                assert!(readable || text.contains("matches("), "{id}: {text}");
            }
        }
    }
    let rules: usize = OWN
        .by_url
        .values()
        .map(|profile| count(&profile.root))
        .sum();
    assert!(rules >= 44, "{rules} rules");
}

fn count(spec: &Spec) -> usize {
    let below = spec.children.iter().chain(&spec.slices).map(count);
    spec.rules.len() + below.sum::<usize>()
}

#[test]
fn extensions_stand_where_they_may_and_hold_what_they_must() {
    let places = |value: &Value| -> Vec<(String, &str)> {
        let found = OWN.words(value, Depth::Errors).into_iter();
        found
            .map(|one| {
                (
                    one.issue.at.unwrap_or_default(),
                    one.issue.code.unwrap_or_default(),
                )
            })
            .collect()
    };
    let with = |extension: Value| json!({"resourceType": "Encounter", "extension": [extension]});
    let good = with(json!({"url": url("kap-presence-mode"), "valueCode": "in-person"}));
    assert!(
        places(&good)
            .iter()
            .all(|(_, code)| *code == "code-invalid")
    );
    let kind = with(json!({"url": url("kap-presence-mode"), "valueString": "x"}));
    assert_eq!(
        places(&kind),
        [("Encounter.extension[0].value".to_owned(), "structure")]
    );
    let unknown = with(json!({"url": url("kap-nothing"), "valueString": "x"}));
    assert_eq!(
        places(&unknown),
        [("Encounter.extension[0]".to_owned(), "extension")]
    );
    let astray = json!({"resourceType": "Flag", "extension": [{"url": url("kap-dose-kind"), "valueCode": "x"}]});
    assert!(places(&astray).contains(&("Flag.extension[0]".to_owned(), "extension")));
    let system = format!("{BASE}CodeSystem/kap-service");
    let coded = json!({"resourceType": "Encounter", "type": [{"coding": [{"system": system, "code": "dance"}]}]});
    assert_eq!(
        places(&coded),
        [("Encounter.type[0].coding[0]".to_owned(), "code-invalid")]
    );
}

#[test]
fn a_profile_is_of_its_type() {
    let value = json!({"resourceType": "Patient"});
    let found = OWN.judge(&url("kap-clearance"), &value, Depth::Errors);
    assert_eq!(found.len(), 1);
    assert!(OWN.knows(&url("kap-clearance")) && !OWN.knows(&url("kap-dose-kind")));
    assert!(OWN.owns(&url("kap-nothing")) && !OWN.owns("http://hl7.org/fhir/us/core/x"));
}
