//! What happens around every request: id, time limit, panic guard, trace context, audit, one log line, safe headers.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt as _;
use opentelemetry::propagation::Extractor;
use tracing::Instrument as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::audit;
use super::respond::{Form, Logged};
use crate::app::App;
use crate::error::{Error, Kind};

const LONGEST: Duration = Duration::from_mins(1);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost layer.
pub async fn around(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&app, &request);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let trail = audit::begin(&mut request, &id);
    let method = request.method().clone();
    let route = template(&request);
    let form = Form::of(request.uri().path());
    let span = tracing::info_span!("request", method = %method, route = %route, id = id.to_str().unwrap_or_default());
    let context =
        opentelemetry::global::get_text_map_propagator(|p| p.extract(&Headers(request.headers())));
    let _ = span.set_parent(context);
    let guarded = AssertUnwindSafe(next.run(request)).catch_unwind();
    let answered = tokio::time::timeout(LONGEST, guarded)
        .instrument(span.clone())
        .await;
    let mut response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => form.refuse(Error::internal("a handler panicked")),
        Err(_) => form.refuse(Error::new(
            Kind::Unavailable,
            "The request took too long. Try again.",
        )),
    };
    if plain_refusal(&response) {
        let text = "The path or the query cannot be read.";
        response = form.refuse(Error::new(Kind::Invalid, text));
    }
    response = audit::settle(&app, &trail, (form, &route), response).await;
    let took = started.elapsed();
    app.metrics
        .request(method.as_str(), &route, response.status().as_u16(), took);
    span.in_scope(|| log(&response, method.as_str(), &route, &id, took));
    finish(&mut response, id);
    response
}

/// Whether the framework itself refused the request, in words of its own (a path that is not UTF-8).
fn plain_refusal(response: &Response) -> bool {
    response.status() == StatusCode::BAD_REQUEST
        && response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|v| v.as_bytes().starts_with(b"text/plain"))
}

/// The caller's request id if it is harmless, else a new one.
fn request_id(app: &App, request: &Request) -> HeaderValue {
    let given = request.headers().get(REQUEST_ID).filter(|v| {
        let legal = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-';
        (8..=64).contains(&v.len()) && v.as_bytes().iter().all(legal)
    });
    given.cloned().unwrap_or_else(|| {
        HeaderValue::from_str(&app.clock.uuid().to_string())
            .unwrap_or(HeaderValue::from_static("-"))
    })
}

/// The route's template: never the path itself, which names records.
fn template(request: &Request) -> String {
    match request.extensions().get::<MatchedPath>() {
        Some(path) => path.as_str().to_owned(),
        None => "unmatched".to_owned(),
    }
}

fn log(response: &Response, method: &str, route: &str, id: &HeaderValue, took: Duration) {
    let status = response.status().as_u16();
    let ms = u64::try_from(took.as_micros()).unwrap_or(u64::MAX) / 1000;
    let id = id.to_str().unwrap_or_default();
    match response.extensions().get::<Logged>() {
        Some(Logged(error)) if status >= 500 => {
            let cause = error
                .cause
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            tracing::error!(method, route, status, ms, request_id = id, kind = ?error.kind, cause, "request");
        }
        Some(Logged(error)) => {
            tracing::info!(method, route, status, ms, request_id = id, kind = ?error.kind, code = error.code, "request");
        }
        None => tracing::info!(method, route, status, ms, request_id = id, "request"),
    }
}

fn finish(response: &mut Response, id: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

/// A path that no route has.
pub async fn no_route(request: Request) -> Response {
    let form = Form::of(request.uri().path());
    form.refuse(Error::new(Kind::NotFound, "There is no such path."))
}

/// A method that the route does not have.
pub async fn no_method(request: Request) -> Response {
    let form = Form::of(request.uri().path());
    let mut response = form.refuse(Error::new(
        Kind::MethodNotAllowed,
        "This path does not have that method.",
    ));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

struct Headers<'a>(&'a axum::http::HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|v| v.to_str().ok())
    }
    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}
