//! What a privacy consent grants: its rules as rows that a database can ask.
//!
//! Stricter than IHE PCF, whose label lists are alternatives: a permit covers a record only where it covers **every**
//! label of it; a denial holds where it names **one** of them. What cannot be told from a consent grants nothing.
//!
//! # Rules
//! - A permit that names no label shares what every record here has (`N`, `PSY`); any other topic must be named.
//! - `R` follows from any named sensitivity. `V` must be named. `MH`, `BH` and `PSY` name the same; `SUD` names the
//!   disorders below it. `ADOL` counts only where the minor signed too. No consent names psychotherapy notes.
//! - Part 2 records need a consent of that kind, which grants nothing else.
//! - An active consent whose root is `deny` switches the table of defaults off for the patient; so does one that was
//!   taken back, and one that ended with the patient's minority.
//! - From the instant of withdrawal on its recipients are denied everything but what a consent signed later permits.

mod check;

use super::class::Classes;
use super::label::Labels;
use super::purpose::Purposes;
use crate::kap::base::Id;

pub use check::{Fault, Place, faults};

/// What a row does. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    Permit = 1,
    Deny = 2,
    /// Denies everything that was not permitted later.
    Withdrawn = 3,
    /// The table of defaults does not hold.
    NoDefaults = 4,
}

/// One rule of one consent for one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// `None`: everyone.
    pub organization: Option<Id>,
    pub effect: Effect,
    pub purposes: Purposes,
    pub classes: Classes,
    /// Of a permit: all that it covers. Of a denial: those of which one suffices; none: every record.
    pub labels: Labels,
    /// Milliseconds since 1970.
    pub from: i64,
    /// The first instant at which it no longer holds.
    pub to: i64,
    /// When it was signed or taken back.
    pub granted_at: i64,
}

/// An exception to the root rule.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Rule {
    pub permit: bool,
    /// Organizations; `None`: everyone.
    pub recipients: Option<Vec<Id>>,
    pub purposes: Vec<String>,
    pub labels: Vec<String>,
    pub classes: Vec<String>,
}

/// A signed privacy consent, in the words of this module.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about a signature"
)]
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Directive {
    /// A consent for records under 42 CFR Part 2.
    pub part2: bool,
    /// Milliseconds since 1970, as all times here.
    pub signed_at: i64,
    /// From when until when it is to hold.
    pub from: i64,
    pub to: i64,
    pub revoked_at: Option<i64>,
    /// When it ends because the patient came of age and had not signed in their own right.
    pub majority: Option<i64>,
    /// The patient signed, in whatever capacity.
    pub by_patient: bool,
    /// Somebody signed who may: the patient, or who stands for them.
    pub by_somebody: bool,
    /// The patient was a minor when it was signed.
    pub of_minor: bool,
    /// The rule where no exception matches.
    pub root_permits: Option<bool>,
    pub rules: Vec<Rule>,
    /// The organizations that have a relationship to the patient: to whom "everyone" may be told.
    pub related: Vec<Id>,
}

/// The rows of a consent.
#[must_use]
pub fn compile(d: &Directive) -> Vec<Grant> {
    let mut out = Vec::new();
    for rule in &d.rules {
        if rule.permit {
            out.extend(d.permits(rule));
        } else {
            out.extend(d.denials(rule));
        }
    }
    if d.root_permits == Some(true) && !d.part2 {
        let everyone = Rule {
            permit: true,
            ..Rule::default()
        };
        out.extend(d.permits(&everyone));
    }
    if !d.part2 {
        if d.root_permits == Some(false) {
            out.push(d.row(None, Effect::NoDefaults, d.from, d.end()));
        }
        // What had ended before the patient came of age does not end then.
        let majority = d.majority.filter(|at| *at < d.to);
        for since in [d.revoked_at, majority].into_iter().flatten() {
            out.push(d.row(None, Effect::NoDefaults, since, i64::MAX));
        }
    }
    out.retain(|grant| grant.from < grant.to);
    out
}

impl Directive {
    /// Until when its rules hold.
    fn end(&self) -> i64 {
        self.to.min(self.revoked_at.unwrap_or(i64::MAX))
    }

    /// The classes of which it speaks at all.
    fn scope(&self) -> Classes {
        if self.part2 {
            Classes::PART2
        } else {
            Classes::ALL.without(Classes::PART2)
        }
    }

    fn row(&self, organization: Option<Id>, effect: Effect, from: i64, to: i64) -> Grant {
        Grant {
            organization,
            effect,
            purposes: Purposes::WHATEVER,
            classes: self.scope(),
            labels: Labels::NONE,
            from,
            to,
            granted_at: self.signed_at,
        }
    }

    fn permits(&self, rule: &Rule) -> Vec<Grant> {
        let mut out = Vec::new();
        let covered = self.covered(&rule.labels);
        let purposes = purposes(&rule.purposes);
        let classes = self.classes(rule).unwrap_or_default();
        let recipients = rule.recipients.as_ref().unwrap_or(&self.related);
        for organization in recipients {
            let end = self.end().min(self.majority.unwrap_or(i64::MAX));
            if let (Some(labels), Some(purposes), true) = (covered, purposes, self.by_somebody) {
                out.push(Grant {
                    purposes,
                    classes,
                    labels,
                    ..self.row(Some(organization.clone()), Effect::Permit, self.from, end)
                });
            }
            if let Some(at) = self.revoked_at {
                out.push(Grant {
                    granted_at: at,
                    ..self.row(Some(organization.clone()), Effect::Withdrawn, at, i64::MAX)
                });
            }
        }
        out
    }

    fn denials(&self, rule: &Rule) -> Vec<Grant> {
        let labels = denied(&rule.labels).unwrap_or_default();
        let named = purposes(&rule.purposes).filter(|_| !rule.purposes.is_empty());
        let purposes = named.map_or(Purposes::WHATEVER, Purposes::denied);
        // A denial of a general consent holds for Part 2 records too.
        let every = if self.part2 {
            Classes::PART2
        } else {
            Classes::ALL
        };
        let named = self.classes(rule).filter(|_| !rule.classes.is_empty());
        let classes = named.unwrap_or(every);
        let recipients: Vec<Option<Id>> = match &rule.recipients {
            None => vec![None],
            Some(some) => some.iter().cloned().map(Some).collect(),
        };
        let row = |organization| Grant {
            purposes,
            classes,
            labels,
            ..self.row(organization, Effect::Deny, self.from, self.end())
        };
        recipients.into_iter().map(row).collect()
    }

    /// The labels that a permit covers which names these; `None` where it covers nothing at all.
    fn covered(&self, names: &[String]) -> Option<Labels> {
        let mut labels = if names.is_empty() {
            Labels::ORDINARY
        } else {
            let named = names.iter().filter_map(|code| Labels::of(code));
            let labels = named.fold(Labels::NONE, |sum, one| sum.or(below(one)));
            if labels.is_empty() && !names.iter().any(|n| n == "N") {
                return None;
            }
            if labels.is_empty() {
                labels
            } else {
                labels.or(Labels::R)
            }
        };
        if self.of_minor && !self.by_patient {
            labels = labels.without(Labels::ADOL);
        }
        labels = labels.without(
            Labels::NOTE
                .or(Labels::NOTES_LAW)
                .or(Labels::NOAUTH)
                .or(Labels::PART2),
        );
        if self.part2 {
            labels = labels.or(Labels::PART2);
            if names.is_empty() {
                labels = labels.or(Labels::SUBSTANCE);
            }
        }
        if self.by_patient {
            labels = labels.or(Labels::NODSCLCDS).or(Labels::NORDSCLCDS);
        }
        Some(labels.or(FOLLOWS))
    }

    /// The classes that a rule names; all of them where it names none, `None` where it names none that is known.
    fn classes(&self, rule: &Rule) -> Option<Classes> {
        if rule.classes.is_empty() {
            return Some(self.scope());
        }
        let known = rule.classes.iter().filter_map(|name| class(name));
        let all = known.fold(Classes::NONE, Classes::or);
        (!all.is_empty()).then_some(all)
    }
}

/// Labels that any consent satisfies: they ask for one, or bind others than a recipient under it.
const FOLLOWS: Labels = Labels::SELF_PAY
    .or(Labels::NOPAT)
    .or(Labels::NODSCLCD)
    .or(Labels::NORDSCLCD);

/// A label and those that naming it means, by the hierarchy of v3-ActCode. Psychotherapy notes are below no other.
fn below(label: Labels) -> Labels {
    let substance = Labels::SUD.or(Labels::ETHUD).or(Labels::OPIOIDUD);
    if label == Labels::SPI {
        label.or(Labels::MENTAL).or(substance)
    } else if label.meets(Labels::MENTAL) {
        Labels::MENTAL
    } else if label == Labels::SUD {
        substance
    } else {
        label
    }
}

/// The labels of which a denial names one; `None` where it names none, or one that has no bit: it then denies all.
fn denied(names: &[String]) -> Option<Labels> {
    let mut all = Labels::NONE;
    for code in names {
        let bits = Labels::of(code).filter(|bits| !bits.is_empty())?;
        // `V` alone, and not the `R` that is always with it.
        let bits = if bits.meets(Labels::V) {
            Labels::V
        } else {
            below(bits)
        };
        all = all.or(bits);
    }
    (!all.is_empty()).then_some(all)
}

fn purposes(names: &[String]) -> Option<Purposes> {
    if names.is_empty() {
        return Some(Purposes::ALL);
    }
    let known = names.iter().filter_map(|code| Purposes::named(code));
    let all = known.fold(Purposes::NONE, Purposes::or);
    (all != Purposes::NONE).then_some(all)
}

/// The narrower classes of data that a consent of the practice names.
fn class(name: &str) -> Option<Classes> {
    Some(match name {
        "prescription" => Classes::PRESCRIPTION.or(Classes::SHIPMENT),
        "allergies" => Classes::ALLERGY,
        "shipping" => Classes::IDENTITY.or(Classes::SHIPMENT),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
