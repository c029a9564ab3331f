//! A session that came as a record: planned, amended, moved on, or told as past.

use super::body::{StartSession, Step};
use super::session::owner;
use super::{Context, conflict, unfit};
use crate::error::Result;
use crate::kap::Episode;
use crate::kap::base::{Id, Instant};
use crate::kap::dosing::{Session, SessionStatus};

impl Episode {
    /// A session as a record: a new one is planned, or was held already; a known one is amended and moved on.
    pub(super) fn take_session(&mut self, session: &Session, ctx: &Context) -> Result<Id> {
        use SessionStatus as S;
        let id = session.id.clone();
        let to = session.status;
        if self.session(&id).is_err() {
            let mut planned = session.clone();
            planned.status = SessionStatus::Planned;
            self.add_session(planned, ctx)?;
        } else {
            self.refresh(session, ctx)?;
        }
        if self.session(&id)?.status == to {
            return Ok(id);
        }
        let by = session.lead_id.clone();
        let step = Step {
            at: None,
            by: by.clone(),
            reason: None,
        };
        match to {
            S::InProgress => {
                let at = session.start.min(ctx.now);
                let start = StartSession {
                    at: Some(at),
                    by,
                    began: None,
                    patient_location: None,
                    therapist_presence: None,
                    emergency_plan: None,
                    environment: None,
                };
                self.start_session(&id, start, ctx)?;
            }
            S::Completed => self.held_elsewhere(&id, session.end, ctx)?,
            S::Cancelled | S::NoShow => {
                self.abandon(&id, &step, to, ctx)?;
            }
            S::Planned | S::Arrived if !self.session(&id)?.status.is_ahead() => {
                let text = "A session that has begun or was called off is not planned again.";
                return Err(conflict("KAP-INV-01", text));
            }
            other => self.session_mut(&id)?.status = other,
        }
        Ok(id)
    }

    /// A session that is told as past is a fact: stored, its phase and follow-ups drawn from it.
    fn held_elsewhere(&mut self, id: &Id, end: Option<Instant>, ctx: &Context) -> Result<()> {
        let (kind, start, lead) = {
            let s = self.session(id)?;
            (s.kind, s.start, s.lead_id.clone())
        };
        let end = end.unwrap_or(ctx.now);
        ctx.past(start, "/start")?;
        ctx.past(end, "/end")?;
        self.began(kind, start, &lead);
        let outcome = self.dosing_outcome(id)?;
        let session = self.session_mut(id)?;
        session.status = SessionStatus::Completed;
        session.end = Some(end);
        if let Some(dosing) = &mut session.dosing {
            dosing.outcome = dosing.outcome.or(outcome);
        }
        self.look_at_order(id, ctx)?;
        self.look_at_leaving(id, ctx)?;
        self.look_at_readings(id, ctx)?;
        self.after_session(id, end, ctx)
    }

    /// Takes over what a record says of a known session, but for its status and its parts.
    fn refresh(&mut self, new: &Session, ctx: &Context) -> Result<()> {
        let old = self.session(&new.id)?;
        if old.kind != new.kind {
            return Err(conflict("KAP-INV-01", "A session keeps its type."));
        }
        owner(new.kind, ctx)?;
        if new.end.is_some_and(|end| end < new.start) {
            let text = "The session ends before it begins.";
            return Err(unfit("KAP-INV-23", "/end", text));
        }
        let mut merged = new.clone();
        merged.status = old.status;
        merged.vitals.clone_from(&old.vitals);
        merged.integration.clone_from(&old.integration);
        if let (Some(to), Some(from)) = (&mut merged.dosing, &old.dosing) {
            to.pre_dose_checklist.clone_from(&from.pre_dose_checklist);
            to.doses.clone_from(&from.doses);
            to.vitals.clone_from(&from.vitals);
            to.effects.clone_from(&from.effects);
            to.side_effects.clone_from(&from.side_effects);
            to.discharge.clone_from(&from.discharge);
            to.interval_override.clone_from(&from.interval_override);
            to.sequence = from.sequence;
        }
        *self.session_mut(&new.id)? = merged;
        self.look_at_order(&new.id, ctx)
    }
}
