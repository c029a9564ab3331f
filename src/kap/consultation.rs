//! What the first consultation gathers: problems, allergies, home medicines, screening answers.

use serde::{Deserialize, Serialize};

use super::base::{Coding, Day, Decimal, Id, Instant, codes};

/// How a depression has resisted treatment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TreatmentResistance {
    pub is_treatment_resistant: bool,
    pub adequate_trials_failed: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub psychotherapy_tried: Option<bool>,
    /// One sentence each: drug, dose, duration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<String>,
}

/// A wish of the patient about who must not see a problem.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DisclosureWish {
    pub requested_confidential_from: Vec<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
}

codes! {
    /// FHIR R4 condition category (US Core problem or health concern).
    ProblemCategory { ProblemListItem = "problem-list-item", HealthConcern = "health-concern", EncounterDiagnosis = "encounter-diagnosis" }
}
codes! {
    /// FHIR R4 value set `condition-clinical`.
    ClinicalStatus { Active = "active", Recurrence = "recurrence", Relapse = "relapse", Inactive = "inactive", Remission = "remission", Resolved = "resolved" }
}
codes! {
    /// FHIR R4 value set `condition-ver-status`.
    VerificationStatus { Unconfirmed = "unconfirmed", Provisional = "provisional", Differential = "differential", Confirmed = "confirmed", Refuted = "refuted", EnteredInError = "entered-in-error" }
}

/// A diagnosis, indication or history item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Problem {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    pub category: ProblemCategory,
    /// At least one; kept verbatim and in order.
    pub codings: Vec<Coding>,
    pub clinical_status: ClinicalStatus,
    pub verification_status: VerificationStatus,
    /// A year, month or day: `2019`, `2019-05`, `2019-05-02`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onset: Option<String>,
    /// Whether KAP treats this problem.
    pub kap_indication: bool,
    /// Extra sensitivity labels (HL7 v3 ActCode), such as `SUD`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitivity: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub treatment_resistance: Option<TreatmentResistance>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disclosure: Option<DisclosureWish>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_by: Option<Id>,
}

codes! {
    /// FHIR R4 value set `allergy-intolerance-criticality`.
    Criticality { Low = "low", High = "high", UnableToAssess = "unable-to-assess" }
}

/// An allergy, or the statement that none is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Allergy {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coding: Option<Coding>,
    pub text: String,
    pub no_known: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reaction: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub criticality: Option<Criticality>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asserted_at: Option<Day>,
}

/// A medicine that the patient takes at home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HomeMedicine {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coding: Option<Coding>,
    pub text: String,
    /// FHIR R4 `medicationrequest-status`, such as `active` or `stopped`.
    pub status: String,
    /// Drug class that the screening rules know: `maoi`, `benzodiazepine`, `ssri`, `stimulant`, `opioid`,
    /// `antihypertensive`, `mood-stabiliser`, `antipsychotic`, `alpha-blocker`, `antidepressant`, `cns-depressant`, `other`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// What the prescriber says of it around dosing: `continue`, `hold`, `undetermined` or a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kap_instruction: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_before_hours: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_preferred_hours: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_taken_at: Option<Instant>,
}

/// One answer of a screening form: a yes/no, a code, or a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// Yes or no.
    Boolean(bool),
    /// A coded answer, such as LOINC `LA33-6` (Yes).
    Coding(Coding),
    /// A whole-number score of one item.
    Integer(i64),
    /// Free text.
    Text(String),
}

/// One item of a screening form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScreeningItem {
    pub link_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    pub answer: Answer,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Lowest and highest possible score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreRange {
    pub min: Decimal,
    pub max: Decimal,
}

/// A completed screening instrument: item answers, or a score, or both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Screening {
    #[serde(default, skip_serializing_if = "Id::is_unset")]
    pub id: Id,
    /// `KAP-SCREEN`, `PHQ-9`, `PHQ-9-TEEN`, `GAD-7`, `PCL-5`, `C-SSRS-SCREEN`, `AUDIT-C`, `DAST-10`, `KAP-READINESS`, `KAP-PREGNANCY`, …
    pub instrument: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panel_coding: Option<Coding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_coding: Option<Coding>,
    /// Versioned canonical of the questionnaire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub questionnaire: Option<String>,
    /// When a scored instrument was taken. One of `at` and `authored` is required.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Instant>,
    /// When an item form was filled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authored: Option<Instant>,
    /// Who filled it in (patient or member id).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Id>,
    /// FHIR R4 `questionnaire-answers-status`; `completed` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<ScoreRange>,
    /// Such as `baseline`, `pre-session-2`, `follow-up-30d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing: Option<String>,
    /// `patient`, `therapist` or `prescriber`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_by: Option<String>,
    /// Answer to PHQ-9 item 9 (0–3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item9: Option<u8>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ScreeningItem>,
    /// C-SSRS triage as stated by the clinician: `low`, `moderate`, `high`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk_level: Option<String>,
}
