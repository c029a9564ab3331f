//! What this server can do, said from what is registered: <https://hl7.org/fhir/R4/capabilitystatement.html>.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::audit::events::TYPE as EVENTS;
use super::definitions;
use super::write::OPENED_ELSEWHERE;
use crate::access::{Interaction, role};
use crate::app::App;
use crate::fhir::parameter::{self, Parameter, ParameterKind};
use crate::mapping::register::profiles_of;

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
    "Task",
];

/// The CapabilityStatement of this server.
#[must_use]
pub fn statement(app: &App) -> String {
    let resources: Vec<Value> = TYPES.iter().map(|kind| resource(kind)).collect();
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-22",
        "kind": "instance",
        "software": { "name": "kap-fhir", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "kap-fhir", "url": app.fhir_base() },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "patchFormat": ["application/json-patch+json", "application/fhir+json"],
        "copyright": "This material contains content from LOINC (http://loinc.org). LOINC is copyright Regenstrief Institute, Inc. and the LOINC Committee and is available at no cost under the license at http://loinc.org/license.",
        "rest": [{
            "mode": "server",
            "security": security(),
            "resource": resources,
            "interaction": [{ "code": "transaction" }, { "code": "batch" }, { "code": "history-system" }],
            "operation": [{
                "name": "export",
                "definition": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export",
            }],
        }],
    })
    .to_string()
}

fn resource(kind: &str) -> Value {
    let parameters: Vec<Value> = parameter::of(kind)
        .into_iter()
        .flatten()
        .map(|p| search_param(kind, p))
        .collect();
    let includes: Vec<String> = parameter::of(kind)
        .into_iter()
        .flatten()
        .filter(|p| p.kind == ParameterKind::Reference && kind != EVENTS)
        .map(|p| format!("{kind}:{}", p.name))
        .collect();
    let interactions = interactions(kind);
    let [creates, updates, deletes] =
        ["create", "update", "delete"].map(|i| interactions.contains(&i));
    let interactions: Vec<Value> = interactions
        .iter()
        .map(|code| json!({ "code": code }))
        .collect();
    let mut out = json!({
        "type": kind,
        "interaction": interactions,
        "versioning": if kind == EVENTS { "no-version" } else { "versioned" },
        "readHistory": kind != EVENTS,
        "updateCreate": false,
        "conditionalCreate": creates,
        "conditionalUpdate": updates,
        "conditionalDelete": if deletes { "single" } else { "not-supported" },
        "conditionalRead": "full-support",
        "referencePolicy": ["literal", "logical", "enforced"],
    });
    if !parameters.is_empty() {
        out["searchParam"] = json!(parameters);
    }
    if !includes.is_empty() {
        out["searchInclude"] = json!(includes);
    }
    let reverse = reverse_includes(kind);
    if !reverse.is_empty() {
        out["searchRevInclude"] = json!(reverse);
    }
    let profiles = profiles_of(kind);
    if !profiles.is_empty() {
        out["supportedProfile"] = json!(profiles);
    }
    out["operation"] = json!(operations(kind));
    out
}

/// A parameter with the URL of its definition, of the standard or of this service, where there is one.
fn search_param(kind: &str, parameter: &Parameter) -> Value {
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
/// The operations of a type: name and definition.
fn operations(kind: &str) -> Vec<Value> {
    const HL7: &str = "http://hl7.org/fhir/OperationDefinition";
    const US_CORE: &str = "http://hl7.org/fhir/us/core/OperationDefinition";
    const BULK: &str = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition";
    const IPS: &str = "http://hl7.org/fhir/uv/ips/OperationDefinition";
    const KAP: &str = "https://kap-interop.example.org/fhir/OperationDefinition";
    let own: &[(&str, &str, &str)] = match kind {
        "Composition" => &[("document", HL7, "Composition-document")],
        "DocumentReference" => &[("docref", US_CORE, "docref")],
        "EpisodeOfCare" => &[("everything", KAP, "EpisodeOfCare-everything")],
        "Group" => &[("export", BULK, "group-export")],
        "Patient" => &[
            ("everything", HL7, "Patient-everything"),
            ("export", BULK, "patient-export"),
            ("summary", IPS, "summary"),
        ],
        _ => &[],
    };
    let each = [
        ("meta", HL7, "Resource-meta"),
        ("validate", HL7, "Resource-validate"),
    ];
    let all = own.iter().chain(&each);
    let all = all.filter(|(name, ..)| *name != "meta" || kind != EVENTS);
    all.map(|(name, base, id)| json!({ "name": name, "definition": format!("{base}/{id}") }))
        .collect()
}

/// What some role may do with resources of this type.
fn interactions(kind: &str) -> Vec<&'static str> {
    let letters = role::every_kind()
        .find(|(name, _)| *name == kind)
        .map(|(_, letters)| letters)
        .unwrap_or_default();
    [
        (Interaction::Read, "read"),
        (Interaction::Read, "vread"),
        (Interaction::Read, "history-instance"),
        (Interaction::Search, "history-type"),
        (Interaction::Search, "search-type"),
        (Interaction::Create, "create"),
        (Interaction::Update, "update"),
        (Interaction::Update, "patch"),
        (Interaction::Delete, "delete"),
    ]
    .into_iter()
    .filter(|(_, code)| {
        kind != EVENTS || !["vread", "history-instance", "history-type"].contains(code)
    })
    .filter(|(interaction, _)| letters.has(*interaction))
    .filter(|(interaction, _)| (*interaction, kind) != (Interaction::Create, OPENED_ELSEWHERE))
    .map(|(_, code)| code)
    .collect()
}

/// The types that refer to this one by a parameter that names no other type, such as `Provenance:target`.
fn reverse_includes(kind: &str) -> Vec<String> {
    let mut out = Vec::new();
    for of in TYPES {
        for p in parameter::of(of).into_iter().flatten() {
            let names = p.target == Some(kind) || (*of == "Provenance" && p.name == "target");
            if p.kind == ParameterKind::Reference && names {
                out.push(format!("{of}:{}", p.name));
            }
        }
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
