//! The round trip of each entity of the first half: random facts, the sample episodes, and foreign changes.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::arb::Gen;
use super::{Reading, all_to_fhir, from_fhir, to_fhir};
use crate::fhir::resource::{Key, Resource};
use crate::kap::{Episode, Fact};

const SAMPLES: [&str; 3] = [
    include_str!("../../tests/samples/01-adult-trd-remote-lozenge.json"),
    include_str!("../../tests/samples/02-adult-ptsd-inperson-im-hold-ae.json"),
    include_str!("../../tests/samples/03-adolescent-deferred.json"),
];

/// A sample as an episode of the parts that this half maps.
fn sample(text: &str) -> Episode {
    let mut value: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}"));
    let fields = value.as_object_mut().unwrap_or_else(|| panic!("an object"));
    for name in ["apiVersion", "resource", "asOf", "derived", "financial"] {
        fields.remove(name);
    }
    for name in [
        "sessions",
        "outcomes",
        "adverseEvents",
        "followUps",
        "communications",
    ] {
        fields.insert(name.to_owned(), json!([]));
    }
    let referral = fields.remove("referral").unwrap_or_default();
    fields.insert("referrals".to_owned(), json!([referral]));
    value["detectedIssues"] = json!([]);
    value["patient"]
        .as_object_mut()
        .map(|p| p.remove("isMinor"));
    for clearance in value["clearances"].as_array_mut().into_iter().flatten() {
        clearance.as_object_mut().map(|c| c.remove("status"));
    }
    serde_json::from_value(value).unwrap_or_else(|e| panic!("{e}"))
}

fn read(resources: Vec<Resource>) -> Reading {
    let pairs: Vec<(Key, Value)> = resources.into_iter().map(|r| (r.key, r.value)).collect();
    from_fhir(&pairs)
}

/// Reads `fact` back out of its resources; offsets of times and digits of numbers are compared too.
#[track_caller]
fn comes_back(fact: &Fact, extra: Vec<Resource>, episode: &Episode) {
    let mut resources = to_fhir(fact, episode);
    resources.extend(extra);
    let reading = read(resources);
    assert_eq!(reading.unreadable, vec![]);
    let found = reading.facts.iter().find(|(f, _)| f.key() == fact.key());
    let found = found.map(|(f, _)| format!("{f:#?}")).unwrap_or_default();
    assert_eq!(found, format!("{fact:#?}"));
}

fn random(g: &mut Gen) -> Vec<Fact> {
    vec![
        Fact::Patient(g.patient()),
        Fact::RelatedPerson(g.related_person()),
        Fact::Header(g.header()),
        Fact::Problem(g.problem()),
        Fact::Allergy(g.allergy()),
        Fact::HomeMedicine(g.home_medicine()),
        Fact::Screening(g.screening()),
        Fact::Referral(g.referral()),
        Fact::Consent(g.consent()),
        Fact::Clearance(g.clearance()),
        Fact::Prescription(g.prescription()),
        Fact::Dispense(g.dispense()),
        Fact::Inventory(g.inventory()),
        Fact::Plan(g.plan()),
        Fact::Intention(g.intention()),
    ]
}

proptest! {
    #![proptest_config(super::arb::cases(60))]

    #[test]
    fn every_fact_comes_back(seed in any::<u64>()) {
        let mut episode = sample(SAMPLES[0]);
        episode.care_team.clear();
        for fact in random(&mut Gen::new(seed)) {
            comes_back(&fact, vec![], &episode);
        }
    }

    #[test]
    fn a_member_comes_back(seed in any::<u64>()) {
        let mut episode = sample(SAMPLES[0]);
        episode.care_team.clear();
        comes_back(&Fact::Member(Gen::new(seed).member()), vec![], &episode);
    }
}

#[test]
fn the_samples_come_back_whole() {
    for text in SAMPLES {
        let episode = sample(text);
        let facts = episode.facts();
        let reading = read(all_to_fhir(&facts, &episode));
        assert_eq!(reading.unreadable, vec![]);
        let found: Vec<Fact> = reading.facts.into_iter().map(|(f, _)| f).collect();
        let mut folded = Episode::fold(found).unwrap_or_else(|| panic!("header and patient"));
        let mut expected = Episode::fold(facts).unwrap_or_else(|| panic!("header and patient"));
        // An intention for the practice alone has no FHIR form.
        expected
            .intentions
            .retain(|i| i.sharing != crate::kap::preparation::Sharing::PracticeOnly);
        folded.version = expected.version;
        let print = |e: &Episode| serde_json::to_string_pretty(e).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(print(&folded), print(&expected));
    }
}

#[test]
fn the_order_of_resources_does_not_matter() {
    let episode = sample(SAMPLES[1]);
    let resources = all_to_fhir(&episode.facts(), &episode);
    let fold =
        |r: Vec<Resource>| Episode::fold(read(r).facts.into_iter().map(|(f, _)| f).collect());
    let mut reversed = resources.clone();
    reversed.reverse();
    assert_eq!(fold(resources), fold(reversed));
}

#[test]
fn every_resource_is_labelled_and_marked_as_made_up() {
    for text in SAMPLES {
        let episode = sample(text);
        for r in all_to_fhir(&episode.facts(), &episode) {
            let codes = |path: &str| -> Vec<String> {
                let all = r.value.pointer(path).and_then(Value::as_array).cloned();
                all.into_iter()
                    .flatten()
                    .filter_map(|c| c["code"].as_str().map(str::to_owned))
                    .collect()
            };
            let labels = codes("/meta/security");
            let levels = labels
                .iter()
                .filter(|l| ["N", "R", "V"].contains(&l.as_str()))
                .count();
            assert_eq!(levels, 1, "{}: {labels:?}", r.key);
            // The directory is shared by all episodes, those of real patients too.
            let of_directory = matches!(&*r.key.kind, "Organization" | "Endpoint");
            let marked = codes("/meta/tag").contains(&"HTEST".to_owned());
            assert_eq!(marked, !of_directory, "{}", r.key);
            let div = r
                .value
                .pointer("/text/div")
                .and_then(Value::as_str)
                .unwrap_or_default();
            assert!(div.starts_with("<div xmlns="), "{}", r.key);
        }
    }
}

#[test]
fn a_minors_substance_use_is_its_own_topic() {
    let episode = sample(SAMPLES[2]);
    let problem = episode
        .problems
        .iter()
        .find(|p| p.id.as_str() == "cond-0022");
    let written = problem
        .map(|p| to_fhir(&Fact::Problem(p.clone()), &episode))
        .unwrap_or_default();
    let labels: Vec<&str> = written[0].value["meta"]["security"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|c| c["code"].as_str())
        .collect();
    assert_eq!(labels, ["R", "SUD", "ETH", "ADOL", "HTEST"]);
}

#[test]
fn a_step_that_the_partner_takes_is_read_as_an_event() {
    let episode = sample(SAMPLES[0]);
    let mut resources = to_fhir(&Fact::Referral(episode.referrals[0].clone()), &episode);
    let task = &mut resources[1].value;
    task["status"] = json!("rejected");
    task["statusReason"] = json!({"text": "Outside the age range"});
    task["lastModified"] = json!("2026-06-11T09:00:00-07:00");
    let reading = read(resources);
    let Some((Fact::Referral(referral), _)) = reading.facts.first() else {
        panic!("a referral")
    };
    assert_eq!(
        referral.task_events.len(),
        episode.referrals[0].task_events.len() + 1
    );
    let last = referral.task_events.last();
    assert_eq!(
        last.and_then(|t| t.note.as_deref()),
        Some("Outside the age range")
    );
    assert_eq!(
        last.and_then(|t| t.by.as_ref()).map(crate::kap::Id::as_str),
        Some("org-partner-01")
    );
}

#[test]
fn a_clearance_without_decision_is_unreadable_and_says_where() {
    let episode = sample(SAMPLES[0]);
    let mut resources = to_fhir(&Fact::Clearance(episode.clearances[0].clone()), &episode);
    resources[0].value["extension"] = json!([]);
    let reading = read(resources);
    assert_eq!(reading.facts, vec![]);
    let at = reading
        .unreadable
        .first()
        .and_then(|(_, issue)| issue.at.as_deref());
    assert_eq!(
        at,
        Some("ClinicalImpression.extension('kap-clearance-decision')")
    );
}

#[test]
fn a_limit_that_is_not_understood_is_not_passed_over() {
    let episode = sample(SAMPLES[0]);
    let mut resources = to_fhir(&Fact::Clearance(episode.clearances[0].clone()), &episode);
    let text = resources[0].value.to_string().replace("8867-4", "8302-2");
    resources[0].value = serde_json::from_str(&text).unwrap_or_default();
    assert_eq!(read(resources).unreadable.len(), 1);
}

#[test]
fn a_foreign_condition_is_read_on_the_safe_side() {
    let value = json!({
        "resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": "58214004"}]}
    });
    let key = Key::new("Condition", crate::kap::Id::new("c1").unwrap_or_default());
    let reading = from_fhir(&[(key, value)]);
    let Some((Fact::Problem(p), _)) = reading.facts.first() else {
        panic!("a problem")
    };
    assert_eq!(
        (p.clinical_status.code(), p.verification_status.code()),
        ("active", "unconfirmed")
    );
}

#[test]
fn what_is_built_is_read_by_the_sdk_as_well() {
    let episode = sample(SAMPLES[0]);
    for r in all_to_fhir(&episode.facts(), &episode) {
        let parsed = serde_json::from_str::<fhir_sdk::r4b::resources::Resource>(&r.json);
        assert!(parsed.is_ok(), "{}: {parsed:?}", r.key);
    }
}

#[test]
fn a_period_without_bounds_is_no_period() {
    for root in [None, Some("deny")] {
        let given = json!({ "id": "c", "kind": "privacy-disclosure", "status": "active", "root": root, "period": {} });
        let given = serde_json::from_value(given).unwrap_or_else(|e| panic!("{e}"));
        let fact = Fact::Consent(given);
        let episode = sample(SAMPLES[0]);
        let written = to_fhir(&fact, &episode).remove(0).value;
        assert_eq!(
            written["provision"],
            json!(root.map(|code| json!({ "type": code })))
        );
        comes_back(&fact, vec![], &episode);
    }
}
