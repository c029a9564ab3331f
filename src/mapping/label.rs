//! Security labels of what is built (domain reference §5.2–5.3), by the rule of `access::label`: everything of a KAP
//! record is restricted and psychiatric, since its mere existence says so; what speaks of substance use
//! carries that family instead of `PSY`, so that a consent can permit one without the other.

use fhir_sdk::r4b::types::Coding as FhirCoding;

use super::build::coding_of;
use super::codes::{ACT_CODE, ACT_REASON, CONFIDENTIALITY};
use crate::access::Labels;
use crate::access::label::{self, Subject};
pub use crate::access::label::{is_minor, of_instrument};
use crate::kap::Episode;
use crate::kap::base::{Coding, Day};

/// What kind of content a resource holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `N`: identity, directory, general medicine.
    General,
    /// `R PSY`: every clinical KAP record.
    Clinical,
    /// `R` with the sensitivities that are given, `PSY` where none is: diagnoses and screening forms,
    /// which are one topic each.
    Topic,
}

/// The sensitivities that follow from a code.
#[must_use]
pub fn of_code(coding: &Coding) -> Labels {
    label::of_code(&coding.system, &coding.code)
}

/// The labels of a resource. `day` is the day of the event; where unknown, the day on which the episode began. Codes
/// other than the known sensitivities are kept, as a clinician gave them.
#[must_use]
pub fn labels(
    class: Class,
    sensitivity: &[String],
    implied: Labels,
    day: Option<Day>,
    episode: &Episode,
) -> Vec<FhirCoding> {
    if class == Class::General {
        return security(Labels::NONE, &[], episode);
    }
    let mut topics = implied;
    let mut foreign: Vec<&str> = vec![];
    for code in sensitivity {
        match Labels::of(code) {
            Some(known) => topics = topics.or(known),
            None => foreign.push(code),
        }
    }
    let day = day.or_else(|| episode.phase_history.first().map(|p| Day(p.from.0.date())));
    let minor = day.is_some_and(|day| is_minor(episode.patient.birth_date, day));
    let subject = if minor {
        Subject::Minor
    } else {
        Subject::Adult
    };
    let labels = label::of_topics(topics, class == Class::Clinical, subject);
    security(labels, &foreign, episode)
}

/// These labels as codings, and the mark of made-up data.
#[must_use]
pub fn security(labels: Labels, foreign: &[&str], episode: &Episode) -> Vec<FhirCoding> {
    let named = labels.codings().into_iter();
    let named = named.map(|c| coding_of(&c.system, &c.code, c.display.as_deref()));
    let foreign = foreign.iter().map(|code| coding_of(ACT_CODE, code, None));
    let test = episode.synthetic.then(test_data);
    named.chain(foreign).chain(test).collect()
}

/// The label of the directory: normal confidentiality.
#[must_use]
pub fn normal() -> FhirCoding {
    coding_of(CONFIDENTIALITY, "N", Some("normal"))
}

/// The mark of made-up data.
#[must_use]
pub fn test_data() -> FhirCoding {
    coding_of(ACT_REASON, "HTEST", Some("test health data"))
}
