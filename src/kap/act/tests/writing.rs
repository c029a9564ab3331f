//! Writing a record is no way around a rule; and what the walk along the reference's tables asks beside the invariants.

use super::*;
use crate::kap::consent::ConsentStatus;
use crate::kap::dosing::EncounterClass;
use crate::kap::safety::{IssueSeverity, IssueStatus};

fn accept(desk: &mut Desk, side: Side, fact: Fact) -> Result<()> {
    desk.with(side, |e, ctx| e.accept(fact, ctx))
}

/// The refusal's kind and rule.
fn why(result: Result<()>) -> (Kind, Option<String>) {
    let error = result.expect_err("refused");
    (error.kind, error.issues[0].rule.clone())
}

#[test]
fn a_finding_is_not_weakened_or_taken_back_by_writing_it() {
    let (mut desk, _) = ready();
    let m = json!({"text": "phenelzine", "status": "active", "class": "maoi"});
    desk.practice(Command::AddMedicine(body(&m)))
        .expect("stored");
    let found = desk.flag("KAP-RULE-MAOI").expect("flagged").clone();
    let same = desk.episode.clone();
    for weaker in [
        DetectedIssue {
            severity: IssueSeverity::Low,
            ..found.clone()
        },
        DetectedIssue {
            status: IssueStatus::EnteredInError,
            ..found.clone()
        },
        DetectedIssue {
            rule_id: "KAP-RULE-LAMO".into(),
            ..found.clone()
        },
        DetectedIssue {
            implicated: vec![],
            ..found.clone()
        },
        DetectedIssue {
            identified_at: t("2026-08-02T00:00:00Z"),
            ..found.clone()
        },
    ] {
        let said = why(accept(&mut desk, Side::Practice, Fact::Issue(weaker)));
        assert_eq!(said, (Kind::Conflict, Some("KAP-INV-20".into())));
    }
    assert_eq!(desk.episode, same);
    let graver = DetectedIssue {
        detail: Some("seen at intake".into()),
        ..found
    };
    accept(&mut desk, Side::Practice, Fact::Issue(graver)).expect("says no less");
}

#[test]
fn a_prescribers_word_is_the_prescribers_in_a_new_finding_too() {
    let (mut desk, _) = ready();
    let finding = |name: &str, by: &str| {
        Fact::Issue(body(
            &json!({"id": name, "ruleId": "KAP-RULE-HTN", "severity": "high", "status": "final",
            "code": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "COND"},
            "identifiedAt": NOW, "implicated": [], "mitigations": [{"at": NOW, "by": by, "action":
            {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "1"}}]}),
        ))
    };
    let forged = accept(&mut desk, Side::Practice, finding("f-1", "prac-pres-01"));
    assert_eq!(why(forged).0, Kind::Forbidden);
    accept(&mut desk, Side::Practice, finding("f-1", "prac-ther-01"))
        .expect("the therapist's own word");
    accept(&mut desk, Side::Partner, finding("f-2", "prac-pres-01"))
        .expect("the prescriber's own word");
    let waits = desk.partner(Command::DecideClearance(body(&course::clear())));
    let error = waits.expect_err("the first finding waits");
    assert_eq!(error.issues.len(), 1, "{error:?}");
}

#[test]
fn a_withdrawn_consent_is_not_taken_up_again() {
    let (mut desk, _) = ready();
    let given = desk
        .episode
        .consents
        .iter()
        .find(|c| c.id == id("con-0001"));
    let given = given.expect("a consent").clone();
    let back = Command::RevokeConsent {
        consent: given.id.clone(),
        body: step("patient", "no more"),
    };
    desk.practice(back).expect("withdrawn");
    let again = accept(&mut desk, Side::Practice, Fact::Consent(given.clone()));
    assert_eq!(why(again), (Kind::Conflict, Some("KAP-INV-31".into())));
    let anew = crate::kap::consent::Consent {
        id: id("con-new"),
        ..given
    };
    accept(&mut desk, Side::Practice, Fact::Consent(anew)).expect("a new one");
    let old = desk
        .episode
        .consents
        .iter()
        .find(|c| c.id == id("con-0001"));
    assert_eq!(old.expect("kept").status, ConsentStatus::Revoked);
}

#[test]
fn a_session_does_not_go_back_to_the_calendar() {
    let (mut desk, session) = ready();
    start(&mut desk, &session).expect("started");
    let mut planned = desk.session(&session).clone();
    planned.status = SessionStatus::Planned;
    let back = accept(&mut desk, Side::Practice, Fact::Session(planned));
    assert_eq!(why(back), (Kind::Conflict, Some("KAP-INV-01".into())));
}

#[test]
fn a_session_under_way_ends_after_the_episode_did() {
    let (mut desk, session) = ready();
    start(&mut desk, &session).expect("started");
    dose(&mut desk, &session, 200, "2026-08-01T09:59:00-07:00").expect("dosed");
    desk.practice(Command::Withdraw(step("patient", "enough")))
        .expect("never refused");
    desk.now = t("2026-08-01T12:30:00-07:00");
    let d = json!({"assessedAt": "2026-08-01T12:20:00-07:00", "orientedX4": true, "gaitSteady": true,
        "dissociationResolved": true, "suicidalityConcern": false, "vitalsWithinParameters": true,
        "responsibleAdultPresent": "rp-0001", "noDrivingUntil": "2026-08-02", "disposition": "home"});
    let out = Command::Discharge {
        session: session.clone(),
        body: body(&d),
    };
    desk.practice(out)
        .expect("the patient is still to be seen home");
    let end = body(&json!({"by": "prac-ther-01"}));
    desk.practice(Command::CompleteSession {
        session: session.clone(),
        body: end,
    })
    .expect("ended");
    let medical =
        |f: &&crate::kap::follow_up::FollowUp| f.is_open() && f.kind.code().starts_with("medical");
    assert_eq!(desk.episode.follow_ups.iter().filter(medical).count(), 0);
    let plan = json!({"type": "integration", "start": NOW, "setting": "remote", "encounterClass": "VR",
        "leadId": "prac-ther-01"});
    refused(
        desk.practice(Command::PlanSession(body(&plan))),
        Kind::Conflict,
        "KAP-INV-25",
    );
}

#[test]
fn the_steps_of_clinicians_are_not_taken_by_others() {
    let (mut desk, _) = ready();
    desk.practice(Command::Pause(step("prac-ther-01", "holiday")))
        .expect("paused");
    let mine = desk.practice(Command::Resume(step("patient", "")));
    refused(mine, Kind::Forbidden, "KAP-INV-21");
    desk.practice(Command::Resume(step("prac-ther-01", "")))
        .expect("resumed");
    let mine = desk.practice(Command::Discontinue(step("patient", "no effect")));
    refused(mine, Kind::Forbidden, "KAP-INV-21");
    desk.practice(Command::Discontinue(step("prac-ther-01", "no effect")))
        .expect("discontinued");
    // Ten lozenges are still in the house: flagged, and the ledger stays open for them.
    assert_eq!(
        desk.flag("KAP-RULE-INVENTORY").expect("flagged").severity,
        IssueSeverity::Moderate
    );
    let r = json!({"at": NOW, "reason": "returned", "units": 10, "mgPerUnit": 100, "by": "prac-ther-01"});
    desk.practice(Command::AdjustInventory(body(&r)))
        .expect("returned");
}

#[test]
fn inv_16_a_large_fill_is_flagged_and_the_first_is_small() {
    for (first, sessions, flagged) in [
        (true, 2, false),
        (true, 3, true),
        (false, 6, false),
        (false, 7, true),
    ] {
        let (mut desk, _) = ready();
        let mut fill = desk.episode.dispenses[1].clone();
        if first {
            desk.episode.dispenses.clear();
        }
        (fill.id, fill.sessions_supplied) = (Id::default(), Some(sessions));
        desk.run(Side::Pharmacy, Command::AddDispense(fill))
            .expect("a fill is a fact");
        assert_eq!(
            desk.flag("KAP-RULE-SUPPLY").is_some(),
            flagged,
            "{first} {sessions}"
        );
    }
}

#[test]
fn inv_06_a_dose_by_another_route_is_stored_and_flagged() {
    let (mut desk, session) = ready();
    start(&mut desk, &session).expect("started");
    let d = json!({"at": NOW, "kind": "initial", "status": "completed", "doseMg": 100, "units": 1,
        "route": {"system": "http://snomed.info/sct", "code": "78421000"}, "performer": "patient"});
    let d = Command::RecordDose {
        session: session.clone(),
        body: body(&d),
    };
    desk.practice(d).expect("a fact is never refused");
    assert_eq!(
        desk.flag("KAP-INV-06").expect("flagged").severity,
        IssueSeverity::High
    );
}

#[test]
fn a_virtual_session_is_remote_whatever_its_setting_says() {
    let (mut desk, session) = ready();
    desk.session(&session).setting = Setting::InPerson;
    desk.episode.clearances[0].settings_allowed = vec![Setting::InPerson];
    assert_eq!(
        desk.rules(&session),
        ["KAP-INV-02"],
        "a virtual one needs remote-home"
    );
    desk.session(&session).emergency_plan = None;
    assert!(desk.rules(&session).contains(&"KAP-INV-34"));
    desk.session(&session).encounter_class = EncounterClass::Ambulatory;
    assert_eq!(desk.rules(&session), Vec::<&str>::new());
}

#[test]
fn a_new_course_is_the_prescribers_and_under_a_clearance() {
    let (mut desk, session) = ready();
    let again = || Command::StartCourse(step("prac-pres-01", "relapse"));
    refused(desk.partner(again()), Kind::Conflict, "KAP-INV-01");
    let plan = desk.episode.treatment_plan.as_mut().expect("a plan");
    plan.maintenance = Some("a booster every three months".into());
    desk.practice(Command::Maintain(step("prac-ther-01", "well")))
        .expect("maintained");
    refused(desk.practice(again()), Kind::Forbidden, "KAP-INV-21");
    let end = desk.episode.clearances[0]
        .valid_until
        .replace(day("2026-07-31"));
    refused(desk.partner(again()), Kind::Conflict, "KAP-INV-02");
    desk.episode.clearances[0].valid_until = end;
    desk.partner(again()).expect("a new course");
    assert_eq!(desk.episode.phase, Phase::DosingActive);
    start(&mut desk, &session).expect("started");
}

#[test]
fn inv_31_a_disclosure_that_was_withdrawn_before_the_first_dose_holds() {
    let (mut desk, session) = ready();
    let privacy = |c: &&crate::kap::consent::Consent| c.kind.code() == "privacy-disclosure";
    let consent = desk
        .episode
        .consents
        .iter()
        .find(privacy)
        .expect("a consent")
        .clone();
    // Before the course began there is no phase that holds.
    desk.episode.phase = Phase::Preparation;
    let back = Command::RevokeConsent {
        consent: consent.id.clone(),
        body: step("patient", "no more"),
    };
    desk.practice(back).expect("withdrawn");
    assert_eq!(desk.episode.phase, Phase::Preparation);
    assert_eq!(desk.rules(&session), ["KAP-INV-31"]);
    let anew = crate::kap::consent::Consent {
        id: Id::default(),
        ..consent
    };
    desk.practice(Command::AddConsent(anew))
        .expect("given anew");
    assert_eq!(desk.rules(&session), Vec::<&str>::new());
}

#[test]
fn inv_15_a_medical_follow_up_is_the_partners_and_declining_it_is_not_holding_it() {
    let (mut desk, session) = ready();
    desk.episode.follow_ups[1].due_by = day("2026-07-10");
    let owed = desk.episode.follow_ups[1].clone();
    assert!(desk.rules(&session).contains(&"KAP-INV-15"));
    let held = || Command::CompleteFollowUp {
        follow_up: owed.id.clone(),
        body: body(&json!({})),
    };
    refused(desk.practice(held()), Kind::Forbidden, "KAP-INV-21");
    let mut later = owed.clone();
    later.due_by = day("2026-12-31");
    let moved = accept(&mut desk, Side::Practice, Fact::FollowUp(later));
    assert_eq!(why(moved).0, Kind::Forbidden);
    let no = Command::DeclineFollowUp {
        follow_up: owed.id.clone(),
        body: step("patient", "no time"),
    };
    desk.practice(no).expect("a fact");
    assert!(
        desk.rules(&session).contains(&"KAP-INV-15"),
        "it was not held"
    );
    let next = json!({"kind": "medical-quarterly", "anchor": "2026-08-01", "dueBy": "2026-10-30", "status": "open"});
    desk.partner(Command::AddFollowUp(body(&next)))
        .expect("agreed anew");
    assert_eq!(desk.rules(&session), Vec::<&str>::new());
}

#[test]
fn no_recipient_grants_itself_anything() {
    let (mut desk, _) = ready();
    let privacy = |c: &&crate::kap::consent::Consent| c.kind.code() == "privacy-disclosure";
    let mut consents = desk.episode.consents.iter();
    let consent = consents.find(privacy).expect("a consent").clone();
    let mut wider = consent.clone();
    wider.exceptions.clear();
    wider.root = Some(crate::kap::consent::RuleType::Permit);
    let refused = accept(&mut desk, Side::Partner, Fact::Consent(wider.clone()));
    assert_eq!(why(refused).0, Kind::Forbidden);
    wider.id = Id::default();
    let refused = desk.partner(Command::AddConsent(wider));
    assert_eq!(refused.expect_err("refused").kind, Kind::Forbidden);
    let back = Command::RevokeConsent {
        consent: consent.id,
        body: step("patient", "no more"),
    };
    desk.partner(back)
        .expect("a withdrawal counts, whoever was told");

    let own = &desk.episode.organizations.practice.id;
    let mut team = desk.episode.care_team.iter();
    let mut taken = team
        .find(|m| m.organization_id == *own)
        .expect("a therapist")
        .clone();
    taken.organization_id = desk.episode.organizations.partner.id.clone();
    let refused = accept(&mut desk, Side::Partner, Fact::Member(taken));
    assert_eq!(why(refused).0, Kind::Forbidden);
}
