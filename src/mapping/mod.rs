//! kap ⇄ FHIR R4: which resources state which fact of the practice, and back. The only home of fhir_sdk.
//!
//! Pure. Knows both languages and nothing else: no store, no caller, no clock.
//!
//! Each entity file has a `write` (fact → resources, primary first) and a `read` (one resource → the facts
//! that it states). The round trip is the law: reading what was written gives the same fact.
//!
//! # Ids
//! The primary resource of a fact has the fact's id; further ones `{id}-<suffix>`. Member `x` is
//! `Practitioner/x` and `PractitionerRole/x-role`; the team `CareTeam/{episode}-team`; the medication of a
//! prescription `Medication/{id}-med`; a hold `Flag/{episode}-hold-{n}`.
//!
//! # Projections
//! A resource that only restates another one, for receivers that cannot read the first, carries the
//! extension `kap-projection-of` and is skipped here.

mod adverse_event;
pub mod alert;
mod appointment;
pub mod build;
mod checklist;
mod clearance;
pub mod codes;
mod conditions;
mod consent;
mod consultation;
mod contact;
mod directory;
mod dosing;
mod effects;
mod episode;
pub mod exchange;
pub mod expression;
mod extension;
mod follow_up;
pub mod form;
mod integration;
mod json;
pub mod label;
mod limits;
pub mod marks;
mod measure;
mod medication;
pub mod narrative;
mod people;
mod preparation;
pub mod provenance;
pub mod read;
mod referral;
pub mod register;
mod safety;
mod screening;
mod session;
mod session_read;
mod session_record;
mod source;
pub mod summary;
mod supply;
pub mod terms;
pub mod topic;
mod value;
mod vitals;

#[cfg(test)]
pub(crate) mod arb;
#[cfg(test)]
pub(crate) mod arb_sessions;
#[cfg(test)]
mod definition_tests;
#[cfg(test)]
mod session_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod whole_tests;

use serde_json::Value;

pub use codes::CANONICAL;
use read::{Facts, Node, Source};

use crate::error::Issue;
use crate::fhir::resource::{Key, Resource};
use crate::kap::{Episode, Fact};

/// What was read from a set of resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The facts, each with the resources that it came from.
    pub facts: Vec<(Fact, Vec<Key>)>,
    /// Resources of a mapped type and profile that lack what the fact needs. `Issue.at` is a FHIRPath.
    pub unreadable: Vec<(Key, Issue)>,
}

/// The resources that state `fact`, the primary one first. `episode` is the context: patient, practice,
/// team, phase. A fact that has no FHIR form (an intention for the practice alone) gives none.
#[must_use]
pub fn to_fhir(fact: &Fact, episode: &Episode) -> Vec<Resource> {
    let e = episode;
    match fact {
        Fact::Header(x) => episode::write(x, e),
        Fact::Patient(x) => people::write_patient(x, e),
        Fact::Member(x) => directory::write_member(x, e),
        Fact::RelatedPerson(x) => people::write_related(x, e),
        Fact::Problem(x) => consultation::write_problem(x, e),
        Fact::Allergy(x) => consultation::write_allergy(x, e),
        Fact::HomeMedicine(x) => consultation::write_medicine(x, e),
        Fact::Screening(x) => screening::write(x, e),
        Fact::Consent(x) => consent::write(x, e),
        Fact::Referral(x) => referral::write(x, e),
        Fact::Clearance(x) => clearance::write(x, e),
        Fact::Plan(x) => preparation::write_plan(x, e),
        Fact::Intention(x) => preparation::write_intention(x, e),
        Fact::Prescription(x) => medication::write_prescription(x, e),
        Fact::Dispense(x) => supply::write_dispense(x, e),
        Fact::Inventory(x) => supply::write_inventory(x, e),
        Fact::Session(x) => session::write(x, e),
        Fact::Vitals { session, vitals } => vitals::write(session, vitals, e),
        Fact::Dose { session, dose } => dosing::write(session, dose, e),
        Fact::Checklist { session, checklist } => checklist::write(session, checklist, e),
        Fact::Effects { session, effects } => effects::write(session, effects, e),
        Fact::SideEffect { session, effect } => effects::write_side_effect(session, effect, e),
        Fact::Discharge { session, discharge } => checklist::write_discharge(session, discharge, e),
        Fact::Integration {
            session,
            integration,
        } => integration::write(session, integration, e),
        Fact::Outcome(x) => measure::write(x, e),
        Fact::Issue(x) => safety::write_issue(x, e),
        Fact::AdverseEvent(x) => adverse_event::write(x, e),
        Fact::FollowUp(x) => follow_up::write(x, e),
        Fact::Communication(x) => follow_up::write_communication(x, e),
    }
}

/// The resources that state all of `facts`. A resource that several facts share (the care team) stands once.
#[must_use]
pub fn all_to_fhir(facts: &[Fact], episode: &Episode) -> Vec<Resource> {
    let mut seen = std::collections::HashSet::new();
    let mut out: Vec<Resource> = facts.iter().flat_map(|f| to_fhir(f, episode)).collect();
    out.retain(|r| seen.insert(r.key.clone()));
    out
}

/// The facts that the resources of one episode state (the episode, its patient, patient-level records and
/// the directory of people and organizations). Order does not matter.
#[must_use]
pub fn from_fhir(resources: &[(Key, Value)]) -> Reading {
    let source = Source::new(resources);
    let mut reading = Reading::default();
    for (key, value) in resources {
        let node = Node::new(value);
        if node.ext("kap-projection-of").is_some() {
            continue;
        }
        for read in readers(&key.kind) {
            match read(node, &source) {
                Ok(facts) => reading.facts.extend(facts),
                Err(issue) => reading.unreadable.push((key.clone(), issue)),
            }
        }
    }
    reading
}

/// Reads one resource; gives nothing where the resource is not its own.
type Reader = for<'v> fn(Node<'v>, &Source<'v>) -> Facts;

/// Whether rules read records of this type.
#[must_use]
pub fn reads(kind: &str) -> bool {
    !readers(kind).is_empty()
}

/// Who reads a resource type. Each reader knows its own by profile or content; a resource is one reader's.
fn readers(kind: &str) -> &'static [Reader] {
    match kind {
        "EpisodeOfCare" => &[episode::read],
        "Patient" => &[people::read_patient],
        "CareTeam" => &[directory::read_team],
        "RelatedPerson" => &[people::read_related],
        "Condition" => &[consultation::read_problem],
        "AllergyIntolerance" => &[consultation::read_allergy],
        "MedicationRequest" => &[consultation::read_medicine, medication::read_prescription],
        "QuestionnaireResponse" => &[screening::read, checklist::read, integration::read],
        "Consent" => &[consent::read],
        "ServiceRequest" => &[referral::read, follow_up::read],
        "Task" => &[follow_up::read],
        "ClinicalImpression" => &[clearance::read],
        "CarePlan" => &[preparation::read_plan],
        "Goal" => &[preparation::read_intention],
        "MedicationDispense" => &[supply::read_dispense],
        "Basic" => &[supply::read_inventory],
        "Encounter" => &[session_read::read],
        "Observation" => &[vitals::read, effects::read, measure::read],
        "MedicationAdministration" => &[dosing::read],
        "DetectedIssue" => &[safety::read_issue],
        "AdverseEvent" => &[adverse_event::read],
        "Communication" => &[follow_up::read_communication],
        _ => &[],
    }
}
