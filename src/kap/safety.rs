//! Detected issues, holds and adverse events.

use serde::{Deserialize, Serialize};

use super::base::{Coding, Id, Instant, codes};
use super::dosing::Severity;

codes! {
    /// FHIR R4 value set `detectedissue-severity`.
    IssueSeverity { High = "high", Moderate = "moderate", Low = "low" }
}
codes! {
    /// State of an issue: found, seen and closed without action, or mitigated. (FHIR R4 writes `final` for the last two.)
    IssueStatus { Preliminary = "preliminary", Final = "final", Mitigated = "mitigated", EnteredInError = "entered-in-error" }
}

/// What was done about an issue, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mitigation {
    /// A code of FHIR R4 value set `detectedissue-mitigation-action`.
    pub action: Coding,
    pub at: Instant,
    pub by: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
}

/// A finding of the safety rules, or of a person, for a clinician to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DetectedIssue {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    /// A code of `kap-rule`.
    pub rule_id: String,
    /// HL7 v3 ActCode, such as `DRG`.
    pub code: Coding,
    pub severity: IssueSeverity,
    pub status: IssueStatus,
    pub identified_at: Instant,
    /// `system` for the rules engine, else a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Id>,
    /// Records that the issue is about.
    #[serde(default)]
    pub implicated: Vec<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitivity: Vec<String>,
    #[serde(default)]
    pub mitigations: Vec<Mitigation>,
    /// Version of the policy under which the rule spoke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_version: Option<String>,
}

codes! {
    /// FHIR R4 adverse event seriousness.
    Seriousness { NonSerious = "non-serious", Serious = "serious" }
}
codes! {
    /// Whether the event happened or could have.
    Actuality { Actual = "actual", Potential = "potential" }
}
codes! {
    /// FHIR R4 value set `adverse-event-outcome`.
    EventOutcome { Resolved = "resolved", Recovering = "recovering", Ongoing = "ongoing", ResolvedWithSequelae = "resolvedWithSequelae", Fatal = "fatal", Unknown = "unknown" }
}
codes! {
    /// FHIR R4 value set `adverse-event-causality-assess`, in lower case.
    Causality { Certain = "certain", ProbablyLikely = "probably-likely", Possible = "possible", Unlikely = "unlikely", Conditional = "conditional-classified", Unassessable = "unassessable-unclassifiable" }
}

/// When the alert about an event went out and was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Alert {
    /// Canonical of the subscription topic.
    pub topic: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_attempt_at: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<Id>,
}

/// An event that harmed, or could have harmed, the patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdverseEvent {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Id>,
    pub occurred_at: Instant,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_at: Option<Instant>,
    pub recorded_at: Instant,
    pub actuality: Actuality,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// At least one; the first is the primary event.
    pub events: Vec<Coding>,
    pub seriousness: Seriousness,
    pub severity: Severity,
    /// `expected` or `unexpected`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expectedness: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causality: Option<Causality>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect_administration_id: Option<Id>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interventions: Vec<String>,
    pub outcome: EventOutcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<Instant>,
    pub reported_by: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Alert>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medwatch_reportable: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow_up_required: Option<bool>,
    /// Set when the record was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entered_in_error: Option<bool>,
}

impl AdverseEvent {
    /// Why it holds dosing. What happened is told by the event itself, to those who may see it.
    pub(in crate::kap) fn held_for(&self) -> String {
        let serious = (self.seriousness == Seriousness::Serious).then_some("serious, ");
        let (serious, severity) = (serious.unwrap_or_default(), self.severity);
        format!("{serious}{severity} adverse event; held for review")
    }
}
