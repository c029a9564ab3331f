//! Findings as records, their mitigation, and adverse events.

use super::body::{Step, UpdateAdverseEvent};
use super::{Context, Side, conflict, not_permitted, put, refuse};
use crate::error::{Error, Kind, Result};
use crate::kap::Episode;
use crate::kap::base::Id;
use crate::kap::dosing::Severity;
use crate::kap::safety::{
    AdverseEvent, Alert, DetectedIssue, EventOutcome, IssueStatus, Mitigation, Seriousness,
};

impl Episode {
    /// A finding as a record: a person's own, or a known one with mitigations added.
    ///
    /// A record does not weaken a finding: what was found stays, and only a person's own finding can be taken back. A
    /// rule's finding is answered by a mitigation, else writing would be a way around the prescriber (KAP-INV-20).
    pub(super) fn take_issue(&mut self, mut issue: DetectedIssue, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        let id = issue.id.clone();
        let Some(old) = self.detected_issues.iter().find(|i| i.id == id) else {
            ctx.past(issue.identified_at, "/identifiedAt")?;
            let said = std::mem::take(&mut issue.mitigations);
            self.detected_issues.push(issue);
            return said
                .into_iter()
                .try_for_each(|m| self.mitigate(&id, m, ctx).map(drop))
                .map(|()| id);
        };
        if weakens(old, &issue) {
            let text = "A finding is not weakened or taken back by writing it: say what was done about it.";
            return Err(conflict("KAP-INV-20", text));
        }
        let known = old.mitigations.len();
        if issue.mitigations.get(..known) != Some(&old.mitigations[..]) {
            let text = "Mitigations of a finding are added, never changed.";
            return Err(conflict("KAP-INV-20", text));
        }
        for mitigation in &issue.mitigations[known..] {
            self.mitigate(&id, mitigation.clone(), ctx)?;
        }
        Ok(id)
    }

    pub(super) fn mitigate(&mut self, id: &Id, body: Mitigation, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        ctx.past(body.at, "/at")?;
        self.known_at(&body.by, "/by")?;
        if self.is_prescriber(&body.by) {
            self.prescriber_at(&body.by, "/by", ctx)?;
        }
        let found = self.detected_issues.iter_mut().find(|i| &i.id == id);
        let issue = found.ok_or_else(Error::not_found)?;
        if issue.status == IssueStatus::EnteredInError {
            return Err(conflict("KAP-INV-20", "The finding was taken back."));
        }
        issue.mitigations.push(body);
        issue.status = IssueStatus::Mitigated;
        Ok(id.clone())
    }

    /// An adverse event as a record: a new one, or news of a known one.
    pub(super) fn take_adverse_event(
        &mut self,
        mut event: AdverseEvent,
        ctx: &Context,
    ) -> Result<Id> {
        ctx.treating()?;
        ctx.past(event.occurred_at, "/occurredAt")?;
        ctx.past(event.recorded_at, "/recordedAt")?;
        let mut issues = vec![];
        let mut say = |at: &str, text: &str| issues.push(super::issue("KAP-INV-26", at, text));
        if event.events.is_empty() {
            say("/events", "At least one event is coded.");
        }
        if event.resolved_at.is_some_and(|t| t < event.occurred_at) {
            say("/resolvedAt", "It was resolved before it occurred.");
        }
        if event
            .session_id
            .as_ref()
            .is_some_and(|s| self.session(s).is_err())
        {
            say("/sessionId", "There is no such session.");
        }
        refuse(issues)?;
        self.known_at(&event.reported_by, "/reportedBy")?;
        if let Some(old) = self.adverse_events.iter().find(|e| e.id == event.id) {
            let judged = old.seriousness != event.seriousness || old.causality != event.causality;
            if judged && ctx.actor.side != Side::Partner {
                return Err(not_permitted(
                    "Seriousness and causality are judged by a medical role.",
                ));
            }
            if is_worse(old, &event) {
                seen_when_less(old.alert.as_ref(), &mut event);
            }
        }
        let (id, at) = (event.id.clone(), event.recorded_at);
        let holds = grave(&event);
        let why = event.held_for();
        let new = !self.adverse_events.iter().any(|e| e.id == id && grave(e));
        put(&mut self.adverse_events, event, |e| &e.id);
        if holds && new {
            self.hold_automatically(at, why);
        }
        Ok(id)
    }

    pub(super) fn update_event(
        &mut self,
        id: &Id,
        body: UpdateAdverseEvent,
        ctx: &Context,
    ) -> Result<Id> {
        ctx.treating()?;
        let at = ctx.at(body.at)?;
        self.known_at(&body.by, "/by")?;
        let judges = body.seriousness.is_some() || body.causality.is_some();
        if judges && !self.is_medical(&body.by) {
            let text = "Seriousness and causality are judged by a medical role.";
            return Err(not_permitted(text).at("/by"));
        }
        let found = self.adverse_events.iter().find(|e| &e.id == id);
        let old = found.ok_or_else(Error::not_found)?;
        let was_grave = grave(old);
        let mut event = old.clone();
        event.outcome = body.outcome.unwrap_or(event.outcome);
        let ended = matches!(
            event.outcome,
            EventOutcome::Resolved | EventOutcome::ResolvedWithSequelae | EventOutcome::Fatal
        );
        event.resolved_at = body.resolved_at.or(event.resolved_at);
        if ended && event.resolved_at.is_none() {
            event.resolved_at = Some(at);
        }
        event.seriousness = body.seriousness.unwrap_or(event.seriousness);
        event.severity = body.severity.unwrap_or(event.severity);
        event.causality = body.causality.or(event.causality);
        event.expectedness = body.expectedness.or(event.expectedness);
        event.interventions.extend(body.interventions);
        event.medwatch_reportable = body.medwatch_reportable.or(event.medwatch_reportable);
        event.follow_up_required = body.follow_up_required.or(event.follow_up_required);
        if event.resolved_at.is_some_and(|t| t < event.occurred_at) {
            let text = "It was resolved before it occurred.";
            return Err(super::unfit("KAP-INV-23", "/resolvedAt", text));
        }
        let now_grave = grave(&event);
        let why = event.held_for();
        if is_worse(old, &event) {
            seen_when_less(old.alert.as_ref(), &mut event);
        }
        put(&mut self.adverse_events, event, |e| &e.id);
        if now_grave && !was_grave {
            self.hold_automatically(at, why);
        }
        Ok(id.clone())
    }

    pub(super) fn acknowledge(&mut self, id: &Id, body: &Step, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        let at = ctx.at(body.at)?;
        self.known_at(&body.by, "/by")?;
        let found = self.adverse_events.iter_mut().find(|e| &e.id == id);
        let event = found.ok_or_else(Error::not_found)?;
        let alert = event.alert.get_or_insert_with(|| Alert {
            topic: "https://kap-interop.example.org/fhir/SubscriptionTopic/kap-safety-alert".into(),
            first_attempt_at: None,
            delivered_at: None,
            acknowledged_at: None,
            acknowledged_by: None,
        });
        if alert.acknowledged_at.is_some() {
            let error = Error::new(Kind::Conflict, "The event was acknowledged already.");
            return Err(error.code("state-conflict"));
        }
        alert.acknowledged_at = Some(at);
        alert.acknowledged_by = Some(body.by.clone());
        Ok(id.clone())
    }
}

/// Whether `new` says less than `old`: another rule, a lower severity, a later time, less that it is about, or that it
/// was an error where a rule found it.
fn weakens(old: &DetectedIssue, new: &DetectedIssue) -> bool {
    let taken_back =
        new.status == IssueStatus::EnteredInError && old.status != IssueStatus::EnteredInError;
    let by_rule = old.author.as_ref().is_some_and(|a| a.as_str() == "system");
    let same = old.rule_id == new.rule_id && old.identified_at == new.identified_at;
    let about = old.implicated.iter().all(|id| new.implicated.contains(id));
    // `High` is the first of the list.
    !same || !about || new.severity > old.severity || (taken_back && by_rule)
}

/// Whether an event is more than it was known to be.
fn is_worse(old: &AdverseEvent, new: &AdverseEvent) -> bool {
    let fatal = |e: &AdverseEvent| e.outcome == EventOutcome::Fatal;
    new.severity > old.severity || new.seriousness > old.seriousness || (fatal(new) && !fatal(old))
}

/// Takes back that an event was seen, where it was seen when it was less: this has to be seen.
fn seen_when_less(old: Option<&Alert>, event: &mut AdverseEvent) {
    let before = old.and_then(|alert| alert.acknowledged_at);
    if let Some(alert) = &mut event.alert
        && alert.acknowledged_at == before
    {
        (alert.acknowledged_at, alert.acknowledged_by) = (None, None);
    }
}

/// Whether an event holds dosing (KAP-INV-26).
fn grave(event: &AdverseEvent) -> bool {
    let severe = event.severity != Severity::Mild || event.seriousness == Seriousness::Serious;
    severe && event.entered_in_error != Some(true)
}
