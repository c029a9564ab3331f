//! An event as a FHIR AuditEvent in the shapes of IHE BALP (<https://profiles.ihe.net/ITI/BALP/>): a pure function of the
//! row, so that nothing has to be kept twice.
//!
//! A BALP profile is claimed where the event is a success over the network; the profiles have no place for failures.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::event::{Event, Kind, NOTE_KEY, Outcome, PRIVATE_NOTE, Row};
use crate::fhir::resource::instant;

const DICOM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const REST: &str = "http://hl7.org/fhir/restful-interaction";
const BALP: &str = "https://profiles.ihe.net/ITI/BALP";
const TERMINOLOGY: &str = "http://terminology.hl7.org/CodeSystem";

/// How a kind of event is told: system and code of `type`, system and code of `subtype`, `action`, BALP profile.
struct Shape(
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

#[rustfmt::skip]
const fn shape(kind: Kind) -> Shape {
    const EVENT: &str = "http://terminology.hl7.org/CodeSystem/audit-event-type";
    const LIFE: &str = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle";
    match kind {
        Kind::Create => Shape(EVENT, "rest", REST, "create", "C", "Create"),
        Kind::Read => Shape(EVENT, "rest", REST, "read", "R", "Read"),
        Kind::Vread => Shape(EVENT, "rest", REST, "vread", "R", "Read"),
        Kind::Update => Shape(EVENT, "rest", REST, "update", "U", "Update"),
        Kind::Delete => Shape(EVENT, "rest", REST, "delete", "D", "Delete"),
        Kind::Search => Shape(EVENT, "rest", REST, "search-type", "E", "Query"),
        // BALP has no profile of it.
        Kind::History => Shape(EVENT, "rest", REST, "history", "R", ""),
        Kind::Operation | Kind::NoteList => Shape(EVENT, "rest", REST, "operation", "E", ""),
        Kind::Transaction => Shape(EVENT, "rest", REST, "transaction", "E", ""),
        Kind::Batch => Shape(EVENT, "rest", REST, "batch", "E", ""),
        // No interactions of FHIR: of private notes there are no resources.
        Kind::NoteCreate => Shape(EVENT, "rest", REST, "operation", "C", ""),
        Kind::NoteRead => Shape(EVENT, "rest", REST, "operation", "R", ""),
        Kind::NoteUpdate => Shape(EVENT, "rest", REST, "operation", "U", ""),
        Kind::Disclose => Shape(DICOM, "110106", LIFE, "disclose", "R", "PrivacyDisclosure.Source"),
        // What was sent, or was not, without being asked for: no profile of BALP has it.
        Kind::Notify | Kind::Withhold => Shape(DICOM, "110106", LIFE, "disclose", "R", ""),
        Kind::Token => Shape(DICOM, "110114", "urn:ihe:event-type-code", "ITI-71", "E", "IUA.71"),
        // Security Alert, Emergency Override Started.
        Kind::Emergency => Shape(DICOM, "110113", DICOM, "110127", "E", ""),
        // Logout.
        Kind::Revoke => Shape(DICOM, "110114", DICOM, "110123", "E", ""),
        // User Security Attributes Changed.
        Kind::ClientAdd | Kind::ClientDisable | Kind::ClientEnable | Kind::ClientKeys | Kind::ClientOrigin =>
            Shape(DICOM, "110113", DICOM, "110137", "E", ""),
        // Security Configuration.
        Kind::NoteKeyAdd | Kind::NoteKeyRotate | Kind::NoteRewrap | Kind::Partner => Shape(DICOM, "110113", DICOM, "110129", "E", ""),
        // Object Security Attributes Changed.
        Kind::NoteHandOver => Shape(DICOM, "110113", DICOM, "110135", "E", ""),
        Kind::LabelLower => Shape(DICOM, "110113", DICOM, "110135", "U", ""),
        Kind::Start => Shape(DICOM, "110100", DICOM, "110120", "E", ""),
        Kind::Stop => Shape(DICOM, "110100", DICOM, "110121", "E", ""),
        // Software Configuration.
        Kind::Migrate => Shape(DICOM, "110113", DICOM, "110131", "E", ""),
        // Audit Recording Stopped.
        Kind::SealFailed => Shape(DICOM, "110113", DICOM, "110133", "E", ""),
    }
}

/// System and code of `type` and of `subtype`, and `action`, of a kind: what a search for them looks at.
#[must_use]
pub const fn codes(kind: Kind) -> ([&'static str; 2], [&'static str; 2], &'static str) {
    let Shape(of_type, code, of_subtype, subcode, action, _) = shape(kind);
    ([of_type, code], [of_subtype, subcode], action)
}

/// The AuditEvent of a row. `base` is the public base URL of the service that keeps it.
#[must_use]
pub fn audit_event(row: &Row, base: &str) -> Value {
    let event = &row.event;
    let Shape(of_type, code, of_subtype, subcode, action, _) = shape(event.kind);
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.at) * 1_000_000);
    let recorded = instant(at.unwrap_or(OffsetDateTime::UNIX_EPOCH));
    let confidentiality = format!("{TERMINOLOGY}/v3-Confidentiality");
    let mut out = json!({
        "resourceType": "AuditEvent",
        "id": &*row.id,
        "meta": {
            "versionId": "1",
            "lastUpdated": recorded,
            "security": [{ "system": confidentiality, "code": "R" }],
        },
        "type": { "system": of_type, "code": code },
        "subtype": [{ "system": of_subtype, "code": subcode }],
        "action": action,
        "recorded": recorded,
        "outcome": event.outcome.code().to_string(),
    });
    if let Some(profile) = profile(event) {
        out["meta"]["profile"] = json!([format!("{BALP}/StructureDefinition/IHE.{profile}")]);
    }
    if is_refusal(event) {
        // What was asked is the second subtype then; the first says that role and scope were asked.
        let decision = format!("{BALP}/CodeSystem/AuthZsubType");
        out["type"] = json!({ "system": DICOM, "code": "110113" });
        out["subtype"] = json!([
            { "system": decision, "code": "AuthZ-Role" },
            { "system": of_subtype, "code": subcode },
        ]);
    }
    if let Some(reason) = &event.reason {
        out["outcomeDesc"] = json!(&**reason);
    }
    if event.kind == Kind::Disclose || event.who.purpose.as_deref() == Some("BTG") {
        out["purposeOfEvent"] = json!(purpose(event));
    }
    out["agent"] = Value::Array(agents(row, base));
    out["source"] = json!({ "observer": service(row, base) });
    let entities = entities(event);
    if !entities.is_empty() {
        out["entity"] = Value::Array(entities);
    }
    out
}

/// Whether role or scope did not allow it.
fn is_refusal(event: &Event) -> bool {
    let reason = event.reason.as_deref().unwrap_or_default();
    event.outcome == Outcome::Serious && reason.starts_with("403")
}

/// The profile that the event is of, without the prefix that all have.
fn profile(event: &Event) -> Option<String> {
    let Shape(.., name) = shape(event.kind);
    let over_network = event.who.client.is_some() && event.peer.is_some();
    if name.is_empty() || event.outcome != Outcome::Success || !over_network {
        return None;
    }
    let of_record = event.target.as_ref().is_some_and(|t| t.id.is_some());
    Some(match event.kind {
        Kind::Token => name.to_owned(),
        Kind::Disclose => {
            event.patient.as_ref()?;
            format!("BasicAudit.{name}")
        }
        Kind::Search => format!("BasicAudit.{}{name}", of_patient(event)),
        _ if of_record => format!("BasicAudit.{}{name}", of_patient(event)),
        _ => return None,
    })
}

fn of_patient(event: &Event) -> &'static str {
    if event.patient.is_some() {
        "Patient"
    } else {
        ""
    }
}

fn purpose(event: &Event) -> Option<Value> {
    let code = event.who.purpose.as_deref()?;
    let system = format!("{TERMINOLOGY}/v3-ActReason");
    Some(json!([{ "coding": [{ "system": system, "code": code }] }]))
}

fn coded(system: &str, code: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code }] })
}

/// The service as it names itself; the source of a disclosure must be the same word for word.
fn service(row: &Row, base: &str) -> Value {
    let display = format!("kap-fhir {}", row.source);
    json!({ "identifier": { "value": base }, "display": display })
}

/// Who asked, who answered, for which organization.
fn agents(row: &Row, base: &str) -> Vec<Value> {
    let event = &row.event;
    let (asks, answers) = parts(event.kind);
    let mut client = json!({ "type": asks });
    if let Some(role) = &event.who.role {
        client["role"] = json!([{ "text": &**role }]);
    }
    client["who"] = match &event.who.client {
        Some(client) => json!({ "identifier": { "value": &**client } }),
        None if event.peer.is_some() => {
            json!({ "display": "a client that did not prove who it is" })
        }
        None => json!({ "display": "the service or its operator" }),
    };
    client["requestor"] = json!(true);
    if let Some(token) = &event.who.token {
        client["policy"] = json!([format!("urn:ietf:params:oauth:jti:{token}")]);
    }
    if let Some(peer) = &event.peer {
        client["network"] = json!({ "address": &**peer, "type": "2" });
    }
    if let Some(purpose) = purpose(event) {
        client["purposeOfUse"] = purpose;
    }
    let server = json!({
        "type": answers,
        "who": service(row, base),
        "requestor": false,
        "network": { "address": base, "type": "5" },
    });
    let mut out = vec![client, server];
    // The profile of token requests names every agent that there may be.
    if let Some(organization) = event.who.organization.as_deref()
        && event.kind != Kind::Token
    {
        out.push(json!({
            "type": coded(&format!("{TERMINOLOGY}/v3-RoleClass"), "PROV"),
            "who": { "reference": format!("Organization/{organization}") },
            "requestor": false,
        }));
    }
    out
}

/// Types of the agent that asks and of the one that answers.
fn parts(kind: Kind) -> (Value, Value) {
    let (source, destination) = (coded(DICOM, "110153"), coded(DICOM, "110152"));
    match kind {
        Kind::Read
        | Kind::Vread
        | Kind::History
        | Kind::NoteRead
        | Kind::Disclose
        | Kind::Notify
        | Kind::Withhold => (destination, source),
        Kind::Delete => (
            coded(DICOM, "110150"),
            coded(
                &format!("{TERMINOLOGY}/provenance-participant-type"),
                "custodian",
            ),
        ),
        Kind::Token | Kind::Emergency | Kind::Revoke => (
            coded(DICOM, "110150"),
            coded(
                &format!("{BALP}/CodeSystem/UserAgentTypes"),
                "AuthzOauthService",
            ),
        ),
        _ => (source, destination),
    }
}

fn entities(event: &Event) -> Vec<Value> {
    let object = |role: Option<&str>| {
        let of_type = format!("{TERMINOLOGY}/audit-entity-type");
        let mut entity = json!({ "type": { "system": of_type, "code": "2" } });
        if let Some(role) = role {
            let roles = format!("{TERMINOLOGY}/object-role");
            entity["role"] = json!({ "system": roles, "code": role });
        }
        entity
    };
    let mut out = Vec::new();
    let is_query = matches!(event.kind, Kind::Search | Kind::Token);
    if let (true, Some(asked)) = (is_query, &event.detail) {
        let mut query = object(Some("24"));
        query["query"] = json!(STANDARD.encode(&**asked));
        out.push(query);
    } else if event.target.is_some() || event.detail.is_some() {
        out.push(data(event, object(data_role(event))));
    }
    if let Some(patient) = &event.patient {
        out.push(json!({
            "what": { "reference": format!("Patient/{patient}") },
            "type": { "system": format!("{TERMINOLOGY}/audit-entity-type"), "code": "1" },
            "role": { "system": format!("{TERMINOLOGY}/object-role"), "code": "1" },
        }));
    }
    if let Some(request) = event.request.as_ref().filter(|_| event.kind != Kind::Token) {
        out.push(json!({
            "what": { "identifier": { "value": &**request } },
            "type": { "system": format!("{BALP}/CodeSystem/BasicAuditEntityType"), "code": "XrequestId" },
        }));
    }
    out
}

/// Report or domain resource; a private note and its key are neither.
fn data_role(event: &Event) -> Option<&'static str> {
    match &event.target {
        Some(target) if &*target.kind == "Composition" => Some("3"),
        Some(target) if [PRIVATE_NOTE, NOTE_KEY].contains(&&*target.kind) => None,
        _ => Some("4"),
    }
}

/// `entity` with what was done with it.
fn data(event: &Event, mut entity: Value) -> Value {
    if let Some(target) = &event.target {
        let kind = &target.kind;
        // A client, a token or a private note is no resource.
        let is_resource = kind.starts_with(|c: char| c.is_ascii_uppercase());
        match (&target.id, target.version) {
            (Some(id), version) if !is_resource => {
                entity["what"] = json!({ "identifier": { "value": &**id } });
                let version = version.map_or(String::new(), |n| format!(", version {n}"));
                entity["description"] = json!(format!("{kind}{version}"));
            }
            (Some(id), Some(version)) => {
                entity["what"] = json!({ "reference": format!("{kind}/{id}/_history/{version}") });
            }
            (Some(id), None) => entity["what"] = json!({ "reference": format!("{kind}/{id}") }),
            (None, _) => entity["name"] = json!(&**kind),
        }
    }
    if let Some(detail) = &event.detail {
        entity["detail"] = json!([{ "type": "detail", "valueString": &**detail }]);
    }
    entity
}

#[cfg(test)]
mod tests;
