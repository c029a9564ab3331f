//! Whether codes are of the value sets that their elements are bound to
//! (<https://hl7.org/fhir/R4/terminologies.html#strength>).

use serde_json::Value;

use crate::fhir::definitions::codes::Set;
use crate::fhir::definitions::{Binding, Strength};

/// What is wrong with a value whose codes must be of the set, and where below it: a sentence.
pub fn fault(bound: &Binding, kind: &str, value: &Value) -> Option<(&'static str, String)> {
    // Where a text would do, its codes are limited all the same.
    if bound.strength == Strength::Limit && kind == "CodeableConcept" && value["coding"].is_null() {
        return None;
    }
    outside(bound.set, bound.name, kind, value)
}

/// The same of any set, such as one of a profile.
#[must_use]
pub fn outside(set: &Set, name: &str, kind: &str, value: &Value) -> Option<(&'static str, String)> {
    let one_of = || format!("the value set {name} ({})", set.hint());
    match kind {
        "code" | "string" | "uri" => {
            let code = value.as_str()?;
            let text = || format!("This code is none of {}.", one_of());
            (!set.has_code(code)).then(|| ("", text()))
        }
        "CodeableConcept" => {
            let all = value["coding"].as_array().map_or(&[][..], Vec::as_slice);
            if all.iter().any(|coding| has(set, coding)) {
                return None;
            }
            if all.is_empty() && value["text"].is_null() {
                return None;
            }
            let text = match all {
                [] => format!("A coding is required here: a code of {}.", one_of()),
                _ => format!("None of the codings is of {}.", one_of()),
            };
            Some((if all.is_empty() { "" } else { ".coding" }, text))
        }
        "Coding" | "Quantity" => {
            if has(set, value)
                || (value["code"].is_null()
                    && value["system"].is_null()
                    && !value["extension"].is_null())
            {
                return None;
            }
            Some(("", format!("System and code are none of {}.", one_of())))
        }
        _ => None,
    }
}

/// What seems wrong with a value whose codes should be of the set: another code of a system that the set draws on.
pub fn doubt(bound: &Binding, kind: &str, value: &Value) -> Option<String> {
    let known = |coding: &Value| {
        coding["system"]
            .as_str()
            .is_some_and(|system| bound.set.knows(system))
    };
    let all = match kind {
        "CodeableConcept" => value["coding"].as_array().map_or(&[][..], Vec::as_slice),
        "Coding" => std::slice::from_ref(value),
        _ => return None,
    };
    let outside = !all.iter().any(|coding| has(bound.set, coding)) && all.iter().any(known);
    outside.then(|| {
        format!(
            "A code of the value set {} fits here where it says the same.",
            bound.name
        )
    })
}

fn has(set: &Set, coding: &Value) -> bool {
    let text = |name: &str| coding[name].as_str();
    match (text("system"), text("code")) {
        (Some(system), Some(code)) => set.has(system, code),
        _ => false,
    }
}
