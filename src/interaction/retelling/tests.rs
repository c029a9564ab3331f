//! What each role sees of the sample episodes, cut as the store cuts it, still folds to an episode.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::access::{Access, Caller, Interaction, Labels, Role, Scopes, redact};
use crate::fhir::index;
use crate::fhir::resource::{Key, Stored};
use crate::fhir::validate::{Depth, findings};
use crate::kap::{Episode, Id, lift};
use crate::mapping;
use crate::store::view::seen;

const SAMPLES: [&str; 5] = [
    include_str!("../../../tests/samples/01-adult-trd-remote-lozenge.json"),
    include_str!("../../../tests/samples/02-adult-ptsd-inperson-im-hold-ae.json"),
    include_str!("../../../tests/samples/03-adolescent-deferred.json"),
    include_str!("../../../tests/golden/s3-remote-full-course/practice.json"),
    include_str!("../../../tests/golden/s0-clinic-im/practice.json"),
];

fn id(text: &str) -> Id {
    Id::new(text).expect("an id")
}

fn access(role: Role) -> Access {
    let caller = Caller {
        client: "c".into(),
        organization: id("reader"),
        role,
        scopes: Scopes::parse("system/*.rs").expect("scopes"),
        purpose: "TREAT".into(),
        token: "t".into(),
    };
    Access::of("t".into(), caller, 0)
}

/// The resources of an episode as a role is shown them, whatever else hides them.
fn shown(episode: &Episode, role: Role, more: Labels) -> Vec<(Key, Value)> {
    let access = access(role);
    let all = mapping::all_to_fhir(&episode.facts(), episode).into_iter();
    let rows = all.map(|resource| Stored {
        labels: Labels::stated(&resource.value).or(more).bits(),
        lowered: 0,
        key: resource.key,
        version: 1,
        at: 0,
        patient: None,
        episode: None,
        owner: id("practice"),
        author: id("practice"),
        body: Some(resource.json),
        redacted: None,
    });
    rows.map(|row| {
        let row = seen(&access, row).expect("cut");
        let value = row.value().expect("json");
        // What is cut may be what a rule or a profile asks for; its form stays that of a resource.
        let found = findings(&value, Depth::Errors).into_iter();
        let faults: Vec<_> = found.filter(|one| one.form).collect();
        assert_eq!(faults, [], "{}", row.key);
        (row.key, value)
    })
    .collect()
}

/// What an integrator's view of a sample may lose: facts that are nothing but words.
const WORDS: [&str; 3] = [
    "Goal.description.text",
    "MedicationRequest.dosageInstruction[0].text",
    "QuestionnaireResponse",
];

#[test]
fn what_is_left_of_each_sample_folds_for_every_role() {
    for text in SAMPLES {
        let whole = lift::lift(text).expect("a sample").episode;
        for role in Role::ALL.iter().copied() {
            let resources = shown(&whole, role, Labels::SDV);
            let reading = mapping::from_fhir(&resources);
            for (_, issue) in &reading.unreadable {
                let at = issue.at.as_deref().unwrap_or_default();
                assert!(
                    role == Role::Integrator && WORDS.contains(&at),
                    "{role}: {at}"
                );
            }
            let facts = reading.facts.into_iter().map(|(fact, _)| fact).collect();
            let episode = Episode::fold(facts).expect("an episode");
            let lost = whole.facts().len() - episode.facts().len();
            assert_eq!(lost, reading.unreadable.len(), "{role}");
            let told = redact::is_told_parts(role);
            assert_eq!(
                episode.patient.address.is_none(),
                told || whole.patient.address.is_none()
            );
        }
    }
}

/// Names of the members whose text is more than one word.
fn prose<'v>(name: &'v str, value: &'v Value, found: &mut BTreeSet<&'v str>) {
    match value {
        Value::String(text) if text.contains(' ') => drop(found.insert(name)),
        Value::Array(items) => items.iter().for_each(|item| prose(name, item, found)),
        Value::Object(fields) => fields.iter().for_each(|(n, v)| prose(n, v, found)),
        _ => {}
    }
}

#[test]
fn an_integrator_reads_no_words() {
    for text in SAMPLES {
        let whole = lift::lift(text).expect("a sample").episode;
        for (key, value) in shown(&whole, Role::Integrator, Labels::NONE) {
            let of_patient = index::compartment(&key.kind, &value).0.is_some();
            if !of_patient || !Role::Integrator.allows(Interaction::Read, &key.kind) {
                continue;
            }
            let mut found = BTreeSet::new();
            prose("", &value, &mut found);
            // Displays of codes, names, addresses, and the name of a substance.
            for name in ["display", "given", "family", "line", "city", "unit"] {
                found.remove(name);
            }
            if value["code"].is_object() || value["medicationCodeableConcept"].is_object() {
                found.remove("text");
            }
            assert!(found.is_empty(), "{key}: {found:?} {value:#}");
        }
    }
}
