//! The systems of elements of the type `code`, which state none: the required binding implies it
//! (<https://hl7.org/fhir/R4/search.html#token>, "implicit"; <https://hl7.org/fhir/R4/datatypes.html#code>).

use super::{Parameter, Segment, paths};
use crate::fhir::definitions::{Strength, codes::Set, named};

/// The system of booleans.
const SPECIAL: &str = "http://hl7.org/fhir/special-values";

/// Whether the values of this parameter, which state no system, are of `system`: the code itself, or where none is named,
/// any.
#[must_use]
pub fn implies(kind: &str, parameter: &Parameter, system: &str, code: Option<&str>) -> bool {
    let known = |end: End| match (end, code) {
        (End::Codes(set), Some(code)) => set.has(system, code),
        (End::Codes(set), None) => set.knows(system),
        (End::Flag, _) => system == SPECIAL,
    };
    let mut ends = paths(kind, parameter)
        .map(|path| end(kind, path))
        .peekable();
    ends.peek().is_some() && ends.all(|end| end.is_some_and(known))
}

/// What a path ends at.
enum End {
    Codes(&'static Set),
    Flag,
}

fn end(kind: &str, path: &[Segment]) -> Option<End> {
    let (last, way) = path.split_last()?;
    let mut own = named(kind)?;
    for step in way {
        let Segment::Element(name) = step else {
            return None;
        };
        own = own.json(name)?.1.of()?;
    }
    let Segment::Element(name) = last else {
        return None;
    };
    let (element, kind) = own.json(name)?;
    match kind.name {
        "boolean" => Some(End::Flag),
        "code" => element
            .binding
            .as_ref()
            .filter(|binding| binding.strength == Strength::Required)
            .map(|binding| End::Codes(binding.set)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::parameter::find;

    /// Parameter, system, code, and whether the one implies the other.
    #[rustfmt::skip]
    const CASES: &[(&str, &str, &str, Option<&str>, bool)] = &[
        ("Observation", "status", "http://hl7.org/fhir/observation-status", Some("final"), true),
        ("Observation", "status", "http://hl7.org/fhir/observation-status", None, true),
        ("Observation", "status", "http://hl7.org/fhir/observation-status", Some("done"), false),
        ("Observation", "status", "http://hl7.org/fhir/task-status", Some("final"), false),
        ("Patient", "gender", "http://hl7.org/fhir/administrative-gender", Some("male"), true),
        ("Patient", "address-use", "http://hl7.org/fhir/address-use", Some("home"), true),
        ("Appointment", "part-status", "http://hl7.org/fhir/participationstatus", Some("accepted"), true),
        ("Patient", "active", "http://hl7.org/fhir/special-values", Some("true"), true),
        ("Observation", "category", "http://terminology.hl7.org/CodeSystem/observation-category", Some("survey"), false),
        ("Patient", "telecom", "phone", Some("1"), false),
        ("Observation", "episode", "x", None, false),
    ];

    #[test]
    fn a_code_is_of_the_system_that_its_binding_implies() {
        for (kind, name, system, code, is) in CASES {
            let parameter = find(kind, name).expect("a parameter");
            let found = implies(kind, parameter, system, *code);
            assert_eq!(found, *is, "{kind} {name} {system}");
        }
    }
}
