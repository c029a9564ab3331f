//! The search parameters as data: which exist, what kind they are, where their values stand
//! (`parameters.txt`; FHIR R4 §3.1.1 <https://hl7.org/fhir/R4/search.html>).

use std::collections::HashMap;
use std::sync::LazyLock;

const TABLE: &str = include_str!("parameters.txt");
const HL7: &str = "http://hl7.org/fhir/StructureDefinition/";
const KAP: &str = "https://kap-interop.example.org/fhir/StructureDefinition/";

/// How the values of a parameter are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParameterKind {
    /// Code in a system; also booleans, identifiers, contact points and URIs.
    Token,
    /// Dates, times and periods, as intervals.
    Date,
    /// Text, without regard to case and accents.
    Text,
    /// Reference to another resource.
    Reference,
}

impl ParameterKind {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "token" => Self::Token,
            "date" => Self::Date,
            "string" => Self::Text,
            "reference" => Self::Reference,
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
    /// Whether the type is sorted by this date.
    pub sorts: bool,
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
    let mut words = line.split_whitespace();
    let (name, kind, path) = (words.next()?, words.next()?, words.next()?);
    if kind == "=" {
        let (other, target) = path
            .split_once(':')
            .map_or((path, None), |(o, t)| (o, Some(t)));
        let of = above.iter().find(|p| p.name == other)?;
        return Some(Parameter {
            name,
            kind: of.kind,
            indexed: other,
            target,
            paths: Vec::new(),
            sorts: false,
        });
    }
    let sorts = kind.ends_with('*');
    let kind = ParameterKind::parse(kind.trim_end_matches('*'))?;
    let paths = path.split('|').map(|p| segments(p, kind)).collect();
    Some(Parameter {
        name,
        kind,
        indexed: name,
        target: None,
        paths,
        sorts,
    })
}

/// Splits a path at the dots outside parentheses.
fn segments(path: &'static str, kind: ParameterKind) -> Vec<Segment> {
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
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        let wanted = lines().filter(|l| !l.starts_with('[')).count();
        let read: usize = PARAMETERS.values().map(Vec::len).sum();
        assert_eq!(read, wanted);
        assert_eq!(kinds().count(), 33);
    }

    #[test]
    fn no_name_twice_and_one_sort_date_at_most() {
        for kind in kinds() {
            let all: Vec<_> = of(kind).into_iter().flatten().collect();
            let mut names: Vec<_> = all.iter().map(|p| p.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all.len(), "{kind}");
            assert!(all.iter().filter(|p| p.sorts).count() <= 1, "{kind}");
        }
    }

    #[test]
    fn paths_are_split_outside_parentheses() {
        let ext = find("Patient", "race").expect("race").paths[0].clone();
        assert_eq!(ext.len(), 3);
        assert_eq!(
            ext[0],
            Segment::Extension(
                "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race".into()
            )
        );
        let phase = &find("EpisodeOfCare", "phase").expect("phase").paths[0];
        assert_eq!(
            phase[0],
            Segment::Extension(format!("{KAP}kap-episode-phase"))
        );
    }

    #[test]
    fn an_alias_takes_the_kind_of_the_parameter_it_names() {
        let patient = find("Observation", "patient").expect("patient");
        assert_eq!(
            (patient.indexed, patient.target),
            ("subject", Some("Patient"))
        );
        assert_eq!(
            find("DetectedIssue", "rule").expect("rule").kind,
            ParameterKind::Token
        );
    }

    #[test]
    fn searches_required_by_us_core_exist() {
        let required = [
            ("Patient", "_id identifier name birthdate gender"),
            ("Encounter", "_id patient date"),
            ("Condition", "patient category"),
            ("Observation", "patient category code date"),
            ("MedicationRequest", "patient intent status"),
            ("Procedure", "patient date"),
            ("DocumentReference", "patient _id type category date"),
            ("CareTeam", "patient status"),
            ("CarePlan", "patient category"),
            ("Goal", "patient"),
            ("RelatedPerson", "patient"),
            ("PractitionerRole", "practitioner specialty"),
        ];
        for (kind, names) in required {
            for name in names.split(' ') {
                assert!(find(kind, name).is_some(), "{kind} {name}");
            }
        }
    }
}
