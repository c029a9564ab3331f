//! Changing an episode, from either door: read, fold, apply the rule, find what changed, commit.
//!
//! When another write came first, everything is done again on the newer state.

use super::commit::{Change, Changes, commit, lost};
use super::delete::in_changes;
use super::drafts::{Drafts, drafts};
use super::foreign::{Origin, as_taken, keep_foreign};
use super::label::{About, Ages};
use super::practice::{actor, documents, grants};
use super::projection;
use super::provenance::Told;
use super::reading::{Completed, Loaded, load, load_whole};
use super::stamp::says_the_same;
use crate::access::Labels;
use crate::access::label::Labelling;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::fhir::resource::{Key, Resource, Stored};
use crate::kap::act::Context;
use crate::kap::base::Instant;
use crate::kap::{Episode, Id};
use crate::store;
use crate::store::sql::{Conflict, Step};

/// So often a write reads anew when another service was faster. Each lost race is another's write done; it is the
/// request's time limit that ends a rush, not this number.
const TRIES: usize = 200;

/// Kept by the operator: an episode never rewrites an entry that is there.
pub const DIRECTORY: &[&str] = &["Organization", "Endpoint"];

/// What a change asks for beside its rule.
#[derive(Debug, Default)]
pub struct Ask {
    /// Name of the write, for spans and metrics.
    pub name: &'static str,
    /// The episode's version that the client saw.
    pub if_match: Option<i64>,
    /// Resources that came in as FHIR: stored as they are, never rebuilt.
    pub received: Vec<Received>,
    /// Records that are deleted: the present version of each, whole.
    pub gone: Vec<Stored>,
    /// Records that are stored in the same transaction and are no part of the episode.
    pub beside: Vec<Change>,
    /// Provenances that a client sent.
    pub told: Vec<Told>,
    /// What the command does, with which type.
    pub does: Option<(Interaction, &'static str)>,
    /// Seed of the ids of new records: the same seed gives the same ids.
    pub seed: String,
}

impl Ask {
    fn origin(&self) -> Origin {
        if self.received.is_empty() && self.gone.is_empty() {
            Origin::Ours
        } else {
            Origin::Foreign
        }
    }

    fn does_with(&self, kind: &str) -> Option<Interaction> {
        let asked = self.does.filter(|(_, of)| *of == kind);
        asked.map(|(does, _)| does)
    }
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
    let reason = "rules see the whole episode";
    let whole = Access::system(app.tenant.clone(), reason, access.now());
    for _ in 0..TRIES {
        // The rule sees the whole episode; whether the caller may see it at all is asked of the caller's own view first.
        let mut loaded = read(app, access, &whole, id, ask).await?;
        if ask.if_match.is_some_and(|seen| seen != loaded.version) {
            let text = "If-Match names another version than the present one. Read again.";
            return Err(Error::new(ErrorKind::PreconditionFailed, text).code("version-conflict"));
        }
        let mut after = loaded.episode.clone();
        let record = with_context(app, access, &loaded.episode, &ask.seed, |ctx| {
            rule(&mut after, &loaded, ctx)
        })?;
        after.version = loaded.version + 1;
        let drafts = Drafts {
            facts: drafts(&loaded.episode, &after),
            papers: documents::due(&loaded.episode, &after, Instant(app.clock.now())),
        };
        let view = app.store.view(&whole);
        if loaded.complete(&view, &drafts.keys()).await? == Completed::Moved {
            continue;
        }
        let known = |one: &Received| loaded.stored.contains_key(&one.resource.key);
        let beyond = ask.received.iter().any(|r| r.over.is_some() && !known(r))
            || ask.beside.iter().any(|change| change.over.is_some())
            || ask.gone.iter().any(|old| old.episode.is_none());
        let (mut set, origin) = plan(app, access, &loaded, &after, ask, drafts)?;
        let written = set.changes.iter().map(|c| c.resource.key.clone()).collect();
        let done = Done {
            record,
            before: loaded.episode.clone(),
            after,
            written,
            stored: vec![],
        };
        set.steps.extend(extra(&done));
        match commit(app, access, ask.name, set).await? {
            Ok(stored) => {
                if origin == Origin::Ours {
                    loaded.keep(app, &stored, &done.after);
                }
                return Ok(Done { stored, ..done });
            }
            // Reading the episode again would not help.
            Err(conflict) if is_final(&conflict, beyond) => return Err(lost(conflict)),
            Err(conflict) => last = Some(conflict),
        }
    }
    Err(last.map_or_else(Error::not_found, lost))
}

/// Whether a conflict stays one, however often the episode is read.
fn is_final(conflict: &Conflict, beyond: bool) -> bool {
    match conflict.guard {
        store::idempotency::KEY | store::CRITERIA_MET => true,
        guard => guard == store::resource::VERSION && beyond,
    }
}

/// The episode as the rules see it, for a caller who sees anything of it: a pharmacy does not see that there is one, and
/// yet dispenses in it.
///
/// # Errors
/// `NotFound` where the caller sees nothing of it.
pub async fn whole(app: &App, access: &Access, id: &Id) -> Result<Loaded> {
    let reason = "rules see the whole episode";
    let system = Access::system(app.tenant.clone(), reason, access.now());
    read(app, access, &system, id, &Ask::default()).await
}

/// As [`whole`]. What came in as FHIR is read together with what is stored, so that needs the bodies.
async fn read(app: &App, access: &Access, whole: &Access, id: &Id, ask: &Ask) -> Result<Loaded> {
    if !app.store.view(access).takes_part(id).await? {
        return Err(Error::not_found());
    }
    if ask.received.is_empty() && ask.gone.is_empty() {
        load(app, whole, id).await
    } else {
        load_whole(app, whole, id).await
    }
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
fn plan(
    app: &App,
    access: &Access,
    loaded: &Loaded,
    after: &Episode,
    ask: &Ask,
    drafts: Drafts,
) -> Result<(Changes, Origin)> {
    let before = &loaded.episode;
    let owner = after.organizations.practice.id.clone();
    let writer = access.caller().map_or(&owner, |c| &c.organization);
    let make = |resource: Resource, over: Option<Stored>, author: &Id, by_caller| Change {
        resource,
        owner: over.as_ref().map_or(&owner, |old| &old.owner).clone(),
        over,
        author: author.clone(),
        class: None,
        episode: Some(after.episode_id.clone()),
        by_caller,
        labelling: Labelling::Built(Labels::NONE),
    };
    let about = About::of(after, Instant(app.clock.now()));
    let mut set = Changes {
        about: Some(about.clone()),
        ..Changes::default()
    };
    let mut origin = ask.origin();
    for one in &ask.received {
        let (resource, over) = taken(loaded, after, one)?;
        set.changes.push(Change {
            labelling: Labelling::Sent,
            ..make(resource, over, writer, Some(does(one.seen)))
        });
    }
    for draft in drafts.facts {
        let key = draft.resource.key.clone();
        let over = loaded.stored.get(&key).cloned();
        let is_kept = stays(&draft.resource, over.as_ref());
        if is_kept || set.changes.iter().any(|c| c.resource.key == key) {
            continue;
        }
        let was = draft.was.as_ref().map(|was| Labels::stated(&was.value));
        let (resource, of) = keep_foreign(loaded, draft);
        if of == Origin::Foreign {
            origin = Origin::Foreign;
        }
        let old = loaded.value(&key);
        if !old.is_some_and(|old| says_the_same(old, &resource.value)) {
            let by_caller = ask.does_with(&key.kind);
            set.changes.push(Change {
                labelling: Labelling::Built(was.unwrap_or_default()),
                ..make(resource, over, writer, by_caller)
            });
        }
    }
    let ages = Ages::from(about.clone());
    projection::share(&ages, |key| loaded.stored.get(key), &mut set.changes)?;
    // Documents are made of the whole episode: they are the practice's, whoever's write made them due.
    for resource in drafts.papers {
        let over = loaded.stored.get(&resource.key).cloned();
        set.changes.push(make(resource, over, &owner, None));
    }
    beside(app, access, loaded, (after, &about), ask, &mut set)?;
    let head = super::practice::head::of(after, app.clock.millis());
    set.steps
        .extend(store::episode::bump(access.tenant(), &head, loaded.version));
    set.steps
        .extend(grants::changed(access.tenant(), before, after));
    Ok((set, origin))
}

/// Whether what is there is never written over: an entry that the operator keeps, somebody else's record in a message's place.
fn stays(draft: &Resource, over: Option<&Stored>) -> bool {
    let is_operators = over.is_some() && DIRECTORY.contains(&&*draft.key.kind);
    is_operators || projection::is_taken(draft, over)
}

/// Adds what is deleted, what is told of all this, and what is stored outside the episode.
fn beside(
    app: &App,
    access: &Access,
    loaded: &Loaded,
    (after, about): (&Episode, &About),
    ask: &Ask,
    set: &mut Changes,
) -> Result<()> {
    let owner = &after.organizations.practice.id;
    let writer = access.caller().map_or(owner, |c| &c.organization);
    for old in &ask.gone {
        check_version(loaded.stored.get(&old.key), Some(old.version))?;
    }
    let tell =
        |changes: &[Change]| super::practice::provenance::of(app, access, after, about, changes);
    let told = [tell(&set.changes)?, tell(&in_changes(&ask.gone, writer))?];
    set.changes.extend(told.into_iter().flatten());
    set.changes.extend(ask.beside.iter().cloned());
    set.told.clone_from(&ask.told);
    set.gone.clone_from(&ask.gone);
    Ok(())
}

/// A resource as it is stored that came in as FHIR, and what it replaces.
fn taken(loaded: &Loaded, after: &Episode, one: &Received) -> Result<(Resource, Option<Stored>)> {
    let over = loaded.stored.get(&one.resource.key).or(one.over.as_ref());
    check_version(over, one.seen)?;
    let resource = as_taken(&loaded.episode, after, &one.resource);
    // The episode is loaded without the bodies of some types; what narrowed scopes and labels say of the body needs it.
    let with_body = one
        .over
        .as_ref()
        .filter(|own| over.is_some_and(|over| own.version == over.version));
    Ok((resource, with_body.or(over).cloned()))
}

/// What the sender of a resource does with it.
#[must_use]
pub const fn does(seen: Option<i64>) -> Interaction {
    match seen {
        None => Interaction::Create,
        Some(_) => Interaction::Update,
    }
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
