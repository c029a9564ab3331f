//! Each invariant by its number, on the sample episodes; and random sequences of commands.

use std::cell::Cell;

use serde_json::json;

mod course;
mod facts;
mod findings;
mod gates;
mod order;
mod random;
mod scores;
mod timing;
mod writing;

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
            include_str!("../../../../tests/samples/01-adult-trd-remote-lozenge.json"),
            include_str!("../../../../tests/samples/02-adult-ptsd-inperson-im-hold-ae.json"),
            include_str!("../../../../tests/samples/03-adolescent-deferred.json"),
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

/// Settles what completion asks for: the parting, late as it was, and the units.
fn settle(desk: &mut Desk) {
    let f = json!({"kind": "discharge-session", "anchor": "2026-07-30", "dueBy": "2026-07-31", "status": "overdue-resolved"});
    desk.practice(Command::AddFollowUp(body(&f)))
        .expect("noted");
    let r = json!({"at": NOW, "reason": "returned", "units": 10, "mgPerUnit": 100, "by": "prac-ther-01"});
    desk.practice(Command::AdjustInventory(body(&r)))
        .expect("returned");
}
