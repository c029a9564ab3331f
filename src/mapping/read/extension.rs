//! Extensions of a place: simple ones by their local name, the parts of complex ones by theirs.

use super::{FromNode, Node, Read};
use crate::mapping::codes::is_structure;

impl<'v> Node<'v> {
    /// The extensions of this node with the local name `name`.
    pub fn exts<'n>(self, name: &'n str) -> impl Iterator<Item = Self> + use<'v, 'n> {
        self.each("extension")
            .filter(move |x| x.text("url").is_some_and(|url| is_structure(url, name)))
    }

    /// The first extension of this node with the local name `name`.
    #[must_use]
    pub fn ext(self, name: &str) -> Option<Self> {
        self.exts(name).next()
    }

    /// The value of the local extension `name` as a `T`.
    ///
    /// # Errors
    /// Where it has another form.
    pub fn ext_value<T: FromNode>(self, name: &str) -> Read<Option<T>> {
        self.ext(name)
            .and_then(Node::any_value)
            .map(Node::to)
            .transpose()
    }

    /// The value of the local extension `name` as one of a list of codes, if present.
    ///
    /// # Errors
    /// Where it is not in the list.
    pub fn ext_code<T>(self, name: &str, from_code: fn(&str) -> Option<T>) -> Read<Option<T>> {
        let value = self.ext(name).and_then(Node::any_value);
        value.map(|v| v.as_code(from_code)).transpose()
    }

    /// The value of the extension with this full URL.
    #[must_use]
    pub fn ext_url(self, url: &str) -> Option<Self> {
        let mut all = self.each("extension");
        all.find(|x| x.text("url") == Some(url))?.any_value()
    }

    /// `value[x]` of this node, whatever its type.
    #[must_use]
    pub fn any_value(self) -> Option<Self> {
        let fields = self.value.as_object()?;
        let (_, value) = fields.iter().find(|(k, _)| k.starts_with("value"))?;
        Some(self.with(value))
    }

    /// The parts named `name` of this complex extension.
    pub fn parts<'n>(self, name: &'n str) -> impl Iterator<Item = Self> + use<'v, 'n> {
        self.each("extension")
            .filter(move |x| x.text("url") == Some(name))
    }

    /// The value of the part `name` of this complex extension, if present.
    ///
    /// # Errors
    /// Where it has another form.
    pub fn part<T: FromNode>(self, name: &str) -> Read<Option<T>> {
        let value = self.parts(name).next().and_then(Node::any_value);
        // A reference by identifier alone names nothing here (<https://hl7.org/fhir/R4/references.html#logical>).
        let here = |v: &Node<'_>| v.get("identifier").is_none() || v.get("reference").is_some();
        value.filter(here).map(Node::to).transpose()
    }

    /// The value of the part `name` of this complex extension.
    ///
    /// # Errors
    /// Where it is absent or has another form.
    pub fn need_part<T: FromNode>(self, name: &str) -> Read<T> {
        let absent = || self.missing(&format!("extension('{name}').value"));
        self.part(name)?.ok_or_else(absent)
    }

    /// The values of all parts `name` of this complex extension.
    ///
    /// # Errors
    /// Where one has another form.
    pub fn all_parts<T: FromNode>(self, name: &str) -> Read<Vec<T>> {
        self.parts(name)
            .filter_map(Node::any_value)
            .map(Node::to)
            .collect()
    }

    /// The part `name` of this complex extension as one of a list of codes, if present.
    ///
    /// # Errors
    /// Where it is not in the list.
    pub fn part_code<T>(self, name: &str, from_code: fn(&str) -> Option<T>) -> Read<Option<T>> {
        let value = self.parts(name).next().and_then(Node::any_value);
        value.map(|v| v.as_code(from_code)).transpose()
    }
}
