//! Reading an episode: its resources, folded to what the practice calls the episode.
//!
//! The fold is a pure function of the resources, and a version of a resource never changes. What was folded once is
//! therefore kept with what it rests on: the episode's version, which every change of its own records raises, and the
//! versions of the records beside it (the patient's, the directory's). Only whoever sees all of them is given it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use serde_json::Value;

use crate::access::Access;
use crate::app::App;
use crate::error::{Error, Result};
use crate::fhir::reference::{local, references};
use crate::fhir::resource::{Key, Stored};
use crate::kap::{Episode, Id};
use crate::mapping;
use crate::store::view::{Bodies, Ground, View, is_directory};

/// Types that state no fact: they are stored and shown, never read back, so their text is not loaded.
const UNREAD: &[&str] = &["Composition", "DocumentReference", "Provenance"];

/// Bytes of resources whose folds are kept. A fold takes about a quarter of the text that it was read from.
const KEPT_BYTES: u64 = 64 * 1024 * 1024;
/// Episodes that this is about.
const KEPT_EPISODES: usize = 512;

/// An episode as it was read: its state and the resources that state it.
#[derive(Debug)]
pub struct Loaded {
    pub version: i64,
    pub episode: Episode,
    /// Every resource, those that state no fact without their body; where the fold was known, what
    /// [`Loaded::complete`] fetched.
    pub stored: HashMap<Key, Stored>,
    /// The resources among them that may state a fact, parsed.
    pub values: Vec<(Key, Value)>,
    extent: Extent,
    beside: Beside,
    named: Named,
    bytes: u64,
}

/// How much of an episode is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Whole,
    FoldAlone,
}

/// Records that an episode rests on and that do not raise its version, each with its own.
type Beside = Arc<HashMap<Key, i64>>;

/// The entries of the directory, and the like of the episode's own, that its records name.
type Named = Arc<HashSet<Key>>;

/// A fold, what it rests on, and the bytes that it was read from.
#[derive(Clone, Debug)]
struct Kept {
    version: i64,
    episode: Arc<Episode>,
    beside: Beside,
    named: Named,
    bytes: u64,
}

/// Tenant and episode.
type Name = (Arc<str>, Id);

#[derive(Clone, Debug)]
struct ByText;

impl Weighter<Name, Kept> for ByText {
    fn weight(&self, _: &Name, kept: &Kept) -> u64 {
        kept.bytes
    }
}

/// The episodes that were folded lately.
#[derive(Debug)]
pub struct Readings(Cache<Name, Kept, ByText>);

impl Readings {
    /// The version of the episode whose fold is kept, if one is.
    #[must_use]
    pub fn kept(&self, tenant: &Arc<str>, episode: &Id) -> Option<i64> {
        let kept = self.0.get(&(tenant.clone(), episode.clone()));
        kept.map(|kept| kept.version)
    }
}

impl Default for Readings {
    fn default() -> Self {
        Self(Cache::with_weighter(KEPT_EPISODES, KEPT_BYTES, ByText))
    }
}

/// Whether what was fetched later is of the state that was read first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completed {
    Whole,
    Moved,
}

/// Reads an episode that the caller may see, without its resources where the fold is known.
///
/// # Errors
/// `NotFound` where it does not exist or is hidden.
///
/// # Panics
/// In debug builds alone, where the fold that was kept is not the one of the resources.
pub async fn load(app: &App, access: &Access, id: &Id) -> Result<Loaded> {
    let Some(kept) = app.readings.0.get(&name(app, id)) else {
        return load_whole(app, access, id).await;
    };
    let owner = &kept.episode.organizations.practice.id;
    let still = access.sees_all_of(owner) && holds(&app.store.view(access), id, &kept).await?;
    if !still {
        return load_whole(app, access, id).await;
    }
    let mut episode = Episode::clone(&kept.episode);
    episode.version = kept.version;
    if cfg!(debug_assertions) {
        let fresh = load_whole(app, access, id).await?;
        let differs = fresh.version == kept.version
            && fresh.beside == kept.beside
            && fresh.episode != episode;
        assert!(
            !differs,
            "the fold that was kept is not the fold of the resources"
        );
    }
    Ok(Loaded {
        version: kept.version,
        episode,
        stored: HashMap::new(),
        values: Vec::new(),
        extent: Extent::FoldAlone,
        beside: kept.beside,
        named: kept.named,
        bytes: kept.bytes,
    })
}

fn name(app: &App, id: &Id) -> Name {
    (app.tenant.clone(), id.clone())
}

/// Whether everything that a kept fold rests on is still as it was.
async fn holds(view: &View<'_>, id: &Id, kept: &Kept) -> Result<bool> {
    let named = kept.beside.keys().filter(|key| is_directory(&key.kind));
    let named: Vec<Key> = named.cloned().collect();
    let patient = &kept.episode.patient.id;
    let ground = view.ground(id, patient, &named).await?;
    Ok(ground.is_some_and(|Ground { version, beside }| {
        version == kept.version && beside == *kept.beside
    }))
}

/// As [`load`], with the body of every resource that may state a fact.
///
/// # Errors
/// `NotFound` where it does not exist or is hidden.
pub async fn load_whole(app: &App, access: &Access, id: &Id) -> Result<Loaded> {
    let view = app.store.view(access);
    let record = view.episode_with(id, Bodies::Without(UNREAD)).await?;
    let record = record.ok_or_else(Error::not_found)?;
    let loaded = fold(id, record.version, record.resources)?;
    if access.sees_all_of(&loaded.episode.organizations.practice.id) {
        let kept = Kept {
            version: loaded.version,
            episode: Arc::new(loaded.episode.clone()),
            beside: loaded.beside.clone(),
            named: loaded.named.clone(),
            bytes: loaded.bytes,
        };
        app.readings.0.insert(name(app, id), kept);
    }
    Ok(loaded)
}

fn fold(id: &Id, version: i64, resources: Vec<Stored>) -> Result<Loaded> {
    let mut values = Vec::with_capacity(resources.len());
    let mut stored = HashMap::with_capacity(resources.len());
    let mut beside = HashMap::new();
    let mut named = HashSet::new();
    let mut bytes = 0;
    for row in resources {
        bytes += row.body.as_ref().map_or(0, |text| text.len() as u64);
        if let Some(value) = row.value() {
            values.push((row.key.clone(), value));
        }
        if row.episode.as_ref() != Some(id) {
            beside.insert(row.key.clone(), row.version);
        }
        if is_directory(&row.key.kind) {
            named.insert(row.key.clone());
        }
        stored.insert(row.key.clone(), row);
    }
    let reading = mapping::from_fhir(&values);
    // What cannot be read is stored and shown as FHIR all the same; the log says where, not what.
    // Where it is shown in part, that part may well be too little.
    let part = |key: &Key| stored.get(key).is_some_and(|row| row.redacted.is_some());
    for (key, issue) in reading.unreadable.iter().filter(|(key, _)| !part(key)) {
        tracing::warn!(
            kind = &*key.kind,
            at = issue.at.as_deref(),
            "a resource of an episode cannot be read"
        );
    }
    let facts = reading.facts.into_iter().map(|(fact, _)| fact).collect();
    // Who sees neither header nor patient sees no episode.
    let mut episode = Episode::fold(facts).ok_or_else(Error::not_found)?;
    episode.version = version;
    Ok(Loaded {
        version,
        episode,
        stored,
        values,
        extent: Extent::Whole,
        beside: Arc::new(beside),
        named: Arc::new(named),
        bytes,
    })
}

impl Loaded {
    /// The present version of a resource that may state a fact, parsed.
    #[must_use]
    pub fn value(&self, key: &Key) -> Option<&Value> {
        let found = self.values.iter().find(|(own, _)| own == key);
        found.map(|(_, value)| value)
    }

    /// Fetches the present versions of `keys`, where the fold alone is at hand. The episode's version guards what of it
    /// is written meanwhile; a record beside it that was is told here.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn complete(&mut self, view: &View<'_>, keys: &[Key]) -> Result<Completed> {
        if self.extent == Extent::Whole || keys.is_empty() {
            return Ok(Completed::Whole);
        }
        for row in view.find(keys).await? {
            if self
                .beside
                .get(&row.key)
                .is_some_and(|seen| *seen != row.version)
            {
                return Ok(Completed::Moved);
            }
            let value = row.value();
            self.values
                .extend(value.map(|value| (row.key.clone(), value)));
            self.stored.insert(row.key.clone(), row);
        }
        Ok(Completed::Whole)
    }

    /// Keeps the state `after`, which `written` was built from and nothing else was.
    pub fn keep(&self, app: &App, written: &[Stored], after: &Episode) {
        let mut beside = HashMap::clone(&self.beside);
        let mut named = HashSet::clone(&self.named);
        for row in written {
            if row.episode.as_ref() != Some(&after.episode_id) {
                beside.insert(row.key.clone(), row.version);
            }
            if is_directory(&row.key.kind) {
                named.insert(row.key.clone());
            }
        }
        let foreign = |row: &Stored| {
            let value = row.value().unwrap_or_default();
            let found = references(&row.key.kind, &value).into_iter();
            found
                .filter_map(|found| local(&found.text))
                .any(|key| is_directory(&key.kind) && !named.contains(&key))
        };
        // An entry of the directory that is named for the first time has a version that is not known here.
        let fold = Episode::fold(after.facts()).filter(|_| !written.iter().any(foreign));
        let Some(mut episode) = fold else {
            app.readings.0.remove(&name(app, &after.episode_id));
            return;
        };
        episode.version = self.version + 1;
        let grown = written.iter().filter_map(|row| row.body.as_ref());
        let kept = Kept {
            version: self.version + 1,
            episode: Arc::new(episode),
            beside: Arc::new(beside),
            named: Arc::new(named),
            bytes: self.bytes + grown.map(|text| text.len() as u64).sum::<u64>(),
        };
        app.readings.0.insert(name(app, &after.episode_id), kept);
    }
}
