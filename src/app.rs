//! Everything that a request needs, shared by all of them.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use crate::auth::Auth;
use crate::clock::Clock;
use crate::interaction::reading::Readings;
use crate::kap::policy::Policy;
use crate::store::Store;
use crate::telemetry::Metrics;

/// The running service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
#[derive(Debug)]
pub struct Parts {
    /// Public base URL without a trailing slash, such as `https://kap.example.org`.
    pub base: Arc<str>,
    /// The practice network whose data this is.
    pub tenant: Arc<str>,
    pub clock: Clock,
    pub store: Arc<Store>,
    pub auth: Auth,
    pub policy: Policy,
    pub metrics: Metrics,
    pub turns: Turns,
    pub readings: Readings,
}

impl App {
    /// The service made of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Base URL of the FHIR API.
    #[must_use]
    pub fn fhir_base(&self) -> String {
        format!("{}/fhir", self.base)
    }
}

impl std::ops::Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Lets the writers of one episode take turns within this process, so that they seldom meet in the database.
/// The guards of the store are what makes them safe; this only saves work.
#[derive(Debug)]
pub struct Turns(Vec<tokio::sync::Mutex<()>>);

impl Turns {
    /// The lock of an episode (shared by some others).
    #[must_use]
    pub fn of(&self, episode: &str) -> &tokio::sync::Mutex<()> {
        let mut hash = DefaultHasher::new();
        episode.hash(&mut hash);
        let slot = usize::try_from(hash.finish()).unwrap_or_default() % self.0.len();
        &self.0[slot]
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self((0..256).map(|_| tokio::sync::Mutex::new(())).collect())
    }
}
