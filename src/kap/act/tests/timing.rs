//! What follows from when a session was held, or that it was not.

use super::*;
use crate::kap::follow_up::{FollowUpKind, FollowUpStatus};

fn plan(desk: &mut Desk, kind: &str, start: &str, of: Option<&str>) -> Id {
    let mut b = json!({"type": kind, "start": start, "setting": "remote", "encounterClass": "VR",
        "leadId": "prac-ther-01"});
    if let Some(of) = of {
        b["integratesSessionId"] = json!(of);
    }
    desk.practice(Command::PlanSession(body(&b)))
        .expect("planned")
}

fn hold(desk: &mut Desk, session: &Id, start: &str, end: &str) {
    let at = |at: &str| json!({"at": at, "by": "prac-ther-01"});
    desk.practice(Command::StartSession {
        session: session.clone(),
        body: body(&at(start)),
    })
    .expect("started");
    desk.practice(Command::CompleteSession {
        session: session.clone(),
        body: body(&at(end)),
    })
    .expect("completed");
}

#[test]
fn a_late_integration_is_flagged_and_one_in_time_is_not() {
    for (start, end, late) in [
        (
            "2026-07-21T10:03:00-07:00",
            "2026-07-21T11:00:00-07:00",
            false,
        ),
        (
            "2026-07-21T10:04:00-07:00",
            "2026-07-21T11:00:00-07:00",
            true,
        ),
    ] {
        let mut desk = Desk::of(1, NOW);
        desk.episode.sessions.retain(|s| s.id != id("ses-0010"));
        let session = plan(&mut desk, "integration", start, Some("ses-0009"));
        hold(&mut desk, &session, start, end);
        assert_eq!(desk.flag("KAP-RULE-INTEGRATION").is_some(), late, "{start}");
        let derived = desk.episode.derived(desk.now, &desk.policy);
        let timing = derived.integrations.last().expect("an integration");
        assert_eq!(timing.within_target_window, !late);
    }
}

#[test]
fn a_session_that_was_cancelled_is_not_counted() {
    let (mut desk, session) = ready();
    let sequence = |desk: &mut Desk, id: &Id| desk.session(id).dosing.as_ref().map(|d| d.sequence);
    assert_eq!(sequence(&mut desk, &session), Some(4));
    desk.practice(Command::CancelSession {
        session: session.clone(),
        body: step("patient", "ill"),
    })
    .expect("cancelled");
    let b = json!({"type": "dosing", "start": "2026-08-02T09:45:00-07:00", "setting": "remote-home",
        "encounterClass": "VR", "leadId": "prac-ther-01",
        "dosing": {"doseLevel": "moderate", "plannedDoseMg": 200}});
    let next = desk
        .practice(Command::PlanSession(body(&b)))
        .expect("planned");
    assert_eq!(sequence(&mut desk, &next), Some(4));
}

#[test]
fn a_parting_that_was_not_agreed_ahead_counts() {
    let mut desk = Desk::of(1, NOW);
    let at = "2026-07-31T10:00:00-07:00";
    let session = plan(&mut desk, "discharge-follow-up", at, None);
    hold(&mut desk, &session, at, "2026-07-31T10:50:00-07:00");
    let parting = desk.episode.follow_ups.last().expect("a follow-up");
    assert_eq!(parting.kind, FollowUpKind::DischargeSession);
    assert_eq!(parting.status, FollowUpStatus::Done);
    assert_eq!(parting.done_session_id, Some(session));
}

#[test]
fn medical_follow_ups_end_with_the_episode() {
    let mut desk = Desk::of(1, NOW);
    desk.practice(Command::Withdraw(step("patient", "enough")))
        .expect("never refused");
    let open: Vec<_> = desk
        .episode
        .follow_ups
        .iter()
        .filter(|f| f.is_open())
        .map(|f| f.kind)
        .collect();
    assert_eq!(open, [FollowUpKind::SafetyCheck]);
}

#[test]
fn a_finding_is_as_sensitive_as_the_problem_that_raised_it() {
    let mut desk = Desk::of(3, "2026-06-15T09:00:00-07:00");
    desk.episode.detected_issues.clear();
    let problem = desk.episode.problems[1].clone();
    desk.practice(Command::AddProblem(crate::kap::consultation::Problem {
        id: Id::default(),
        ..problem
    }))
    .expect("stored");
    let flag = desk.flag("KAP-RULE-SUD").expect("flagged");
    assert_eq!(flag.sensitivity, ["SUD", "ETH", "ADOL"]);
}
