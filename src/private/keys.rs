//! The ring that the running service seals with.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use super::file;
use super::ring::Ring;
use crate::error::{Error, Kind, Result};

/// Holds the ring, once the service has one. Without one, private notes are neither taken nor told.
#[derive(Debug, Default)]
pub struct Keys(RwLock<Option<Held>>);

#[derive(Clone, Debug)]
struct Held {
    ring: Arc<Ring>,
    source: Option<PathBuf>,
}

impl Keys {
    fn held(&self) -> Result<Held> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        held.clone().ok_or_else(|| {
            let text = "This service was started without keys for private notes.";
            Error::new(Kind::Unavailable, text)
        })
    }

    /// The ring.
    ///
    /// # Errors
    /// `Unavailable` where there is none.
    pub fn ring(&self) -> Result<Arc<Ring>> {
        self.held().map(|held| held.ring)
    }

    /// Seals with this ring from now on; `source` is the file that it came from.
    pub fn hold(&self, ring: Ring, source: Option<PathBuf>) {
        let ring = Arc::new(ring);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Held { ring, source });
    }

    /// What the ring's file holds now: the operator may have added a key since. `None` where it came from no file.
    ///
    /// # Errors
    /// As [`file::read`].
    pub fn read_again(&self) -> Result<Option<(Ring, PathBuf)>> {
        match self.held()?.source {
            Some(path) => file::read(&path).map(|ring| Some((ring, path))),
            None => Ok(None),
        }
    }
}
