//! What an integration session leaves for the record: a form.

use fhir_sdk::r4b::codes::QuestionnaireResponseStatus::Completed;

use super::form::{Field, Form, Given, Shape, many, one};
use super::read::{Facts, Node, Source, one as fact};
use crate::fhir::resource::Resource;
use crate::kap::base::Id;
use crate::kap::integration::Integration;
use crate::kap::{Episode, Fact};

const SUMMARY: &[Field] = &[
    one("symptoms", Shape::String, "Symptoms"),
    one("progress", Shape::String, "Progress"),
    one("functionalStatus", Shape::String, "Function"),
    one("planUpdates", Shape::String, "Changes of the plan"),
];
const ACTION: &[Field] = &[
    one("text", Shape::String, "Action"),
    one("due", Shape::Date, "Due"),
    one("status", Shape::String, "State"),
];
/// Questionnaire `kap-integration-summary`.
pub const FORM: Form = Form {
    name: "kap-integration-summary",
    fields: &[
        one("summary", Shape::Group(SUMMARY), "Summary"),
        many("practices", Shape::String, "Practices agreed"),
        many("actions", Shape::Group(ACTION), "Actions agreed"),
    ],
};

/// The response `{session}-integration`.
#[must_use]
pub fn write(session: &Id, integration: &Integration, e: &Episode) -> Vec<Resource> {
    let held = e.sessions.iter().find(|s| s.id == *session);
    let begun = e.phase_history.first().map(|p| p.from);
    let Some(at) = held.map(|s| s.end.unwrap_or(s.start)).or(begun) else {
        return vec![];
    };
    let given = Given {
        session,
        suffix: "integration",
        status: Completed,
        at,
        author: held.map(|s| &s.lead_id),
    };
    vec![FORM.response(integration, given, e)]
}

/// Reads the form.
pub fn read<'v>(node: Node<'v>, _source: &Source<'v>) -> Facts {
    let Some((session, integration)) = FORM.of_session(node)? else {
        return Ok(vec![]);
    };
    fact(
        Fact::Integration {
            session,
            integration,
        },
        node,
    )
}
