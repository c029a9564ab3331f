//! The directory of organizations, which no episode owns, and what this server says of its types.

use serde_json::Value;

use super::codes::structure;
use super::contact::read_signed_name;
use super::directory::{read_organization, write_organization};
use super::episode::status_of;
use super::read::{Node, Source};
use crate::error::Issue;
use crate::fhir::resource::{Key, Resource};
use crate::kap::people::Organization;
use crate::kap::{Episode, Id};

/// The resources of a directory entry: Organization, and Endpoint where it has a FHIR server.
#[must_use]
pub fn organization(organization: &Organization) -> Vec<Resource> {
    write_organization(organization)
}

/// The organizations among these resources; what cannot be read is left out.
#[must_use]
pub fn organizations(resources: &[(Key, Value)]) -> Vec<Organization> {
    let source = Source::new(resources);
    let own = resources
        .iter()
        .filter(|(key, _)| &*key.kind == "Organization");
    own.filter_map(|(_, value)| read_organization(Node::new(value), &source).ok())
        .collect()
}

/// Where the FHIR servers of an Organization are told.
#[must_use]
pub fn endpoints(organization: &Value) -> Vec<Key> {
    let each = Node::new(organization).each("endpoint");
    let named = each.filter_map(Node::target);
    named
        .filter_map(|(kind, id)| Some(Key::new(kind, Id::new(id)?)))
        .collect()
}

/// Whether an update leaves a directory entry what episodes take it for: they read their people and organizations from it.
///
/// # Errors
/// What the new version lacks or may not change.
pub fn entry_stays(kind: &str, old: &Value, new: &Value) -> Result<(), Issue> {
    let source = Source::new(&[]);
    let (old, new) = (Node::new(old), Node::new(new));
    match kind {
        "Organization" => {
            let Ok(was) = read_organization(old, &source) else {
                return Ok(());
            };
            let is = read_organization(new, &source)?;
            if (was.kind, was.timezone) != (is.kind, is.timezone) {
                let text =
                    "What an organization is and its time zone are the operator's to change.";
                return Err(new.issue("value", text));
            }
        }
        "Practitioner" if read_signed_name(old).is_ok() => {
            read_signed_name(new)?;
        }
        "PractitionerRole" => {
            for name in ["practitioner", "organization"] {
                let was = old.ref_id(name);
                if was.is_some() && was != new.ref_id(name) {
                    let at = new.get(name).unwrap_or(new);
                    let text = "A role stays with its practitioner and its organization.";
                    return Err(at.issue("value", text));
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// The code of `EpisodeOfCare.status` for the episode's phase.
#[must_use]
pub fn status(episode: &Episode) -> String {
    status_of(episode)
}

/// KAP profiles by resource type.
const PROFILES: &[(&str, &[&str])] = &[
    ("AdverseEvent", &["kap-adverse-event"]),
    ("Appointment", &["kap-appointment"]),
    ("CarePlan", &["kap-careplan"]),
    ("CareTeam", &["kap-careteam"]),
    ("ClinicalImpression", &["kap-clearance"]),
    ("Communication", &["kap-communication"]),
    ("Composition", &["kap-composition"]),
    ("Consent", &["kap-treatment-consent", "kap-privacy-consent"]),
    ("DetectedIssue", &["kap-detected-issue"]),
    ("DocumentReference", &["kap-document-reference"]),
    ("Encounter", &["kap-dosing-encounter", "kap-encounter"]),
    ("EpisodeOfCare", &["kap-episode-of-care"]),
    ("Flag", &["kap-flag"]),
    ("Goal", &["kap-goal"]),
    ("Medication", &["kap-ketamine-medication"]),
    ("MedicationAdministration", &["kap-ketamine-administration"]),
    ("MedicationDispense", &["kap-medication-dispense"]),
    (
        "MedicationRequest",
        &["kap-ketamine-prescription", "kap-home-medication"],
    ),
    (
        "Observation",
        &[
            "kap-session-vital-sign",
            "kap-observation",
            "kap-clearance-status-observation",
        ],
    ),
    ("Procedure", &["kap-procedure"]),
    ("Provenance", &["kap-provenance"]),
    ("QuestionnaireResponse", &["kap-questionnaire-response"]),
    ("RelatedPerson", &["kap-related-person"]),
    (
        "ServiceRequest",
        &["kap-referral-servicerequest", "kap-followup-servicerequest"],
    ),
    ("Task", &["kap-referral-task", "kap-followup-task"]),
];

/// Canonical URLs of the KAP profiles of a resource type.
#[must_use]
pub fn profiles_of(kind: &str) -> Vec<String> {
    let own = PROFILES
        .iter()
        .find(|(of, _)| *of == kind)
        .map(|(_, names)| *names);
    own.unwrap_or_default()
        .iter()
        .map(|name| structure(name))
        .collect()
}
