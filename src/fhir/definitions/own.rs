//! The definitions that are part of the program (profiles, extensions, code systems, value sets, …), as the texts that
//! `scripts/profiles` writes. What they say is not known here.

use include_dir::{Dir, include_dir};

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/profiles/generated");

/// Type, id and text of each.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    FILES.files().filter_map(|file| {
        let name = file.path().file_stem()?.to_str()?;
        let (kind, id) = name.split_once('-')?;
        Some((kind, id, file.contents_utf8()?))
    })
}
