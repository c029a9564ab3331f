//! The validator against what must pass: all that the service emits, the examples of its profiles, and those of the
//! standard.

use std::fs;
use std::path::{Path, PathBuf};

use kap_fhir::fhir::definitions::Severity;
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
