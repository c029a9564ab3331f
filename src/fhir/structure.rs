//! Whether JSON has the shape of an R4 resource: elements that the type has, lists where it has lists, what is required
//! there (<https://hl7.org/fhir/R4/json.html>). What the elements say (codes, profiles, invariants) is not judged.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::primitive::fault;
use crate::error::{Error, Issue, Kind, Result};

const TABLE: &str = include_str!("elements.txt");
/// The issue type of what reads well and breaks a rule of the standard.
const INVARIANT: &str = "invariant";
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
    /// The names of each choice element: at most one of them stands.
    choices: Vec<Vec<String>>,
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
            self.required.push(names.clone());
        }
        if names.len() > 1 {
            self.choices.push(names);
        }
    }
}

/// The JSON names of choice elements, each with the name that FHIRPath knows: `value` for `valueReference`. A name that
/// is an element of its own somewhere is none (the questionnaire's apart, which nobody sends).
static CHOICES: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let lines = TABLE.lines().filter(|line| !line.starts_with(['#', 'Q']));
    let all: Vec<(&str, &str)> = lines
        .flat_map(|line| line.split(' ').skip(1))
        .filter_map(|text| text.split_once(':'))
        .collect();
    let plain: HashSet<&str> = all.iter().map(|(name, _)| *name).collect();
    let choices = all
        .iter()
        .filter_map(|(name, types)| Some((name.strip_suffix("[]")?, types)));
    choices
        .flat_map(|(stem, types)| {
            types
                .trim_end_matches(['*', '!'])
                .split(',')
                .map(move |t| (stem, t))
        })
        .map(|(stem, kind)| (format!("{stem}{}", capital(kind)), stem))
        .filter(|(name, _)| !plain.contains(&**name))
        .collect()
});

/// The name of an element in FHIRPath, which knows a choice element without its type: `value` for `valueReference`.
#[must_use]
pub fn element(member: &str) -> &str {
    CHOICES.get(member).copied().unwrap_or(member)
}

/// The JSON names of the elements that a type must have; of a choice element all of its names.
#[must_use]
pub fn required(kind: &str) -> Vec<&'static str> {
    let own = TYPES.get(kind).map(|own| own.required.iter().flatten());
    own.into_iter().flatten().map(String::as_str).collect()
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
    let rules = issues.iter().all(|issue| issue.code == Some(INVARIANT));
    let kind = if rules {
        Kind::Unprocessable
    } else {
        Kind::Invalid
    };
    Err(Error::with_issues(kind, issues))
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
    let said =
        |name: &String| members.contains_key(name) || members.contains_key(&format!("_{name}"));
    for names in &own.choices {
        if let Some(second) = names.iter().filter(|name| said(name)).nth(1) {
            let text = "Only one of the types of this element may stand.";
            say(out, "structure", &format!("{at}.{second}"), text);
        }
    }
    for names in &own.required {
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
    if at.contains(".contained[") && value.get("contained").is_some() {
        return say(
            out,
            "structure",
            at,
            "A contained resource contains none itself (dom-2).",
        );
    }
    match (TYPES.get(kind), value) {
        (Some(own), Value::Object(members)) => object(own, members, at, out),
        (Some(_), _) => say(out, "structure", at, format!("A {kind} is an object.")),
        (None, value) => primitive(kind, value, at, out),
    }
}

fn primitive(kind: &str, value: &Value, at: &str, out: &mut Vec<Issue>) {
    if let Some(text) = fault(kind, value) {
        let code = if kind == "xhtml" { INVARIANT } else { "value" };
        say(out, code, at, text);
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
