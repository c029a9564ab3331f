//! Search criteria of a caller: read by what the caller may know that there is.

use crate::access::{Access, Role, redact};
use crate::error::Result;
use crate::fhir::index::REFERS;
use crate::fhir::parameter::{self, Parameter, ParameterKind, Segment};
use crate::fhir::search::{Handling, SearchQuery};

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
    SearchQuery::parse_for(kind, pairs, handling, &hidden)
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
            if p.kind == ParameterKind::Reference && paths.any(|path| hides(role, kind, path)) {
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
