//! From a request to what an interaction needs: who calls, which body, which preconditions.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};

pub use super::negotiate::media;
use super::respond::Form;
use crate::access::Access;
use crate::app::App;
use crate::audit::Trail;
use crate::auth::challenge;
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::version;

/// Most bytes of a resource or of a body of the JSON API.
pub const BODY: usize = 2 * 1024 * 1024;
/// Most bytes of a transaction bundle.
pub const BUNDLE: usize = 8 * 1024 * 1024;
/// Most bytes that are read of a body beyond its limit.
const DROPPED: usize = 16 * 1024 * 1024;
/// So long a body may take, and so long may pass between two parts of it.
const LONGEST_BODY: Duration = Duration::from_secs(45);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What the caller of this request may see and do: a handler that takes it needs a valid token.
#[derive(Debug)]
pub struct Permit(pub Access);

/// A refusal, in the form that the path speaks.
#[derive(Debug)]
pub struct Refused {
    form: Form,
    error: Error,
    /// What a 401 asks for.
    challenge: &'static str,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = self.form.refuse(self.error);
        if response.status() == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static(self.challenge);
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl FromRequestParts<App> for Permit {
    type Rejection = Refused;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &App,
    ) -> std::result::Result<Self, Refused> {
        let form = Form::of(parts.uri.path());
        let permitted = match no_token(parts.uri.query()) {
            Ok(()) => permit(parts, app).await,
            Err(error) => Err(error),
        };
        permitted.map(Permit).map_err(|error| {
            let given = parts.headers.get(header::AUTHORIZATION);
            Refused {
                form,
                error,
                challenge: challenge(given.map(|_| "")),
            }
        })
    }
}

async fn permit(parts: &Parts, app: &App) -> Result<Access> {
    let headers = &parts.headers;
    let trail = parts.extensions.get::<Arc<Trail>>();
    let trail = trail.ok_or_else(|| Error::internal("a request without a trail"))?;
    for name in [
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::IF_MATCH,
    ] {
        single(headers, &name)?;
    }
    let authorization = single(headers, &header::AUTHORIZATION)?;
    let caller = match app.auth.authenticate(authorization).await {
        Ok(caller) => caller,
        Err(error) => {
            // Whose token it was is worth a trace; a token that never was leaves none.
            if let Some(actor) = app.auth.owner(authorization).await? {
                app.recorder.count();
                trail.by(actor);
            }
            return Err(error);
        }
    };
    app.recorder.count();
    trail.by(caller.actor());
    if caller.breaks_glass() {
        app.metrics.emergency("request");
        tracing::warn!(
            client = &*caller.client,
            token = &*caller.token,
            "emergency access: the glass is broken"
        );
    }
    let access = Access::of(app.tenant.clone(), caller, app.clock.millis());
    Ok(access.under(app.disclosure).within(trail.clone()))
}

/// The one value of a header; `None` where it is absent.
///
/// # Errors
/// `Invalid` where it stands twice or is not visible ASCII.
pub fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>> {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else {
        return Ok(None);
    };
    let refuse = |what| {
        Err(Error::new(
            Kind::Invalid,
            format!("The header {name} {what}."),
        ))
    };
    if values.next().is_some() {
        return refuse("stands twice");
    }
    match first.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(_) => refuse("is not ASCII text"),
    }
}

/// Reads a body of at most `limit` bytes. The rest of a larger one is read and dropped, up to [`DROPPED`] bytes: a
/// client that is still sending would not hear the answer.
///
/// # Errors
/// `TooLarge` beyond the limit, `Invalid` where the client broke off, `Timeout` where it lags.
pub async fn body(mut body: Body, limit: usize) -> Result<Bytes> {
    let mut whole = BytesMut::new();
    let mut length = 0_usize;
    let end = Instant::now() + LONGEST_BODY;
    while let Some(frame) = in_time(end, body.frame()).await? {
        let Ok(frame) = frame else {
            return Err(Error::new(Kind::Invalid, "The body did not arrive whole."));
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length = length.saturating_add(data.len());
        if length <= limit {
            whole.extend_from_slice(&data);
        } else if length > limit.saturating_add(DROPPED) {
            break;
        }
    }
    if length <= limit {
        return Ok(whole.freeze());
    }
    let text = format!("The body is larger than {limit} bytes.");
    Err(Error::new(Kind::TooLarge, text))
}

/// What axum says of a query string that cannot be read, as a sentence.
#[must_use]
pub fn bad_parameter(said: &str) -> String {
    let what = said
        .rsplit_once("query string: ")
        .map_or(said, |(_, what)| what);
    format!("Query parameter {what}.")
}

/// The next part of a body: within some seconds, and before the body's `end`.
async fn in_time<T>(end: Instant, part: impl Future<Output = T>) -> Result<T> {
    let until = end.min(Instant::now() + LONGEST_PAUSE);
    timeout_at(until, part).await.map_err(|_| {
        let text = "The body did not arrive in time.";
        Error::new(Kind::Timeout, text)
    })
}

/// Refuses an access token in a query or a form, where logs and histories would keep it.
///
/// # Errors
/// `Invalid`.
pub fn no_token(query: Option<&str>) -> Result<()> {
    let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    if pairs.any(|(name, _)| name == "access_token") {
        let text = "An access token goes into the Authorization header and nowhere else.";
        return Err(Error::new(Kind::Invalid, text));
    }
    Ok(())
}

/// The version that `If-Match` names; `None` where the header is absent or `*`.
///
/// # Errors
/// `Invalid` where it is not one ETag of ours, `W/"<version>"`.
pub fn if_match(headers: &HeaderMap) -> Result<Option<i64>> {
    match single(headers, &header::IF_MATCH)? {
        None | Some("*") => Ok(None),
        Some(text) => version(text).map(Some).ok_or_else(|| {
            Error::new(
                Kind::Invalid,
                "If-Match is one ETag that this service gave, such as W/\"3\".",
            )
        }),
    }
}

/// The idempotency key: a quoted string (draft-ietf-httpapi-idempotency-key-header-07) or the same without quotes.
///
/// # Errors
/// `Invalid` where it is absent, longer than 255 characters or not visible ASCII.
pub fn idempotency_key(headers: &HeaderMap) -> Result<String> {
    let name = HeaderName::from_static("idempotency-key");
    let Some(text) = single(headers, &name)? else {
        let text = "Send an Idempotency-Key header (a new UUID per command): with it a repeat after a lost \
                    answer does nothing twice.";
        return Err(Error::new(Kind::Invalid, text).code("idempotency-key-missing"));
    };
    let text = text.trim();
    let key = text
        .strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .unwrap_or(text);
    if key.is_empty() || key.len() > 255 {
        let text = "An Idempotency-Key has 1 to 255 characters.";
        return Err(Error::new(Kind::Invalid, text).code("idempotency-key-missing"));
    }
    Ok(key.to_owned())
}
