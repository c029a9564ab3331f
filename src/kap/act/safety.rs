//! Findings, their mitigation, and adverse events.

use super::body::{Step, UpdateAdverseEvent};
use super::{Context, Side, conflict, not_permitted, put, refuse};
use crate::error::{Error, Kind, Result};
use crate::kap::Episode;
use crate::kap::base::{Coding, Id, Instant};
use crate::kap::dosing::Severity;
use crate::kap::people::MemberRole;
use crate::kap::readiness::BlockingReason;
use crate::kap::safety::{
    AdverseEvent, Alert, DetectedIssue, EventOutcome, IssueSeverity, IssueStatus, Mitigation,
    Seriousness,
};

const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

/// Something that a rule found, before it is on the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kap) struct Finding {
    /// A code of `kap-rule`, or the id of an invariant that has none.
    pub rule: &'static str,
    /// HL7 v3 ActCode and its display.
    pub code: (&'static str, &'static str),
    pub severity: IssueSeverity,
    pub subject: Id,
    pub at: Instant,
    pub text: &'static str,
}

impl Finding {
    /// A finding about an observation.
    pub fn observed(
        rule: &'static str,
        subject: &Id,
        at: Instant,
        severity: IssueSeverity,
        text: &'static str,
    ) -> Self {
        Self::new(
            rule,
            ("OBSA", "Observation Alert"),
            severity,
            subject,
            at,
            text,
        )
    }

    fn new(
        rule: &'static str,
        code: (&'static str, &'static str),
        severity: IssueSeverity,
        subject: &Id,
        at: Instant,
        text: &'static str,
    ) -> Self {
        Self {
            rule,
            code,
            severity,
            subject: subject.clone(),
            at,
            text,
        }
    }
}

const TIMING: (&str, &str) = ("TIME", "timing detected issue");
const COMPLY: (&str, &str) = ("COMPLY", "Compliance Alert");

pub(super) fn early_maintenance(subject: &Id, at: Instant) -> Finding {
    let text = "Maintenance began before the plan's minimum of dosing sessions.";
    Finding::new("KAP-INV-01", COMPLY, IssueSeverity::Low, subject, at, text)
}

pub(super) fn below_age(subject: &Id, at: Instant) -> Finding {
    let text = "The patient is below the age that the medical partner accepts.";
    let code = ("AGE", "Age Alert");
    Finding::new(
        "KAP-RULE-MINOR",
        code,
        IssueSeverity::High,
        subject,
        at,
        text,
    )
}

pub(super) fn large_supply(subject: &Id, at: Instant) -> Finding {
    let text = "The supply is for more sessions than the policy has it.";
    Finding::new(
        "KAP-RULE-SUPPLY",
        COMPLY,
        IssueSeverity::Moderate,
        subject,
        at,
        text,
    )
}

pub(super) fn pdmp_missing(subject: &Id, at: Instant) -> Finding {
    let text = "No check of the prescription monitoring programme is recorded.";
    Finding::new("KAP-INV-32", COMPLY, IssueSeverity::Low, subject, at, text)
}

pub(super) fn discrepancy(subject: &Id, at: Instant) -> Finding {
    let text = "The units on hand differ from the ledger.";
    Finding::new(
        "KAP-RULE-INVENTORY",
        COMPLY,
        IssueSeverity::High,
        subject,
        at,
        text,
    )
}

pub(super) fn unstarted(subject: &Id, at: Instant) -> Finding {
    let text = "A dose was given in a session that had not been started.";
    Finding::new("KAP-INV-01", COMPLY, IssueSeverity::High, subject, at, text)
}

pub(super) fn out_of_order(subject: &Id, at: Instant) -> Finding {
    let text = "A time lies before the start of its session.";
    Finding::new("KAP-INV-23", TIMING, IssueSeverity::Low, subject, at, text)
}

pub(super) fn over_dose(subject: &Id, at: Instant) -> Finding {
    let text = "The session's dose is above the maximum of prescription or clearance.";
    let code = ("DOSEH", "High Dose Alert");
    Finding::new("KAP-INV-07", code, IssueSeverity::High, subject, at, text)
}

pub(super) fn short(subject: &Id, at: Instant) -> Finding {
    let text = "The time from first dose to discharge was short.";
    Finding::new("KAP-INV-14", TIMING, IssueSeverity::Low, subject, at, text)
}

pub(super) fn late_integration(subject: &Id, at: Instant) -> Finding {
    let text = "The integration session came later after the dose than the target.";
    let rule = "KAP-RULE-INTEGRATION";
    Finding::new(rule, TIMING, IssueSeverity::Low, subject, at, text)
}

/// The finding for a warning under which dosing started.
pub(super) fn warned(warning: &BlockingReason, subject: &Id, at: Instant) -> Finding {
    let rule = match warning.rule {
        "KAP-INV-13" => "KAP-RULE-CHAPERONE",
        "KAP-INV-10" => "KAP-RULE-VITALS-MISSING",
        "KAP-INV-15" => "KAP-RULE-FUQ",
        "KAP-INV-17" => "KAP-RULE-INTEGRATION",
        "KAP-INV-33" => "KAP-RULE-LOCATION",
        other => other,
    };
    let text = "Dosing started under a warning of the readiness check.";
    Finding::new(rule, COMPLY, IssueSeverity::Moderate, subject, at, text)
}

/// The finding for a gate that a recorded dose went past.
pub(super) fn breach(reason: &BlockingReason, subject: &Id, at: Instant) -> Option<Finding> {
    let (rule, code, text) = match reason.rule {
        "KAP-INV-08" => (
            "KAP-RULE-INTERVAL",
            ("DOSEIVL", "Dose-Interval Alert"),
            "A dose was given before the interval between sessions had passed.",
        ),
        "KAP-INV-10" => (
            "KAP-RULE-VITALS-MISSING",
            ("OBSA", "Observation Alert"),
            "A dose was given without recent pre-dose vital signs.",
        ),
        "KAP-INV-11" => (
            "KAP-RULE-BP-PREDOSE",
            ("OBSA", "Observation Alert"),
            "A dose was given while pre-dose vital signs were out of range.",
        ),
        _ => return None,
    };
    Some(Finding::new(
        rule,
        code,
        IssueSeverity::High,
        subject,
        at,
        text,
    ))
}

impl Episode {
    /// Puts a finding on the record: once for each rule and subject; an open one of the same rule and subject
    /// only ever becomes more severe.
    pub(in crate::kap) fn raise(&mut self, f: Finding, ctx: &Context) {
        let same =
            |i: &&mut DetectedIssue| i.rule_id == f.rule && i.implicated.contains(&f.subject);
        if let Some(known) = self.detected_issues.iter_mut().find(same) {
            // `High` is the first of the list.
            if known.severity > f.severity && known.status == IssueStatus::Preliminary {
                known.severity = f.severity;
            }
            return;
        }
        let (code, display) = f.code;
        self.detected_issues.push(DetectedIssue {
            id: (ctx.ids)(&format!("issue.{}.{}", f.rule, f.subject)),
            rule_id: f.rule.to_owned(),
            code: Coding {
                system: ACT_CODE.into(),
                code: code.into(),
                display: Some(display.into()),
            },
            severity: f.severity,
            status: IssueStatus::Preliminary,
            identified_at: f.at,
            author: Id::new("system"),
            implicated: vec![f.subject],
            detail: Some(f.text.into()),
            sensitivity: vec![],
            mitigations: vec![],
            rule_version: Some(ctx.policy.version.clone()),
        });
    }

    /// Whether `who` is a prescriber or nurse of the care team.
    pub(super) fn is_medical(&self, who: &Id) -> bool {
        let medical = |r| matches!(r, MemberRole::Prescriber | MemberRole::DosingNurse);
        self.care_team
            .iter()
            .any(|m| &m.id == who && medical(m.role))
    }

    /// A finding as a record: a person's own, or a known one with mitigations added.
    pub(super) fn take_issue(&mut self, issue: DetectedIssue, ctx: &Context) -> Result<Id> {
        ctx.treating()?;
        let id = issue.id.clone();
        let Some(old) = self.detected_issues.iter().find(|i| i.id == id) else {
            ctx.past(issue.identified_at, "/identifiedAt")?;
            self.detected_issues.push(issue);
            return Ok(id);
        };
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
    pub(super) fn take_adverse_event(&mut self, event: AdverseEvent, ctx: &Context) -> Result<Id> {
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

/// Whether an event holds dosing (KAP-INV-26).
fn grave(event: &AdverseEvent) -> bool {
    let severe = event.severity != Severity::Mild || event.seriousness == Seriousness::Serious;
    severe && event.entered_in_error != Some(true)
}

/// Whether a positive suicide-risk answer of `at` or before waits for a clinician (KAP-INV-19).
pub(in crate::kap) fn safety_review_due(episode: &Episode, at: Instant) -> bool {
    episode.detected_issues.iter().any(|i| {
        let risk = matches!(i.rule_id.as_str(), "KAP-RULE-SI-ITEM9" | "KAP-RULE-CSSRS");
        risk && i.identified_at <= at
            && i.status != IssueStatus::EnteredInError
            && i.mitigations.is_empty()
    })
}
