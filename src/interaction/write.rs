//! FHIR R4 create and update: <https://hl7.org/fhir/R4/http.html#create>, <https://hl7.org/fhir/R4/http.html#update>.
//!
//! A resource of an episode goes through the same rules as the practice's command for it.

use std::collections::HashMap;

use super::commit::{Change, Changes, commit, lost};
use super::episode::{Ask, Loaded, change};
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Issue, Kind as ErrorKind, Result};
use crate::fhir::index;
use crate::fhir::reference::{local, references};
use crate::fhir::resource::{Key, Resource, Stored};
use crate::kap::act::Context;
use crate::kap::{Episode, Fact, Id, Kind, Phase};
use crate::mapping;
use crate::store::view::EpisodeFilter;

/// Types that belong to the patient rather than to one episode.
const OF_PATIENT: &[&str] = &["Condition", "AllergyIntolerance", "RelatedPerson"];

/// Stores a new resource.
///
/// # Errors
/// `Forbidden` by role or scope; `Unprocessable` where a reference cannot be resolved or a rule refuses; `Conflict`.
pub async fn create(app: &App, access: &Access, resource: Resource) -> Result<Stored> {
    access.allow(Interaction::Create, &resource.key.kind)?;
    one(write(app, access, "fhir create", vec![(resource, None)]).await?)
}

/// Stores the next version of a resource that exists and is visible.
///
/// # Errors
/// As [`create`]; `NotFound` where it is missing or hidden; `PreconditionFailed` where `seen` is not the present version.
pub async fn update(
    app: &App,
    access: &Access,
    resource: Resource,
    seen: Option<i64>,
) -> Result<Stored> {
    access.allow(Interaction::Update, &resource.key.kind)?;
    let old = app.store.view(access).read(&resource.key).await?;
    unmoved(&old, &resource)?;
    one(write(
        app,
        access,
        "fhir update",
        vec![(resource, Some(seen.unwrap_or(old.version)))],
    )
    .await?)
}

fn one(mut stored: Vec<Stored>) -> Result<Stored> {
    if stored.is_empty() {
        return Err(Error::internal("a write without its resource"));
    }
    Ok(stored.swap_remove(0))
}

/// An update never moves a record to another patient or episode.
pub fn unmoved(old: &Stored, new: &Resource) -> Result<()> {
    let (patient, episode) = index::compartment(&new.key.kind, &new.value);
    if old.patient == patient && (episode.is_none() || old.episode == episode) {
        return Ok(());
    }
    let text = "An update cannot move a record to another patient or episode.";
    Err(Error::new(ErrorKind::Unprocessable, text).at(format!("{}.subject", new.key.kind)))
}

/// Stores `received` (with the version that an update follows) in one transaction; answers in the same order.
pub async fn write(
    app: &App,
    access: &Access,
    name: &'static str,
    received: Vec<(Resource, Option<i64>)>,
) -> Result<Vec<Stored>> {
    resolve(app, access, &received).await?;
    let keys: Vec<Key> = received.iter().map(|(r, _)| r.key.clone()).collect();
    let stored = match episode_of(app, access, &received).await? {
        Some(id) => {
            let seed = app.clock.uuid().to_string();
            let ask = Ask {
                name,
                received,
                seed,
                ..Ask::default()
            };
            let rule = |episode: &mut Episode, loaded: &Loaded, ctx: &Context<'_>| {
                accept(&ask, episode, loaded, ctx)
            };
            change(app, access, &id, &ask, rule, |_| vec![])
                .await?
                .stored
        }
        None => plain(app, access, name, received).await?,
    };
    let find = |key: &Key| stored.iter().find(|row| row.key == *key).cloned();
    Ok(keys.iter().filter_map(find).collect())
}

/// The one episode that these resources hang off, if any.
async fn episode_of(
    app: &App,
    access: &Access,
    received: &[(Resource, Option<i64>)],
) -> Result<Option<Id>> {
    let mut found: Option<Id> = None;
    for (resource, _) in received {
        let (patient, said) = index::compartment(&resource.key.kind, &resource.value);
        let id = match (said, patient) {
            (Some(id), _) => Some(id),
            (None, Some(patient)) if OF_PATIENT.contains(&&*resource.key.kind) => {
                open_episode(app, access, &patient).await?
            }
            _ => None,
        };
        match (&found, id) {
            (_, None) => {}
            (None, id) => found = id,
            (Some(one), Some(other)) if *one == other => {}
            _ => {
                let text = "A transaction changes one episode at a time.";
                return Err(Error::new(ErrorKind::Unprocessable, text));
            }
        }
    }
    Ok(found)
}

/// The patient's episode that has not ended, if the caller sees one.
async fn open_episode(app: &App, access: &Access, patient: &Id) -> Result<Option<Id>> {
    let filter = EpisodeFilter {
        patient: Some(patient.clone()),
        ..EpisodeFilter::default()
    };
    let found = app.store.view(access).episodes(&filter, 50, None).await?;
    let open = |phase: &str| Phase::from_code(phase).is_some_and(|p| !p.is_terminal());
    Ok(found
        .heads
        .into_iter()
        .find(|head| open(&head.phase))
        .map(|head| head.episode))
}

/// Resources outside any episode: the directory, and a patient without an episode.
async fn plain(
    app: &App,
    access: &Access,
    name: &'static str,
    received: Vec<(Resource, Option<i64>)>,
) -> Result<Vec<Stored>> {
    let owner = access
        .caller()
        .map(|c| c.organization.clone())
        .ok_or_else(Error::not_found)?;
    let mut set = Changes::default();
    for (resource, seen) in received {
        let over = app.store.view(access).lookup(&resource.key).await?;
        if let (Some(old), Some(seen)) = (&over, seen)
            && (old.version != seen || old.owner != owner)
        {
            let text = "The record has another version by now, or belongs to another organization.";
            return Err(Error::new(ErrorKind::PreconditionFailed, text).code("version-conflict"));
        }
        set.changes.push(Change {
            resource,
            over,
            owner: owner.clone(),
            episode: None,
        });
    }
    commit(app, access, name, set).await?.map_err(lost)
}

/// Every reference to this server must name something that the caller may see, or that comes in the same request.
async fn resolve(app: &App, access: &Access, received: &[(Resource, Option<i64>)]) -> Result<()> {
    let base = app.fhir_base();
    let mut seen: HashMap<Key, bool> = received
        .iter()
        .map(|(r, _)| (r.key.clone(), true))
        .collect();
    let mut issues = Vec::new();
    for (resource, _) in received {
        for found in references(&resource.key.kind, &resource.value) {
            let Some(key) = local(&found.text, &base) else {
                if found.text.starts_with("urn:") {
                    issues.push(unresolved(found.at));
                }
                continue;
            };
            let known = match seen.get(&key) {
                Some(known) => *known,
                None => app.store.view(access).lookup(&key).await?.is_some(),
            };
            seen.insert(key, known);
            if !known {
                issues.push(unresolved(found.at));
            }
        }
    }
    if issues.is_empty() {
        Ok(())
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

/// Applies the facts that the received resources state, by the same rules as the practice's commands.
fn accept(ask: &Ask, episode: &mut Episode, loaded: &Loaded, ctx: &Context<'_>) -> Result<Id> {
    let mut values = loaded.values.clone();
    for (resource, _) in &ask.received {
        match values.iter_mut().find(|(key, _)| *key == resource.key) {
            Some((_, value)) => value.clone_from(&resource.value),
            None => values.push((resource.key.clone(), resource.value.clone())),
        }
    }
    let reading = mapping::from_fhir(&values);
    let is_received = |key: &Key| ask.received.iter().any(|(r, _)| r.key == *key);
    let unreadable: Vec<Issue> = reading
        .unreadable
        .into_iter()
        .filter(|(key, _)| is_received(key))
        .map(|(_, issue)| issue)
        .collect();
    if !unreadable.is_empty() {
        return Err(Error::with_issues(ErrorKind::Unprocessable, unreadable));
    }
    let old: HashMap<(Kind, Id), Fact> = loaded
        .episode
        .facts()
        .into_iter()
        .map(|f| ((f.key().0, f.key().1.clone()), f))
        .collect();
    let mut stated: Vec<Fact> = reading
        .facts
        .into_iter()
        .filter(|(_, from)| from.iter().any(is_received))
        .map(|(fact, _)| fact)
        .collect();
    stated.sort_by_key(|fact| rank(fact.key().0));
    for fact in stated {
        let (kind, id) = fact.key();
        if old.get(&(kind, id.clone())) != Some(&fact) {
            episode.accept(fact, ctx)?;
        }
    }
    let first = ask.received.first().map(|(r, _)| r.key.id.clone());
    Ok(first.unwrap_or_default())
}

/// What others rest on comes first: a clearance rests on its evaluation session, a dispense on its prescription.
fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Header | Kind::Patient => 0,
        Kind::Member | Kind::RelatedPerson => 1,
        Kind::Session => 2,
        Kind::Issue => 3,
        Kind::Clearance => 4,
        Kind::Prescription => 5,
        Kind::Dispense => 6,
        _ => 7,
    }
}
