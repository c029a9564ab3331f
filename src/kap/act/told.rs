//! What another system did and tells of: a session that it holds, a step of the course that somebody took there.

use super::body::{HoldKind, Step};
use super::{Context, Side, conflict};
use crate::error::Result;
use crate::kap::base::Id;
use crate::kap::dosing::{Session, SessionStatus};
use crate::kap::fact::Header;
use crate::kap::{ADMINISTRATIVE, Episode, Fact, Phase, PhaseEntry};

impl Episode {
    /// Takes in a record of which another system holds the original, with its id. What was done there is a fact, and no gate
    /// of this service is asked for it: that system asked its own. Doses and readings are judged as all are.
    ///
    /// # Errors
    /// As those of `accept`; the episode is then unchanged.
    pub fn accept_copy(&mut self, fact: Fact, ctx: &Context) -> Result<()> {
        let mut next = self.clone();
        match fact {
            Fact::Session(session) => next.held_there(session, ctx)?,
            Fact::Header(header) if ctx.actor.side == Side::Practice => {
                next.stepped_there(header, ctx)?;
            }
            // Units are counted against the ledger, which is kept there.
            Fact::Checklist { session, checklist } => {
                ctx.treating()?;
                ctx.past(checklist.completed_at, "/completedAt")?;
                next.dosing_mut(&session)?.pre_dose_checklist = Some(checklist);
            }
            other => next.accept(other, ctx)?,
        }
        *self = next;
        Ok(())
    }

    /// A session that has begun there has begun, and what was held is told even where the course has ended here.
    fn held_there(&mut self, mut session: Session, ctx: &Context) -> Result<()> {
        use SessionStatus as S;
        let now = self.session(&session.id).ok().map(|s| s.status);
        let begins = session.status == S::InProgress && now.is_none_or(S::is_ahead);
        if !begins {
            if session.status.is_ahead() {
                self.open_to_fact(&Fact::Session(session.clone()))?;
            }
            self.take(Fact::Session(session), ctx)?;
            return Ok(());
        }
        ctx.past(session.start, "/start")?;
        let (id, kind, at) = (session.id.clone(), session.kind, session.start);
        let lead = session.lead_id.clone();
        session.status = S::Planned;
        self.take(Fact::Session(session), ctx)?;
        self.session_mut(&id)?.status = S::InProgress;
        self.began(kind, at, &lead);
        Ok(())
    }

    /// Steps that were taken there were taken, as far as the state machine has a way. Only a prescriber ends a hold for safety.
    fn stepped_there(&mut self, mut header: Header, ctx: &Context) -> Result<()> {
        let steps = self.steps_beyond(&header)?;
        if steps.is_empty() {
            self.open_to_fact(&Fact::Header(header.clone()))?;
        }
        for step in steps {
            ctx.past(step.from, "/at")?;
            let goes_on = !step.phase.is_terminal() && step.phase != Phase::DosingHold;
            let safety = matches!(self.held(), Ok((_, HoldKind::Safety)));
            if goes_on && safety && !self.is_prescriber(&step.by) {
                let text = "A hold for safety is ended by a prescriber of the medical partner.";
                return Err(conflict("KAP-INV-26", text).code("hold-active"));
            }
            let last = self.phase_history.last().map_or(step.from, |e| e.from);
            self.go(step.phase, step.from.max(last), step.by, step.reason)?;
        }
        header.phase = self.phase;
        header.phase_history.clone_from(&self.phase_history);
        self.take_header(header, ctx)?;
        Ok(())
    }

    /// Steps of a course as a record: each is carried out as the command that it is. A hold that comes late begins after what
    /// was done meanwhile.
    pub(super) fn take_steps(&mut self, header: &Header, ctx: &Context) -> Result<()> {
        for step in self.steps_beyond(header)? {
            let last = self.phase_history.last().map_or(step.from, |e| e.from);
            self.take_step(step, last, ctx)?;
        }
        Ok(())
    }

    fn take_step(
        &mut self,
        step: PhaseEntry,
        last: crate::kap::Instant,
        ctx: &Context,
    ) -> Result<Id> {
        let to = step.phase;
        let body = Step {
            at: Some(step.from.max(last)),
            by: step.by,
            reason: step.reason,
        };
        match (self.phase, to) {
            // A hold for safety does not wait until everybody knows who set it.
            (_, Phase::DosingHold)
                if ctx.actor.side == Side::Partner && self.known_at(&body.by, "/by").is_err() =>
            {
                ctx.at(body.at)?;
                self.go(to, step.from.max(last), body.by, body.reason)?;
                Ok(self.episode_id.clone())
            }
            (_, Phase::Withdrawn) => self.withdraw(body, ctx),
            (_, Phase::Discontinued) => self.discontinue(body, ctx),
            (_, Phase::DosingHold) => {
                let reason = body.reason.as_deref().unwrap_or_default();
                let (kind, reason) = match reason.strip_prefix(ADMINISTRATIVE) {
                    Some(rest) => (HoldKind::Administrative, rest.to_owned()),
                    None => (HoldKind::Safety, reason.to_owned()),
                };
                let reason = Some(reason);
                self.hold(Step { reason, ..body }, kind, ctx)
            }
            (Phase::DosingHold, _) => {
                let (back, kind) = self.held()?;
                match kind {
                    _ if back != to => Err(written()),
                    HoldKind::Safety => self.release(body, ctx),
                    HoldKind::Administrative => self.resume(body, ctx),
                }
            }
            (Phase::Maintenance, Phase::DosingActive) => self.start_course(body, ctx),
            (_, Phase::Maintenance) => self.maintain(body, ctx),
            _ => Err(written()),
        }
    }

    /// The steps that a record tells after those that are known.
    fn steps_beyond(&self, header: &Header) -> Result<Vec<PhaseEntry>> {
        let rest = header.phase_history.strip_prefix(&*self.phase_history);
        let last = rest.map(|rest| rest.last().map_or(self.phase, |e| e.phase));
        match rest {
            Some(rest) if last == Some(header.phase) => Ok(rest.to_vec()),
            _ => Err(written()),
        }
    }
}

fn written() -> crate::error::Error {
    let text = "The phase moves by commands and facts, not by writing it: \
        what can be added to its history is a hold, its end, maintenance, a discontinuation and a withdrawal.";
    conflict("KAP-INV-01", text)
}
