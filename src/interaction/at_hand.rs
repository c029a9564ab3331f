//! What incoming resources refer to and what they replace, as far as the caller may see it.

use std::collections::{HashMap, HashSet};

use super::pointers::Pointers;
use super::write::Incoming;
use crate::access::Access;
use crate::app::App;
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::fhir::reference::{local, references};
use crate::fhir::resource::{Key, Stored};
use crate::kap::Kind;
use crate::mapping;
use crate::store::view::is_directory;

/// The stored resources that the incoming ones refer to or replace.
pub type AtHand = HashMap<Key, Stored>;

/// Reads them, all at once.
///
/// # Errors
/// `NotFound` where what an update replaces is missing or hidden.
pub async fn read(
    app: &App,
    access: &Access,
    incoming: &[Incoming],
    pointers: &Pointers,
) -> Result<AtHand> {
    let replaced = || incoming.iter().filter(|i| i.seen.is_some());
    let fresh: HashSet<&Key> = incoming
        .iter()
        .filter(|i| i.seen.is_none())
        .map(|i| &i.resource.key)
        .collect();
    let mut keys: Vec<Key> = replaced()
        .map(|i| &i.resource.key)
        .chain(pointers.keys().filter(|key| !fresh.contains(key)))
        .cloned()
        .collect();
    keys.sort();
    keys.dedup();
    let rows = app.store.view(access).find(&keys).await?;
    let at_hand: AtHand = rows.into_iter().map(|row| (row.key.clone(), row)).collect();
    let there = |one: &Incoming| at_hand.contains_key(&one.resource.key);
    if replaced().all(there) {
        Ok(at_hand)
    } else {
        Err(Error::not_found())
    }
}

/// The same with the entries of the directory that those at hand name: a role's practitioner, an organization's endpoint.
///
/// # Errors
/// Those of the store.
pub async fn followed(app: &App, access: &Access, at_hand: &AtHand) -> Result<AtHand> {
    let mut all = at_hand.clone();
    let mut last: Vec<Stored> = at_hand.values().cloned().collect();
    while !last.is_empty() {
        let named = last.iter().flat_map(|row| {
            let found = references(&row.key.kind, &row.value().unwrap_or_default());
            found.into_iter().filter_map(|found| local(&found.text))
        });
        let mut keys: Vec<Key> = named
            .filter(|key| is_directory(&key.kind) && !all.contains_key(key))
            .collect();
        keys.sort();
        keys.dedup();
        last = app.store.view(access).find(&keys).await?;
        all.extend(last.iter().map(|row| (row.key.clone(), row.clone())));
    }
    Ok(all)
}

/// Projections are written by this service alone.
///
/// # Errors
/// `Forbidden` where an incoming resource is one or replaces one.
pub fn not_ours(incoming: &[Incoming], at_hand: &AtHand) -> Result<()> {
    let url = mapping::codes::structure("kap-projection-of");
    let projects = |value: &serde_json::Value| {
        let mut extensions = value["extension"].as_array().into_iter().flatten();
        extensions.any(|x| x["url"] == url.as_str())
    };
    for one in incoming {
        let old = at_hand.get(&one.resource.key).and_then(Stored::value);
        if projects(&one.resource.value) || old.as_ref().is_some_and(projects) {
            let text =
                "This service keeps this record as a projection of another one: change that one.";
            let error = Error::new(ErrorKind::Forbidden, text).code("not-permitted");
            return Err(one.refused(error, Kind::Header));
        }
    }
    Ok(())
}

/// A directory entry is changed by the organization that keeps it alone, and stays what the episodes take it for.
///
/// # Errors
/// `Forbidden` for another organization; `Unprocessable` where the entry would become something else.
pub fn directory_stays(access: &Access, incoming: &[Incoming], at_hand: &AtHand) -> Result<()> {
    for one in incoming.iter().filter(|one| one.seen.is_some()) {
        let Some(old) = at_hand.get(&one.resource.key) else {
            continue;
        };
        if old.patient.is_some() || old.episode.is_some() {
            continue;
        }
        kept_by(access, one, old)?;
        let value = old.value().unwrap_or_default();
        mapping::register::entry_stays(&old.key.kind, &value, &one.resource.value).map_err(
            |issue| Error::with_issues(ErrorKind::Unprocessable, vec![one.place(issue)]),
        )?;
    }
    Ok(())
}

/// Whether the caller's organization keeps the record that `one` replaces.
///
/// # Errors
/// `Forbidden` where another one does.
pub fn kept_by(access: &Access, one: &Incoming, old: &Stored) -> Result<()> {
    if access.caller().is_some_and(|c| c.organization == old.owner) {
        return Ok(());
    }
    let text = "Only the organization that keeps this record changes it.";
    let error = Error::new(ErrorKind::Forbidden, text).code("not-permitted");
    Err(one.refused(error, Kind::Header))
}
