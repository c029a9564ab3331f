//! The end of a session: what must be on record, and what it came to.

use super::body::CompleteSession;
use super::session::{owner, weight};
use super::{Context, conflict};
use crate::error::{Error, Kind, Result};
use crate::kap::Episode;
use crate::kap::base::{Id, Instant};
use crate::kap::dosing::{DoseStatus, DosingOutcome, SessionStatus};

impl Episode {
    pub(super) fn complete_session(
        &mut self,
        id: &Id,
        body: CompleteSession,
        ctx: &Context,
    ) -> Result<Id> {
        owner(self.session(id)?.kind, ctx)?;
        self.known_at(&body.by, "/by")?;
        let at = ctx.at(body.at)?;
        self.check_completion(id, at, ctx)?;
        let outcome = self.dosing_outcome(id)?;
        let session = self.session_mut(id)?;
        session.status = SessionStatus::Completed;
        session.end = Some(at);
        session.clinical_summary = body.clinical_summary.or(session.clinical_summary.take());
        session.body_weight = weight(body.body_weight)?.or(session.body_weight.take());
        if !body.topics.is_empty() {
            session.topics = body.topics;
        }
        if let Some(dosing) = &mut session.dosing {
            dosing.outcome = outcome;
            dosing.converted_to = body.converted_to.or(dosing.converted_to.take());
        }
        self.look_at_order(id, ctx)?;
        self.look_at_readings(id, ctx)?;
        self.after_session(id, at, ctx)?;
        Ok(id.clone())
    }

    fn check_completion(&self, id: &Id, at: Instant, ctx: &Context) -> Result<()> {
        let session = self.session(id)?;
        let doses = session.dosing.as_ref().map_or(&[][..], |d| &d.doses);
        let refused = |s| matches!(s, DoseStatus::NotDone | DoseStatus::OnHold);
        // A session whose dose was held never passed the gate; it ends as it is.
        let held = session.first_dose_at().is_none() && doses.iter().any(|d| refused(d.status));
        let open = session.status.is_ahead();
        if session.status != SessionStatus::InProgress && !(open && held) {
            let text = format!("The session is {}; start it first.", session.status);
            return Err(conflict("KAP-INV-01", text));
        }
        self.end_in_order(id, at, "/at", ctx)?;
        let mut issues = self.against_leaving(id, ctx)?;
        if issues.is_empty() {
            return Ok(());
        }
        // They name fields of the discharge, not of this body.
        for issue in &mut issues {
            issue.at = None;
        }
        Err(Error::with_issues(Kind::Conflict, issues).code("state-conflict"))
    }

    pub(super) fn dosing_outcome(&self, id: &Id) -> Result<Option<DosingOutcome>> {
        let session = self.session(id)?;
        let Some(dosing) = &session.dosing else {
            return Ok(None);
        };
        let harmed = self
            .adverse_events
            .iter()
            .any(|e| e.session_id.as_ref() == Some(id) && e.entered_in_error != Some(true));
        let any = |s| dosing.doses.iter().any(|d| d.status == s);
        let outcome = if session.first_dose_at().is_none() {
            if any(DoseStatus::NotDone) || any(DoseStatus::OnHold) {
                DosingOutcome::DoseHeld
            } else {
                DosingOutcome::Aborted
            }
        } else if harmed {
            DosingOutcome::CompletedWithAdverseEvent
        } else if any(DoseStatus::Stopped) {
            DosingOutcome::Aborted
        } else {
            DosingOutcome::Completed
        };
        Ok(Some(outcome))
    }
}
