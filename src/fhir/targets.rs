//! What the reference parameters may refer to: `targets.txt`, which `scripts/tables` writes.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::parameter::{self, Parameter};

const TEXT: &str = include_str!("targets.txt");

static TARGETS: LazyLock<HashMap<(&'static str, &'static str), Vec<&'static str>>> =
    LazyLock::new(|| {
        let lines = TEXT.lines().filter(|line| !line.starts_with('#'));
        let parsed = lines.filter_map(|line| {
            let mut words = line.split(' ');
            Some(((words.next()?, words.next()?), words.collect()))
        });
        parsed.collect()
    });

/// The types that `parameter` of `kind` may refer to and that can be searched.
#[must_use]
pub fn of(kind: &'static str, parameter: &Parameter) -> Vec<&'static str> {
    if let Some(target) = parameter.target {
        return vec![target];
    }
    let said = TARGETS.get(&(kind, parameter.name));
    let said = said.or_else(|| TARGETS.get(&(kind, parameter.indexed)));
    let mut all: Vec<&'static str> = parameter::kinds().collect();
    all.sort_unstable();
    match said {
        Some(said) => all.into_iter().filter(|k| said.contains(k)).collect(),
        None => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_known_and_limited() {
        let of = |kind, name| of(kind, parameter::find(kind, name).expect("a parameter"));
        assert_eq!(of("Observation", "patient"), ["Patient"]);
        assert_eq!(of("Encounter", "part-of"), ["Encounter"]);
        assert_eq!(of("Task", "episode"), ["EpisodeOfCare"]);
        assert!(of("Provenance", "target").len() > 20);
    }

    #[test]
    fn every_line_is_of_a_parameter_and_types_that_there_are() {
        let known = |kind: &str| parameter::kinds().any(|k| k == kind);
        assert!(TARGETS.len() > 150);
        for ((kind, name), targets) in TARGETS.iter() {
            assert!(parameter::find(kind, name).is_some(), "{kind} {name}");
            assert!(
                targets.iter().all(|t| known(t)),
                "{kind} {name}: {targets:?}"
            );
        }
    }
}
