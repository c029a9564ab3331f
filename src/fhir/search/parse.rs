//! Reads a search from the pairs of a query string.

mod value;

use self::value::test;
use super::{
    Direction, Filter, Handling, Paging, SearchQuery, Sort, SortBy, SortKey, Total, chain,
};
use crate::error::{Error, Issue, Kind, Result};
use crate::fhir::parameter::{self, Parameter, ParameterKind};
use crate::fhir::shape::{Shape, Summary};

/// Most bytes of a query string.
const MAX_LENGTH: usize = 8 * 1024;
const DEFAULT_COUNT: u32 = 50;
const MAX_COUNT: u32 = 1000;
const MAX_FILTERS: usize = 24;
const MAX_KEYS: usize = 4;

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
            sort: Sort::default(),
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
        let among = if among.is_empty() { &[kind][..] } else { among };
        let mut issues = once(pairs);
        let mut ignored = Vec::new();
        for (name, value) in pairs
            .iter()
            .filter(|(n, v)| !(n.is_empty() && v.is_empty()))
        {
            match query.take(name, value, among, hidden) {
                Ok(true) => {}
                Ok(false) => ignored.push((name, value)),
                Err(error) => issues.extend(error.at(said_of(name)).issues),
            }
        }
        issues.extend(query.settle().err().into_iter().flat_map(|e| e.issues));
        if handling == Handling::Strict {
            issues.extend(
                ignored
                    .iter()
                    .map(|(name, value)| unknown(kind, name, value)),
            );
        }
        if !issues.is_empty() {
            return Err(Error::with_issues(Kind::Invalid, issues));
        }
        let names = ignored.into_iter().map(|(name, _)| printable(name));
        Ok((query, names.collect()))
    }

    /// Takes a parameter, whatever it is; `false` if there is none of that name.
    fn take(
        &mut self,
        name: &str,
        value: &str,
        among: &[&'static str],
        hidden: Hidden<'_>,
    ) -> Result<bool> {
        Ok(!value.is_empty()
            && (self.control(name, value, hidden)?
                || self.accompany(name, value, among, hidden)?
                || self.criterion(name, value, hidden, chain::Reach::WHOLE)?))
    }

    /// What the parameters about the answer say together.
    fn settle(&mut self) -> Result<()> {
        if self.include.len() > MAX_FILTERS {
            let text = format!("At most {MAX_FILTERS} includes are allowed.");
            return Err(invalid(text).at(said_of("_include")));
        }
        match self.shape.summary() {
            Some(Summary::Count) => self.page.count = 0,
            // "The _include and _revinclude parameters cannot be mixed with _summary=text" (FHIR R4 3.1.1.5.8).
            Some(Summary::Text) if !self.include.is_empty() => {
                let text = "With _summary=text nothing can be included.";
                return Err(invalid(text).at(said_of("_summary")));
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
        let test = test(self.kind, parameter, modifier, value)?;
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
fn once(pairs: &[(String, String)]) -> Vec<Issue> {
    let names = [
        "_count", "_total", "_cursor", "_sort", "_format", "_pretty", "_summary",
    ];
    let twice = |name: &&str| pairs.iter().filter(|(own, _)| own == name).count() > 1;
    let issue = |name: &str| issue("value", name, format!("{name} stands twice."));
    names.into_iter().filter(twice).map(issue).collect()
}

/// Where a parameter stands, as FHIR R4 names it (`OperationOutcome.issue.location`).
pub(super) fn said_of(name: &str) -> String {
    format!("http.{}", printable(name))
}

fn issue(code: &'static str, name: &str, text: String) -> Issue {
    Issue {
        code: Some(code),
        text,
        at: Some(said_of(name)),
        ..Issue::default()
    }
}

fn unknown(kind: &str, name: &str, value: &str) -> Issue {
    let shown = printable(name);
    if value.is_empty() {
        let text = format!("The search parameter '{shown}' has no value.");
        return issue("value", name, text);
    }
    let text = format!("{kind} has no search parameter '{shown}'.");
    issue("not-supported", name, text)
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

/// The refusal of a filter's modifier, in the words of one that there is not.
#[must_use]
pub fn no_modifier(filter: &Filter) -> Error {
    let name = &filter.raw.0;
    let modifier = name.split_once(':').map_or("", |(_, modifier)| modifier);
    value::unsupported(filter.parameter, modifier).at(said_of(name))
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
    let keys = value.split(',').map(|key| sort_key(kind, key, hidden));
    let keys = keys.collect::<Result<Vec<SortKey>>>()?;
    if keys.len() > MAX_KEYS {
        return Err(invalid(format!(
            "At most {MAX_KEYS} keys to sort by are allowed."
        )));
    }
    match keys[..] {
        // The order that there is without one.
        [
            SortKey {
                by: SortBy::Id,
                direction: Direction::Up,
            },
        ] => Ok(Sort::default()),
        _ => Ok(Sort(keys)),
    }
}

fn sort_key(kind: &str, key: &str, hidden: Hidden<'_>) -> Result<SortKey> {
    let (name, direction) = key
        .strip_prefix('-')
        .map_or((key, Direction::Up), |name| (name, Direction::Down));
    let found = parameter::find(kind, name).filter(|p| !hidden(kind, p));
    let by = match (name, found) {
        ("_id", _) => SortBy::Id,
        ("_lastUpdated", _) => SortBy::Updated,
        (_, Some(parameter)) if parameter.sorts => SortBy::Date,
        (_, Some(parameter)) if parameter.kind != ParameterKind::Composite => {
            SortBy::Parameter(parameter)
        }
        _ => {
            let name = printable(name);
            let text = format!(
                "{kind} cannot be sorted by '{name}': _sort takes the names of its search parameters but composites, each after '-' to go down."
            );
            return Err(Error::new(Kind::Invalid, text).issue_code("not-supported"));
        }
    };
    Ok(SortKey { by, direction })
}
