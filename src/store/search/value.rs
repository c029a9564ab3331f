//! What a filter asks of a row of its index, as SQL. `SearchQuery::matches` says the same in memory.

use crate::fhir::decimal::whole;
use crate::fhir::parameter::ParameterKind;
use crate::fhir::quantity::{QuantityTest, UnitTest};
use crate::fhir::search::{
    DateTest, Filter, PairTest, Part, Prefix, ReferenceTest, Test, TextMatch, Token, UriMatch,
};
use crate::store::filter::Builder;
use crate::store::sql::Value;

/// The index in which the filter looks.
pub(super) const fn table(filter: &Filter) -> &'static str {
    match (&filter.test, filter.parameter.kind) {
        (Test::Identifier(_), _) => "index_token",
        (Test::Says(_), _) => "index_text",
        (Test::OfType(_), _) => "index_pair",
        (_, kind) => of_kind(kind),
    }
}

/// The index of a kind of parameter.
pub(super) const fn of_kind(kind: ParameterKind) -> &'static str {
    match kind {
        ParameterKind::Token | ParameterKind::Uri => "index_token",
        ParameterKind::Date => "index_date",
        ParameterKind::Text => "index_text",
        ParameterKind::Reference => "index_reference",
        ParameterKind::Quantity | ParameterKind::Number => "index_quantity",
        ParameterKind::Composite => "index_pair",
    }
}

/// The columns of a number and of its unit.
struct Numbers {
    code: &'static str,
    unit: &'static str,
}

const OWN: Numbers = Numbers {
    code: "x.code",
    unit: "x.unit",
};
const SECOND: Numbers = Numbers {
    code: "x.b",
    unit: "x.a",
};

/// Adds the conditions on an index row `x`.
pub(super) fn values(b: &mut Builder, filter: &Filter) {
    b.push(" AND x.param = ").bind(filter.param());
    let identifies = matches!(filter.test, Test::Identifier(_));
    if let Some(target) = filter.parameter.target.filter(|_| !identifies) {
        b.push(" AND x.target_type = ").bind(target);
    }
    match &filter.test {
        Test::Missing(_) => {}
        Test::In(..) => drop(b.push(" AND 1 = 0")),
        Test::Token(tokens) | Test::NotToken(tokens) | Test::Identifier(tokens) => {
            if tokens.iter().all(|t| t.code.is_some()) {
                // Said apart from the systems, so that the index on codes is used.
                list(b, "x.code", tokens.iter().filter_map(|t| t.code.as_deref()));
            }
            if tokens.iter().any(|t| t.system.is_some()) {
                any(b, tokens, |b, t| token(b, t, ["x.system", "x.code"]));
            }
        }
        Test::Date(dates) => {
            any(b, dates, |b, d| date(b, d, ["x.lo", "x.hi"], Into::into));
        }
        Test::Text(how, texts) => any(b, texts, |b, t| text(b, *how, t)),
        Test::Says(texts) => any(b, texts, |b, t| begins(b, "x.folded", t)),
        Test::Reference(references) => {
            list(b, "x.target_id", references.iter().map(|r| r.id.as_str()));
            if references.iter().any(|r| r.kind.is_some()) {
                let columns = ["x.target_type", "x.target_id"];
                any(b, references, |b, r| reference(b, r, columns));
            }
        }
        Test::Uri(how, uris) => uri(b, *how, uris, "x.code"),
        Test::Canonical(how, uris) => uri(b, *how, uris, "x.target_id"),
        Test::Quantity(tests) => any(b, tests, |b, t| quantity(b, t, &OWN)),
        Test::Pair(pairs) | Test::OfType(pairs) => {
            let codes = pairs.iter().filter_map(|p| p.first.code.as_deref());
            if pairs.iter().all(|p| p.first.code.is_some()) {
                list(b, "x.code", codes);
            }
            any(b, pairs, pair);
        }
    }
}

/// Adds ` AND (a OR b …)`.
pub(super) fn any<T>(b: &mut Builder, items: &[T], mut one: impl FnMut(&mut Builder, &T)) {
    b.push(" AND (");
    for (i, item) in items.iter().enumerate() {
        b.push(if i == 0 { "(" } else { " OR (" });
        one(b, item);
        b.push(")");
    }
    b.push(if items.is_empty() { "1 = 0)" } else { ")" });
}

/// Adds ` AND column IN (…)`.
fn list<'v>(b: &mut Builder, column: &str, values: impl Iterator<Item = &'v str>) {
    let mut values = values.peekable();
    if values.peek().is_none() {
        b.push(" AND 1 = 0");
        return;
    }
    b.push(" AND ").push(column).push(" IN (");
    for (i, value) in values.enumerate() {
        b.push(if i == 0 { "" } else { ", " }).bind(value);
    }
    b.push(")");
}

fn token(b: &mut Builder, token: &Token, [system, code]: [&str; 2]) {
    b.push("1 = 1");
    if let Some(own) = &token.code {
        b.push(" AND ").push(code).push(" = ").bind(own.as_str());
    }
    if let Some(own) = &token.system {
        b.push(" AND ").push(system).push(" = ").bind(own.as_str());
    }
}

fn reference(b: &mut Builder, reference: &ReferenceTest, [kind, id]: [&str; 2]) {
    b.push(id).push(" = ").bind(reference.id.as_str());
    if let Some(own) = &reference.kind {
        b.push(" AND ").push(kind).push(" = ").bind(own.as_str());
    }
}

fn uri(b: &mut Builder, how: UriMatch, uris: &[String], column: &str) {
    if how == UriMatch::Whole {
        list(b, column, uris.iter().map(String::as_str));
        return;
    }
    any(b, uris, |b, uri| {
        b.push(column).push(" = ").bind(uri.as_str()).push(" OR (");
        begins(b, column, &UriMatch::stem(uri));
        b.push(")");
    });
}

fn pair(b: &mut Builder, pair: &PairTest) {
    token(b, &pair.first, ["x.system", "x.code"]);
    b.push(" AND (");
    match &pair.second {
        Part::Token(second) => token(b, second, ["x.a", "x.b"]),
        Part::Reference(second) => reference(b, second, ["x.a", "x.b"]),
        Part::Text(second) => begins(b, "x.b", second),
        Part::Date(second) => date(b, second, ["x.lo", "x.hi"], |n| whole(n).into()),
        Part::Quantity(second) => quantity(b, second, &SECOND),
    }
    b.push(")");
}

/// As [`QuantityTest::matches`] says it.
fn quantity(b: &mut Builder, test: &QuantityTest, columns: &Numbers) {
    let (mut lo, mut hi) = ("x.lo", "x.hi");
    match &test.unit {
        UnitTest::Any => drop(b.push("1 = 1")),
        UnitTest::Written(unit) => {
            b.push("(").push(columns.code).push(" = ");
            b.bind(unit.as_str()).push(" OR ").push(columns.unit);
            b.push(" = ").bind(unit.as_str()).push(")");
        }
        UnitTest::Base(base) => {
            b.push("x.base = ").bind(base.as_str());
            (lo, hi) = ("x.base_lo", "x.base_hi");
        }
    }
    b.push(" AND (");
    let (from, at, to) = (&*test.from, &*test.at, &*test.to);
    let within = |b: &mut Builder| {
        b.push(lo).push(" >= ").bind(from);
        b.push(" AND ").push(hi).push(" < ").bind(to);
    };
    match test.prefix {
        Prefix::Eq => within(b),
        Prefix::Ne => {
            b.push("NOT (");
            within(b);
            b.push(")");
        }
        Prefix::Gt => drop(b.push(hi).push(" > ").bind(at)),
        Prefix::Lt => drop(b.push(lo).push(" < ").bind(at)),
        Prefix::Ge => drop(b.push(hi).push(" >= ").bind(at)),
        Prefix::Le => drop(b.push(lo).push(" <= ").bind(at)),
        Prefix::Sa => drop(b.push(lo).push(" > ").bind(at)),
        Prefix::Eb => drop(b.push(hi).push(" < ").bind(at)),
        Prefix::Ap => {
            b.push(lo).push(" <= ").bind(to);
            b.push(" AND ").push(hi).push(" >= ").bind(from);
        }
    }
    b.push(")");
}

/// As [`DateTest::matches`] says it; `value` makes of an instant what the columns hold.
pub(super) fn date(b: &mut Builder, test: &DateTest, [lo, hi]: [&str; 2], value: fn(i64) -> Value) {
    let (from, to) = (value(test.date.lo), value(test.date.hi));
    let within = |b: &mut Builder| {
        b.push(lo).push(" >= ").bind(from.clone());
        b.push(" AND ").push(lo).push(" < ").bind(to.clone());
        b.push(" AND ").push(hi).push(" <= ").bind(to.clone());
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
            b.push(hi).push(" > ").bind(to.clone()).push(" OR ");
            within(b);
        }
        Prefix::Le => {
            b.push(lo).push(" < ").bind(from.clone()).push(" OR ");
            within(b);
        }
        Prefix::Sa => drop(b.push(lo).push(" >= ").bind(to)),
        Prefix::Eb => drop(b.push(hi).push(" <= ").bind(from)),
        Prefix::Ap => {
            b.push(lo).push(" < ").bind(to);
            b.push(" AND ").push(hi).push(" > ").bind(from);
        }
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
        TextMatch::Starts => begins(b, "x.folded", wanted),
    }
}

fn begins(b: &mut Builder, column: &str, wanted: &str) {
    b.push(column).push(" >= ").bind(wanted);
    if let Some(end) = after(wanted) {
        b.push(" AND ").push(column).push(" < ").bind(end);
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
