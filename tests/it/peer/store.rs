//! The records, every version of them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::format_description;
use uuid::Uuid;

use super::habits::{Habits, Ids};

/// Type and id.
pub(super) type Key = (String, String);

/// A resource as it was at some time.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) number: usize,
    pub(super) at: OffsetDateTime,
    /// None where it was deleted.
    pub(super) resource: Option<Value>,
}

impl Version {
    pub(super) fn etag(&self) -> String {
        format!("W/\"{}\"", self.number)
    }
}

#[derive(Clone, Debug, Default)]
struct Record {
    /// Which one it is since the beginning.
    born: usize,
    versions: Vec<Version>,
}

/// Everything that is stored. Cloned, it is a draft of what is to be.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    records: BTreeMap<Key, Record>,
    ids: u32,
    /// Types that it does not find by identifier, although it says so.
    pub(super) blind: Vec<String>,
}

impl Store {
    /// The keys of a kind that are not deleted, in the order in which they were made.
    pub(super) fn keys(&self, kind: &str) -> Vec<Key> {
        let of_kind = self.records.iter().filter(|((k, _), _)| k == kind);
        let mut keys: Vec<_> = of_kind
            .filter(|(key, _)| self.current(key).is_some())
            .map(|(key, record)| (record.born, key))
            .collect();
        keys.sort();
        keys.into_iter().map(|(_, key)| key.clone()).collect()
    }

    /// Every version, oldest first.
    pub(super) fn versions(&self, key: &Key) -> &[Version] {
        self.records.get(key).map_or(&[], |record| &record.versions)
    }

    /// The newest version, where it is not deleted.
    pub(super) fn current(&self, key: &Key) -> Option<&Version> {
        let newest = self.versions(key).last();
        newest.filter(|version| version.resource.is_some())
    }

    /// An id that no resource has.
    pub(super) fn new_id(&mut self, ids: Ids) -> String {
        self.ids += 1;
        let number = 1000 + self.ids;
        match ids {
            Ids::Numbers => number.to_string(),
            Ids::Uuids => Uuid::new_v5(&Uuid::NAMESPACE_OID, &number.to_be_bytes()).to_string(),
        }
    }

    /// Adds a version.
    pub(super) fn write(
        &mut self,
        habits: &Habits,
        key: &Key,
        resource: Value,
        at: OffsetDateTime,
    ) {
        let number = self.versions(key).len() + 1;
        let resource = dressed(habits, key, resource, number, at);
        self.push(key, Some(resource), at);
    }

    /// Writes over the newest version.
    pub(super) fn amend(&mut self, key: &Key, resource: Value) {
        let record = self.records.get_mut(key);
        if let Some(newest) = record.and_then(|record| record.versions.last_mut()) {
            newest.resource = Some(resource);
        }
    }

    pub(super) fn delete(&mut self, key: &Key, at: OffsetDateTime) {
        self.push(key, None, at);
    }

    fn push(&mut self, key: &Key, resource: Option<Value>, at: OffsetDateTime) {
        let born = self.records.len();
        let record = self.records.entry(key.clone()).or_insert_with(|| Record {
            born,
            versions: vec![],
        });
        let number = record.versions.len() + 1;
        record.versions.push(Version {
            number,
            at,
            resource,
        });
    }
}

/// An instant as it writes them.
pub(super) fn instant(at: OffsetDateTime) -> String {
    let form = format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]+00:00"
    );
    let utc = at.to_offset(time::UtcOffset::UTC);
    utc.format(form).expect("an instant")
}

/// The resource as this server keeps it.
fn dressed(
    habits: &Habits,
    key: &Key,
    resource: Value,
    number: usize,
    at: OffsetDateTime,
) -> Value {
    let (kind, id) = key;
    let mut resource = resource;
    if !habits.strips.is_empty() {
        strip(&mut resource, &habits.strips);
    }
    let mut meta = resource["meta"].as_object().cloned().unwrap_or_default();
    meta.shift_remove("versionId");
    meta.shift_remove("lastUpdated");
    if habits.adds_meta {
        meta.insert("versionId".to_owned(), json!(number.to_string()));
        meta.insert("lastUpdated".to_owned(), json!(instant(at)));
    }
    let fields = resource.as_object().cloned().unwrap_or_default();
    let mut out = serde_json::Map::new();
    out.insert("resourceType".to_owned(), json!(kind));
    out.insert("id".to_owned(), json!(id));
    if !meta.is_empty() {
        out.insert("meta".to_owned(), Value::Object(meta));
    }
    if habits.adds_text && !fields.contains_key("text") {
        let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{kind} {id}</p></div>");
        let text = json!({ "status": "generated", "div": div });
        out.insert("text".to_owned(), text);
    }
    for (name, value) in fields {
        if !["resourceType", "id", "meta"].contains(&name.as_str()) {
            out.insert(name, value);
        }
    }
    Value::Object(out)
}

/// Takes extensions away, and what is empty without them.
fn strip(value: &mut Value, urls: &[String]) {
    let goes = |extension: &Value| {
        let url = extension["url"].as_str().unwrap_or_default();
        urls.iter().any(|u| u == "*" || u == url)
    };
    match value {
        Value::Object(fields) => {
            if let Some(Value::Array(extensions)) = fields.get_mut("extension") {
                extensions.retain(|extension| !goes(extension));
            }
            for (name, inner) in fields.iter_mut() {
                strip(inner, urls);
                if let Value::Array(items) = inner {
                    tidy(name, items);
                }
            }
            fields.retain(|_, inner| !is_empty(inner));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| strip(item, urls)),
        _ => {}
    }
}

/// What is empty leaves a list; beside primitives a null keeps its place.
fn tidy(name: &str, items: &mut Vec<Value>) {
    if !name.starts_with('_') {
        return items.retain(|item| !is_empty(item));
    }
    for item in items.iter_mut().filter(|item| is_empty(item)) {
        *item = Value::Null;
    }
    if items.iter().all(Value::is_null) {
        items.clear();
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
