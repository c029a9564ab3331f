//! The errors of the OAuth endpoints (RFC 6749 §5.2, RFC 8707 §2).

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::error::{Error, Kind};

/// What an OAuth endpoint answers instead of what was asked.
#[derive(Debug)]
pub struct OAuthError {
    /// HTTP status: 400, 401, 403, 500 or 503.
    pub status: u16,
    /// The registered error code, such as `invalid_client`.
    pub error: &'static str,
    /// A sentence for the client's developer. Never holds a token, an assertion or stored data.
    pub error_description: String,
    /// To log, once, where the error is handled. Never shown.
    pub cause: Option<Box<Error>>,
    /// The registered client that was named, for the audit: whether it was it is another question.
    pub(super) client: Option<Arc<str>>,
    /// For the audit, where it is more exact than the code. Never shown.
    pub(super) reason: Option<&'static str>,
}

impl OAuthError {
    fn new(status: u16, error: &'static str, description: impl Into<String>) -> Self {
        let error_description = description.into();
        Self {
            status,
            error,
            error_description,
            cause: None,
            client: None,
            reason: None,
        }
    }

    /// The same, with the registered client that was named.
    pub(super) fn of(mut self, client: &Arc<str>) -> Self {
        self.client = Some(client.clone());
        self
    }

    /// The same, with a more exact reason for the audit.
    pub(super) fn because(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// An error of the request that no other name fits.
    #[must_use]
    pub fn of_request(status: u16, description: impl Into<String>) -> Self {
        Self::new(status, "invalid_request", description)
    }

    pub(super) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new(400, "invalid_request", description)
    }

    pub(super) fn unsupported_grant_type() -> Self {
        let text = "The grant_type must be client_credentials.";
        Self::new(400, "unsupported_grant_type", text)
    }

    /// Any failure of client authentication.
    pub(super) fn invalid_client(description: impl Into<String>) -> Self {
        Self::new(401, "invalid_client", description)
    }

    pub(super) fn invalid_scope(description: impl Into<String>) -> Self {
        Self::new(400, "invalid_scope", description)
    }

    pub(super) fn invalid_target() -> Self {
        let text = "The resource must be the base URL of this FHIR API.";
        Self::new(400, "invalid_target", text)
    }

    pub(super) fn insufficient_scope(description: impl Into<String>) -> Self {
        Self::new(403, "insufficient_scope", description)
    }

    /// The body of the answer, `application/json`.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({ "error": self.error, "error_description": self.error_description })
    }
}

impl From<Error> for OAuthError {
    fn from(cause: Error) -> Self {
        let (status, error) = match cause.kind {
            Kind::Unavailable => (503, "temporarily_unavailable"),
            _ => (500, "server_error"),
        };
        let text = "The service cannot answer now. The request id names the reason in its log.";
        Self {
            cause: Some(Box::new(cause)),
            ..Self::new(status, error, text)
        }
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}: {}",
            self.status, self.error, self.error_description
        )
    }
}

impl std::error::Error for OAuthError {}
