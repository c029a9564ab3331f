//! Messages that restate an adverse event: who may not see the event sees none of them.

use std::collections::HashMap;

use serde_json::Value;

use super::commit::Change;
use super::label::Ages;
use crate::access::Labels;
use crate::access::label::Labelling;
use crate::error::Result;
use crate::fhir::resource::{Key, Resource, Stored};
use crate::kap::base::Id;
use crate::mapping::alert;

/// Whether somebody else's record stands in the place of a message: that stays as it is.
#[must_use]
pub fn is_taken(message: &Resource, over: Option<&Stored>) -> bool {
    let is_message = |value: &Value| alert::message_of(value).is_some();
    let there = over.and_then(Stored::value);
    is_message(&message.value) && there.is_some_and(|there| !is_message(&there))
}

/// Gives each message of an adverse event what decides who sees the event: its labels (and so its class) and its author. Where
/// an event alone is written, the message that is `stored` of it is written anew if it lacks a label.
///
/// # Errors
/// As [`Ages::labelled`].
pub fn share<'s>(
    ages: &Ages,
    stored: impl Fn(&Key) -> Option<&'s Stored>,
    changes: &mut Vec<Change>,
) -> Result<()> {
    let mut events: HashMap<Id, (Labels, Id)> = HashMap::new();
    for change in changes
        .iter()
        .filter(|c| &*c.resource.key.kind == "AdverseEvent")
    {
        let author = change
            .over
            .as_ref()
            .map_or(&change.author, |old| &old.author);
        let told = (ages.labelled(change)?.labels, author.clone());
        events.insert(change.resource.key.id.clone(), told);
    }
    for change in changes.iter_mut() {
        let Some(id) = alert::message_of(&change.resource.value) else {
            continue;
        };
        let told = events.remove(&id).or_else(|| {
            let row = stored(&Key::new("AdverseEvent", id))?;
            Some((Labels::from_bits(row.labels), row.author.clone()))
        });
        if let Some((labels, author)) = told {
            change.labelling = Labelling::SentOf(labels);
            change.author = author;
        }
    }
    for (id, (labels, author)) in events {
        let row = stored(&Key::new("Communication", alert::message_id(&id)));
        let message = row.and_then(Stored::resource);
        let message = message.filter(|m| alert::message_of(&m.value).as_ref() == Some(&id));
        let (Some(row), Some(resource)) = (row, message) else {
            continue;
        };
        if labels.within(Labels::from_bits(row.labels)) {
            continue;
        }
        changes.push(Change {
            resource,
            over: Some(row.clone()),
            owner: row.owner.clone(),
            author,
            class: None,
            episode: row.episode.clone(),
            by_caller: None,
            labelling: Labelling::SentOf(labels),
        });
    }
    Ok(())
}
