//! The validator against what must pass: all that the service emits, the examples of its profiles, and those of the
//! standard.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use kap_fhir::fhir::definitions::Severity;
use kap_fhir::fhir::profile::OWN;
use kap_fhir::fhir::validate::{self, Depth, Found};
use serde_json::Value;

fn errors(resource: &Value) -> Vec<Found> {
    let mut found = validate::findings(resource, Depth::Errors);
    found.retain(|one| one.severity == Severity::Error);
    found
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut out: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    out.sort();
    out
}

fn resources(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).expect("a file");
    match serde_json::from_str(&text).expect("JSON") {
        Value::Array(all) => all,
        one => vec![one],
    }
}

#[test]
fn all_that_the_service_emits_is_well() {
    let mut count = 0;
    let golden = files(Path::new("tests/golden"))
        .into_iter()
        .map(|case| case.join("fhir"));
    let golden = golden
        .filter(|folder| folder.is_dir())
        .flat_map(|folder| files(&folder));
    for file in golden.chain(files(Path::new("profiles/examples"))) {
        for resource in resources(&file) {
            assert_eq!(
                errors(&resource),
                [],
                "{} {}",
                file.display(),
                resource["id"]
            );
            count += 1;
        }
    }
    assert!(count > 400, "{count} resources");
}

/// Examples of the standard that are refused, and why.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "Questionnaire/qs1",
        "Questionnaire.item[0].item[0].linkId",
        "its items have no linkId, which is required",
    ),
    (
        "Consent/consent-example-pkb",
        "Consent.text.div",
        "its narrative shows an image from elsewhere",
    ),
    (
        "MedicationRequest/medrx0301",
        "MedicationRequest.dispenseRequest.performer",
        "a Practitioner where R4 allows an Organization",
    ),
    (
        "Observation/clinical-gender",
        "Observation.performer[0]",
        "an Encounter is no performer",
    ),
    (
        "Questionnaire/zika-virus-exposure-assessment",
        "Questionnaire.text.div",
        "its narrative is empty (txt-2)",
    ),
];

#[test]
fn the_examples_of_the_standard_are_accepted() {
    let text = fs::read_to_string("tests/hl7/examples.ndjson").expect("examples");
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in text.lines() {
        let resource: Value = serde_json::from_str(line).expect("JSON");
        let name = format!("{}/{}", resource["resourceType"], resource["id"]).replace('"', "");
        let found = errors(&resource);
        let known = REFUSED.iter().find(|(of, ..)| *of == name);
        let first = found.first().and_then(|one| one.issue.at.as_deref());
        count += 1;
        if first != known.map(|(_, at, _)| *at) {
            wrong.push(format!("{name}: {found:#?}"));
        }
    }
    assert_eq!(count, 378);
    assert!(
        wrong.is_empty(),
        "{} examples:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Whether an extension's address ends in the name.
fn named(extension: &Value, name: &str) -> bool {
    let url = extension["url"].as_str();
    url.is_some_and(|url| url.rsplit('/').next() == Some(name))
}

/// Where a step of a mutation's path leads: the number of an item, the name of a member, or the extension `@name`.
fn step<'v>(place: &'v mut Value, name: &str) -> &'v mut Value {
    let index = match (&*place, name.strip_prefix('@')) {
        (Value::Array(items), Some(name)) => items.iter().position(|x| named(x, name)),
        (Value::Array(_), None) => name.parse().ok(),
        _ => None,
    };
    match index {
        Some(index) => &mut place[index],
        None => &mut place[name],
    }
}

fn mutated(original: &Value, mutation: &Value) -> Value {
    let mut out = original.clone();
    let kind = ["remove", "set", "append"];
    let kind = kind
        .into_iter()
        .find(|kind| mutation.get(kind).is_some())
        .expect("a kind");
    let path = mutation[kind].as_str().expect("a path");
    let (way, last) = path.rsplit_once('/').unwrap_or(("", path));
    let mut place = &mut out;
    for name in way.split('/').filter(|name| !name.is_empty()) {
        place = step(place, name);
    }
    let value = mutation["value"].clone();
    match kind {
        "append" => step(place, last)
            .as_array_mut()
            .expect("a list")
            .push(value),
        "set" => *step(place, last) = value,
        _ => match place {
            Value::Object(members) => {
                members.shift_remove(last).expect("a member");
            }
            Value::Array(items) => {
                let name = last.trim_start_matches('@');
                let index = last.parse().ok();
                let index = index.or_else(|| items.iter().position(|x| named(x, name)));
                items.remove(index.expect("an item"));
            }
            _ => panic!("{path}"),
        },
    }
    out
}

#[test]
fn each_mutation_of_an_example_of_a_profile_is_refused() {
    let text = fs::read_to_string("scripts/profiles.d/mutations.json").expect("mutations");
    let groups: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut passed = Vec::new();
    for group in &groups {
        let name = group["example"].as_str().expect("a name");
        let original = resources(&Path::new("profiles/examples").join(name)).remove(0);
        assert_eq!(errors(&original), [], "{name}");
        let mutations = group["mutations"].as_array().expect("a list");
        for mutation in mutations {
            let resource = mutated(&original, mutation);
            assert_ne!(resource, original, "{name}: {mutation}");
            if errors(&resource).is_empty() {
                passed.push(format!("{name}: {mutation}"));
            }
        }
        let claims = original["meta"]["profile"].as_array().into_iter().flatten();
        for url in claims.filter_map(Value::as_str).filter(|url| OWN.owns(url)) {
            *counts.entry(url.to_owned()).or_default() += mutations.len();
        }
    }
    assert!(
        passed.is_empty(),
        "{} mutations pass:\n{}",
        passed.len(),
        passed.join("\n")
    );
    assert_eq!(counts.len(), 32, "{:?}", counts.keys());
    assert!(counts.values().all(|count| *count >= 10), "{counts:?}");
}
