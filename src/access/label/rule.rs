//! How a resource is labelled: what it is, what it says, what was said of it. None is ever taken away by a client;
//! what an operator takes off comes back with new content.

use serde_json::Value;

use super::{ACT_CODE, CONFIDENTIALITY, Labels, content};
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
    /// Those that stay taken off.
    pub lowered: Labels,
    /// Positions of the codings that go: a confidentiality other than the one that holds, and what is taken off.
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
        | "RelatedPerson" | "Subscription" => Base::Open,
        // Home medicines (US Core's medication list).
        "MedicationRequest" if value["intent"] == "plan" => Base::Open,
        "Condition" | "DetectedIssue" | "Observation" | "Provenance" | "QuestionnaireResponse" => {
            Base::Topic
        }
        _ => Base::Clinical,
    }
}

/// Where the labels that a resource states come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labelling {
    /// The service built it of facts that stated these before too: they, and what follows from type and content, are
    /// stated each time.
    Built(Labels),
    /// Somebody sent it so.
    Sent,
    /// Somebody sent it so, and it tells of records that bear these.
    SentOf(Labels),
    /// It is as it was, and an operator takes these off.
    Lowered(Labels),
}

/// What was before a version that is to be labelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// The labels of the version before.
    pub labels: Labels,
    /// Those that were taken off the record.
    pub lowered: Labels,
    /// The topics of what the version before did not say: it matters where something was taken off.
    pub news: Labels,
}

impl Past {
    /// What holds of `lowered` where a resource states labels and follows from them (`implied`) as given.
    fn still_lowered(self, labelling: Labelling, stated: Labels, implied: Labels) -> Labels {
        let meant = match labelling {
            Labelling::Built(before) => stated.without(implied.or(before)),
            Labelling::Sent | Labelling::SentOf(_) => stated,
            // Nothing that only a statement puts on comes again by itself.
            Labelling::Lowered(off) => return self.lowered.or(off.without(Labels::UNKNOWN)),
        };
        self.lowered.without(meant).without(self.news)
    }
}

/// The labels of a resource of type `kind`: those of its type and content, those that it was sent with, and those
/// that its version before had; without those that an operator took off and nobody has said since.
///
/// # Errors
/// `NoForm` where it is labelled as a psychotherapy note.
pub fn label(
    kind: &str,
    value: &Value,
    subject: Subject,
    past: Past,
    labelling: Labelling,
) -> Result<Labelled, NoForm> {
    let stated = Labels::stated(value);
    if stated.meets(Labels::NOTE) {
        return Err(NoForm);
    }
    let (base, content) = (base(kind, value), content::of_resource(value));
    let implied = complete(base, content, subject);
    let mut lowered = past.still_lowered(labelling, stated, implied);
    // A corrected date of birth speaks for itself, and a second correction too.
    if subject == Subject::Adult {
        lowered = lowered.without(Labels::ADOL);
    }
    let off = match labelling {
        Labelling::Lowered(off) => off,
        Labelling::Built(_) | Labelling::Sent | Labelling::SentOf(_) => Labels::NONE,
    };
    let of = match labelling {
        Labelling::SentOf(of) => of,
        Labelling::Built(_) | Labelling::Sent | Labelling::Lowered(_) => Labels::NONE,
    };
    // What is closed has one bit for many codes: it stays as long as one of them is stated.
    let told = stated.without(off.without(Labels::UNKNOWN));
    let told = told.or(past.labels.without(off)).or(content).or(of);
    let labels = without(base, told, subject, lowered);
    Ok(change(value, stated, labels, lowered))
}

/// `told` completed, without `lowered` and what follows from it.
fn without(base: Base, told: Labels, subject: Subject, lowered: Labels) -> Labels {
    let labels = complete(base, told.without(lowered), subject);
    if lowered.is_empty() {
        labels
    } else {
        floor(base, labels.without(lowered))
    }
}

/// What no one takes off: what a type is by itself, what a law on the record is about, what follows from the rest.
fn floor(base: Base, labels: Labels) -> Labels {
    let mut labels = labels;
    if base == Base::Clinical {
        labels = labels.or(Labels::PSY);
    }
    if labels.meets(Labels::PART2) && !labels.meets(Labels::SUBSTANCE) {
        labels = labels.or(Labels::ETH);
    }
    if labels.without(Labels::R).is_empty() {
        labels
    } else {
        labels.or(Labels::R)
    }
}

/// Why a label stays on a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stays {
    /// It is not there.
    Absent,
    /// It follows from the type of the record, a law on it, or a label that stays.
    Follows,
}

/// What is left of the labels of a record when `off`, which is no law, is taken off it. What is closed ([`Labels::UNKNOWN`]) only ever comes
/// of what the record states, so of that the caller must ask the record itself (`stated_at`).
///
/// # Errors
/// Why not all of `off` can be.
pub fn lower(kind: &str, value: &Value, labels: Labels, off: Labels) -> Result<Labels, Stays> {
    let off = off.without(Labels::UNKNOWN);
    if !off.within(labels) {
        return Err(Stays::Absent);
    }
    let rest = without(base(kind, value), labels, Subject::Adult, off);
    // The law on a record is about its topic, whichever of its labels says so.
    let topic = labels.meets(Labels::PART2) && off.meets(Labels::SUBSTANCE);
    if rest.meets(off) || topic {
        return Err(Stays::Follows);
    }
    Ok(rest)
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

fn change(value: &Value, stated: Labels, labels: Labels, lowered: Labels) -> Labelled {
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
    let gone = |c: &Value| {
        let known = c["system"] == ACT_CODE;
        let bits = Labels::of(c["code"].as_str().unwrap_or_default()).filter(|_| known);
        bits.is_some_and(|bits| !bits.is_empty() && !bits.within(labels))
    };
    let leaves = |(n, c): &(usize, &Value)| (is_level(c) && Some(*n) != kept) || gone(c);
    let drop = codings.iter().enumerate().filter(leaves).map(|(n, _)| n);
    Labelled {
        labels,
        lowered,
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
