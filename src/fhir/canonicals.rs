//! The canonical URLs of the search parameters: `canonicals.txt`, which `scripts/tables` writes.

use std::collections::HashMap;
use std::sync::LazyLock;

const TEXT: &str = include_str!("canonicals.txt");

static CANONICALS: LazyLock<HashMap<(&'static str, &'static str), &'static str>> =
    LazyLock::new(|| {
        let mut all = HashMap::new();
        for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            if let (Some(url), Some(name)) = (words.next(), words.next()) {
                all.extend(words.map(|kind| ((kind, name), url)));
            }
        }
        all
    });

/// The canonical of the definition of the parameter `name` of `kind`, where HL7 or the project has one.
#[must_use]
pub fn of(kind: &str, name: &str) -> Option<&'static str> {
    let own = CANONICALS.get(&(kind, name));
    own.or_else(|| CANONICALS.get(&("*", name))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_their_definitions() {
        let at = |rest: &str| Some(format!("http://hl7.org/fhir/SearchParameter/{rest}"));
        let of = |kind, name| of(kind, name).map(str::to_owned);
        assert_eq!(of("Patient", "birthdate"), at("individual-birthdate"));
        assert_eq!(of("Goal", "_id"), at("Resource-id"));
        assert!(of("Task", "episode").is_some_and(|url| url.contains("kap-episode")));
        assert_eq!(of("Patient", "race"), None);
    }
}
