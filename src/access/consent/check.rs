//! What a rule says that could not be enforced, and is therefore refused when it is written.

use super::{Labels, Purposes, Rule, class};

/// Where in a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Purpose(usize),
    Label(usize),
    Class(usize),
}

/// Something that cannot be enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub place: Place,
    pub why: &'static str,
}

/// Everything in `rule` that could not be enforced.
#[must_use]
pub fn faults(rule: &Rule) -> Vec<Fault> {
    let mut out = Vec::new();
    let mut say = |place, why| out.push(Fault { place, why });
    for (n, code) in rule.purposes.iter().enumerate() {
        if Purposes::named(code).is_none() {
            let why = "This purpose of use is not known here and could not be enforced.";
            say(Place::Purpose(n), why);
        }
    }
    for (n, code) in rule.labels.iter().enumerate() {
        match Labels::of(code) {
            None => {
                let why = "This security label is not known here and could not be enforced.";
                say(Place::Label(n), why);
            }
            Some(Labels::NOTE) if rule.permit => {
                let why = "No consent releases psychotherapy notes here: they need an authorization \
                           and a release by hand.";
                say(Place::Label(n), why);
            }
            Some(bits) if bits.is_empty() && !rule.permit => {
                let why = "A denial names sensitivities, R or V: it cannot single out records that \
                           are less confidential.";
                say(Place::Label(n), why);
            }
            Some(_) => {}
        }
    }
    for (n, name) in rule.classes.iter().enumerate() {
        if class(name).is_none() {
            let why = "The classes of data are prescription, allergies and shipping.";
            say(Place::Class(n), why);
        }
    }
    out
}
