//! Profiles (<https://hl7.org/fhir/R4/profiling.html>): what a StructureDefinition asks beyond the standard, compiled once
//! from its snapshot. Pure: which definitions there are is given.

mod compile;
mod judge;
mod matches;
mod own;
mod slice;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::definitions::codes::Set;
use super::definitions::{self, Rule};
use super::fhirpath::Node;
use super::validate::{Depth, Found};

/// What is said of an element, or of a slice of it.
#[derive(Debug, Default)]
struct Spec {
    /// The FHIRPath name.
    name: String,
    slice: Option<String>,
    min: usize,
    max: Option<usize>,
    /// Whether more is asked of the number than the standard asks.
    counted: bool,
    types: Vec<Allowed>,
    fixed: Option<Value>,
    pattern: Option<Value>,
    least: Option<f64>,
    most: Option<f64>,
    binding: Option<Bound>,
    rules: Vec<Rule>,
    discriminators: Vec<Discriminator>,
    closed: bool,
    children: Vec<Spec>,
    slices: Vec<Spec>,
}

/// The code of a type that is not judged.
const ANY: &str = "*";

/// A type that an element may have.
#[derive(Debug, Default)]
struct Allowed {
    code: String,
    /// Of a Reference: the resource types.
    targets: Vec<&'static str>,
    /// Of an Extension: the definition that it follows.
    profile: Option<String>,
}

#[derive(Debug)]
struct Bound {
    required: bool,
    name: String,
    url: String,
}

/// How the slices of a list are told apart.
#[derive(Debug)]
struct Discriminator {
    by: By,
    path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// `value` and `pattern`: what stands there.
    Value,
    Type,
    Exists,
}

/// A profile of a resource type, or the definition of an extension.
#[derive(Debug)]
struct Profile {
    id: String,
    kind: String,
    /// Of an extension: where it may stand.
    contexts: Vec<String>,
    root: Spec,
}

/// The profiles, with the code systems and value sets that they use.
#[derive(Debug, Default)]
pub struct Profiles {
    by_url: HashMap<String, Profile>,
    sets: HashMap<String, Set>,
    systems: HashMap<String, Set>,
    /// What all of their addresses begin with.
    base: String,
}

/// Those that are part of the program.
pub static OWN: LazyLock<Profiles> =
    LazyLock::new(|| Profiles::new(definitions::own::all().map(|(_, _, text)| text)));

impl Profiles {
    /// Those that the texts (StructureDefinitions with snapshots, ValueSets, CodeSystems) define.
    #[must_use]
    pub fn new<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        compile::all(texts)
    }

    /// Whether the address is one of theirs, be it known or not.
    #[must_use]
    pub fn owns(&self, url: &str) -> bool {
        url.starts_with(&self.base) && !self.base.is_empty()
    }

    /// Whether a profile of resources has this address; what follows a `|` is not asked.
    #[must_use]
    pub fn knows(&self, url: &str) -> bool {
        self.profile(url)
            .is_some_and(|profile| profile.kind != "Extension")
    }

    fn profile(&self, url: &str) -> Option<&Profile> {
        self.by_url.get(url.split('|').next().unwrap_or(url))
    }

    /// The codes of a value set, of the standard or of these.
    fn set(&self, url: &str) -> Option<&Set> {
        let url = url.split('|').next().unwrap_or(url);
        self.sets.get(url).or_else(|| {
            let name = url.strip_prefix("http://hl7.org/fhir/ValueSet/")?;
            definitions::codes::set(name)
        })
    }

    /// What the profile at `url` finds in the resource; nothing where it is not known.
    #[must_use]
    pub fn judge(&'static self, url: &str, resource: &Value, depth: Depth) -> Vec<Found> {
        let (Some(profile), Some(node)) = (self.profile(url), Node::resource(resource)) else {
            return Vec::new();
        };
        judge::profile(self, profile, node, depth)
    }

    /// What is wrong with extensions and codes that these definitions define, wherever they stand.
    #[must_use]
    pub fn words(&'static self, resource: &Value, depth: Depth) -> Vec<Found> {
        match Node::resource(resource) {
            Some(node) => own::words(self, node, depth),
            None => Vec::new(),
        }
    }
}
