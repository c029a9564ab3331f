//! What an integration session leaves for the record (never the content of the talk).

use serde::{Deserialize, Serialize};

use super::base::{Day, codes};

/// The therapist's summary, written for exchange.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IntegrationSummary {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symptoms: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub functional_status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_updates: Option<String>,
}

codes! {
    /// State of an agreed action.
    ActionStatus { Open = "open", Done = "done", Dropped = "dropped" }
}

/// Something that the patient agreed to do and to share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Day>,
    pub status: ActionStatus,
}

/// Integration of a dosing session. Hours after the dose and the 72 h window are computed.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Integration {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<IntegrationSummary>,
    /// Codes of `kap-integration-practice`, or the practice's own words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub practices: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
}
