//! Everything that a request needs, shared by all of them.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, OnceLock};

use crate::access::Disclosure;
use crate::audit::Recorder;
use crate::auth::Auth;
use crate::auth::seal::SealingKey;
use crate::clock::Clock;
use crate::delivery::Sends;
use crate::error::{Error, Kind, Result};
use crate::interaction::audit::seal::{Health, Sealer};
use crate::interaction::capability::Statement;
use crate::interaction::export::Exports;
use crate::interaction::job::{Leases, Wake};
use crate::interaction::reading::Readings;
use crate::kap::policy::Policy;
use crate::private::Keys;
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
    /// What private notes are sealed with.
    pub private: Keys,
    /// What is told where no consent speaks.
    pub disclosure: Disclosure,
    pub metrics: Metrics,
    pub turns: Turns,
    pub readings: Readings,
    /// What stamps the events of the audit.
    pub recorder: Arc<Recorder>,
    pub sealing: Sealing,
    /// Where bulk exports are kept.
    pub exports: Exports,
    /// Wakes the workers.
    pub wake: Wake,
    pub leases: Leases,
    /// What is sent to subscribers.
    pub sends: Sends,
    /// What the service says of itself, once it was asked.
    pub statement: OnceLock<Statement>,
}

/// What seals the audit.
#[derive(Debug, Default)]
pub struct Sealing {
    /// Given once, before the service starts; the command line needs none.
    pub key: OnceLock<SealingKey>,
    pub sealer: tokio::sync::Mutex<Sealer>,
    pub health: Health,
}

impl Sealing {
    /// The key.
    ///
    /// # Errors
    /// `Invalid` where none was given.
    pub fn key(&self) -> Result<&SealingKey> {
        let text = "The service needs a key to seal its audit: --audit-key FILE (make one with `kap-fhir audit keygen`).";
        self.key
            .get()
            .ok_or_else(|| Error::new(Kind::Invalid, text))
    }
}

impl App {
    /// The service made of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The same, sealing its audit with this key (unless it has one).
    #[must_use]
    pub fn sealed_with(self, key: SealingKey) -> Self {
        self.sealing.key.get_or_init(|| key);
        self
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
