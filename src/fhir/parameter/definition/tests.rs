use std::collections::BTreeSet;

use super::{Line, canonical, lines};
use crate::fhir::parameter::{self, Parameter, Segment};

/// What would search the text of whole records, which nobody's view of them is cut for (security reference §2.4).
const LEFT_OUT: [&str; 2] = ["_content", "_query"];

/// What finds more than its definition says: whose data an event was is its entity.
const WIDER: [(&str, &str); 1] = [("AuditEvent", "patient")];

/// A path of a definition as the table writes it, without the type that it begins with.
fn path(text: &str, kind: &str) -> String {
    let text = text.trim();
    // `(a.b as Type).c` and `a.b.as(Type)` are `a.bType.c`.
    let (inner, rest) = match text.strip_prefix('(') {
        Some(inner) => inner.split_once(')').expect("a bracket"),
        None => (text, ""),
    };
    let mut out = match inner.split_once(" as ") {
        Some((choice, of)) => format!("{}{}", choice.trim(), upper(of)),
        None => inner.to_owned(),
    };
    out.push_str(rest);
    if let Some((choice, of)) = out.clone().split_once(".as(") {
        let (of, rest) = of.split_once(')').expect("a bracket");
        out = format!("{choice}{}{rest}", upper(of));
    }
    if let Some((before, _)) = out.split_once(".where(resolve()") {
        out = before.to_owned();
    }
    if let Some((before, _)) = out.split_once(".exists()") {
        out = format!("{before}?");
    }
    let out = out.replace(['\'', ' '], "");
    let own = out
        .strip_prefix(kind)
        .or_else(|| out.strip_prefix("Resource"));
    match own {
        Some("") => ".".to_owned(),
        Some(own) => own.trim_start_matches('.').to_owned(),
        None => out,
    }
}

fn upper(of: &str) -> String {
    let mut letters = of.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}

fn wanted(expression: &str, kind: &str) -> BTreeSet<String> {
    expression.split('|').map(|text| path(text, kind)).collect()
}

/// Each path of the table with the choices that it may be.
fn ours(paths: &[Vec<Segment>]) -> Vec<BTreeSet<String>> {
    let one = |path: &Vec<Segment>| {
        let mut all = vec![String::new()];
        for segment in path {
            let names = match segment {
                Segment::Element(name) => vec![(*name).to_owned()],
                Segment::Choice(names) => names.clone(),
                Segment::Where(name, value) => vec![format!("where({name}={value})")],
                Segment::Stands(names) => {
                    let stem = names[0].trim_end_matches("Boolean");
                    vec![format!("{stem}?")]
                }
                Segment::Extension(url) => vec![format!("extension({url})")],
            };
            let longer = |all: &String| -> Vec<String> {
                let dot = if all.is_empty() { "" } else { "." };
                names.iter().map(|n| format!("{all}{dot}{n}")).collect()
            };
            all = all.iter().flat_map(longer).collect();
        }
        let whole = |p: String| if p.is_empty() { ".".to_owned() } else { p };
        all.into_iter().map(whole).collect()
    };
    paths.iter().map(one).collect()
}

/// Whether a path is the one of the definition, or one of the choices that it leaves open.
fn is(own: &str, defined: &str) -> bool {
    let rest = own.strip_prefix(defined);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// What the definition asks for and the table has not, and the other way round.
fn differences(paths: &[Vec<Segment>], defined: &BTreeSet<String>) -> Vec<String> {
    let ours = ours(paths);
    let lacking = defined
        .iter()
        .filter(|w| !ours.iter().flatten().any(|own| is(own, w)))
        .map(|w| format!("lacks {w}"));
    let beyond = ours
        .iter()
        .filter(|any| !any.iter().any(|own| defined.iter().any(|w| is(own, w))))
        .map(|any| format!("has {any:?}"));
    lacking.chain(beyond).collect()
}

fn compare(line: &Line, parameter: &Parameter, kind: &str) -> Vec<String> {
    let indexed = parameter::find(kind, parameter.indexed).expect("an indexed parameter");
    if let Some(parts) = &parameter.parts {
        let mut out = differences(&parts.bases, &wanted(line.more[1], kind));
        out.extend(differences(&parts.first, &wanted(line.more[2], kind)));
        out.extend(differences(&parts.second, &wanted(line.more[3], kind)));
        return out;
    }
    let mut out = differences(&indexed.paths, &wanted(line.more[1], kind));
    let target = line.more[1].split("resolve() is ").nth(1);
    let target = target.and_then(|rest| rest.split(')').next());
    if target != parameter.target {
        out.push(format!("is of {:?}, not {target:?}", parameter.target));
    }
    out
}

#[test]
fn the_table_is_what_the_standard_defines() {
    let mut faults = Vec::new();
    let mut count = 0;
    for line in lines() {
        let kinds: Vec<&str> = match line.kind {
            "Resource" => parameter::kinds().collect(),
            kind => vec![kind],
        };
        for kind in kinds.into_iter().filter(|_| !LEFT_OUT.contains(&line.name)) {
            count += 1;
            let place = format!("{kind} {}", line.name);
            let Some(parameter) = parameter::find(kind, line.name) else {
                faults.push(format!("{place} is missing"));
                continue;
            };
            if parameter.kind.code() != line.more[0] {
                faults.push(format!("{place} is no {}", line.more[0]));
            }
            if WIDER.contains(&(kind, line.name)) {
                continue;
            }
            let all = compare(&line, parameter, kind).into_iter();
            faults.extend(all.map(|fault| format!("{place} {fault}")));
        }
    }
    assert!(count > 700, "{count}");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn every_type_has_its_definitions() {
    for kind in parameter::kinds() {
        assert!(lines().any(|line| line.kind == kind), "{kind}");
    }
}

#[test]
fn a_definition_is_found_by_type_and_name() {
    let url = |kind, name| canonical(kind, name).unwrap_or_default();
    assert_eq!(
        url("Observation", "code"),
        "http://hl7.org/fhir/SearchParameter/clinical-code"
    );
    assert_eq!(
        url("Task", "_id"),
        "http://hl7.org/fhir/SearchParameter/Resource-id"
    );
    assert_eq!(url("Observation", "episode"), "");
}
