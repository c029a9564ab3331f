//! What a resource is found by: the values of its search parameters, and whose record it is part of.

mod value;

use serde_json::Value;

use self::value::{beside, convert};
use super::interval::Interval;
use super::parameter::{self, Parameter, Parts, Segment};
use super::quantity::Measure;
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
    Quantity(Measure),
    /// Two values that stand together: a token, and one that is no pair.
    Pair {
        system: String,
        code: String,
        second: Box<Self>,
    },
}

/// What is indexed beside a parameter for an element that stands there and cannot be compared, such as a reference that
/// only displays a name or a concept of words: it is not missing.
const STANDS: IndexValue = IndexValue::Token {
    system: String::new(),
    code: String::new(),
};

/// The version of what is indexed: to be raised with every change of what [`extract`] gives, and named after `@` in the
/// lines of `parameters.txt` that are new or changed. Rows of an older version are indexed anew.
pub const VERSION: i64 = 3;

/// The values of every search parameter of `kind` in `value`, without repetition.
#[must_use]
pub fn extract(kind: &str, value: &Value) -> Vec<IndexEntry> {
    let mut out = Vec::new();
    for parameter in parameter::of(kind).into_iter().flatten() {
        if parameter.indexed != parameter.name {
            continue;
        }
        let mut keep = |param, value| {
            let entry = IndexEntry { param, value };
            if !out.contains(&entry) {
                out.push(entry);
            }
        };
        if parameter.parts.is_some() {
            for value in values(parameter, value) {
                keep(parameter.indexed, value);
            }
            continue;
        }
        // Labels and tags are not looked for by their words.
        let modified = !parameter.name.starts_with('_');
        for path in &parameter.paths {
            walk(value, path, &mut |leaf| {
                let mut own = Vec::new();
                convert(parameter.name, parameter.kind, leaf, &mut own);
                let stands = modified && own.is_empty() && !leaf.is_null();
                for value in own {
                    keep(parameter.indexed, value);
                }
                if modified {
                    let more = beside(parameter.kind, leaf).into_iter();
                    more.for_each(|v| keep(parameter.beside, v));
                }
                if stands {
                    keep(parameter.beside, STANDS);
                }
            });
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
    if let Some(parts) = &parameter.parts {
        for base in &parts.bases {
            walk(value, base, &mut |under| pairs(parts, under, &mut out));
        }
        return out;
    }
    for path in &parameter.paths {
        walk(value, path, &mut |leaf| {
            convert(parameter.name, parameter.kind, leaf, &mut out);
        });
    }
    out
}

/// Each value of the first part with each of the second.
fn pairs(parts: &Parts, under: &Value, out: &mut Vec<IndexValue>) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let token = parameter::ParameterKind::Token;
    for path in &parts.first {
        walk(under, path, &mut |leaf| {
            convert("", token, leaf, &mut first);
        });
    }
    for path in &parts.second {
        walk(under, path, &mut |leaf| {
            convert("", parts.kind, leaf, &mut second);
        });
    }
    for one in first {
        let IndexValue::Token { system, code } = one else {
            continue;
        };
        out.extend(second.iter().map(|other| IndexValue::Pair {
            system: system.clone(),
            code: code.clone(),
            second: Box::new(other.clone()),
        }));
    }
}

static TRUE: Value = Value::Bool(true);
static FALSE: Value = Value::Bool(false);

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
        Some((Segment::Where(name, wanted), rest)) => {
            if value[name] == **wanted {
                walk(value, rest, found);
            }
        }
        Some((Segment::Stands(names), rest)) => {
            let mut all = names.iter().filter_map(|n| value.get(n));
            let stands = all.any(|found| *found != FALSE);
            walk(if stands { &TRUE } else { &FALSE }, rest, found);
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

/// The parts of `Type/id` and `Type/id/_history/version`.
pub(crate) fn local(reference: &str) -> Option<(&str, &str)> {
    let (kind, rest) = reference.split_once('/')?;
    let id = rest.split_once("/_history/").map_or(rest, |(id, _)| id);
    let named = kind.starts_with(|c: char| c.is_ascii_uppercase())
        && kind.bytes().all(|b| b.is_ascii_alphanumeric());
    (named && Id::new(id).is_some()).then_some((kind, id))
}

#[cfg(test)]
mod tests;
