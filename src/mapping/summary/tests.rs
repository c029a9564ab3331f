use std::sync::Arc;

use serde_json::Value;

use super::{Document, compose, document};
use crate::fhir::resource::Key;
use crate::kap::{Id, Instant};
use crate::mapping::session_tests::{sample, stored};

fn at() -> Instant {
    "2026-08-01T12:00:00Z".parse().expect("a time")
}

fn dosing(session: &str) -> Document {
    let session = Id::new(session).expect("an id");
    Document::Dosing { session }
}

fn composition(document: Document, index: usize) -> Value {
    let made = compose(document, &sample(index), at()).expect("there is something to say");
    made[0].value.clone()
}

fn seen(index: usize, see: impl Fn(&Key) -> bool) -> Vec<(Key, Value, Arc<str>)> {
    let all = stored(&sample(index))
        .into_iter()
        .filter(|(key, _)| see(key));
    all.map(|(key, value)| {
        let text = value.to_string().into();
        (key, value, text)
    })
    .collect()
}

fn bundle(document_of: &Value, index: usize, see: impl Fn(&Key) -> bool) -> Value {
    let base = "https://service.example.org/fhir";
    let text = document(document_of, &seen(index, see), base, at(), "urn:uuid:1");
    serde_json::from_str(&text.expect("a document")).expect("JSON")
}

fn section<'v>(composition: &'v Value, code: &str) -> Option<&'v Value> {
    let mut all = composition["section"].as_array().into_iter().flatten();
    all.find(|s| s["code"]["coding"][0]["code"] == code)
}

#[test]
fn a_dosing_summary_begins_with_the_dose() {
    let c = composition(dosing("ses-0009"), 0);
    let text = c["text"]["div"].as_str().unwrap_or_default();
    let lead = "Session 3: ketamine 200 mg sublingual at 10:03 PDT plus booster 100 mg at 10:22 PDT, \
                self-administered, witnessed by ";
    assert!(text.contains(lead), "{text}");
    let rest = "by video; BP before 122/79, at end 126/80 mm[Hg]; discharge criteria met 12:35 PDT; \
                no adverse event.";
    assert!(text.contains(rest), "{text}");
    let codes: Vec<&str> = c["section"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|s| s["code"]["coding"][0]["code"].as_str())
        .collect();
    let order = [
        "59768-2", "29549-3", "8716-3", "29554-3", "59774-0", "55109-3", "59775-7", "10190-7",
        "69730-0", "18776-5",
    ];
    assert_eq!(codes, order);
    let none = section(&c, "55109-3").map(|s| s["text"]["div"].to_string());
    assert!(none.is_some_and(|t| t.contains("none: no adverse event")));
    let plan = section(&c, "18776-5")
        .map(|s| s["text"]["div"].to_string())
        .unwrap_or_default();
    assert!(
        plan.contains("13 on hand before, 3 used, 10 remaining"),
        "{plan}"
    );
    assert!(
        plan.contains("2026-07-25 (7 days between sessions)"),
        "{plan}"
    );
}

#[test]
fn a_held_dose_is_not_to_be_overlooked() {
    let c = composition(dosing("ses-0016"), 1);
    let text = c["text"]["div"].as_str().unwrap_or_default();
    assert!(text.contains("dose NOT GIVEN at 13:52 PDT"), "{text}");
    assert!(text.contains("158/98 then 152/96"), "{text}");
}

#[test]
fn every_document_refers_only_to_what_exists() {
    for index in 0..3 {
        let episode = sample(index);
        let all = seen(index, |_| true);
        for wanted in Document::all(&episode) {
            let Some(made) = compose(wanted.clone(), &episode, at()) else {
                continue;
            };
            assert_eq!(made[0].key.id, wanted.id(&episode));
            assert_eq!(
                Document::from_id(made[0].key.id.as_str(), &episode),
                Some(wanted)
            );
            for section in made[0].value["section"].as_array().into_iter().flatten() {
                for entry in section["entry"].as_array().into_iter().flatten() {
                    let text = entry["reference"].as_str().unwrap_or_default();
                    assert!(
                        all.iter().any(|(key, ..)| key.to_string() == text),
                        "{text}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_document_holds_what_it_speaks_of_composition_first() {
    let c = composition(dosing("ses-0009"), 0);
    let whole = bundle(&c, 0, |_| true);
    assert_eq!(whole["type"], "document");
    let entries = whole["entry"].as_array().expect("entries");
    assert_eq!(entries[0]["resource"], c);
    assert_eq!(
        entries[0]["fullUrl"],
        "https://service.example.org/fhir/Composition/ses-0009-doc-c"
    );
    let has = |kind: &str| {
        entries
            .iter()
            .any(|e| e["resource"]["resourceType"] == kind)
    };
    for kind in [
        "Patient",
        "Encounter",
        "MedicationAdministration",
        "Observation",
        "Condition",
    ] {
        assert!(has(kind), "{kind}");
    }
}

#[test]
fn who_sees_a_part_reads_of_that_part_and_is_never_told_none() {
    let index = 1;
    let c = composition(dosing("ses-0019"), index);
    assert!(c["text"]["div"].to_string().contains("ADVERSE EVENT"));
    let hidden = |key: &Key| !matches!(&*key.kind, "AdverseEvent" | "Condition");
    let part = bundle(&c, index, hidden);
    let text = part.to_string();
    assert!(
        !text.contains("ADVERSE EVENT") && !text.contains("178/104 after 40 mg"),
        "{text}"
    );
    assert!(!text.contains("no adverse event"), "silence is not none");
    assert!(!text.contains("AdverseEvent/"));
    let written = &part["entry"][0]["resource"];
    let doses = section(written, "29549-3").expect("doses are visible");
    assert!(
        doses["entry"][0]["reference"]
            .as_str()
            .is_some_and(|r| r.starts_with("MedicationAdm"))
    );
}

#[test]
fn without_the_patient_there_is_no_document() {
    let c = composition(dosing("ses-0009"), 0);
    let resources = seen(0, |key| &*key.kind != "Patient");
    let refused = document(&c, &resources, "https://x.example.org", at(), "urn:uuid:1");
    assert_eq!(refused.map_err(|e| e.status()), Err(404));
}

#[test]
fn what_is_not_there_makes_no_document() {
    let none = Document::Dosing {
        session: Id::new("ses-none").expect("an id"),
    };
    assert!(compose(none, &sample(0), at()).is_none());
    assert!(
        compose(dosing("ses-0001"), &sample(0), at()).is_none(),
        "a consultation has no dose"
    );
}
