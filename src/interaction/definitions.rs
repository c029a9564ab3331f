//! The project's own definitions (profiles, extensions, code systems, value sets, search parameters, questionnaires),
//! which are part of the program and read by id.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

use crate::error::{Error, Result};
use crate::fhir::definitions::own;

/// The texts by type, and by id within each: every read of a record asks here first, so it must cost nothing.
static BY_KIND: LazyLock<HashMap<&str, HashMap<&str, &str>>> = LazyLock::new(|| {
    let mut all: HashMap<&str, HashMap<&str, &str>> = HashMap::new();
    for (kind, id, text) in own::all() {
        all.entry(kind).or_default().insert(id, text);
    }
    all
});

/// The definition `kind`/`id`.
///
/// # Errors
/// `NotFound` where there is none.
pub fn read(kind: &str, id: &str) -> Result<&'static str> {
    let text = BY_KIND.get(kind).and_then(|by_id| by_id.get(id));
    text.copied().ok_or_else(Error::not_found)
}

/// The texts of the definitions of this type, in no order.
pub(super) fn of_kind(kind: &str) -> impl Iterator<Item = &'static str> {
    BY_KIND
        .get(kind)
        .into_iter()
        .flat_map(|by_id| by_id.values().copied())
}

/// The types of the definitions.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    BY_KIND.keys().copied()
}

/// The entity tag of a definition: another text, another tag.
#[must_use]
pub fn etag(text: &str) -> String {
    let mut hash = DefaultHasher::new();
    text.hash(&mut hash);
    format!("W/\"{:016x}\"", hash.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_read_by_id_and_nothing_else_is() {
        let text = read("StructureDefinition", "kap-clearance").expect("the profile");
        assert!(
            text.contains("https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance")
        );
        assert!(read("StructureDefinition", "../secret").is_err());
        assert!(read("Patient", "kap-clearance").is_err());
    }
}
