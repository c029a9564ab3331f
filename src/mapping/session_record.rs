//! The form `{session}-record`: what of a session has no FHIR element.

use fhir_sdk::r4b::codes::QuestionnaireResponseStatus;
use serde::{Deserialize, Serialize};

use super::form::{Field, Form, Given, Shape, many, one};
use crate::fhir::resource::Resource;
use crate::kap::Episode;
use crate::kap::base::{Decimal, Id};
use crate::kap::dosing::{
    DoseLevel, Dosing, DosingOutcome, Environment, Override, Session, SessionStatus,
};

/// What of a session has no FHIR element.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) clinical_summary: Option<String>,
    #[serde(default)]
    pub(super) topics: Vec<String>,
    pub(super) environment: Option<Environment>,
    pub(super) presence_continuous: Option<bool>,
    pub(super) integrates_session_id: Option<Id>,
    pub(super) dosing: Option<Head>,
}

/// The dosing part without its own records.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    sequence: u32,
    dose_level: DoseLevel,
    planned_dose_mg: Decimal,
    clearance_id: Option<Id>,
    prescription_id: Option<Id>,
    outcome: Option<DosingOutcome>,
    converted_to: Option<String>,
    interval_override: Option<Override>,
}

const ENVIRONMENT: &[Field] = &[
    one("music", Shape::Boolean, "Music"),
    one("eyeShades", Shape::Boolean, "Eye shades"),
    one("lighting", Shape::String, "Lighting"),
    one("position", Shape::String, "Position"),
];
const OVERRIDE: &[Field] = &[
    one("by", Shape::String, "Decided by"),
    one("at", Shape::DateTime, "Decided at"),
    one("reason", Shape::String, "Reason"),
];
const DOSING: &[Field] = &[
    one("sequence", Shape::Integer, "Number of the dosing session"),
    one("doseLevel", Shape::String, "Dose level"),
    one("plannedDoseMg", Shape::Decimal, "Planned dose (mg)"),
    one("clearanceId", Shape::String, "Clearance"),
    one("prescriptionId", Shape::String, "Prescription"),
    one("outcome", Shape::String, "Result"),
    one("convertedTo", Shape::String, "Converted to"),
    one(
        "intervalOverride",
        Shape::Group(OVERRIDE),
        "Override of the interval rule",
    ),
];
/// Questionnaire `kap-session-record`.
pub const RECORD: Form = Form {
    name: "kap-session-record",
    fields: &[
        one("clinicalSummary", Shape::String, "Clinical summary"),
        many("topics", Shape::String, "Topics covered"),
        one("environment", Shape::Group(ENVIRONMENT), "Room and set-up"),
        one(
            "presenceContinuous",
            Shape::Boolean,
            "Therapist present throughout",
        ),
        one(
            "integratesSessionId",
            Shape::String,
            "Dosing session that is integrated",
        ),
        one("dosing", Shape::Group(DOSING), "Dosing"),
    ],
};

/// The form of `x`; none where it would be empty.
pub(super) fn write(x: &Session, e: &Episode) -> Option<Resource> {
    let record = Record {
        clinical_summary: x.clinical_summary.clone(),
        topics: x.topics.clone(),
        environment: x.environment.clone(),
        presence_continuous: x.therapist_presence.as_ref().and_then(|p| p.continuous),
        integrates_session_id: x.integrates_session_id.clone(),
        dosing: x.dosing.as_ref().map(|d| Head {
            sequence: d.sequence,
            dose_level: d.dose_level,
            planned_dose_mg: d.planned_dose_mg,
            clearance_id: d.clearance_id.clone(),
            prescription_id: d.prescription_id.clone(),
            outcome: d.outcome,
            converted_to: d.converted_to.clone(),
            interval_override: d.interval_override.clone(),
        }),
    };
    if RECORD.items(&record).is_empty() {
        return None;
    }
    let given = Given {
        session: &x.id,
        suffix: "record",
        status: match x.status {
            SessionStatus::Completed => QuestionnaireResponseStatus::Completed,
            SessionStatus::EnteredInError => QuestionnaireResponseStatus::EnteredInError,
            _ => QuestionnaireResponseStatus::InProgress,
        },
        at: x.end.unwrap_or(x.start),
        author: Some(&x.lead_id),
    };
    Some(RECORD.response(&record, given, e))
}

pub(super) fn dosing(head: Head) -> Dosing {
    Dosing {
        sequence: head.sequence,
        dose_level: head.dose_level,
        planned_dose_mg: head.planned_dose_mg,
        clearance_id: head.clearance_id,
        prescription_id: head.prescription_id,
        pre_dose_checklist: None,
        doses: vec![],
        vitals: vec![],
        effects: None,
        side_effects: vec![],
        discharge: None,
        outcome: head.outcome,
        converted_to: head.converted_to,
        interval_override: head.interval_override,
    }
}
