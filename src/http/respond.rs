//! Answers: FHIR bodies, practice JSON, and errors in the form that the path speaks.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, Kind};
use crate::fhir::outcome::outcome;

/// Media type of the FHIR API.
pub const FHIR_JSON: &str = "application/fhir+json; charset=utf-8";

/// A failed FHIR request: answers with an `OperationOutcome`.
#[derive(Debug)]
pub struct Outcome(pub Error);

/// A failed request of the JSON API: answers with problem details (RFC 9457).
#[derive(Debug)]
pub struct Problem(pub Error);

impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Outcome {
    fn into_response(self) -> Response {
        let body = outcome(&self.0).to_string();
        finish(self.0, FHIR_JSON, body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = problem(&self.0).to_string();
        finish(self.0, "application/problem+json", body)
    }
}

/// The form of the errors of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `OperationOutcome`.
    Fhir,
    /// An OAuth error (RFC 6749 §5.2).
    OAuth,
    /// Problem details.
    Problem,
}

impl Form {
    /// The form that this path speaks.
    #[must_use]
    pub fn of(path: &str) -> Self {
        match path.split('/').nth(1) {
            Some("fhir") => Self::Fhir,
            Some("auth") => Self::OAuth,
            _ => Self::Problem,
        }
    }

    /// The error as an answer in this form.
    #[must_use]
    pub fn refuse(self, error: Error) -> Response {
        match self {
            Self::Fhir => Outcome(error).into_response(),
            Self::Problem => Problem(error).into_response(),
            Self::OAuth => {
                let body = oauth(&error).to_string();
                finish(error, "application/json", body)
            }
        }
    }
}

fn oauth(error: &Error) -> Value {
    let code = match error.kind {
        Kind::Unauthenticated => "invalid_token",
        Kind::Forbidden => "insufficient_scope",
        Kind::Unavailable | Kind::TooMany => "temporarily_unavailable",
        Kind::Internal => "server_error",
        _ => "invalid_request",
    };
    let text = error.issues.first().map(|i| i.text.as_str());
    json!({ "error": code, "error_description": text.unwrap_or_default() })
}

/// The error for the log: travels with the response to the outermost layer.
#[derive(Clone, Debug)]
pub struct Logged(pub std::sync::Arc<Error>);

fn finish(error: Error, media: &'static str, body: String) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = answer(status, media, body);
    let headers = response.headers_mut();
    match error.kind {
        Kind::Unauthenticated => {
            let value = HeaderValue::from_static(r#"Bearer realm="fhir", error="invalid_token""#);
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
        Kind::Forbidden if error.code == Some("insufficient-scope") => {
            let value =
                HeaderValue::from_static(r#"Bearer realm="fhir", error="insufficient_scope""#);
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
        Kind::Unavailable | Kind::TooMany => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response.extensions_mut().insert(Logged(error.into()));
    response
}

/// Problem details (RFC 9457) with our members: `code`, `issues[]` (`pointer`, `detail`, `rule`, `resolveBy`), `invariants[]`.
#[must_use]
pub fn problem(error: &Error) -> Value {
    let status = error.status();
    let title = StatusCode::from_u16(status)
        .ok()
        .and_then(|s| s.canonical_reason())
        .unwrap_or("Error");
    let code = error.code.unwrap_or(error.kind.wire().1);
    let issues: Vec<Value> = error
        .issues
        .iter()
        .map(|issue| {
            let mut out = json!({ "detail": issue.text });
            for (name, value) in [
                ("pointer", &issue.at),
                ("rule", &issue.rule),
                ("resolveBy", &issue.resolve_by),
            ] {
                if let Some(value) = value {
                    out[name] = json!(value);
                }
            }
            out
        })
        .collect();
    let mut invariants: Vec<&str> = error
        .issues
        .iter()
        .filter_map(|i| i.rule.as_deref())
        .collect();
    invariants.dedup();
    json!({
        "type": format!("https://kap-interop.example.org/problem/{code}"),
        "title": title,
        "status": status,
        "code": code,
        "detail": error.issues.first().map(|i| i.text.as_str()).unwrap_or_default(),
        "issues": issues,
        "invariants": invariants,
    })
}

/// A response with this body.
pub fn answer(status: StatusCode, media: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

/// A JSON answer of the practice API.
///
/// # Errors
/// `Internal` where the value cannot be written.
pub fn json_answer(status: StatusCode, value: &impl Serialize) -> Result<Response, Error> {
    let body = serde_json::to_string(value).map_err(Error::internal)?;
    Ok(answer(status, "application/json", body))
}
