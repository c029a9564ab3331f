//! References within what is written: those of a bundle become those of this server.

use std::collections::HashMap;

use serde_json::Value;

use super::habits::Support;
use super::reply::Refusal;
use super::search;
use super::store::Store;

/// What references of one resource are resolved with.
#[derive(Debug)]
pub(super) struct References<'a> {
    /// `Type/id` by the full URLs of the bundle.
    pub(super) links: &'a HashMap<String, String>,
    /// The server whose relative references these are, by the full URL of the entry.
    pub(super) from: Option<&'a str>,
    pub(super) store: &'a Store,
    /// This server's base URL.
    pub(super) base: &'a str,
    /// What becomes of `Organization?identifier=…`.
    pub(super) conditional: Support,
    /// What becomes of a reference to what is not there.
    pub(super) dangling: Support,
}

/// The base of a full URL such as `https://example.org/fhir/Patient/1`.
pub(super) fn base_of(full_url: &str) -> Option<&str> {
    if !full_url.starts_with("http") {
        return None;
    }
    let (rest, _id) = full_url.rsplit_once('/')?;
    Some(rest.rsplit_once('/')?.0)
}

impl References<'_> {
    /// Resolves what is below a key.
    pub(super) fn resolve(&self, key: &str, value: &mut Value) -> Result<(), Refusal> {
        match value {
            Value::Object(fields) => {
                let mut fields = fields.iter_mut();
                fields.try_for_each(|(key, inner)| self.resolve(key, inner))
            }
            Value::Array(items) => {
                let mut items = items.iter_mut();
                items.try_for_each(|item| self.resolve(key, item))
            }
            Value::String(text) => {
                *text = match key {
                    "reference" => self.target(text)?,
                    "div" => self.narrative(text),
                    // Text, not a URL: the value of an Identifier stays what it is.
                    "value" | "id" => return Ok(()),
                    _ => self.links.get(text).unwrap_or(text).clone(),
                };
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn narrative(&self, div: &str) -> String {
        let links = self.links.iter();
        links.fold(div.to_owned(), |div, (from, to)| {
            div.replace(&format!("\"{from}\""), &format!("\"{to}\""))
        })
    }

    fn target(&self, text: &str) -> Result<String, Refusal> {
        let of_bundle = |url: &str| self.links.get(url).cloned();
        let relative = || of_bundle(&format!("{}/{text}", self.from?));
        if let Some(target) = of_bundle(text).or_else(relative) {
            return Ok(target);
        }
        if text.starts_with('#') {
            return Ok(text.to_owned());
        }
        if text.starts_with("urn:") {
            let text = format!("{text} is not in this bundle");
            return Err(Refusal::new(400, "not-found", text));
        }
        let own = text.strip_prefix(self.base);
        let text = own.map_or(text, |own| own.trim_start_matches('/'));
        if text.contains("://") {
            return Ok(text.to_owned());
        }
        match text.split_once('?') {
            Some((kind, criteria)) => self.sought(text, kind, criteria),
            None => self.stored(text),
        }
    }

    fn sought(&self, text: &str, kind: &str, criteria: &str) -> Result<String, Refusal> {
        match self.conditional {
            Support::Ignored => return Ok(text.to_owned()),
            Support::Refused => {
                let text = format!("the reference {text} is not a literal one");
                return Err(Refusal::not_supported(text));
            }
            Support::Yes => {}
        }
        let found = search::criteria(self.store, self.base, kind, criteria)?;
        if let [(kind, id)] = found.as_slice() {
            return Ok(format!("{kind}/{id}"));
        }
        let text = format!("{} resources match the reference {text}", found.len());
        Err(Refusal::new(412, "multiple-matches", text))
    }

    fn stored(&self, text: &str) -> Result<String, Refusal> {
        let mut parts = text.split('/');
        let (Some(kind), Some(id)) = (parts.next(), parts.next()) else {
            return Err(Refusal::invalid(format!("{text} is not a reference")));
        };
        let there = self
            .store
            .current(&(kind.to_owned(), id.to_owned()))
            .is_some();
        if there || self.dangling != Support::Refused {
            return Ok(text.to_owned());
        }
        let text = format!("resource {text} does not exist");
        Err(Refusal::new(422, "not-found", text))
    }
}
