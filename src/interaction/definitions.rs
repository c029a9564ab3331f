//! The project's own definitions (profiles, extensions, code systems, value sets, search parameters, questionnaires),
//! which are part of the program: read by id, or found by their canonical `url`.

use std::collections::HashMap;
use std::sync::LazyLock;

use include_dir::{Dir, include_dir};

use crate::error::{Error, Result};
use crate::fhir::json::Members;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/profiles/generated");

/// The resource types that come with the program.
pub const TYPES: &[&str] = &[
    "CodeSystem",
    "Questionnaire",
    "SearchParameter",
    "StructureDefinition",
    "ValueSet",
];

/// From canonical URL to the file's text.
static BY_URL: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let texts = FILES.files().filter_map(|file| file.contents_utf8());
    texts
        .filter_map(|text| Some((canonical(text)?, text)))
        .collect()
});

fn canonical(text: &str) -> Option<String> {
    serde_json::from_str(Members::of(text).ok()?.get("url")?).ok()
}

/// The definition `kind`/`id`.
///
/// # Errors
/// `NotFound` where there is none.
pub fn read(kind: &str, id: &str) -> Result<&'static str> {
    let file = FILES.get_file(format!("{kind}-{id}.json"));
    file.and_then(|file| file.contents_utf8())
        .ok_or_else(Error::not_found)
}

/// The definition of type `kind` with this canonical URL, with or without `|version`.
#[must_use]
pub fn find(kind: &str, url: &str) -> Option<&'static str> {
    let url = url.split('|').next()?;
    let text = BY_URL.get(url)?;
    let of_kind =
        serde_json::from_str::<String>(Members::of(text).ok()?.get("resourceType")?).ok()?;
    (of_kind == kind).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_found_by_id_and_by_url() {
        let text = read("StructureDefinition", "kap-clearance").expect("the profile");
        let url = canonical(text).expect("a url");
        assert_eq!(
            url,
            "https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance"
        );
        assert_eq!(
            find("StructureDefinition", &format!("{url}|0.1.0")),
            Some(text)
        );
        assert_eq!(find("ValueSet", &url), None);
        assert!(read("StructureDefinition", "../secret").is_err());
    }
}
