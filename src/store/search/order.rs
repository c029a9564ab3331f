//! Matches in an order of several keys, or of one that is no column of the record: each key is a look into its index.

use super::value::of_kind;
use crate::fhir::parameter::{Parameter, ParameterKind};
use crate::fhir::search::{After, Direction, SearchQuery, SortBy, SortKey, SortValue};
use crate::store::filter::Builder;
use crate::store::sql::{Row, Value};
use crate::store::view::{COLUMNS, View, WIDTH};

/// Where the list goes on after this row.
pub(super) fn after(query: &SearchQuery, row: &Row) -> After {
    let value = |i: usize| match row.0.get(WIDTH + i) {
        Some(Value::Int(n)) => SortValue::Number(*n),
        Some(Value::Text(text)) => SortValue::Text(text.to_string()),
        Some(Value::Null) | None => SortValue::Missing,
    };
    After {
        keys: (0..query.sort.0.len()).map(value).collect(),
        id: row.text(1).to_string(),
    }
}

impl View<'_> {
    pub(super) fn ordered(&self, query: &SearchQuery) -> Builder {
        let keys = &query.sort.0;
        let mut b = Builder::default();
        b.push("SELECT ").push(COLUMNS);
        for i in 0..keys.len() {
            b.push(", k.v").push(&i.to_string());
        }
        b.push(" FROM (SELECT * FROM (SELECT r.id");
        for (i, key) in keys.iter().enumerate() {
            b.push(", ");
            value(&mut b, key);
            b.push(" AS v").push(&i.to_string());
        }
        self.matching(&mut b, query);
        b.push(") s");
        if let Some(after) = &query.page.after {
            b.push(" WHERE ");
            beyond(&mut b, query, after);
        }
        b.push(" ORDER BY ");
        order(&mut b, query, "s");
        b.push(" LIMIT ").bind(i64::from(query.page.count) + 1);
        self.with_bodies(&mut b, query);
        order(&mut b, query, "k");
        b
    }
}

/// Adds the value of a key; null where there is none.
fn value(b: &mut Builder, key: &SortKey) {
    match key.by {
        SortBy::Id => drop(b.push("r.id")),
        SortBy::Updated => drop(b.push("r.at")),
        SortBy::Date => drop(b.push("r.date")),
        SortBy::Parameter(parameter) => {
            let best = match key.direction {
                Direction::Up => "MIN",
                Direction::Down => "MAX",
            };
            b.push("(SELECT ").push(best).push("(");
            b.push(column(parameter.kind)).push(") FROM ");
            b.push(of_kind(parameter.kind));
            b.push(" x WHERE x.tenant = r.tenant AND x.type = r.type AND x.id = r.id");
            of(b, parameter);
            b.push(")");
        }
    }
}

fn of(b: &mut Builder, parameter: &Parameter) {
    b.push(" AND x.param = ").bind(parameter.indexed);
    if let Some(target) = parameter.target {
        b.push(" AND x.target_type = ").bind(target);
    }
}

const fn column(kind: ParameterKind) -> &'static str {
    match kind {
        ParameterKind::Token | ParameterKind::Uri | ParameterKind::Composite => "x.code",
        ParameterKind::Date => "x.lo",
        ParameterKind::Text => "x.folded",
        ParameterKind::Reference => "x.target_type || '/' || x.target_id",
        ParameterKind::Quantity | ParameterKind::Number => "x.base_lo",
    }
}

/// Adds the order of the rows `a`: what is missing comes after all values.
fn order(b: &mut Builder, query: &SearchQuery, a: &str) {
    let down = |direction| {
        if direction == Direction::Down {
            " DESC"
        } else {
            ""
        }
    };
    for (i, key) in query.sort.0.iter().enumerate() {
        let column = format!("{a}.v{i}");
        let down = down(key.direction);
        b.push("(").push(&column).push(" IS NULL)").push(down);
        b.push(", ").push(&column).push(down).push(", ");
    }
    b.push(a).push(".id").push(down(query.sort.direction()));
}

/// Adds that a row comes after this one: it does by one key, and equals it by those before.
fn beyond(b: &mut Builder, query: &SearchQuery, after: &After) {
    let keys: Vec<_> = query.sort.0.iter().zip(&after.keys).enumerate().collect();
    for (n, (i, (key, last))) in keys.iter().enumerate() {
        b.push("(");
        for (i, (_, last)) in &keys[..n] {
            same(b, *i, last);
            b.push(" AND ");
        }
        further(b, *i, key.direction, last);
        b.push(") OR ");
    }
    b.push("(");
    for (i, (_, last)) in &keys {
        same(b, *i, last);
        b.push(" AND ");
    }
    let more = match query.sort.direction() {
        Direction::Up => "s.id > ",
        Direction::Down => "s.id < ",
    };
    b.push(more).bind(after.id.as_str()).push(")");
}

fn same(b: &mut Builder, i: usize, last: &SortValue) {
    b.push("s.v").push(&i.to_string());
    match last {
        SortValue::Missing => drop(b.push(" IS NULL")),
        SortValue::Number(n) => drop(b.push(" = ").bind(*n)),
        SortValue::Text(text) => drop(b.push(" = ").bind(text.as_str())),
    }
}

fn further(b: &mut Builder, i: usize, direction: Direction, last: &SortValue) {
    let column = format!("s.v{i}");
    let value = match last {
        SortValue::Missing => {
            match direction {
                Direction::Up => b.push("1 = 0"),
                Direction::Down => b.push(&column).push(" IS NOT NULL"),
            };
            return;
        }
        SortValue::Number(n) => Value::from(*n),
        SortValue::Text(text) => text.as_str().into(),
    };
    b.push("(").push(&column);
    match direction {
        Direction::Up => {
            b.push(" > ").bind(value);
            b.push(" OR ").push(&column).push(" IS NULL)");
        }
        Direction::Down => drop(b.push(" < ").bind(value).push(")")),
    }
}
