//! What the letters say, to whom it matters most: the sections of domain reference §7, and what must not be overlooked.

use serde_json::Value;

use super::{Document, compose};
use crate::kap::base::Decimal;
use crate::kap::dosing::{DoseStatus, Reason};
use crate::kap::{Episode, Id, Instant};
use crate::mapping::session_tests::sample;

fn at(text: &str) -> Instant {
    text.parse().expect("a time")
}

fn id(text: &str) -> Id {
    Id::new(text).expect("an id")
}

fn written(document: Document, episode: &Episode, when: &str) -> [Value; 2] {
    let made = compose(document, episode, at(when)).expect("there is something to say");
    let values: Vec<Value> = made.into_iter().map(|r| r.value).collect();
    values.try_into().expect("a composition and its reference")
}

fn composition(document: Document, episode: &Episode) -> Value {
    let [composition, _] = written(document, episode, "2026-08-01T12:00:00Z");
    composition
}

fn codes(composition: &Value) -> Vec<&str> {
    let sections = composition["section"].as_array().into_iter().flatten();
    sections
        .filter_map(|s| s["code"]["coding"][0]["code"].as_str())
        .collect()
}

fn text(composition: &Value) -> &str {
    composition["text"]["div"].as_str().unwrap_or_default()
}

fn section<'v>(composition: &'v Value, code: &str) -> &'v str {
    let mut all = composition["section"].as_array().into_iter().flatten();
    let found = all.find(|s| s["code"]["coding"][0]["code"] == code);
    let found = found.unwrap_or_else(|| panic!("section {code}"));
    found["text"]["div"].as_str().unwrap_or_default()
}

fn clearance(name: &str) -> Document {
    let clearance = id(name);
    Document::Clearance { clearance }
}

fn dosing(name: &str) -> Document {
    let session = id(name);
    Document::Dosing { session }
}

/// A session of the first sample whose doses are changed.
fn dosed(change: impl FnOnce(&mut crate::kap::dosing::Dosing)) -> Value {
    let mut episode = sample(0);
    let mut sessions = episode.sessions.iter_mut();
    let session = sessions.find(|s| s.id.as_str() == "ses-0009");
    change(
        session
            .and_then(|s| s.dosing.as_mut())
            .expect("a dosing session"),
    );
    composition(dosing("ses-0009"), &episode)
}

#[test]
fn each_letter_has_the_sections_of_its_kind() {
    let episode = sample(0);
    let referral = Document::latest_referral(&episode).expect("a referral");
    let wanted = [
        (
            referral,
            "42349-1 46239-0 11450-4 10160-0 48765-2 10162-6 29762-2 30954-2 47519-4 85847-2",
        ),
        (
            Document::latest_clearance(&episode).expect("a clearance"),
            "42349-1 10164-2 11450-4 10160-0 48765-2 30954-2 8716-3 51848-0 18776-5 75310-3",
        ),
        (
            Document::Integration {
                session: id("ses-0010"),
            },
            "29299-5 61150-9 51848-0 61146-7 62387-6 18776-5 30954-2",
        ),
        (
            Document::Episode,
            "11383-7 11450-4 10160-0 29549-3 30954-2 55109-3 47519-4 61146-7 18776-5",
        ),
    ];
    for (document, sections) in wanted {
        let c = composition(document.clone(), &episode);
        let sections: Vec<&str> = sections.split(' ').collect();
        assert_eq!(codes(&c), sections, "{document:?}");
    }
}

#[test]
fn every_document_says_whose_it_is_and_when_it_was_written() {
    for index in 0..3 {
        let episode = sample(index);
        for document in Document::all(&episode) {
            let Some(made) = compose(document, &episode, at("2026-08-01T12:00:00Z")) else {
                continue;
            };
            let text = text(&made[0].value);
            assert!(text.contains(&episode.patient.name.family), "{text}");
            let born = format!("born {}", episode.patient.birth_date);
            assert!(text.contains(&born), "{text}");
            assert!(text.contains("2026-08-01 05:00 PDT"), "{text}");
        }
    }
}

#[test]
fn more_than_the_maximum_is_said_at_once() {
    let c = dosed(|d| d.doses[1].dose_mg = Decimal::from(200));
    let said = "400 mg given, ABOVE THE MAXIMUM of 300 mg per session";
    assert!(text(&c).contains(said), "{}", text(&c));
    assert!(section(&c, "29549-3").contains(said));
    let c = dosed(|_| ());
    assert!(!text(&c).contains("ABOVE"), "{}", text(&c));
}

#[test]
fn a_dose_that_was_stopped_or_waits_is_not_told_as_a_whole_one() {
    let reason = || {
        Some(Reason {
            code: "patient-declined".into(),
            text: None,
        })
    };
    let c = dosed(|d| {
        d.doses[1].status = DoseStatus::Stopped;
        d.doses[1].status_reason = reason();
    });
    let said = "plus booster 100 mg at 10:22 PDT (STOPPED: Patient declined)";
    assert!(text(&c).contains(said), "{}", text(&c));
    let c = dosed(|d| {
        d.doses[1].status = DoseStatus::OnHold;
        d.doses[1].status_reason = reason();
    });
    let said = "booster dose ON HOLD, not given at 10:22 PDT (Patient declined)";
    assert!(text(&c).contains(said), "{}", text(&c));
    assert!(section(&c, "29549-3").contains("Total given:</b> 200 mg"));
}

#[test]
fn doses_and_readings_are_told_in_the_order_of_their_times() {
    let c = dosed(|d| {
        d.doses.reverse();
        d.vitals.reverse();
    });
    assert!(text(&c).contains("ketamine 200 mg sublingual at 10:03 PDT plus booster 100 mg"));
    assert!(text(&c).contains("BP before 122/79, at end 126/80"));
    let vitals = section(&c, "8716-3");
    assert!(vitals.find("122/79") < vitals.find("126/80"), "{vitals}");
}

#[test]
fn a_decision_that_fell_says_so_in_its_first_words() {
    let mut episode = sample(1);
    let first = |text: &str, said: &str| {
        let div = "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>";
        assert!(text.starts_with(&format!("{div}{said}")), "{text}");
    };
    let (old, new) = (clearance("clr-0011"), clearance("clr-0012"));
    let [c, reference] = written(old, &episode, "2026-08-01T12:00:00Z");
    first(
        text(&c),
        "SUPERSEDED by the decision of 2026-04-16 10:15 PDT. Cleared",
    );
    assert_eq!(reference["status"], "superseded");
    let [c, reference] = written(new.clone(), &episode, "2026-08-01T12:00:00Z");
    first(text(&c), "Cleared with conditions: decided");
    assert_eq!(reference["status"], "current");
    let target = &c["relatesTo"][0]["targetReference"]["reference"];
    assert_eq!(target, "Composition/clr-0011-doc-b");
    let mut all = episode.clearances.iter_mut();
    let newest = all
        .find(|c| c.id.as_str() == "clr-0012")
        .expect("a clearance");
    newest.revoked_at = Some(at("2026-05-01T10:00:00-07:00"));
    first(
        text(&composition(new, &episode)),
        "REVOKED 2026-05-01 10:00 PDT. Cleared",
    );
}

#[test]
fn who_is_not_cleared_is_not_dosed() {
    let episode = sample(2);
    let letter = Document::latest_clearance(&episode).expect("a decision");
    let c = composition(letter, &episode);
    assert!(
        text(&c).contains("Deferred – NO DOSING: decided"),
        "{}",
        text(&c)
    );
}

#[test]
fn a_clearance_letter_states_the_limits_of_vital_signs() {
    let episode = sample(0);
    let letter = Document::latest_clearance(&episode).expect("a clearance");
    let c = composition(letter, &episode);
    let plan = section(&c, "18776-5");
    let limits = "systolic ≤ 140 mm[Hg], diastolic ≤ 90 mm[Hg], heart rate 50–100 /min";
    assert!(plan.contains(limits), "{plan}");
}

#[test]
fn a_text_that_speaks_of_substance_use_is_labelled_so() {
    let episode = sample(2);
    let referral = Document::latest_referral(&episode).expect("a referral");
    for resource in written(referral, &episode, "2026-08-01T12:00:00Z") {
        let labels = resource["meta"]["security"]
            .as_array()
            .into_iter()
            .flatten();
        let labels: Vec<&str> = labels.filter_map(|l| l["code"].as_str()).collect();
        for wanted in ["R", "PSY", "SUD", "ETH", "ADOL"] {
            assert!(labels.contains(&wanted), "{labels:?}");
        }
    }
    let clean = sample(0);
    let referral = Document::latest_referral(&clean).expect("a referral");
    let [c, _] = written(referral, &clean, "2026-08-01T12:00:00Z");
    assert!(!c["meta"].to_string().contains("SUD"));
}

#[test]
fn a_summary_that_is_written_again_tells_no_later_scores() {
    let episode = sample(0);
    let session = || id("ses-0010");
    let c = composition(Document::Integration { session: session() }, &episode);
    let held = episode.sessions.iter().find(|s| s.id == session());
    let day = held.expect("the session").start.0.date();
    let later = |o: &&crate::kap::measure::Outcome| o.at.0.date() > day;
    let later = episode.outcomes.iter().filter(later);
    let days: Vec<String> = later.map(|o| o.at.0.date().to_string()).collect();
    assert!(!days.is_empty(), "the sample goes on");
    for day in days {
        assert!(!section(&c, "30954-2").contains(&day), "{day}");
        assert!(!section(&c, "51848-0").contains(&day), "{day}");
    }
}

#[test]
fn a_section_without_entries_says_why() {
    let c = composition(dosing("ses-0009"), &sample(0));
    let mut all = c["section"].as_array().into_iter().flatten();
    let complications = all.find(|s| s["code"]["coding"][0]["code"] == "55109-3");
    let complications = complications.expect("the section");
    assert_eq!(
        complications["emptyReason"]["coding"][0]["code"],
        "nilknown"
    );
    assert!(complications["entry"].is_null());
}
