//! What this server can do, said from what is registered: <https://hl7.org/fhir/R4/capabilitystatement.html>.

use std::collections::HashMap;
use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::{Value, json};

use super::audit::events::TYPE as EVENTS;
use super::definitions;
use super::questionnaires::TYPE as QUESTIONNAIRE;
use super::registry::{self, Operation};
use super::subscription::TYPE as SUBSCRIPTION;
use crate::app::App;
use crate::fhir::parameter::{self, Parameter, ParameterKind};
use crate::fhir::{compartment, targets};
use crate::mapping::register::profiles_of;
use crate::mapping::topic::{self, Topic};

/// The resource types that the FHIR API serves.
pub const TYPES: &[&str] = &[
    "AdverseEvent",
    "AllergyIntolerance",
    "Appointment",
    "AuditEvent",
    "CarePlan",
    "CareTeam",
    "ClinicalImpression",
    "Communication",
    "Composition",
    "Condition",
    "Consent",
    "DetectedIssue",
    "DocumentReference",
    "Encounter",
    "Endpoint",
    "EpisodeOfCare",
    "Flag",
    "Goal",
    "Group",
    "Medication",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationRequest",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
    "Provenance",
    "Questionnaire",
    "QuestionnaireResponse",
    "RelatedPerson",
    "ServiceRequest",
    "Subscription",
    "Task",
];

/// The CapabilityStatement as it leaves: it changes with the program and its configuration only.
#[derive(Debug)]
pub struct Statement {
    pub text: Bytes,
    pub etag: String,
}

/// What a client should know that the other elements have no place for.
const DOCUMENTATION: &str = "Searches: chains have at most two links, _has stands once in a criterion; a search has at most four \
    such criteria. What comes along (_include, _revinclude, with :iterate, Type:* and *) is followed two steps and is at most \
    1,000 resources a page; where a limit is reached, the bundle says so in an OperationOutcome. _text, _content, _filter and \
    _query are not offered: they would tell of elements that the caller may not see. AuditEvent and Questionnaire are \
    searched by their own paths, not together with other types. `_summary`, `_elements` and `_pretty` apply to reads, \
    searches and histories.";

/// The CapabilityStatement of this server.
#[must_use]
pub fn statement(app: &App) -> &Statement {
    app.statement.get_or_init(|| {
        let text = written(app);
        let etag = definitions::etag(&text);
        let text = text.into();
        Statement { text, etag }
    })
}

fn written(app: &App) -> String {
    let own = definitions::kinds().filter(|kind| !TYPES.contains(kind));
    let mut defined: Vec<&str> = own.collect();
    defined.sort_unstable();
    let resources = TYPES.iter().map(|kind| resource(kind));
    let resources: Vec<Value> = resources
        .chain(defined.into_iter().map(definition))
        .collect();
    let compartments: Vec<String> = compartment::owners().map(compartment_url).collect();
    let interactions = registry::OF_SYSTEM.iter();
    let common = parameter::common().map(|p| parameter_of("*", p));
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-26",
        "kind": "instance",
        "software": { "name": "kap-fhir", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "kap-fhir", "url": app.fhir_base() },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "patchFormat": ["application/json-patch+json", "application/fhir+json"],
        "copyright": "This material contains content from LOINC (http://loinc.org). LOINC is copyright Regenstrief Institute, Inc. and the LOINC Committee and is available at no cost under the license at http://loinc.org/license.",
        "rest": [{
            "mode": "server",
            "documentation": DOCUMENTATION,
            "security": security(),
            "resource": resources,
            "interaction": interactions.map(|code| json!({ "code": code })).collect::<Vec<_>>(),
            "searchParam": common.collect::<Vec<_>>(),
            "operation": registry::operations(None).map(operation).collect::<Vec<_>>(),
            "compartment": compartments,
        }],
    })
    .to_string()
}

/// The id of a CompartmentDefinition is its type's name with a small first letter.
fn compartment_url(kind: &str) -> String {
    let (first, rest) = kind.split_at(1.min(kind.len()));
    let id = first.to_ascii_lowercase() + rest;
    format!("http://hl7.org/fhir/CompartmentDefinition/{id}")
}

/// A type whose definitions are read.
fn definition(kind: &str) -> Value {
    json!({
        "type": kind,
        "interaction": [{ "code": "read" }],
        "versioning": "no-version",
        "readHistory": false,
        "updateCreate": false,
        "conditionalCreate": false,
        "conditionalRead": "not-match",
    })
}

/// A parameter with the URL of its definition, of the standard or of this service, where there is one.
fn parameter_of(kind: &str, parameter: &Parameter) -> Value {
    let name = parameter.name;
    let mut out = json!({ "name": name, "type": parameter.kind.code() });
    let own = || OWN.get(&(kind.to_owned(), name.to_owned())).cloned();
    if let Some(url) = parameter::definition::canonical(kind, name).or_else(own) {
        out["definition"] = json!(url);
    }
    out
}

/// The URLs of this service's own parameters, by type and name.
static OWN: LazyLock<HashMap<(String, String), String>> = LazyLock::new(|| {
    let mut out = HashMap::new();
    for text in definitions::of_kind("SearchParameter") {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let word = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        for base in value["base"].as_array().into_iter().flatten() {
            let base = base.as_str().unwrap_or_default().to_owned();
            out.insert((base, word("code")), word("url"));
        }
    }
    out
});

fn operation(operation: &Operation) -> Value {
    let mut out = json!({ "name": operation.name, "definition": operation.definition });
    if let Some(text) = operation.documentation() {
        out["documentation"] = json!(text);
    }
    out
}

fn resource(kind: &'static str) -> Value {
    let interactions = registry::interactions(kind);
    let [creates, updates, deletes, versioned] =
        ["create", "update", "delete", "vread"].map(|code| interactions.contains(&code));
    let codes = interactions.iter().map(|code| json!({ "code": code }));
    let mut out = json!({
        "type": kind,
        "interaction": codes.collect::<Vec<_>>(),
        "versioning": if versioned { "versioned" } else { "no-version" },
        "readHistory": interactions.contains(&"history-instance"),
        "updateCreate": false,
        "conditionalCreate": creates,
        "conditionalUpdate": updates,
        "conditionalDelete": if deletes { "single" } else { "not-supported" },
        "conditionalRead": registry::conditional_read(kind),
        "referencePolicy": ["literal", "logical", "enforced"],
    });
    let parameters = registry::parameters(kind);
    let parameters = parameters.map(|p| parameter_of(kind, p)).collect();
    let operations = registry::operations(Some(kind)).map(operation);
    let texts = |list: Vec<String>| list.into_iter().map(Value::from).collect();
    let profiles = profiles_of(kind).iter().map(|p| json!(p)).collect();
    let lists: [(&str, Vec<Value>); 5] = [
        ("searchParam", parameters),
        ("searchInclude", texts(includes(kind))),
        ("searchRevInclude", texts(reverse_includes(kind))),
        ("supportedProfile", profiles),
        ("operation", operations.collect()),
    ];
    if kind == SUBSCRIPTION {
        let url = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical";
        let topics = topic::TOPICS.iter().map(Topic::url);
        let topics = topics.map(|topic| json!({ "url": url, "valueCanonical": topic }));
        out["extension"] = json!(topics.collect::<Vec<_>>());
    }
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        out[name] = json!(list);
    }
    out
}

/// Types whose records are not found by the index of references, and so accompany nothing.
const APART: [&str; 2] = [EVENTS, QUESTIONNAIRE];

fn references(kind: &str) -> impl Iterator<Item = &'static Parameter> {
    let all = parameter::of(kind).into_iter().flatten();
    all.filter(|p| p.kind == ParameterKind::Reference)
}

fn includes(kind: &str) -> Vec<String> {
    if APART.contains(&kind) || references(kind).next().is_none() {
        return Vec::new();
    }
    let wild = ["*".to_owned(), format!("{kind}:*")];
    let each = references(kind).map(|p| format!("{kind}:{}", p.name));
    wild.into_iter().chain(each).collect()
}

/// The parameters by which records may refer to one of this type.
fn reverse_includes(kind: &str) -> Vec<String> {
    let mut out = Vec::new();
    let others = if APART.contains(&kind) { &[] } else { TYPES };
    for of in others.iter().filter(|of| !APART.contains(of)) {
        let to = references(of).filter(|p| targets::of(of, p).contains(&kind));
        out.extend(to.map(|p| format!("{of}:{}", p.name)));
    }
    out
}

/// Where tokens come from is told by `.well-known/smart-configuration`: the extension `oauth-uris` needs an
/// authorization endpoint, which a service for systems does not have.
fn security() -> Value {
    json!({
        "service": [{
            "coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                "code": "SMART-on-FHIR",
                "display": "SMART-on-FHIR",
            }],
        }],
    })
}
