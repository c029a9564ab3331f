//! The project's own definitions (profiles, extensions, code systems, value sets, search parameters, questionnaires),
//! which are part of the program and read by id.

use include_dir::{Dir, include_dir};

use crate::error::{Error, Result};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/profiles/generated");

/// The definition `kind`/`id`.
///
/// # Errors
/// `NotFound` where there is none.
pub fn read(kind: &str, id: &str) -> Result<&'static str> {
    let file = FILES.get_file(format!("{kind}-{id}.json"));
    file.and_then(|file| file.contents_utf8())
        .ok_or_else(Error::not_found)
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
