//! Plan and shared goals.

use serde::{Deserialize, Serialize};

use super::base::{Coding, Day, Decimal, Id, Instant, codes};
use super::dosing::Setting;
use super::medication::Route;

/// Fewest and most dosing sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionRange {
    pub min: u32,
    pub max: u32,
}

/// Target interval between dosing sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cadence {
    pub every_days: u32,
}

/// The treatment plan. Ranges and cadence are targets, never gates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TreatmentPlan {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    /// FHIR R4 `request-status`.
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_dosing_sessions: Option<SessionRange>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dosing_cadence: Option<Cadence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration_per_dosing: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration_target_hours: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preparation_sessions: Option<u32>,
    /// Maintenance in words; absent while the course runs.
    #[serde(default)]
    pub maintenance: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modality: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setting: Option<Setting>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<Route>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dose_strategy: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub goal_ids: Vec<Id>,
}

codes! {
    /// Who may see an intention. `practice-only` has no FHIR form.
    Sharing { PracticeOnly = "practice-only", CareTeam = "care-team", All = "all" }
}
codes! {
    /// What an intention is.
    IntentionCategory { Intention = "intention", OutcomeTarget = "outcome-target" }
}

/// A measurable target of a goal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GoalTarget {
    /// `<`, `<=`, `>=` or `>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparator: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_date: Option<Day>,
}

/// An intention or goal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Intention {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    pub text: String,
    pub expressed_by: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Instant>,
    pub category: IntentionCategory,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Coding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<GoalTarget>,
    pub sharing: Sharing,
}
