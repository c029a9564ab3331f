//! Reading an episode: its resources, folded to what the practice calls the episode.
//!
//! The fold is a pure function of the resources, and a version of a resource never changes. What was folded once is
//! therefore kept by the keys and versions that it was folded from; whoever sees other rows gets another fold.

use std::collections::HashMap;
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::access::Access;
use crate::app::App;
use crate::error::{Error, Result};
use crate::fhir::resource::{Key, Stored};
use crate::kap::{Episode, Id};
use crate::mapping;
use crate::store::view::{Bodies, EpisodeRecord, View};

/// Types that state no fact: they are stored and shown, never read back, so their text is not loaded.
const UNREAD: &[&str] = &["Composition", "DocumentReference", "Provenance"];

/// Bytes of resources whose folds are kept. A fold takes about a quarter of the text that it was read from.
const KEPT_BYTES: u64 = 96 * 1024 * 1024;
/// Episodes that this is about.
const KEPT_EPISODES: usize = 512;

/// An episode as it was read: its state and the resources that state it.
#[derive(Debug)]
pub struct Loaded {
    pub version: i64,
    pub episode: Episode,
    /// Every resource; those that state no fact without their body, and all of them where the fold was known.
    pub stored: HashMap<Key, Stored>,
    /// The resources that may state a fact, parsed; where the fold was known, those that [`Loaded::complete`] fetched.
    pub values: Vec<(Key, Value)>,
    print: Print,
    bytes: u64,
}

impl Loaded {
    /// The present version of a resource that may state a fact, parsed.
    #[must_use]
    pub fn value(&self, key: &Key) -> Option<&Value> {
        let found = self.values.iter().find(|(own, _)| own == key);
        found.map(|(_, value)| value)
    }

    /// Fetches what is missing of `keys` to say what they state now. `Moved` where one was written meanwhile.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn complete(&mut self, view: &View<'_>, keys: Vec<Key>) -> Result<Completed> {
        let keys: Vec<Key> = keys.into_iter().filter(|key| self.lacks(key)).collect();
        if keys.is_empty() {
            return Ok(Completed::Whole);
        }
        for row in view.find(&keys).await? {
            let same = |known: &Stored| known.version == row.version;
            if !self.stored.get(&row.key).is_some_and(same) {
                return Ok(Completed::Moved);
            }
            self.values
                .extend(row.value().map(|value| (row.key.clone(), value)));
            self.stored.insert(row.key.clone(), row);
        }
        let gone = keys.iter().any(|key| self.lacks(key));
        Ok(if gone {
            Completed::Moved
        } else {
            Completed::Whole
        })
    }

    fn lacks(&self, key: &Key) -> bool {
        self.stored.get(key).is_some_and(|row| row.body.is_none())
    }

    /// Keeps the fold that `written` and the unchanged rest will give: `after`, which they were built from.
    pub fn keep(&self, app: &App, access: &Access, written: &[Stored], after: &Episode) {
        let Some(episode) = Episode::fold(after.facts()) else {
            return;
        };
        let newer: HashMap<&Key, i64> = written.iter().map(|r| (&r.key, r.version)).collect();
        let kept = self.stored.values().filter(|r| !newer.contains_key(&r.key));
        let kept = kept.map(|r| (&r.key, r.version));
        let print = print(access, newer.iter().map(|(key, v)| (*key, *v)).chain(kept));
        let grown: usize = written
            .iter()
            .filter_map(|r| Some(r.body.as_ref()?.len()))
            .sum();
        let bytes = self.bytes + grown as u64;
        let episode = Arc::new(episode);
        app.readings.0.insert(print, Kept { episode, bytes });
        // Nobody will ask for what it was before.
        app.readings.0.remove(&self.print);
    }
}

/// Whether what was fetched later is of the state that was read first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completed {
    Whole,
    Moved,
}

/// Names a set of versions of resources.
type Print = [u8; 32];

/// A fold and the bytes that it was read from.
#[derive(Clone, Debug)]
struct Kept {
    episode: Arc<Episode>,
    bytes: u64,
}

#[derive(Clone, Debug)]
struct ByText;

impl Weighter<Print, Kept> for ByText {
    fn weight(&self, _: &Print, kept: &Kept) -> u64 {
        kept.bytes
    }
}

/// The episodes that were folded lately.
#[derive(Debug)]
pub struct Readings(Cache<Print, Kept, ByText>);

impl Default for Readings {
    fn default() -> Self {
        Self(Cache::with_weighter(KEPT_EPISODES, KEPT_BYTES, ByText))
    }
}

/// Reads an episode that the caller may see: its state, and its resources without their bodies where the fold is known.
///
/// # Errors
/// `NotFound` where it does not exist or is hidden.
pub async fn load(app: &App, access: &Access, id: &Id) -> Result<Loaded> {
    let view = app.store.view(access);
    let record = view.episode_with(id, Bodies::None).await?;
    let record = record.ok_or_else(Error::not_found)?;
    let print = print_of(access, &record);
    let Some(known) = app.readings.0.get(&print) else {
        return load_whole(app, access, id).await;
    };
    let mut episode = Episode::clone(&known.episode);
    episode.version = record.version;
    if cfg!(debug_assertions) {
        let fresh = load_whole(app, access, id).await?;
        let differs = fresh.print == print && fresh.episode != episode;
        assert!(
            !differs,
            "the fold that was kept is not the fold of the resources"
        );
    }
    let stored = record.resources.into_iter();
    Ok(Loaded {
        version: record.version,
        episode,
        stored: stored.map(|row| (row.key.clone(), row)).collect(),
        values: Vec::new(),
        print,
        bytes: known.bytes,
    })
}

/// As [`load`], with the body of every resource that may state a fact.
///
/// # Errors
/// `NotFound` where it does not exist or is hidden.
pub async fn load_whole(app: &App, access: &Access, id: &Id) -> Result<Loaded> {
    let view = app.store.view(access);
    let record = view.episode_with(id, Bodies::Without(UNREAD)).await?;
    let record = record.ok_or_else(Error::not_found)?;
    let loaded = fold(access, record)?;
    let episode = Arc::new(loaded.episode.clone());
    let bytes = loaded.bytes;
    app.readings.0.insert(loaded.print, Kept { episode, bytes });
    Ok(loaded)
}

/// Names what a fold is made from.
fn print<'k>(access: &Access, rows: impl Iterator<Item = (&'k Key, i64)>) -> Print {
    let mut rows: Vec<(&Key, i64)> = rows.collect();
    rows.sort_unstable_by_key(|(key, _)| (&*key.kind, key.id.as_str()));
    let mut hash = Sha256::new();
    hash.update(access.tenant());
    for (key, version) in rows {
        for part in ["/", &*key.kind, "/", key.id.as_str(), "/"] {
            hash.update(part);
        }
        hash.update(version.to_le_bytes());
    }
    hash.finalize().into()
}

fn print_of(access: &Access, record: &EpisodeRecord) -> Print {
    print(access, record.resources.iter().map(|r| (&r.key, r.version)))
}

fn bytes(record: &EpisodeRecord) -> u64 {
    let bodies = record.resources.iter().filter_map(|row| row.body.as_ref());
    bodies.map(|text| text.len() as u64).sum()
}

fn fold(access: &Access, record: EpisodeRecord) -> Result<Loaded> {
    let (print, bytes) = (print_of(access, &record), bytes(&record));
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
        print,
        bytes,
    })
}
