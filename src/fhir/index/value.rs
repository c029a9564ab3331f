//! The elements of FHIR as the values by which they are compared.

use serde_json::Value;

use super::{IndexValue, local, walk};
use crate::fhir::compare::{fold, indexed, sounds};
use crate::fhir::interval::Interval;
use crate::fhir::parameter::ParameterKind;
use crate::fhir::quantity::Measure;

/// Adds the values of an element for the parameter `name` of this kind.
pub(super) fn convert(name: &str, kind: ParameterKind, leaf: &Value, out: &mut Vec<IndexValue>) {
    match kind {
        ParameterKind::Token => tokens(leaf, out),
        ParameterKind::Date => {
            out.extend(interval(leaf).map(|i| match name {
                // Stored instants are exact to the millisecond however they are written.
                "_lastUpdated" => IndexValue::Date(Interval {
                    lo: i.lo,
                    hi: i.lo + 1,
                }),
                _ => IndexValue::Date(i),
            }));
        }
        ParameterKind::Text if name == "phonetic" => phonetic(leaf, out),
        ParameterKind::Text => texts(leaf, out),
        ParameterKind::Reference => match leaf.as_str() {
            Some(url) => canonicals(url, out),
            None => out.extend(leaf["reference"].as_str().and_then(reference)),
        },
        ParameterKind::Uri => out.extend(leaf.as_str().filter(|u| !u.is_empty()).map(uri)),
        ParameterKind::Quantity | ParameterKind::Number => {
            out.extend(Measure::of(leaf).map(IndexValue::Quantity));
        }
        // Made of its parts.
        ParameterKind::Composite => {}
    }
}

/// What the modifiers look at: the words of a code and the type of an identifier (`:text`, `:of-type`), the identifier
/// of a reference (`:identifier`).
pub(super) fn beside(kind: ParameterKind, leaf: &Value) -> Vec<IndexValue> {
    let mut out = Vec::new();
    match kind {
        ParameterKind::Token if leaf.is_object() => {
            for words in [&leaf["text"], &leaf["display"], &leaf["type"]["text"]] {
                texts_of(words, &mut out);
            }
            walk(&leaf["coding"], &[], &mut |c| {
                texts_of(&c["display"], &mut out);
            });
            of_type(leaf, &mut out);
        }
        ParameterKind::Reference => tokens(&leaf["identifier"], &mut out),
        _ => {}
    }
    out
}

fn texts_of(words: &Value, out: &mut Vec<IndexValue>) {
    if words.is_string() {
        texts(words, out);
    }
}

/// An identifier under each coding of its type.
fn of_type(leaf: &Value, out: &mut Vec<IndexValue>) {
    let Some(value) = leaf["value"].as_str() else {
        return;
    };
    let text = |v: &Value| indexed(v.as_str().unwrap_or_default()).to_owned();
    walk(&leaf["type"]["coding"], &[], &mut |coding| {
        out.push(IndexValue::Pair {
            system: text(&coding["system"]),
            code: text(&coding["code"]),
            second: Box::new(uri(value)),
        });
    });
}

fn uri(text: &str) -> IndexValue {
    IndexValue::Token {
        system: String::new(),
        code: indexed(text).to_owned(),
    }
}

/// A canonical URL as it is, and without its version.
fn canonicals(url: &str, out: &mut Vec<IndexValue>) {
    let bare = url.split(['|', '#']).next().unwrap_or_default();
    for id in [url, bare].into_iter().filter(|id| !id.is_empty()) {
        out.push(IndexValue::Reference {
            kind: String::new(),
            id: indexed(id).to_owned(),
        });
    }
}

/// The sound of each word of a name.
fn phonetic(leaf: &Value, out: &mut Vec<IndexValue>) {
    let mut words = Vec::new();
    texts(leaf, &mut words);
    for word in words {
        let IndexValue::Text { exact, .. } = word else {
            continue;
        };
        out.extend(sounds(&exact).into_iter().map(|sound| IndexValue::Text {
            folded: sound.clone(),
            exact: sound,
        }));
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

/// A date, a `Period`, or the events or bounds of a `Timing` as one span.
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
    let bounds = &leaf["repeat"]["boundsPeriod"];
    let period = if bounds.is_object() { bounds } else { leaf };
    Interval::period(period["start"].as_str(), period["end"].as_str())
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
