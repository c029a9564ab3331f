//! The rows by which a record is found.

use std::sync::LazyLock;

use super::resource::key;
use super::sql::{Step, Value};
use crate::fhir::decimal::whole;
use crate::fhir::index::{IndexEntry, IndexValue, VERSION};
use crate::fhir::quantity::Measure;
use crate::fhir::resource::Key;

/// What tells that the rows of a record's `version` are made by the present version of the index.
#[must_use]
pub(super) const fn mark(version: i64) -> i64 {
    (VERSION << 32) + version
}

/// Takes the rows of a record away.
pub(super) fn forget(steps: &mut Vec<Step>, tenant: &str, of: &Key) {
    const TEXTS: [&str; 6] = [
        "DELETE FROM index_token WHERE tenant = $1 AND type = $2 AND id = $3",
        "DELETE FROM index_date WHERE tenant = $1 AND type = $2 AND id = $3",
        "DELETE FROM index_text WHERE tenant = $1 AND type = $2 AND id = $3",
        "DELETE FROM index_reference WHERE tenant = $1 AND type = $2 AND id = $3",
        "DELETE FROM index_quantity WHERE tenant = $1 AND type = $2 AND id = $3",
        "DELETE FROM index_pair WHERE tenant = $1 AND type = $2 AND id = $3",
    ];
    steps.extend(TEXTS.map(|text| Step::any(text, key(tenant, of))));
}

/// Rows per statement: few sizes, so that the statements stay prepared.
const SIZES: [usize; 4] = [16, 4, 2, 1];

/// An index table: its name, the columns that all rows of a resource share, and those of each row.
struct Table {
    name: &'static str,
    shared: &'static [&'static str],
    own: &'static [&'static str],
}

const TABLES: [Table; 6] = [
    Table {
        name: "index_token",
        shared: &["tenant", "type", "id", "patient"],
        own: &["param", "code", "system"],
    },
    Table {
        name: "index_date",
        shared: &["tenant", "type", "id"],
        own: &["param", "lo", "hi"],
    },
    Table {
        name: "index_text",
        shared: &["tenant", "type", "id"],
        own: &["param", "folded", "exact"],
    },
    Table {
        name: "index_reference",
        shared: &["tenant", "type", "id"],
        own: &["param", "target_type", "target_id"],
    },
    Table {
        name: "index_quantity",
        shared: &["tenant", "type", "id"],
        own: &[
            "param", "n", "unit", "code", "lo", "hi", "base", "base_lo", "base_hi",
        ],
    },
    Table {
        name: "index_pair",
        shared: &["tenant", "type", "id"],
        own: &[
            "param", "n", "system", "code", "a", "b", "lo", "hi", "base", "base_lo", "base_hi",
        ],
    },
];

/// The insertions of each table, one per size.
static INSERTS: LazyLock<[[String; 4]; 6]> =
    LazyLock::new(|| TABLES.map(|table| SIZES.map(|rows| insert(&table, rows))));

fn insert(table: &Table, rows: usize) -> String {
    let (shared, own) = (table.shared.len(), table.own.len());
    let columns = [table.shared, table.own].concat().join(", ");
    let row = |row: usize| {
        let first = shared + row * own;
        let numbers = (1..=shared).chain(first + 1..=first + own);
        let marks: Vec<_> = numbers.map(|n| format!("${n}")).collect();
        format!("({})", marks.join(", "))
    };
    let rows: Vec<_> = (0..rows).map(row).collect();
    format!(
        "INSERT INTO {} ({columns}) VALUES {} ON CONFLICT DO NOTHING",
        table.name,
        rows.join(", ")
    )
}

/// Adds the rows of a record that is found by `entries`.
pub(super) fn rows(
    steps: &mut Vec<Step>,
    tenant: &str,
    of: &Key,
    patient: &str,
    entries: &[IndexEntry],
) {
    let mut rows: [Vec<Vec<Value>>; 6] = Default::default();
    // The resource's own columns answer these.
    let others = entries
        .iter()
        .filter(|e| !matches!(e.param, "_id" | "_lastUpdated"));
    for (n, IndexEntry { param, value }) in (0_i64..).zip(others) {
        let (table, own) = columns(n, value);
        rows[table].push([vec![(*param).into()], own].concat());
    }
    for (table, rows) in rows.into_iter().enumerate() {
        let mut shared = key(tenant, of);
        if table == 0 {
            shared.push(patient.into());
        }
        insert_rows(steps, table, &shared, &rows);
    }
}

/// The table of a value, and its columns after the parameter. `n` tells rows apart.
fn columns(n: i64, value: &IndexValue) -> (usize, Vec<Value>) {
    match value {
        IndexValue::Token { system, code } => (0, texts([code, system])),
        IndexValue::Date(i) => (1, vec![i.lo.into(), i.hi.into()]),
        IndexValue::Text { folded, exact } => (2, texts([folded, exact])),
        IndexValue::Reference { kind, id } => (3, texts([kind, id])),
        IndexValue::Quantity(measure) => (4, [vec![n.into()], numbers(measure)].concat()),
        IndexValue::Pair {
            system,
            code,
            second,
        } => (
            5,
            [vec![n.into()], texts([system, code]), beside(second)].concat(),
        ),
    }
}

fn texts<const N: usize>(all: [&str; N]) -> Vec<Value> {
    all.map(Value::from).to_vec()
}

fn numbers(m: &Measure) -> Vec<Value> {
    let Measure {
        lo,
        hi,
        code,
        unit,
        base,
        base_lo,
        base_hi,
    } = m;
    texts([unit, code, lo, hi, base, base_lo, base_hi])
}

/// The columns `a` to `base_hi` of the second value of a pair.
fn beside(second: &IndexValue) -> Vec<Value> {
    match second {
        IndexValue::Token { system: a, code: b }
        | IndexValue::Text {
            exact: a,
            folded: b,
        }
        | IndexValue::Reference { kind: a, id: b } => texts([a, b, "", "", "", "", ""]),
        IndexValue::Date(i) => texts(["", "", &whole(i.lo), &whole(i.hi), "", "", ""]),
        IndexValue::Quantity(measure) => numbers(measure),
        // Pairs have no pairs within.
        IndexValue::Pair { .. } => texts(["", "", "", "", "", "", ""]),
    }
}

fn insert_rows(steps: &mut Vec<Step>, table: usize, shared: &[Value], mut rows: &[Vec<Value>]) {
    while !rows.is_empty() {
        let size = SIZES
            .iter()
            .position(|s| *s <= rows.len())
            .unwrap_or(SIZES.len() - 1);
        let (now, later) = rows.split_at(SIZES[size].min(rows.len()));
        let args = shared.iter().chain(now.iter().flatten()).cloned().collect();
        let text: &'static str = &INSERTS[table][size];
        steps.push(Step::any(text, args));
        rows = later;
    }
}
