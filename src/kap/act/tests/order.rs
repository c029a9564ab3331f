//! The order of a session's times (KAP-INV-23), and what ends a dosing session (KAP-INV-14).

use proptest::prelude::*;

use super::*;
use crate::kap::dosing::{Discharge, Session, Timing};
use crate::kap::ledger::given;
use crate::kap::safety::IssueSeverity;

const BASE: &str = "2026-08-01T09:45:00-07:00";

fn minute(n: i64) -> Instant {
    t(BASE).plus_minutes(n)
}

fn leaves(at: Instant, steady: bool) -> Discharge {
    body(
        &json!({"assessedAt": at, "orientedX4": true, "gaitSteady": steady, "dissociationResolved": true,
        "suicidalityConcern": false, "vitalsWithinParameters": true, "responsibleAdultPresent": "rp-0001",
        "noDrivingUntil": "2026-08-02", "disposition": "home"}),
    )
}

fn end_reading(session: &Id, n: u32, at: Instant) -> Fact {
    let v = json!({"id": format!("end-{n}"), "at": at, "timing": "end-of-session", "source": "patient-home-device",
        "systolic": {"value": 120, "unit": "mm[Hg]"}, "diastolic": {"value": 80, "unit": "mm[Hg]"}});
    Fact::Vitals {
        session: session.clone(),
        vitals: body(&v),
    }
}

fn given_dose(session: &Id, n: u32, at: Instant) -> Fact {
    let d = json!({"id": format!("dose-{n}"), "at": at, "kind": "initial", "status": "completed", "doseMg": 100,
        "units": 1, "route": {"system": "http://snomed.info/sct", "code": "37839007"}, "performer": "patient"});
    Fact::Dose {
        session: session.clone(),
        dose: body(&d),
    }
}

fn left(session: &Id, discharge: Discharge) -> Fact {
    Fact::Discharge {
        session: session.clone(),
        discharge,
    }
}

fn told(desk: &mut Desk, fact: Fact) {
    desk.with(Side::Practice, |e, ctx| e.accept(fact, ctx))
        .expect("a fact is never refused");
}

/// The session as a record that says that it has ended.
fn finished(desk: &mut Desk, session: &Id, end: Instant) -> Fact {
    let mut s = desk.session(session).clone();
    (s.status, s.end) = (SessionStatus::Completed, Some(end));
    Fact::Session(s)
}

/// Records of a session whose time lies before one that it follows; the session itself for discharge and end.
fn slipped(s: &Session) -> Vec<Id> {
    let dosing = s.dosing.as_ref().expect("dosing");
    let doses: Vec<_> = dosing.doses.iter().filter(|d| given(d)).collect();
    let ends: Vec<_> = dosing
        .vitals
        .iter()
        .filter(|v| v.timing == Timing::EndOfSession)
        .collect();
    let mut out = vec![];
    out.extend(
        doses
            .iter()
            .filter(|d| d.at < s.start)
            .map(|d| d.id.clone()),
    );
    let early = |at: Instant| at < s.start || doses.iter().any(|d| at < d.at);
    out.extend(ends.iter().filter(|v| early(v.at)).map(|v| v.id.clone()));
    let early = |at: Instant| early(at) || ends.iter().any(|v| at < v.at);
    let discharge = dosing.discharge.as_ref().map(|d| d.assessed_at);
    let end = s.end.filter(|_| s.status == SessionStatus::Completed);
    let last = |at: Instant| early(at) || discharge.is_some_and(|d| at < d);
    if discharge.is_some_and(early) || end.is_some_and(last) {
        out.push(s.id.clone());
    }
    out
}

fn act(desk: &mut Desk, session: &Id, n: u32, (what, when): (u8, i64)) -> Result<()> {
    let at = minute(when);
    let fact = match what {
        0 | 1 => given_dose(session, n, at),
        2 | 3 => end_reading(session, n, at),
        4 => left(session, leaves(at, n.is_multiple_of(2))),
        5 => {
            let end = at.max(desk.session(session).start);
            finished(desk, session, end)
        }
        6 => {
            let command = Command::Discharge {
                session: session.clone(),
                body: leaves(at, true),
            };
            return desk.practice(command).map(drop);
        }
        _ => {
            let b = body(&json!({"by": "prac-ther-01", "at": at}));
            let command = Command::CompleteSession {
                session: session.clone(),
                body: b,
            };
            return desk.practice(command).map(drop);
        }
    };
    told(desk, fact);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn inv_23_facts_are_stored_and_flagged_and_commands_keep_the_order(
        acts in proptest::collection::vec((0_u8..8, -40_i64..200), 1..12)
    ) {
        let (mut desk, session) = ready();
        start(&mut desk, &session).expect("started");
        desk.now = t("2026-08-02T09:00:00-07:00");
        for (n, (what, when)) in (0..).zip(acts) {
            let commanded = act(&mut desk, &session, n, (what, when));
            let s = desk.session(&session).clone();
            let slips = slipped(&s);
            for id in &slips {
                let flag = desk.episode.detected_issues.iter().find(|i| {
                    i.rule_id == "KAP-INV-23" && i.implicated.contains(id)
                });
                prop_assert!(flag.is_some(), "{id:?} is out of order and not flagged");
            }
            if what > 5 && commanded.is_ok() {
                let skew = i64::from(desk.policy.clock_skew_minutes);
                let at = minute(when + skew);
                let dosing = s.dosing.as_ref().expect("dosing");
                prop_assert!(s.start <= at && dosing.doses.iter().all(|d| d.at <= at));
            }
        }
    }
}

#[test]
fn inv_23_a_skew_is_flagged_low_and_more_refuses_the_command() {
    let (mut desk, session) = ready();
    start(&mut desk, &session).expect("started");
    desk.now = t("2026-08-01T13:00:00-07:00");
    told(&mut desk, given_dose(&session, 1, minute(20)));
    told(&mut desk, end_reading(&session, 1, minute(150)));
    let discharge = |at| Command::Discharge {
        session: session.clone(),
        body: leaves(at, true),
    };
    refused(
        desk.practice(discharge(minute(144))),
        Kind::Unprocessable,
        "KAP-INV-23",
    );
    desk.practice(discharge(minute(145)))
        .expect("within the skew");
    assert_eq!(
        desk.flag("KAP-INV-23").expect("flagged").severity,
        IssueSeverity::Low
    );
    let complete = |at: Instant| {
        let b = body(&json!({"by": "prac-ther-01", "at": at}));
        Command::CompleteSession {
            session: session.clone(),
            body: b,
        }
    };
    refused(
        desk.practice(complete(minute(140))),
        Kind::Unprocessable,
        "KAP-INV-23",
    );
    desk.practice(complete(minute(150))).expect("completed");
    let early = body(&json!({"end": minute(100)}));
    let early = Command::AmendSession {
        session: session.clone(),
        body: early,
    };
    refused(desk.practice(early), Kind::Unprocessable, "KAP-INV-23");
}

#[test]
fn inv_23_a_dose_of_the_day_before_is_stored_and_flagged() {
    let (mut desk, session) = ready();
    start(&mut desk, &session).expect("started");
    told(&mut desk, given_dose(&session, 1, minute(-60 * 30)));
    let flag = desk.flag("KAP-INV-23").expect("flagged");
    assert_eq!(
        (flag.severity, flag.code.code.as_str()),
        (IssueSeverity::Moderate, "TIME")
    );
}

#[test]
fn inv_14_the_end_of_a_session_is_a_fact_and_its_completion_a_gate() {
    let (mut desk, session) = ready();
    start(&mut desk, &session).expect("started");
    desk.now = t("2026-08-01T13:00:00-07:00");
    told(&mut desk, given_dose(&session, 1, minute(20)));
    let complete = || {
        let b = body(&json!({"by": "prac-ther-01"}));
        Command::CompleteSession {
            session: session.clone(),
            body: b,
        }
    };
    refused(desk.practice(complete()), Kind::Conflict, "KAP-INV-14");
    // A discharge that the gate would have refused is a fact when it comes as a record; completion still refuses.
    told(&mut desk, left(&session, leaves(minute(150), false)));
    let flag = desk.flag("KAP-INV-14").expect("flagged");
    assert_eq!(flag.severity, IssueSeverity::High);
    refused(desk.practice(complete()), Kind::Conflict, "KAP-INV-14");
    let end = finished(&mut desk, &session, minute(160));
    told(&mut desk, end);
    assert_eq!(desk.session(&session).status, SessionStatus::Completed);
}

#[test]
fn inv_14_a_session_that_ends_without_discharge_is_flagged_unless_it_comes_along() {
    for parts in [0, 1, 2] {
        let (mut desk, session) = ready();
        start(&mut desk, &session).expect("started");
        desk.now = t("2026-08-01T13:00:00-07:00");
        let end = finished(&mut desk, &session, minute(160));
        let (dose, discharge) = (
            given_dose(&session, 1, minute(20)),
            left(&session, leaves(minute(155), true)),
        );
        // All of one request, the end first; then in two requests; then never discharged.
        let take = |facts: Vec<Fact>, desk: &mut Desk| {
            desk.with(Side::Practice, |e, ctx| {
                facts.into_iter().try_for_each(|f| e.accept(f, ctx))
            })
            .expect("a fact is never refused");
        };
        match parts {
            0 => take(vec![end, dose, discharge], &mut desk),
            1 => {
                take(vec![end, dose], &mut desk);
                take(vec![discharge], &mut desk);
            }
            _ => take(vec![end, dose], &mut desk),
        }
        assert_eq!(desk.flag("KAP-INV-14").is_some(), parts > 0, "{parts}");
        // What the session came to is that a dose was given, and integration is owed.
        let outcome = desk
            .session(&session)
            .dosing
            .as_ref()
            .and_then(|d| d.outcome);
        assert_eq!(outcome, Some(crate::kap::dosing::DosingOutcome::Completed));
        assert!(
            desk.episode
                .follow_ups
                .iter()
                .any(|f| f.due_by == day("2026-08-04"))
        );
        assert!(desk.flag("KAP-INV-01").is_none(), "the session took place");
    }
}

#[test]
fn inv_14_the_last_reading_at_the_end_counts_beside_the_word_for_it() {
    let (mut desk, session) = ready();
    start(&mut desk, &session).expect("started");
    desk.now = t("2026-08-01T13:00:00-07:00");
    told(&mut desk, given_dose(&session, 1, minute(20)));
    let v = json!({"at": minute(140), "timing": "end-of-session", "source": "patient-home-device",
        "systolic": {"value": 178, "unit": "mm[Hg]"}, "diastolic": {"value": 80, "unit": "mm[Hg]"}});
    let v = Command::RecordVitals {
        session: session.clone(),
        body: body(&v),
    };
    desk.practice(v).expect("a fact");
    let discharge = |at| Command::Discharge {
        session: session.clone(),
        body: leaves(at, true),
    };
    refused(
        desk.practice(discharge(minute(141))),
        Kind::Conflict,
        "KAP-INV-14",
    );
    told(&mut desk, end_reading(&session, 1, minute(155)));
    desk.practice(discharge(minute(156)))
        .expect("within the parameters again");
}

#[test]
fn inv_10_a_session_without_its_readings_is_flagged() {
    for measured in [false, true] {
        let (mut desk, session) = ready();
        start(&mut desk, &session).expect("started");
        desk.now = t("2026-08-01T13:00:00-07:00");
        told(&mut desk, given_dose(&session, 1, minute(20)));
        if measured {
            told(&mut desk, end_reading(&session, 1, minute(150)));
        }
        told(&mut desk, left(&session, leaves(minute(155), true)));
        let b = body(&json!({"by": "prac-ther-01", "at": minute(160)}));
        let complete = Command::CompleteSession {
            session: session.clone(),
            body: b,
        };
        desk.practice(complete).expect("completed all the same");
        let flag = desk.flag("KAP-RULE-VITALS-MISSING");
        assert_eq!(flag.is_none(), measured);
    }
}
