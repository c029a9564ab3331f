//! Each invariant by its number, on the sample episodes; and random sequences of commands.

use std::cell::Cell;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::kap::dosing::{SessionStatus, Setting};
use crate::kap::lift::lift;
use crate::kap::safety::DetectedIssue;
use crate::kap::{Day, Decimal};

const NOW: &str = "2026-08-01T09:58:00-07:00";

fn t(text: &str) -> Instant {
    text.parse().expect("an instant")
}

fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

fn id(text: &str) -> Id {
    Id::new(text).expect("an id")
}

fn body<T: serde::de::DeserializeOwned>(value: &serde_json::Value) -> T {
    serde_json::from_str(&value.to_string()).expect("a body")
}

/// An episode on a desk: who asks, and when.
struct Desk {
    episode: Episode,
    policy: Policy,
    now: Instant,
    count: Cell<u32>,
}

impl Desk {
    fn of(sample: usize, now: &str) -> Self {
        let files = [
            include_str!("../../../tests/samples/01-adult-trd-remote-lozenge.json"),
            include_str!("../../../tests/samples/02-adult-ptsd-inperson-im-hold-ae.json"),
            include_str!("../../../tests/samples/03-adolescent-deferred.json"),
        ];
        Self {
            episode: lift(files[sample - 1]).expect("a sample").episode,
            policy: Policy::shipped(),
            now: t(now),
            count: Cell::new(0),
        }
    }

    fn with<T>(&mut self, side: Side, act: impl FnOnce(&mut Episode, &Context) -> T) -> T {
        let organization = match side {
            Side::Partner => "org-partner-01",
            Side::Pharmacy => "org-pharmacy-01",
            _ => "org-practice-01",
        };
        let actor = Actor {
            organization: id(organization),
            side,
            prescriber: side == Side::Partner,
            admin: side == Side::Practice,
        };
        self.count.set(self.count.get() + 1);
        let n = self.count.get();
        let ids = move |name: &str| id(&format!("{name}-{n}"));
        let ctx = Context {
            now: self.now,
            policy: &self.policy,
            actor: &actor,
            ids: &ids,
        };
        act(&mut self.episode, &ctx)
    }

    fn run(&mut self, side: Side, command: Command) -> Result<Id> {
        self.with(side, |e, ctx| e.apply(command, ctx))
    }

    fn practice(&mut self, command: Command) -> Result<Id> {
        self.run(Side::Practice, command)
    }

    fn partner(&mut self, command: Command) -> Result<Id> {
        self.run(Side::Partner, command)
    }

    fn rules(&self, session: &Id) -> Vec<&'static str> {
        let readiness = self.episode.readiness(session, self.now, &self.policy);
        let reasons = readiness.expect("a dosing session").blocking_reasons;
        reasons.iter().map(|r| r.rule).collect()
    }

    fn warned(&self, session: &Id, rule: &str) -> bool {
        let readiness = self.episode.readiness(session, self.now, &self.policy);
        readiness
            .expect("a dosing session")
            .warnings
            .iter()
            .any(|w| w.rule == rule)
    }

    fn flag(&self, rule: &str) -> Option<&DetectedIssue> {
        self.episode
            .detected_issues
            .iter()
            .rev()
            .find(|i| i.rule_id == rule)
    }

    fn session(&mut self, session: &Id) -> &mut crate::kap::dosing::Session {
        self.episode.session_mut(session).expect("a session")
    }
}

fn step(by: &str, reason: &str) -> Step {
    body(&json!({"by": by, "reason": reason}))
}

fn refused(result: Result<Id>, kind: Kind, rule: &str) {
    let error = result.expect_err(rule);
    assert_eq!(error.kind, kind, "{error:?}");
    assert!(
        error.issues.iter().any(|i| i.rule.as_deref() == Some(rule)),
        "{error:?}"
    );
}

/// Sample 1 with its fourth dosing session planned, checked and measured.
fn ready() -> (Desk, Id) {
    let mut desk = Desk::of(1, NOW);
    let plan = json!({"type": "dosing", "start": "2026-08-01T09:45:00-07:00", "setting": "remote-home",
        "encounterClass": "VR", "leadId": "prac-ther-01", "patientLocation": {"addressRef": "patient.address"},
        "therapistPresence": {"mode": "video"},
        "emergencyPlan": {"contactId": "rp-0001", "addressRef": "patient.address", "localEmergencyNumber": "911"},
        "dosing": {"doseLevel": "moderate", "plannedDoseMg": 200, "prescriptionId": "rx-0002"}});
    let session = desk
        .practice(Command::PlanSession(body(&plan)))
        .expect("planned");
    let list = json!({"completedAt": "2026-08-01T09:55:00-07:00", "medicationsReviewed": true,
        "holdsFollowed": [{"conditionId": "cc-1", "followed": true}], "lozengesOnHand": 10,
        "chaperone": {"relatedPersonId": "rp-0001", "presentAt": "2026-08-01T09:50:00-07:00", "phoneVerified": true},
        "transport": {"arranged": true}});
    let list = Command::RecordChecklist {
        session: session.clone(),
        body: body(&list),
    };
    desk.practice(list).expect("checked");
    measure(&mut desk, &session, 122, "2026-08-01T09:57:00-07:00").expect("measured");
    assert_eq!(desk.rules(&session), Vec::<&str>::new());
    (desk, session)
}

fn measure(desk: &mut Desk, session: &Id, systolic: i64, at: &str) -> Result<Id> {
    let v = json!({"at": at, "timing": "pre-dose", "systolic": {"value": systolic, "unit": "mm[Hg]"},
        "diastolic": {"value": 79, "unit": "mm[Hg]"}, "heartRate": {"value": 70, "unit": "/min"},
        "source": "patient-home-device"});
    desk.practice(Command::RecordVitals {
        session: session.clone(),
        body: body(&v),
    })
}

fn dose(desk: &mut Desk, session: &Id, mg: i64, at: &str) -> Result<Id> {
    let d = json!({"at": at, "kind": "initial", "status": "completed", "doseMg": mg, "units": mg / 100,
        "route": {"system": "http://snomed.info/sct", "code": "37839007"}, "performer": "patient"});
    desk.practice(Command::RecordDose {
        session: session.clone(),
        body: body(&d),
    })
}

fn start(desk: &mut Desk, session: &Id) -> Result<Id> {
    let b = body(&json!({"by": "prac-ther-01"}));
    desk.practice(Command::StartSession {
        session: session.clone(),
        body: b,
    })
}

/// With `change` the session is blocked by `rule`, and its start refused.
fn blocked(rule: &str, change: impl FnOnce(&mut Desk, &Id)) {
    let (mut desk, session) = ready();
    change(&mut desk, &session);
    assert!(
        desk.rules(&session).contains(&rule),
        "{:?}",
        desk.rules(&session)
    );
    let before = desk.episode.clone();
    refused(start(&mut desk, &session), Kind::Conflict, rule);
    assert_eq!(desk.episode, before, "a refused command changes nothing");
}

#[test]
fn a_ready_session_starts_and_ends() {
    let (mut desk, session) = ready();
    start(&mut desk, &session).expect("started");
    dose(&mut desk, &session, 200, "2026-08-01T09:59:00-07:00").expect("dosed");
    desk.now = t("2026-08-01T12:30:00-07:00");
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
        d.episode.clearances[0].valid_until = Some(day("2026-07-31"))
    });
    blocked("KAP-INV-02", |d, _| {
        d.episode.clearances[0].settings_allowed = vec![Setting::InPerson]
    });
    blocked("KAP-INV-02", |d, _| {
        d.episode.clearances[0].routes_allowed.clear()
    });
    blocked("KAP-INV-02", |d, _| {
        d.episode.clearances[0].revoked_at = Some(t("2026-07-30T09:00:00Z"))
    });
}

#[test]
fn inv_03_conditions_are_met() {
    blocked("KAP-INV-03", |d, _| {
        d.episode.clearances[0].conditions[1].satisfied_at = None
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
        d.episode.consents.retain(|c| c.id != id("con-0001"))
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
        d.episode.consents.retain(|c| c.id != id("con-0002"))
    });
}

#[test]
fn inv_06_prescription_and_units() {
    blocked("KAP-INV-06", |d, _| {
        d.episode.prescriptions[1].valid_until = day("2026-07-31")
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
        d.episode.related_persons[0].telecom.clear()
    });
    blocked("KAP-INV-13", |d, _| {
        d.episode.related_persons[0].is_adult = Some(false)
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

#[test]
fn inv_15_overdue_follow_up_warns_then_holds() {
    let (mut desk, session) = ready();
    let last = desk.episode.follow_ups.last_mut().expect("quarterly");
    last.due_by = day("2026-07-25");
    assert!(desk.warned(&session, "KAP-INV-15"));
    blocked("KAP-INV-15", |d, _| {
        d.episode.follow_ups[1].due_by = day("2026-07-10")
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
            .retain(|s| s.instrument != "C-SSRS-SCREEN")
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

fn clear() -> serde_json::Value {
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
        d.episode.prescriptions[1].drug.code = "2119365".into()
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
    let f = json!({"kind": "discharge-session", "anchor": "2026-08-01", "dueBy": "2026-08-01", "status": "done"});
    desk.practice(Command::AddFollowUp(body(&f)))
        .expect("noted");
    let r = json!({"at": NOW, "reason": "returned", "units": 10, "mgPerUnit": 100, "by": "prac-ther-01"});
    desk.practice(Command::AdjustInventory(body(&r)))
        .expect("returned");
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

/// The `n`th of a handful of commands, and the side that gives it.
fn any_command(n: u8, session: &Id) -> (Side, Command) {
    let by = || step("prac-ther-01", "so");
    let rx = || step("prac-pres-01", "so");
    let s = || session.clone();
    let units = i64::from(n % 5) + 1;
    let entry = json!({"at": NOW, "reason": "wasted", "units": units, "mgPerUnit": 100, "by": "prac-ther-01",
        "witnessId": "prac-pres-01"});
    let (side, command) = match n % 16 {
        0 => (Side::Practice, Command::Pause(by())),
        1 => (Side::Practice, Command::Resume(by())),
        2 => (Side::Practice, Command::Hold(by())),
        3 => (Side::Partner, Command::Release(rx())),
        4 => (Side::Practice, Command::StartConsultation(by())),
        5 => (Side::Practice, Command::StartPreparation(by())),
        6 => (Side::Practice, Command::Maintain(by())),
        7 => (Side::Practice, Command::AdjustInventory(body(&entry))),
        8 => (Side::Partner, Command::DecideClearance(body(&clear()))),
        9 => (
            Side::Partner,
            Command::RevokeClearance {
                clearance: id("clr-0001"),
                body: rx(),
            },
        ),
        10 => (
            Side::Practice,
            Command::StartSession {
                session: s(),
                body: body(&json!({"by": "prac-ther-01"})),
            },
        ),
        11 => (
            Side::Practice,
            Command::CompleteSession {
                session: s(),
                body: body(&json!({"by": "prac-ther-01"})),
            },
        ),
        12 => (
            Side::Practice,
            Command::CancelSession {
                session: s(),
                body: by(),
            },
        ),
        13 => (
            Side::Practice,
            Command::RevokeConsent {
                consent: id("con-0001"),
                body: by(),
            },
        ),
        14 => (
            Side::Practice,
            Command::Complete(body(&json!({"by": "prac-ther-01"}))),
        ),
        _ if n > 250 => (Side::Practice, Command::Withdraw(by())),
        _ => (
            Side::Practice,
            Command::Discontinue(step("prac-ther-01", "")),
        ),
    };
    (side, command)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_sequence_keeps_the_machine_and_the_ledger(picks in proptest::collection::vec(any::<u8>(), 1..40)) {
        let (mut desk, session) = ready();
        for n in picks {
            let before = desk.episode.clone();
            let (side, command) = any_command(n, &session);
            if desk.run(side, command).is_err() {
                prop_assert_eq!(&desk.episode, &before);
            }
            let history = &desk.episode.phase_history;
            for pair in history.windows(2) {
                prop_assert!(pair[0].phase.may_become(pair[1].phase) && pair[0].from <= pair[1].from);
            }
            prop_assert_eq!(history.last().map(|e| e.phase), Some(desk.episode.phase));
            prop_assert!(desk.episode.ledger(desk.now).remaining() >= Decimal::ZERO);
            let again = Episode::fold(desk.episode.facts()).expect("an episode");
            prop_assert_eq!(again.phase, desk.episode.phase);
        }
    }
}
