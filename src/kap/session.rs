//! Meetings with the patient, of every kind.

use serde::{Deserialize, Serialize};

use super::base::{Address, Id, Instant, Quantity, codes};
use super::dosing::{Dosing, Setting, Vitals};
use super::integration::Integration;

codes! {
    /// Code system `kap-session-type`.
    SessionType {
        Consultation = "consultation", MedicalEvaluation = "medical-evaluation", Preparation = "preparation", Dosing = "dosing",
        Integration = "integration", MedicalFollowUp = "medical-follow-up", IndividualTherapy = "individual-therapy",
        DischargeFollowUp = "discharge-follow-up",
    }
}

codes! {
    /// State of a session. `no-show` lives on the Appointment in FHIR.
    SessionStatus { Planned = "planned", Arrived = "arrived", InProgress = "in-progress", Completed = "completed", Cancelled = "cancelled", NoShow = "no-show", EnteredInError = "entered-in-error" }
}

impl SessionStatus {
    /// Whether the session has not begun and still may.
    #[must_use]
    pub const fn is_ahead(self) -> bool {
        matches!(self, Self::Planned | Self::Arrived)
    }
}

codes! {
    /// Encounter class: ambulatory, virtual, home health (HL7 v3 ActCode).
    EncounterClass { Ambulatory = "AMB", Virtual = "VR", HomeHealth = "HH" }
}

codes! {
    /// How the therapist is present.
    PresenceMode { InRoom = "in-room", Video = "video", Audio = "audio", ChaperoneOnly = "chaperone-only" }
}

/// A person beside lead and patient, for a part of the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Participant {
    pub id: Id,
    /// A code of `kap-participant-role`.
    pub role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Instant>,
}

/// Where the patient is during a remote session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PatientLocation {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Instant>,
    /// `patient.address`: the address on file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_ref: Option<String>,
    /// Two-letter state, where it is not the address on file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
}

/// The therapist's presence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TherapistPresence {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Instant>,
    pub mode: PresenceMode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continuous: Option<bool>,
}

/// Whom and what to call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EmergencyPlan {
    /// A related person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_id: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_ref: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hospital: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_emergency_number: Option<String>,
}

/// Room and set-up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Environment {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub music: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eye_shades: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lighting: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
}

/// A meeting with the patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Session {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    #[serde(rename = "type")]
    pub kind: SessionType,
    pub status: SessionStatus,
    /// Planned start while planned, then actual.
    pub start: Instant,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Instant>,
    pub setting: Setting,
    pub encounter_class: EncounterClass,
    pub lead_id: Id,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<Participant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient_location: Option<PatientLocation>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub therapist_presence: Option<TherapistPresence>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency_plan: Option<EmergencyPlan>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Written for exchange; never the content of the talk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clinical_summary: Option<String>,
    /// Topics covered in a preparation session, by code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<String>,
    /// Readings of a session that is not a dosing session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vitals: Vec<Vitals>,
    /// kg
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_weight: Option<Quantity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dosing: Option<Dosing>,
    /// The dosing session that this one integrates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integrates_session_id: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub integration: Option<Integration>,
}
