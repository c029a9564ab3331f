//! The law of the mapping: what was written is read back, time offsets included.

use proptest::prelude::*;
use serde_json::Value;

use super::{all_to_fhir, arb_sessions as arb, from_fhir, to_fhir};
use crate::fhir::resource::{Key, Resource};
use crate::kap::lift::lift;
use crate::kap::preparation::Sharing;
use crate::kap::{Episode, Fact, Id};

pub const SAMPLES: [&str; 3] = [
    include_str!("../../tests/samples/01-adult-trd-remote-lozenge.json"),
    include_str!("../../tests/samples/02-adult-ptsd-inperson-im-hold-ae.json"),
    include_str!("../../tests/samples/03-adolescent-deferred.json"),
];

pub fn sample(index: usize) -> Episode {
    lift(SAMPLES[index])
        .expect("the sample is an episode")
        .episode
}

pub fn pairs(resources: Vec<Resource>) -> Vec<(Key, Value)> {
    resources.into_iter().map(|r| (r.key, r.value)).collect()
}

/// Writes the fact in the context of a sample, reads it back and compares, offsets included.
fn round_trip(fact: &Fact) -> Result<(), TestCaseError> {
    let written = pairs(to_fhir(fact, &sample(0)));
    let reading = from_fhir(&written);
    prop_assert_eq!(&reading.unreadable, &vec![]);
    let facts: Vec<&Fact> = reading.facts.iter().map(|(f, _)| f).collect();
    prop_assert_eq!(&facts, &vec![fact]);
    prop_assert_eq!(format!("{:?}", facts[0]), format!("{fact:?}"));
    let named: usize = reading.facts.iter().map(|(_, keys)| keys.len()).sum();
    prop_assert_eq!(named, written.len(), "each resource is named as a source");
    Ok(())
}

/// Not an id of the record itself.
fn in_session() -> impl Strategy<Value = Id> {
    "ses-[0-9]{4}".prop_map(|id| Id::new(id).expect("a legal id"))
}

proptest! {
    #![proptest_config(super::arb::cases(64))]
    #[test]
    fn sessions(x in arb::session()) { round_trip(&Fact::Session(x))?; }
    #[test]
    fn readings(session in in_session(), vitals in arb::vitals()) { round_trip(&Fact::Vitals { session, vitals })?; }
    #[test]
    fn doses(session in in_session(), dose in arb::dose()) { round_trip(&Fact::Dose { session, dose })?; }
    #[test]
    fn checklists(session in in_session(), checklist in arb::checklist()) { round_trip(&Fact::Checklist { session, checklist })?; }
    #[test]
    fn discharges(session in in_session(), discharge in arb::discharge()) { round_trip(&Fact::Discharge { session, discharge })?; }
    #[test]
    fn integrations(session in in_session(), integration in arb::integration()) { round_trip(&Fact::Integration { session, integration })?; }
    #[test]
    fn effects(session in in_session(), effects in arb::effects()) { round_trip(&Fact::Effects { session, effects })?; }
    #[test]
    fn side_effects(session in in_session(), effect in arb::side_effect()) { round_trip(&Fact::SideEffect { session, effect })?; }
    #[test]
    fn outcomes(x in arb::outcome()) { round_trip(&Fact::Outcome(x))?; }
    #[test]
    fn issues(x in arb::issue()) { round_trip(&Fact::Issue(x))?; }
    #[test]
    fn adverse_events(x in arb::adverse_event()) { round_trip(&Fact::AdverseEvent(x))?; }
    #[test]
    fn follow_ups(x in arb::follow_up()) { round_trip(&Fact::FollowUp(x))?; }
    #[test]
    fn communications(x in arb::communication()) { round_trip(&Fact::Communication(x))?; }
}

/// The resources of a whole episode, as a store would hold them.
pub fn stored(episode: &Episode) -> Vec<(Key, Value)> {
    pairs(all_to_fhir(&episode.facts(), episode))
}

#[test]
fn a_whole_episode_is_read_back() {
    for index in 0..SAMPLES.len() {
        let episode = sample(index);
        let reading = from_fhir(&stored(&episode));
        assert_eq!(reading.unreadable, vec![], "sample {index}");
        let back = Episode::fold(reading.facts.into_iter().map(|(f, _)| f).collect());
        let mut expected = Episode::fold(episode.facts()).expect("header and patient");
        // An intention for the practice alone has no FHIR form.
        expected
            .intentions
            .retain(|i| i.sharing != Sharing::PracticeOnly);
        // The state of a clearance is computed from the day.
        expected.clearances.iter_mut().for_each(|c| c.status = None);
        let back = back.expect("header and patient are read");
        let told = |e: &Episode| serde_json::to_value(e).expect("an episode is JSON");
        let (back, expected) = (told(&back), told(&expected));
        for (name, value) in expected.as_object().expect("an object") {
            assert_eq!(&back[name], value, "{name} of sample {index}");
        }
    }
}

#[test]
fn a_foreign_blood_pressure_is_a_reading_of_its_own() {
    let foreign = serde_json::json!({
        "resourceType": "Observation", "id": "their-bp-1", "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "encounter": {"reference": "Encounter/ses-0009"},
        "effectiveDateTime": "2026-07-18T09:00:00-07:00",
        "component": [
            {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
             "valueQuantity": {"value": 121, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}},
        ],
    });
    let key = Key::new("Observation", Id::new("their-bp-1").expect("an id"));
    let reading = from_fhir(&[(key, foreign)]);
    let [(Fact::Vitals { session, vitals }, _)] = reading.facts.as_slice() else {
        panic!("one reading expected: {reading:?}");
    };
    assert_eq!(
        (session.as_str(), vitals.id.as_str()),
        ("ses-0009", "their-bp-1")
    );
    let systolic = vitals.systolic.as_ref().map(|q| q.value.to_string());
    assert_eq!(
        (systolic.as_deref(), vitals.diastolic.as_ref()),
        (Some("121"), None)
    );
}

#[test]
fn a_held_dose_has_no_dosage_and_says_why() {
    let episode = sample(1);
    let held = |f: &&Fact| matches!(f, Fact::Dose { dose, .. } if dose.id.as_str() == "adm-0012");
    let facts = episode.facts();
    let fact = facts.iter().find(held).expect("the sample holds a dose");
    let written = to_fhir(fact, &episode);
    let value = &written[0].value;
    assert_eq!(value["status"], "not-done");
    assert!(value.get("dosage").is_none());
    assert_eq!(
        value["statusReason"][0]["coding"][0]["code"],
        "bp-above-threshold"
    );
}

#[test]
fn an_issue_is_never_mitigated_on_the_wire() {
    let episode = sample(1);
    for fact in episode.facts() {
        if let Fact::Issue(issue) = &fact {
            let status = to_fhir(&fact, &episode)[0].value["status"].clone();
            assert_ne!(status, "mitigated", "{}", issue.id);
        }
    }
}
