//! What the definitions say of elements as far as a subset needs it: `summary.txt`, which `scripts/tables` writes.

use std::collections::HashMap;
use std::sync::LazyLock;

const TEXT: &str = include_str!("../summary.txt");

/// An element of a type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    /// Where its own elements are listed: its path, or that of the element that it is like.
    pub path: &'static str,
    pub summary: bool,
    /// Whether it always stays: it is required, or modifies what the others say.
    pub stays: bool,
    /// Whether its own elements are listed here, and not with a type that many use.
    pub listed: bool,
}

static TYPES: LazyLock<HashMap<&'static str, HashMap<&'static str, Element>>> =
    LazyLock::new(|| {
        let lines = TEXT.lines().filter(|line| !line.starts_with('#'));
        let parsed = lines.map(|line| {
            let mut words = line.split(' ');
            let kind = words.next().unwrap_or_default();
            (kind, words.map(parse).collect())
        });
        parsed.collect()
    });

fn parse(word: &'static str) -> (&'static str, Element) {
    let (name, marks) = word.split_once('@').unwrap_or((word, ""));
    let (name, path) = name.split_once('=').unwrap_or((name, name));
    let element = Element {
        path,
        summary: marks.contains('+'),
        stays: marks.contains(['!', '?']),
        listed: marks.contains('{') || name != path,
    };
    (name, element)
}

/// Whether resources of type `kind` have an element of this name.
pub(super) fn has(kind: &str, name: &str) -> bool {
    TYPES.get(kind).is_some_and(|elements| {
        !name.contains('.')
            && (elements.contains_key(name) || elements.contains_key(&*format!("{name}[x]")))
    })
}

/// The element that stands in JSON as `name` below `path` of a `kind`; a choice element has its type in its JSON name.
pub(super) fn find(kind: &str, path: &str, name: &str) -> Option<(&'static str, Element)> {
    let elements = TYPES.get(kind)?;
    let below = |name: &str| match path {
        "" => name.to_owned(),
        _ => format!("{path}.{name}"),
    };
    if let Some((own, element)) = elements.get_key_value(&*below(name)) {
        return Some((own, *element));
    }
    let types = name.match_indices(|c: char| c.is_ascii_uppercase());
    let mut stems = types.map(|(at, _)| below(&name[..at]) + "[x]");
    let found = stems.find_map(|stem| elements.get_key_value(&*stem));
    found.map(|(own, element)| (*own, *element))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_their_json_names() {
        let found = |kind, path, name| find(kind, path, name).map(|(own, _)| own);
        assert_eq!(found("Observation", "", "valueQuantity"), Some("value[x]"));
        assert_eq!(found("Observation", "", "status"), Some("status"));
        assert_eq!(found("Observation", "", "colour"), None);
        assert_eq!(
            found("Consent", "provision", "type"),
            Some("provision.type")
        );
        let (_, like) = find("Consent", "provision", "provision").expect("an element");
        assert_eq!((like.path, like.listed), ("provision", true));
        assert!(has("Observation", "value") && has("Patient", "name"));
        assert!(!has("Observation", "value.code") && !has("Nothing", "id"));
    }

    #[test]
    fn every_type_is_there_with_what_every_resource_has() {
        assert!(TYPES.len() > 30, "{}", TYPES.len());
        for (kind, elements) in TYPES.iter() {
            for name in ["id", "meta", "implicitRules", "text", "modifierExtension"] {
                assert!(elements.contains_key(name), "{kind}.{name}");
            }
            let rules = elements["implicitRules"];
            assert!(rules.summary && rules.stays, "{kind}");
        }
    }
}
