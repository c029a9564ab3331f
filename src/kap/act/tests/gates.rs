//! The invariants that gate a dosing session, by number.

use super::*;

#[test]
fn a_ready_session_starts_and_ends() {
    let (mut desk, session) = ready();
    start(&mut desk, &session).expect("started");
    dose(&mut desk, &session, 200, "2026-08-01T09:59:00-07:00").expect("dosed");
    desk.now = t("2026-08-01T12:30:00-07:00");
    let v = json!({"at": "2026-08-01T12:15:00-07:00", "timing": "end-of-session", "source": "patient-home-device",
        "systolic": {"value": 124, "unit": "mm[Hg]"}, "diastolic": {"value": 80, "unit": "mm[Hg]"}});
    let v = Command::RecordVitals {
        session: session.clone(),
        body: body(&v),
    };
    desk.practice(v).expect("measured");
    let d = json!({"assessedAt": "2026-08-01T12:20:00-07:00", "orientedX4": true, "gaitSteady": true,
        "dissociationResolved": true, "suicidalityConcern": false, "vitalsWithinParameters": true,
        "responsibleAdultPresent": "rp-0001", "noDrivingUntil": "2026-08-02", "disposition": "home"});
    let out = Command::Discharge {
        session: session.clone(),
        body: body(&d),
    };
    desk.practice(out).expect("discharged");
    let end = body(&json!({"by": "prac-ther-01"}));
    desk.practice(Command::CompleteSession {
        session: session.clone(),
        body: end,
    })
    .expect("ended");
    assert_eq!(desk.episode.dosing_done(), 4);
    assert_eq!(desk.episode.ledger(desk.now).remaining(), Decimal::from(8));
    assert!(
        desk.episode
            .follow_ups
            .iter()
            .any(|f| f.due_by == day("2026-08-04"))
    );
    assert_eq!(desk.episode.detected_issues.len(), 2, "nothing to flag");
}

#[test]
fn inv_01_phases_move_along_the_machine() {
    let mut desk = Desk::of(3, "2026-06-15T09:00:00-07:00");
    let go = desk.practice(Command::StartConsultation(step("prac-ther-01", "")));
    refused(go, Kind::Conflict, "KAP-INV-01");
    assert!(!Phase::Deferred.may_become(Phase::Preparation));
    assert!(
        Phase::ALL
            .iter()
            .all(|p| !Phase::Withdrawn.may_become(*p) || *p == Phase::EnteredInError)
    );
    let mut header = desk.episode.header();
    header.phase = Phase::Cleared;
    let wrote = desk.with(Side::Practice, |e, ctx| e.accept(Fact::Header(header), ctx));
    assert_eq!(wrote.expect_err("by hand").kind, Kind::Conflict);
}

#[test]
fn inv_02_an_active_clearance_covers_day_setting_and_route() {
    blocked("KAP-INV-02", |d, _| {
        d.episode.clearances[0].valid_until = Some(day("2026-07-31"));
    });
    blocked("KAP-INV-02", |d, _| {
        d.episode.clearances[0].settings_allowed = vec![Setting::InPerson];
    });
    blocked("KAP-INV-02", |d, _| {
        d.episode.clearances[0].routes_allowed.clear();
    });
    blocked("KAP-INV-02", |d, _| {
        d.episode.clearances[0].revoked_at = Some(t("2026-07-30T09:00:00Z"));
    });
}

#[test]
fn inv_03_conditions_are_met() {
    blocked("KAP-INV-03", |d, _| {
        d.episode.clearances[0].conditions[1].satisfied_at = None;
    });
    blocked("KAP-INV-03", |d, s| {
        let list = d
            .session(s)
            .dosing
            .as_mut()
            .expect("dosing")
            .pre_dose_checklist
            .as_mut();
        list.expect("a list").holds_followed.clear();
    });
}

#[test]
fn inv_04_treatment_consent_covers_the_topics() {
    blocked("KAP-INV-04", |d, _| {
        d.episode.consents.retain(|c| c.id != id("con-0001"));
    });
    blocked("KAP-INV-04", |d, _| {
        let consent = d
            .episode
            .consents
            .iter_mut()
            .find(|c| c.id == id("con-0001"));
        consent
            .expect("a consent")
            .topics
            .retain(|x| x != "off-label-use");
    });
}

#[test]
fn inv_05_remote_needs_telehealth_consent() {
    blocked("KAP-INV-05", |d, _| {
        d.episode.consents.retain(|c| c.id != id("con-0002"));
    });
}

#[test]
fn inv_06_prescription_and_units() {
    blocked("KAP-INV-06", |d, _| {
        d.episode.prescriptions[1].valid_until = day("2026-07-31");
    });
    blocked("KAP-INV-06", |d, _| d.episode.dispenses.clear());
}

#[test]
fn inv_07_planned_dose_within_maximum_and_a_larger_one_is_stored() {
    blocked("KAP-INV-07", |d, s| {
        d.session(s)
            .dosing
            .as_mut()
            .expect("dosing")
            .planned_dose_mg = Decimal::from(400);
    });
    let (mut desk, session) = ready();
    start(&mut desk, &session).expect("started");
    dose(&mut desk, &session, 400, NOW).expect("a fact is never refused");
    assert_eq!(desk.flag("KAP-INV-07").expect("flagged").code.code, "DOSEH");
}

#[test]
fn inv_08_interval_and_cap_unless_a_prescriber_overrides() {
    let soon = |d: &mut Desk, _: &Id| d.episode.clearances[0].min_days_between_sessions = Some(21);
    blocked("KAP-INV-08", soon);
    let (mut desk, session) = ready();
    soon(&mut desk, &session);
    let by = json!({"by": "prac-pres-01", "at": NOW, "reason": "relapse"});
    let command = || Command::OverrideInterval {
        session: session.clone(),
        body: body(&by),
    };
    refused(desk.practice(command()), Kind::Forbidden, "KAP-INV-21");
    desk.partner(command()).expect("overridden");
    assert!(!desk.rules(&session).contains(&"KAP-INV-08"));
}

#[test]
fn inv_09_the_ledger_stays_above_zero_and_counts_may_differ() {
    let (mut desk, session) = ready();
    let entry = |reason: &str, units: i64| {
        body(
            &json!({"at": NOW, "reason": reason, "units": units, "mgPerUnit": 100, "by": "prac-ther-01",
            "witnessId": "prac-pres-01", "note": "by two"}),
        )
    };
    let lost = desk.practice(Command::AdjustInventory(entry("lost", 11)));
    refused(lost, Kind::Conflict, "KAP-INV-09");
    desk.practice(Command::CountInventory(entry("counted", 10)))
        .expect("counted");
    assert!(desk.flag("KAP-RULE-INVENTORY").is_none());
    desk.practice(Command::CountInventory(entry("counted", 9)))
        .expect("counted");
    assert!(desk.flag("KAP-RULE-INVENTORY").is_some());
    dose(&mut desk, &session, 1200, NOW).expect("a fact");
    assert!(desk.episode.ledger(desk.now).remaining() < Decimal::ZERO);
}

#[test]
fn inv_10_pre_dose_vitals_are_recent() {
    blocked("KAP-INV-10", |d, _| d.now = t("2026-08-01T10:28:00-07:00"));
    let (mut desk, session) = ready();
    let v = json!({"at": NOW, "timing": "pre-dose", "systolic": {"value": 16, "unit": "kPa"}, "source": "caregiver"});
    let error = desk
        .practice(Command::RecordVitals {
            session,
            body: body(&v),
        })
        .expect_err("a unit");
    assert_eq!(error.issues[0].at.as_deref(), Some("/systolic/unit"));
}

#[test]
fn inv_11_out_of_range_holds_and_the_third_time_the_episode() {
    let high = |d: &mut Desk, s: &Id| measure(d, s, 158, NOW).map(drop).expect("a fact");
    blocked("KAP-INV-11", high);
    let (mut desk, session) = ready();
    for minute in ["09:58:01", "09:58:02"] {
        measure(
            &mut desk,
            &session,
            158,
            &format!("2026-08-01T{minute}-07:00"),
        )
        .expect("a fact");
        assert_eq!(desk.episode.phase, Phase::DosingActive);
    }
    measure(&mut desk, &session, 152, "2026-08-01T09:58:03-07:00").expect("a fact");
    assert_eq!(desk.episode.phase, Phase::DosingHold);
    assert!(desk.flag("KAP-RULE-BP-PREDOSE").is_some());
}

#[test]
fn inv_12_a_minor_needs_guardian_and_assent() {
    let desk = Desk::of(3, "2026-06-15T09:00:00-07:00");
    let mut desk = desk;
    let plan = json!({"type": "dosing", "start": "2026-06-20T09:45:00-07:00", "setting": "in-person",
        "encounterClass": "AMB", "leadId": "prac-ther-01", "dosing": {"doseLevel": "psycholytic", "plannedDoseMg": 50}});
    let session = desk
        .practice(Command::PlanSession(body(&plan)))
        .expect("planned");
    let readiness = desk
        .episode
        .readiness(&session, desk.now, &desk.policy)
        .expect("an answer");
    let said: Vec<String> = readiness
        .blocking_reasons
        .iter()
        .map(|r| format!("{} {}", r.rule, r.text))
        .collect();
    let derived = desk
        .episode
        .derived(desk.now, &desk.policy)
        .blocking_reasons;
    assert_eq!(derived.len(), 4);
    assert!(derived.iter().all(|r| said.contains(r)), "{said:?}");
}

#[test]
fn inv_13_chaperone_with_a_phone() {
    blocked("KAP-INV-13", |d, _| {
        d.episode.related_persons[0].telecom.clear();
    });
    blocked("KAP-INV-13", |d, _| {
        d.episode.related_persons[0].is_adult = Some(false);
    });
}

#[test]
fn inv_14_discharge_meets_its_criteria() {
    let (mut desk, session) = ready();
    let d = json!({"assessedAt": NOW, "orientedX4": true, "gaitSteady": false, "dissociationResolved": true,
        "suicidalityConcern": false, "vitalsWithinParameters": true, "responsibleAdultPresent": "rp-0001",
        "disposition": "home"});
    let mut out: crate::kap::dosing::Discharge = body(&d);
    let command = |b: &crate::kap::dosing::Discharge| Command::Discharge {
        session: session.clone(),
        body: b.clone(),
    };
    refused(desk.practice(command(&out)), Kind::Conflict, "KAP-INV-14");
    out.exception = Some(body(
        &json!({"by": "prac-pres-01", "reason": "walks with a stick"}),
    ));
    desk.practice(command(&out))
        .expect("excused by a medical role");
}
