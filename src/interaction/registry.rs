//! What the FHIR API offers, as a table: each line is an interaction or operation that has a route and a handler. The
//! CapabilityStatement is made of it, and a test calls every line of that.

use super::audit::events::TYPE as EVENTS;
use super::questionnaires::TYPE as QUESTIONNAIRE;
use super::write::OPENED_ELSEWHERE;
use crate::access::{Interaction, role};
use crate::fhir::parameter::{self, Parameter};

/// An interaction with the resources of a type.
#[derive(Clone, Copy, Debug)]
pub struct OfType {
    /// Its code in the CapabilityStatement.
    pub code: &'static str,
    /// What a role must be allowed.
    needs: Interaction,
    /// The types that do not have it, whatever roles may.
    but: &'static [&'static str],
}

const fn of_type(code: &'static str, needs: Interaction, but: &'static [&'static str]) -> OfType {
    OfType { code, needs, but }
}

/// The interactions with resources of a type: <https://hl7.org/fhir/R4/valueset-type-restful-interaction.html>.
#[rustfmt::skip]
const OF_TYPES: &[OfType] = &[
    of_type("read",             Interaction::Read,   &[]),
    of_type("vread",            Interaction::Read,   &[EVENTS, QUESTIONNAIRE]),
    of_type("history-instance", Interaction::Read,   &[EVENTS, QUESTIONNAIRE]),
    of_type("history-type",     Interaction::Search, &[EVENTS, QUESTIONNAIRE]),
    of_type("search-type",      Interaction::Search, &[]),
    of_type("create",           Interaction::Create, &[OPENED_ELSEWHERE]),
    of_type("update",           Interaction::Update, &[]),
    of_type("patch",            Interaction::Update, &[]),
    of_type("delete",           Interaction::Delete, &[]),
];

/// The interactions with the whole: <https://hl7.org/fhir/R4/valueset-system-restful-interaction.html>.
pub const OF_SYSTEM: &[&str] = &["transaction", "batch", "search-system", "history-system"];

/// An operation.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    pub name: &'static str,
    /// Canonical URL of its OperationDefinition.
    pub definition: &'static str,
    of: Of,
}

impl Operation {
    /// What a client should know of it that its definition does not say.
    #[must_use]
    pub fn documentation(&self) -> Option<&'static str> {
        let text = match self.name {
            "meta-add" => {
                "Makes a new version, so that what a reader was shown before stays known. Security labels that could not be \
                enforced are refused."
            }
            "meta-delete" => {
                "Makes a new version. Tags and profiles are taken off; security labels are only ever added by clients."
            }
            _ => return None,
        };
        Some(text)
    }
}

/// What an operation is of.
#[derive(Clone, Copy, Debug)]
enum Of {
    System,
    Type(&'static str),
    /// Every type but these.
    Every(&'static [&'static str]),
    /// Every type whose records are updated.
    Updated,
}

const fn operation(name: &'static str, of: Of, definition: &'static str) -> Operation {
    Operation {
        name,
        definition,
        of,
    }
}

#[rustfmt::skip]
const OPERATIONS: &[Operation] = &[
    operation("document",   Of::Type("Composition"),       "http://hl7.org/fhir/OperationDefinition/Composition-document"),
    operation("docref",     Of::Type("DocumentReference"), "http://hl7.org/fhir/us/core/OperationDefinition/docref"),
    operation("everything", Of::Type("EpisodeOfCare"),     "https://kap-interop.example.org/fhir/OperationDefinition/EpisodeOfCare-everything"),
    operation("export",     Of::Type("Group"),             "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export"),
    operation("everything", Of::Type("Patient"),           "http://hl7.org/fhir/OperationDefinition/Patient-everything"),
    operation("export",     Of::Type("Patient"),           "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export"),
    operation("summary",    Of::Type("Patient"),           "http://hl7.org/fhir/uv/ips/OperationDefinition/summary"),
    operation("meta",       Of::Every(&[EVENTS, QUESTIONNAIRE]), "http://hl7.org/fhir/OperationDefinition/Resource-meta"),
    operation("meta",       Of::System,                    "http://hl7.org/fhir/OperationDefinition/Resource-meta"),
    operation("meta-add",   Of::Updated,                   "http://hl7.org/fhir/OperationDefinition/Resource-meta-add"),
    operation("meta-delete", Of::Updated,                  "http://hl7.org/fhir/OperationDefinition/Resource-meta-delete"),
    operation("events",     Of::Type("Subscription"),      "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-events"),
    operation("status",     Of::Type("Subscription"),      "http://hl7.org/fhir/uv/subscriptions-backport/OperationDefinition/backport-subscription-status"),
    operation("validate",   Of::Every(&[]),                "http://hl7.org/fhir/OperationDefinition/Resource-validate"),
    operation("export",     Of::System,                    "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"),
];

/// The operations of resources of type `kind`; of the whole where none is given.
pub fn operations(kind: Option<&str>) -> impl Iterator<Item = &'static Operation> {
    OPERATIONS
        .iter()
        .filter(move |operation| match (operation.of, kind) {
            (Of::System, None) => true,
            (Of::Type(of), Some(kind)) => of == kind,
            (Of::Every(but), Some(kind)) => !but.contains(&kind),
            (Of::Updated, Some(kind)) => interactions(kind).contains(&"update"),
            _ => false,
        })
}

/// What conditional reads of a type go by: <https://hl7.org/fhir/R4/valueset-conditional-read-status.html>.
#[must_use]
pub fn conditional_read(kind: &str) -> &'static str {
    // A definition has a tag and no time.
    if kind == QUESTIONNAIRE {
        "not-match"
    } else {
        "full-support"
    }
}

/// The codes of the interactions with resources of type `kind`: those that some role may have.
#[must_use]
pub fn interactions(kind: &str) -> Vec<&'static str> {
    let letters = role::every_kind()
        .find(|(name, _)| *name == kind)
        .map(|(_, letters)| letters)
        .unwrap_or_default();
    let searched = parameter::kinds().any(|k| k == kind);
    let offered = OF_TYPES.iter().filter(|line| {
        letters.has(line.needs)
            && !line.but.contains(&kind)
            && (line.needs != Interaction::Search || searched)
    });
    offered.map(|line| line.code).collect()
}

/// The parameters by which resources of type `kind` are searched.
pub fn parameters(kind: &str) -> impl Iterator<Item = &'static Parameter> {
    // Of what every record has, an event has its id and its time.
    let is_event = kind == EVENTS;
    let has = move |p: &&Parameter| {
        !is_event
            || matches!(p.name, "_id" | "_lastUpdated")
            || parameter::common().all(|common| common.name != p.name)
    };
    parameter::of(kind).into_iter().flatten().filter(has)
}
