//! What is exchanged, by what a record is.

use serde_json::{Value, json};

use super::named;
use crate::fhir::resource::Key;
use crate::kap::base::codes;
use crate::mapping::codes::{RXNORM, SNOMED, is_system, system};
use crate::mapping::read::Node;

codes! {
    /// What is exchanged.
    Flow {
        /// The packet of a referral: who, why, what is known so far, what was agreed, and what is asked for.
        Referral = "referral",
        /// What was done in sessions, and what became of it.
        Sessions = "sessions",
        Documents = "documents",
        Clearance = "clearance",
        Prescriptions = "prescriptions",
        Dispenses = "dispenses",
    }
}

/// The types that are fetched for a flow; empty for those that are only ever sent.
#[must_use]
pub const fn fetched(flow: Flow) -> &'static [&'static str] {
    match flow {
        Flow::Referral => &["Task"],
        Flow::Clearance => &["Encounter", "ClinicalImpression"],
        Flow::Prescriptions => &["MedicationRequest"],
        Flow::Dispenses => &["MedicationDispense"],
        Flow::Sessions | Flow::Documents => &[],
    }
}

/// Meetings of a medical partner with the patient that the practice waits for.
const MEETINGS: [&str; 2] = ["medical-evaluation", "medical-follow-up"];

/// What narrows the search for a type: of all visits there, those that are meetings of a course. A server that cannot search so
/// is not asked for them.
#[must_use]
pub fn narrowed(kind: &str) -> Option<(&'static str, String)> {
    let system = system("kap-session-type");
    let all = MEETINGS.map(|code| format!("{system}|{code}"));
    (kind == "Encounter").then(|| ("type", all.join(",")))
}

/// Whether a record of a type that is fetched and that is not known here is one to take over: of visits, a meeting of a course
/// that is over.
#[must_use]
pub fn is_taken(kind: &str, value: &Value) -> bool {
    if kind != "Encounter" {
        return true;
    }
    let types = value["type"].as_array().into_iter().flatten();
    let codings = types.flat_map(|one| one["coding"].as_array().into_iter().flatten());
    let is_own = |url: &str| is_system(url, "kap-session-type");
    let mut own = codings.filter(|coding| coding["system"].as_str().is_some_and(is_own));
    value["status"] == "finished"
        && own.any(|coding| MEETINGS.iter().any(|code| coding["code"] == *code))
}

/// In which order types are sent and taken in: what others rest on comes first.
#[must_use]
pub fn rank(kind: &str) -> usize {
    const ORDER: &[&str] = &[
        "Organization",
        "Practitioner",
        "PractitionerRole",
        "Patient",
        "RelatedPerson",
        "CareTeam",
        "Condition",
        "Medication",
        "EpisodeOfCare",
        "Encounter",
        "ServiceRequest",
        "Task",
        "ClinicalImpression",
        "MedicationRequest",
        "MedicationDispense",
    ];
    let at = ORDER.iter().position(|known| *known == kind);
    at.unwrap_or(ORDER.len())
}

/// What a record is sent for; `None` for what each system makes for itself, or keeps to itself.
#[must_use]
pub fn flow(kind: &str, value: &Value) -> Option<Flow> {
    if Node::new(value).ext("kap-projection-of").is_some() {
        return None;
    }
    let within = ["encounter", "context", "partOf"];
    let within = within.iter().any(|name| !value[*name].is_null());
    Some(match kind {
        "Patient"
        | "RelatedPerson"
        | "Practitioner"
        | "PractitionerRole"
        | "CareTeam"
        | "Condition"
        | "AllergyIntolerance"
        | "MedicationStatement"
        | "Consent"
        | "DetectedIssue"
        | "EpisodeOfCare"
        | "ServiceRequest" => Flow::Referral,
        "Task" => is_referral(value).then_some(Flow::Referral)?,
        "Observation" | "QuestionnaireResponse" if !within => Flow::Referral,
        "Observation"
        | "QuestionnaireResponse"
        | "Encounter"
        | "MedicationAdministration"
        | "Procedure"
        | "AdverseEvent" => Flow::Sessions,
        "DocumentReference" => Flow::Documents,
        "ClinicalImpression" => Flow::Clearance,
        "MedicationRequest" if Node::new(value).has_profile("kap-home-medication") => {
            Flow::Referral
        }
        "MedicationRequest" | "Medication" => Flow::Prescriptions,
        "MedicationDispense" => Flow::Dispenses,
        _ => return None,
    })
}

/// Whether a Task is that of a referral.
#[must_use]
pub fn is_referral(task: &Value) -> bool {
    Node::new(task).has_profile("kap-referral-task")
}

/// Whether both systems write it: the status of a referral's Task is the partner's, its cancellation ours.
#[must_use]
pub fn is_shared(kind: &str) -> bool {
    kind == "Task"
}

/// Whether where a Task stands is sent along with this flow.
#[must_use]
pub const fn moves(flow: Flow) -> bool {
    matches!(flow, Flow::Referral | Flow::Clearance)
}

/// Whether an organization is of neither side: the practice of somebody of the care team, whom a partner may not know yet.
#[must_use]
pub fn is_outside(organization: &Value) -> bool {
    let kind = Node::new(organization).ext("kap-organization-kind");
    let kind = kind.and_then(|kind| kind.part::<String>("kind").ok().flatten());
    kind.is_none_or(|kind| kind == "external-provider")
}

/// Whether the one side adds to what the other wrote: conditions of a clearance that are met, a parcel that arrived, what was
/// done about a finding, a hold of the course.
#[must_use]
pub fn is_added_to(kind: &str) -> bool {
    matches!(
        kind,
        "ClinicalImpression" | "DetectedIssue" | "EpisodeOfCare" | "MedicationDispense"
    )
}

/// Whether it is sent once: each system goes on with it by its own rules. Of a course, the steps that people take are told.
#[must_use]
pub fn is_sent_once(kind: &str) -> bool {
    matches!(
        kind,
        "EpisodeOfCare" | "Patient" | "Practitioner" | "PractitionerRole"
    )
}

/// Whether an Encounter has no results yet.
#[must_use]
pub fn is_ahead(kind: &str, value: &Value) -> bool {
    let over = ["finished", "cancelled", "entered-in-error"];
    kind == "Encounter" && !over.iter().any(|status| value["status"] == *status)
}

/// Whether it tells of what happened to the patient, which waits for no session's end.
#[must_use]
pub fn is_told_at_once(kind: &str) -> bool {
    matches!(kind, "AdverseEvent" | "DetectedIssue")
}

/// The session whose result a record is: it is sent no sooner, unless it is told at once.
#[must_use]
pub fn within(value: &Value, base: &str) -> Option<Key> {
    if value["resourceType"].as_str().is_some_and(is_told_at_once) {
        return None;
    }
    let of = ["encounter", "context"].iter().map(|name| &value[*name]);
    named(&json!({ "of": of.collect::<Vec<_>>() }), base).pop()
}

/// Why a record would be stored without being understood as what its type is fetched for; `None` where it would not. An order
/// of another medicine is a record like any other; one of ketamine must be read, or nobody counts its doses, and so must one of
/// which nobody knows what it orders. `medicines` are the Medications that it names, with those that these are made of.
#[must_use]
pub fn unread(
    kind: &str,
    value: &Value,
    medicines: &[Value],
) -> Option<(&'static str, &'static str)> {
    let node = Node::new(value);
    match kind {
        "ClinicalImpression" if node.ext("kap-clearance-decision").is_none() => Some((
            "extension",
            "It says no decision: a clearance has the extension kap-clearance-decision.",
        )),
        "MedicationRequest" if !node.has_profile("kap-ketamine-prescription") => {
            let said = ordered(value, medicines);
            let shown = json!({ "text": value["medicationReference"]["display"] });
            if said.iter().chain([&shown]).any(is_ketamine) {
                let text = "It orders ketamine and does not claim the profile kap-ketamine-prescription, which says \
                    dose, maximum and validity.";
                return Some(("meta.profile", text));
            }
            let text = "It does not say in words what it orders, and no Medication that can be read here does.";
            let silent = !said.iter().any(is_worded);
            // What is taken back or over orders nothing.
            let past = ["completed", "stopped", "cancelled", "entered-in-error"];
            let past = past.iter().any(|status| value["status"] == *status);
            (silent && !past).then_some(("medication", text))
        }
        _ => None,
    }
}

/// What an order says of its medicine: concepts. The display of a reference is one where there is nothing behind it.
fn ordered(order: &Value, medicines: &[Value]) -> Vec<Value> {
    let reference = &order["medicationReference"];
    let mut said = vec![order["medicationCodeableConcept"].clone()];
    if reference["reference"].is_null() && reference["identifier"].is_null() {
        said.push(json!({ "text": reference["display"] }));
    }
    let within = order["contained"].as_array().into_iter().flatten();
    let within = within.filter(|one| one["resourceType"] == "Medication");
    for medicine in within.chain(medicines) {
        said.push(medicine["code"].clone());
        for part in medicine["ingredient"].as_array().into_iter().flatten() {
            said.push(part["itemCodeableConcept"].clone());
        }
    }
    said
}

fn words(concept: &Value) -> Vec<&str> {
    let coded = concept["coding"].as_array().into_iter().flatten();
    let said = coded
        .map(|coding| &coding["display"])
        .chain([&concept["text"]]);
    said.filter_map(Value::as_str).collect()
}

fn is_worded(concept: &Value) -> bool {
    words(concept).iter().any(|text| !text.trim().is_empty())
}

/// Whether a concept is ketamine by its words (Ketalar, Spravato and esketamine among them), by RxNorm's ingredients or by
/// SNOMED CT's substance.
fn is_ketamine(concept: &Value) -> bool {
    const NAMES: [&str; 3] = ["ketamin", "ketalar", "spravato"];
    const CODES: [(&str, &str); 3] = [(RXNORM, "6130"), (RXNORM, "2119365"), (SNOMED, "373464007")];
    let named = |text: &&str| {
        let text = text.to_lowercase();
        NAMES.iter().any(|name| text.contains(name))
    };
    let coded = |coding: &Value| {
        CODES
            .iter()
            .any(|(s, c)| coding["system"] == *s && coding["code"] == *c)
    };
    let mut codings = concept["coding"].as_array().into_iter().flatten();
    codings.any(coded) || words(concept).iter().any(named)
}
