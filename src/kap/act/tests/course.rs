//! The invariants of the course as a whole, by number.

use super::*;

#[test]
fn inv_15_overdue_follow_up_warns_then_holds() {
    let (mut desk, session) = ready();
    let last = desk.episode.follow_ups.last_mut().expect("quarterly");
    last.due_by = day("2026-07-25");
    assert!(desk.warned(&session, "KAP-INV-15"));
    blocked("KAP-INV-15", |d, _| {
        d.episode.follow_ups[1].due_by = day("2026-07-10");
    });
}

fn prescribe(
    desk: &mut Desk,
    change: impl FnOnce(&mut crate::kap::medication::Prescription),
) -> Result<Id> {
    let mut rx = desk.episode.prescriptions[1].clone();
    rx.id = Id::default();
    rx.authored_on = t(NOW);
    change(&mut rx);
    desk.partner(Command::AddPrescription(rx))
}

#[test]
fn inv_16_schedule_three_lasts_six_months() {
    let (mut desk, _) = ready();
    let long = prescribe(&mut desk, |rx| rx.valid_until = day("2027-02-02"));
    refused(long, Kind::Unprocessable, "KAP-INV-16");
    prescribe(&mut desk, |rx| rx.sessions_supplied = Some(7)).expect("flagged only");
    assert!(desk.flag("KAP-RULE-SUPPLY").is_some());
}

#[test]
fn inv_17_and_18_integration_and_baseline_warn_and_can_be_made_holds() {
    let (mut desk, session) = ready();
    desk.episode.sessions.retain(|s| s.id != id("ses-0010"));
    assert!(desk.warned(&session, "KAP-INV-17"));
    desk.policy
        .rules
        .insert("KAP-INV-17".into(), crate::kap::rules::Class::Hold);
    assert!(desk.rules(&session).contains(&"KAP-INV-17"));
    blocked("KAP-INV-18", |d, _| {
        d.episode
            .screenings
            .retain(|s| s.instrument != "C-SSRS-SCREEN");
    });
}

#[test]
fn inv_19_a_positive_answer_holds_until_reviewed() {
    let (mut desk, session) = ready();
    let o = json!({"instrument": "PHQ-9", "scoreCoding": {"system": "http://loinc.org", "code": "44261-6"},
        "at": NOW, "score": 9, "item9": 1});
    desk.practice(Command::AddOutcome(body(&o)))
        .expect("stored");
    assert!(desk.rules(&session).contains(&"KAP-INV-19"));
    let issue = desk.flag("KAP-RULE-SI-ITEM9").expect("flagged").id.clone();
    let m = json!({"action": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "2"},
        "at": NOW, "by": "prac-ther-01"});
    desk.practice(Command::MitigateIssue {
        issue,
        body: body(&m),
    })
    .expect("reviewed");
    assert!(!desk.rules(&session).contains(&"KAP-INV-19"));
    let s = json!({"instrument": "C-SSRS-SCREEN", "at": NOW, "items": [{"linkId": "/93249-1", "answer": true}]});
    desk.practice(Command::AddScreening(body(&s)))
        .expect("stored");
    assert_eq!(desk.episode.phase, Phase::DosingHold);
}

pub(super) fn clear() -> serde_json::Value {
    json!({"decision": "cleared", "decidedBy": "prac-pres-01", "validUntil": "2026-12-01",
        "settingsAllowed": ["remote-home"], "routesAllowed": ["sublingual"], "doseCeilingMgPerSession": 300})
}

#[test]
fn inv_20_high_findings_are_adjudicated_before_clearance() {
    let (mut desk, _) = ready();
    let m = json!({"text": "phenelzine", "status": "active", "class": "maoi"});
    desk.practice(Command::AddMedicine(body(&m)))
        .expect("stored");
    let decide = || Command::DecideClearance(body(&clear()));
    refused(desk.partner(decide()), Kind::Conflict, "KAP-INV-20");
    let issue = desk.flag("KAP-RULE-MAOI").expect("flagged").id.clone();
    let m = json!({"action": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "13"},
        "at": NOW, "by": "prac-pres-01"});
    desk.partner(Command::MitigateIssue {
        issue,
        body: body(&m),
    })
    .expect("adjudicated");
    desk.partner(decide()).expect("renewed");
}

#[test]
fn inv_21_only_a_partner_prescriber_clears() {
    let (mut desk, _) = ready();
    let decide = Command::DecideClearance(body(&clear()));
    refused(desk.practice(decide), Kind::Forbidden, "KAP-INV-21");
    let mut by_therapist = clear();
    by_therapist["decidedBy"] = "prac-ther-01".into();
    let decide = Command::DecideClearance(body(&by_therapist));
    refused(desk.partner(decide), Kind::Forbidden, "KAP-INV-21");
    let mut gaps = clear();
    gaps["validUntil"] = serde_json::Value::Null;
    gaps["routesAllowed"] = json!([]);
    let error = desk
        .partner(Command::DecideClearance(body(&gaps)))
        .expect_err("gaps");
    let at: Vec<_> = error
        .issues
        .iter()
        .filter_map(|i| i.at.as_deref())
        .collect();
    assert_eq!(at, ["/validUntil", "/routesAllowed"]);
}

#[test]
fn inv_22_30_33_34_presence_product_place_and_plan() {
    blocked("KAP-INV-22", |d, s| d.session(s).therapist_presence = None);
    blocked("KAP-INV-30", |d, _| {
        d.episode.prescriptions[1].drug.code = "2119365".into();
    });
    blocked("KAP-INV-33", |d, s| d.session(s).patient_location = None);
    blocked("KAP-INV-34", |d, s| d.session(s).emergency_plan = None);
}

#[test]
fn inv_23_the_future_is_refused_and_a_skew_is_not() {
    let (mut desk, session) = ready();
    let late = dose(&mut desk, &session, 100, "2026-08-01T10:03:01-07:00");
    refused(late, Kind::Unprocessable, "KAP-INV-23");
    dose(&mut desk, &session, 100, "2026-08-01T10:03:00-07:00").expect("within the skew");
}

#[test]
fn inv_24_and_25_completion_settles_and_ends() {
    let (mut desk, _) = ready();
    let done = || Command::Complete(body(&json!({"by": "prac-ther-01"})));
    refused(desk.practice(done()), Kind::Conflict, "KAP-INV-24");
    settle(&mut desk);
    desk.practice(done()).expect("completed");
    let after = desk.practice(Command::Pause(step("prac-ther-01", "late")));
    refused(after, Kind::Conflict, "KAP-INV-25");
    let fix = json!({"by": "prac-ther-01", "witnessId": "prac-pres-01", "reason": "wrong person"});
    desk.practice(Command::Correct(body(&fix)))
        .expect("corrected by two");
}

#[test]
fn inv_26_an_event_holds_until_a_prescriber_releases() {
    let (mut desk, session) = ready();
    let e = json!({"occurredAt": NOW, "recordedAt": NOW, "actuality": "actual", "seriousness": "non-serious",
        "severity": "moderate", "outcome": "resolved", "reportedBy": "prac-ther-01",
        "events": [{"system": "http://snomed.info/sct", "code": "422400008"}]});
    desk.practice(Command::ReportAdverseEvent(body(&e)))
        .expect("stored");
    assert_eq!(desk.episode.phase, Phase::DosingHold);
    assert!(desk.rules(&session).contains(&"KAP-INV-26"));
    let back = desk.practice(Command::Resume(step("prac-ther-01", "fine")));
    refused(back, Kind::Conflict, "KAP-INV-26");
    desk.partner(Command::Release(step("prac-pres-01", "reviewed")))
        .expect("released");
    assert_eq!(desk.episode.phase, Phase::DosingActive);
}

#[test]
fn inv_27_private_intentions_have_no_place() {
    let (mut desk, _) = ready();
    let i = json!({"text": "x", "expressedBy": "patient", "category": "intention", "sharing": "practice-only"});
    let command = Command::AddIntention(body(&i));
    refused(desk.practice(command), Kind::Unprocessable, "KAP-INV-27");
    let notes = json!({"onsetMinutes": 5, "experienceType": "x"}).to_string();
    assert!(serde_json::from_str::<crate::kap::dosing::Effects>(&notes).is_err());
}

#[test]
fn inv_28_holds_are_acknowledged() {
    let (mut desk, session) = ready();
    desk.episode.clearances[0].conditions.clear();
    assert!(!desk.warned(&session, "KAP-INV-28"));
    let dosing = desk.session(&session).dosing.as_mut().expect("dosing");
    dosing
        .pre_dose_checklist
        .as_mut()
        .expect("a list")
        .medications_reviewed = None;
    assert!(desk.warned(&session, "KAP-INV-28"));
}

#[test]
fn inv_29_pregnancy_is_asked_before_an_evaluation_closes() {
    let mut desk = Desk::of(2, "2026-05-15T12:00:00-07:00");
    let plan = json!({"type": "medical-evaluation", "start": "2026-05-15T11:00:00-07:00", "setting": "remote",
        "encounterClass": "VR", "leadId": "prac-md-02"});
    let session = desk
        .partner(Command::PlanSession(body(&plan)))
        .expect("planned");
    let go = body(&json!({"by": "prac-md-02"}));
    desk.partner(Command::StartSession {
        session: session.clone(),
        body: go,
    })
    .expect("started");
    let end = body(&json!({"by": "prac-md-02"}));
    desk.partner(Command::CompleteSession {
        session: session.clone(),
        body: end,
    })
    .expect("ended");
    assert!(desk.flag("KAP-RULE-PREG").is_some());
    assert_eq!(desk.session(&session).status, SessionStatus::Completed);
    let due = desk
        .episode
        .follow_ups
        .iter()
        .find(|f| f.anchor == day("2026-05-15"));
    assert_eq!(due.expect("owed").due_by, day("2026-06-14"));
}

#[test]
fn inv_31_a_withdrawn_consent_holds() {
    let (mut desk, session) = ready();
    let back = Command::RevokeConsent {
        consent: id("con-0001"),
        body: step("patient", "no more"),
    };
    desk.practice(back).expect("withdrawn");
    assert_eq!(desk.episode.phase, Phase::DosingHold);
    assert!(desk.rules(&session).contains(&"KAP-INV-04"));
    let before = t("2026-07-18T10:00:00-07:00");
    let kind = crate::kap::consent::ConsentKind::Treatment;
    assert!(
        desk.episode.consent(kind, before).is_some(),
        "late entry is judged at its own time"
    );
}

#[test]
fn inv_32_the_programme_check_is_flagged_when_missing() {
    let (mut desk, _) = ready();
    prescribe(&mut desk, |rx| rx.pdmp_checked_at = None).expect("recorded");
    assert!(desk.flag("KAP-INV-32").is_some());
}

#[test]
fn a_body_with_an_id_is_refused() {
    let (mut desk, _) = ready();
    let mut problem = desk.episode.problems[0].clone();
    let error = desk
        .practice(Command::AddProblem(problem.clone()))
        .expect_err("an id");
    assert_eq!(
        (error.kind, error.issues[0].at.as_deref()),
        (Kind::Invalid, Some("/id"))
    );
    problem.id = Id::default();
    desk.practice(Command::AddProblem(problem)).expect("named");
}

#[test]
fn a_record_obeys_the_same_rules_as_its_command() {
    let (mut desk, session) = ready();
    let mut clearance = desk.episode.clearances[0].clone();
    clearance.id = id("clr-from-outside");
    clearance.decided_at = t(NOW);
    let fact = Fact::Clearance(clearance);
    let take = |side, desk: &mut Desk| desk.with(side, |e, ctx| e.accept(fact.clone(), ctx));
    assert_eq!(
        take(Side::Practice, &mut desk)
            .expect_err("not theirs")
            .kind,
        Kind::Forbidden
    );
    take(Side::Partner, &mut desk).expect("renewed");
    take(Side::Partner, &mut desk).expect("the same record again is no news");
    assert_eq!(desk.episode.clearances.len(), 2);

    desk.session(&session).patient_location = None;
    let mut started = desk.session(&session).clone();
    started.status = SessionStatus::InProgress;
    let fact = Fact::Session(started);
    let gate = desk.with(Side::Practice, |e, ctx| e.accept(fact, ctx));
    assert_eq!(gate.expect_err("the same gate").kind, Kind::Conflict);
    assert_eq!(desk.session(&session).status, SessionStatus::Planned);
}
