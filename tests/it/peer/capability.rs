//! What the server says of itself.

use serde_json::{Value, json};

use super::State;
use super::habits::Support;

/// The types that are about nobody.
const OF_NOBODY: &[&str] = &[
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "Location",
];

/// Whether R4 has this parameter for this type.
pub(super) fn finds(kind: &str, parameter: &str) -> bool {
    match parameter {
        "identifier" | "patient" => kind != "AdverseEvent",
        "type" => kind == "Encounter",
        _ => true,
    }
}

/// The CapabilityStatement: what the habits are, truly.
pub(super) fn statement(state: &State) -> Value {
    let habits = &state.habits;
    let yes = |support: Support| support == Support::Yes;
    let parameter = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    let resource = |kind: &String| {
        let mut parameters = vec![parameter("_id", "token")];
        if finds(kind, "identifier") {
            parameters.push(parameter("identifier", "token"));
        }
        if !OF_NOBODY.contains(&kind.as_str()) {
            parameters.push(parameter("subject", "reference"));
            if finds(kind, "patient") {
                parameters.push(parameter("patient", "reference"));
            }
        }
        if finds(kind, "type") {
            parameters.push(parameter("type", "token"));
        }
        if yes(habits.last_updated) {
            parameters.push(parameter("_lastUpdated", "date"));
        }
        if yes(habits.sort) {
            parameters.push(parameter("_sort", "special"));
        }
        let codes = ["read", "vread", "create", "update", "search-type"];
        json!({
            "type": kind,
            "interaction": codes.map(|code| json!({ "code": code })),
            "versioning": "versioned-update",
            "readHistory": false,
            "updateCreate": false,
            "conditionalCreate": yes(habits.conditional_create),
            "conditionalRead": "not-supported",
            "conditionalUpdate": yes(habits.conditional_update),
            "conditionalDelete": "not-supported",
            "searchParam": parameters,
        })
    };
    let mut rest = json!({
        "mode": "server",
        "resource": habits.kinds.iter().map(resource).collect::<Vec<_>>(),
    });
    if habits.token.is_some() {
        let system = "http://terminology.hl7.org/CodeSystem/restful-security-service";
        let coding = json!({ "system": system, "code": "SMART-on-FHIR" });
        rest["security"] = json!({ "service": [{ "coding": [coding] }] });
    }
    match habits.transactions {
        Support::Yes => {
            rest["interaction"] = json!([{ "code": "transaction" }, { "code": "batch" }]);
        }
        Support::Ignored => rest["interaction"] = json!([{ "code": "batch" }]),
        Support::Refused => {}
    }
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-03-01",
        "kind": "instance",
        "software": { "name": "Other FHIR Server", "version": "7.4.2" },
        "implementation": { "description": "A medical group", "url": state.base() },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [rest],
    })
}
