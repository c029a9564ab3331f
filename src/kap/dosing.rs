//! Sessions, and what happens in a dosing session.

use serde::{Deserialize, Serialize};

use super::base::{Address, Coding, Day, Decimal, Id, Instant, Quantity, codes};
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
codes! {
    /// Code system `kap-session-setting`.
    Setting { InPerson = "in-person", Remote = "remote", RemoteHome = "remote-home", HomeVisit = "home-visit" }
}
codes! {
    /// Encounter class: ambulatory, virtual, home health (HL7 v3 ActCode).
    EncounterClass { Ambulatory = "AMB", Virtual = "VR", HomeHealth = "HH" }
}
codes! {
    /// Code system `kap-session-timing`.
    Timing {
        Evaluation = "evaluation", Baseline = "baseline", PreDose = "pre-dose", PreDoseRecheck = "pre-dose-recheck", Peak = "peak",
        Unscheduled = "unscheduled", EndOfSession = "end-of-session", PostSession = "post-session", Course = "course", FollowUp = "follow-up",
    }
}
codes! {
    /// Code system `kap-dose-level`. No amount of drug is ever derived from it.
    DoseLevel { Psycholytic = "psycholytic", Moderate = "moderate", High = "high" }
}
codes! {
    /// Code system `kap-dose-kind`.
    DoseKind { Initial = "initial", Booster = "booster" }
}
codes! {
    /// FHIR R4 value set `medication-admin-status` (the part that is used).
    DoseStatus { Completed = "completed", NotDone = "not-done", OnHold = "on-hold", Stopped = "stopped", InProgress = "in-progress", EnteredInError = "entered-in-error" }
}
codes! {
    /// How the therapist is present.
    PresenceMode { InRoom = "in-room", Video = "video", Audio = "audio", ChaperoneOnly = "chaperone-only" }
}
codes! {
    /// Who or what measured.
    VitalsSource { HomeDevice = "patient-home-device", ClinicDevice = "clinic-device", Caregiver = "caregiver" }
}
codes! {
    /// Severity of an effect or event.
    Severity { Mild = "mild", Moderate = "moderate", Severe = "severe" }
}
codes! {
    /// Where the patient goes (FHIR R4 discharge disposition).
    Disposition { Home = "home", AgainstAdvice = "aadvice", OtherFacility = "other-hcf", Psychiatric = "psy", Other = "oth" }
}
codes! {
    /// How a dosing session ended.
    DosingOutcome { Completed = "completed", DoseHeld = "dose-held", CompletedWithAdverseEvent = "completed-with-adverse-event", Aborted = "aborted" }
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

/// One reading of vital signs. Missing values are absent, never a dummy number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vitals {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    pub at: Instant,
    pub timing: Timing,
    /// mm[Hg]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub systolic: Option<Quantity>,
    /// mm[Hg]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diastolic: Option<Quantity>,
    /// /min
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heart_rate: Option<Quantity>,
    /// /min
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub respiratory_rate: Option<Quantity>,
    /// %
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spo2: Option<Quantity>,
    /// Cel
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<Quantity>,
    /// MOAA/S sedation score, 0 (none) to 5 (alert).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moaas: Option<u8>,
    pub source: VitalsSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Negative before the first dose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes_since_first_dose: Option<i64>,
    /// HL7 v3 ObservationInterpretation code of the blood pressure, such as `HX`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpretation: Option<String>,
    /// Member who took or recorded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_by: Option<Id>,
}

/// A code with words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    pub code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A dose that was given, held or stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dose {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    pub at: Instant,
    pub kind: DoseKind,
    pub status: DoseStatus,
    /// Required for `not-done` and `stopped`; a code of `kap-dose-not-given-reason`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<Reason>,
    /// Milligrams given; 0 only for `not-done`.
    pub dose_mg: Decimal,
    /// Units (lozenges) used.
    #[serde(default)]
    pub units: Option<Decimal>,
    /// SNOMED CT route.
    pub route: Coding,
    /// `patient` for self-administration, or a member id.
    #[serde(default)]
    pub performer: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness_id: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_minutes: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expectorated: Option<bool>,
    /// Injection site, such as `deltoid-left`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Prescriber who decided to hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<Id>,
}

/// A clearance condition met (or not) on the day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HoldFollowed {
    pub condition_id: Id,
    pub followed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The adult in the residence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChaperoneCheck {
    pub related_person_id: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present_at: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_in_every_minutes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_verified: Option<bool>,
}

/// The way home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Transport {
    pub arranged: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escort_id: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escort_confirmed_at: Option<Instant>,
}

/// What is checked before the dose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checklist {
    pub completed_at: Instant,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_by: Option<Id>,
    #[serde(default)]
    pub consent_reviewed: Option<bool>,
    #[serde(default)]
    pub assent_reviewed: Option<bool>,
    #[serde(default)]
    pub clearance_valid: Option<bool>,
    #[serde(default)]
    pub medications_reviewed: Option<bool>,
    #[serde(default)]
    pub holds_followed: Vec<HoldFollowed>,
    #[serde(default)]
    pub fasting_instructions_followed: Option<bool>,
    #[serde(default)]
    pub substances_avoided: Option<bool>,
    #[serde(default)]
    pub pregnancy_status_reviewed: Option<bool>,
    #[serde(default)]
    pub suicidality_reviewed: Option<bool>,
    #[serde(default)]
    pub intention_reviewed: Option<bool>,
    #[serde(default)]
    pub emergency_plan_reviewed: Option<bool>,
    #[serde(default)]
    pub patient_location_confirmed: Option<bool>,
    #[serde(default)]
    pub chaperone: Option<ChaperoneCheck>,
    #[serde(default)]
    pub transport: Option<Transport>,
    /// Units counted on hand.
    #[serde(default)]
    pub lozenges_on_hand: Option<Decimal>,
}

/// Course of the effects, in minutes after the first dose.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Effects {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onset_minutes: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_from_minutes: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_to_minutes: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_minutes: Option<Decimal>,
}

/// An expected or tolerable effect (an event that needs action is an adverse event).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SideEffect {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    pub code: Coding,
    pub severity: Severity,
    /// Minutes after the first dose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onset_minute: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_minute: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
}

/// Assessment before the patient leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a criterion of its own"
)]
pub struct Discharge {
    pub assessed_at: Instant,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessor_id: Option<Id>,
    pub oriented_x4: bool,
    pub gait_steady: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nausea_controlled: Option<bool>,
    pub dissociation_resolved: bool,
    pub suicidality_concern: bool,
    pub vitals_within_parameters: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hydrated_and_snack: Option<bool>,
    /// A related person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub responsible_adult_present: Option<Id>,
    #[serde(default)]
    pub no_driving_until: Option<Day>,
    pub disposition: Disposition,
    /// Computed from the fields above; ignored on input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criteria_met: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_observation: Option<bool>,
    /// Why the patient left although a criterion was not met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exception: Option<DischargeException>,
}

/// A documented exception to the discharge criteria.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DischargeException {
    /// A prescriber or nurse; not required when the patient left against advice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Id>,
    pub reason: String,
}

/// The dosing part of a dosing session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dosing {
    /// 1 for the first dosing session of the episode; assigned by the service where absent.
    #[serde(default)]
    pub sequence: u32,
    pub dose_level: DoseLevel,
    pub planned_dose_mg: Decimal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clearance_id: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prescription_id: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_dose_checklist: Option<Checklist>,
    #[serde(default)]
    pub doses: Vec<Dose>,
    #[serde(default)]
    pub vitals: Vec<Vitals>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effects: Option<Effects>,
    #[serde(default)]
    pub side_effects: Vec<SideEffect>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discharge: Option<Discharge>,
    /// Set when the session is completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<DosingOutcome>,
    /// What the session became when no dose was given, such as `psychotherapy-only`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converted_to: Option<String>,
    /// Prescriber's documented override of the interval rule (KAP-INV-08).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_override: Option<Override>,
}

/// A prescriber's documented exception.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Override {
    pub by: Id,
    pub at: Instant,
    pub reason: String,
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
