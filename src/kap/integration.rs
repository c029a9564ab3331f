//! What an integration session leaves for the record (never the content of the talk).

use serde::{Deserialize, Serialize};

use super::Episode;
use super::base::{Day, Id, Instant, codes};
use super::dosing::Session;
use super::policy::{IntegrationTargets, Policy};
use super::worklist::Urgency;

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

impl IntegrationTargets {
    /// The instant by which a dose is to be integrated.
    #[must_use]
    pub fn target(&self, dose: Instant) -> Instant {
        dose.plus_minutes(60 * i64::from(self.target_hours))
    }

    /// How pressing the integration of a dose is at `at` (KAP-INV-17): reminded, overdue, escalated.
    #[must_use]
    pub fn urgency(&self, dose: Instant, at: Instant) -> Urgency {
        let remind = dose.plus_minutes(60 * i64::from(self.reminder_hours));
        let escalate = dose.plus_minutes(24 * 60 * i64::from(self.escalate_days));
        if at >= escalate {
            Urgency::Escalated
        } else if at >= self.target(dose) {
            Urgency::Overdue
        } else if at >= remind {
            Urgency::Due
        } else {
            Urgency::Upcoming
        }
    }
}

impl Episode {
    /// How pressing the integration of the last dosing before `session` is at `at`; `None` where it was held, or where
    /// there was no dosing.
    pub(in crate::kap) fn unintegrated(
        &self,
        session: &Id,
        at: Instant,
        policy: &Policy,
    ) -> Option<Urgency> {
        let others = self.sessions.iter().filter(|s| s.id != *session);
        let dosed = others.filter_map(|s| Some((s.first_dose_at()?, s)));
        let before = dosed.filter(|(dose, _)| *dose <= at);
        let (dose, last): (Instant, &Session) = before.max_by_key(|(dose, _)| *dose)?;
        let open = !self.integrated(&last.id);
        open.then(|| policy.integration.urgency(dose, at))
    }
}
