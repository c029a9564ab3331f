//! What incoming resources refer to and what they replace, as far as the caller may see it.

use std::collections::{HashMap, HashSet};

use super::write::Incoming;
use crate::access::Access;
use crate::app::App;
use crate::error::{Error, Issue, Kind as ErrorKind, Result};
use crate::fhir::reference::{local, references};
use crate::fhir::resource::{Key, Stored};
use crate::kap::Kind;

/// The stored resources that the incoming ones refer to or replace.
pub type AtHand = HashMap<Key, Stored>;

/// Every reference to this server must name something that the caller may see, or that comes in the same request.
/// Gives what they name, and what the updates replace.
///
/// # Errors
/// `Unprocessable` with every reference that names nothing; a hidden record and a missing one are one answer.
pub async fn resolve(app: &App, access: &Access, incoming: &[Incoming]) -> Result<AtHand> {
    let base = app.fhir_base();
    let own: HashSet<&Key> = incoming.iter().map(|i| &i.resource.key).collect();
    let view = app.store.view(access);
    let mut at_hand = AtHand::new();
    let mut missing: HashSet<Key> = HashSet::new();
    let mut issues = Vec::new();
    for one in incoming {
        let resource = &one.resource;
        if one.seen.is_some() {
            at_hand.insert(resource.key.clone(), view.read(&resource.key).await?);
        }
        for found in references(&resource.key.kind, &resource.value) {
            let Some(key) = local(&found.text, &base) else {
                if found.text.starts_with("urn:") {
                    issues.push(one.place(unresolved(found.at)));
                }
                continue;
            };
            if own.contains(&key) || at_hand.contains_key(&key) {
                continue;
            }
            let row = if missing.contains(&key) {
                None
            } else {
                view.lookup(&key).await?
            };
            if let Some(row) = row.filter(|row| row.body.is_some()) {
                at_hand.insert(key, row);
            } else {
                missing.insert(key);
                issues.push(one.place(unresolved(found.at)));
            }
        }
    }
    if issues.is_empty() {
        Ok(at_hand)
    } else {
        Err(Error::with_issues(ErrorKind::Unprocessable, issues))
    }
}

fn unresolved(at: String) -> Issue {
    let text = "This reference is not resolvable here.".to_owned();
    Issue {
        code: Some("not-found"),
        text,
        at: Some(at),
        ..Issue::default()
    }
}

/// Projections are written by this service alone.
///
/// # Errors
/// `Forbidden` where an incoming resource is one or replaces one.
pub fn not_ours(incoming: &[Incoming], at_hand: &AtHand) -> Result<()> {
    let url = crate::mapping::codes::structure("kap-projection-of");
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
