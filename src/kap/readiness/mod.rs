//! May this dosing session start, now? The conjunction of the gates, with every reason at once.

use serde::Serialize;

use super::act::safety_review_due;
use super::base::{Day, Id, Instant};
use super::clearance::ClearanceStatus;
use super::consent::{Consent, ConsentKind, SignerType};
use super::dosing::{Session, SessionStatus, SessionType, Setting};
use super::ledger::given;
use super::medication::PrescriptionStatus;
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
const EITHER_SUPPLIER: &[&str] = &["pharmacy", "prescriber"];
const PATIENT: &[&str] = &["patient", "therapist"];
const GUARDIAN: &[&str] = &["guardian", "therapist"];

mod session;

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
