//! Reading resources: typed access to `serde_json::Value`, with the FHIRPath of what is missing or wrong.
//!
//! A `Node` is a place in a resource: two pointers, copied freely. Its path is only worked out for an error.
//! What a reader does not ask for is ignored, so foreign codings and extensions do no harm.

mod extension;

use serde_json::Value;

use super::codes::{is_structure, is_system};
use crate::error::Issue;
use crate::fhir::index::local;
use crate::fhir::resource::Key;
use crate::kap::Fact;
use crate::kap::base::Id;

pub use super::source::Source;

/// The result of one read.
pub type Read<T> = Result<T, Issue>;
/// What one resource states, each fact with the resources that it was read from. Empty where the resource
/// is not the reader's own.
pub type Facts = Read<Vec<(Fact, Vec<Key>)>>;

/// A place in a resource.
#[derive(Clone, Copy, Debug)]
pub struct Node<'v> {
    root: &'v Value,
    value: &'v Value,
}

/// A value that can be read from a node.
pub trait FromNode: Sized {
    /// What is expected there, for the error.
    const EXPECTED: &'static str;
    /// The value, where the node has its form.
    fn from_node(node: Node<'_>) -> Option<Self>;
}

impl<'v> Node<'v> {
    /// The whole resource.
    #[must_use]
    pub const fn new(resource: &'v Value) -> Self {
        Self {
            root: resource,
            value: resource,
        }
    }

    /// The JSON under this node.
    #[must_use]
    pub const fn value(self) -> &'v Value {
        self.value
    }

    const fn with(self, value: &'v Value) -> Self {
        Self {
            root: self.root,
            value,
        }
    }

    /// The child `name`; for a list its first entry. `null` is absent.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Self> {
        let child = match self.value.get(name)? {
            Value::Array(items) => items.iter().find(|i| !i.is_null())?,
            child => child,
        };
        (!child.is_null()).then(|| self.with(child))
    }

    /// The contained resource that a Reference of this resource (`#id`) names.
    #[must_use]
    pub fn contained(self, reference: Self) -> Option<Self> {
        let id = reference.text("reference")?.strip_prefix('#')?;
        let items = self.root["contained"].as_array()?;
        let found = items.iter().find(|item| item["id"] == id)?;
        Some(self.with(found))
    }

    /// The child `name`.
    ///
    /// # Errors
    /// Where it is absent.
    pub fn need(self, name: &str) -> Read<Self> {
        self.get(name).ok_or_else(|| self.missing(name))
    }

    /// The entries of the list `name` (one where it is no list).
    pub fn each(self, name: &str) -> impl Iterator<Item = Self> + use<'v> {
        let items: &'v [Value] = match self.value.get(name) {
            Some(Value::Array(items)) => items,
            Some(other) => std::slice::from_ref(other),
            None => &[],
        };
        items
            .iter()
            .filter(|i| !i.is_null())
            .map(move |i| self.with(i))
    }

    /// This node as a `T`.
    ///
    /// # Errors
    /// Where it has another form.
    pub fn to<T: FromNode>(self) -> Read<T> {
        T::from_node(self).ok_or_else(|| self.wrong(T::EXPECTED))
    }

    /// The child `name` as a `T`.
    ///
    /// # Errors
    /// Where it is absent or has another form.
    pub fn req<T: FromNode>(self, name: &str) -> Read<T> {
        self.need(name)?.to()
    }

    /// The child `name` as a `T`, if present.
    ///
    /// # Errors
    /// Where it has another form.
    pub fn opt<T: FromNode>(self, name: &str) -> Read<Option<T>> {
        self.get(name).map(Node::to).transpose()
    }

    /// Every entry of the list `name` as a `T`.
    ///
    /// # Errors
    /// Where one has another form.
    pub fn all<T: FromNode>(self, name: &str) -> Read<Vec<T>> {
        self.each(name).map(Node::to).collect()
    }

    /// This node as text.
    #[must_use]
    pub fn str(self) -> Option<&'v str> {
        self.value.as_str()
    }

    /// The text of the child `name`, if it is there and is text.
    #[must_use]
    pub fn text(self, name: &str) -> Option<&'v str> {
        self.get(name)?.str()
    }

    /// The child `name` as one of a list of codes (`T::from_code`).
    ///
    /// # Errors
    /// Where it is absent or not in the list.
    pub fn code<T>(self, name: &str, from_code: fn(&str) -> Option<T>) -> Read<T> {
        self.need(name)?.as_code(from_code)
    }

    /// This node as one of a list of codes.
    ///
    /// # Errors
    /// Where it is not in the list.
    pub fn as_code<T>(self, from_code: fn(&str) -> Option<T>) -> Read<T> {
        let code = self.str().and_then(from_code);
        code.ok_or_else(|| self.wrong("a code of the value set that is bound here"))
    }

    // --- concepts --------------------------------------------------------------------------------

    /// The codings of this CodeableConcept.
    pub fn codings(self) -> impl Iterator<Item = Self> + use<'v> {
        self.each("coding")
    }

    /// The coding of the concept `name` (any of its repetitions) in `system`.
    #[must_use]
    pub fn coding_in(self, name: &str, system: &str) -> Option<Self> {
        let mut all = self.each(name).flat_map(Node::codings);
        all.find(|c| c.text("system") == Some(system))
    }

    /// The code of the concept `name` in the local system `local`.
    #[must_use]
    pub fn local_code(self, name: &str, local: &str) -> Option<&'v str> {
        let mut all = self.each(name).flat_map(Node::codings);
        let own = |c: &Self| c.text("system").is_some_and(|s| is_system(s, local));
        all.find(own)?.text("code")
    }

    // --- references ------------------------------------------------------------------------------

    /// Type and id that this Reference names, if it names a record of this service: one of another server is none of
    /// ours, whatever its id.
    #[must_use]
    pub fn target(self) -> Option<(&'v str, &'v str)> {
        local(self.text("reference")?)
    }

    /// The id that the Reference `name` names, if it is literal.
    #[must_use]
    pub fn ref_id(self, name: &str) -> Option<Id> {
        let (_, id) = self.get(name)?.target()?;
        Id::new(id)
    }

    /// The session that a part of it names as its encounter.
    ///
    /// # Errors
    /// Where it names none.
    pub fn session(self) -> Read<Id> {
        let session = self.ref_id("encounter");
        session.ok_or_else(|| self.missing("encounter"))
    }

    // --- the resource ----------------------------------------------------------------------------

    /// The resource's id.
    ///
    /// # Errors
    /// Where it is absent or illegal.
    pub fn id(self) -> Read<Id> {
        Node::new(self.root).req("id")
    }

    /// The resource's key.
    ///
    /// # Errors
    /// Where the id is absent or illegal.
    pub fn key(self) -> Read<Key> {
        let kind = Node::new(self.root)
            .text("resourceType")
            .unwrap_or_default();
        Ok(Key::new(kind, self.id()?))
    }

    /// Whether the resource claims the local profile `name` (any version of it).
    #[must_use]
    pub fn has_profile(self, name: &str) -> bool {
        let Some(meta) = Node::new(self.root).get("meta") else {
            return false;
        };
        let own = |p: &str| is_structure(p.split('|').next().unwrap_or(p), name);
        meta.each("profile").filter_map(Node::str).any(own)
    }

    // --- errors ----------------------------------------------------------------------------------

    /// An issue about this place.
    #[must_use]
    pub fn issue(self, code: &'static str, text: impl Into<String>) -> Issue {
        Issue {
            code: Some(code),
            text: text.into(),
            at: Some(self.path()),
            ..Issue::default()
        }
    }

    /// The child `name` is absent.
    #[must_use]
    pub fn missing(self, name: &str) -> Issue {
        let mut issue = self.issue("required", format!("The element {name} is required here."));
        issue.at = issue.at.map(|at| format!("{at}.{name}"));
        issue
    }

    /// This node is not what is expected.
    #[must_use]
    pub fn wrong(self, expected: &str) -> Issue {
        self.issue("value", format!("Expected here: {expected}."))
    }

    /// FHIRPath of this place, such as `Observation.component[1].code`.
    #[must_use]
    pub fn path(self) -> String {
        let kind = self.root.get("resourceType").and_then(Value::as_str);
        let mut path = kind.unwrap_or("Resource").to_owned();
        trail(self.root, self.value, &mut path);
        path
    }
}

/// Adds the steps from `from` to `to` (found by address); false, and no step, where it is not below.
fn trail(from: &Value, to: &Value, path: &mut String) -> bool {
    if std::ptr::eq(from, to) {
        return true;
    }
    let length = path.len();
    let step = |path: &mut String, add: String, child: &Value| {
        path.push_str(&add);
        let found = trail(child, to, path);
        if !found {
            path.truncate(length);
        }
        found
    };
    match from {
        Value::Object(fields) => fields.iter().any(|(k, v)| step(path, format!(".{k}"), v)),
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.any(|(i, v)| step(path, format!("[{i}]"), v))
        }
        _ => false,
    }
}

/// One fact read from one resource.
///
/// # Errors
/// Where the resource has no legal id.
pub fn one(fact: Fact, node: Node<'_>) -> Facts {
    Ok(vec![(fact, vec![node.key()?])])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kap::base::Instant;

    #[test]
    fn an_error_names_its_place() {
        let value =
            json!({"resourceType": "Observation", "component": [{"code": 1}, {"value": "x"}]});
        let second = Node::new(&value).each("component").nth(1);
        let issue = second.map(|n| n.req::<Instant>("value").err());
        let at = issue.flatten().and_then(|i| i.at);
        assert_eq!(at.as_deref(), Some("Observation.component[1].value"));
        let missing = second.and_then(|n| n.need("code").err()).and_then(|i| i.at);
        assert_eq!(missing.as_deref(), Some("Observation.component[1].code"));
    }

    #[test]
    fn a_reference_is_read_where_it_names_a_record_of_ours() {
        for text in ["Patient/a", "Patient/a/_history/2"] {
            let value = json!({"reference": text});
            assert_eq!(Node::new(&value).target(), Some(("Patient", "a")), "{text}");
        }
        for text in ["https://x.example.org/fhir/Patient/a", "urn:uuid:a", "#a"] {
            assert_eq!(Node::new(&json!({"reference": text})).target(), None);
        }
    }
}
