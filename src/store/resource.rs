//! Writing resources: the current version, the versions before it, and what it is found by.

use std::sync::{Arc, LazyLock};

use super::sql::{Step, Value};
use crate::access::{Classes, Labels};
use crate::fhir::index::{IndexEntry, IndexValue};
use crate::fhir::parameter;
use crate::fhir::resource::Key;
use crate::kap::base::Id;

/// The guard of [`create`]: there is a resource of that key already.
pub const EXISTS: &str = "resource exists";
/// The guard of [`update`] and [`delete`]: the resource is not of the expected version.
pub const VERSION: &str = "resource version";

/// A version of a resource, ready to be stored.
#[derive(Clone, Debug)]
pub struct Draft {
    pub key: Key,
    /// The version that this is.
    pub version: i64,
    /// When it is written, milliseconds since 1970.
    pub at: i64,
    pub patient: Option<Id>,
    pub episode: Option<Id>,
    /// The organization that owns the record.
    pub owner: Id,
    /// The organization whose client wrote the first version.
    pub author: Id,
    pub labels: Labels,
    /// Those that an operator took off.
    pub lowered: Labels,
    /// What class of data it is.
    pub class: Classes,
    /// JSON text with `meta`; `None` for a deletion.
    pub body: Option<Arc<str>>,
    /// What it is found by ([`crate::fhir::index::extract`]); ignored for a deletion.
    pub entries: Vec<IndexEntry>,
}

/// Stores a new resource, guarded by [`EXISTS`].
#[must_use]
pub fn create(tenant: &str, draft: &Draft) -> Vec<Step> {
    const INSERT: &str = "INSERT INTO resource (tenant, type, id, version, at, deleted, patient, episode, \
        owner, author, labels, lowered, class, date, body) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING";
    let mut steps = vec![Step::one(EXISTS, INSERT, columns(tenant, draft))];
    index(&mut steps, tenant, draft);
    steps
}

/// Stores the next version of a resource and keeps the one before, guarded by [`VERSION`].
#[must_use]
pub fn update(tenant: &str, draft: &Draft, expected_version: i64) -> Vec<Step> {
    // A concurrent writer of the same version waits at the history's key, then finds it taken.
    const KEEP: &str = "INSERT INTO resource_history (tenant, type, id, version, at, deleted, patient, \
        episode, owner, author, labels, lowered, class, body) SELECT tenant, type, id, version, at, deleted, patient, \
        episode, owner, author, labels, lowered, class, body FROM resource WHERE tenant = $1 AND type = $2 AND id = $3 AND version = $4 ON CONFLICT DO NOTHING";
    const REPLACE: &str = "UPDATE resource SET version = $4, at = $5, deleted = $6, patient = $7, \
        episode = $8, owner = $9, author = $10, labels = $11, lowered = $12, class = $13, date = $14, body = $15 \
        WHERE tenant = $1 AND type = $2 AND id = $3 AND version = $16";
    let mut key = key(tenant, &draft.key);
    key.push(expected_version.into());
    let mut replacement = columns(tenant, draft);
    replacement.push(expected_version.into());
    let mut steps = vec![
        Step::one(VERSION, KEEP, key),
        Step::one(VERSION, REPLACE, replacement),
    ];
    forget(&mut steps, tenant, &draft.key);
    index(&mut steps, tenant, draft);
    steps
}

/// Deletes a resource: its next version has no body. `draft.body` and `draft.entries` are not looked at.
#[must_use]
pub fn delete(tenant: &str, draft: &Draft, expected_version: i64) -> Vec<Step> {
    let deletion = Draft {
        body: None,
        entries: Vec::new(),
        ..draft.clone()
    };
    update(tenant, &deletion, expected_version)
}

fn key(tenant: &str, key: &Key) -> Vec<Value> {
    vec![
        tenant.into(),
        key.kind.clone().into(),
        key.id.as_str().into(),
    ]
}

fn columns(tenant: &str, draft: &Draft) -> Vec<Value> {
    let mut out = key(tenant, &draft.key);
    out.extend([
        draft.version.into(),
        draft.at.into(),
        i64::from(draft.body.is_none()).into(),
        text(draft.patient.as_ref()).into(),
        text(draft.episode.as_ref()).into(),
        draft.owner.as_str().into(),
        draft.author.as_str().into(),
        draft.labels.bits().into(),
        draft.lowered.bits().into(),
        draft.class.bits().into(),
        date(draft).into(),
        draft.body.clone().into(),
    ]);
    out
}

fn text(id: Option<&Id>) -> &str {
    id.map_or("", Id::as_str)
}

/// The date by which the type is sorted; before all others where there is none.
fn date(draft: &Draft) -> i64 {
    let name = parameter::sort_date(&draft.key.kind);
    let own = draft.entries.iter().filter(|e| Some(e.param) == name);
    let starts = own.filter_map(|e| match e.value {
        IndexValue::Date(interval) => Some(interval.lo),
        _ => None,
    });
    starts.min().unwrap_or(i64::MIN)
}

fn forget(steps: &mut Vec<Step>, tenant: &str, of: &Key) {
    const TEXTS: [&str; 4] = [
        "DELETE FROM index_token WHERE tenant = $1 AND type = $2 AND id = $3",
        "DELETE FROM index_date WHERE tenant = $1 AND type = $2 AND id = $3",
        "DELETE FROM index_text WHERE tenant = $1 AND type = $2 AND id = $3",
        "DELETE FROM index_reference WHERE tenant = $1 AND type = $2 AND id = $3",
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

const TOKEN: Table = Table {
    name: "index_token",
    shared: &["tenant", "type", "id", "patient"],
    own: &["param", "code", "system"],
};
const DATE: Table = Table {
    name: "index_date",
    shared: &["tenant", "type", "id"],
    own: &["param", "lo", "hi"],
};
const TEXT: Table = Table {
    name: "index_text",
    shared: &["tenant", "type", "id"],
    own: &["param", "folded", "exact"],
};
const REFERENCE: Table = Table {
    name: "index_reference",
    shared: &["tenant", "type", "id"],
    own: &["param", "target_type", "target_id"],
};

/// The insertions of each table, one per size.
static INSERTS: LazyLock<[[String; 4]; 4]> = LazyLock::new(|| {
    [TOKEN, DATE, TEXT, REFERENCE].map(|table| SIZES.map(|rows| insert(&table, rows)))
});

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

fn index(steps: &mut Vec<Step>, tenant: &str, draft: &Draft) {
    let mut rows: [Vec<[Value; 3]>; 4] = Default::default();
    for IndexEntry { param, value } in &draft.entries {
        let param = Value::from(*param);
        match value {
            // The resource's own columns answer these.
            _ if matches!(param, Value::Text(ref p) if matches!(&**p, "_id" | "_lastUpdated")) => {}
            IndexValue::Token { system, code } => {
                rows[0].push([param, code.as_str().into(), system.as_str().into()]);
            }
            IndexValue::Date(i) => rows[1].push([param, i.lo.into(), i.hi.into()]),
            IndexValue::Text { folded, exact } => {
                rows[2].push([param, folded.as_str().into(), exact.as_str().into()]);
            }
            IndexValue::Reference { kind, id } => {
                rows[3].push([param, kind.as_str().into(), id.as_str().into()]);
            }
        }
    }
    if draft.body.is_none() {
        return;
    }
    for (table, rows) in rows.into_iter().enumerate() {
        let mut shared = key(tenant, &draft.key);
        if table == 0 {
            shared.push(text(draft.patient.as_ref()).into());
        }
        insert_rows(steps, table, &shared, &rows);
    }
}

fn insert_rows(steps: &mut Vec<Step>, table: usize, shared: &[Value], mut rows: &[[Value; 3]]) {
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
