//! The search parameters as data: which exist, what kind they are, where their values stand
//! (`parameters.txt`; FHIR R4 §3.1.1 <https://hl7.org/fhir/R4/search.html>).

pub mod definition;
mod implied;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use self::implied::implies;

const TABLE: &str = include_str!("parameters.txt");
const HL7: &str = "http://hl7.org/fhir/StructureDefinition/";
const KAP: &str = "https://kap-interop.example.org/fhir/StructureDefinition/";

/// How the values of a parameter are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParameterKind {
    /// Code in a system; also booleans, identifiers and contact points.
    Token,
    /// Dates, times and periods, as intervals.
    Date,
    /// Text, without regard to case and accents.
    Text,
    /// Reference to another resource.
    Reference,
    /// URI, compared whole or by its beginning.
    Uri,
    /// Number with a unit.
    Quantity,
    /// Number.
    Number,
    /// Two values that stand together.
    Composite,
}

impl ParameterKind {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "token" => Self::Token,
            "date" => Self::Date,
            "string" => Self::Text,
            "reference" | "canonical" => Self::Reference,
            "uri" => Self::Uri,
            "quantity" => Self::Quantity,
            "number" => Self::Number,
            "composite" => Self::Composite,
            _ => return None,
        })
    }

    /// The suffixes of a choice element (`value[x]`) that this kind can hold.
    fn choices(self) -> &'static [&'static str] {
        match self {
            Self::Token => &["CodeableConcept", "Coding", "Code", "Boolean"],
            Self::Date => &["DateTime", "Period", "Date", "Instant", "Timing"],
            Self::Text => &["String"],
            Self::Reference => &["Reference"],
            Self::Uri => &["Uri"],
            Self::Quantity => &["Quantity", "SampledData"],
            Self::Number => &["Integer", "Decimal"],
            Self::Composite => &[],
        }
    }

    /// The `SearchParamType` code of FHIR.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Date => "date",
            Self::Text => "string",
            Self::Reference => "reference",
            Self::Uri => "uri",
            Self::Quantity => "quantity",
            Self::Number => "number",
            Self::Composite => "composite",
        }
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// A JSON element.
    Element(&'static str),
    /// The extensions with this URL.
    Extension(String),
    /// A choice element: every one of these names.
    Choice(Vec<String>),
    /// No step: only elements whose element of this name has this value.
    Where(&'static str, &'static str),
    /// Whether one of these elements is there and is not false.
    Stands(Vec<String>),
}

/// Where the parts of a composite stand, each below the same base.
#[derive(Clone, Debug)]
pub struct Parts {
    pub bases: Vec<Vec<Segment>>,
    /// The first part: tokens.
    pub first: Vec<Vec<Segment>>,
    pub second: Vec<Vec<Segment>>,
    /// Kind of the second part.
    pub kind: ParameterKind,
}

/// A search parameter of one resource type.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Name in the query.
    pub name: &'static str,
    /// Kind of its values.
    pub kind: ParameterKind,
    /// The parameter under whose name the values are indexed; another one where two share their values.
    pub indexed: &'static str,
    /// Only references to this type are values.
    pub target: Option<&'static str>,
    /// Where the values stand; empty where another parameter indexes them.
    pub paths: Vec<Vec<Segment>>,
    /// Whether this is the date of the type.
    pub sorts: bool,
    /// Whether the references are URLs of definitions.
    pub canonical: bool,
    /// The parts of a composite.
    pub parts: Option<Parts>,
    /// The version of the index since which its values are as they are now.
    pub since: i64,
    /// The name under which is indexed what its modifiers look at: words of a code, type of an identifier, identifier of
    /// a reference.
    pub beside: &'static str,
}

static PARAMETERS: LazyLock<HashMap<&'static str, Vec<Parameter>>> = LazyLock::new(|| {
    let mut table: HashMap<&'static str, Vec<Parameter>> = HashMap::new();
    let mut section = "*";
    for line in lines() {
        if let Some(kind) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = kind;
            continue;
        }
        let rows = table.entry(section).or_default();
        rows.extend(parse_line(line, rows));
    }
    table
});

fn lines() -> impl Iterator<Item = &'static str> {
    let content = TABLE.lines().map(str::trim);
    content.filter(|l| !l.is_empty() && !l.starts_with('#'))
}

fn parse_line(line: &'static str, above: &[Parameter]) -> Option<Parameter> {
    let (line, since) = line.split_once('@').unwrap_or((line, "1"));
    let since = since.parse().ok()?;
    let mut words = line.split_whitespace();
    let (name, word, path) = (words.next()?, words.next()?, words.next()?);
    if word == "=" {
        let (other, target) = path
            .split_once(':')
            .map_or((path, None), |(o, t)| (o, Some(t)));
        let of = above.iter().find(|p| p.name == other)?;
        return Some(Parameter {
            name,
            target,
            paths: Vec::new(),
            sorts: false,
            ..of.clone()
        });
    }
    let (word, target) = word
        .split_once(':')
        .map_or((word, None), |(word, target)| (word, Some(target)));
    let kind = ParameterKind::parse(word.trim_end_matches('*'))?;
    let (paths, parts) = match kind {
        ParameterKind::Composite => {
            let parts = Parts::parse(path, words.next()?, words.next()?)?;
            (parts.paths(), Some(parts))
        }
        _ => (path.split('|').map(|p| segments(p, kind)).collect(), None),
    };
    Some(Parameter {
        name,
        kind,
        indexed: name,
        target,
        paths,
        sorts: word.ends_with('*'),
        canonical: word == "canonical",
        parts,
        since,
        // The table is read once: its names live as long as the program.
        beside: Box::leak(format!("{name}:").into_boxed_str()),
    })
}

impl Parts {
    fn parse(base: &'static str, first: &'static str, second: &'static str) -> Option<Self> {
        let (second, kind) = second.split_once(':')?;
        let kind = ParameterKind::parse(kind)?;
        let paths = |text: &'static str, mark, kind| -> Vec<Vec<Segment>> {
            text.split(mark).map(|p| segments(p, kind)).collect()
        };
        Some(Self {
            bases: paths(base, '|', kind),
            first: paths(first, ',', ParameterKind::Token),
            second: paths(second, ',', kind),
            kind,
        })
    }

    /// Where all of it stands.
    fn paths(&self) -> Vec<Vec<Segment>> {
        let parts = || self.first.iter().chain(&self.second);
        let below = |base: &Vec<Segment>| -> Vec<Vec<Segment>> {
            parts()
                .map(|part| [base.as_slice(), part].concat())
                .collect()
        };
        self.bases.iter().flat_map(below).collect()
    }
}

/// Splits a path at the dots outside parentheses.
fn segments(path: &'static str, kind: ParameterKind) -> Vec<Segment> {
    if path == "." {
        return Vec::new();
    }
    let (mut out, mut start, mut depth) = (Vec::new(), 0, 0);
    for (i, c) in path.char_indices().chain([(path.len(), '.')]) {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            '.' if depth == 0 => {
                out.push(segment(&path[start..i], kind));
                start = i + 1;
            }
            _ => {}
        }
    }
    out
}

fn segment(text: &'static str, kind: ParameterKind) -> Segment {
    if let Some(url) = text.strip_prefix("ext(").and_then(|t| t.strip_suffix(')')) {
        let full = url.strip_prefix("hl7:").map(|n| format!("{HL7}{n}"));
        let full = full.or_else(|| url.strip_prefix("kap:").map(|n| format!("{KAP}{n}")));
        return Segment::Extension(full.unwrap_or_else(|| url.to_owned()));
    }
    let own = text
        .strip_prefix("where(")
        .and_then(|t| t.strip_suffix(')'));
    if let Some((name, value)) = own.and_then(|own| own.split_once('=')) {
        return Segment::Where(name, value);
    }
    if let Some(stem) = text.strip_suffix('?') {
        let types = ["Boolean", "DateTime"];
        return Segment::Stands(types.map(|t| format!("{stem}{t}")).to_vec());
    }
    match text.strip_suffix("[]") {
        Some(stem) => Segment::Choice(
            kind.choices()
                .iter()
                .map(|c| format!("{stem}{c}"))
                .collect(),
        ),
        None => Segment::Element(text),
    }
}

/// The resource types that can be searched, in no order.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    PARAMETERS.keys().copied().filter(|k| *k != "*")
}

/// The parameters of `kind`, those of every type first; `None` where the type is not searched.
#[must_use]
pub fn of(kind: &str) -> Option<impl Iterator<Item = &'static Parameter>> {
    let own = PARAMETERS.get(kind).filter(|_| kind != "*")?;
    Some(PARAMETERS.get("*").into_iter().flatten().chain(own))
}

/// The parameters of every type.
pub fn common() -> impl Iterator<Item = &'static Parameter> {
    PARAMETERS.get("*").into_iter().flatten()
}

/// The parameter `name` of `kind`, if there is one.
#[must_use]
pub fn find(kind: &str, name: &str) -> Option<&'static Parameter> {
    of(kind)?.find(|p| p.name == name)
}

/// Where the values of a parameter of `kind` stand, those of a parameter that shares another one's values too.
pub fn paths(kind: &str, parameter: &Parameter) -> impl Iterator<Item = &'static [Segment]> {
    let indexed = find(kind, parameter.indexed);
    indexed
        .into_iter()
        .flat_map(|p| &p.paths)
        .map(Vec::as_slice)
}

/// The name of the date parameter by which `kind` is sorted.
#[must_use]
pub fn sort_date(kind: &str) -> Option<&'static str> {
    of(kind)?.find(|p| p.sorts).map(|p| p.name)
}

/// Whether `parameter` of `kind` says whose record it is, with one value at most, so that it equals
/// the resource's patient.
#[must_use]
pub fn names_patient(kind: &str, parameter: &Parameter) -> bool {
    !matches!(kind, "Appointment" | "Provenance")
        && matches!(parameter.indexed, "patient" | "subject")
        && parameter.kind == ParameterKind::Reference
}

#[cfg(test)]
mod tests;
