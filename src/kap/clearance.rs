//! The prescriber's decision whether, and within which limits, dosing may happen.

use serde::{Deserialize, Serialize};

use super::base::{Day, Decimal, Id, Instant, codes};
use super::dosing::{Setting, Timing};
use super::medication::Route;

codes! {
    /// Code system `kap-clearance-decision`.
    Decision { Cleared = "cleared", ClearedWithConditions = "cleared-with-conditions", Deferred = "deferred", NotCleared = "not-cleared" }
}
codes! {
    /// State of a clearance on a given day; computed, never sent.
    ClearanceStatus { Active = "active", Superseded = "superseded", Expired = "expired", Revoked = "revoked", EnteredInError = "entered-in-error" }
}
codes! {
    /// How often a condition must be met.
    ConditionScope { Once = "once", EachSession = "each-session" }
}

/// Limits of one moment of the session. Pressures in `mm[Hg]`, rates in /min, saturation in %.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VitalLimits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub systolic_max: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub systolic_min: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diastolic_max: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diastolic_min: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heart_rate_min: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heart_rate_max: Option<Decimal>,
}

/// This person's limits of vital signs.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VitalParameters {
    /// `individualised-by-prescriber` or `policy-default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_dose: Option<VitalLimits>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_of_session: Option<VitalLimits>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recheck_after_minutes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rechecks: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_timings: Vec<Timing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_minutes_pre_dose: Option<u32>,
    /// Lowest oxygen saturation, %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spo2_min: Option<Decimal>,
}

/// Something that must hold before dosing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClearanceCondition {
    /// Names it within the clearance; given by the service where the sender chose none.
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    /// A code of `kap-clearance-condition`.
    pub code: String,
    pub text: String,
    pub scope: ConditionScope,
    pub must_satisfy_before_dosing: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub satisfied_at: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub satisfied_by: Option<Id>,
}

/// Why the decision waits or is no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeferralReason {
    /// A code of `kap-deferral-reason`.
    pub code: String,
    pub text: String,
    /// Who must resolve it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Id>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitivity: Vec<String>,
}

/// A clearance decision; immutable once given, but for conditions that are met and a revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Clearance {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    pub decision: Decision,
    /// Computed; ignored on input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ClearanceStatus>,
    pub decided_at: Instant,
    /// A prescriber of the partner.
    pub decided_by: Id,
    /// The evaluation session on which the decision rests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluation_session_id: Option<Id>,
    pub effective_from: Day,
    /// Last day of validity; required for `cleared` and `cleared-with-conditions`.
    #[serde(default)]
    pub valid_until: Option<Day>,
    /// Required for `deferred`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_by: Option<Day>,
    #[serde(default)]
    pub settings_allowed: Vec<Setting>,
    #[serde(default)]
    pub routes_allowed: Vec<Route>,
    #[serde(default)]
    pub dose_ceiling_mg_per_session: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_sessions_per7_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_days_between_sessions: Option<u32>,
    #[serde(default)]
    pub vital_parameters: Option<VitalParameters>,
    #[serde(default)]
    pub conditions: Vec<ClearanceCondition>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deferral_reasons: Vec<DeferralReason>,
    /// Screenings, problems, issues, sessions on which the decision rests.
    #[serde(default)]
    pub basis_ids: Vec<Id>,
    /// At most 1,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale_summary: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale_restricted: Option<bool>,
    #[serde(default)]
    pub supersedes: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_id: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_reason: Option<String>,
}
