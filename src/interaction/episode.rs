//! Changing an episode, from either door: read, fold, apply the rule, find what changed, commit.
//!
//! When another write came first, everything is done again on the newer state.

use std::collections::HashMap;

use serde_json::Value;

use super::commit::{Change, Changes, commit, lost};
use super::practice::{actor, documents, party};
use super::stamp::{says_the_same, without_stamp};
use crate::access::Access;
use crate::app::App;
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::fhir::merge::merge_text;
use crate::fhir::resource::{Key, Resource, Stored};
use crate::kap::act::Context;
use crate::kap::base::Instant;
use crate::kap::{Episode, Fact, Id, Kind};
use crate::mapping;
use crate::store;
use crate::store::sql::Step;
use crate::store::view::EpisodeRecord;

/// So often a write reads anew when another service was faster. Each lost race is another's write done; it is the
/// request's time limit that ends a rush, not this number.
const TRIES: usize = 200;

/// Kept by the operator: an episode never rewrites an entry that is there.
pub const DIRECTORY: &[&str] = &["Organization", "Endpoint"];

/// Types that state no fact: they are stored and shown, never read back, so their text is not loaded.
const UNREAD: &[&str] = &["Composition", "DocumentReference", "Provenance"];

/// An episode as it was read: its state and the resources that state it.
#[derive(Debug)]
pub struct Loaded {
    pub version: i64,
    pub episode: Episode,
    /// Every resource; those that state no fact without their body.
    pub stored: HashMap<Key, Stored>,
    /// The resources that may state a fact, parsed.
    pub values: Vec<(Key, Value)>,
}

impl Loaded {
    /// The present version of a resource that may state a fact, parsed.
    fn value(&self, key: &Key) -> Option<&Value> {
        let found = self.values.iter().find(|(own, _)| own == key);
        found.map(|(_, value)| value)
    }
}

/// What a change asks for beside its rule.
#[derive(Debug, Default)]
pub struct Ask {
    /// Name of the write, for spans and metrics.
    pub name: &'static str,
    /// The episode's version that the client saw.
    pub if_match: Option<i64>,
    /// Resources that came in as FHIR: stored as they are, never rebuilt.
    pub received: Vec<Received>,
    /// Seed of the ids of new records: the same seed gives the same ids.
    pub seed: String,
}

/// A resource that came in as FHIR.
#[derive(Debug)]
pub struct Received {
    pub resource: Resource,
    /// The version that an update follows; `None` for a create.
    pub seen: Option<i64>,
    /// What it replaces, as it was read before: for a record that is not the episode's, such as an entry of the directory.
    pub over: Option<Stored>,
}

/// A change that is durable.
#[derive(Debug)]
pub struct Done {
    /// The record that the rule named.
    pub record: Id,
    pub before: Episode,
    pub after: Episode,
    /// The resources that were written.
    pub written: Vec<Key>,
    pub stored: Vec<Stored>,
}

/// Reads an episode that the caller may see.
///
/// # Errors
/// `NotFound` where it does not exist or is hidden.
pub async fn load(app: &App, access: &Access, id: &Id) -> Result<Loaded> {
    let record = app
        .store
        .view(access)
        .episode_without(id, UNREAD)
        .await?
        .ok_or_else(Error::not_found)?;
    fold(record)
}

fn fold(record: EpisodeRecord) -> Result<Loaded> {
    let mut values = Vec::with_capacity(record.resources.len());
    let mut stored = HashMap::with_capacity(record.resources.len());
    for row in record.resources {
        if let Some(value) = row.value() {
            values.push((row.key.clone(), value));
        }
        stored.insert(row.key.clone(), row);
    }
    let reading = mapping::from_fhir(&values);
    // What cannot be read is stored and shown as FHIR all the same; the log says where, not what.
    for (key, issue) in &reading.unreadable {
        tracing::warn!(
            kind = &*key.kind,
            at = issue.at.as_deref(),
            "a resource of an episode cannot be read"
        );
    }
    let facts = reading.facts.into_iter().map(|(fact, _)| fact).collect();
    let mut episode = Episode::fold(facts)
        .ok_or_else(|| Error::internal("an episode without header or patient"))?;
    episode.version = record.version;
    Ok(Loaded {
        version: record.version,
        episode,
        stored,
        values,
    })
}

/// Applies `rule` to the episode and stores what it changed. `extra` makes further steps of the same transaction
/// from the new version, the record and the state.
///
/// # Errors
/// What the rule refuses; `NotFound`; `PreconditionFailed`; `Conflict` after many lost races.
pub async fn change(
    app: &App,
    access: &Access,
    id: &Id,
    ask: &Ask,
    rule: impl Fn(&mut Episode, &Loaded, &Context<'_>) -> Result<Id>,
    extra: impl Fn(&Done) -> Vec<Step>,
) -> Result<Done> {
    let _turn = app.turns.of(id.as_str()).lock().await;
    let mut last = None;
    for _ in 0..TRIES {
        // The rule sees the whole episode; whether the caller may see it at all was asked of the caller's own view.
        let loaded = load_whole(app, access, id).await?;
        if ask.if_match.is_some_and(|seen| seen != loaded.version) {
            let text = "If-Match names another version than the present one. Read again.";
            return Err(Error::new(ErrorKind::PreconditionFailed, text).code("version-conflict"));
        }
        let mut after = loaded.episode.clone();
        let record = with_context(app, access, &loaded.episode, &ask.seed, |ctx| {
            rule(&mut after, &loaded, ctx)
        })?;
        after.version = loaded.version + 1;
        let known = |one: &Received| loaded.stored.contains_key(&one.resource.key);
        let beyond = ask.received.iter().any(|r| r.over.is_some() && !known(r));
        let mut set = plan(app, access, &loaded, &after, &ask.received)?;
        let written = set.changes.iter().map(|c| c.resource.key.clone()).collect();
        let done = Done {
            record,
            before: loaded.episode,
            after,
            written,
            stored: vec![],
        };
        set.steps.extend(extra(&done));
        match commit(app, access, ask.name, set).await? {
            Ok(stored) => return Ok(Done { stored, ..done }),
            // Reading the episode again would not help.
            Err(conflict)
                if conflict.guard == store::idempotency::KEY
                    || (conflict.guard == store::resource::VERSION && beyond) =>
            {
                return Err(lost(conflict));
            }
            Err(conflict) => last = Some(conflict),
        }
    }
    Err(last.map_or_else(Error::not_found, lost))
}

async fn load_whole(app: &App, access: &Access, id: &Id) -> Result<Loaded> {
    let header = Key::new("EpisodeOfCare", id.clone());
    app.store
        .view(access)
        .lookup(&header)
        .await?
        .ok_or_else(Error::not_found)?;
    let whole = Access::system(
        app.tenant.clone(),
        "rules see the whole episode",
        access.now(),
    );
    load(app, &whole, id).await
}

/// Runs `f` with who acts and when; new ids are derived from `seed`.
///
/// # Errors
/// What `f` refuses, and `Forbidden` where the caller's organization has no part in the episode.
pub fn with_context<T>(
    app: &App,
    access: &Access,
    episode: &Episode,
    seed: &str,
    f: impl FnOnce(&Context<'_>) -> Result<T>,
) -> Result<T> {
    let actor = actor::of(access, episode)?;
    let ids = actor::ids(access.tenant(), seed);
    let now = Instant(app.clock.now());
    f(&Context {
        now,
        policy: &app.policy,
        actor: &actor,
        ids: &ids,
    })
}

/// What must be stored to go from the loaded state to `after`.
pub fn plan(
    app: &App,
    access: &Access,
    loaded: &Loaded,
    after: &Episode,
    received: &[Received],
) -> Result<Changes> {
    let before = &loaded.episode;
    let owner = after.organizations.practice.id.clone();
    let make = |resource: Resource, over: Option<Stored>| Change {
        resource,
        owner: over.as_ref().map_or(&owner, |old| &old.owner).clone(),
        over,
        episode: Some(after.episode_id.clone()),
    };
    let mut set = Changes::default();
    for Received {
        resource,
        seen,
        over,
    } in received
    {
        let over = loaded.stored.get(&resource.key).or(over.as_ref()).cloned();
        check_version(over.as_ref(), *seen)?;
        let resource = with_history(before, after, resource);
        set.changes.push(make(resource, over));
    }
    for resource in rebuilt(loaded, after) {
        if set.changes.iter().any(|c| c.resource.key == resource.key) {
            continue;
        }
        let old = loaded.value(&resource.key);
        let kept =
            |old| DIRECTORY.contains(&&*resource.key.kind) || says_the_same(old, &resource.value);
        if !old.is_some_and(kept) {
            let over = loaded.stored.get(&resource.key).cloned();
            set.changes.push(make(resource, over));
        }
    }
    let at = Instant(app.clock.now());
    for resource in documents::due(before, after, at) {
        let over = loaded.stored.get(&resource.key).cloned();
        set.changes.push(make(resource, over));
    }
    set.changes.extend(
        super::practice::provenance::of(app, access, after, &set.changes).map(|r| make(r, None)),
    );
    let head = super::practice::head::of(after, app.clock.millis());
    set.steps
        .extend(store::episode::bump(access.tenant(), &head, loaded.version));
    if party::parties(before) != party::parties(after) {
        set.steps.extend(party::steps(access.tenant(), after));
    }
    Ok(set)
}

fn check_version(over: Option<&Stored>, seen: Option<i64>) -> Result<()> {
    match (over, seen) {
        (Some(old), Some(seen)) if old.version != seen => {
            let text = "If-Match names another version than the present one. Read again.";
            Err(Error::new(ErrorKind::PreconditionFailed, text).code("version-conflict"))
        }
        _ => Ok(()),
    }
}

/// The resources of every fact that changed, with foreign content kept.
fn rebuilt(loaded: &Loaded, after: &Episode) -> Vec<Resource> {
    let before = &loaded.episode;
    let old_facts = before.facts();
    let old: HashMap<(Kind, Id), &Fact> = old_facts.iter().map(|f| (owned(f), f)).collect();
    let new_facts = after.facts();
    let changed: Vec<(Kind, Id)> = new_facts
        .iter()
        .filter(|f| old.get(&owned(f)) != Some(f))
        .map(owned)
        .collect();
    let mut out: Vec<Resource> = Vec::new();
    for fact in &new_facts {
        let key = owned(fact);
        if !changed.contains(&key) && !depends(&key, &changed) {
            continue;
        }
        let was = old
            .get(&key)
            .map(|f| mapping::to_fhir(f, before))
            .unwrap_or_default();
        for resource in mapping::to_fhir(fact, after) {
            let resource = keep_foreign(loaded, &was, resource);
            match out.iter_mut().find(|r| r.key == resource.key) {
                Some(twin) => *twin = resource,
                None => out.push(resource),
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

/// A received Task with the steps of its workflow as the rules took them: R4 gives a Task its present state alone, so
/// the steps before it are ours to remember. Everything else is as received.
fn with_history(before: &Episode, after: &Episode, received: &Resource) -> Resource {
    if &*received.key.kind != "Task" {
        return received.clone();
    }
    let of = |episode: &Episode| {
        let facts = episode.facts();
        let mut all = facts.iter().flat_map(|f| mapping::to_fhir(f, episode));
        all.find(|r| r.key == received.key)
    };
    match (of(before), of(after)) {
        (Some(was), Some(is)) => laid_over(&was, is, &received.json),
        _ => received.clone(),
    }
}

/// Where another system wrote the stored version, our change is laid over it.
fn keep_foreign(loaded: &Loaded, was: &[Resource], ours: Resource) -> Resource {
    let Some(stored) = loaded.stored.get(&ours.key) else {
        return ours;
    };
    let Some(base) = was.iter().find(|r| r.key == ours.key) else {
        return ours;
    };
    if stored
        .value()
        .is_some_and(|value| says_the_same(&value, &base.value))
    {
        return ours;
    }
    match &stored.body {
        Some(text) => laid_over(base, ours, text),
        None => ours,
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
