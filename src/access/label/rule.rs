//! How a resource is labelled: what it is, what it says, what was said of it. Labels are never taken away.

use serde_json::Value;

use super::{CONFIDENTIALITY, Labels, content};
use crate::kap::base::{Coding, Day};

/// Years at which a patient is no longer a minor.
const ADULT: i32 = 18;

/// What an event was about: whether the patient was a minor then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Adult,
    Minor,
}

/// A resource's labels, and how its `meta.security` must be changed to say them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    pub labels: Labels,
    /// Positions of the codings that go: a confidentiality below the one that holds.
    pub drop: Vec<usize>,
    /// The codings that are missing, the confidentiality first.
    pub add: Vec<Coding>,
}

/// A psychotherapy note, which is no resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoForm;

/// How sensitive a type is by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    /// `N`: identity, directory, general medicine.
    Open,
    /// `R PSY`: it exists because the patient is in this treatment.
    Clinical,
    /// `R`, and of one topic: `PSY` where no other is told.
    Topic,
}

fn base(kind: &str, value: &Value) -> Base {
    match kind {
        "AllergyIntolerance" | "Endpoint" | "HealthcareService" | "Location" | "Medication"
        | "Organization" | "Patient" | "Practitioner" | "PractitionerRole" | "Questionnaire"
        | "RelatedPerson" => Base::Open,
        // Home medicines (US Core's medication list).
        "MedicationRequest" if value["intent"] == "plan" => Base::Open,
        "Condition" | "DetectedIssue" | "Observation" | "Provenance" | "QuestionnaireResponse" => {
            Base::Topic
        }
        _ => Base::Clinical,
    }
}

/// The labels of a resource of type `kind`: those of its type and content, those that it was sent with, and those
/// that its version before had (`previous`).
///
/// # Errors
/// `NoForm` where it is labelled as a psychotherapy note.
pub fn label(
    kind: &str,
    value: &Value,
    subject: Subject,
    previous: Labels,
) -> Result<Labelled, NoForm> {
    let stated = Labels::stated(value);
    if stated.meets(Labels::NOTE) {
        return Err(NoForm);
    }
    let told = stated.or(previous).or(content::of_resource(value));
    let labels = complete(base(kind, value), told, subject);
    Ok(change(value, stated, labels))
}

/// `told` completed by what follows from it.
fn complete(base: Base, told: Labels, subject: Subject) -> Labels {
    let mut labels = told;
    if labels.meets(Labels::PART2) && !labels.meets(Labels::SUBSTANCE) {
        labels = labels.or(Labels::ETH);
    }
    if base == Base::Clinical || (base == Base::Topic && !labels.meets(Labels::TOPICS)) {
        labels = labels.or(Labels::PSY);
    }
    if base != Base::Open || !labels.is_empty() {
        labels = labels.or(Labels::R);
        if subject == Subject::Minor && (base != Base::Open || labels.meets(Labels::TOPICS)) {
            labels = labels.or(Labels::ADOL);
        }
    }
    labels
}

/// The labels of what is of these topics and of no other sensitivity, in their order: `PSY` where there is none.
#[must_use]
pub fn of_topics(topics: Labels, clinical: bool, subject: Subject) -> Labels {
    let base = if clinical {
        Base::Clinical
    } else {
        Base::Topic
    };
    complete(base, topics, subject)
}

fn change(value: &Value, stated: Labels, labels: Labels) -> Labelled {
    let codings = value["meta"]["security"].as_array();
    let codings = codings.map_or(&[][..], Vec::as_slice);
    let mut add = labels.codings();
    let level = add.remove(0);
    add.retain(|coding| {
        let bits = Labels::of(&coding.code).unwrap_or_default();
        !bits.within(stated)
    });
    let is_level = |c: &Value| c["system"] == CONFIDENTIALITY;
    let kept = codings
        .iter()
        .position(|c| is_level(c) && c["code"] == level.code);
    if kept.is_none() {
        add.insert(0, level);
    }
    let levels = codings.iter().enumerate().filter(|(_, c)| is_level(c));
    let drop = levels.map(|(n, _)| n).filter(|n| Some(*n) != kept);
    Labelled {
        labels,
        drop: drop.collect(),
        add,
    }
}

/// Whether the patient was a minor on `day`.
#[must_use]
pub fn is_minor(birth: Day, day: Day) -> bool {
    let (b, d) = (birth.0, day.0);
    let years = d.year() - b.year();
    let had_birthday = (d.month() as u8, d.day()) >= (b.month() as u8, b.day());
    years - i32::from(!had_birthday) < ADULT
}
