//! What another system wrote stays as it wrote it: what we change is laid over it.

use super::reading::Loaded;
use super::stamp::{says_the_same, without_stamp};
use crate::fhir::merge::merge_text;
use crate::fhir::resource::{Resource, Stored};
use crate::kap::Episode;
use crate::kap::safety::AdverseEvent;
use crate::mapping;

/// Who wrote what a change stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// All of it was built from the facts.
    Ours,
    /// Some of it came from elsewhere, or is laid over what did.
    Foreign,
}

/// A resource of a fact that changed, and how the fact said it before.
#[derive(Clone, Debug)]
pub struct Draft {
    pub was: Option<Resource>,
    pub resource: Resource,
}

/// What was received as the rules took it: a Task with the steps of its workflow, as R4 gives a Task its present state alone
/// and the steps before it are ours to remember; an adverse event that became worse without that it was seen before. Everything
/// else is as received.
#[must_use]
pub fn as_taken(before: &Episode, after: &Episode, received: &Resource) -> Resource {
    let of = |episode: &Episode| {
        let facts = episode.facts();
        let mut all = facts.iter().flat_map(|f| mapping::to_fhir(f, episode));
        all.find(|r| r.key == received.key)
    };
    let was = match &*received.key.kind {
        "Task" => of(before),
        "AdverseEvent" => seen(before, after, received).as_ref().and_then(of),
        _ => None,
    };
    match was.map(|was| (was, of(after))) {
        Some((was, Some(is))) => laid_over(&was, is, &received.json),
        _ => received.clone(),
    }
}

/// The episode after a change with the adverse event seen as it was before; `None` where that was not taken back.
fn seen(before: &Episode, after: &Episode, received: &Resource) -> Option<Episode> {
    let own = |e: &&AdverseEvent| e.id == received.key.id;
    let old = before.adverse_events.iter().find(own)?.alert.clone()?;
    let mut out = after.clone();
    let event = out.adverse_events.iter_mut().find(|e| own(&&**e))?;
    let now = event.alert.as_mut()?;
    if old.acknowledged_at.is_none() || now.acknowledged_at.is_some() {
        return None;
    }
    (now.acknowledged_at, now.acknowledged_by) = (old.acknowledged_at, old.acknowledged_by);
    Some(out)
}

/// Where another system wrote the stored version, our change is laid over it.
#[must_use]
pub fn keep_foreign(loaded: &Loaded, draft: Draft) -> (Resource, Origin) {
    let Draft { was, resource } = draft;
    let Some(stored) = loaded.stored.get(&resource.key) else {
        return (resource, Origin::Ours);
    };
    let ours = |base: &Resource| {
        let value = loaded.value(&resource.key);
        value.is_some_and(|value| says_the_same(value, &base.value))
    };
    match (was, &stored.body) {
        (Some(base), _) if ours(&base) => (resource, Origin::Ours),
        (Some(base), Some(text)) => (laid_over(&base, resource, text), Origin::Foreign),
        // What was stored says something that the fact did not know: the fold of what is stored now may differ.
        _ => (resource, Origin::Foreign),
    }
}

/// What changed from `was` to `is` (both ours), laid over the text of another system; the stamp is set anew anyway.
fn laid_over(was: &Resource, is: Resource, theirs: &str) -> Resource {
    let Ok((text, value)) = merge_text(&was.value, &is.value, theirs) else {
        return is;
    };
    Resource {
        key: is.key,
        json: text.into(),
        value: without_stamp(&value),
    }
}

/// Whether a stored version says the same as a resource that we built.
#[must_use]
pub fn same(old: &Stored, new: &Resource) -> bool {
    old.value()
        .is_some_and(|value| says_the_same(&value, &new.value))
}
