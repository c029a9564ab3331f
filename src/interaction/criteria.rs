//! Search criteria of a caller: read by what the caller may know that there is.

use super::value_set;
use crate::access::{Access, Interaction, Role, redact};
use crate::error::{Error, Kind, Result};
use crate::fhir::index::REFERS;
use crate::fhir::parameter::{self, Parameter, ParameterKind, Segment};
use crate::fhir::search::{Handling, SearchQuery, SortBy, Test, no_modifier};
use crate::fhir::shape::{Shape, Summary};

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
    let hidden = |kind: &str, parameter: &Parameter| is_hidden(access, kind, parameter);
    let (mut query, mut ignored) = SearchQuery::parse_for(kind, &[], pairs, handling, &hidden)?;
    permit(access, &mut query)?;
    let mut query = ready(access, query)?;
    let unknown = unknown(access, &[kind], &mut query.shape);
    if handling == Handling::Strict {
        refuse(kind, &unknown)?;
    }
    ignored.extend(unknown);
    Ok((query, ignored))
}

/// As [`parse`], of several types at once: a search of each, with what each of them knows.
///
/// # Errors
/// As [`parse`]; `Invalid` for an order that they have not all of them.
pub fn parse_all(
    access: &Access,
    kinds: &[&'static str],
    pairs: &[(String, String)],
    handling: Handling,
) -> Result<(Vec<SearchQuery>, Vec<String>)> {
    let hidden = |kind: &str, parameter: &Parameter| is_hidden(access, kind, parameter);
    let mut pairs = pairs.to_vec();
    let mut ignored = Vec::new();
    for kind in kinds {
        let (_, more) = SearchQuery::parse_for(kind, kinds, &pairs, handling, &hidden)?;
        pairs.retain(|(name, _)| !more.contains(&printable(name)));
        ignored.extend(more);
    }
    let mut queries = Vec::new();
    for kind in kinds {
        let (mut query, _) = SearchQuery::parse_for(kind, kinds, &pairs, handling, &hidden)?;
        let is_common = match query.sort.0[..] {
            [] => true,
            [key] => matches!(key.by, SortBy::Updated),
            _ => false,
        };
        if !is_common {
            let text = "Several types are sorted by one of _id, _lastUpdated, -_lastUpdated.";
            return Err(invalid(text));
        }
        permit(access, &mut query)?;
        queries.push(ready(access, query)?);
    }
    let mut unknown_names = Vec::new();
    for query in &mut queries {
        unknown_names = unknown(access, kinds, &mut query.shape);
    }
    if handling == Handling::Strict {
        refuse("these types", &unknown_names)?;
    }
    ignored.extend(unknown_names);
    Ok((queries, ignored))
}

/// Whether the parameter is over an element that the caller's role may not see.
pub(super) fn is_hidden(access: &Access, kind: &str, parameter: &Parameter) -> bool {
    let role = access.caller().map(|caller| caller.role);
    let mut paths = parameter::paths(kind, parameter);
    role.is_some_and(|role| paths.any(|path| hides(role, kind, path, &[])))
}

/// Leaves of each criterion on other records the types that the caller may search.
///
/// # Errors
/// `Forbidden` where there is none.
fn permit(access: &Access, query: &mut SearchQuery) -> Result<()> {
    for chain in &mut query.chains {
        let mut refused = None;
        let mut may = |other: &mut SearchQuery| {
            let allowed = access.allow(Interaction::Search, other.kind);
            let allowed = allowed.and_then(|()| permit(access, other));
            allowed.map_err(|error| refused = Some(error)).is_ok()
        };
        chain.others.retain_mut(|other| may(other));
        if let Some(refused) = refused.filter(|_| chain.others.is_empty()) {
            return Err(refused);
        }
    }
    Ok(())
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
            return Err(invalid("_summary stands twice.").at("http._summary"));
        }
    }
    if shape.summary() == Some(Summary::Count) {
        return Err(invalid("_summary=count is for searches.").at("http._summary"));
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
    names.iter().map(|name| printable(name)).collect()
}

/// Refuses names that are none of an element.
///
/// # Errors
/// `Invalid` where there is one.
pub(super) fn refuse(kind: &str, unknown: &[String]) -> Result<()> {
    match unknown.first() {
        None => Ok(()),
        Some(name) => {
            let text = format!("_elements names '{name}', which is no element of {kind}.");
            Err(invalid(text).at("http._elements"))
        }
    }
}

fn invalid(text: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, text).issue_code("value")
}

/// A name as it may be shown: short and plain.
fn printable(name: &str) -> String {
    let plain = name.chars().filter(char::is_ascii_graphic);
    plain.take(64).collect()
}

/// The search with what it does not know by itself: the time, and the codes of value sets.
///
/// # Errors
/// `Invalid` for a value set that is not known, and for a modifier that looks at what the caller's role may not see.
pub fn ready(access: &Access, mut query: SearchQuery) -> Result<SearchQuery> {
    if let Some(caller) = access.caller() {
        modifiers(caller.role, &mut query)?;
    }
    let query = query.around(access.now()).expand(&value_set::codes);
    query.map_err(|_| {
        let text = "':in' and ':not-in' take the URL of a value set that this service publishes.";
        Error::new(Kind::Invalid, text).issue_code("not-supported")
    })
}

/// Leaves of each criterion on other records the types of which the caller's role may see what its modifier looks at.
///
/// # Errors
/// `Invalid` where there is none, in the words for a modifier that there is not.
fn modifiers(role: Role, query: &mut SearchQuery) -> Result<()> {
    for filter in &query.filters {
        let beside = beside(&filter.test);
        let mut paths = parameter::paths(query.kind, filter.parameter);
        let hidden = |path| {
            beside
                .iter()
                .any(|more| hides(role, query.kind, path, more))
        };
        if paths.any(hidden) {
            return Err(no_modifier(filter));
        }
    }
    for chain in &mut query.chains {
        let mut refused = None;
        chain.others.retain_mut(|other| {
            let sees = modifiers(role, other);
            sees.map_err(|error| refused = Some(error)).is_ok()
        });
        if let Some(refused) = refused.filter(|_| chain.others.is_empty()) {
            return Err(chain.said(refused));
        }
    }
    Ok(())
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
