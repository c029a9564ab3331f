//! The tables of the standard, read once.

use std::collections::HashMap;

use crate::fhir::definitions::codes::Set;
use crate::fhir::fhirpath::Expression;

const ELEMENTS: &str = include_str!("elements.txt");
const INVARIANTS: &str = include_str!("invariants.txt");

/// A type that an element may have.
#[derive(Debug)]
pub struct Kind {
    /// Such as `Quantity`, `string`, `Patient.contact`; `Resource` where the value says its type.
    pub name: &'static str,
    /// The JSON name of the element where it has this type: `valueQuantity`.
    pub json: String,
    /// Of a Reference: the resource types that it may point at; empty where any may stand.
    pub targets: Vec<&'static str>,
    pub(super) index: Option<usize>,
}

/// How strictly an element's codes are bound (<https://hl7.org/fhir/R4/terminologies.html#strength>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    Required,
    /// Other codes may be chosen, but none from beyond this set (`maxValueSet`); a text alone is well.
    Limit,
    Extensible,
}

/// What an element's codes are bound to.
#[derive(Debug)]
pub struct Binding {
    pub strength: Strength,
    pub name: &'static str,
    pub set: &'static Set,
}

/// How bad it is to break a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
    Information,
}

/// A rule of the standard, or of a profile.
#[derive(Debug)]
pub struct Rule {
    pub key: &'static str,
    pub severity: Severity,
    /// What it says, in the words of the standard.
    pub human: &'static str,
    pub expression: Expression,
}

/// An element of a type.
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the table")]
#[derive(Debug)]
pub struct Element {
    /// The name in FHIRPath; of a choice element without its type.
    pub name: &'static str,
    /// The JSON name of what stands beside a primitive: `_status`. Empty for a choice element.
    pub beside: String,
    pub min: u32,
    pub list: bool,
    pub choice: bool,
    pub summary: bool,
    pub modifier: bool,
    pub kinds: Vec<Kind>,
    pub binding: Option<Binding>,
    /// Rules of this element beside those of its type.
    pub rules: Vec<&'static Rule>,
}

/// A type and its elements.
#[derive(Debug)]
pub struct Type {
    pub name: &'static str,
    pub resource: bool,
    pub elements: Vec<Element>,
    pub rules: Vec<&'static Rule>,
    by_json: HashMap<String, (usize, usize)>,
    by_path: HashMap<&'static str, usize>,
}

impl Type {
    /// The element that the member of that name is, and the type that the name gives it.
    #[must_use]
    pub fn json(&self, member: &str) -> Option<(&Element, &Kind)> {
        let (element, kind) = *self.by_json.get(member)?;
        let element = &self.elements[element];
        Some((element, &element.kinds[kind]))
    }

    /// The element of that FHIRPath name.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<&Element> {
        self.by_path.get(name).map(|index| &self.elements[*index])
    }

    /// The place of that element among the elements.
    #[must_use]
    pub fn place(&self, member: &str) -> Option<usize> {
        self.by_json.get(member).map(|(element, _)| *element)
    }
}

#[derive(Debug)]
pub(super) struct Tables {
    pub types: Vec<Type>,
    pub placed: usize,
    by_name: HashMap<&'static str, usize>,
}

impl Tables {
    pub fn named(&self, name: &str) -> Option<&Type> {
        self.by_name.get(name).map(|index| &self.types[*index])
    }
}

pub(super) fn read() -> Tables {
    let mut types: Vec<Type> = Vec::new();
    for line in ELEMENTS.lines().filter(|line| !line.starts_with('#')) {
        match (line.strip_prefix(' '), types.last_mut()) {
            (Some(text), Some(own)) => own.elements.extend(element(text)),
            _ => types.extend(begun(line)),
        }
    }
    let by_name: HashMap<&str, usize> = types.iter().map(|t| t.name).zip(0..).collect();
    for own in &mut types {
        for (n, element) in own.elements.iter_mut().enumerate() {
            own.by_path.insert(element.name, n);
            for (k, kind) in element.kinds.iter_mut().enumerate() {
                kind.index = by_name.get(kind.name).copied();
                own.by_json.insert(kind.json.clone(), (n, k));
            }
        }
    }
    let mut tables = Tables {
        types,
        placed: 0,
        by_name,
    };
    tables.rules();
    tables
}

fn begun(line: &'static str) -> Option<Type> {
    let (kind, name) = line.split_once(' ')?;
    Some(Type {
        name,
        resource: kind == "resource",
        elements: Vec::new(),
        rules: Vec::new(),
        by_json: HashMap::new(),
        by_path: HashMap::new(),
    })
}

fn element(text: &'static str) -> Option<Element> {
    let mut words = text.split(' ');
    let (name, card, types) = (words.next()?, words.next()?, words.next()?);
    let (min, max) = card.split_once("..")?;
    let (stem, choice) = name
        .strip_suffix("[x]")
        .map_or((name, false), |stem| (stem, true));
    let mut own = Element {
        name: stem,
        beside: if choice {
            String::new()
        } else {
            format!("_{stem}")
        },
        min: min.parse().ok()?,
        list: max != "1",
        choice,
        summary: false,
        modifier: false,
        kinds: types
            .split(',')
            .map(|text| kind(text, stem, choice))
            .collect(),
        binding: None,
        rules: Vec::new(),
    };
    for word in words {
        let bound = [
            ('=', Strength::Required),
            ('<', Strength::Limit),
            ('~', Strength::Extensible),
        ];
        let bound = bound
            .into_iter()
            .find_map(|(mark, strength)| Some((strength, word.strip_prefix(mark)?)));
        if let Some((strength, name)) = bound {
            own.binding = super::codes::set(name).map(|set| Binding {
                strength,
                name,
                set,
            });
        } else {
            own.summary = word.contains('S');
            own.modifier = word.contains('M');
        }
    }
    Some(own)
}

fn kind(text: &'static str, stem: &'static str, choice: bool) -> Kind {
    let (name, targets) = match text.split_once('(') {
        Some((name, targets)) => (name, targets.trim_end_matches(')').split('|').collect()),
        None => (text, Vec::new()),
    };
    let json = if choice {
        let (first, rest) = name.split_at(1);
        format!("{stem}{}{rest}", first.to_ascii_uppercase())
    } else {
        stem.to_owned()
    };
    Kind {
        name,
        json,
        targets,
        index: None,
    }
}

impl Tables {
    fn rules(&mut self) {
        for line in INVARIANTS.lines().filter(|line| !line.starts_with('#')) {
            let mut parts = line.splitn(5, '\t');
            let (Some(key), Some(severity), Some(places), Some(human), Some(text)) = (
                parts.next(),
                parts.next(),
                parts.next(),
                parts.next(),
                parts.next(),
            ) else {
                continue;
            };
            // That all of them can be read is tested.
            let Ok(expression) = Expression::new(text) else {
                continue;
            };
            let severity = match severity {
                "error" => Severity::Error,
                _ => Severity::Warning,
            };
            let rule: &'static Rule = Box::leak(Box::new(Rule {
                key,
                severity,
                human,
                expression,
            }));
            for place in places.split(' ') {
                self.place(place, rule);
            }
        }
    }

    fn place(&mut self, place: &str, rule: &'static Rule) {
        self.placed += 1;
        if place == "DomainResource" {
            let all = self.types.iter_mut().filter(|own| own.resource);
            all.filter(|own| own.by_path.contains_key("contained"))
                .for_each(|own| own.rules.push(rule));
        } else if let Some(index) = self.by_name.get(place) {
            self.types[*index].rules.push(rule);
        } else if let Some((own, name)) = place.rsplit_once('.')
            && let Some(index) = self.by_name.get(own)
        {
            let own = &mut self.types[*index];
            if let Some(n) = own.by_path.get(name.trim_end_matches("[x]")) {
                own.elements[*n].rules.push(rule);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_standard_can_be_read() {
        for line in INVARIANTS.lines().filter(|line| !line.starts_with('#')) {
            let text = line.rsplit('\t').next().expect("an expression");
            assert!(Expression::new(text).is_ok(), "{line}");
        }
    }
}
