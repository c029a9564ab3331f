//! The bodies of commands that are not simply a record. Times default to now; `by` is a member of the care team, a
//! related person, `patient` or `guardian`.

use serde::{Deserialize, Serialize};

use crate::kap::base::{Coding, Day, Decimal, Id, Identifier, Instant, Quantity, codes};
use crate::kap::clearance::{ClearanceCondition, Decision, DeferralReason, VitalParameters};
use crate::kap::dosing::{
    DoseLevel, EmergencyPlan, EncounterClass, Environment, Participant, PatientLocation,
    SessionType, Setting, Severity, TherapistPresence,
};
use crate::kap::medication::{PrescriptionStatus, Route};
use crate::kap::people::{Member, Patient, RelatedPerson};
use crate::kap::referral::{Priority, TaskStatus};
use crate::kap::safety::{Causality, EventOutcome, Seriousness};

macro_rules! bodies {
    ($($(#[$meta:meta])* $name:ident { $($(#[$fmeta:meta])* $field:ident: $kind:ty),* $(,)? })+) => {
        $($(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name { $($(#[$fmeta])* pub $field: $kind),* })+
    };
}

bodies! {
    /// Opens an episode: the first thing that a practice says of a person.
    OpenEpisode {
        #[serde(default)] at: Option<Instant>,
        /// Who brought the person: a member, or `patient` for a self-referral.
        by: Id,
        #[serde(default)] reason: Option<String>,
        patient: Patient,
        #[serde(default)] business_identifiers: Vec<Identifier>,
        #[serde(default)] care_team: Vec<Member>,
        #[serde(default)] related_persons: Vec<RelatedPerson>,
        #[serde(default)] previous_episode_id: Option<Id>,
        #[serde(default)] synthetic: bool,
        /// The medical partner, an organization of the directory.
        partner_id: Id,
        #[serde(default)] pharmacy_id: Option<Id>,
    }
    /// A step: when, by whom, why.
    Step {
        #[serde(default)] at: Option<Instant>,
        by: Id,
        #[serde(default)] reason: Option<String>,
    }
    /// Sends a referral to the medical partner.
    SendReferral {
        #[serde(default)] at: Option<Instant>,
        requester_id: Id,
        service: Coding,
        #[serde(default)] priority: Option<Priority>,
        reason_condition_ids: Vec<Id>,
        supporting_info_ids: Vec<Id>,
        #[serde(default)] desired_setting: Option<Setting>,
        #[serde(default)] desired_route: Option<Route>,
    }
    /// A step of the referral workflow.
    ReferralEvent {
        #[serde(default)] at: Option<Instant>,
        status: TaskStatus,
        /// A code of `kap-task-business-status`.
        #[serde(default)] business_status: Option<String>,
        /// Required for `rejected`, `on-hold`, `failed` and `cancelled`.
        #[serde(default)] reason: Option<String>,
        #[serde(default)] by: Option<Id>,
    }
    /// A clearance decision; the service adds id and status.
    Decide {
        #[serde(default)] at: Option<Instant>,
        decision: Decision,
        /// A prescriber of the partner.
        decided_by: Id,
        #[serde(default)] evaluation_session_id: Option<Id>,
        /// The day of the decision where absent.
        #[serde(default)] effective_from: Option<Day>,
        #[serde(default)] valid_until: Option<Day>,
        #[serde(default)] review_by: Option<Day>,
        #[serde(default)] settings_allowed: Vec<Setting>,
        #[serde(default)] routes_allowed: Vec<Route>,
        #[serde(default)] dose_ceiling_mg_per_session: Option<Decimal>,
        #[serde(default)] max_sessions_per7_days: Option<u32>,
        #[serde(default)] min_days_between_sessions: Option<u32>,
        #[serde(default)] vital_parameters: Option<VitalParameters>,
        #[serde(default)] conditions: Vec<ClearanceCondition>,
        #[serde(default)] deferral_reasons: Vec<DeferralReason>,
        #[serde(default)] basis_ids: Vec<Id>,
        #[serde(default)] rationale_summary: Option<String>,
        #[serde(default)] rationale_restricted: Option<bool>,
        #[serde(default)] document_id: Option<Id>,
    }
    /// Ends a prescription: `stopped` where no status is given, else `completed`, `cancelled` or `on-hold`.
    StopPrescription {
        #[serde(default)] at: Option<Instant>,
        by: Id,
        #[serde(default)] status: Option<PrescriptionStatus>,
        /// Required unless the status is `completed`.
        #[serde(default)] reason: Option<String>,
    }
    /// A dispense leaves the pharmacy.
    Ship {
        #[serde(default)] at: Option<Instant>,
        #[serde(default)] carrier: Option<String>,
        #[serde(default)] tracking_number: Option<String>,
        #[serde(default)] signature_required: Option<bool>,
        /// `patient-home` or `practice`.
        #[serde(default)] destination: Option<String>,
    }
    /// A dispense arrived.
    Deliver {
        #[serde(default)] at: Option<Instant>,
    }
    /// Somebody confirms that a dispense is in their hands.
    Receipt {
        #[serde(default)] at: Option<Instant>,
        by: Id,
    }
    /// The dose that is planned.
    PlannedDose {
        dose_level: DoseLevel,
        planned_dose_mg: Decimal,
        #[serde(default)] prescription_id: Option<Id>,
    }
    /// Plans a session.
    PlanSession {
        #[serde(rename = "type")] kind: SessionType,
        start: Instant,
        #[serde(default)] end: Option<Instant>,
        setting: Setting,
        encounter_class: EncounterClass,
        lead_id: Id,
        #[serde(default)] participants: Vec<Participant>,
        #[serde(default)] patient_location: Option<PatientLocation>,
        #[serde(default)] therapist_presence: Option<TherapistPresence>,
        #[serde(default)] emergency_plan: Option<EmergencyPlan>,
        #[serde(default)] environment: Option<Environment>,
        #[serde(default)] integrates_session_id: Option<Id>,
        /// Required for a dosing session, refused for any other.
        #[serde(default)] dosing: Option<PlannedDose>,
    }
    /// Adds or replaces what is known of a session before or while it runs.
    AmendSession {
        #[serde(default)] start: Option<Instant>,
        #[serde(default)] end: Option<Instant>,
        #[serde(default)] setting: Option<Setting>,
        #[serde(default)] lead_id: Option<Id>,
        #[serde(default)] participants: Option<Vec<Participant>>,
        #[serde(default)] patient_location: Option<PatientLocation>,
        #[serde(default)] therapist_presence: Option<TherapistPresence>,
        #[serde(default)] emergency_plan: Option<EmergencyPlan>,
        #[serde(default)] environment: Option<Environment>,
        #[serde(default)] clinical_summary: Option<String>,
        #[serde(default)] topics: Option<Vec<String>>,
        #[serde(default)] body_weight: Option<Quantity>,
    }
    /// Starts a session.
    StartSession {
        #[serde(default)] at: Option<Instant>,
        by: Id,
        /// When the meeting began, where that was before this step (a dosing session is met, measured, then started).
        #[serde(default)] began: Option<Instant>,
        #[serde(default)] patient_location: Option<PatientLocation>,
        #[serde(default)] therapist_presence: Option<TherapistPresence>,
        #[serde(default)] emergency_plan: Option<EmergencyPlan>,
        #[serde(default)] environment: Option<Environment>,
    }
    /// Completes a session.
    CompleteSession {
        #[serde(default)] at: Option<Instant>,
        by: Id,
        #[serde(default)] clinical_summary: Option<String>,
        #[serde(default)] topics: Vec<String>,
        #[serde(default)] body_weight: Option<Quantity>,
        /// What a dosing session became when no dose was given, such as `psychotherapy-only`.
        #[serde(default)] converted_to: Option<String>,
    }
    /// Changes the planned dose.
    PlanDose {
        #[serde(default)] at: Option<Instant>,
        by: Id,
        dose_level: DoseLevel,
        planned_dose_mg: Decimal,
        #[serde(default)] prescription_id: Option<Id>,
    }
    /// News of an adverse event. A field that is absent stays as it is.
    UpdateAdverseEvent {
        #[serde(default)] at: Option<Instant>,
        by: Id,
        #[serde(default)] outcome: Option<EventOutcome>,
        #[serde(default)] resolved_at: Option<Instant>,
        /// By a medical role only.
        #[serde(default)] seriousness: Option<Seriousness>,
        #[serde(default)] severity: Option<Severity>,
        /// By a medical role only.
        #[serde(default)] causality: Option<Causality>,
        #[serde(default)] expectedness: Option<String>,
        #[serde(default)] interventions: Vec<String>,
        #[serde(default)] medwatch_reportable: Option<bool>,
        #[serde(default)] follow_up_required: Option<bool>,
    }
    /// A follow-up was held.
    CompleteFollowUp {
        #[serde(default)] at: Option<Instant>,
        #[serde(default)] session_id: Option<Id>,
        #[serde(default)] note: Option<String>,
    }
    /// Closes an episode as planned.
    CompleteEpisode {
        #[serde(default)] at: Option<Instant>,
        by: Id,
        #[serde(default)] reason: Option<String>,
        /// Open adverse events that another provider follows from now on.
        #[serde(default)] handed_over: Vec<Id>,
    }
    /// Takes back an episode that was entered in error: two people.
    Correct {
        #[serde(default)] at: Option<Instant>,
        by: Id,
        /// A medical role, and another person than `by`.
        witness_id: Id,
        reason: String,
    }
}

codes! {
    /// Who may end a hold.
    HoldKind { Safety = "safety", Administrative = "administrative" }
}
