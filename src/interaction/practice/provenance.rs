//! Who wrote what: for each transaction, a Provenance of what it wrote.
//!
//! What is not shared alike has a Provenance of its own, with the same labels and class: it names its targets, and must
//! be seen by those alone who see them.

use crate::access::{Access, Classes, Labels};
use crate::app::App;
use crate::error::Result;
use crate::fhir::resource::Key;
use crate::interaction::commit::Change;
use crate::interaction::label::{About, Ages};
use crate::kap::Episode;
use crate::kap::base::{Id, Instant};
use crate::mapping;

/// What is shared alike.
type Group = (Labels, Classes, Id);

/// The Provenances of `changes`; none where nothing is written.
///
/// # Errors
/// As [`Ages::labelled`].
pub fn of(
    app: &App,
    access: &Access,
    episode: &Episode,
    about: &About,
    changes: &[Change],
) -> Result<Vec<Change>> {
    let ages = Ages::from(about.clone());
    let mut groups: Vec<(Group, Vec<Key>)> = Vec::new();
    for change in changes {
        let previous = change.over.as_ref().map_or(0, |old| old.labels);
        let (labels, class) = ages.judged(&change.resource, previous)?;
        let author = change.over.as_ref().map_or(&change.author, |o| &o.author);
        let group = (labels, class, author.clone());
        let key = change.resource.key.clone();
        match groups.iter_mut().find(|(known, _)| *known == group) {
            Some((_, keys)) => keys.push(key),
            None => groups.push((group, vec![key])),
        }
    }
    let owner = &episode.organizations.practice.id;
    let writer = access.caller().map_or(owner, |c| &c.organization);
    let recorded = Instant(app.clock.now());
    let made = groups.into_iter().map(|((labels, class, author), keys)| {
        let id = Id::new(app.clock.uuid().to_string()).unwrap_or_default();
        let resource = mapping::provenance::write(&id, &keys, writer, recorded, labels, episode);
        Change {
            resource,
            over: None,
            owner: owner.clone(),
            author,
            class: Some(class),
            episode: Some(episode.episode_id.clone()),
            by_caller: None,
        }
    });
    Ok(made.collect())
}
