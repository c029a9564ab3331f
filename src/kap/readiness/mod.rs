//! May this dosing session start, now? The conjunction of the gates, with every reason at once.

use serde::Serialize;

use super::base::{Day, Id, Instant};
use super::dosing::{Session, SessionStatus, SessionType};
use super::ledger::given;
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

mod place;
mod session;
mod standing;

/// Collects reasons about an episode at an instant.
struct Gate<'a> {
    episode: &'a Episode,
    policy: &'a Policy,
    at: Instant,
    day: Day,
    phase: Phase,
    out: Readiness,
}

impl Episode {
    /// Whether `session` may start dosing at `at`, and why not.
    ///
    /// # Errors
    /// `NotFound` for an unknown session; `Conflict` for one that is no dosing session.
    pub fn readiness(&self, session: &Id, at: Instant, policy: &Policy) -> Result<Readiness> {
        self.asked(session, Gate::new(self, at, policy))
    }

    /// The same in hindsight, for what was done at `at` and is told later: the phase is that of the time.
    ///
    /// # Errors
    /// Those of [`Episode::readiness`].
    pub(in crate::kap) fn hindsight(
        &self,
        session: &Id,
        at: Instant,
        policy: &Policy,
    ) -> Result<Readiness> {
        let mut gate = Gate::new(self, at, policy);
        gate.phase = self.phase_at(at);
        self.asked(session, gate)
    }

    fn asked(&self, session: &Id, mut gate: Gate) -> Result<Readiness> {
        let found = self.sessions.iter().find(|s| &s.id == session);
        let session = found.ok_or_else(Error::not_found)?;
        let (SessionType::Dosing, Some(dosing)) = (session.kind, &session.dosing) else {
            let text = "This is not a dosing session.";
            return Err(Error::new(Kind::Conflict, text).code("state-conflict"));
        };
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
            phase: episode.phase,
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
}

impl Episode {
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
