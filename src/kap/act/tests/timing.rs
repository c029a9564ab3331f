//! What follows from when a session was held, or that it was not.

use super::*;
use crate::kap::follow_up::{FollowUpKind, FollowUpStatus};
use crate::kap::safety::IssueSeverity;
use crate::kap::worklist::Urgency;

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

/// How pressing the integration of the dose of 18 July, 10:03, is at `at`.
fn integration_at(desk: &Desk, at: &str) -> Urgency {
    let list = desk.episode.worklist(t(at), &desk.policy);
    let mut owed = list.iter().filter(|i| i.what == "integration-72h");
    let (item, more) = (owed.next().expect("owed"), owed.next());
    assert_eq!(more, None, "once");
    item.urgency
}

#[test]
fn inv_17_integration_is_reminded_of_then_overdue_then_escalated() {
    let owed = json!({"kind": "integration-72h", "anchor": "2026-07-18", "dueBy": "2026-07-21", "status": "open"});
    for on_record in [false, true] {
        let mut desk = Desk::of(1, NOW);
        desk.episode.sessions.retain(|s| s.id != id("ses-0010"));
        if on_record {
            desk.practice(Command::AddFollowUp(body(&owed)))
                .expect("noted");
        }
        for (at, urgency) in [
            ("2026-07-20T10:02:59-07:00", Urgency::Upcoming),
            ("2026-07-20T10:03:00-07:00", Urgency::Due),
            ("2026-07-21T10:02:59-07:00", Urgency::Due),
            ("2026-07-21T10:03:00-07:00", Urgency::Overdue),
            ("2026-08-01T10:02:59-07:00", Urgency::Overdue),
            ("2026-08-01T10:03:00-07:00", Urgency::Escalated),
        ] {
            assert_eq!(integration_at(&desk, at), urgency, "{at}");
            let derived = desk.episode.derived(t(at), &desk.policy);
            let told = |f: &String| f.starts_with("KAP-RULE-INTEGRATION");
            let overdue = on_record && urgency >= Urgency::Overdue;
            assert_eq!(derived.open_flags.iter().any(told), overdue, "{at}");
        }
    }
}

#[test]
fn inv_17_dosing_without_integration_is_graver_after_the_escalation() {
    for (now, severity) in [
        (NOW, IssueSeverity::Moderate),
        ("2026-08-01T10:03:00-07:00", IssueSeverity::High),
    ] {
        for commanded in [true, false] {
            let (mut desk, session) = ready();
            desk.episode.sessions.retain(|s| s.id != id("ses-0010"));
            desk.now = t(now);
            if commanded {
                start(&mut desk, &session).expect("a warning stops nobody");
            } else {
                dose(&mut desk, &session, 200, now).expect("a fact is never refused");
            }
            let flag = desk.flag("KAP-RULE-INTEGRATION").expect("flagged");
            assert_eq!(flag.severity, severity, "{now}");
        }
    }
}

#[test]
fn inv_15_a_follow_up_that_holds_dosing_is_escalated() {
    let (mut desk, session) = ready();
    let pressing = |desk: &Desk| {
        let list = desk.episode.worklist(desk.now, &desk.policy);
        let item = list.iter().find(|i| i.what == "medical-quarterly");
        item.expect("owed").urgency
    };
    for (due, urgency) in [
        ("2026-08-02", Urgency::Upcoming),
        ("2026-08-01", Urgency::Due),
        ("2026-07-31", Urgency::Overdue),
        ("2026-07-18", Urgency::Overdue),
        ("2026-07-17", Urgency::Escalated),
    ] {
        desk.episode.follow_ups[1].due_by = day(due);
        assert_eq!(pressing(&desk), urgency, "{due}");
        let held = desk.rules(&session).contains(&"KAP-INV-15");
        assert_eq!(held, urgency == Urgency::Escalated, "{due}");
    }
}
