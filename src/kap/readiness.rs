//! May this dosing session start, now? The conjunction of the gates, with every reason at once.

use serde::Serialize;

use super::act::safety_review_due;
use super::base::TelecomSystem;
use super::base::{Day, Decimal, Id, Instant};
use super::clearance::{Clearance, ClearanceStatus, ConditionScope};
use super::consent::{Consent, ConsentKind, SignerType};
use super::dosing::{
    Checklist, Dosing, Session, SessionStatus, SessionType, Setting, Timing, Vitals,
};
use super::ledger::given;
use super::limits::Limits;
use super::medication::{PrescriptionStatus, Route, Supply};
use super::people::RelatedRole;
use super::policy::Policy;
use super::rules::Class;
use super::{Episode, Phase};
use crate::error::{Error, Issue, Kind, Result};

/// Something that stands in the way, or deserves a look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockingReason {
    /// `KAP-INV-nn`.
    pub rule: &'static str,
    /// A code of `kap-error`.
    pub code: &'static str,
    /// What is missing.
    pub text: String,
    /// Who can resolve it.
    pub resolve_by: Vec<&'static str>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    pub can_dose_now: bool,
    pub blocking_reasons: Vec<BlockingReason>,
    pub warnings: Vec<BlockingReason>,
}

impl Readiness {
    /// # Errors
    /// `Conflict` with all reasons as issues, where there are any; its code is the first reason's.
    pub fn check(&self) -> Result<()> {
        let Some(first) = self.blocking_reasons.first() else {
            return Ok(());
        };
        let issues = self.blocking_reasons.iter().map(|r| Issue {
            text: r.text.clone(),
            rule: Some(r.rule.into()),
            resolve_by: Some(r.resolve_by.join(", ")),
            ..Issue::default()
        });
        Err(Error::with_issues(Kind::Conflict, issues.collect()).code(first.code))
    }
}

/// Who resolves what.
const PRESCRIBER: &[&str] = &["prescriber"];
const THERAPIST: &[&str] = &["therapist"];
const EITHER: &[&str] = &["therapist", "prescriber"];
const PATIENT: &[&str] = &["patient", "therapist"];
const GUARDIAN: &[&str] = &["guardian", "therapist"];

/// Collects reasons about an episode at an instant.
struct Gate<'a> {
    episode: &'a Episode,
    policy: &'a Policy,
    at: Instant,
    day: Day,
    out: Readiness,
}

impl Episode {
    /// Whether `session` may start dosing at `at`, and why not.
    ///
    /// # Errors
    /// `NotFound` for an unknown session; `Conflict` for one that is no dosing session.
    pub fn readiness(&self, session: &Id, at: Instant, policy: &Policy) -> Result<Readiness> {
        let found = self.sessions.iter().find(|s| &s.id == session);
        let session = found.ok_or_else(Error::not_found)?;
        let (SessionType::Dosing, Some(dosing)) = (session.kind, &session.dosing) else {
            let text = "This is not a dosing session.";
            return Err(Error::new(Kind::Conflict, text).code("state-conflict"));
        };
        let mut gate = Gate::new(self, at, policy);
        gate.standing(Some(session));
        gate.terms(session);
        gate.conditions(dosing);
        gate.dose(session, dosing);
        gate.interval(session, dosing);
        gate.vitals(dosing);
        gate.people(session, dosing);
        gate.place(session);
        gate.looks(session);
        Ok(gate.done())
    }

    /// What stands in the way of any dosing at `at`, whatever the session.
    #[must_use]
    pub fn standing(&self, at: Instant, policy: &Policy) -> Readiness {
        let mut gate = Gate::new(self, at, policy);
        gate.standing(None);
        gate.done()
    }
}

impl<'a> Gate<'a> {
    fn new(episode: &'a Episode, at: Instant, policy: &'a Policy) -> Self {
        Self {
            episode,
            policy,
            at,
            day: episode.calendar().day(at),
            out: Readiness::default(),
        }
    }

    fn done(mut self) -> Readiness {
        self.out.can_dose_now = self.out.blocking_reasons.is_empty();
        self.out
    }

    fn say(
        &mut self,
        class: Class,
        rule: &'static str,
        code: &'static str,
        text: impl Into<String>,
        who: &[&'static str],
    ) {
        let reason = BlockingReason {
            rule,
            code,
            text: text.into(),
            resolve_by: who.to_vec(),
        };
        match self.policy.class(rule, class) {
            Class::Flag | Class::Compute => self.out.warnings.push(reason),
            _ => self.out.blocking_reasons.push(reason),
        }
    }

    fn block(
        &mut self,
        rule: &'static str,
        code: &'static str,
        text: impl Into<String>,
        who: &[&'static str],
    ) {
        self.say(Class::Gate, rule, code, text, who);
    }

    fn warn(&mut self, rule: &'static str, text: impl Into<String>, who: &[&'static str]) {
        self.say(Class::Flag, rule, "state-conflict", text, who);
    }

    /// Clearance, consents, prescription, holds: what stands whatever the session (02, 04, 12, 06, 19, 26, 31, 15).
    fn standing(&mut self, session: Option<&Session>) {
        self.clearance();
        if self.episode.is_minor(self.day) {
            self.minor();
        } else {
            self.consent();
        }
        self.prescription(session);
        self.holds();
        self.overdue();
    }

    fn clearance(&mut self) {
        if self.episode.active_clearance(self.at).is_some() {
            return;
        }
        let Some(ruling) = self.episode.ruling(self.at) else {
            return self.block(
                "KAP-INV-02",
                "clearance-missing",
                "no active clearance",
                PRESCRIBER,
            );
        };
        let status = self.episode.clearance_status(ruling, self.at);
        let (code, why) = match (ruling.decision.clears(), status) {
            (false, _) => ("clearance-missing", ruling.decision.code()),
            (true, ClearanceStatus::Expired) => ("clearance-expired", "expired"),
            (true, ClearanceStatus::Revoked) => ("clearance-missing", "revoked"),
            (true, _) => ("clearance-missing", "not yet effective"),
        };
        self.block(
            "KAP-INV-02",
            code,
            format!("no active clearance ({why})"),
            PRESCRIBER,
        );
    }

    fn consent(&mut self) {
        let Some(consent) = self.episode.consent(ConsentKind::Treatment, self.at) else {
            return self.block(
                "KAP-INV-04",
                "consent-missing",
                "treatment consent missing",
                PATIENT,
            );
        };
        let own = |c: &Consent| c.signers.iter().any(|s| s.kind == SignerType::Patient);
        if !own(consent) {
            let text = "treatment consent is not signed by the patient, who is of age";
            return self.block("KAP-INV-12", "consent-missing", text, PATIENT);
        }
        self.topics(consent);
    }

    fn topics(&mut self, consent: &Consent) {
        for topic in &self.policy.consent_topics {
            if !consent.topics.contains(topic) {
                let text = format!("treatment consent does not cover {topic}");
                self.block("KAP-INV-04", "consent-missing", text, PATIENT);
            }
        }
    }

    fn minor(&mut self) {
        let consent = self
            .episode
            .consent(ConsentKind::GuardianTreatment, self.at);
        match consent {
            None => {
                let text = "guardian treatment consent missing";
                self.block("KAP-INV-12", "consent-missing", text, GUARDIAN);
            }
            Some(consent) => self.guardian(consent),
        }
        if self
            .episode
            .consent(ConsentKind::AssentTreatment, self.at)
            .is_none()
        {
            let text = "adolescent assent missing";
            self.block("KAP-INV-12", "assent-missing", text, PATIENT);
        }
    }

    fn guardian(&mut self, consent: &Consent) {
        let mut signers = consent.signers.iter();
        match signers.find_map(|s| self.episode.guardian(&s.id)) {
            None => {
                let text = "guardian authority not verified";
                self.block("KAP-INV-12", "consent-missing", text, THERAPIST);
            }
            Some(guardian) if guardian.telecom.is_empty() => {
                self.block(
                    "KAP-INV-12",
                    "consent-missing",
                    "guardian not reachable",
                    THERAPIST,
                );
            }
            Some(_) => {}
        }
        self.topics(consent);
    }

    fn prescription(&mut self, session: Option<&Session>) {
        let rx = match session {
            Some(session) => self.episode.prescription_of(session),
            None => self.episode.active_prescription(),
        };
        let Some(rx) = rx else {
            return self.block(
                "KAP-INV-06",
                "prescription-missing",
                "no prescription",
                PRESCRIBER,
            );
        };
        if rx.status != PrescriptionStatus::Active {
            let text = format!("prescription is {}", rx.status);
            return self.block("KAP-INV-06", "prescription-missing", text, PRESCRIBER);
        }
        if rx.valid_until < self.day {
            self.block(
                "KAP-INV-06",
                "prescription-missing",
                "prescription expired",
                PRESCRIBER,
            );
        }
    }

    fn holds(&mut self) {
        match self.episode.phase {
            Phase::Cleared
            | Phase::ClearedWithConditions
            | Phase::Preparation
            | Phase::DosingActive
            | Phase::Maintenance => {}
            Phase::DosingHold => {
                let text = "dosing is on hold";
                self.say(Class::Hold, "KAP-INV-26", "hold-active", text, EITHER);
            }
            // Without a clearance the reason is told already.
            _ if self.episode.active_clearance(self.at).is_none() => {}
            other => {
                let text = format!("the episode is {other}");
                self.block("KAP-INV-01", "state-conflict", text, THERAPIST);
            }
        }
        if safety_review_due(self.episode, self.at) {
            let text = "a positive suicide-risk answer waits for a safety review";
            self.say(Class::Hold, "KAP-INV-19", "hold-active", text, EITHER);
        }
        if !self.episode.has_risk_screener(self.at) {
            let text = "no suicide-risk screener was asked";
            self.say(Class::Hold, "KAP-INV-18", "hold-active", text, THERAPIST);
        }
    }

    /// Medical follow-ups that are long overdue hold new dosing (KAP-INV-15).
    fn overdue(&mut self) {
        use super::follow_up::FollowUpKind as K;
        let grace = i64::from(self.policy.follow_up.overdue_hold_days);
        let medical = |k| matches!(k, K::Medical30Day | K::MedicalQuarterly);
        let open = self
            .episode
            .follow_ups
            .iter()
            .filter(|f| f.is_open() && medical(f.kind));
        let Some(late) = open.map(|f| self.day.days_since(f.due_by)).max() else {
            return;
        };
        if late >= grace {
            let text = format!("medical follow-up is {late} days overdue");
            self.say(Class::Hold, "KAP-INV-15", "hold-active", text, PRESCRIBER);
        } else if late > 0 {
            self.warn(
                "KAP-INV-15",
                format!("medical follow-up is {late} days overdue"),
                PRESCRIBER,
            );
        }
    }

    /// Setting and route are those of clearance and prescription (02, 06, 30).
    fn terms(&mut self, session: &Session) {
        let rx = self.episode.prescription_of(session);
        let route = rx.and_then(|p| Route::of(&p.route));
        if let Some(clearance) = self.episode.active_clearance(self.at) {
            if !clearance.settings_allowed.contains(&session.setting) {
                let text = format!(
                    "the clearance does not allow the setting {}",
                    session.setting
                );
                self.block("KAP-INV-02", "clearance-missing", text, PRESCRIBER);
            }
            match route {
                Some(route) if !clearance.routes_allowed.contains(&route) => {
                    let text = format!("the clearance does not allow the route {route}");
                    self.block("KAP-INV-02", "clearance-missing", text, PRESCRIBER);
                }
                None if rx.is_some() => {
                    let text = "the prescription's route is not one that a clearance can allow";
                    self.block("KAP-INV-06", "prescription-missing", text, PRESCRIBER);
                }
                _ => {}
            }
        }
        let esketamine =
            rx.is_some_and(|p| p.drug.code == "2119365" && p.drug.system.contains("rxnorm"));
        if esketamine && session.setting.is_remote() {
            let text = "esketamine is never given in a remote session";
            self.block("KAP-INV-30", "not-permitted", text, PRESCRIBER);
        }
    }

    /// Conditions of the clearance, and medication holds (03, 28).
    fn conditions(&mut self, dosing: &Dosing) {
        let Some(clearance) = self.episode.active_clearance(self.at) else {
            return;
        };
        let list = dosing.pre_dose_checklist.as_ref();
        for condition in clearance
            .conditions
            .iter()
            .filter(|c| c.must_satisfy_before_dosing)
        {
            let met = match condition.scope {
                ConditionScope::Once => condition.satisfied_at.is_some_and(|t| t <= self.at),
                ConditionScope::EachSession => followed(list, &condition.id, &condition.code),
            };
            if !met {
                let text = format!("condition {} ({}) is not met", condition.id, condition.code);
                self.block("KAP-INV-03", "state-conflict", text, THERAPIST);
            }
        }
        let holds = self
            .episode
            .medications
            .iter()
            .any(|m| m.hold_before_hours.is_some() && m.status == "active");
        let conditional = clearance
            .conditions
            .iter()
            .any(|c| c.code == "hold-medication");
        let reviewed = list.is_some_and(|l| l.medications_reviewed == Some(true));
        if holds && !conditional && !reviewed {
            self.warn(
                "KAP-INV-28",
                "medication holds are not acknowledged for this session",
                THERAPIST,
            );
        }
    }

    /// Planned dose, and units on hand for it (07, 06).
    fn dose(&mut self, session: &Session, dosing: &Dosing) {
        if let Some(max) = self.episode.maximum(session, self.at)
            && dosing.planned_dose_mg > max
        {
            let text = format!(
                "planned dose {} mg is above the maximum of {max} mg",
                dosing.planned_dose_mg
            );
            self.block("KAP-INV-07", "dose-exceeds-maximum", text, PRESCRIBER);
        }
        let Some(rx) = self.episode.prescription_of(session) else {
            return;
        };
        if rx.supply == Some(Supply::ClinicStock) {
            return;
        }
        let Some(strength) = &rx.strength else {
            let text = "prescription has no strength, so units cannot be counted";
            return self.say(
                Class::Hold,
                "KAP-INV-06",
                "inventory-insufficient",
                text,
                PRESCRIBER,
            );
        };
        let mg = strength.numerator.value;
        let planned = match mg > Decimal::ZERO {
            true => dosing.planned_dose_mg.0 / mg.0,
            false => rust_decimal::Decimal::MAX,
        };
        let on_hand = self.episode.ledger(self.at).of(mg).remaining();
        if on_hand.0 < planned {
            let text = format!("{on_hand} units on hand, {} needed", planned.normalize());
            self.say(
                Class::Hold,
                "KAP-INV-06",
                "inventory-insufficient",
                text,
                &["pharmacy", "prescriber"],
            );
        }
    }

    /// Days since the last dosing session, and their number in seven days (08).
    fn interval(&mut self, session: &Session, dosing: &Dosing) {
        if dosing.interval_override.is_some() {
            return;
        }
        let clearance = self.episode.active_clearance(self.at);
        let calendar = self.episode.calendar();
        let before = |s: &&Session| s.id != session.id;
        let days: Vec<Day> = self
            .episode
            .sessions
            .iter()
            .filter(before)
            .filter_map(Session::first_dose_at)
            .filter(|t| *t <= self.at)
            .map(|t| calendar.day(t))
            .collect();
        let least = clearance.and_then(|c: &Clearance| c.min_days_between_sessions);
        if let (Some(last), Some(least)) = (days.iter().max(), least) {
            let since = self.day.days_since(*last);
            if since < i64::from(least) {
                let text = format!("{since} days since the last dosing session, {least} required");
                self.block("KAP-INV-08", "interval-too-short", text, PRESCRIBER);
            }
        }
        let cap = self.policy.cadence.max_per7_days;
        let most = clearance
            .and_then(|c| c.max_sessions_per7_days)
            .map_or(cap, |n| n.min(cap));
        let week = days.iter().filter(|d| self.day.days_since(**d) < 7).count();
        if u32::try_from(week).unwrap_or(u32::MAX) >= most {
            let text = format!("{week} dosing sessions in seven days, at most {most}");
            self.block("KAP-INV-08", "interval-too-short", text, PRESCRIBER);
        }
    }

    /// Pre-dose vital signs: there, recent, within limits (10, 11).
    fn vitals(&mut self, dosing: &Dosing) {
        let limits = self.episode.limits(self.at, self.policy);
        let oldest = self.at.plus_minutes(-i64::from(limits.max_age));
        let now = self.at;
        let before = |v: &&Vitals| {
            matches!(v.timing, Timing::PreDose | Timing::PreDoseRecheck) && v.at <= now
        };
        let last = dosing.vitals.iter().filter(before).max_by_key(|v| v.at);
        let Some(last) = last.filter(|v| v.at >= oldest) else {
            let text = format!(
                "no pre-dose vital signs of the last {} minutes",
                limits.max_age
            );
            return self.block("KAP-INV-10", "vitals-missing", text, THERAPIST);
        };
        if last.systolic.is_none() || last.diastolic.is_none() || last.heart_rate.is_none() {
            let text = "pre-dose blood pressure or heart rate missing";
            self.block("KAP-INV-10", "vitals-missing", text, THERAPIST);
        }
        if last.spo2.is_none() && limits.spo2_expected {
            self.warn(
                "KAP-INV-10",
                "pre-dose oxygen saturation missing",
                THERAPIST,
            );
        }
        let count = dosing.vitals.iter().filter(before).count();
        self.range(&limits, last, count);
    }

    fn range(&mut self, limits: &Limits, last: &Vitals, readings: usize) {
        let outside = limits.outside(last);
        if outside.is_empty() {
            return;
        }
        let spent = u32::try_from(readings).unwrap_or(u32::MAX) > limits.max_rechecks;
        let (then, who) = match spent {
            true => (
                "do not give the dose and tell the prescriber".to_owned(),
                PRESCRIBER,
            ),
            false => (
                format!("recheck after {} minutes", limits.recheck_after),
                THERAPIST,
            ),
        };
        let text = format!(
            "{} outside this person's parameters: {then}",
            outside.join(", ")
        );
        self.say(Class::Hold, "KAP-INV-11", "hold-active", text, who);
    }

    /// Chaperone or way home, and the therapist's presence (13, 22).
    fn people(&mut self, session: &Session, dosing: &Dosing) {
        let list = dosing.pre_dose_checklist.as_ref();
        if session.setting.is_remote() {
            self.chaperone(list);
        } else if !list
            .and_then(|l| l.transport.as_ref())
            .is_some_and(|t| t.arranged)
        {
            self.warn("KAP-INV-13", "way home not arranged", THERAPIST);
        }
        if session.therapist_presence.is_none() {
            let text = "therapist's mode of presence not recorded";
            self.block("KAP-INV-22", "state-conflict", text, THERAPIST);
        }
    }

    fn chaperone(&mut self, list: Option<&Checklist>) {
        let Some(check) = list.and_then(|l| l.chaperone.as_ref()) else {
            let text = "adult chaperone in residence not recorded";
            return self.block("KAP-INV-13", "state-conflict", text, THERAPIST);
        };
        let mut people = self.episode.related_persons.iter();
        let person = people.find(|p| p.id == check.related_person_id);
        let adult = person.is_some_and(|p| {
            p.is_adult == Some(true) && p.kap_roles.contains(&RelatedRole::Chaperone)
        });
        let phone =
            person.is_some_and(|p| p.telecom.iter().any(|t| t.system == TelecomSystem::Phone));
        if !adult {
            self.block(
                "KAP-INV-13",
                "state-conflict",
                "chaperone is no adult chaperone on record",
                THERAPIST,
            );
        }
        if !phone || check.phone_verified == Some(false) {
            self.block(
                "KAP-INV-13",
                "state-conflict",
                "chaperone has no verified phone",
                THERAPIST,
            );
        }
        if check.present_at.is_none_or(|t| t > self.at) {
            self.block(
                "KAP-INV-13",
                "state-conflict",
                "chaperone is not present",
                THERAPIST,
            );
        }
    }

    /// What a remote session needs of its place (05, 33, 34).
    fn place(&mut self, session: &Session) {
        if !session.setting.is_remote() {
            return;
        }
        if self
            .episode
            .consent(ConsentKind::Telehealth, self.at)
            .is_none()
        {
            self.block(
                "KAP-INV-05",
                "consent-missing",
                "telehealth consent missing",
                PATIENT,
            );
        }
        match self.episode.state_of(session) {
            None => self.block(
                "KAP-INV-33",
                "state-conflict",
                "patient location not recorded",
                THERAPIST,
            ),
            Some(state) => self.licensure(session, &state),
        }
        let plan = session.emergency_plan.as_ref();
        let address = plan.is_some_and(|p| p.address_ref.is_some())
            || session
                .patient_location
                .as_ref()
                .is_some_and(|l| l.address.is_some());
        let contact = plan.is_some_and(|p| p.contact_id.is_some());
        let number = plan.is_some_and(|p| p.local_emergency_number.is_some());
        let parts = [
            (address, "address"),
            (contact, "contact"),
            (number, "local emergency number"),
        ];
        let lacks: Vec<_> = parts
            .into_iter()
            .filter(|(there, _)| !there)
            .map(|(_, n)| n)
            .collect();
        if !lacks.is_empty() {
            let text = format!("emergency plan lacks {}", lacks.join(", "));
            self.block("KAP-INV-34", "state-conflict", text, THERAPIST);
        }
    }

    fn licensure(&mut self, session: &Session, state: &str) {
        let prescriber = self
            .episode
            .active_clearance(self.at)
            .map(|c| &c.decided_by);
        let treats = |id: &Id| *id == session.lead_id || Some(id) == prescriber;
        for member in self.episode.care_team.iter().filter(|m| treats(&m.id)) {
            let lapsed = |d: Option<Day>| d.is_some_and(|last| last < self.day);
            let licensed = member
                .licences
                .iter()
                .any(|l| l.state == state && !lapsed(l.expires));
            if !member.licences.is_empty() && !licensed {
                let text = format!("{} has no licence on record for {state}", member.id);
                self.warn("KAP-INV-33", text, THERAPIST);
            }
        }
    }

    /// What is worth a look and blocks nothing (01, 17, 18).
    fn looks(&mut self, session: &Session) {
        let done = |kind| {
            let mut all = self.episode.sessions.iter();
            all.any(|s| s.kind == kind && s.status == SessionStatus::Completed)
        };
        let dosed =
            |s: &&Session| s.id != session.id && s.first_dose_at().is_some_and(|t| t <= self.at);
        let last = self
            .episode
            .sessions
            .iter()
            .filter(dosed)
            .max_by_key(|s| s.first_dose_at());
        if last.is_none() && !done(SessionType::Preparation) {
            self.warn(
                "KAP-INV-01",
                "no completed preparation session on file",
                THERAPIST,
            );
        }
        if let Some(last) = last
            && !self.episode.integrated(&last.id)
        {
            self.warn(
                "KAP-INV-17",
                "no integration session since the last dosing",
                THERAPIST,
            );
        }
        if last.is_none() && !self.episode.has_baseline(self.at) {
            self.warn(
                "KAP-INV-18",
                "no baseline measure before the first dose",
                THERAPIST,
            );
        }
    }
}

/// Whether the day's checklist says that a condition was followed. A chaperone's presence is its own check.
fn followed(list: Option<&Checklist>, id: &Id, code: &str) -> bool {
    let Some(list) = list else {
        return false;
    };
    let ticked = list.holds_followed.iter().find(|h| &h.condition_id == id);
    let chaperoned = code == "adult-chaperone-present" && list.chaperone.is_some();
    ticked.map_or(chaperoned, |h| h.followed)
}

impl Setting {
    /// Whether therapist and patient are in different places.
    #[must_use]
    pub const fn is_remote(self) -> bool {
        matches!(self, Self::Remote | Self::RemoteHome)
    }
}

impl Episode {
    /// The state in which the patient is during a session, where it was recorded.
    fn state_of(&self, session: &Session) -> Option<String> {
        let place = session.patient_location.as_ref()?;
        let on_file = place
            .address_ref
            .as_ref()
            .and(self.patient.address.as_ref());
        let address = place.address.as_ref().or(on_file);
        place.state.clone().or_else(|| address?.state.clone())
    }

    /// Whether an integration session of this dosing session was held.
    #[must_use]
    pub fn integrated(&self, dosing: &Id) -> bool {
        self.sessions.iter().any(|s| {
            s.integrates_session_id.as_ref() == Some(dosing) && s.status == SessionStatus::Completed
        })
    }

    /// Whether any measure other than a risk screener was taken by `at`.
    fn has_baseline(&self, at: Instant) -> bool {
        let scored = self
            .screenings
            .iter()
            .any(|s| s.score.is_some() && s.at.or(s.authored).is_some_and(|t| t <= at));
        scored || self.outcomes.iter().any(|o| o.at <= at)
    }

    /// Dosing sessions in which a dose was given and that are completed.
    #[must_use]
    pub fn dosing_done(&self) -> u32 {
        let done = |s: &&Session| {
            let doses = s.dosing.iter().flat_map(|d| &d.doses);
            s.status == SessionStatus::Completed && doses.into_iter().any(given)
        };
        u32::try_from(self.sessions.iter().filter(done).count()).unwrap_or(u32::MAX)
    }
}
