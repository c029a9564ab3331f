//! The practice's language: the episode, its rules and its numbers.
//!
//! Knows nothing of FHIR, HTTP or databases; does no I/O and reads no clock.

pub mod act;
pub mod base;
pub mod calendar;
pub mod clearance;
pub mod consent;
pub mod consultation;
pub mod derived;
pub mod dosing;
pub mod fact;
mod fold;
pub mod follow_up;
pub mod integration;
pub mod ledger;
pub mod lift;
pub mod limits;
pub mod measure;
pub mod medication;
pub mod people;
pub mod policy;
pub mod preparation;
pub mod readiness;
pub mod referral;
pub mod rules;
pub mod safety;
mod screening;
pub mod session;
pub mod timeline;
pub mod trends;
pub mod worklist;

use serde::{Deserialize, Serialize};

pub use base::{Coding, Day, Decimal, Id, Identifier, Instant, Quantity};
pub use fact::{Fact, Kind};

use base::codes;

codes! {
    /// Where the person is in the journey (code system `kap-episode-phase`).
    Phase {
        Referred = "referred", Consultation = "consultation", EvaluationRequested = "evaluation-requested", Cleared = "cleared",
        ClearedWithConditions = "cleared-with-conditions", Deferred = "deferred", NotCleared = "not-cleared", Preparation = "preparation",
        DosingActive = "dosing-active", DosingHold = "dosing-hold", Maintenance = "maintenance", Completed = "completed",
        Discontinued = "discontinued", Withdrawn = "withdrawn", EnteredInError = "entered-in-error",
    }
}

/// A stay in a phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseEntry {
    pub phase: Phase,
    pub from: Instant,
    /// A member, `patient`, `guardian` or `system`.
    pub by: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How the reason of a hold begins that a therapist may end.
const ADMINISTRATIVE: &str = "administrative: ";

impl PhaseEntry {
    /// Whether it is a hold that a therapist may end; all others are for safety.
    #[must_use]
    pub fn is_administrative(&self) -> bool {
        let reason = self.reason.as_deref().unwrap_or_default();
        self.phase == Phase::DosingHold && reason.starts_with(ADMINISTRATIVE)
    }
}

/// A KAP episode, folded from its facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Episode {
    /// The episode's id.
    pub episode_id: Id,
    pub business_identifiers: Vec<Identifier>,
    /// Grows by one with every change of the episode or of anything that hangs off it.
    #[serde(default)]
    pub version: i64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub synthetic: bool,
    pub phase: Phase,
    pub phase_history: Vec<PhaseEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_episode_id: Option<Id>,
    pub organizations: people::Organizations,
    pub patient: people::Patient,
    pub care_team: Vec<people::Member>,
    #[serde(default)]
    pub related_persons: Vec<people::RelatedPerson>,
    #[serde(default)]
    pub problems: Vec<consultation::Problem>,
    #[serde(default)]
    pub allergies: Vec<consultation::Allergy>,
    #[serde(default)]
    pub medications: Vec<consultation::HomeMedicine>,
    #[serde(default)]
    pub consents: Vec<consent::Consent>,
    /// Oldest first; a repeated request is a new entry.
    #[serde(default)]
    pub referrals: Vec<referral::Referral>,
    #[serde(default)]
    pub screenings: Vec<consultation::Screening>,
    #[serde(default)]
    pub detected_issues: Vec<safety::DetectedIssue>,
    #[serde(default)]
    pub clearances: Vec<clearance::Clearance>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub treatment_plan: Option<preparation::TreatmentPlan>,
    #[serde(default)]
    pub intentions: Vec<preparation::Intention>,
    #[serde(default)]
    pub prescriptions: Vec<medication::Prescription>,
    #[serde(default)]
    pub dispenses: Vec<medication::Dispense>,
    #[serde(default)]
    pub inventory: Vec<medication::InventoryEntry>,
    #[serde(default)]
    pub sessions: Vec<dosing::Session>,
    #[serde(default)]
    pub outcomes: Vec<measure::Outcome>,
    #[serde(default)]
    pub adverse_events: Vec<safety::AdverseEvent>,
    #[serde(default)]
    pub follow_ups: Vec<follow_up::FollowUp>,
    #[serde(default)]
    pub communications: Vec<follow_up::Communication>,
}
