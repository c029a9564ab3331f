//! Reads a search from the pairs of a query string.

use super::{
    DateTest, Direction, Filter, Handling, Paging, Prefix, Presence, ReferenceTest, SearchQuery,
    Sort, Test, TextMatch, Token, Total, chain,
};
use crate::error::{Error, Kind, Result};
use crate::fhir::compare::{fold, indexed};
use crate::fhir::index::local;
use crate::fhir::parameter::{self, Parameter, ParameterKind};
use crate::fhir::shape::{Shape, Summary};

/// Most bytes of a query string.
const MAX_LENGTH: usize = 8 * 1024;
const DEFAULT_COUNT: u32 = 50;
const MAX_COUNT: u32 = 1000;
const MAX_FILTERS: usize = 24;
const MAX_VALUES: usize = 64;

/// Decodes the pairs of a query string `a=b&c=d`, strictly: what is not UTF-8 is refused, and so is U+0000.
///
/// # Errors
/// `Invalid`.
pub fn pairs(query: &str) -> Result<Vec<(String, String)>> {
    if query.len() > MAX_LENGTH {
        return Err(Error::new(Kind::Invalid, "A query has at most 8 KiB.").issue_code("too-long"));
    }
    let pairs = url::form_urlencoded::parse(query.as_bytes()).into_owned();
    let pairs: Vec<(String, String)> = pairs.collect();
    let broken = |text: &str| text.contains(['\u{fffd}', '\0']);
    if pairs.iter().any(|(k, v)| broken(k) || broken(v)) {
        return Err(invalid("The query is not percent-encoded UTF-8."));
    }
    Ok(pairs)
}

impl SearchQuery {
    /// Reads a search for `kind`. Also gives the parameters that were left out (none when strict).
    ///
    /// # Errors
    /// `NotSupported` for a type that is not searched; `Invalid` for bad values and modifiers and, when
    /// strict, unknown parameters.
    pub fn parse(
        kind: &str,
        pairs: &[(String, String)],
        handling: Handling,
    ) -> Result<(Self, Vec<String>)> {
        Self::parse_for(kind, &[], pairs, handling, &|_, _| false)
    }

    /// A search for all of `kind`.
    pub(super) fn blank(kind: &'static str) -> Self {
        let page = Paging {
            count: DEFAULT_COUNT,
            cursor: None,
            after: None,
            total: Total::None,
        };
        Self {
            kind,
            among: Vec::new(),
            within: None,
            filters: Vec::new(),
            chains: Vec::new(),
            sort: Sort::Id,
            include: Vec::new(),
            page,
            shape: Shape::default(),
        }
    }

    /// As [`SearchQuery::parse`], for whom a `hidden` parameter of a type is none. Where several types are asked at once,
    /// `among` are all of them.
    ///
    /// # Errors
    /// As [`SearchQuery::parse`].
    pub fn parse_for(
        kind: &str,
        among: &[&'static str],
        pairs: &[(String, String)],
        handling: Handling,
        hidden: Hidden<'_>,
    ) -> Result<(Self, Vec<String>)> {
        let Some(kind) = parameter::kinds().find(|k| *k == kind) else {
            return Err(Error::new(
                Kind::NotSupported,
                "This resource type cannot be searched.",
            ));
        };
        let mut query = Self::blank(kind);
        once(pairs)?;
        let among = if among.is_empty() { &[kind][..] } else { among };
        let mut ignored = Vec::new();
        for (name, value) in pairs
            .iter()
            .filter(|(n, v)| !(n.is_empty() && v.is_empty()))
        {
            if value.is_empty()
                || (!query.control(name, value, hidden)?
                    && !query.accompany(name, value, among, hidden)?
                    && !query.criterion(name, value, hidden, chain::Reach::WHOLE)?)
            {
                ignored.push((name, value));
            }
        }
        query.settle()?;
        if let (Some((name, value)), Handling::Strict) = (ignored.first(), handling) {
            let name = printable(name);
            return Err(invalid(if value.is_empty() {
                format!("The search parameter '{name}' has no value.")
            } else {
                format!("{kind} has no search parameter '{name}'.")
            }));
        }
        let names = ignored.into_iter().map(|(name, _)| printable(name));
        Ok((query, names.collect()))
    }

    /// What the parameters about the answer say together.
    fn settle(&mut self) -> Result<()> {
        if self.include.len() > MAX_FILTERS {
            return Err(invalid(format!(
                "At most {MAX_FILTERS} includes are allowed."
            )));
        }
        match self.shape.summary() {
            Some(Summary::Count) => self.page.count = 0,
            // "The _include and _revinclude parameters cannot be mixed with _summary=text" (FHIR R4 3.1.1.5.8).
            Some(Summary::Text) if !self.include.is_empty() => {
                return Err(invalid("With _summary=text nothing can be included."));
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes a parameter that is about the answer; `false` if it is none.
    fn control(&mut self, name: &str, value: &str, hidden: Hidden<'_>) -> Result<bool> {
        match name {
            "_count" => self.page.count = count(value)?,
            "_total" => self.page.total = total(value)?,
            "_cursor" => self.page.cursor = Some(value.to_owned()),
            "_sort" => self.sort = sort(self.kind, value, hidden)?,
            // These are about the representation and are read elsewhere.
            "_format" | "_pretty" => {}
            _ => return self.shape.take(name, value),
        }
        Ok(true)
    }

    /// Takes a parameter that the resources must meet; `false` if the type has none of that name.
    pub(super) fn filter(&mut self, name: &str, value: &str, hidden: Hidden<'_>) -> Result<bool> {
        let (base, modifier) = name.split_once(':').map_or((name, ""), |(b, m)| (b, m));
        let found = parameter::find(self.kind, base);
        let Some(parameter) = found.filter(|p| !hidden(self.kind, p)) else {
            return Ok(false);
        };
        if self.filters.len() == MAX_FILTERS {
            return Err(invalid(format!(
                "At most {MAX_FILTERS} search parameters are allowed."
            )));
        }
        let test = test(parameter, modifier, value)?;
        let raw = (name.to_owned(), value.to_owned());
        self.filters.push(Filter {
            parameter,
            test,
            raw,
        });
        Ok(true)
    }
}

/// Whether a parameter of a type is none for whoever asks.
pub(super) type Hidden<'h> = &'h dyn Fn(&str, &Parameter) -> bool;

/// What is said of the answer is said once.
fn once(pairs: &[(String, String)]) -> Result<()> {
    for name in [
        "_count", "_total", "_cursor", "_sort", "_format", "_pretty", "_summary",
    ] {
        if pairs.iter().filter(|(own, _)| own == name).count() > 1 {
            return Err(invalid(format!("{name} stands twice.")));
        }
    }
    Ok(())
}

pub(super) fn invalid(text: impl Into<String>) -> Error {
    Error::new(Kind::Invalid, text).issue_code("value")
}

/// A name as it may be shown: short and plain.
pub(super) fn printable(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_graphic)
        .take(64)
        .collect()
}

fn count(value: &str) -> Result<u32> {
    let parsed = value.parse::<u32>();
    parsed
        .map(|n| n.min(MAX_COUNT))
        .map_err(|_| invalid("_count is a whole number."))
}

fn total(value: &str) -> Result<Total> {
    match value {
        "accurate" => Ok(Total::Accurate),
        // Nothing is estimated: the answer has no total, as the standard allows.
        "none" | "estimate" => Ok(Total::None),
        _ => Err(invalid("_total is one of none, estimate, accurate.")),
    }
}

fn sort(kind: &str, value: &str, hidden: Hidden<'_>) -> Result<Sort> {
    let by_date = parameter::sort_date(kind);
    let by_date =
        by_date.filter(|name| !parameter::find(kind, name).is_some_and(|p| hidden(kind, p)));
    let (name, direction) = value
        .strip_prefix('-')
        .map_or((value, Direction::Up), |name| (name, Direction::Down));
    match name {
        "_id" if direction == Direction::Up => Ok(Sort::Id),
        "_lastUpdated" => Ok(Sort::Updated(direction)),
        _ if by_date == Some(name) => Ok(Sort::Date(direction)),
        _ => {
            let date = by_date.map_or(String::new(), |d| format!(", {d}, -{d}"));
            Err(invalid(format!(
                "{kind} can be sorted by one of _id, _lastUpdated, -_lastUpdated{date}."
            )))
        }
    }
}

fn test(parameter: &Parameter, modifier: &str, value: &str) -> Result<Test> {
    use ParameterKind as K;
    if modifier == "missing" {
        return missing(parameter, value).map(Test::Missing);
    }
    let values = split(value, ',');
    if values.len() > MAX_VALUES {
        return Err(invalid(format!("At most {MAX_VALUES} values are allowed.")));
    }
    let plain = || values.iter().map(|v| unescape(v));
    match (parameter.kind, modifier) {
        (K::Token, "") => values
            .iter()
            .map(|v| token(v))
            .collect::<Result<_>>()
            .map(Test::Token),
        (K::Token, "not") if parameter.name != "_id" => values
            .iter()
            .map(|v| token(v))
            .collect::<Result<_>>()
            .map(Test::NotToken),
        (K::Date, "") => {
            let dates = values.iter().map(|v| date(parameter.name, v));
            dates.collect::<Result<_>>().map(Test::Date)
        }
        (K::Text, "") => Ok(Test::Text(
            TextMatch::Starts,
            plain().map(|v| indexed(&fold(&v)).to_owned()).collect(),
        )),
        (K::Text, "contains") => Ok(Test::Text(
            TextMatch::Contains,
            plain().map(|v| indexed(&fold(&v)).to_owned()).collect(),
        )),
        (K::Text, "exact") => Ok(Test::Text(
            TextMatch::Exact,
            plain().map(|v| indexed(&v).to_owned()).collect(),
        )),
        (K::Reference, kind) if kind.is_empty() || parameter::kinds().any(|k| k == kind) => {
            let kind = (!kind.is_empty()).then_some(kind);
            Ok(Test::Reference(
                plain().map(|v| reference(parameter, kind, &v)).collect(),
            ))
        }
        _ => Err(invalid(format!(
            "The modifier ':{}' is not supported on '{}'.",
            printable(modifier),
            parameter.name
        ))),
    }
}

fn missing(parameter: &Parameter, value: &str) -> Result<Presence> {
    match value {
        _ if matches!(parameter.name, "_id" | "_lastUpdated") => {
            Err(invalid(format!("'{}' is never missing.", parameter.name)))
        }
        "true" => Ok(Presence::Missing),
        "false" => Ok(Presence::Present),
        _ => Err(invalid("':missing' is true or false.")),
    }
}

fn token(value: &str) -> Result<Token> {
    let parts = split(value, '|');
    let part = |i: usize| parts.get(i).map(|p| indexed(&unescape(p)).to_owned());
    match (parts.len(), part(0), part(1)) {
        (1, code, _) => Ok(Token { system: None, code }),
        (2, Some(system), Some(code)) if !(system.is_empty() && code.is_empty()) => Ok(Token {
            system: Some(system),
            code: Some(code).filter(|c| !c.is_empty()),
        }),
        _ => Err(invalid(
            "A token is written code, system|code, |code or system|.",
        )),
    }
}

fn date(name: &str, value: &str) -> Result<DateTest> {
    const PREFIXES: [(&str, Prefix); 8] = [
        ("eq", Prefix::Eq),
        ("ne", Prefix::Ne),
        ("gt", Prefix::Gt),
        ("lt", Prefix::Lt),
        ("ge", Prefix::Ge),
        ("le", Prefix::Le),
        ("sa", Prefix::Sa),
        ("eb", Prefix::Eb),
    ];
    let found = PREFIXES
        .iter()
        .find_map(|(p, prefix)| Some((*prefix, value.strip_prefix(p)?)));
    let (prefix, text) = found.unwrap_or((Prefix::Eq, value));
    // An unescaped '+' of an offset arrives as a blank.
    let text = text.replace(' ', "+");
    let date = text.parse().map_err(|rule| {
        invalid(format!(
            "'{name}': {rule}, after one of eq ne gt lt ge le sa eb or nothing."
        ))
    })?;
    Ok(DateTest { prefix, date })
}

fn reference(parameter: &Parameter, kind: Option<&str>, value: &str) -> ReferenceTest {
    let bare = |kind: Option<&str>, id: &str| ReferenceTest {
        kind: kind.map(str::to_owned),
        id: indexed(id).to_owned(),
    };
    match local(value) {
        Some((kind, id)) => bare(Some(kind), id),
        None => bare(kind.or(parameter.target), value),
    }
}

/// Splits at each `mark` that is not escaped; escapes stay.
fn split(value: &str, mark: char) -> Vec<&str> {
    let (mut out, mut start, mut escaped) = (Vec::new(), 0, false);
    for (i, c) in value.char_indices() {
        if c == mark && !escaped {
            out.push(&value[start..i]);
            start = i + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    out.push(&value[start..]);
    out
}

/// Takes the escapes out (FHIR R4 §3.1.1.5.7: `\$`, `\,`, `\|`, `\\`).
fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' {
            chars.next().unwrap_or('\\')
        } else {
            c
        });
    }
    out
}
