//! Search criteria of a caller: read by what the caller may know that there is.

use crate::access::{Access, Role, redact};
use crate::error::{Error, Kind, Result};
use crate::fhir::parameter::{self, Parameter, Segment};
use crate::fhir::search::{Handling, SearchQuery};
use crate::fhir::shape::{Shape, Summary};

/// As [`SearchQuery::parse`]; a parameter over an element that the caller's role may not see is none, or the answers would
/// tell the element bit by bit.
///
/// # Errors
/// As [`SearchQuery::parse`].
pub fn parse(
    access: &Access,
    kind: &str,
    pairs: &[(String, String)],
    handling: Handling,
) -> Result<(SearchQuery, Vec<String>)> {
    let role = access.caller().map(|caller| caller.role);
    let hidden = |kind: &str, parameter: &Parameter| {
        let mut paths = parameter::paths(kind, parameter);
        role.is_some_and(|role| paths.any(|path| hides(role, kind, path)))
    };
    let (mut query, mut ignored) = SearchQuery::parse_for(kind, pairs, handling, &hidden)?;
    let unknown = unknown(access, &[kind], &mut query.shape);
    if handling == Handling::Strict {
        refuse(kind, &unknown)?;
    }
    ignored.extend(unknown);
    Ok((query, ignored))
}

/// What of a record of type `kind` is asked for with a read of it.
///
/// # Errors
/// `Invalid` where that cannot be read, or names an element that is none to the caller.
pub fn shape(access: &Access, kind: &str, pairs: &[(String, String)]) -> Result<Shape> {
    let mut shape = Shape::default();
    let mut seen = false;
    for (name, value) in pairs {
        if shape.take(name, value)? && name == "_summary" && std::mem::replace(&mut seen, true) {
            return Err(invalid("_summary stands twice."));
        }
    }
    if shape.summary() == Some(Summary::Count) {
        return Err(invalid("_summary=count is for searches."));
    }
    refuse(kind, &unknown(access, &[kind], &mut shape))?;
    Ok(shape)
}

/// The names that are none of an element, as the caller may know it.
pub(super) fn unknown(access: &Access, kinds: &[&str], shape: &mut Shape) -> Vec<String> {
    let role = access.caller().map(|caller| caller.role);
    let hidden =
        |kind: &str, name: &str| role.is_some_and(|role| redact::never_shows(role, kind, name));
    let names = shape.unknown(kinds, &hidden);
    names.into_iter().map(printable).collect()
}

fn refuse(kind: &str, unknown: &[String]) -> Result<()> {
    match unknown.first() {
        None => Ok(()),
        Some(name) => Err(invalid(format!(
            "_elements names '{name}', which is no element of {kind}."
        ))),
    }
}

fn invalid(text: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, text).issue_code("value")
}

/// A name as it may be shown: short and plain.
fn printable(name: String) -> String {
    let plain = name.chars().filter(char::is_ascii_graphic);
    plain.take(64).collect()
}

fn hides(role: Role, kind: &str, path: &[Segment]) -> bool {
    let mut below = vec![String::new()];
    for segment in path {
        let names: Vec<&str> = match segment {
            Segment::Element(name) => vec![name],
            Segment::Extension(_) => vec!["extension"],
            Segment::Choice(names) => names.iter().map(String::as_str).collect(),
        };
        let longer = |path: &String| -> Vec<String> {
            let dot = if path.is_empty() { "" } else { "." };
            names
                .iter()
                .map(|name| format!("{path}{dot}{name}"))
                .collect()
        };
        below = below.iter().flat_map(longer).collect();
    }
    below.iter().any(|path| redact::hides(role, kind, path))
}
