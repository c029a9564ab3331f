//! Whether JSON has the shape of an R4 resource: elements that the type has, lists where it has lists, what is required
//! there (<https://hl7.org/fhir/R4/json.html>). What the elements say (codes, profiles, invariants) is not judged.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::interval::Interval;
use crate::error::{Error, Issue, Kind, Result};

const TABLE: &str = include_str!("elements.txt");
/// Most issues of one answer.
const MOST: usize = 50;

/// An element of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Element {
    /// Name of its type; of a choice element the type that the JSON name says.
    kind: &'static str,
    list: bool,
}

/// A type: its elements by JSON name, and the names of which one is required.
#[derive(Debug, Default)]
struct Type {
    elements: HashMap<String, Element>,
    required: Vec<Vec<String>>,
}

static TYPES: LazyLock<HashMap<&'static str, Type>> = LazyLock::new(|| {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (name, elements) = line.split_once(' ')?;
            let mut own = Type::default();
            elements.split(' ').for_each(|text| own.add(text));
            Some((name, own))
        })
        .collect()
});

impl Type {
    fn add(&mut self, text: &'static str) {
        let Some((name, types)) = text.split_once(':') else {
            return;
        };
        let (types, required) = types
            .strip_suffix('!')
            .map_or((types, false), |t| (t, true));
        let (types, list) = types
            .strip_suffix('*')
            .map_or((types, false), |t| (t, true));
        let mut names = Vec::new();
        for kind in types.split(',') {
            let name = match name.strip_suffix("[]") {
                Some(stem) => format!("{stem}{}", capital(kind)),
                None => name.to_owned(),
            };
            self.elements.insert(name.clone(), Element { kind, list });
            names.push(name);
        }
        if required {
            self.required.push(names);
        }
    }
}

/// The choice elements that may be a Reference, without their type: `value` of `valueReference`.
static CHOICES: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let all = TABLE.split_ascii_whitespace();
    all.filter_map(|text| text.split_once("[]:"))
        .filter(|(_, types)| types.split([',', '*', '!']).any(|t| t == "Reference"))
        .map(|(stem, _)| stem)
        .collect()
});

/// The name of an element in FHIRPath, which knows a choice element without its type: `value` for `valueReference`.
#[must_use]
pub fn element(member: &str) -> &str {
    let stem = member.strip_suffix("Reference");
    stem.filter(|stem| CHOICES.contains(stem)).unwrap_or(member)
}

fn capital(kind: &str) -> String {
    let mut letters = kind.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// Checks the shape of a resource of a type that this service takes; another type is not checked.
///
/// # Errors
/// `Invalid` with every element that is wrong.
pub fn check(resource: &Value) -> Result<()> {
    let name = resource["resourceType"].as_str().unwrap_or_default();
    let (Some(own), Some(members)) = (TYPES.get(name), resource.as_object()) else {
        return Ok(());
    };
    let mut issues = Vec::new();
    object(own, members, name, &mut issues);
    if issues.is_empty() {
        return Ok(());
    }
    issues.truncate(MOST);
    Err(Error::with_issues(Kind::Invalid, issues))
}

fn say(out: &mut Vec<Issue>, code: &'static str, at: &str, text: impl Into<String>) {
    out.push(Issue {
        code: Some(code),
        text: text.into(),
        at: Some(at.to_owned()),
        ..Issue::default()
    });
}

fn object(own: &Type, members: &Map<String, Value>, at: &str, out: &mut Vec<Issue>) {
    if members.is_empty() {
        say(out, "structure", at, "An object is never empty.");
    }
    for (name, value) in members {
        let place = || format!("{at}.{name}");
        let beside = name.strip_prefix('_');
        let element = own.elements.get(beside.unwrap_or(name));
        match (element, beside) {
            (Some(element), None) => listed(*element, value, &place(), out),
            // What stands beside a primitive: its id and extensions.
            (Some(element), Some(_)) if !TYPES.contains_key(element.kind) => {}
            _ if name == "resourceType" && own.elements.contains_key("meta") => {}
            _ => say(out, "structure", &place(), "There is no such element."),
        }
    }
    for names in &own.required {
        let said =
            |name: &String| members.contains_key(name) || members.contains_key(&format!("_{name}"));
        if let (false, Some(first)) = (names.iter().any(said), names.first()) {
            let text = "This element is required.";
            say(out, "required", &format!("{at}.{first}"), text);
        }
    }
}

fn listed(element: Element, value: &Value, at: &str, out: &mut Vec<Issue>) {
    match (element.list, value) {
        (true, Value::Array(items)) if items.is_empty() => {
            say(out, "structure", at, "A list is never empty.");
        }
        (true, Value::Array(items)) => {
            for (i, item) in items.iter().enumerate() {
                // In a list of primitives null keeps the place of one that has extensions alone.
                if !item.is_null() || TYPES.contains_key(element.kind) {
                    single(element.kind, item, &format!("{at}[{i}]"), out);
                }
            }
        }
        (true, _) => say(out, "structure", at, "This element is a list."),
        (false, Value::Array(_)) => say(out, "structure", at, "This element is no list."),
        (false, _) => single(element.kind, value, at, out),
    }
}

fn single(kind: &str, value: &Value, at: &str, out: &mut Vec<Issue>) {
    let kind = match kind {
        "Resource" => match value["resourceType"].as_str() {
            Some(name) => name,
            None => return say(out, "required", at, "A contained resource names its type."),
        },
        kind => kind,
    };
    match (TYPES.get(kind), value) {
        (Some(own), Value::Object(members)) => object(own, members, at, out),
        (Some(_), _) => say(out, "structure", at, format!("A {kind} is an object.")),
        (None, value) => primitive(kind, value, at, out),
    }
}

fn primitive(kind: &str, value: &Value, at: &str, out: &mut Vec<Issue>) {
    let fits = match kind {
        "boolean" => value.is_boolean(),
        "decimal" => value.is_number(),
        "integer" => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        "unsignedInt" => value
            .as_i64()
            .is_some_and(|n| i32::try_from(n).is_ok() && n >= 0),
        "positiveInt" => value
            .as_i64()
            .is_some_and(|n| i32::try_from(n).is_ok() && n > 0),
        "date" | "dateTime" | "instant" => value
            .as_str()
            .is_some_and(|text| text.parse::<Interval>().is_ok()),
        // A contained resource of a type that this service does not take.
        _ if value.is_object() => kind.starts_with(|c: char| c.is_ascii_uppercase()),
        _ => value.as_str().is_some_and(|text| !text.is_empty()),
    };
    if !fits {
        say(out, "value", at, format!("This is no FHIR {kind}."));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places(value: &Value) -> Vec<String> {
        let issues = check(value).err().map(|e| e.issues).unwrap_or_default();
        issues.into_iter().filter_map(|i| i.at).collect()
    }

    #[test]
    fn what_is_well_formed_passes() {
        let value = json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"},
            "_status": {"id": "a"}, "valueQuantity": {"value": 1.1, "unit": "mg"},
            "effectiveDateTime": "2026-07-18T10:03:00.250-07:00",
            "extension": [{"url": "u", "valueBoolean": true}],
            "contained": [{"resourceType": "Device", "any": 1}]});
        assert_eq!(places(&value), [""; 0]);
        let name = json!({"resourceType": "Patient", "name": [{"given": ["a", null], "_given": [null, {"id": "x"}]}]});
        assert_eq!(places(&name), [""; 0]);
    }

    #[test]
    fn a_choice_element_is_named_without_its_type() {
        assert_eq!(element("valueReference"), "value");
        assert_eq!(element("medicationReference"), "medication");
        assert_eq!(element("reasonReference"), "reasonReference");
        assert_eq!(element("reference"), "reference");
    }

    #[test]
    fn each_fault_is_named() {
        for (value, at) in [
            (
                json!({"resourceType": "Patient", "nickname": "x"}),
                "Patient.nickname",
            ),
            (
                json!({"resourceType": "Patient", "name": {"family": "x"}}),
                "Patient.name",
            ),
            (
                json!({"resourceType": "Patient", "name": []}),
                "Patient.name",
            ),
            (
                json!({"resourceType": "Patient", "name": [{"famly": "x"}]}),
                "Patient.name[0].famly",
            ),
            (
                json!({"resourceType": "Patient", "birthDate": "1990-13-01"}),
                "Patient.birthDate",
            ),
            (
                json!({"resourceType": "Patient", "active": "true"}),
                "Patient.active",
            ),
            (
                json!({"resourceType": "Patient", "deceasedString": "x"}),
                "Patient.deceasedString",
            ),
            (
                json!({"resourceType": "Patient", "contact": [{"resourceType": "x"}]}),
                "Patient.contact[0].resourceType",
            ),
            (
                json!({"resourceType": "Observation", "status": "final"}),
                "Observation.code",
            ),
            (
                json!({"resourceType": "MedicationDispense", "status": "completed"}),
                "MedicationDispense.medicationCodeableConcept",
            ),
        ] {
            assert_eq!(places(&value), [at], "{value}");
        }
    }
}
