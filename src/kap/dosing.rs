//! What happens in a dosing session.

use serde::{Deserialize, Serialize};

use super::base::{Coding, Day, Decimal, Id, Instant, Quantity, codes};
pub use super::session::{
    EmergencyPlan, EncounterClass, Environment, Participant, PatientLocation, PresenceMode,
    Session, SessionStatus, SessionType, TherapistPresence,
};

codes! {
    /// Code system `kap-session-setting`.
    Setting { InPerson = "in-person", Remote = "remote", RemoteHome = "remote-home", HomeVisit = "home-visit" }
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

/// One reading of vital signs. Missing values are absent, never a dummy number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vitals {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    pub at: Instant,
    pub timing: Timing,
    /// `mm[Hg]`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub systolic: Option<Quantity>,
    /// `mm[Hg]`
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
