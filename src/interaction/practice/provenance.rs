//! Who wrote what: for each transaction, a Provenance of what it wrote.
//!
//! A Provenance names its targets, and is seen by those alone who see them all (`store/filter.rs`). So what is not shared
//! alike has a Provenance of its own, with the same labels and class: none is lost to who sees a part.

use crate::access::label::Labelling;
use crate::access::{Access, Classes, Interaction, Labels, Role, class};
use crate::app::App;
use crate::error::Result;
use crate::fhir::resource::Key;
use crate::interaction::commit::Change;
use crate::interaction::label::{About, Ages};
use crate::kap::Episode;
use crate::kap::base::{Id, Instant};
use crate::mapping;

/// What is shared alike: labels, class, author, and the roles that may read such a type.
type Group = (Labels, Classes, Id, Vec<Role>);

fn readers(kind: &str) -> Vec<Role> {
    let all = Role::ALL.iter().copied();
    all.filter(|role| role.allows(Interaction::Read, "Provenance"))
        .filter(|role| role.allows(Interaction::Read, kind))
        .collect()
}

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
        let labels = ages.labelled(change)?.labels;
        let class = class::of(&change.resource.key.kind, &change.resource.value, labels);
        let author = change.over.as_ref().map_or(&change.author, |o| &o.author);
        let readers = readers(&change.resource.key.kind);
        let group = (labels, class, author.clone(), readers);
        let key = change.resource.key.clone();
        match groups.iter_mut().find(|(known, _)| *known == group) {
            Some((_, keys)) => keys.push(key),
            None => groups.push((group, vec![key])),
        }
    }
    let owner = &episode.organizations.practice.id;
    let writer = access.caller().map_or(owner, |c| &c.organization);
    let recorded = Instant(app.clock.now());
    let made = groups
        .into_iter()
        .map(|((labels, class, author, _), keys)| {
            let id = Id::new(app.clock.uuid().to_string()).unwrap_or_default();
            let resource =
                mapping::provenance::write(&id, &keys, writer, recorded, labels, episode);
            Change {
                resource,
                over: None,
                owner: owner.clone(),
                author,
                class: Some(class),
                episode: Some(episode.episode_id.clone()),
                by_caller: None,
                labelling: Labelling::Built(Labels::NONE),
            }
        });
    Ok(made.collect())
}
