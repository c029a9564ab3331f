//! The referral to the medical partner and its workflow.

use serde::{Deserialize, Serialize};

use super::base::{Coding, Id, Instant, codes};

codes! {
    /// FHIR R4 value set `request-priority`.
    Priority { Routine = "routine", Urgent = "urgent", Asap = "asap", Stat = "stat" }
}
codes! {
    /// FHIR R4 value set `request-status` (without `unknown`).
    ReferralStatus { Draft = "draft", Active = "active", OnHold = "on-hold", Revoked = "revoked", Completed = "completed", EnteredInError = "entered-in-error" }
}
codes! {
    /// Task statuses that the referral workflow uses (domain reference §3.4).
    TaskStatus { Requested = "requested", Accepted = "accepted", Rejected = "rejected", InProgress = "in-progress", OnHold = "on-hold", Completed = "completed", Cancelled = "cancelled", Failed = "failed" }
}

/// One step of the referral workflow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TaskEvent {
    pub at: Instant,
    pub status: TaskStatus,
    /// A code of `kap-task-business-status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_status: Option<String>,
    /// Required for `rejected`, `on-hold`, `failed` and `cancelled`: the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Member or organization that took the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_clearance_id: Option<Id>,
}

/// A request to the partner for evaluation and clearance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Referral {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub task_id: Id,
    pub requested_at: Instant,
    pub requester_id: Id,
    pub performer_org_id: Id,
    /// A code of `kap-service`.
    pub service: Coding,
    pub priority: Priority,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reason_condition_ids: Vec<Id>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supporting_info_ids: Vec<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_setting: Option<super::dosing::Setting>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired_route: Option<super::medication::Route>,
    pub status: ReferralStatus,
    /// Oldest first; the first is `requested`.
    pub task_events: Vec<TaskEvent>,
}
