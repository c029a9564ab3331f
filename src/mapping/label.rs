//! Security labels of what is built: one confidentiality and the sensitivities (domain reference §5.2–5.3).
//!
//! The rule is pure: resource class, the codes in it, the patient's age at the event. Everything of a KAP
//! record is restricted and psychiatric, since its mere existence says so; what speaks of substance use
//! carries that family instead of `PSY`, so that a consent can permit one without the other.

use fhir_sdk::r4b::types::Coding as FhirCoding;

use super::build::coding_of;
use super::codes::{ACT_CODE, ACT_REASON, CONFIDENTIALITY, SNOMED};
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

/// Years at which a patient is no longer a minor.
const ADULT: i32 = 18;

/// `http://snomed.info/sct` codes of substance use that the reference lists.
const SUBSTANCE_USE: &[&str] = &["26416006", "66214007", "191816009", "37344009", "15167005"];
/// Instruments about substance use.
const SUBSTANCE_INSTRUMENTS: &[&str] = &["AUDIT-C", "DAST-10"];

/// The sensitivities that follow from a code: `SUD` and `ETH` for substance use.
#[must_use]
pub fn of_code(coding: &Coding) -> &'static [&'static str] {
    if coding.system == SNOMED && SUBSTANCE_USE.contains(&coding.code.as_str()) {
        &["SUD", "ETH"]
    } else {
        &[]
    }
}

/// The sensitivities that follow from an instrument's name.
#[must_use]
pub fn of_instrument(name: &str) -> &'static [&'static str] {
    if SUBSTANCE_INSTRUMENTS.contains(&name) {
        &["SUD", "ETH"]
    } else {
        &[]
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

/// The labels of a resource, in a stable order. `day` is the day of the event; where unknown, the day on
/// which the episode began. Codes other than the known sensitivities are kept, as a clinician gave them.
#[must_use]
pub fn labels(
    class: Class,
    sensitivity: &[String],
    implied: &[&'static str],
    day: Option<Day>,
    episode: &Episode,
) -> Vec<FhirCoding> {
    let mut codes: Vec<&str> = Vec::new();
    if class != Class::General {
        let given = implied
            .iter()
            .copied()
            .chain(sensitivity.iter().map(String::as_str));
        for code in given {
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        let other_topic = codes.iter().any(|c| *c != "ADOL");
        if (class == Class::Clinical || !other_topic) && !codes.contains(&"PSY") {
            codes.insert(0, "PSY");
        }
        let day = day.or_else(|| episode.phase_history.first().map(|p| Day(p.from.0.date())));
        let minor = day.is_some_and(|day| is_minor(episode.patient.birth_date, day));
        if minor && !codes.contains(&"ADOL") {
            codes.push("ADOL");
        }
    }
    let level = if class == Class::General {
        ("N", "normal")
    } else {
        ("R", "restricted")
    };
    let mut out = vec![coding_of(CONFIDENTIALITY, level.0, Some(level.1))];
    out.extend(
        codes
            .into_iter()
            .map(|c| coding_of(ACT_CODE, c, display(c))),
    );
    if episode.synthetic {
        out.push(test_data());
    }
    out
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

fn display(code: &str) -> Option<&'static str> {
    Some(match code {
        "PSY" => "psychiatry disorder information sensitivity",
        "SUD" => "substance use disorder information sensitivity",
        "ETH" => "substance abuse information sensitivity",
        "ETHUD" => "alcohol use disorder information sensitivity",
        "OPIOIDUD" => "opioid use disorder information sensitivity",
        "ADOL" => "adolescent information sensitivity",
        "SDV" => "sexual assault, abuse, or domestic violence information sensitivity",
        "MST" => "military sexual trauma information sensitivity",
        "SEX" => "sexuality and reproductive health information sensitivity",
        "HIV" => "HIV/AIDS information sensitivity",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn a_minor_turns_adult_on_the_birthday() {
        let birth = day("2010-01-20");
        assert!(is_minor(birth, day("2028-01-19")));
        assert!(!is_minor(birth, day("2028-01-20")));
        let leap = day("2008-02-29");
        assert!(is_minor(leap, day("2026-02-28")));
        assert!(!is_minor(leap, day("2026-03-01")));
    }
}
