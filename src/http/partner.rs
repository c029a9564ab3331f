//! How the exchange with partners' systems stands, over HTTP.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use serde_json::json;

use super::extract::Permit;
use super::respond::{Problem, answer, json_answer};
use crate::app::App;
use crate::interaction::partner::{keys, query};

type Answer = std::result::Result<Response, Problem>;

/// The routes below `/kap/v1`. They ask for the scope `system/Task.s`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/partners", get(list))
        .route("/partners/{id}/episodes", get(episodes))
        .route("/partners/{id}/reviews", get(reviews))
}

/// What everybody may read: the keys with which this service logs in elsewhere.
pub fn published() -> Router<App> {
    Router::new().route("/.well-known/jwks.json", get(jwks))
}

async fn jwks(State(app): State<App>) -> Answer {
    let set = keys::published(&app, None).await?;
    let mut response = answer(StatusCode::OK, "application/jwk-set+json", set.to_string());
    let kept = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, kept);
    Ok(response)
}

async fn list(State(app): State<App>, Permit(access): Permit) -> Answer {
    let items = query::asked(&app, &access).await?;
    Ok(json_answer(StatusCode::OK, &json!({ "items": items }))?)
}

async fn episodes(
    State(app): State<App>,
    Permit(access): Permit,
    Path(id): Path<String>,
) -> Answer {
    let items = query::asked_episodes(&app, &access, &id).await?;
    Ok(json_answer(StatusCode::OK, &json!({ "items": items }))?)
}

async fn reviews(State(app): State<App>, Permit(access): Permit, Path(id): Path<String>) -> Answer {
    let items = query::asked_reviews(&app, &access, &id).await?;
    Ok(json_answer(StatusCode::OK, &json!({ "items": items }))?)
}
