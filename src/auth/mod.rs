//! Who a client is, and the tokens that say so: SMART Backend Services
//! (<https://hl7.org/fhir/smart-app-launch/backend-services.html>).
//!
//! Knows assertions, keys, clients and tokens. Must not know FHIR resources or HTTP frameworks; what an answer's
//! status and headers are is told by [`OAuthError`] and done in `http`. jsonwebtoken is used in `jose` alone.

mod backend_services;
pub mod client;
pub mod cursor;
mod discovery;
mod emergency;
mod form;
pub mod jose;
mod jwks;
pub mod key;
mod oauth_error;
pub mod seal;
mod strict_json;
mod token;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

pub use crate::net::PlainHttp;
pub use backend_services::TokenAnswer;
pub use oauth_error::OAuthError;
pub use token::challenge;

use crate::audit::Recorder;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::net::Lookup;
use crate::store::Store;
use crate::store::identity::ClientRow;

/// Life of an access token, seconds (SMART: should not exceed 300).
pub const TOKEN_SECONDS: i64 = 300;

/// What the operator decides about tokens.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The practice network whose clients these are.
    pub tenant: Arc<str>,
    /// The authorization server's name, which an assertion may name as its audience: an absolute URL.
    pub issuer: String,
    /// Absolute URL of the token endpoint.
    pub token_url: String,
    /// Absolute URL of the introspection endpoint (RFC 7662).
    pub introspection_url: String,
    /// Absolute URL of the revocation endpoint (RFC 7009).
    pub revocation_url: String,
    /// Base URL of the FHIR API, what tokens are for (RFC 8707 `resource`).
    pub fhir_base: String,
    /// Whether key sets may come over plain HTTP from this machine.
    pub plain_http: PlainHttp,
}

/// The authorization server: issues, checks, revokes and describes tokens.
#[derive(Debug)]
pub struct Auth {
    store: Arc<Store>,
    clock: Clock,
    settings: Settings,
    jwks: jwks::Jwks,
    tokens: token::Cache,
    decoys: key::Decoys,
    decoy: ClientRow,
    recorder: Arc<Recorder>,
    /// Set where the operator lets clients break the glass.
    emergencies: std::sync::OnceLock<()>,
}

impl Auth {
    /// Starts the authorization server, after a test that the crypto provider signs and verifies.
    pub fn new(store: Arc<Store>, clock: Clock, settings: Settings) -> Result<Self> {
        jose::self_test(&clock)?;
        let decoys = key::Decoys::new().map_err(Error::internal)?;
        let jwks = jwks::Jwks::new(clock.clone(), settings.plain_http, Lookup::system())?;
        let tokens = token::Cache::default();
        let recorder = Arc::new(Recorder::new(clock.clone())?);
        Ok(Self {
            store,
            clock,
            settings,
            jwks,
            tokens,
            decoy: client::decoy(decoys.set()),
            decoys,
            recorder,
            emergencies: std::sync::OnceLock::new(),
        })
    }

    /// What stamps the events of this instance.
    #[must_use]
    pub fn recorder(&self) -> &Arc<Recorder> {
        &self.recorder
    }

    fn tenant(&self) -> &str {
        &self.settings.tenant
    }
}

/// SHA-256 of `bytes` in base64url: how secrets and jtis are kept.
fn digest(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(bytes.as_ref()))
}

#[cfg(test)]
mod tests;
