//! The search parameters as FHIR R4 defines them (`definitions/search_parameters.txt`, which a script writes): where each
//! definition is, and, in tests, that the table of this service has every one of them.

use std::collections::HashMap;
use std::sync::LazyLock;

const TABLE: &str = include_str!("../definitions/search_parameters.txt");
const CANONICAL: &str = "http://hl7.org/fhir/SearchParameter/";

/// A line of the table.
struct Line {
    kind: &'static str,
    name: &'static str,
    id: &'static str,
    /// Kind, expression, and of a composite the expressions of its parts.
    #[cfg(test)]
    more: Vec<&'static str>,
}

fn lines() -> impl Iterator<Item = Line> {
    let content = TABLE.lines().filter(|line| !line.starts_with('#'));
    content.filter_map(|line| {
        let words: Vec<&str> = line.split(" ; ").collect();
        let [kind, name, _, id, ..] = words[..] else {
            return None;
        };
        Some(Line {
            kind,
            name,
            id: id.trim_end_matches([' ', ';']),
            #[cfg(test)]
            more: [&words[2..3], words.get(4..).unwrap_or_default()].concat(),
        })
    })
}

static IDS: LazyLock<HashMap<(&str, &str), &str>> =
    LazyLock::new(|| lines().map(|l| ((l.kind, l.name), l.id)).collect());

/// The URL of the definition of the parameter `name` of `kind`, where it is one of the standard.
#[must_use]
pub fn canonical(kind: &str, name: &str) -> Option<String> {
    let of = if name.starts_with('_') {
        "Resource"
    } else {
        kind
    };
    let id = IDS.get(&(of, name))?;
    Some(format!("{CANONICAL}{id}"))
}

#[cfg(test)]
mod tests;
