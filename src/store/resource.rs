//! Writing resources: the current version, the versions before it, and what it is found by.

use std::sync::Arc;

use super::index::{forget, mark, rows};
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
        owner, author, labels, lowered, class, date, indexed, body) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING";
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
        episode = $8, owner = $9, author = $10, labels = $11, lowered = $12, class = $13, date = $14, \
        indexed = $15, body = $16 WHERE tenant = $1 AND type = $2 AND id = $3 AND version = $17";
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

pub(super) fn key(tenant: &str, key: &Key) -> Vec<Value> {
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
        date(&draft.key.kind, &draft.entries).into(),
        mark(draft.version).into(),
        draft.body.clone().into(),
    ]);
    out
}

fn text(id: Option<&Id>) -> &str {
    id.map_or("", Id::as_str)
}

/// The date by which the type is sorted; after all others where there is none.
pub(super) fn date(kind: &str, entries: &[IndexEntry]) -> i64 {
    let name = parameter::sort_date(kind);
    let own = entries.iter().filter(|e| Some(e.param) == name);
    let starts = own.filter_map(|e| match e.value {
        IndexValue::Date(interval) => Some(interval.lo),
        _ => None,
    });
    starts.min().unwrap_or(i64::MAX)
}

fn index(steps: &mut Vec<Step>, tenant: &str, draft: &Draft) {
    if draft.body.is_some() {
        let patient = text(draft.patient.as_ref());
        rows(steps, tenant, &draft.key, patient, &draft.entries);
    }
}
