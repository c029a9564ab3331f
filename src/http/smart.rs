//! SMART Backend Services over HTTP: discovery, tokens, introspection, revocation.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::extract::{Permit, body, single};
use super::respond::{Logged, answer};
use crate::app::App;
use crate::audit::{Kind, Trail};
use crate::auth::OAuthError;
use crate::error::Error;
use crate::interaction::audit::note;

const FORM: usize = 16 * 1024;

/// A failed request to an OAuth endpoint.
#[derive(Debug)]
pub struct Refusal(OAuthError);

impl From<OAuthError> for Refusal {
    fn from(error: OAuthError) -> Self {
        Self(error)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        if error.status() >= 500 {
            return Self(error.into());
        }
        let text = error.issues.first().map(|i| i.text.clone());
        Self(OAuthError::of_request(
            error.status(),
            text.unwrap_or_default(),
        ))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = answer(status, "application/json", self.0.body().to_string());
        if let Some(cause) = self.0.cause {
            response.extensions_mut().insert(Logged(cause.into()));
        }
        response
    }
}

fn public(value: &serde_json::Value) -> Response {
    let mut response = answer(StatusCode::OK, "application/json", value.to_string());
    response.headers_mut().insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    response
}

/// `GET /fhir/.well-known/smart-configuration`
pub async fn configuration(State(app): State<App>) -> Response {
    public(&app.auth.smart_configuration())
}

/// `GET /.well-known/oauth-authorization-server` (RFC 8414)
pub async fn oauth(State(app): State<App>) -> Response {
    public(&app.auth.oauth_authorization_server())
}

/// `POST /auth/token`
pub async fn token(
    State(app): State<App>,
    Extension(trail): Extension<Arc<Trail>>,
    headers: HeaderMap,
    content: Body,
) -> Result<Response, Refusal> {
    let bytes = body(content, FORM).await?;
    let media = single(&headers, &header::CONTENT_TYPE)?;
    let authorization = single(&headers, &header::AUTHORIZATION)?;
    app.recorder.count();
    let granted = app.auth.token(media, authorization, &bytes, &trail);
    let granted = granted.await?;
    if granted.emergency {
        app.metrics.emergency("token");
    }
    let value = json!({
        "access_token": granted.access_token,
        "token_type": granted.token_type,
        "expires_in": granted.expires_in,
        "scope": granted.scope,
    });
    let mut response = answer(StatusCode::OK, "application/json", value.to_string());
    response
        .headers_mut()
        .insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// `POST /auth/introspect` (RFC 7662)
pub async fn introspect(
    State(app): State<App>,
    Permit(access): Permit,
    headers: HeaderMap,
    content: Body,
) -> Result<Response, Refusal> {
    let bytes = body(content, FORM).await?;
    let media = single(&headers, &header::CONTENT_TYPE)?;
    let caller = access
        .caller()
        .ok_or_else(|| Refusal::from(Error::not_found()))?;
    let value = app.auth.introspect(caller, media, &bytes).await?;
    note(&access, access.event(Kind::Operation).detail("introspect"));
    Ok(answer(
        StatusCode::OK,
        "application/json",
        value.to_string(),
    ))
}

/// `POST /auth/revoke` (RFC 7009)
pub async fn revoke(
    State(app): State<App>,
    Extension(trail): Extension<Arc<Trail>>,
    headers: HeaderMap,
    content: Body,
) -> Result<Response, Refusal> {
    let bytes = body(content, FORM).await?;
    let media = single(&headers, &header::CONTENT_TYPE)?;
    let authorization = single(&headers, &header::AUTHORIZATION)?;
    app.recorder.count();
    app.auth
        .revoke(media, authorization, &bytes, &trail)
        .await?;
    Ok(answer(StatusCode::OK, "application/json", "{}"))
}
