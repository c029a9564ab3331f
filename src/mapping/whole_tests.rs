//! The law of the mapping for whole episodes: written, read and folded, a random episode is the same.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::arb::Gen;
use super::session_tests::pairs;
use super::{all_to_fhir, arb_sessions as arb, from_fhir};
use crate::kap::dosing::Session;
use crate::kap::preparation::Sharing;
use crate::kap::{Episode, Fact};

/// What stands before the sessions, and beside them.
fn records(seed: u64) -> Vec<Fact> {
    let g = &mut Gen::new(seed);
    let mut facts = vec![Fact::Header(g.header()), Fact::Patient(g.patient())];
    facts.extend(g.many(0, 3, |g| Fact::Member(g.member())));
    facts.extend(g.many(0, 2, |g| Fact::RelatedPerson(g.related_person())));
    facts.extend(g.many(0, 3, |g| Fact::Problem(g.problem())));
    facts.extend(g.many(0, 2, |g| Fact::Allergy(g.allergy())));
    facts.extend(g.many(0, 2, |g| Fact::HomeMedicine(g.home_medicine())));
    facts.extend(g.many(0, 3, |g| Fact::Screening(g.screening())));
    facts.extend(g.many(0, 2, |g| Fact::Consent(g.consent())));
    facts.extend(g.many(0, 2, |g| Fact::Referral(g.referral())));
    facts.extend(g.many(0, 2, |g| Fact::Clearance(g.clearance())));
    facts.extend(g.many(0, 2, |g| Fact::Prescription(g.prescription())));
    facts.extend(g.many(0, 2, |g| Fact::Dispense(g.dispense())));
    facts.extend(g.many(0, 2, |g| Fact::Inventory(g.inventory())));
    facts.extend(g.many(0, 1, |g| Fact::Plan(g.plan())));
    facts.extend(g.many(0, 2, |g| Fact::Intention(g.intention())));
    facts.extend(g.many(0, 2, |g| {
        let mut private = g.intention();
        private.sharing = Sharing::PracticeOnly;
        Fact::Intention(private)
    }));
    facts
}

prop_compose! {
    /// A session with its parts; those of a dose only where it is a dosing session.
    fn session()(
        x in arb::session(),
        vitals in vec(arb::vitals(), 0..3),
        integration in of(arb::integration()),
        doses in vec(arb::dose(), 0..2),
        side_effects in vec(arb::side_effect(), 0..2),
        (checklist, effects, discharge) in (of(arb::checklist()), of(arb::effects()), of(arb::discharge())),
    ) -> Session {
        let mut x = Session { integration, ..x };
        match x.dosing.as_mut() {
            Some(dosing) => {
                dosing.vitals = vitals;
                dosing.doses = doses;
                dosing.side_effects = side_effects;
                dosing.pre_dose_checklist = checklist;
                dosing.effects = effects;
                dosing.discharge = discharge;
            }
            None => x.vitals = vitals,
        }
        x
    }
}

prop_compose! {
    fn episode()(
        seed in any::<u64>(),
        sessions in vec(session(), 0..3),
        outcomes in vec(arb::outcome(), 0..2),
        issues in vec(arb::issue(), 0..2),
        events in vec(arb::adverse_event(), 0..2),
        follow_ups in vec(arb::follow_up(), 0..2),
        communications in vec(arb::communication(), 0..2),
    ) -> Episode {
        let mut episode = Episode::fold(records(seed)).expect("header and patient");
        episode.sessions = sessions;
        episode.outcomes = outcomes;
        episode.detected_issues = issues;
        episode.adverse_events = events;
        episode.follow_ups = follow_ups;
        episode.communications = communications;
        Episode::fold(episode.facts()).expect("header and patient")
    }
}

proptest! {
    #![proptest_config(super::arb::cases(48))]
    #[test]
    fn an_episode_comes_back_whole(episode in episode()) {
        let reading = from_fhir(&pairs(all_to_fhir(&episode.facts(), &episode)));
        prop_assert_eq!(&reading.unreadable, &vec![]);
        let facts = reading.facts.into_iter().map(|(fact, _)| fact).collect();
        let mut back = Episode::fold(facts).expect("header and patient are read");
        let mut expected = episode;
        // An intention for the practice alone has no FHIR form.
        expected.intentions.retain(|i| i.sharing != Sharing::PracticeOnly);
        back.version = expected.version;
        let told = |e: &Episode| serde_json::to_value(e).expect("an episode is JSON");
        let (back, expected) = (told(&back), told(&expected));
        for (name, value) in expected.as_object().expect("an object") {
            prop_assert_eq!(&back[name], value, "{}", name);
        }
    }
}
