//! Pre-dose checklist and discharge assessment: two forms of a dosing session.

use fhir_sdk::r4b::codes::QuestionnaireResponseStatus::Completed;

use super::form::{Field, Form, Given, Shape, many, one};
use super::read::{Facts, Node, Source, one as fact};
use crate::fhir::resource::Resource;
use crate::kap::base::Id;
use crate::kap::dosing::{Checklist, Discharge};
use crate::kap::{Episode, Fact};

const HOLD: &[Field] = &[
    one("conditionId", Shape::String, "Clearance condition"),
    one("followed", Shape::Boolean, "Followed"),
    one("note", Shape::String, "Note"),
];
const CHAPERONE: &[Field] = &[
    one("relatedPersonId", Shape::String, "Person"),
    one("presentAt", Shape::DateTime, "Present since"),
    one(
        "checkInEveryMinutes",
        Shape::Integer,
        "Checks in every (minutes)",
    ),
    one("phoneVerified", Shape::Boolean, "Phone verified"),
];
const TRANSPORT: &[Field] = &[
    one("arranged", Shape::Boolean, "Arranged"),
    one("mode", Shape::String, "How"),
    one("escortId", Shape::String, "Escort"),
    one("escortConfirmedAt", Shape::DateTime, "Escort confirmed at"),
];
/// Questionnaire `kap-pre-dose-checklist`.
pub const CHECKLIST: Form = Form {
    name: "kap-pre-dose-checklist",
    fields: &[
        one("completedAt", Shape::DateTime, "Completed at"),
        one("completedBy", Shape::String, "Completed by"),
        one("consentReviewed", Shape::Boolean, "Consent reviewed"),
        one("assentReviewed", Shape::Boolean, "Assent reviewed"),
        one("clearanceValid", Shape::Boolean, "Clearance valid today"),
        one(
            "medicationsReviewed",
            Shape::Boolean,
            "Medications reviewed",
        ),
        many(
            "holdsFollowed",
            Shape::Group(HOLD),
            "Clearance conditions of the day",
        ),
        one(
            "fastingInstructionsFollowed",
            Shape::Boolean,
            "Fasting instructions followed",
        ),
        one("substancesAvoided", Shape::Boolean, "Substances avoided"),
        one(
            "pregnancyStatusReviewed",
            Shape::Boolean,
            "Pregnancy status reviewed",
        ),
        one(
            "suicidalityReviewed",
            Shape::Boolean,
            "Suicidality reviewed",
        ),
        one("intentionReviewed", Shape::Boolean, "Intention reviewed"),
        one(
            "emergencyPlanReviewed",
            Shape::Boolean,
            "Emergency plan reviewed",
        ),
        one(
            "patientLocationConfirmed",
            Shape::Boolean,
            "Location of the patient confirmed",
        ),
        one("chaperone", Shape::Group(CHAPERONE), "Chaperone"),
        one("transport", Shape::Group(TRANSPORT), "Way home"),
        one("lozengesOnHand", Shape::Decimal, "Units counted on hand"),
    ],
};

const EXCEPTION: &[Field] = &[
    one("by", Shape::String, "Decided by"),
    one("reason", Shape::String, "Reason"),
];
/// Questionnaire `kap-discharge-checklist`.
pub const DISCHARGE: Form = Form {
    name: "kap-discharge-checklist",
    fields: &[
        one("assessedAt", Shape::DateTime, "Assessed at"),
        one("assessorId", Shape::String, "Assessed by"),
        one(
            "orientedX4",
            Shape::Boolean,
            "Oriented to person, place, time and situation",
        ),
        one("gaitSteady", Shape::Boolean, "Gait steady"),
        one("nauseaControlled", Shape::Boolean, "Nausea controlled"),
        one(
            "dissociationResolved",
            Shape::Boolean,
            "Dissociation resolved",
        ),
        one("suicidalityConcern", Shape::Boolean, "Suicidality concern"),
        one(
            "vitalsWithinParameters",
            Shape::Boolean,
            "Vital signs within limits",
        ),
        one("hydratedAndSnack", Shape::Boolean, "Hydrated, snack taken"),
        one(
            "responsibleAdultPresent",
            Shape::String,
            "Responsible adult",
        ),
        one("noDrivingUntil", Shape::Date, "No driving until"),
        one("disposition", Shape::String, "Disposition"),
        one("criteriaMet", Shape::Boolean, "Criteria met"),
        one(
            "extendedObservation",
            Shape::Boolean,
            "Extended observation",
        ),
        one(
            "exception",
            Shape::Group(EXCEPTION),
            "Exception to the criteria",
        ),
    ],
};

/// The response `{session}-checklist`.
#[must_use]
pub fn write(session: &Id, checklist: &Checklist, e: &Episode) -> Vec<Resource> {
    let given = Given {
        session,
        suffix: "checklist",
        status: Completed,
        at: checklist.completed_at,
        author: checklist.completed_by.as_ref(),
    };
    vec![CHECKLIST.response(checklist, given, e)]
}

/// The response `{session}-discharge`. The disposition is also part of the Encounter, which the session
/// writes: a new discharge means to write the session again.
#[must_use]
pub fn write_discharge(session: &Id, discharge: &Discharge, e: &Episode) -> Vec<Resource> {
    let given = Given {
        session,
        suffix: "discharge",
        status: Completed,
        at: discharge.assessed_at,
        author: discharge.assessor_id.as_ref(),
    };
    vec![DISCHARGE.response(discharge, given, e)]
}

/// Reads either form.
pub fn read<'v>(node: Node<'v>, _source: &Source<'v>) -> Facts {
    if let Some((session, checklist)) = CHECKLIST.of_session(node)? {
        return fact(Fact::Checklist { session, checklist }, node);
    }
    if let Some((session, discharge)) = DISCHARGE.of_session(node)? {
        return fact(Fact::Discharge { session, discharge }, node);
    }
    Ok(vec![])
}
