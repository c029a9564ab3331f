//! What is due, and messages about it.

use serde::{Deserialize, Serialize};

use super::base::{Day, Id, Instant, codes};

codes! {
    /// Code system `kap-followup-kind`.
    FollowUpKind {
        Medical30Day = "medical-30-day", MedicalQuarterly = "medical-quarterly", ClearanceReReview = "clearance-re-review",
        Integration72h = "integration-72h", DischargeSession = "discharge-session", SafetyCheck = "safety-check",
    }
}

impl FollowUpKind {
    /// Whether it is the medical partner's: held by a prescriber, due while dosing is planned (KAP-INV-15).
    #[must_use]
    pub const fn is_medical(self) -> bool {
        matches!(self, Self::Medical30Day | Self::MedicalQuarterly)
    }
}

codes! {
    /// State of a follow-up. `overdue` is computed from the day.
    FollowUpStatus { Open = "open", Scheduled = "scheduled", Done = "done", Overdue = "overdue", OverdueResolved = "overdue-resolved", Declined = "declined", Cancelled = "cancelled" }
}

/// Something that must happen by a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FollowUp {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    pub kind: FollowUpKind,
    /// The day from which the interval counts.
    pub anchor: Day,
    pub due_by: Day,
    pub status: FollowUpStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_session_id: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A message between parties; the payload is a reference, never clinical text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Communication {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    pub at: Instant,
    /// Organization, member or patient.
    pub from: Id,
    pub to: Vec<Id>,
    pub topic: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_ref: Option<Id>,
    /// `alert`, `notification` or `reminder`; `notification` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Labels that the payload carries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Sensitivities taken out of the payload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redactions: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<Instant>,
}
