//! Webhooks of the JSON API: what subscribers are told, without a word of FHIR.

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

use super::extract::{Permit, body, media};
use super::respond::{Problem, answer, json_answer};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::interaction::practice::read_body;
use crate::interaction::subscription::keys as signing;
use crate::interaction::subscription::webhook::{self, New, Pages, offer};
use crate::kap::Id;

type Answer = std::result::Result<Response, Problem>;

/// Most bytes of a webhook that is asked for.
const MOST: usize = 64 * 1024;

/// The routes below `/kap/v1`. They ask for the scope `system/Subscription`.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/webhooks", get(list).post(create))
        .route("/webhooks/topics", get(topics))
        .route("/webhooks/keys", get(keys))
        .route("/webhooks/keys/rotate", post(rotate))
        .route("/webhooks/{id}", get(read).delete(remove))
        .route("/webhooks/{id}/pause", post(pause))
        .route("/webhooks/{id}/resume", post(resume))
        .route("/webhooks/{id}/events", get(events))
        .route("/webhooks/{id}/attempts", get(attempts))
}

/// What everybody may read: the keys that notifications are signed with.
pub fn published() -> Router<App> {
    Router::new().route("/.well-known/kap-webhook-jwks.json", get(jwks))
}

async fn jwks(State(app): State<App>) -> Answer {
    let set = signing::published(&app, None).await?;
    let mut response = answer(StatusCode::OK, "application/jwk-set+json", set.to_string());
    let kept = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, kept);
    Ok(response)
}

fn id(text: &str) -> Result<Id> {
    Id::new(text).ok_or_else(Error::not_found)
}

async fn list(State(app): State<App>, Permit(access): Permit) -> Answer {
    let all = webhook::list(&app, &access).await?;
    Ok(json_answer(StatusCode::OK, &all)?)
}

async fn create(
    State(app): State<App>,
    Permit(access): Permit,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    webhook::may_create(&access)?;
    media(&headers, &["application/json"])?;
    let bytes = body(content, MOST).await?;
    let new: New = read_body(&bytes)?;
    let (made, is_new) = webhook::create(&app, &access, &new).await?;
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let mut response = json_answer(status, &made)?;
    let place = format!("/kap/v1/webhooks/{}", made.id());
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

async fn read(
    State(app): State<App>,
    Permit(access): Permit,
    Path(webhook): Path<String>,
) -> Answer {
    let one = webhook::read(&app, &access, &id(&webhook)?).await?;
    Ok(json_answer(StatusCode::OK, &one)?)
}

async fn remove(
    State(app): State<App>,
    Permit(access): Permit,
    Path(webhook): Path<String>,
) -> Answer {
    webhook::remove(&app, &access, &id(&webhook)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn pause(
    State(app): State<App>,
    Permit(access): Permit,
    Path(webhook): Path<String>,
) -> Answer {
    let one = webhook::pause(&app, &access, &id(&webhook)?).await?;
    Ok(json_answer(StatusCode::OK, &one)?)
}

async fn resume(
    State(app): State<App>,
    Permit(access): Permit,
    Path(webhook): Path<String>,
) -> Answer {
    let one = webhook::resume(&app, &access, &id(&webhook)?).await?;
    Ok(json_answer(StatusCode::OK, &one)?)
}

async fn events(
    State(app): State<App>,
    Permit(access): Permit,
    Path(webhook): Path<String>,
    query: std::result::Result<Query<Pages>, QueryRejection>,
) -> Answer {
    let bad = |_: QueryRejection| {
        let text = "The query is not of the form ?after=N&limit=N.";
        Error::new(Kind::Invalid, text).issue_code("value")
    };
    let Query(pages) = query.map_err(bad)?;
    let page = webhook::events(&app, &access, &id(&webhook)?, &pages).await?;
    Ok(json_answer(StatusCode::OK, &page)?)
}

async fn attempts(
    State(app): State<App>,
    Permit(access): Permit,
    Path(webhook): Path<String>,
) -> Answer {
    let all = webhook::attempts(&app, &access, &id(&webhook)?).await?;
    Ok(json_answer(StatusCode::OK, &all)?)
}

async fn topics(Permit(access): Permit) -> Answer {
    Ok(json_answer(StatusCode::OK, &offer::topics(&access))?)
}

async fn keys(State(app): State<App>, Permit(access): Permit) -> Answer {
    let all = offer::keys(&app, &access).await?;
    Ok(json_answer(StatusCode::OK, &all)?)
}

async fn rotate(State(app): State<App>, Permit(access): Permit) -> Answer {
    let all = offer::rotate(&app, &access).await?;
    Ok(json_answer(StatusCode::OK, &all)?)
}
