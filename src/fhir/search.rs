//! A search: parsed from and printed as a query string, and its interpreter in memory.
//! The store compiles the same data to SQL (<https://hl7.org/fhir/R4/search.html>).

mod chain;
mod include;
mod pair;
mod parse;
mod ready;
mod sort;

pub use chain::{Chain, Way};
pub use include::{Followed, From, Include, Way as IncludeWay};
pub use pair::{PairTest, Part, UriMatch};
pub use parse::{no_modifier, pairs};
pub use sort::{After, Direction, Sort, SortBy, SortKey, SortValue};

use super::compartment::Within;
use super::index::{IndexEntry, IndexValue};
use super::interval::Interval;
use super::parameter::Parameter;
use super::quantity::QuantityTest;
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
    Uri(UriMatch, Vec<String>),
    /// URLs of definitions; those without a version ask for every version.
    Canonical(UriMatch, Vec<String>),
    Quantity(Vec<QuantityTest>),
    /// Two values that stand together.
    Pair(Vec<PairTest>),
    /// What is said of a code begins with one of these (`:text`).
    Says(Vec<String>),
    /// An identifier of a type (`:of-type`).
    OfType(Vec<PairTest>),
    /// The identifier of what is referred to (`:identifier`).
    Identifier(Vec<Token>),
    /// A code of one of these value sets (`:in`), or none of them (`:not-in`), until [`SearchQuery::expand`] lists them.
    In(Presence, Vec<String>),
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
    /// About: a date that was widened by [`SearchQuery::around`], a number by a tenth.
    Ap,
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
            match &mut filter.test {
                Test::Reference(all) => all.iter_mut().for_each(|one| one.relative_to(base)),
                Test::Pair(pairs) => {
                    for pair in pairs {
                        if let Part::Reference(one) = &mut pair.second {
                            one.relative_to(base);
                        }
                    }
                }
                _ => {}
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
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    // Commas separate values, and need no escape (RFC 3986, 3.4): not all who read links undo escapes.
    text.extend_pairs(pairs).finish().replace("%2C", ",")
}

impl Filter {
    /// The name under which the values are indexed that are asked for.
    #[must_use]
    pub const fn param(&self) -> &'static str {
        match self.test {
            Test::Says(_) | Test::OfType(_) | Test::Identifier(_) => self.parameter.beside,
            _ => self.parameter.indexed,
        }
    }

    fn matches(&self, entries: &[IndexEntry]) -> bool {
        let (param, also) = (self.param(), self.also());
        let mut own = entries
            .iter()
            .filter(|e| e.param == param || Some(e.param) == also)
            .map(|e| &e.value)
            .filter(|v| match (self.parameter.target, v) {
                (Some(target), IndexValue::Reference { kind, .. }) => kind == target,
                _ => true,
            });
        match &self.test {
            Test::Missing(Presence::Missing) => own.next().is_none(),
            Test::Missing(Presence::Present) => own.next().is_some(),
            Test::Token(tokens) | Test::Identifier(tokens) => {
                own.any(|v| tokens.iter().any(|t| t.matches(v)))
            }
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
            Test::Says(wanted) => own.any(|v| match v {
                IndexValue::Text { folded, .. } => wanted.iter().any(|w| folded.starts_with(w)),
                _ => false,
            }),
            Test::Uri(how, wanted) | Test::Canonical(how, wanted) => own.any(|v| match v {
                IndexValue::Token { code: text, .. } | IndexValue::Reference { id: text, .. } => {
                    wanted.iter().any(|w| how.matches(w, text))
                }
                _ => false,
            }),
            Test::Quantity(tests) => own.any(|v| match v {
                IndexValue::Quantity(measure) => tests.iter().any(|t| t.matches(measure)),
                _ => false,
            }),
            Test::Pair(pairs) | Test::OfType(pairs) => {
                own.any(|v| pairs.iter().any(|p| p.matches(v)))
            }
            // What is not listed is in none.
            Test::In(..) => false,
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
            Prefix::Ap => value.lo < asked.hi && value.hi > asked.lo,
        }
    }

    /// Widens an `ap` by a tenth of the time that lies between the date and `now`.
    fn widen(&mut self, now: i64) {
        if self.prefix != Prefix::Ap {
            return;
        }
        let Interval { lo, hi } = self.date;
        let gap = if now < lo {
            lo - now
        } else {
            (now - hi).max(0)
        };
        self.date = Interval {
            lo: lo - gap / 10,
            hi: hi + gap / 10,
        };
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
    fn relative_to(&mut self, base: &str) {
        if let Some(key) = relative(&self.id, base).as_deref().and_then(local) {
            self.kind = Some(key.kind.to_string());
            self.id = key.id.to_string();
        }
    }

    fn matches(&self, value: &IndexValue) -> bool {
        let IndexValue::Reference { kind, id } = value else {
            return false;
        };
        self.kind.as_ref().is_none_or(|k| k == kind) && self.id == *id
    }
}

#[cfg(test)]
mod tests;
