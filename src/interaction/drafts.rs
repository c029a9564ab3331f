//! What a change of an episode writes: the resources of the facts that it changed.

use std::collections::HashMap;

use super::foreign::Draft;
use crate::fhir::resource::{Key, Resource};
use crate::kap::{Episode, Fact, Id, Kind};
use crate::mapping;

/// What a change writes, before it is known what is stored there.
#[derive(Debug)]
pub struct Drafts {
    pub facts: Vec<Draft>,
    /// Summary documents that became due.
    pub papers: Vec<Resource>,
}

impl Drafts {
    /// Of the records that are to be written.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        let facts = self.facts.iter().map(|draft| &draft.resource);
        facts.chain(&self.papers).map(|r| r.key.clone()).collect()
    }
}

/// The resources of every fact that changed.
#[must_use]
pub fn drafts(before: &Episode, after: &Episode) -> Vec<Draft> {
    let old_facts = before.facts();
    let old: HashMap<(Kind, Id), &Fact> = old_facts.iter().map(|f| (owned(f), f)).collect();
    let new_facts = after.facts();
    let changed: Vec<(Kind, Id)> = new_facts
        .iter()
        .filter(|f| old.get(&owned(f)) != Some(f))
        .map(owned)
        .collect();
    let mut out: Vec<Draft> = Vec::new();
    for fact in &new_facts {
        let key = owned(fact);
        if !changed.contains(&key) && !depends(&key, &changed) {
            continue;
        }
        let was = old.get(&key).map(|f| mapping::to_fhir(f, before));
        let was = was.unwrap_or_default();
        let before = old.get(&key).copied();
        let open = before.and_then(|before| mapping::alert::reopened(before, fact, after));
        for resource in mapping::to_fhir(fact, after).into_iter().chain(open) {
            let was = was.iter().find(|r| r.key == resource.key).cloned();
            let draft = Draft { was, resource };
            match out
                .iter_mut()
                .find(|d| d.resource.key == draft.resource.key)
            {
                Some(twin) => *twin = draft,
                None => out.push(draft),
            }
        }
    }
    out
}

fn owned(fact: &Fact) -> (Kind, Id) {
    let (kind, id) = fact.key();
    (kind, id.clone())
}

/// Facts whose resources also show other facts: the episode shows its problems, team and referrals, a session its
/// checklist and discharge.
fn depends((kind, id): &(Kind, Id), changed: &[(Kind, Id)]) -> bool {
    changed.iter().any(|(other, other_id)| match kind {
        Kind::Header => matches!(other, Kind::Problem | Kind::Referral | Kind::Member),
        Kind::Session => matches!(other, Kind::Discharge | Kind::Checklist) && other_id == id,
        _ => false,
    })
}
