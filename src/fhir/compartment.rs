//! Which records belong to a compartment (<https://hl7.org/fhir/R4/compartmentdefinition.html>): `compartments.txt`,
//! which `scripts/tables` writes from HL7's definitions.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::parameter::{self, Parameter, ParameterKind};

const TEXT: &str = include_str!("compartments.txt");
/// What stands for the compartment's own record.
const OWN: &str = "{def}";

type Lines = BTreeMap<&'static str, Vec<&'static str>>;

static COMPARTMENTS: LazyLock<BTreeMap<&'static str, Lines>> = LazyLock::new(|| {
    let mut all: BTreeMap<&'static str, Lines> = BTreeMap::new();
    for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        if let (Some(of), Some(kind)) = (words.next(), words.next()) {
            all.entry(of).or_default().insert(kind, words.collect());
        }
    }
    all
});

/// The records of one type that belong to one record.
#[derive(Clone, Debug)]
pub struct Within {
    /// Type and id of whose compartment it is.
    pub of: &'static str,
    pub id: String,
    /// One of these refers to it.
    pub parameters: Vec<&'static Parameter>,
    /// Whether the record itself is among them.
    pub own: bool,
}

/// The types that have compartments.
pub fn owners() -> impl Iterator<Item = &'static str> {
    COMPARTMENTS.keys().copied()
}

/// The types of records in the compartments of `of`, that of the compartment's own record among them.
#[must_use]
pub fn kinds(of: &str) -> Vec<&'static str> {
    let lines = COMPARTMENTS.get(of).into_iter().flatten();
    lines.map(|(kind, _)| *kind).collect()
}

/// The records of type `kind` in the compartment of `of`/`id`, by the parameters that are not `hidden`; `None` where the
/// definition knows no such records.
#[must_use]
pub fn within(
    of: &str,
    id: &str,
    kind: &str,
    hidden: &dyn Fn(&str, &Parameter) -> bool,
) -> Option<Within> {
    let (of, lines) = COMPARTMENTS.get_key_value(of)?;
    let names = lines.get(kind)?;
    let found = names.iter().filter_map(|name| parameter::find(kind, name));
    let found = found.filter(|p| p.kind == ParameterKind::Reference && !hidden(kind, p));
    Some(Within {
        of,
        id: id.to_owned(),
        parameters: found.collect(),
        own: *of == kind || names.contains(&OWN),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compartments_are_those_of_the_definitions() {
        let owners: Vec<_> = owners().collect();
        assert_eq!(
            owners,
            ["Encounter", "Patient", "Practitioner", "RelatedPerson"]
        );
        let open = |_: &str, _: &Parameter| false;
        let names = |of, kind| {
            let within = within(of, "x", kind, &open)?;
            let names: Vec<&str> = within.parameters.iter().map(|p| p.name).collect();
            Some((names.join(" "), within.own))
        };
        let told = |names: &str, own| Some((names.to_owned(), own));
        assert_eq!(
            names("Patient", "AllergyIntolerance"),
            told("patient recorder asserter", false)
        );
        assert_eq!(names("Patient", "Patient"), told("link", true));
        assert_eq!(names("Encounter", "Encounter"), told("", true));
        assert_eq!(names("Patient", "Organization"), None);
        assert_eq!(names("Task", "Task"), None);
        let hidden = |_: &str, p: &Parameter| p.name == "asserter";
        let less = within("Patient", "x", "AllergyIntolerance", &hidden).expect("a compartment");
        assert_eq!(less.parameters.len(), 2);
    }

    #[test]
    fn every_parameter_of_a_line_is_one_of_the_service() {
        for (of, lines) in COMPARTMENTS.iter() {
            for (kind, names) in lines {
                for name in names.iter().filter(|name| **name != OWN) {
                    assert!(parameter::find(kind, name).is_some(), "{of}: {kind} {name}");
                }
            }
        }
    }
}
