//! Who wrote what: one Provenance per transaction that wrote anything.

use crate::access::Access;
use crate::app::App;
use crate::fhir::resource::{Key, Resource};
use crate::interaction::commit::Change;
use crate::kap::Episode;
use crate::kap::base::{Id, Instant};
use crate::mapping;

/// The Provenance of `changes`; `None` where nothing is written.
#[must_use]
pub fn of(app: &App, access: &Access, episode: &Episode, changes: &[Change]) -> Option<Resource> {
    let targets: Vec<Key> = changes.iter().map(|c| c.resource.key.clone()).collect();
    if targets.is_empty() {
        return None;
    }
    let author = access
        .caller()
        .map_or(&episode.organizations.practice.id, |c| &c.organization);
    let id = Id::new(app.clock.uuid().to_string())?;
    let recorded = Instant(app.clock.now());
    Some(mapping::provenance::write(
        &id, &targets, author, recorded, episode,
    ))
}
