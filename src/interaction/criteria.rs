//! Search criteria of a caller: read by what the caller may know that there is.

use super::value_set;
use crate::access::{Access, Role, redact};
use crate::error::{Error, Kind, Result};
use crate::fhir::index::REFERS;
use crate::fhir::parameter::{self, Parameter, ParameterKind, Segment};
use crate::fhir::search::{Handling, SearchQuery, Test, no_modifier};

/// As [`SearchQuery::parse`]; a parameter over an element that the caller's role may not see is none, or the answers would
/// tell the element bit by bit. It is [`ready`] to be asked.
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
        role.is_some_and(|role| paths.any(|path| hides(role, kind, path, &[])))
    };
    let (query, ignored) = SearchQuery::parse_for(kind, pairs, handling, &hidden)?;
    Ok((ready(access, query)?, ignored))
}

/// The search with what it does not know by itself: the time, and the codes of value sets.
///
/// # Errors
/// `Invalid` for a value set that is not known, and for a modifier that looks at what the caller's role may not see.
pub fn ready(access: &Access, query: SearchQuery) -> Result<SearchQuery> {
    if let Some(caller) = access.caller() {
        for filter in &query.filters {
            let beside = beside(&filter.test);
            let mut paths = parameter::paths(query.kind, filter.parameter);
            let hidden = |path| {
                beside
                    .iter()
                    .any(|more| hides(caller.role, query.kind, path, more))
            };
            if paths.any(hidden) {
                return Err(no_modifier(filter));
            }
        }
    }
    let query = query.around(access.now()).expand(&value_set::codes);
    query.map_err(|_| {
        let text = "':in' and ':not-in' take the URL of a value set that this service publishes.";
        Error::new(Kind::Invalid, text).issue_code("not-supported")
    })
}

/// The same fault, said of no parameter of the request: the criteria stand somewhere in it, where their reader knows.
#[must_use]
pub fn placeless(mut error: Error) -> Error {
    for issue in &mut error.issues {
        issue.at = None;
    }
    error
}

/// What a modifier looks at, below the elements of the parameter.
const fn beside(test: &Test) -> &'static [&'static [&'static str]] {
    match test {
        Test::Says(_) => &[&["text"], &["display"], &["coding", "display"], &["type"]],
        Test::OfType(_) => &[&["type"], &["value"]],
        Test::Identifier(_) => &[&["identifier", "value"]],
        _ => &[],
    }
}

/// The reference parameters (type, name of the index) over elements that the caller's role may not see, and those that stand
/// for references without a parameter where the role may not see all of them.
#[must_use]
pub fn hidden(access: &Access) -> Vec<(&'static str, &'static str)> {
    let Some(role) = access.caller().map(|caller| caller.role) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for kind in parameter::kinds() {
        for p in parameter::of(kind).into_iter().flatten() {
            let mut paths = parameter::paths(kind, p);
            if p.kind == ParameterKind::Reference && paths.any(|path| hides(role, kind, path, &[]))
            {
                out.push((kind, p.indexed));
            }
        }
        if redact::hides_references(role, kind) {
            out.push((kind, REFERS));
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}

fn hides(role: Role, kind: &str, path: &[Segment], more: &[&str]) -> bool {
    let mut below = vec![String::new()];
    let further = more.iter().map(|name| vec![*name]);
    for names in path.iter().filter_map(names).chain(further) {
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

/// The elements to which a step goes; `None` where it goes to none.
fn names(segment: &Segment) -> Option<Vec<&str>> {
    match segment {
        Segment::Element(name) => Some(vec![name]),
        Segment::Extension(_) => Some(vec!["extension"]),
        Segment::Choice(names) | Segment::Stands(names) => {
            Some(names.iter().map(String::as_str).collect())
        }
        Segment::Where(..) => None,
    }
}
