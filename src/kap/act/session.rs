//! Sessions: planned, started, completed, cancelled.

use super::body::{AmendSession, PlanSession, StartSession, Step};
use super::{Context, Side, conflict, not_permitted, refuse, unfit};
use crate::error::{Error, Issue, Kind, Result};
use crate::kap::base::{Decimal, Id, Instant};
use crate::kap::dosing::{Dosing, Session, SessionStatus, SessionType};
use crate::kap::ledger::given;
use crate::kap::{Episode, Phase};

impl Session {
    /// The dose that opened the session's dosing.
    #[must_use]
    pub fn first_dose_at(&self) -> Option<Instant> {
        let doses = self.dosing.iter().flat_map(|d| &d.doses);
        doses.filter(|d| given(d)).map(|d| d.at).min()
    }
}

/// Refuses the side that does not own sessions of this kind (domain reference §2.1).
pub(super) fn owner(kind: SessionType, ctx: &Context) -> Result<()> {
    let medical = matches!(
        kind,
        SessionType::MedicalEvaluation | SessionType::MedicalFollowUp
    );
    match (medical, ctx.actor.side) {
        (true, Side::Partner) | (false, Side::Practice) => Ok(()),
        (true, _) => Err(not_permitted("Medical sessions are the medical partner's.")),
        (false, _) => Err(not_permitted("This session is the practice's.")),
    }
}

impl Episode {
    pub(super) fn session(&self, id: &Id) -> Result<&Session> {
        let found = self.sessions.iter().find(|s| &s.id == id);
        found.ok_or_else(Error::not_found)
    }

    pub(super) fn session_mut(&mut self, id: &Id) -> Result<&mut Session> {
        let found = self.sessions.iter_mut().find(|s| &s.id == id);
        found.ok_or_else(Error::not_found)
    }

    /// The dosing part of a session.
    pub(super) fn dosing_mut(&mut self, id: &Id) -> Result<&mut Dosing> {
        let session = self.session_mut(id)?;
        session
            .dosing
            .as_mut()
            .ok_or_else(|| conflict("KAP-INV-01", "This is not a dosing session."))
    }

    pub(super) fn plan_session(&mut self, body: PlanSession, ctx: &Context) -> Result<Id> {
        let dosing = body.dosing.map(|d| Dosing {
            sequence: 0,
            dose_level: d.dose_level,
            planned_dose_mg: d.planned_dose_mg,
            clearance_id: None,
            prescription_id: d.prescription_id,
            pre_dose_checklist: None,
            doses: vec![],
            vitals: vec![],
            effects: None,
            side_effects: vec![],
            discharge: None,
            outcome: None,
            converted_to: None,
            interval_override: None,
        });
        let session = Session {
            id: (ctx.ids)("session"),
            kind: body.kind,
            status: SessionStatus::Planned,
            start: body.start,
            end: body.end,
            setting: body.setting,
            encounter_class: body.encounter_class,
            lead_id: body.lead_id,
            participants: body.participants,
            patient_location: body.patient_location,
            therapist_presence: body.therapist_presence,
            emergency_plan: body.emergency_plan,
            environment: body.environment,
            clinical_summary: None,
            topics: vec![],
            vitals: vec![],
            body_weight: None,
            dosing,
            integrates_session_id: body.integrates_session_id,
            integration: None,
        };
        self.add_session(session, ctx)
    }

    pub(super) fn add_session(&mut self, mut session: Session, ctx: &Context) -> Result<Id> {
        owner(session.kind, ctx)?;
        self.known_at(&session.lead_id, "/leadId")?;
        refuse(self.plan_gaps(&session))?;
        let clearance = self.active_clearance(ctx.now).map(|c| c.id.clone());
        // A session that never took place is not counted.
        let last = self
            .sessions
            .iter()
            .filter(|s| !matches!(s.status, SessionStatus::Cancelled | SessionStatus::NoShow))
            .filter_map(|s| Some(s.dosing.as_ref()?.sequence))
            .max();
        if let Some(dosing) = &mut session.dosing {
            if dosing.sequence == 0 {
                dosing.sequence = last.unwrap_or(0) + 1;
            }
            dosing.clearance_id = dosing.clearance_id.take().or(clearance);
        }
        let id = session.id.clone();
        self.sessions.push(session);
        Ok(id)
    }

    /// What is wrong with a planned session.
    fn plan_gaps(&self, session: &Session) -> Vec<Issue> {
        let mut issues = vec![];
        let mut say = |rule: &str, at: &str, text: &str| issues.push(super::issue(rule, at, text));
        if (session.kind == SessionType::Dosing) != session.dosing.is_some() {
            say(
                "KAP-INV-01",
                "/dosing",
                "A planned dose is given for a dosing session, and only there.",
            );
        }
        if session
            .dosing
            .as_ref()
            .is_some_and(|d| d.planned_dose_mg <= Decimal::ZERO)
        {
            say(
                "KAP-INV-07",
                "/dosing/plannedDoseMg",
                "The planned dose is above 0 mg.",
            );
        }
        if session.end.is_some_and(|end| end < session.start) {
            say("KAP-INV-23", "/end", "The session ends before it begins.");
        }
        let target = session.integrates_session_id.as_ref();
        let dosing = |id: &Id| {
            let mut all = self.sessions.iter();
            all.any(|s| &s.id == id && s.kind == SessionType::Dosing)
        };
        if target.is_some_and(|id| !dosing(id)) {
            say(
                "KAP-INV-17",
                "/integratesSessionId",
                "There is no such dosing session.",
            );
        }
        let rx = session
            .dosing
            .as_ref()
            .and_then(|d| d.prescription_id.as_ref());
        if rx.is_some_and(|id| !self.prescriptions.iter().any(|p| &p.id == id)) {
            say(
                "KAP-INV-06",
                "/dosing/prescriptionId",
                "There is no such prescription.",
            );
        }
        issues
    }

    pub(super) fn amend_session(
        &mut self,
        id: &Id,
        body: AmendSession,
        ctx: &Context,
    ) -> Result<Id> {
        owner(self.session(id)?.kind, ctx)?;
        if let Some(lead) = &body.lead_id {
            self.known_at(lead, "/leadId")?;
        }
        let session = self.session_mut(id)?;
        let begun = !session.status.is_ahead();
        if begun && (body.start.is_some() || body.setting.is_some()) {
            return Err(conflict(
                "KAP-INV-01",
                "Start and setting stay once a session began.",
            ));
        }
        if matches!(
            session.status,
            SessionStatus::Cancelled | SessionStatus::NoShow | SessionStatus::EnteredInError
        ) {
            return Err(conflict(
                "KAP-INV-01",
                format!("The session is {}.", session.status),
            ));
        }
        session.start = body.start.unwrap_or(session.start);
        let ended = body.end;
        session.end = ended.or(session.end);
        session.setting = body.setting.unwrap_or(session.setting);
        session.lead_id = body.lead_id.unwrap_or_else(|| session.lead_id.clone());
        session.participants = body
            .participants
            .unwrap_or_else(|| session.participants.clone());
        session.patient_location = body.patient_location.or(session.patient_location.take());
        session.therapist_presence = body
            .therapist_presence
            .or(session.therapist_presence.take());
        session.emergency_plan = body.emergency_plan.or(session.emergency_plan.take());
        session.environment = body.environment.or(session.environment.take());
        session.clinical_summary = body.clinical_summary.or(session.clinical_summary.take());
        session.topics = body.topics.unwrap_or_else(|| session.topics.clone());
        session.body_weight = weight(body.body_weight)?.or(session.body_weight.take());
        if session.end.is_some_and(|end| end < session.start) {
            return Err(unfit(
                "KAP-INV-23",
                "/end",
                "The session ends before it begins.",
            ));
        }
        if let (Some(end), SessionStatus::Completed) = (ended, session.status) {
            ctx.past(end, "/end")?;
            self.end_in_order(id, end, "/end", ctx)?;
            self.look_at_order(id, ctx)?;
        }
        Ok(id.clone())
    }

    pub(super) fn start_session(
        &mut self,
        id: &Id,
        body: StartSession,
        ctx: &Context,
    ) -> Result<Id> {
        let kind = self.session(id)?.kind;
        owner(kind, ctx)?;
        self.known_at(&body.by, "/by")?;
        let at = ctx.at(body.at)?;
        let began = body.began.unwrap_or(at);
        if began > at {
            return Err(unfit(
                "KAP-INV-23",
                "/began",
                "The meeting begins after the start.",
            ));
        }
        let session = self.session_mut(id)?;
        if !session.status.is_ahead() {
            return Err(conflict(
                "KAP-INV-01",
                format!("The session is {} already.", session.status),
            ));
        }
        session.start = began;
        session.end = session.end.filter(|end| *end >= at);
        session.patient_location = body.patient_location.or(session.patient_location.take());
        session.therapist_presence = body
            .therapist_presence
            .or(session.therapist_presence.take());
        session.emergency_plan = body.emergency_plan.or(session.emergency_plan.take());
        session.environment = body.environment.or(session.environment.take());
        if kind == SessionType::Dosing {
            self.gate(id, at, ctx)?;
        }
        self.session_mut(id)?.status = SessionStatus::InProgress;
        self.began(kind, at, &body.by);
        Ok(id.clone())
    }

    /// Refuses the start of dosing while anything blocks it, and flags what does not.
    fn gate(&mut self, id: &Id, at: Instant, ctx: &Context) -> Result<()> {
        let readiness = self.readiness(id, at, ctx.policy)?;
        readiness.check()?;
        for warning in readiness.warnings {
            self.raise(self.warned(&warning, id, at, ctx), ctx);
        }
        let clearance = self.active_clearance(at).map(|c| c.id.clone());
        self.dosing_mut(id)?.clearance_id = clearance;
        Ok(())
    }

    /// Moves the phase with the start of a session.
    pub(super) fn began(&mut self, kind: SessionType, at: Instant, by: &Id) {
        match (kind, self.phase) {
            (SessionType::Consultation, Phase::Referred) => {
                self.drift(Phase::Consultation, at, by, None);
            }
            (SessionType::Preparation, Phase::Cleared | Phase::ClearedWithConditions)
                if self.active_clearance(at).is_some() =>
            {
                self.drift(Phase::Preparation, at, by, None);
            }
            (
                SessionType::Dosing,
                Phase::Cleared | Phase::ClearedWithConditions | Phase::Preparation,
            ) => self.drift(Phase::DosingActive, at, by, None),
            _ => {}
        }
    }

    pub(super) fn cancel_session(&mut self, id: &Id, body: &Step, ctx: &Context) -> Result<Id> {
        self.abandon(id, body, SessionStatus::Cancelled, ctx)
    }

    pub(super) fn miss_session(&mut self, id: &Id, body: &Step, ctx: &Context) -> Result<Id> {
        self.abandon(id, body, SessionStatus::NoShow, ctx)
    }

    pub(super) fn abandon(
        &mut self,
        id: &Id,
        body: &Step,
        to: SessionStatus,
        ctx: &Context,
    ) -> Result<Id> {
        owner(self.session(id)?.kind, ctx)?;
        self.known_at(&body.by, "/by")?;
        ctx.at(body.at)?;
        if self.session(id)?.first_dose_at().is_some() {
            let text = "A dose was given in this session: complete it instead.";
            return Err(conflict("KAP-INV-01", text));
        }
        let session = self.session_mut(id)?;
        if !session.status.is_ahead() {
            return Err(conflict(
                "KAP-INV-01",
                format!("The session is {}.", session.status),
            ));
        }
        session.status = to;
        Ok(id.clone())
    }
}

/// A body weight in kilograms.
pub(super) fn weight(
    quantity: Option<crate::kap::Quantity>,
) -> Result<Option<crate::kap::Quantity>> {
    let wrong = |q: &crate::kap::Quantity| super::medication::unit(q) != "kg";
    if quantity.as_ref().is_some_and(wrong) {
        let text = "A body weight is in kg.";
        return Err(Error::new(Kind::Unprocessable, text).at("/bodyWeight/unit"));
    }
    Ok(quantity)
}
