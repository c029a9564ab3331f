//! Search criteria of a caller: read by what the caller may know that there is.

use crate::access::{Access, Role, redact};
use crate::error::Result;
use crate::fhir::parameter::{self, Parameter, Segment};
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
