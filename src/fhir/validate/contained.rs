//! The resources that a resource contains, and what refers to them.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

/// Id and type of each, and the type of what contains them.
#[derive(Debug, Default)]
pub struct Contained {
    outer: String,
    kinds: HashMap<String, String>,
}

impl Contained {
    /// Those of a resource with these members.
    #[must_use]
    pub fn of(members: &Map<String, Value>) -> Self {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let all = members.get("contained").and_then(Value::as_array);
        let kinds = all.into_iter().flatten().filter_map(|one| {
            let kind = text(one.get("resourceType")).unwrap_or_default();
            Some((text(one.get("id"))?, kind))
        });
        Self {
            outer: text(members.get("resourceType")).unwrap_or_default(),
            kinds: kinds.collect(),
        }
    }

    /// Whether one has this id.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.kinds.contains_key(id)
    }

    /// The type of the one with this id; of what contains them where it is empty.
    #[must_use]
    pub fn kind(&self, id: &str) -> Option<&str> {
        match id {
            "" => Some(&self.outer),
            id => self.kinds.get(id).map(String::as_str),
        }
    }

    /// Whether there is one with an id that nothing refers to, and that does not refer to what contains it.
    #[must_use]
    pub fn unused(&self, members: &Map<String, Value>) -> bool {
        if self.kinds.is_empty() {
            return false;
        }
        let mut named = HashSet::new();
        members.values().for_each(|value| names(value, &mut named));
        let all = members.get("contained").and_then(Value::as_array);
        all.into_iter().flatten().any(|one| {
            let id = one.get("id").and_then(Value::as_str);
            id.is_some_and(|id| !named.contains(id)) && {
                let mut own = HashSet::new();
                names(one, &mut own);
                !own.contains("")
            }
        })
    }
}

/// What the addresses that begin with `#` name.
fn names<'v>(value: &'v Value, out: &mut HashSet<&'v str>) {
    match value {
        Value::String(text) => out.extend(text.strip_prefix('#')),
        Value::Array(items) => items.iter().for_each(|item| names(item, out)),
        Value::Object(members) => members.values().for_each(|value| names(value, out)),
        _ => {}
    }
}
