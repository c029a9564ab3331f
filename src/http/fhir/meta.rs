//! `$meta`, `$meta-add` and `$meta-delete` over HTTP (<https://hl7.org/fhir/R4/resource-operations.html>).

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};

use super::{Answer, key, known};
use crate::access::Access;
use crate::app::App;
use crate::fhir::json;
use crate::http::extract::{BODY, Permit, body, if_match, media};
use crate::http::negotiate::{FHIR, json_wanted};
use crate::http::respond::{FHIR_JSON, answer};
use crate::interaction::meta::{self, Do};

/// `GET /fhir/$meta`
pub async fn everywhere(
    State(app): State<App>,
    Permit(access): Permit,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    json_wanted(&headers, query.as_deref())?;
    let text = meta::in_use(&app, &access, None).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, text))
}

/// `GET /fhir/{type}/$meta`
pub async fn of_type(
    State(app): State<App>,
    Permit(access): Permit,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    known(&kind)?;
    json_wanted(&headers, query.as_deref())?;
    let text = meta::in_use(&app, &access, Some(&kind)).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, text))
}

/// `GET /fhir/{type}/{id}/$meta`
pub async fn of_record(
    State(app): State<App>,
    Permit(access): Permit,
    Path((kind, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    json_wanted(&headers, query.as_deref())?;
    let text = meta::meta(&app, &access, &key(&kind, &id)?).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, text))
}

/// `POST /fhir/{type}/{id}/$meta-add`
pub async fn add(
    State(app): State<App>,
    Permit(access): Permit,
    Path(of): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    change(&app, &access, (Do::Add, of), (query, &headers), content).await
}

/// `POST /fhir/{type}/{id}/$meta-delete`
pub async fn delete(
    State(app): State<App>,
    Permit(access): Permit,
    Path(of): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    change(&app, &access, (Do::Delete, of), (query, &headers), content).await
}

async fn change(
    app: &App,
    access: &Access,
    (act, (kind, id)): (Do, (String, String)),
    (query, headers): (Option<String>, &HeaderMap),
    content: Body,
) -> Answer {
    let key = key(&kind, &id)?;
    json_wanted(headers, query.as_deref())?;
    media(headers, FHIR)?;
    let seen = if_match(headers)?;
    let bytes = body(content, BODY).await?;
    let given = json::parse(&bytes)?;
    let text = meta::change(app, access, &key, (act, &given), seen).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, text))
}
