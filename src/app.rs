//! Everything that a request needs, shared by all of them.

use std::sync::Arc;

use crate::auth::Auth;
use crate::clock::Clock;
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
    pub store: Store,
    pub auth: Auth,
    pub policy: Policy,
    pub metrics: Metrics,
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
