//! The referral to the medical partner and its workflow (domain reference §3.4).

use super::body::{ReferralEvent, SendReferral};
use super::{Context, Side, conflict, not_permitted, put, refuse, ruled, said, unfit};
use crate::error::{Error, Issue, Kind, Result};
use crate::kap::base::{Id, Instant};
use crate::kap::consent::ConsentKind;
use crate::kap::referral::{Priority, Referral, ReferralStatus, TaskEvent, TaskStatus};
use crate::kap::{Episode, Phase};

impl TaskStatus {
    /// Whether the workflow has a way from this status to `to`. A step may repeat a status to tell news of it.
    #[must_use]
    pub const fn may_become(self, to: Self) -> bool {
        use TaskStatus as T;
        match self {
            T::Requested => !matches!(to, T::Requested | T::Completed | T::Failed),
            T::Accepted => !matches!(to, T::Requested | T::Rejected),
            T::OnHold => !matches!(to, T::Completed),
            T::InProgress => !matches!(to, T::Requested | T::Accepted | T::Rejected),
            T::Rejected | T::Completed | T::Cancelled | T::Failed => false,
        }
    }

    const fn needs_reason(self) -> bool {
        use TaskStatus as T;
        matches!(self, T::Rejected | T::OnHold | T::Failed | T::Cancelled)
    }
}

impl Referral {
    /// The present status of the workflow.
    #[must_use]
    pub fn task_status(&self) -> TaskStatus {
        self.task_events
            .last()
            .map_or(TaskStatus::Requested, |e| e.status)
    }

    /// Whether the partner still owes something.
    #[must_use]
    pub fn is_open(&self) -> bool {
        use TaskStatus as T;
        let ended = matches!(
            self.task_status(),
            T::Rejected | T::Completed | T::Cancelled | T::Failed
        );
        self.status == ReferralStatus::Active && !ended
    }
}

impl Episode {
    pub(super) fn send_referral(&mut self, body: SendReferral, ctx: &Context) -> Result<Id> {
        let at = ctx.at(body.at)?;
        let first = TaskEvent {
            at,
            status: TaskStatus::Requested,
            business_status: Some("referral-sent".into()),
            note: None,
            by: Some(body.requester_id.clone()),
            output_clearance_id: None,
        };
        let referral = Referral {
            id: (ctx.ids)("referral"),
            task_id: (ctx.ids)("task"),
            requested_at: at,
            requester_id: body.requester_id,
            performer_org_id: self.organizations.partner.id.clone(),
            service: body.service,
            priority: body.priority.unwrap_or(Priority::Routine),
            reason_condition_ids: body.reason_condition_ids,
            supporting_info_ids: body.supporting_info_ids,
            desired_setting: body.desired_setting,
            desired_route: body.desired_route,
            status: ReferralStatus::Active,
            task_events: vec![first],
        };
        let id = referral.id.clone();
        self.add_referral(referral, ctx)?;
        Ok(id)
    }

    fn add_referral(&mut self, referral: Referral, ctx: &Context) -> Result<()> {
        ctx.only(Side::Practice)?;
        let at = referral.requested_at;
        ctx.past(at, "/requestedAt")?;
        self.known_at(&referral.requester_id, "/requesterId")?;
        if self.referrals.iter().any(Referral::is_open) {
            let text = "A referral is under way already.";
            return Err(conflict("KAP-INV-01", text));
        }
        refuse(self.packet_gaps(&referral))?;
        self.may_refer(at)?;
        // A repeat for follow-up or renewal, later in the course, moves no phase.
        let early = matches!(
            self.phase,
            Phase::Referred | Phase::Consultation | Phase::Deferred
        );
        if early {
            let by = referral.requester_id.clone();
            self.go(Phase::EvaluationRequested, at, by, None)?;
        }
        self.age_limit(at, ctx);
        self.referrals.push(referral);
        Ok(())
    }

    /// What the minimum packet lacks.
    fn packet_gaps(&self, referral: &Referral) -> Vec<Issue> {
        let mut out = vec![];
        let known = |id: &Id| self.problems.iter().any(|p| &p.id == id);
        if referral.reason_condition_ids.is_empty() {
            let text = "The packet needs at least one indication.";
            out.push(super::issue("KAP-INV-01", "/reasonConditionIds", text));
        }
        for (n, id) in referral.reason_condition_ids.iter().enumerate() {
            if !known(id) {
                let at = format!("/reasonConditionIds/{n}");
                out.push(super::issue("KAP-INV-01", &at, "There is no such problem."));
            }
        }
        if referral.supporting_info_ids.is_empty() {
            let text = "The packet needs at least one screening.";
            out.push(super::issue("KAP-INV-01", "/supportingInfoIds", text));
        }
        let screened = |id: &Id| {
            self.screenings.iter().any(|s| &s.id == id)
                || self.outcomes.iter().any(|o| &o.id == id)
                || self.problems.iter().any(|p| &p.id == id)
                || self.sessions.iter().any(|s| &s.id == id)
        };
        for (n, id) in referral.supporting_info_ids.iter().enumerate() {
            if !screened(id) {
                let at = format!("/supportingInfoIds/{n}");
                out.push(super::issue("KAP-INV-01", &at, "There is no such record."));
            }
        }
        out
    }

    /// The basis for telling the partner, and a minor's consents to be evaluated.
    fn may_refer(&self, at: Instant) -> Result<()> {
        let mut issues = vec![];
        let mut code = "consent-missing";
        if !self.may_tell_partner(at) {
            let text =
                "No active privacy consent permits to tell the medical partner for treatment.";
            issues.push(super::issue("KAP-INV-31", "", text));
        }
        if self.is_minor(self.calendar().day(at)) {
            let guardian = self.consent(ConsentKind::GuardianEvaluation, at);
            let signed =
                guardian.is_some_and(|c| c.signers.iter().any(|s| self.guardian(&s.id).is_some()));
            if !signed {
                let text = "A guardian of verified authority has not consented to the evaluation.";
                issues.push(super::issue("KAP-INV-12", "", text));
            }
            if self.consent(ConsentKind::AssentEvaluation, at).is_none() {
                let text = "The minor has not assented to the evaluation.";
                issues.push(super::issue("KAP-INV-12", "", text));
                code = if issues.len() == 1 {
                    "assent-missing"
                } else {
                    code
                };
            }
        }
        for issue in &mut issues {
            issue.at = None;
            issue.resolve_by = Some("therapist".into());
        }
        if issues.is_empty() {
            return Ok(());
        }
        Err(Error::with_issues(Kind::Conflict, issues).code(code))
    }

    /// A referral as a record: a new one is sent, a known one has grown by events.
    pub(super) fn take_referral(&mut self, referral: Referral, ctx: &Context) -> Result<Id> {
        let id = referral.id.clone();
        let Some(old) = self.referrals.iter().find(|r| r.id == id) else {
            self.add_referral(referral, ctx)?;
            return Ok(id);
        };
        let known = old.task_events.len();
        if referral.task_events.get(..known) != Some(&old.task_events[..]) {
            let text = "Events of a referral are added, never changed.";
            return Err(conflict("KAP-INV-01", text));
        }
        for event in referral.task_events[known..].iter().cloned() {
            self.take_event(&id, event, ctx)?;
        }
        if let Some(current) = self.referrals.iter().find(|r| r.id == id) {
            let mut merged = referral;
            merged.status = current.status;
            merged.task_events.clone_from(&current.task_events);
            put(&mut self.referrals, merged, |r| &r.id);
        }
        Ok(id)
    }

    pub(super) fn referral_event(
        &mut self,
        id: &Id,
        body: ReferralEvent,
        ctx: &Context,
    ) -> Result<Id> {
        let event = TaskEvent {
            at: ctx.at(body.at)?,
            status: body.status,
            business_status: body.business_status,
            note: body.reason,
            by: body.by,
            output_clearance_id: None,
        };
        self.take_event(id, event, ctx)?;
        Ok(id.clone())
    }

    fn take_event(&mut self, id: &Id, event: TaskEvent, ctx: &Context) -> Result<()> {
        ctx.past(event.at, "/at")?;
        event_owner(&event, ctx)?;
        let found = self.referrals.iter().position(|r| &r.id == id);
        let n = found.ok_or_else(Error::not_found)?;
        let (from, to) = (self.referrals[n].task_status(), event.status);
        if !from.may_become(to) {
            let text = format!("The referral is {from} and cannot become {to}.");
            return Err(conflict("KAP-INV-01", text));
        }
        let answer = event.business_status.as_deref() == Some("additional-information-sent");
        if to.needs_reason() && !answer && !said(event.note.as_deref()) {
            let text = format!("A reason is required for {to}.");
            return Err(Error::new(Kind::Unprocessable, text).at("/reason"));
        }
        let last = self.referrals[n].task_events.last();
        if last.is_some_and(|e| event.at < e.at) {
            let text = "The step lies before the one that precedes it.";
            return Err(unfit("KAP-INV-23", "/at", text));
        }
        if to == TaskStatus::Completed && !self.decided_since(self.referrals[n].requested_at) {
            let text = "A referral is completed by the clearance decision: decide first.";
            return Err(ruled(Kind::Conflict, "KAP-INV-02", text).code("clearance-missing"));
        }
        if event.status == TaskStatus::Accepted {
            self.age_limit(event.at, ctx);
        }
        self.settle_event(n, event);
        Ok(())
    }

    fn decided_since(&self, at: Instant) -> bool {
        self.clearances.iter().any(|c| c.decided_at >= at)
    }

    /// Who refers somebody below the partner's age limit, or takes such a referral, is told so. Neither is refused: the
    /// partner may answer questions, or evaluate ahead of a birthday.
    fn age_limit(&mut self, at: Instant, ctx: &Context) {
        let day = self.calendar().day(at);
        if self.below_limit(day, ctx).is_some() {
            let subject = self.patient.id.clone();
            self.raise(super::finding::below_age(&subject, at), ctx);
        }
    }

    fn settle_event(&mut self, n: usize, event: TaskEvent) {
        let (at, to, why) = (event.at, event.status, event.note.clone());
        let by = event.by.clone();
        let by = by.unwrap_or_else(|| self.organizations.partner.id.clone());
        let referral = &mut self.referrals[n];
        referral.task_events.push(event);
        referral.status = match to {
            TaskStatus::Completed => ReferralStatus::Completed,
            TaskStatus::Rejected | TaskStatus::Cancelled | TaskStatus::Failed => {
                ReferralStatus::Revoked
            }
            _ => referral.status,
        };
        let back = referral.status == ReferralStatus::Revoked;
        if back && self.phase == Phase::EvaluationRequested {
            self.drift(Phase::Consultation, at, &by, why);
        }
    }

    /// Completes the open referral with the decision that answers it.
    pub(super) fn answer_referral(&mut self, at: Instant, by: &Id, clearance: &Id) {
        let Some(n) = self.referrals.iter().rposition(Referral::is_open) else {
            return;
        };
        let referral = &mut self.referrals[n];
        referral.task_events.push(TaskEvent {
            at,
            status: TaskStatus::Completed,
            business_status: Some("decision-issued".into()),
            note: None,
            by: Some(by.clone()),
            output_clearance_id: Some(clearance.clone()),
        });
        referral.status = ReferralStatus::Completed;
    }
}

/// Steps belong to the partner, but for a withdrawal and an answer to a question, which are the practice's.
fn event_owner(event: &TaskEvent, ctx: &Context) -> Result<()> {
    let answer = event.business_status.as_deref() == Some("additional-information-sent");
    let practice = event.status == TaskStatus::Cancelled || answer;
    match (practice, ctx.actor.side) {
        (true, Side::Practice) | (false, Side::Partner) => Ok(()),
        (true, _) => Err(not_permitted("This step is the practice's.")),
        (false, _) => Err(not_permitted("This step is the medical partner's.")),
    }
}
