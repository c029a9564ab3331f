//! A resource as text: what is stored is what was received or built, byte for byte, but for `meta`.

use std::sync::Arc;

use serde_json::Value;

use crate::kap::base::Id;

/// Type and id of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Resource type, such as `Observation`.
    pub kind: Arc<str>,
    /// Logical id.
    pub id: Id,
}

impl Key {
    /// The key of `kind`/`id`.
    #[must_use]
    pub fn new(kind: &str, id: Id) -> Self {
        Self {
            kind: kind.into(),
            id,
        }
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

/// A resource on its way in: its key, its JSON text (with `resourceType` and `id`), and the same parsed.
/// `meta.versionId` and `meta.lastUpdated` are set when it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    pub key: Key,
    /// The exact text.
    pub json: Arc<str>,
    /// The text parsed, for reading only: it is never written back.
    pub value: Value,
}

/// A resource as the store holds it.
#[derive(Clone, Debug)]
pub struct Stored {
    pub key: Key,
    /// 1 for the first version.
    pub version: i64,
    /// When this version was written, in milliseconds since 1970.
    pub at: i64,
    /// The patient whose record it is part of.
    pub patient: Option<Id>,
    /// The episode that it hangs off.
    pub episode: Option<Id>,
    /// The organization that owns the record (the practice).
    pub owner: Id,
    /// JSON text with `meta`; `None` where this version is a deletion.
    pub body: Option<Arc<str>>,
}

impl Stored {
    /// The body parsed, for reading only.
    #[must_use]
    pub fn value(&self) -> Option<Value> {
        serde_json::from_str(self.body.as_deref()?).ok()
    }
}
