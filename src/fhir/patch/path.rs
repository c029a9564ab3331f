//! The part of FHIRPath in which a patch names its place: elements, positions, `where` with equalities, `extension`,
//! `ofType`, `first`, `last`.

use serde_json::Value;

use crate::fhir::structure;

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Element(String),
    Index(usize),
    Last,
    /// Those of which each path has the value, as text.
    Where(Vec<(Vec<String>, String)>),
    OfType(String),
    Extension(String),
}

/// A place in a resource: names and positions.
pub type Place = Vec<String>;

/// Reads a path; `None` for what is not of the part that is understood.
pub fn parse(text: &str) -> Option<Vec<Step>> {
    let mut reader = Reader { rest: text.trim() };
    let mut steps = vec![Step::Element(reader.name()?)];
    loop {
        if reader.rest.is_empty() {
            return Some(steps);
        }
        if reader.eat("[") {
            let end = reader.rest.find(']')?;
            steps.push(Step::Index(reader.rest[..end].trim().parse().ok()?));
            reader.rest = &reader.rest[end + 1..];
            continue;
        }
        if !reader.eat(".") {
            return None;
        }
        let name = reader.name()?;
        steps.push(if reader.eat("(") {
            let step = reader.function(&name)?;
            reader.blank();
            reader.eat(")").then_some(step)?
        } else {
            Step::Element(name)
        });
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn blank(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn name(&mut self) -> Option<String> {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = self.rest.find(|c| !legal(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            .then(|| name.to_owned())
    }

    fn function(&mut self, name: &str) -> Option<Step> {
        self.blank();
        match name {
            "first" => Some(Step::Index(0)),
            "last" => Some(Step::Last),
            "ofType" => {
                let kind = self.name()?;
                let named = (kind == "FHIR" || kind == "System") && self.eat(".");
                Some(Step::OfType(if named { self.name()? } else { kind }))
            }
            "extension" => Some(Step::Extension(self.literal()?)),
            "where" => {
                let mut all = vec![self.equality()?];
                self.blank();
                while self.eat("and ") {
                    all.push(self.equality()?);
                    self.blank();
                }
                Some(Step::Where(all))
            }
            _ => None,
        }
    }

    fn equality(&mut self) -> Option<(Vec<String>, String)> {
        self.blank();
        let mut path = vec![self.name()?];
        while self.eat(".") {
            path.push(self.name()?);
        }
        self.blank();
        if !self.eat("=") {
            return None;
        }
        self.blank();
        Some((path, self.literal()?))
    }

    /// A text in quotes, a truth value or a number.
    fn literal(&mut self) -> Option<String> {
        if !self.eat("'") {
            let end = self.rest.find([' ', ')']).unwrap_or(self.rest.len());
            let (word, rest) = self.rest.split_at(end);
            let plain = matches!(word, "true" | "false") || word.parse::<f64>().is_ok();
            self.rest = rest;
            return plain.then(|| word.to_owned());
        }
        let mut out = String::new();
        let mut letters = self.rest.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\'' => {
                    self.rest = &self.rest[at + 1..];
                    return Some(out);
                }
                '\\' => out.push(match letters.next()?.1 {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    same @ ('\'' | '"' | '\\' | '/' | '`') => same,
                    _ => return None,
                }),
                _ => out.push(letter),
            }
        }
        None
    }
}

/// Where `steps` lead in a resource: every element that they name.
pub fn resolve(resource: &Value, steps: &[Step]) -> Vec<Place> {
    let mut found: Vec<(Place, &Value)> = vec![(vec![], resource)];
    let own = resource["resourceType"].as_str();
    for (i, step) in steps.iter().enumerate() {
        // A path may begin with the type of the resource.
        if i == 0 && matches!(step, Step::Element(name) if Some(&**name) == own) {
            continue;
        }
        found = taken(found, step);
    }
    found.into_iter().map(|(place, _)| place).collect()
}

fn taken<'v>(found: Vec<(Place, &'v Value)>, step: &Step) -> Vec<(Place, &'v Value)> {
    match step {
        Step::Element(name) => found
            .iter()
            .flat_map(|(at, value)| children(at, value, name))
            .collect(),
        Step::Index(n) => found.into_iter().nth(*n).into_iter().collect(),
        Step::Last => found.into_iter().next_back().into_iter().collect(),
        Step::Where(all) => {
            let meets = |value: &Value| all.iter().all(|(path, text)| has(value, path, text));
            found
                .into_iter()
                .filter(|(_, value)| meets(value))
                .collect()
        }
        Step::OfType(kind) => found
            .into_iter()
            .filter(|(at, value)| is_of(at, value, kind))
            .collect(),
        Step::Extension(url) => found
            .iter()
            .flat_map(|(at, value)| children(at, value, "extension"))
            .filter(|(_, value)| value["url"] == url.as_str())
            .collect(),
    }
}

/// The elements of that name, one by one; a choice element by its name without the type.
fn children<'v>(at: &Place, value: &'v Value, name: &str) -> Vec<(Place, &'v Value)> {
    let members = value.as_object().into_iter().flatten();
    let mut out = Vec::new();
    for (member, value) in members {
        if member != name && structure::element(member) != name {
            continue;
        }
        let mut place = at.clone();
        place.push(member.clone());
        match value {
            Value::Array(items) => out.extend(items.iter().enumerate().map(|(n, item)| {
                let mut place = place.clone();
                place.push(n.to_string());
                (place, item)
            })),
            _ => out.push((place, value)),
        }
    }
    out
}

fn has(value: &Value, path: &[String], text: &str) -> bool {
    let mut found = vec![(vec![], value)];
    for name in path {
        found = found
            .iter()
            .flat_map(|(at, value)| children(at, value, name))
            .collect();
    }
    found.iter().any(|(_, value)| match value {
        Value::String(own) => own == text,
        Value::Bool(_) | Value::Number(_) => {
            let own = value.to_string();
            own == text
        }
        _ => false,
    })
}

fn is_of(at: &Place, value: &Value, kind: &str) -> bool {
    if let Some(own) = value["resourceType"].as_str() {
        return own == kind;
    }
    let Some(member) = at
        .iter()
        .rev()
        .find(|step| !step.starts_with(|c: char| c.is_ascii_digit()))
    else {
        return false;
    };
    let stem = structure::element(member);
    let own = member.strip_prefix(stem).unwrap_or_default();
    !own.is_empty() && own.eq_ignore_ascii_case(kind)
}
