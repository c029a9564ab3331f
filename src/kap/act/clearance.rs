//! The prescriber's decision: given, renewed, revoked; its conditions met.

use super::body::{Decide, Step};
use super::{Context, conflict, refuse, ruled, said};
use crate::error::{Error, Issue, Kind, Result};
use crate::kap::base::{Day, Decimal, Id, Instant};
use crate::kap::calendar::age_on;
use crate::kap::clearance::{Clearance, ClearanceStatus, ConditionScope, Decision};
use crate::kap::dosing::{SessionStatus, SessionType};
use crate::kap::follow_up::{FollowUp, FollowUpKind, FollowUpStatus};
use crate::kap::{Episode, Phase};

impl Decision {
    /// Whether dosing may follow.
    #[must_use]
    pub const fn clears(self) -> bool {
        matches!(self, Self::Cleared | Self::ClearedWithConditions)
    }
}

impl Episode {
    /// The decision that rules at `at`: the newest that was not taken back as an error.
    #[must_use]
    pub fn ruling(&self, at: Instant) -> Option<&Clearance> {
        let given = |c: &&Clearance| {
            c.decided_at <= at && c.status != Some(ClearanceStatus::EnteredInError)
        };
        self.clearances
            .iter()
            .filter(given)
            .max_by_key(|c| c.decided_at)
    }

    /// The clearance under which dosing is possible at `at`.
    #[must_use]
    pub fn active_clearance(&self, at: Instant) -> Option<&Clearance> {
        let day = self.calendar().day(at);
        let ruling = self.ruling(at)?;
        let active = self.clearance_status(ruling, at) == ClearanceStatus::Active;
        let begun = ruling.effective_from <= day;
        (ruling.decision.clears() && active && begun).then_some(ruling)
    }

    /// The status of a clearance at `at`.
    #[must_use]
    pub fn clearance_status(&self, clearance: &Clearance, at: Instant) -> ClearanceStatus {
        let newer = self.clearances.iter().any(|c| {
            c.id != clearance.id && c.decided_at > clearance.decided_at && c.decided_at <= at
        });
        let day: Day = self.calendar().day(at);
        if clearance.status == Some(ClearanceStatus::EnteredInError) {
            ClearanceStatus::EnteredInError
        } else if clearance.revoked_at.is_some_and(|t| t <= at) {
            ClearanceStatus::Revoked
        } else if newer {
            ClearanceStatus::Superseded
        } else if clearance.valid_until.is_some_and(|last| last < day) {
            ClearanceStatus::Expired
        } else {
            ClearanceStatus::Active
        }
    }

    pub(super) fn decide(&mut self, body: Decide, of: Option<Id>, ctx: &Context) -> Result<Id> {
        let at = ctx.at(body.at)?;
        if of
            .as_ref()
            .is_some_and(|id| !self.clearances.iter().any(|c| &c.id == id))
        {
            return Err(Error::not_found());
        }
        let mut conditions = body.conditions;
        for (n, condition) in conditions.iter_mut().enumerate() {
            if condition.id.is_unset() {
                condition.id = (ctx.ids)(&format!("condition-{n}"));
            }
        }
        let supersedes = of.or_else(|| self.ruling(at).map(|c| c.id.clone()));
        let clearance = Clearance {
            id: (ctx.ids)("clearance"),
            decision: body.decision,
            status: None,
            decided_at: at,
            decided_by: body.decided_by,
            evaluation_session_id: body.evaluation_session_id,
            effective_from: body
                .effective_from
                .unwrap_or_else(|| self.calendar().day(at)),
            valid_until: body.valid_until,
            review_by: body.review_by,
            settings_allowed: body.settings_allowed,
            routes_allowed: body.routes_allowed,
            dose_ceiling_mg_per_session: body.dose_ceiling_mg_per_session,
            max_sessions_per7_days: body.max_sessions_per7_days,
            min_days_between_sessions: body.min_days_between_sessions,
            vital_parameters: body.vital_parameters,
            conditions,
            deferral_reasons: body.deferral_reasons,
            basis_ids: body.basis_ids,
            rationale_summary: body.rationale_summary,
            rationale_restricted: body.rationale_restricted,
            supersedes,
            document_id: body.document_id,
            revoked_at: None,
            revoked_reason: None,
        };
        self.take_clearance(clearance, ctx)
    }

    /// A decision as a record: a new one is a decision; of a known one only conditions met and a revocation are news.
    pub(super) fn take_clearance(&mut self, clearance: Clearance, ctx: &Context) -> Result<Id> {
        let id = clearance.id.clone();
        let Some(old) = self.clearances.iter().find(|c| c.id == id).cloned() else {
            self.add_clearance(clearance, ctx)?;
            return Ok(id);
        };
        for new in &clearance.conditions {
            let was = old.conditions.iter().find(|c| c.id == new.id);
            let news = was.is_some_and(|c| c.satisfied_at.is_none());
            if let (true, Some(at), Some(by)) = (news, new.satisfied_at, &new.satisfied_by) {
                let step = step(at, by, None);
                self.satisfy(&id, &new.id, &step, ctx)?;
            }
        }
        if let (None, Some(at)) = (old.revoked_at, clearance.revoked_at) {
            let step = step(at, &clearance.decided_by, clearance.revoked_reason.clone());
            self.revoke_clearance(&id, &step, ctx)?;
        }
        let mut then = clearance;
        let now = self.clearances.iter().find(|c| c.id == id);
        if let Some(now) = now {
            then.conditions.clone_from(&now.conditions);
            then.revoked_at = now.revoked_at;
            then.revoked_reason.clone_from(&now.revoked_reason);
            then.status = now.status;
            if &then != now {
                let text = "A decision is not changed once given: give a new one that renews it.";
                return Err(conflict("KAP-INV-21", text));
            }
        }
        Ok(id)
    }

    fn add_clearance(&mut self, mut clearance: Clearance, ctx: &Context) -> Result<()> {
        self.prescriber_at(&clearance.decided_by, "/decidedBy", ctx)?;
        let at = clearance.decided_at;
        ctx.past(at, "/decidedAt")?;
        clearance.status = None;
        refuse(gaps(&clearance, self.calendar().day(at)))?;
        if clearance.decision.clears() {
            let mut issues = self.unadjudicated(at);
            issues.extend(self.too_young(&clearance, ctx));
            if !issues.is_empty() {
                return Err(Error::with_issues(Kind::Conflict, issues).code("state-conflict"));
            }
        }
        let last = self.ruling(ctx.now).map(|c| c.decided_at);
        if last.is_some_and(|t| at < t) {
            let text = "The decision lies before the one that is in force.";
            return Err(super::unfit("KAP-INV-23", "/at", text));
        }
        let (id, by) = (clearance.id.clone(), clearance.decided_by.clone());
        self.decided(&clearance, at, &by)?;
        self.after_decision(&clearance, at, ctx);
        self.clearances.push(clearance);
        self.answer_referral(at, &by, &id);
        Ok(())
    }

    /// What keeps the partner from clearing somebody below the age that it accepts: on the day from which the clearance
    /// would hold.
    ///
    /// The age limit is the partner's own (its authorisation, not a clinical judgement), so it is a gate and no flag to
    /// be weighed. What to do instead stays the partner's decision: it declines the referral, or defers with the
    /// reason `partner-age-limit` and a day of review.
    fn too_young(&self, clearance: &Clearance, ctx: &Context) -> Option<Issue> {
        let day = self.calendar().day(clearance.decided_at);
        let from = clearance.effective_from.max(day);
        self.below_limit(from, ctx).map(|least| Issue {
            text: format!(
                "The patient is below the age of {least} that the medical partner accepts: decline, \
                 or defer with `partner-age-limit`."
            ),
            rule: Some("KAP-INV-20".into()),
            resolve_by: Some("prescriber".into()),
            ..Issue::default()
        })
    }

    /// The partner's lowest age, where the patient is below it on `day`.
    pub(super) fn below_limit(&self, day: Day, ctx: &Context) -> Option<u32> {
        let partner = &self.organizations.partner.id;
        let least = *ctx.policy.minimum_age.get(partner)?;
        (age_on(self.patient.birth_date, day) < least).then_some(least)
    }

    /// Moves the phase with the decision.
    fn decided(&mut self, clearance: &Clearance, at: Instant, by: &Id) -> Result<()> {
        let to = match clearance.decision {
            Decision::Cleared => Phase::Cleared,
            Decision::ClearedWithConditions => Phase::ClearedWithConditions,
            Decision::Deferred => Phase::Deferred,
            Decision::NotCleared => Phase::NotCleared,
        };
        let later = matches!(
            self.phase,
            Phase::Cleared
                | Phase::ClearedWithConditions
                | Phase::Preparation
                | Phase::DosingActive
                | Phase::DosingHold
                | Phase::Maintenance
        );
        if !later {
            return self.go(to, at, by.clone(), None);
        }
        // In the course a decision renews or ends the clearance; the phase stays, or waits.
        if !clearance.decision.clears() {
            self.hold_automatically(at, format!("clearance decision: {}", clearance.decision));
        }
        Ok(())
    }

    /// Follow-ups that a decision calls for.
    fn after_decision(&mut self, clearance: &Clearance, at: Instant, ctx: &Context) {
        let day = self.calendar().day(at);
        if clearance.decision == Decision::Deferred {
            let due = clearance.review_by.unwrap_or(day);
            self.owe(FollowUpKind::ClearanceReReview, day, due, ctx);
        }
        let waits = |f: &FollowUp| f.kind.is_medical() && f.is_open();
        if clearance.decision.clears() && !self.follow_ups.iter().any(waits) {
            // A deferral ended what the evaluation had called for; the clearance calls for it anew.
            let due = day.plus_days(ctx.policy.follow_up.first_days.into());
            let evaluated = self.sessions.iter().any(|s| {
                s.kind == SessionType::MedicalEvaluation && s.status == SessionStatus::Completed
            });
            if evaluated && self.dosing_done() == 0 {
                self.owe(FollowUpKind::Medical30Day, day, due, ctx);
            }
        } else if matches!(self.phase, Phase::Deferred | Phase::NotCleared) {
            // Medical follow-ups are due while dosing is planned (KAP-INV-15).
            for follow_up in self.follow_ups.iter_mut().filter(|f| waits(f)) {
                follow_up.status = FollowUpStatus::Cancelled;
                follow_up.note = Some("no dosing is planned".into());
            }
        }
    }

    pub(super) fn revoke_clearance(&mut self, id: &Id, body: &Step, ctx: &Context) -> Result<Id> {
        if !self.clearances.iter().any(|c| &c.id == id) {
            return Err(Error::not_found());
        }
        self.prescriber_at(&body.by, "/by", ctx)?;
        let at = ctx.at(body.at)?;
        if !said(body.reason.as_deref()) {
            let text = "A reason is required.";
            return Err(Error::new(Kind::Unprocessable, text).at("/reason"));
        }
        for clearance in self.clearances.iter_mut().filter(|c| &c.id == id) {
            if clearance.revoked_at.is_some() {
                return Err(conflict("KAP-INV-02", "The clearance is revoked already."));
            }
            clearance.revoked_at = Some(at);
            clearance.revoked_reason.clone_from(&body.reason);
        }
        self.hold_automatically(at, "clearance revoked");
        Ok(id.clone())
    }

    pub(super) fn satisfy(
        &mut self,
        id: &Id,
        condition: &Id,
        body: &Step,
        ctx: &Context,
    ) -> Result<Id> {
        ctx.treating()?;
        self.known_at(&body.by, "/by")?;
        let at = ctx.at(body.at)?;
        let found = self.clearances.iter_mut().find(|c| &c.id == id);
        let clearance = found.ok_or_else(Error::not_found)?;
        let found = clearance.conditions.iter_mut().find(|c| &c.id == condition);
        let condition = found.ok_or_else(Error::not_found)?;
        if condition.scope == ConditionScope::EachSession {
            let text =
                "This condition is met anew in each session: record it in the session's checklist.";
            return Err(ruled(Kind::Conflict, "KAP-INV-03", text).code("state-conflict"));
        }
        condition.satisfied_at = Some(at);
        condition.satisfied_by = Some(body.by.clone());
        Ok(id.clone())
    }
}

/// What a decision lacks or says in vain.
fn gaps(c: &Clearance, day: Day) -> Vec<Issue> {
    let mut out = vec![];
    let mut say = |at: &str, text: &str| out.push(super::issue("KAP-INV-02", at, text));
    if c.decision.clears() {
        match c.valid_until {
            None => say("/validUntil", "A clearance needs its last day of validity."),
            Some(last) if last < c.effective_from => {
                say("/validUntil", "The validity ends before it begins.");
            }
            Some(_) => {}
        }
        if c.settings_allowed.is_empty() {
            say(
                "/settingsAllowed",
                "A clearance names the settings allowed.",
            );
        }
        if c.routes_allowed.is_empty() {
            say("/routesAllowed", "A clearance names the routes allowed.");
        }
        if c.dose_ceiling_mg_per_session
            .is_none_or(|mg| mg <= Decimal::ZERO)
        {
            say(
                "/doseCeilingMgPerSession",
                "A clearance names a dose ceiling above 0 mg.",
            );
        }
    } else if c.deferral_reasons.is_empty() {
        say("/deferralReasons", "At least one reason is required.");
    }
    let conditional = c.decision == Decision::ClearedWithConditions;
    if conditional == c.conditions.is_empty() {
        say(
            "/conditions",
            "Conditions are given with `cleared-with-conditions`, and only then.",
        );
    }
    if c.decision == Decision::Deferred && c.review_by.is_none_or(|d| d < day) {
        say(
            "/reviewBy",
            "A deferral names the day of its review, not in the past.",
        );
    }
    if c.rationale_summary
        .as_ref()
        .is_some_and(|t| t.chars().count() > 1000)
    {
        say(
            "/rationaleSummary",
            "The summary has at most 1,000 characters.",
        );
    }
    out.extend(twins(c));
    out
}

/// Conditions with the id of another.
fn twins(c: &Clearance) -> Vec<Issue> {
    let again = |n: usize| c.conditions[..n].iter().any(|x| x.id == c.conditions[n].id);
    let text = "Another condition of this clearance has this id.";
    (0..c.conditions.len())
        .filter(|n| again(*n))
        .map(|n| super::issue("KAP-INV-02", &format!("/conditions/{n}/id"), text))
        .collect()
}

fn step(at: Instant, by: &Id, reason: Option<String>) -> Step {
    Step {
        at: Some(at),
        by: by.clone(),
        reason,
    }
}
