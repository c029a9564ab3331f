//! The operations of subscriptions.

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};

use super::operation::asked;
use super::{Answer, key};
use crate::app::App;
use crate::http::extract::Permit;
use crate::http::negotiate::handling;
use crate::http::respond::{FHIR_JSON, answer};
use crate::interaction::operation::Asked;
use crate::interaction::subscription::{TYPE, query};

/// `GET` and `POST /fhir/Subscription/{id}/$status`
pub async fn status(
    State(app): State<App>,
    Permit(access): Permit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    let all = asked(query.as_deref(), &headers, content).await?;
    Asked::new(all, &[], handling(&headers))?;
    let text = query::status(&app, &access, &key(TYPE, &id)?.id).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, text))
}

/// `GET` and `POST /fhir/Subscription/$status`
pub async fn statuses(
    State(app): State<App>,
    Permit(access): Permit,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    let all = asked(query.as_deref(), &headers, content).await?;
    let asked = Asked::new(all, query::STATUS, handling(&headers))?;
    let text = query::statuses(&app, &access, &asked).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, text))
}

/// `GET` and `POST /fhir/Subscription/{id}/$events`
pub async fn events(
    State(app): State<App>,
    Permit(access): Permit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    let all = asked(query.as_deref(), &headers, content).await?;
    let asked = Asked::new(all, query::EVENTS, handling(&headers))?;
    let text = query::events(&app, &access, &key(TYPE, &id)?.id, &asked).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, text))
}
