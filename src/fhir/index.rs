//! What a resource is found by: the values of its search parameters, and whose record it is part of.

use serde_json::Value;

use super::compare::{fold, indexed};
use super::interval::Interval;
use super::parameter::{self, Parameter, ParameterKind, Segment};
use super::reference::references;
use crate::kap::base::Id;

/// A value of one search parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The name under which it is indexed.
    pub param: &'static str,
    pub value: IndexValue,
}

/// A value as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexValue {
    /// `system` is empty where there is none.
    Token {
        system: String,
        code: String,
    },
    Date(Interval),
    /// `folded` is without case and accents.
    Text {
        folded: String,
        exact: String,
    },
    /// `kind` is empty where the reference is not of the form `Type/id`; `id` is then the whole reference.
    Reference {
        kind: String,
        id: String,
    },
}

/// The values of every search parameter of `kind` in `value`, without repetition.
#[must_use]
pub fn extract(kind: &str, value: &Value) -> Vec<IndexEntry> {
    let mut out = Vec::new();
    for parameter in parameter::of(kind).into_iter().flatten() {
        for value in values(parameter, value) {
            let entry = IndexEntry {
                param: parameter.indexed,
                value,
            };
            if !out.contains(&entry) {
                out.push(entry);
            }
        }
    }
    out.extend(directory(kind, value, &out));
    out
}

/// Under which references to the directory are indexed that no search parameter names, such as those in extensions:
/// whoever reads an episode needs the people and organizations that it speaks of.
pub const REFERS: &str = "_refers";

const DIRECTORY: &[&str] = &[
    "Endpoint",
    "Medication",
    "Organization",
    "Practitioner",
    "PractitionerRole",
];

fn directory(kind: &str, value: &Value, known: &[IndexEntry]) -> Vec<IndexEntry> {
    let mut out: Vec<IndexEntry> = Vec::new();
    let found = references(kind, value);
    for (kind, id) in found.iter().filter_map(|found| local(&found.text)) {
        let target = IndexValue::Reference {
            kind: kind.to_owned(),
            id: id.to_owned(),
        };
        let new = !known.iter().chain(&out).any(|e| e.value == target);
        if new && DIRECTORY.contains(&kind) {
            out.push(IndexEntry {
                param: REFERS,
                value: target,
            });
        }
    }
    out
}

/// The patient whose record `value` is part of, and the episode that it hangs off.
#[must_use]
pub fn compartment(kind: &str, value: &Value) -> (Option<Id>, Option<Id>) {
    let own = || value["id"].as_str().and_then(Id::new);
    let patient = match kind {
        "Patient" => own(),
        _ => ["patient", "subject"]
            .iter()
            .find_map(|p| referred(kind, p, "Patient", value)),
    };
    let episode = match kind {
        "EpisodeOfCare" => own(),
        _ => referred(kind, "episode", "EpisodeOfCare", value),
    };
    (patient, episode)
}

/// Whether resources of this type tell whose record they are part of.
#[must_use]
pub fn tells_patient(kind: &str) -> bool {
    let named = |name: &&str| parameter::find(kind, name).is_some();
    kind == "Patient" || ["patient", "subject"].iter().any(named)
}

/// The first reference to a `target` among the values of the parameter `name`.
fn referred(kind: &str, name: &str, target: &str, value: &Value) -> Option<Id> {
    let named = parameter::find(kind, name)?;
    let source = parameter::find(kind, named.indexed)?;
    values(source, value).into_iter().find_map(|v| match v {
        IndexValue::Reference { kind, id } if kind == target => Id::new(id),
        _ => None,
    })
}

fn values(parameter: &Parameter, value: &Value) -> Vec<IndexValue> {
    let mut out = Vec::new();
    for path in &parameter.paths {
        walk(value, path, &mut |leaf| convert(parameter, leaf, &mut out));
    }
    out
}

/// Calls `found` with each element at `path`, arrays opened.
fn walk<'v>(value: &'v Value, path: &[Segment], found: &mut impl FnMut(&'v Value)) {
    if let Value::Array(items) = value {
        for item in items {
            walk(item, path, found);
        }
        return;
    }
    match path.split_first() {
        None => found(value),
        Some((Segment::Element(name), rest)) => {
            if let Some(child) = value.get(name) {
                walk(child, rest, found);
            }
        }
        Some((Segment::Choice(names), rest)) => {
            for child in names.iter().filter_map(|n| value.get(n)) {
                walk(child, rest, found);
            }
        }
        Some((Segment::Extension(url), rest)) => {
            let all = value.get("extension").and_then(Value::as_array);
            for extension in all
                .into_iter()
                .flatten()
                .filter(|e| e["url"] == url.as_str())
            {
                walk(extension, rest, found);
            }
        }
    }
}

fn convert(parameter: &Parameter, leaf: &Value, out: &mut Vec<IndexValue>) {
    match parameter.kind {
        ParameterKind::Token => tokens(leaf, out),
        ParameterKind::Date => {
            out.extend(interval(leaf).map(|i| match parameter.name {
                // Stored instants are exact to the millisecond however they are written.
                "_lastUpdated" => IndexValue::Date(Interval {
                    lo: i.lo,
                    hi: i.lo + 1,
                }),
                _ => IndexValue::Date(i),
            }));
        }
        ParameterKind::Text => texts(leaf, out),
        ParameterKind::Reference => {
            out.extend(leaf["reference"].as_str().and_then(reference));
        }
    }
}

/// `CodeableConcept`, `Coding`, `Identifier`, `ContactPoint`, a code, a URI or a boolean.
fn tokens(leaf: &Value, out: &mut Vec<IndexValue>) {
    let text = |v: &Value| indexed(v.as_str().unwrap_or_default()).to_owned();
    let mut push = |system: String, code: String| {
        if !code.is_empty() {
            out.push(IndexValue::Token { system, code });
        }
    };
    match leaf {
        Value::String(code) => push(String::new(), indexed(code).to_owned()),
        Value::Bool(b) => push(String::new(), b.to_string()),
        Value::Object(map) if map.contains_key("coding") => {
            walk(&leaf["coding"], &[], &mut |c| {
                push(text(&c["system"]), text(&c["code"]));
            });
        }
        Value::Object(map) => {
            let code = map.get("code").or_else(|| map.get("value"));
            push(text(&leaf["system"]), code.map(text).unwrap_or_default());
        }
        _ => {}
    }
}

/// A date, a `Period`, or the events of a `Timing` as one span.
fn interval(leaf: &Value) -> Option<Interval> {
    if let Some(text) = leaf.as_str() {
        return text.parse().ok();
    }
    if let Some(events) = leaf["event"].as_array() {
        let all = events
            .iter()
            .filter_map(|e| e.as_str()?.parse::<Interval>().ok());
        return all.reduce(|a, b| Interval {
            lo: a.lo.min(b.lo),
            hi: a.hi.max(b.hi),
        });
    }
    Interval::period(leaf["start"].as_str(), leaf["end"].as_str())
}

/// A string, or the parts of a `HumanName` or an `Address`.
fn texts(leaf: &Value, out: &mut Vec<IndexValue>) {
    const PARTS: [&str; 11] = [
        "text",
        "family",
        "given",
        "prefix",
        "suffix",
        "line",
        "city",
        "district",
        "state",
        "postalCode",
        "country",
    ];
    match leaf {
        Value::String(exact) if !exact.is_empty() => {
            out.push(IndexValue::Text {
                folded: indexed(&fold(exact)).to_owned(),
                exact: indexed(exact).to_owned(),
            });
        }
        Value::Object(map) => {
            for part in PARTS.iter().filter_map(|p| map.get(*p)) {
                walk(part, &[], &mut |p| {
                    if p.is_string() {
                        texts(p, out);
                    }
                });
            }
        }
        _ => {}
    }
}

fn reference(text: &str) -> Option<IndexValue> {
    if text.starts_with('#') || text.is_empty() {
        return None;
    }
    let (kind, id) = local(text).unwrap_or(("", indexed(text)));
    Some(IndexValue::Reference {
        kind: kind.into(),
        id: id.into(),
    })
}

/// The parts of `Type/id` and `Type/id/_history/version`.
pub(crate) fn local(reference: &str) -> Option<(&str, &str)> {
    let (kind, rest) = reference.split_once('/')?;
    let id = rest.split_once("/_history/").map_or(rest, |(id, _)| id);
    let named = kind.starts_with(|c: char| c.is_ascii_uppercase())
        && kind.bytes().all(|b| b.is_ascii_alphanumeric());
    (named && Id::new(id).is_some()).then_some((kind, id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(kind: &str, value: &Value, param: &str) -> Vec<IndexValue> {
        let all = extract(kind, value).into_iter();
        all.filter(|e| e.param == param).map(|e| e.value).collect()
    }

    fn token(system: &str, code: &str) -> IndexValue {
        IndexValue::Token {
            system: system.into(),
            code: code.into(),
        }
    }

    #[test]
    fn codings_identifiers_booleans_and_codes_are_tokens() {
        let patient = json!({"id": "p", "active": true, "gender": "female",
            "identifier": [{"system": "urn:mr", "value": "7"}, {"value": "8"}],
            "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en"}]}}]});
        assert_eq!(found("Patient", &patient, "active"), [token("", "true")]);
        assert_eq!(found("Patient", &patient, "gender"), [token("", "female")]);
        assert_eq!(
            found("Patient", &patient, "identifier"),
            [token("urn:mr", "7"), token("", "8")]
        );
        assert_eq!(
            found("Patient", &patient, "language"),
            [token("urn:ietf:bcp:47", "en")]
        );
        assert_eq!(found("Patient", &patient, "_id"), [token("", "p")]);
    }

    #[test]
    fn text_is_folded_and_kept() {
        let patient = json!({"name": [{"family": "Núñez-Ågren", "given": ["Ana", "B."]}]});
        let family = found("Patient", &patient, "family");
        let wanted = IndexValue::Text {
            folded: "nunez-agren".into(),
            exact: "Núñez-Ågren".into(),
        };
        assert_eq!(family, [wanted]);
        assert_eq!(found("Patient", &patient, "name").len(), 3);
    }

    #[test]
    fn long_values_are_compared_by_their_beginning() {
        let long = "é".repeat(1000);
        assert_eq!(indexed(&long), "é".repeat(256));
        let patient =
            json!({"identifier": [{"system": long, "value": long}], "name": [{"family": long}]});
        let half = "é".repeat(256);
        assert_eq!(
            found("Patient", &patient, "identifier"),
            [token(&half, &half)]
        );
        assert_eq!(found("Patient", &patient, "family").len(), 1);
    }

    #[test]
    fn choices_take_the_types_of_their_kind() {
        let given = json!({"effectivePeriod": {"start": "2024-01-01"}, "valueCodeableConcept":
            {"coding": [{"system": "s", "code": "c"}]}, "component": [{"code": {"coding": [{"code": "x"}]}}]});
        assert_eq!(found("Observation", &given, "date").len(), 1);
        assert_eq!(
            found("Observation", &given, "value-concept"),
            [token("s", "c")]
        );
        assert_eq!(found("Observation", &given, "combo-code"), [token("", "x")]);
    }

    #[test]
    fn references_keep_type_and_id_and_lose_the_version() {
        let o = json!({"subject": {"reference": "Patient/p1/_history/3"},
            "performer": [{"reference": "urn:uuid:5"}, {"reference": "#in"}, {"display": "x"}]});
        let is = |kind: &str, id: &str| IndexValue::Reference {
            kind: kind.into(),
            id: id.into(),
        };
        assert_eq!(found("Observation", &o, "subject"), [is("Patient", "p1")]);
        assert_eq!(
            found("Observation", &o, "performer"),
            [is("", "urn:uuid:5")]
        );
    }

    #[test]
    fn the_compartment_is_read_from_subject_and_extension() {
        let url = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare";
        let o = json!({"id": "o", "subject": {"reference": "Patient/p1"},
            "extension": [{"url": url, "valueReference": {"reference": "EpisodeOfCare/e1"}}]});
        assert_eq!(
            compartment("Observation", &o),
            (Id::new("p1"), Id::new("e1"))
        );
        let e = json!({"id": "e1", "patient": {"reference": "Patient/p1"}});
        assert_eq!(
            compartment("EpisodeOfCare", &e),
            (Id::new("p1"), Id::new("e1"))
        );
        let v = json!({"subject": {"reference": "Patient/p1"}, "episodeOfCare": [{"reference": "EpisodeOfCare/e1"}]});
        assert_eq!(compartment("Encounter", &v), (Id::new("p1"), Id::new("e1")));
        assert_eq!(
            compartment("Patient", &json!({"id": "p1"})),
            (Id::new("p1"), None)
        );
        assert_eq!(
            compartment("Organization", &json!({"id": "o1"})),
            (None, None)
        );
        let group = json!({"subject": {"reference": "Group/g"}});
        assert_eq!(compartment("Observation", &group), (None, None));
    }
}
