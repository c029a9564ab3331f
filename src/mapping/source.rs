//! The resources at hand, to follow references among them.

use std::collections::HashMap;

use serde_json::Value;

use super::read::{Node, Read};
use crate::fhir::resource::Key;
use crate::kap::base::Id;

/// All resources at hand, by type and id.
#[derive(Debug)]
pub struct Source<'v> {
    all: &'v [(Key, Value)],
    by_key: HashMap<(&'v str, &'v str), usize>,
}

impl<'v> Source<'v> {
    /// Indexes `all`.
    #[must_use]
    pub fn new(all: &'v [(Key, Value)]) -> Self {
        let entry = |(i, (key, _)): (usize, &'v (Key, Value))| ((&*key.kind, key.id.as_str()), i);
        Self {
            all,
            by_key: all.iter().enumerate().map(entry).collect(),
        }
    }

    /// The resource `kind`/`id`, if at hand.
    #[must_use]
    pub fn lookup(&self, kind: &str, id: &str) -> Option<Node<'v>> {
        let (_, value) = &self.all[*self.by_key.get(&(kind, id))?];
        Some(Node::new(value))
    }

    /// The resource that this Reference names, if at hand.
    #[must_use]
    pub fn follow(&self, reference: Node<'v>) -> Option<Node<'v>> {
        let (kind, id) = reference.target()?;
        self.lookup(kind, id)
    }

    /// All resources of one type.
    pub fn of_kind<'s>(&'s self, kind: &'s str) -> impl Iterator<Item = Node<'v>> + use<'v, 's> {
        let all = self.all.iter().filter(move |(key, _)| &*key.kind == kind);
        all.map(|(_, value)| Node::new(value))
    }

    /// The practice's id of the person or organization that this Reference names: a PractitionerRole is
    /// its practitioner; a reference of words alone (`patient`, `system`) is that word.
    #[must_use]
    pub fn actor(&self, reference: Node<'v>) -> Option<Id> {
        let Some((kind, id)) = reference.target() else {
            return reference.text("display").and_then(Id::new);
        };
        if kind != "PractitionerRole" {
            return Id::new(id);
        }
        let role = self.lookup(kind, id);
        let practitioner = role.and_then(|r| r.ref_id("practitioner"));
        let named = || Id::new(reference.get("identifier")?.text("value")?);
        let by_suffix = || Id::new(id.strip_suffix("-role").unwrap_or(id));
        practitioner.or_else(named).or_else(by_suffix)
    }

    /// As `actor`, for the child `name` of `node`.
    #[must_use]
    pub fn actor_at(&self, node: Node<'v>, name: &str) -> Option<Id> {
        self.actor(node.get(name)?)
    }

    /// As `actor_at`.
    ///
    /// # Errors
    /// Where it is absent or names nobody.
    pub fn need_actor(&self, node: Node<'v>, name: &str) -> Read<Id> {
        let reference = node.need(name)?;
        self.actor(reference)
            .ok_or_else(|| reference.wrong("a literal reference"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_role_is_its_practitioner() {
        let key = |kind: &str, id: &str| Key::new(kind, Id::new(id).unwrap_or_default());
        let role = json!({"practitioner": {"reference": "Practitioner/p1"}});
        let all = [(key("PractitionerRole", "r1"), role)];
        let source = Source::new(&all);
        let actor = |text: &str| {
            let value = json!({"reference": text});
            Source::new(&[])
                .actor(Node::new(&value))
                .map(|i| i.to_string())
        };
        let value = json!({"reference": "PractitionerRole/r1"});
        assert_eq!(source.actor(Node::new(&value)), Id::new("p1"));
        assert_eq!(actor("PractitionerRole/m1-role").as_deref(), Some("m1"));
        assert_eq!(actor("Organization/o1").as_deref(), Some("o1"));
    }
}
