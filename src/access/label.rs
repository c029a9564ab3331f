//! Security labels: what a resource says of its own sensitivity, as codings and as bits.
//!
//! A resource has exactly one confidentiality and the sensitivities, laws and refrains that hold for it. The
//! database compares them as a mask; a row is shared only where every bit of it is covered.

mod content;
mod rule;
mod table;

use serde_json::Value;

use super::mask::mask;
use crate::error::Issue;
use crate::kap::base::Coding;
use table::{CLOSED_LAWS, CODES, Code};

pub use content::{of_code, of_instrument, of_news};
pub use rule::{
    Labelled, Labelling, NoForm, Past, Stays, Subject, is_minor, label, lower, of_topics,
};

/// `http://terminology.hl7.org/CodeSystem/v3-Confidentiality`
pub const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
/// Sensitivities, laws, refrains, obligations.
pub const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
/// Purposes of use, and the mark of test data.
pub const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
/// Who asserts, and how a copy was altered.
pub const OBSERVATION_VALUE: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";

/// Other names of these systems. A label under one of them would be taken for a foreign one and protect nothing.
const ALIASES: &[(&str, &str)] = &[
    ("http://hl7.org/fhir/v3/Confidentiality", CONFIDENTIALITY),
    ("urn:oid:2.16.840.1.113883.5.25", CONFIDENTIALITY),
    ("http://hl7.org/fhir/v3/ActCode", ACT_CODE),
    ("urn:oid:2.16.840.1.113883.5.4", ACT_CODE),
    (
        "http://terminology.hl7.org/CodeSystem/v3-ActUSPrivacyLaw",
        ACT_CODE,
    ),
    ("http://hl7.org/fhir/v3/ActUSPrivacyLaw", ACT_CODE),
    ("http://hl7.org/fhir/v3/ActReason", ACT_REASON),
    ("urn:oid:2.16.840.1.113883.5.8", ACT_REASON),
    ("http://hl7.org/fhir/v3/ObservationValue", OBSERVATION_VALUE),
];

/// A set of labels. Normal, low and moderate confidentiality have no bit; what no consent can name has [`Labels::UNKNOWN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Labels(i64);

/// The bits, which are stored: never renumber one.
#[rustfmt::skip]
impl Labels {
    pub const NONE: Self = Self(0);
    pub const R: Self = Self(1);
    /// Very restricted; always together with [`Labels::R`].
    pub const V: Self = Self(1 << 1);
    pub const PSY: Self = Self(1 << 2);
    pub const MH: Self = Self(1 << 3);
    pub const BH: Self = Self(1 << 4);
    pub const SUD: Self = Self(1 << 5);
    pub const ETH: Self = Self(1 << 6);
    pub const ETHUD: Self = Self(1 << 7);
    pub const OPIOIDUD: Self = Self(1 << 8);
    pub const ADOL: Self = Self(1 << 9);
    pub const SDV: Self = Self(1 << 10);
    pub const MST: Self = Self(1 << 11);
    pub const SEX: Self = Self(1 << 12);
    pub const HIV: Self = Self(1 << 13);
    /// A psychotherapy note; no resource has it.
    pub const NOTE: Self = Self(1 << 14);
    /// 42 CFR Part 2.
    pub const PART2: Self = Self(1 << 15);
    pub const SELF_PAY: Self = Self(1 << 16);
    /// The law on psychotherapy notes.
    pub const NOTES_LAW: Self = Self(1 << 17);
    pub const NOAUTH: Self = Self(1 << 18);
    pub const NORDSCLCD: Self = Self(1 << 19);
    pub const NODSCLCD: Self = Self(1 << 20);
    pub const NODSCLCDS: Self = Self(1 << 21);
    pub const NORDSCLCDS: Self = Self(1 << 22);
    pub const NOPAT: Self = Self(1 << 23);
    pub const PRS: Self = Self(1 << 24);
    pub const DRGIS: Self = Self(1 << 25);
    pub const SPI: Self = Self(1 << 26);
    pub const STD: Self = Self(1 << 27);
    pub const VIO: Self = Self(1 << 28);
    pub const GDIS: Self = Self(1 << 29);
    /// A label that nothing covers: only the owner sees the row.
    pub const UNKNOWN: Self = Self(1 << 62);
}

mask!(Labels);

impl Labels {
    /// Mental health in any of its three words: they name the same here.
    pub const MENTAL: Self = Self::PSY.or(Self::MH).or(Self::BH);
    /// Substance use.
    pub const SUBSTANCE: Self = Self::SUD.or(Self::ETH).or(Self::ETHUD).or(Self::OPIOIDUD);
    /// Violence, abuse, sexuality.
    pub const TRAUMA: Self = Self::SDV.or(Self::MST).or(Self::SEX);
    /// What every record of an adult's treatment has.
    pub const ORDINARY: Self = Self::R.or(Self::MENTAL);
    /// What laws and refrains say of a record: no one takes it off.
    pub const LAW: Self = Self::PART2
        .or(Self::SELF_PAY)
        .or(Self::NOTES_LAW)
        .or(Self::NOAUTH)
        .or(Self::NORDSCLCD)
        .or(Self::NODSCLCD)
        .or(Self::NODSCLCDS)
        .or(Self::NORDSCLCDS)
        .or(Self::NOPAT);
    /// Topics beside mental health: a resource is of one of them.
    const TOPICS: Self = Self::SUBSTANCE
        .or(Self::TRAUMA)
        .or(Self::HIV)
        .or(Self::PART2)
        .or(Self::DRGIS)
        .or(Self::STD)
        .or(Self::VIO)
        .or(Self::GDIS);

    /// The bits of one code of v3-ActCode or v3-Confidentiality; `None` where the code is none that this service
    /// can tell from others.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        let known = CODES
            .iter()
            .find(|c| c.code == code && (c.system == CONFIDENTIALITY || c.system == ACT_CODE));
        known.map(|c| c.bits).filter(|b| *b != Self::UNKNOWN)
    }

    /// The bits that an operator means by a code: as [`Labels::of`], and [`Labels::UNKNOWN`] for what no consent can
    /// name. `None` where it protects nothing, or is none that this service knows.
    #[must_use]
    pub fn meant(code: &str) -> Option<Self> {
        let known = CODES
            .iter()
            .find(|c| c.code == code && (c.system == CONFIDENTIALITY || c.system == ACT_CODE));
        let bits = known.map(|c| c.bits).filter(|bits| !bits.is_empty())?;
        // What is very restricted is restricted when it is that no more.
        Some(if bits.meets(Self::V) { Self::V } else { bits })
    }

    /// What `meta.security` of a resource says.
    #[must_use]
    pub fn stated(value: &Value) -> Self {
        let codings = value["meta"]["security"].as_array();
        codings
            .into_iter()
            .flatten()
            .fold(Self::NONE, |sum, coding| sum.or(Self::of_coding(coding)))
    }

    fn of_coding(coding: &Value) -> Self {
        let text = |name: &str| coding[name].as_str().unwrap_or_default();
        let (system, code) = (text("system"), text("code"));
        match find(system, code) {
            Some(known) => known.bits,
            None if is_ours(system) || ALIASES.iter().any(|(alias, _)| *alias == system) => {
                Self::UNKNOWN
            }
            None => Self::NONE,
        }
    }

    /// As codings: the confidentiality, then the others in the order of the table.
    #[must_use]
    pub fn codings(self) -> Vec<Coding> {
        let level = Coding {
            system: CONFIDENTIALITY.to_owned(),
            code: self.level().to_owned(),
            display: display(CONFIDENTIALITY, self.level()).map(str::to_owned),
        };
        let others = self.codes().map(|c| Coding {
            system: c.system.to_owned(),
            code: c.code.to_owned(),
            display: Some(c.display.to_owned()),
        });
        std::iter::once(level).chain(others).collect()
    }

    /// The confidentiality.
    const fn level(self) -> &'static str {
        if self.meets(Self::V) {
            "V"
        } else if self.meets(Self::R) {
            "R"
        } else {
            "N"
        }
    }

    /// The codes of the bits, in the order of the table.
    fn codes(self) -> impl Iterator<Item = &'static Code> {
        let of_act = CODES.iter().filter(|c| c.system == ACT_CODE);
        of_act.filter(move |c| !c.bits.is_empty() && c.bits != Self::UNKNOWN && c.bits.within(self))
    }
}

fn find(system: &str, code: &str) -> Option<&'static Code> {
    CODES.iter().find(|c| c.system == system && c.code == code)
}

fn is_ours(system: &str) -> bool {
    [CONFIDENTIALITY, ACT_CODE, ACT_REASON, OBSERVATION_VALUE].contains(&system)
}

/// Where `meta.security` of a resource states this code of v3-ActCode.
#[must_use]
pub fn stated_at(value: &Value, code: &str) -> Vec<usize> {
    let codings = value["meta"]["security"].as_array();
    let codings = codings.into_iter().flatten().enumerate();
    let stated = codings.filter(|(_, c)| c["system"] == ACT_CODE && c["code"] == code);
    stated.map(|(n, _)| n).collect()
}

/// Whether a code says what a law or a refrain bids.
#[must_use]
pub fn is_law(code: &str) -> bool {
    CLOSED_LAWS.contains(&code) || Labels::of(code).is_some_and(|bits| bits.meets(Labels::LAW))
}

/// The published display of a label.
#[must_use]
pub fn display(system: &str, code: &str) -> Option<&'static str> {
    let known = find(system, code).map(|c| c.display);
    known.filter(|d| !d.is_empty())
}

/// The labels of a resource that comes in, which must be such as can be enforced: every code of a known system must
/// be known, and a psychotherapy note has no FHIR form. `Issue.at` is a FHIRPath below `kind`.
#[must_use]
pub fn refused(kind: &str, value: &Value) -> Vec<Issue> {
    let codings = value["meta"]["security"].as_array();
    let mut issues = Vec::new();
    for (n, coding) in codings.into_iter().flatten().enumerate() {
        let text = |name: &str| coding[name].as_str().unwrap_or_default();
        let (system, code) = (text("system"), text("code"));
        let alias = ALIASES.iter().find(|(alias, _)| *alias == system);
        let why = if let Some((_, name)) = alias {
            format!("Write the system of this label as {name}.")
        } else if code == "PSYTHPN" {
            "A psychotherapy note has no FHIR form: it is not stored here.".to_owned()
        } else if is_ours(system) && find(system, code).is_none() {
            "This security label is not known here and could not be enforced.".to_owned()
        } else {
            continue;
        };
        issues.push(Issue {
            code: Some("value"),
            text: why,
            at: Some(format!("{kind}.meta.security[{n}]")),
            ..Issue::default()
        });
    }
    issues
}

/// Whether a label marks a redacted copy.
#[must_use]
pub fn is_redacted(label: &Value) -> bool {
    label["system"] == OBSERVATION_VALUE && label["code"] == "REDACTED"
}

/// The list of `meta` in which a body says of itself that it is only a part of the resource, such as a redacted copy.
#[must_use]
pub fn partial(value: &Value) -> Option<&'static str> {
    ["tag", "security"].into_iter().find(|list| {
        let codings = value["meta"][list].as_array();
        codings.into_iter().flatten().any(|c| {
            c["system"] == OBSERVATION_VALUE
                && matches!(
                    c["code"].as_str(),
                    Some("SUBSETTED" | "REDACTED" | "MASKED")
                )
        })
    })
}

#[cfg(test)]
mod tests;
