//! The filters of a search as conditions on the resource `r`.
//!
//! One filter drives: it gives the ids by a range of its own index. The others are asked of each resource
//! by key. Where the patient is known, the range is one patient's.

use crate::fhir::parameter::{self, ParameterKind};
use crate::fhir::search::{
    DateTest, Filter, Prefix, Presence, ReferenceTest, SearchQuery, Test, TextMatch, Token,
};
use crate::store::filter::Builder;

/// Token parameters with few values, which many resources share.
const BROAD: [&str; 12] = [
    "status",
    "category",
    "intent",
    "active",
    "clinical-status",
    "verification-status",
    "gender",
    "type",
    "lifecycle-status",
    "priority",
    "_profile",
    "_security",
];

/// The rank of the last driver that few resources meet.
const SHARP: u8 = 2;

/// How the matches of a search are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// By an index of a filter: few, to be sorted afterwards.
    ByFilter,
    /// In the order asked for, until there are enough.
    InOrder,
}

/// Adds ` AND …` for each filter of `query`. Where the search is `led` otherwise, by a
/// compartment or a chain, no filter drives that many resources meet.
pub(super) fn narrow(b: &mut Builder, tenant: &str, query: &SearchQuery, led: bool) -> Found {
    let patient = query.filters.iter().find_map(|f| patient(query.kind, f));
    let rest: Vec<&Filter> = query
        .filters
        .iter()
        .filter(|f| self::patient(query.kind, f).is_none())
        .collect();
    for filter in &query.filters {
        if let Some(patient) = self::patient(query.kind, filter) {
            b.push(" AND r.patient <> '' AND r.patient = ")
                .bind(patient);
        }
    }
    let ranked = rest
        .iter()
        .enumerate()
        .filter_map(|(i, f)| Some((rank(f, patient.is_some())?, i)));
    let driver = ranked.min().filter(|(rank, _)| !led || *rank <= SHARP);
    let driver = driver.map(|(_, i)| i);
    for (i, filter) in rest.into_iter().enumerate() {
        match (&filter.test, filter.parameter.name) {
            (Test::Token(tokens), "_id") => any(b, tokens, id),
            (Test::Date(dates), "_lastUpdated") => {
                any(b, dates, |b, d| date(b, d, "r.at", "r.at + 1"));
            }
            _ if driver == Some(i) => drive(b, tenant, query.kind, filter, patient),
            _ => probe(b, filter),
        }
    }
    let by_id = |f: &Filter| f.parameter.name == "_id";
    if patient.is_some() || driver.is_some() || query.filters.iter().any(by_id) {
        Found::ByFilter
    } else {
        Found::InOrder
    }
}

/// Adds ` AND …` for each filter of `query`, asked of the one resource `r`.
pub(super) fn ask(b: &mut Builder, query: &SearchQuery) {
    for filter in &query.filters {
        match (&filter.test, filter.parameter.name) {
            (Test::Token(tokens), "_id") => any(b, tokens, id),
            (Test::Date(dates), "_lastUpdated") => {
                any(b, dates, |b, d| date(b, d, "r.at", "r.at + 1"));
            }
            _ => probe(b, filter),
        }
    }
}

/// The patient that the filter asks for, where it asks for exactly one.
fn patient<'q>(kind: &str, filter: &'q Filter) -> Option<&'q str> {
    match &filter.test {
        Test::Reference(one)
            if parameter::names_patient(kind, filter.parameter)
                && one.len() == 1
                && one[0].kind.as_deref() == Some("Patient") =>
        {
            Some(&one[0].id)
        }
        _ => None,
    }
}

/// How good a driver the filter is, 0 the best; `None` where it cannot be or need not be one.
fn rank(filter: &Filter, of_patient: bool) -> Option<u8> {
    let name = filter.parameter.name;
    match &filter.test {
        Test::Token(_) | Test::Date(_) if matches!(name, "_id" | "_lastUpdated") => None,
        Test::Token(tokens) if tokens.iter().any(|t| t.code.is_none()) => None,
        Test::Token(_) if name == "identifier" => Some(0),
        Test::Token(_) if !BROAD.contains(&name) => Some(if of_patient { 1 } else { 3 }),
        Test::Token(_) => Some(4),
        _ if of_patient => None,
        Test::Reference(_) => Some(2),
        Test::Text(TextMatch::Starts, _) => Some(1),
        Test::Date(_) => Some(5),
        _ => None,
    }
}

const fn table(kind: ParameterKind) -> &'static str {
    match kind {
        ParameterKind::Token => "index_token",
        ParameterKind::Date => "index_date",
        ParameterKind::Text => "index_text",
        ParameterKind::Reference => "index_reference",
    }
}

fn drive(b: &mut Builder, tenant: &str, kind: &str, filter: &Filter, patient: Option<&str>) {
    b.push(" AND r.id IN (SELECT x.id FROM ")
        .push(table(filter.parameter.kind));
    b.push(" x WHERE x.tenant = ")
        .bind(tenant)
        .push(" AND x.type = ")
        .bind(kind);
    values(b, filter);
    if let (Test::Token(_), Some(patient)) = (&filter.test, patient) {
        b.push(" AND x.patient = ").bind(patient);
    }
    b.push(")");
}

fn probe(b: &mut Builder, filter: &Filter) {
    let none = matches!(
        filter.test,
        Test::NotToken(_) | Test::Missing(Presence::Missing)
    );
    b.push(if none {
        " AND NOT EXISTS"
    } else {
        " AND EXISTS"
    });
    b.push(" (SELECT 1 FROM ")
        .push(table(filter.parameter.kind));
    b.push(" x WHERE x.tenant = r.tenant AND x.type = r.type AND x.id = r.id");
    values(b, filter);
    // OFFSET keeps PostgreSQL from turning the look at one row into a join with all that the values match.
    b.push(" LIMIT 1 OFFSET 0)");
}

/// Adds the conditions on an index row `x`.
fn values(b: &mut Builder, filter: &Filter) {
    b.push(" AND x.param = ").bind(filter.parameter.indexed);
    if let Some(target) = filter.parameter.target {
        b.push(" AND x.target_type = ").bind(target);
    }
    match &filter.test {
        Test::Missing(_) => {}
        Test::Token(tokens) | Test::NotToken(tokens) => {
            if tokens.iter().all(|t| t.code.is_some()) {
                // Said apart from the systems, so that the index on codes is used.
                list(b, "x.code", tokens.iter().filter_map(|t| t.code.as_deref()));
            }
            if tokens.iter().any(|t| t.system.is_some()) {
                any(b, tokens, token);
            }
        }
        Test::Date(dates) => any(b, dates, |b, d| date(b, d, "x.lo", "x.hi")),
        Test::Text(how, texts) => any(b, texts, |b, t| text(b, *how, t)),
        Test::Reference(references) => {
            list(b, "x.target_id", references.iter().map(|r| r.id.as_str()));
            if references.iter().any(|r| r.kind.is_some()) {
                any(b, references, reference);
            }
        }
    }
}

/// Adds ` AND (a OR b …)`.
fn any<T>(b: &mut Builder, items: &[T], mut one: impl FnMut(&mut Builder, &T)) {
    b.push(" AND (");
    for (i, item) in items.iter().enumerate() {
        b.push(if i == 0 { "(" } else { " OR (" });
        one(b, item);
        b.push(")");
    }
    b.push(")");
}

fn list<'v>(b: &mut Builder, column: &str, values: impl Iterator<Item = &'v str>) {
    b.push(" AND ").push(column).push(" IN (");
    for (i, value) in values.enumerate() {
        b.push(if i == 0 { "" } else { ", " }).bind(value);
    }
    b.push(")");
}

fn token(b: &mut Builder, token: &Token) {
    b.push("1 = 1");
    if let Some(code) = &token.code {
        b.push(" AND x.code = ").bind(code.as_str());
    }
    if let Some(system) = &token.system {
        b.push(" AND x.system = ").bind(system.as_str());
    }
}

/// An id is a token without a system.
fn id(b: &mut Builder, token: &Token) {
    match (&token.system, &token.code) {
        (Some(system), _) if !system.is_empty() => b.push("1 = 0"),
        (_, Some(code)) => b.push("r.id = ").bind(code.as_str()),
        (_, None) => b.push("1 = 1"),
    };
}

fn reference(b: &mut Builder, reference: &ReferenceTest) {
    b.push("x.target_id = ").bind(reference.id.as_str());
    if let Some(kind) = &reference.kind {
        b.push(" AND x.target_type = ").bind(kind.as_str());
    }
}

/// As [`DateTest::matches`] says it.
fn date(b: &mut Builder, test: &DateTest, lo: &str, hi: &str) {
    let (from, to) = (test.date.lo, test.date.hi);
    let within = |b: &mut Builder| {
        b.push(lo)
            .push(" >= ")
            .bind(from)
            .push(" AND ")
            .push(lo)
            .push(" < ")
            .bind(to);
        b.push(" AND ").push(hi).push(" <= ").bind(to);
    };
    match test.prefix {
        Prefix::Eq => within(b),
        Prefix::Ne => {
            b.push("NOT (");
            within(b);
            b.push(")");
        }
        Prefix::Gt => drop(b.push(hi).push(" > ").bind(to)),
        Prefix::Lt => drop(b.push(lo).push(" < ").bind(from)),
        Prefix::Ge => {
            b.push(hi).push(" > ").bind(to).push(" OR ");
            within(b);
        }
        Prefix::Le => {
            b.push(lo).push(" < ").bind(from).push(" OR ");
            within(b);
        }
        Prefix::Sa => drop(b.push(lo).push(" >= ").bind(to)),
        Prefix::Eb => drop(b.push(hi).push(" <= ").bind(from)),
    }
}

fn text(b: &mut Builder, how: TextMatch, wanted: &str) {
    match how {
        TextMatch::Exact => drop(b.push("x.exact = ").bind(wanted)),
        TextMatch::Contains => {
            let escaped = wanted
                .replace('\\', "\\\\")
                .replace('%', "\\%")
                .replace('_', "\\_");
            b.push("x.folded LIKE ")
                .bind(format!("%{escaped}%"))
                .push(" ESCAPE '\\'");
        }
        TextMatch::Starts => {
            b.push("x.folded >= ").bind(wanted);
            if let Some(end) = after(wanted) {
                b.push(" AND x.folded < ").bind(end);
            }
        }
    }
}

/// The first text after all that begin with `prefix`.
fn after(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::after;

    #[test]
    fn the_end_of_a_prefix_is_its_successor() {
        assert_eq!(after("ab").as_deref(), Some("ac"));
        assert_eq!(after("a\u{10ffff}").as_deref(), Some("b"));
        assert_eq!(after("\u{d7ff}").as_deref(), Some("\u{e000}"));
        assert_eq!(after(""), None);
    }
}
