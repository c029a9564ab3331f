//! The filters of a search as conditions on the resource `r`.
//!
//! One filter drives: it gives the ids by a range of its own index. The others are asked of each resource
//! by key. Where the patient is known, the range is one patient's.

use super::value::{any, date, table, values};
use crate::fhir::parameter;
use crate::fhir::quantity::UnitTest;
use crate::fhir::search::{Filter, Presence, SearchQuery, Test, TextMatch, Token, UriMatch};
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
    /// A patient's, of which an index has the order of their dates.
    OfPatient,
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
                any(b, dates, |b, d| {
                    date(b, d, ["r.at", "r.at + 1"], Into::into);
                });
            }
            _ if driver == Some(i) => drive(b, tenant, query.kind, filter, patient),
            _ => probe(b, filter),
        }
    }
    let by_id = |f: &Filter| f.parameter.name == "_id";
    let by_filter = driver.is_some() || query.filters.iter().any(by_id);
    if patient.is_some() && !by_filter && !led {
        Found::OfPatient
    } else if patient.is_some() || by_filter {
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
                any(b, dates, |b, d| {
                    date(b, d, ["r.at", "r.at + 1"], Into::into);
                });
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
        Test::OfType(_) => Some(0),
        Test::Uri(UriMatch::Whole, _) if !BROAD.contains(&name) => Some(1),
        _ if of_patient => None,
        Test::Reference(_) | Test::Identifier(_) | Test::Canonical(UriMatch::Whole, _) => Some(2),
        Test::Pair(pairs) if pairs.iter().all(|p| p.first.code.is_some()) => Some(3),
        Test::Says(_) => Some(4),
        Test::Quantity(all) if all.iter().all(|q| matches!(q.unit, UnitTest::Base(_))) => Some(6),
        Test::Text(TextMatch::Starts, _) => Some(1),
        Test::Date(_) => Some(5),
        _ => None,
    }
}

fn drive(b: &mut Builder, tenant: &str, kind: &str, filter: &Filter, patient: Option<&str>) {
    b.push(" AND r.id IN (SELECT x.id FROM ")
        .push(table(filter));
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
    b.push(if none { " AND NOT (" } else { " AND (" });
    row(b, table(filter));
    values(b, filter);
    // OFFSET keeps PostgreSQL from turning the look at one row into a join with all that the values match.
    b.push(" LIMIT 1 OFFSET 0)");
    if let Some(beside) = filter.also() {
        b.push(" OR ");
        row(b, "index_token");
        b.push(" AND x.param = ").bind(beside);
        b.push(" LIMIT 1 OFFSET 0)");
    }
    b.push(")");
}

/// Opens the look at a row `x` of the resource.
fn row(b: &mut Builder, table: &'static str) {
    b.push("EXISTS (SELECT 1 FROM ").push(table);
    b.push(" x WHERE x.tenant = r.tenant AND x.type = r.type AND x.id = r.id");
}

/// An id is a token without a system.
fn id(b: &mut Builder, token: &Token) {
    match (&token.system, &token.code) {
        (Some(system), _) if !system.is_empty() => b.push("1 = 0"),
        (_, Some(code)) => b.push("r.id = ").bind(code.as_str()),
        (_, None) => b.push("1 = 1"),
    };
}
