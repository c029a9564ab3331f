//! What US Core and BALP ask implementers to support stands somewhere in the golden files, or in the list of what this
//! service never has, with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

const TABLE: &str = include_str!("../must_support.txt");
const ABSENT: &str = include_str!("../must_support_absent.txt");
/// Publishers whose profiles are in the table.
const PUBLISHERS: [&str; 2] = [
    "http://hl7.org/fhir/us/core/",
    "https://profiles.ihe.net/ITI/BALP/",
];

/// The golden resources by the profiles that they claim.
fn golden() -> BTreeMap<String, Vec<Value>> {
    let mut out: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let folder = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for file in folder(&root).flat_map(|case| folder(&case.path().join("fhir"))) {
        let text = fs::read_to_string(file.path()).expect("a golden file");
        let resources = match serde_json::from_str(&text).expect("JSON") {
            Value::Array(all) => all,
            one => vec![one],
        };
        for resource in resources {
            let claims = resource["meta"]["profile"].as_array().into_iter().flatten();
            for url in claims.filter_map(Value::as_str) {
                out.entry(url.to_owned())
                    .or_default()
                    .push(resource.clone());
            }
        }
    }
    out
}

/// Whether `part` is in `value`; of a list it is enough that it is in one of its items.
fn holds(part: &Value, value: &Value) -> bool {
    match (part, value) {
        (Value::Array(parts), _) => parts.iter().all(|part| holds(part, value)),
        (_, Value::Array(items)) => items.iter().any(|item| holds(part, item)),
        (Value::Object(parts), Value::Object(members)) => parts.iter().all(|(name, part)| {
            let found = members.get(name);
            found.is_some_and(|value| holds(part, value))
        }),
        _ => part == value,
    }
}

/// Whether an item is of the slice that the mark tells: a list is one of ways to tell it.
fn is_marked(mark: &Value, item: &Value) -> bool {
    match mark {
        Value::Array(ways) => ways.iter().any(|way| holds(way, item)),
        one => holds(one, item),
    }
}

/// What stands at one step below `place`.
fn step<'v>(place: &'v Value, step: &str) -> Vec<&'v Value> {
    let (name, mark) = match step.split_once('?') {
        Some((name, mark)) => (name, serde_json::from_str(mark).ok()),
        None => (step, None),
    };
    let types = name.split_once('[').map(|(name, types)| {
        let types: Vec<&str> = types.trim_end_matches(']').split('|').collect();
        (name, types)
    });
    let is = |member: &str| match &types {
        None => member.strip_prefix('_').unwrap_or(member) == name,
        Some((name, types)) => member.strip_prefix(name).is_some_and(|kind| {
            kind.starts_with(char::is_uppercase) && (types == &["x"] || types.contains(&kind))
        }),
    };
    let members = place.as_object().into_iter().flatten();
    let found = members.filter(|(member, _)| is(member));
    let items = found.flat_map(|(_, value)| match value {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    });
    items
        .filter(|item| !item.is_null())
        .filter(|item| mark.as_ref().is_none_or(|mark| is_marked(mark, item)))
        .collect()
}

fn stands(resource: &Value, way: &str) -> bool {
    let mut places = vec![resource];
    for name in way.split(' ') {
        places = places.into_iter().flat_map(|at| step(at, name)).collect();
    }
    !places.is_empty()
}

/// A line of the list of what is never there: profile, element (in each a `*` stands for anything), reason.
fn absent() -> Vec<(&'static str, &'static str, &'static str)> {
    let lines = ABSENT.lines().filter(|line| !line.starts_with('#'));
    let split = |line: &'static str| {
        let (profile, rest) = line.split_once(' ').expect("a profile");
        let (element, reason) = rest.split_once(": ").expect("an element and a reason");
        assert!(reason.len() > 20, "{line}: a reason is a sentence");
        (profile, element, reason)
    };
    lines.map(split).collect()
}

fn meets(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        Some((begin, end)) => name.starts_with(begin) && name.ends_with(end),
        None => pattern == name,
    }
}

#[test]
fn what_is_to_be_supported_is_there_or_never_is_for_a_reason() {
    let golden = golden();
    let absent = absent();
    let (mut profiles, mut present, mut needed) = (BTreeSet::new(), 0, BTreeSet::new());
    let mut wrong = vec![];
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.splitn(3, ' ');
        let mut part = || parts.next().expect("a profile, an element and a way");
        let (url, element, way) = (part(), part(), part());
        profiles.insert(url);
        let name = url.rsplit('/').next().unwrap_or(url);
        let all = golden.get(url).map_or(&[][..], Vec::as_slice);
        let there = all.iter().any(|resource| stands(resource, way));
        let lines = absent.iter().enumerate();
        let listed: Vec<usize> = lines
            .filter(|(_, (profile, of, _))| meets(profile, name) && meets(of, element))
            .map(|(n, _)| n)
            .collect();
        if there {
            present += 1;
        } else if listed.is_empty() {
            wrong.push(format!("{name} {element} is nowhere"));
        } else {
            needed.extend(listed);
        }
    }
    // A reason that excuses nothing is old.
    for (n, (profile, element, _)) in absent.iter().enumerate() {
        if !needed.contains(&n) {
            wrong.push(format!(
                "{profile} {element} is listed as absent, but is not"
            ));
        }
    }
    let claimed = golden.keys().map(String::as_str);
    let claimed = claimed.filter(|url| PUBLISHERS.iter().any(|of| url.starts_with(of)));
    let unknown: Vec<&str> = claimed.filter(|url| !profiles.contains(url)).collect();
    assert_eq!(unknown, [""; 0], "run scripts/must_support");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(present >= 280, "{present} elements");
}
