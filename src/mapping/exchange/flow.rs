//! What is exchanged, by what a record is.

use serde_json::{Value, json};

use super::named;
use crate::fhir::resource::Key;
use crate::kap::base::codes;
use crate::mapping::codes::{RXNORM, SNOMED};
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
        Flow::Clearance => &["ClinicalImpression"],
        Flow::Prescriptions => &["MedicationRequest"],
        Flow::Dispenses => &["MedicationDispense"],
        Flow::Sessions | Flow::Documents => &[],
    }
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
/// of another medicine is a record like any other; one of ketamine must be read, or nobody counts its doses. `medicine` is the
/// Medication that it names, where there is one here.
#[must_use]
pub fn unread(
    kind: &str,
    value: &Value,
    medicine: Option<&Value>,
) -> Option<(&'static str, &'static str)> {
    let node = Node::new(value);
    match kind {
        "ClinicalImpression" if node.ext("kap-clearance-decision").is_none() => Some((
            "extension",
            "It says no decision: a clearance has the extension kap-clearance-decision.",
        )),
        "MedicationRequest" if !node.has_profile("kap-ketamine-prescription") => {
            let reference = &value["medicationReference"];
            let named = [
                &value["medicationCodeableConcept"],
                reference,
                &value["contained"],
            ];
            let mut named = named.into_iter().chain(medicine);
            if named.any(is_ketamine) {
                let text = "It orders ketamine and does not claim the profile kap-ketamine-prescription, which says \
                    dose, maximum and validity.";
                return Some(("meta.profile", text));
            }
            let within = reference["reference"]
                .as_str()
                .is_some_and(|r| r.starts_with('#'));
            let told = within || medicine.is_some() || reference["display"].is_string();
            let text =
                "It names a Medication that cannot be read there: nobody knows what it orders.";
            (reference.is_object() && !told).then_some(("medicationReference", text))
        }
        _ => None,
    }
}

/// Whether what a medicine is called, or one of its codes, is ketamine: the words that its names have (Ketalar, Spravato and
/// esketamine among them), RxNorm's ingredients, SNOMED CT's substance.
fn is_ketamine(medicine: &Value) -> bool {
    let names = ["ketamin", "ketalar", "spravato"];
    match medicine {
        Value::String(text) => {
            let text = text.to_lowercase();
            names.iter().any(|name| text.contains(name))
        }
        Value::Array(all) => all.iter().any(is_ketamine),
        Value::Object(members) => {
            let code = (medicine["system"].as_str(), medicine["code"].as_str());
            let codes = [(RXNORM, "6130"), (RXNORM, "2119365"), (SNOMED, "373464007")];
            codes
                .iter()
                .any(|(system, own)| code == (Some(*system), Some(*own)))
                || members.values().any(is_ketamine)
        }
        _ => false,
    }
}
