//! A search: parsed from and printed as a query string, and its interpreter in memory.
//! The store compiles the same data to SQL (<https://hl7.org/fhir/R4/search.html>).

mod chain;
mod include;
mod parse;

pub use chain::{Chain, Way};
pub use include::{From, Include, Way as IncludeWay};
pub use parse::pairs;

use super::compartment::Within;
use super::index::{IndexEntry, IndexValue};
use super::interval::Interval;
use super::parameter::Parameter;
use super::reference::{local, relative};
use super::resource::Key;
use super::shape::Shape;

/// What to do with parameters that are not known (`Prefer: handling=`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// Refuse the search.
    Strict,
    /// Leave them out and list them.
    Lenient,
}

/// A search over one resource type.
#[derive(Clone, Debug)]
pub struct SearchQuery {
    /// Resource type.
    pub kind: &'static str,
    /// Where several types are asked at once, all of them, this one too.
    pub among: Vec<&'static str>,
    /// Whose compartment the matches are in.
    pub within: Option<Within>,
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// And all of these.
    pub chains: Vec<Chain>,
    pub sort: Sort,
    pub include: Vec<Include>,
    pub page: Paging,
    /// What of each resource is asked for.
    pub shape: Shape,
}

/// One parameter of the query.
#[derive(Clone, Debug)]
pub struct Filter {
    pub parameter: &'static Parameter,
    pub test: Test,
    /// Name with modifier, and value, as received.
    raw: (String, String),
}

/// What is asked of a resource's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Whether there is no value.
    Missing(Presence),
    /// One value is one of these.
    Token(Vec<Token>),
    /// No value is one of these.
    NotToken(Vec<Token>),
    Date(Vec<DateTest>),
    Text(TextMatch, Vec<String>),
    Reference(Vec<ReferenceTest>),
}

/// The value of `:missing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    Missing,
    Present,
}

/// `system|code`; a part that is `None` is not asked for, an empty system asks for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub system: Option<String>,
    pub code: Option<String>,
}

/// The prefix of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
    Sa,
    Eb,
}

/// A date with its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTest {
    pub prefix: Prefix,
    pub date: Interval,
}

/// How text is compared: as a prefix or a part of the folded text, or exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextMatch {
    Starts,
    Contains,
    Exact,
}

/// `Type/id` or `id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceTest {
    pub kind: Option<String>,
    pub id: String,
}

/// `_sort`; equal keys are ordered by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// By id: the order when none is asked for.
    Id,
    Updated(Direction),
    /// By the type's date.
    Date(Direction),
}

/// Ascending or descending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

/// The last row of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// Its sort value; 0 where the order is by id alone.
    pub value: i64,
    pub id: String,
}

/// Which part of the matches to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    /// Matches per page; 0 asks for the total alone.
    pub count: u32,
    /// The cursor that the page before gave, as it came.
    pub cursor: Option<String>,
    /// What it says, once it was opened.
    pub after: Option<After>,
    pub total: Total,
}

/// `_total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    None,
    Accurate,
}

impl SearchQuery {
    /// The same, reading absolute references to this server (whose FHIR API is at `base`) as the relative ones that are
    /// stored.
    #[must_use]
    pub fn relative_to(mut self, base: &str) -> Self {
        self.make_relative(base);
        self
    }

    fn make_relative(&mut self, base: &str) {
        let chained = self.chains.iter_mut().flat_map(|c| &mut c.others);
        chained.for_each(|other| other.make_relative(base));
        for filter in &mut self.filters {
            if let Test::Reference(all) = &mut filter.test {
                for one in all {
                    if let Some(key) = relative(&one.id, base).as_deref().and_then(local) {
                        one.kind = Some(key.kind.to_string());
                        one.id = key.id.to_string();
                    }
                }
            }
        }
    }

    /// The query string of this search, for `self` links; without a leading `?`.
    #[must_use]
    pub fn print(&self) -> String {
        let mut pairs = self.criteria();
        pairs.extend(self.shape.pairs());
        let page = &self.page;
        pairs.push(("_count".into(), page.count.to_string()));
        if page.total == Total::Accurate {
            pairs.push(("_total".into(), "accurate".into()));
        }
        pairs.extend(page.cursor.iter().map(|c| ("_cursor".into(), c.clone())));
        encode(&pairs)
    }

    /// What makes two pages pages of one search: filters and order.
    #[must_use]
    pub fn identity(&self) -> String {
        let within = self.within.as_ref();
        let within = within.map_or(String::new(), |w| format!("{}/{}/", w.of, w.id));
        format!("{within}{}?{}", self.kind, encode(&self.criteria()))
    }

    /// Whether nothing is asked of a match but its type.
    #[must_use]
    pub fn asks_nothing(&self) -> bool {
        self.filters.is_empty() && self.chains.is_empty()
    }

    fn criteria(&self) -> Vec<(String, String)> {
        let among = (!self.among.is_empty()).then(|| ("_type".into(), self.among.join(",")));
        let mut pairs: Vec<(String, String)> = among.into_iter().collect();
        pairs.extend(self.filters.iter().map(|f| f.raw.clone()));
        pairs.extend(self.chains.iter().map(|c| c.raw.clone()));
        if let Some(sort) = self.sort.print(self.kind) {
            pairs.push(("_sort".into(), sort));
        }
        pairs.extend(self.include.iter().map(Include::print));
        pairs
    }

    /// Whether a resource of this type with these values meets the filters.
    #[must_use]
    pub fn matches(&self, entries: &[IndexEntry]) -> bool {
        self.filters.iter().all(|f| f.matches(entries))
    }

    /// Whether the resource `own` of this type with these values is a match, `all` being the records that there are.
    #[must_use]
    pub fn matches_among(
        &self,
        own: &Key,
        entries: &[IndexEntry],
        all: &[(Key, Vec<IndexEntry>)],
    ) -> bool {
        self.matches(entries) && self.chains.iter().all(|c| c.matches(own, entries, all))
    }
}

fn encode(pairs: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

impl Filter {
    fn matches(&self, entries: &[IndexEntry]) -> bool {
        let mut own = entries
            .iter()
            .filter(|e| e.param == self.parameter.indexed)
            .map(|e| &e.value)
            .filter(|v| match (self.parameter.target, v) {
                (Some(target), IndexValue::Reference { kind, .. }) => kind == target,
                _ => true,
            });
        match &self.test {
            Test::Missing(Presence::Missing) => own.next().is_none(),
            Test::Missing(Presence::Present) => own.next().is_some(),
            Test::Token(tokens) => own.any(|v| tokens.iter().any(|t| t.matches(v))),
            Test::NotToken(tokens) => !own.any(|v| tokens.iter().any(|t| t.matches(v))),
            Test::Date(dates) => own.any(|v| match v {
                IndexValue::Date(i) => dates.iter().any(|d| d.matches(*i)),
                _ => false,
            }),
            Test::Text(how, wanted) => own.any(|v| match v {
                IndexValue::Text { folded, exact } => {
                    wanted.iter().any(|w| how.matches(w, folded, exact))
                }
                _ => false,
            }),
            Test::Reference(references) => own.any(|v| references.iter().any(|r| r.matches(v))),
        }
    }
}

impl Token {
    fn matches(&self, value: &IndexValue) -> bool {
        let IndexValue::Token { system, code } = value else {
            return false;
        };
        self.system.as_ref().is_none_or(|s| s == system)
            && self.code.as_ref().is_none_or(|c| c == code)
    }
}

impl DateTest {
    /// FHIR R4 §3.1.1.5.6: the value is an interval, and so is the date that is asked for.
    #[must_use]
    pub fn matches(self, value: Interval) -> bool {
        let (asked, within) = (self.date, value.within(self.date));
        match self.prefix {
            Prefix::Eq => within,
            Prefix::Ne => !within,
            Prefix::Gt => value.hi > asked.hi,
            Prefix::Lt => value.lo < asked.lo,
            Prefix::Ge => value.hi > asked.hi || within,
            Prefix::Le => value.lo < asked.lo || within,
            Prefix::Sa => value.lo >= asked.hi,
            Prefix::Eb => value.hi <= asked.lo,
        }
    }
}

impl TextMatch {
    /// `wanted` is folded already unless the match is exact.
    fn matches(self, wanted: &str, folded: &str, exact: &str) -> bool {
        match self {
            Self::Starts => folded.starts_with(wanted),
            Self::Contains => folded.contains(wanted),
            Self::Exact => exact == wanted,
        }
    }
}

impl ReferenceTest {
    fn matches(&self, value: &IndexValue) -> bool {
        let IndexValue::Reference { kind, id } = value else {
            return false;
        };
        self.kind.as_ref().is_none_or(|k| k == kind) && self.id == *id
    }
}

impl Sort {
    fn print(self, kind: &str) -> Option<String> {
        let (name, direction) = match self {
            Self::Id => return None,
            Self::Updated(direction) => ("_lastUpdated", direction),
            Self::Date(direction) => (super::parameter::sort_date(kind)?, direction),
        };
        let sign = if direction == Direction::Down {
            "-"
        } else {
            ""
        };
        Some(format!("{sign}{name}"))
    }
}

#[cfg(test)]
mod tests;
