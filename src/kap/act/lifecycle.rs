//! The state machine of the episode (domain reference §2.3).

use super::body::{CompleteEpisode, Correct, HoldKind, Step};
use super::{Context, Side, conflict, not_permitted, ruled, said, unfit};
use crate::error::{Error, Kind, Result};
use crate::kap::base::{Decimal, Id, Instant};
use crate::kap::follow_up::{FollowUpKind, FollowUpStatus};
use crate::kap::medication::Supply;
use crate::kap::safety::EventOutcome;
use crate::kap::{ADMINISTRATIVE, Episode, Phase, PhaseEntry};

impl Phase {
    /// Whether the state machine has a way from this phase to `to`.
    #[must_use]
    pub const fn may_become(self, to: Self) -> bool {
        use Phase as P;
        match to {
            P::Referred => false,
            P::Consultation => matches!(self, P::Referred | P::EvaluationRequested),
            P::EvaluationRequested => matches!(self, P::Consultation | P::Deferred),
            P::Cleared | P::ClearedWithConditions | P::Deferred => {
                matches!(self, P::EvaluationRequested)
            }
            P::NotCleared => matches!(self, P::EvaluationRequested | P::Deferred),
            P::Preparation => matches!(self, P::Cleared | P::ClearedWithConditions),
            P::DosingActive => matches!(
                self,
                P::Preparation
                    | P::Cleared
                    | P::ClearedWithConditions
                    | P::DosingHold
                    | P::Maintenance
            ),
            P::DosingHold => matches!(self, P::DosingActive | P::Maintenance),
            P::Maintenance => matches!(self, P::DosingActive | P::DosingHold),
            P::Completed => matches!(self, P::DosingActive | P::Maintenance | P::DosingHold),
            P::Discontinued | P::Withdrawn => !self.is_terminal(),
            P::EnteredInError => !matches!(self, P::EnteredInError),
        }
    }
}

impl Episode {
    /// The phase in which the episode was at `at`; the first where that lies before it.
    pub(in crate::kap) fn phase_at(&self, at: Instant) -> Phase {
        let history = &self.phase_history;
        let then = history.iter().rev().find(|e| e.from <= at);
        then.or(history.first()).map_or(self.phase, |e| e.phase)
    }

    /// Moves the phase, or says why not (KAP-INV-01).
    pub(super) fn go(&mut self, to: Phase, at: Instant, by: Id, why: Option<String>) -> Result<()> {
        if !self.phase.may_become(to) {
            let text = format!("The episode is {} and cannot become {to}.", self.phase);
            return Err(conflict("KAP-INV-01", text));
        }
        if self.phase_history.last().is_some_and(|e| at < e.from) {
            let text = "The time lies before the last change of phase.";
            return Err(unfit("KAP-INV-23", "/at", text));
        }
        if to.is_terminal() {
            self.forgo();
        }
        self.phase = to;
        self.phase_history.push(PhaseEntry {
            phase: to,
            from: at,
            by,
            reason: why,
        });
        Ok(())
    }

    /// Moves the phase where the state machine has a way; a late fact never moves it into the past.
    pub(super) fn drift(&mut self, to: Phase, at: Instant, by: &Id, why: Option<String>) {
        let last = self.phase_history.last().map_or(at, |e| e.from);
        // `go` cannot refuse what `may_become` allows at a time that is not before the last.
        let _refused_without_effect = self.go(to, at.max(last), by.clone(), why);
    }

    /// The automatic hold; without effect where no dosing is under way.
    pub(in crate::kap) fn hold_automatically(&mut self, at: Instant, why: impl Into<String>) {
        if let Some(system) = Id::new("system") {
            self.drift(Phase::DosingHold, at, &system, Some(why.into()));
        }
    }

    /// Checks a step of the practice or partner and gives its time.
    fn stepped(&self, body: &Step, ctx: &Context) -> Result<Instant> {
        ctx.treating()?;
        self.known_at(&body.by, "/by")?;
        ctx.at(body.at)
    }

    /// Refuses a step that a clinician takes, by anybody else.
    fn by_clinician(&self, body: &Step) -> Result<()> {
        if self.is_clinician(&body.by) {
            return Ok(());
        }
        let text = "A clinician of the care team does this.";
        Err(not_permitted(text).at("/by"))
    }

    fn why(body: &Step) -> Result<Option<String>> {
        if said(body.reason.as_deref()) {
            return Ok(body.reason.clone());
        }
        let text = "A reason is required.";
        Err(Error::new(Kind::Unprocessable, text).at("/reason"))
    }

    pub(super) fn start_consultation(&mut self, body: Step, ctx: &Context) -> Result<Id> {
        ctx.only(Side::Practice)?;
        let at = self.stepped(&body, ctx)?;
        if self.phase != Phase::Referred {
            let text = format!("The episode is {}, not referred.", self.phase);
            return Err(conflict("KAP-INV-01", text));
        }
        self.go(Phase::Consultation, at, body.by, body.reason)?;
        Ok(self.episode_id.clone())
    }

    pub(super) fn start_preparation(&mut self, body: Step, ctx: &Context) -> Result<Id> {
        ctx.only(Side::Practice)?;
        let at = self.stepped(&body, ctx)?;
        if self.active_clearance(at).is_none() {
            let text = "Preparation starts under a valid clearance.";
            return Err(ruled(Kind::Conflict, "KAP-INV-02", text).code("clearance-missing"));
        }
        self.go(Phase::Preparation, at, body.by, body.reason)?;
        Ok(self.episode_id.clone())
    }

    pub(super) fn hold(&mut self, body: Step, kind: HoldKind, ctx: &Context) -> Result<Id> {
        let at = self.stepped(&body, ctx)?;
        let mut why = Self::why(&body)?;
        if kind == HoldKind::Administrative {
            ctx.only(Side::Practice)?;
            why = why.map(|w| format!("{ADMINISTRATIVE}{w}"));
        }
        self.go(Phase::DosingHold, at, body.by, why)?;
        Ok(self.episode_id.clone())
    }

    /// The phase to which a hold gives way, and whether a therapist may end it.
    pub(super) fn held(&self) -> Result<(Phase, HoldKind)> {
        let history = &self.phase_history;
        let (Some(last), Phase::DosingHold) = (history.last(), self.phase) else {
            let text = format!("The episode is {}; there is no hold to end.", self.phase);
            return Err(conflict("KAP-INV-01", text));
        };
        let kind = if last.is_administrative() {
            HoldKind::Administrative
        } else {
            HoldKind::Safety
        };
        let before = history.iter().rev().find(|e| e.phase != Phase::DosingHold);
        Ok((before.map_or(Phase::DosingActive, |e| e.phase), kind))
    }

    pub(super) fn release(&mut self, body: Step, ctx: &Context) -> Result<Id> {
        let (back, _) = self.held()?;
        self.prescriber_at(&body.by, "/by", ctx)?;
        let at = self.stepped(&body, ctx)?;
        let why = Self::why(&body)?;
        if self.active_clearance(at).is_none() {
            let text = "A hold for safety ends under a valid clearance: decide or renew it first.";
            return Err(ruled(Kind::Conflict, "KAP-INV-26", text).code("clearance-missing"));
        }
        self.go(back, at, body.by, why)?;
        Ok(self.episode_id.clone())
    }

    pub(super) fn resume(&mut self, body: Step, ctx: &Context) -> Result<Id> {
        let (back, kind) = self.held()?;
        if kind == HoldKind::Safety {
            let text = "A hold for safety is ended by a prescriber of the medical partner.";
            return Err(ruled(Kind::Conflict, "KAP-INV-26", text).code("hold-active"));
        }
        self.by_clinician(&body)?;
        let at = self.stepped(&body, ctx)?;
        self.go(back, at, body.by, body.reason)?;
        Ok(self.episode_id.clone())
    }

    /// To maintenance at the end of a course.
    pub(super) fn maintain(&mut self, body: Step, ctx: &Context) -> Result<Id> {
        let at = self.stepped(&body, ctx)?;
        self.by_clinician(&body)?;
        if self.phase == Phase::DosingHold {
            let text = "A hold is ended by release or resume.";
            return Err(conflict("KAP-INV-26", text));
        }
        let plan = self.treatment_plan.as_ref();
        if plan.is_none_or(|p| !said(p.maintenance.as_deref())) {
            let text = "The treatment plan says nothing of maintenance yet.";
            return Err(conflict("KAP-INV-01", text));
        }
        let least = plan
            .and_then(|p| p.planned_dosing_sessions.as_ref())
            .map_or(0, |r| r.min);
        if self.dosing_done() < least {
            if !said(body.reason.as_deref()) {
                let text = "The plan's minimum is not met: give the reason of the exception.";
                return Err(unfit("KAP-INV-01", "/reason", text));
            }
            let subject = self.episode_id.clone();
            self.raise(super::finding::early_maintenance(&subject, at), ctx);
        }
        self.go(Phase::Maintenance, at, body.by, body.reason)?;
        Ok(self.episode_id.clone())
    }

    /// Back from maintenance to a new course: a prescriber says so, under a valid clearance.
    pub(super) fn start_course(&mut self, body: Step, ctx: &Context) -> Result<Id> {
        self.prescriber_at(&body.by, "/by", ctx)?;
        let at = self.stepped(&body, ctx)?;
        if self.phase != Phase::Maintenance {
            let text = format!("The episode is {}, not in maintenance.", self.phase);
            return Err(conflict("KAP-INV-01", text));
        }
        if self.active_clearance(at).is_none() {
            let text = "A new course starts under a valid clearance: decide or renew it first.";
            return Err(ruled(Kind::Conflict, "KAP-INV-02", text).code("clearance-missing"));
        }
        self.go(Phase::DosingActive, at, body.by, body.reason)?;
        Ok(self.episode_id.clone())
    }

    pub(super) fn complete(&mut self, body: CompleteEpisode, ctx: &Context) -> Result<Id> {
        ctx.only(Side::Practice)?;
        self.known_at(&body.by, "/by")?;
        let at = ctx.at(body.at)?;
        let issues = self.unsettled(at, &body.handed_over);
        if !issues.is_empty() {
            return Err(Error::with_issues(Kind::Conflict, issues).code("state-conflict"));
        }
        if !self.has_final_measure() {
            let subject = self.episode_id.clone();
            self.raise(super::finding::unmeasured_course(&subject, at), ctx);
        }
        self.go(Phase::Completed, at, body.by, body.reason)?;
        Ok(self.episode_id.clone())
    }

    /// What keeps an episode from being completed (KAP-INV-24).
    fn unsettled(&self, at: Instant, handed_over: &[Id]) -> Vec<crate::error::Issue> {
        use FollowUpStatus as S;
        let say = |text: &str| super::issue("KAP-INV-24", "", text);
        let mut out = vec![];
        // A parting that came late was a parting.
        let settled = |s| matches!(s, S::Done | S::OverdueResolved | S::Declined);
        let parting = |k| k == FollowUpKind::DischargeSession;
        if !self
            .follow_ups
            .iter()
            .any(|f| parting(f.kind) && settled(f.status))
        {
            out.push(say("The discharge follow-up is neither done nor declined."));
        }
        let stock =
            |p: &crate::kap::medication::Prescription| p.supply == Some(Supply::ClinicStock);
        let only_stock = !self.prescriptions.is_empty() && self.prescriptions.iter().all(stock);
        if !only_stock && self.ledger(at).remaining() != Decimal::ZERO {
            out.push(say(
                "Units are still on hand: record them as returned, wasted or lost.",
            ));
        }
        let open = |o| {
            matches!(
                o,
                EventOutcome::Ongoing | EventOutcome::Recovering | EventOutcome::Unknown
            )
        };
        let mut events = self
            .adverse_events
            .iter()
            .filter(|e| e.entered_in_error != Some(true));
        if events.any(|e| open(e.outcome) && !handed_over.contains(&e.id)) {
            out.push(say("An adverse event is open and not handed over."));
        }
        for issue in &mut out {
            issue.at = None;
            issue.resolve_by = Some("therapist".into());
        }
        out
    }

    /// A clinician stops for a clinical reason. Units that are still out there are flagged: what became of them is
    /// recorded in the ledger, which stays open; the stop does not wait for it.
    pub(super) fn discontinue(&mut self, body: Step, ctx: &Context) -> Result<Id> {
        let at = self.stepped(&body, ctx)?;
        self.by_clinician(&body)?;
        let why = Self::why(&body)?;
        if self.ledger(at).remaining() > Decimal::ZERO {
            let subject = self.episode_id.clone();
            self.raise(super::finding::units_left(&subject, at), ctx);
        }
        self.go(Phase::Discontinued, at, body.by, why)?;
        Ok(self.episode_id.clone())
    }

    /// The patient or guardian stops. It is never refused but for a phase that has ended already.
    pub(super) fn withdraw(&mut self, body: Step, ctx: &Context) -> Result<Id> {
        let at = self.stepped(&body, ctx)?;
        let last = self.phase_history.last().map_or(at, |e| e.from);
        self.go(Phase::Withdrawn, at.max(last), body.by, body.reason)?;
        let day = self.calendar().day(at);
        let due = day.plus_days(ctx.policy.follow_up.safety_check_days.into());
        self.owe(FollowUpKind::SafetyCheck, day, due, ctx);
        Ok(self.episode_id.clone())
    }

    pub(super) fn correct(&mut self, body: Correct, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        if !ctx.actor.admin {
            return Err(not_permitted(
                "Only a client with the right to correct does this.",
            ));
        }
        let at = ctx.at(body.at)?;
        self.known_at(&body.by, "/by")?;
        if !self.is_medical(&body.witness_id) || body.by == body.witness_id {
            let text = "The second person is a prescriber or nurse, and not the first.";
            return Err(unfit("KAP-INV-25", "/witnessId", text));
        }
        let why = format!("{} (with {})", body.reason, body.witness_id);
        self.go(Phase::EnteredInError, at, body.by, Some(why))?;
        Ok(self.episode_id.clone())
    }
}
