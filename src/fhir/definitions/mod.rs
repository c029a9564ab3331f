//! What the standard says of its types (<https://hl7.org/fhir/R4/datatypes.html>, <https://hl7.org/fhir/R4/resourcelist.html>):
//! elements, bindings, reference targets, rules. The tables are written by `scripts/definitions`.

pub mod codes;
mod language;
pub mod own;
mod table;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use self::table::{Binding, Element, Kind, Rule, Severity, Strength, Type};
use self::table::{Tables, read};

static TABLES: LazyLock<Tables> = LazyLock::new(read);

/// The type of that name: a resource type, a data type, or a group of elements such as `Patient.contact`.
#[must_use]
pub fn named(name: &str) -> Option<&'static Type> {
    TABLES.named(name)
}

/// The type of a resource; `None` where R4 has no such resource type.
#[must_use]
pub fn resource(name: &str) -> Option<&'static Type> {
    named(name).filter(|own| own.resource)
}

impl Kind {
    /// The type itself; `None` for a primitive and for `Resource`, whose type the value says.
    #[must_use]
    pub fn of(&self) -> Option<&'static Type> {
        self.index.map(|index| &TABLES.types[index])
    }
}

/// Names that are those of a choice element in one type and an element of their own in another that is stored here.
const PLAIN: &[&str] = &["itemCodeableConcept", "itemReference", "locationReference"];

/// The JSON names of choice elements, each with the name that FHIRPath knows: `value` for `valueReference`.
static CHOICES: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let all = TABLES.types.iter().flat_map(|own| &own.elements);
    let choices = all.filter(|element| element.choice);
    choices
        .flat_map(|element| element.kinds.iter().map(|kind| (&*kind.json, element.name)))
        .filter(|(json, _)| !PLAIN.contains(json))
        .collect()
});

/// The name of an element in FHIRPath, which knows a choice element without its type: `value` for `valueReference`.
#[must_use]
pub fn element(member: &str) -> &str {
    CHOICES.get(member).copied().unwrap_or(member)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_element_is_named_without_its_type() {
        assert_eq!(element("valueReference"), "value");
        assert_eq!(element("medicationReference"), "medication");
        assert_eq!(element("reasonReference"), "reasonReference");
        assert_eq!(element("itemReference"), "itemReference");
        assert_eq!(element("reference"), "reference");
    }

    #[test]
    fn the_tables_say_what_the_standard_says() {
        let observation = named("Observation").expect("a type");
        let (value, kind) = observation.json("valueQuantity").expect("an element");
        assert_eq!((value.name, kind.name), ("value", "Quantity"));
        let (subject, kind) = observation.json("subject").expect("an element");
        assert!(subject.summary && !subject.modifier);
        assert_eq!(kind.targets, ["Patient", "Group", "Device", "Location"]);
        let (component, kind) = observation.json("component").expect("an element");
        assert!(component.list);
        assert_eq!(kind.of().map(|own| own.name), Some("Observation.component"));
        let range = kind.of().and_then(|own| own.json("referenceRange"));
        assert_eq!(
            range.map(|(_, k)| k.name),
            Some("Observation.referenceRange")
        );
        assert!(observation.rules.iter().any(|rule| rule.key == "obs-7"));
        assert!(named("Meta").expect("a type").json("project").is_none());
        assert!(resource("Quantity").is_none() && resource("Device").is_some());
    }

    #[test]
    fn every_type_is_named_and_every_rule_has_a_place() {
        for own in &TABLES.types {
            for kind in own.elements.iter().flat_map(|element| &element.kinds) {
                let primitive = kind.name.starts_with(|c: char| c.is_ascii_lowercase());
                let known = primitive || kind.name == "Resource" || kind.of().is_some();
                assert!(known, "{}: {}", own.name, kind.name);
            }
        }
        assert!(TABLES.placed > 150);
    }
}
