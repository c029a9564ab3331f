//! `$validate` over HTTP: <https://hl7.org/fhir/R4/resource-operation-validate.html>.

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;

use super::extract::{BODY, Permit, body, media};
use super::fhir::{key, known};
use super::negotiate::{FHIR, json_wanted};
use super::respond::{FHIR_JSON, Outcome, answer};
use crate::app::App;
use crate::error::Error;
use crate::fhir::search::pairs;
use crate::interaction::validate::{Ask, of_record, of_type};

type Answer = Result<Response, Outcome>;

/// `POST /fhir/{type}/$validate`
pub async fn kind(
    State(_): State<App>,
    Permit(access): Permit,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    known(&kind)?;
    let ask = ask(query.as_deref(), &headers, content).await?;
    Ok(told(&of_type(&access, &kind, &ask)?))
}

/// `POST /fhir/{type}/{id}/$validate`: what is sent, or the record as it is.
pub async fn record(
    State(app): State<App>,
    Permit(access): Permit,
    Path((kind, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    let key = key(&kind, &id)?;
    let ask = ask(query.as_deref(), &headers, content).await?;
    Ok(told(&of_record(&app, &access, &key, &ask).await?))
}

/// `GET /fhir/{type}/{id}/$validate`: the record as it is.
pub async fn stored(
    State(app): State<App>,
    Permit(access): Permit,
    Path((kind, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let key = key(&kind, &id)?;
    json_wanted(&headers, query.as_deref())?;
    let ask = Ask::new(&pairs(query.as_deref().unwrap_or_default())?, &[])?;
    Ok(told(&of_record(&app, &access, &key, &ask).await?))
}

async fn ask(query: Option<&str>, headers: &HeaderMap, content: Body) -> Result<Ask, Error> {
    json_wanted(headers, query)?;
    let bytes = body(content, BODY).await?;
    if !bytes.is_empty() {
        media(headers, FHIR)?;
    }
    Ask::new(&pairs(query.unwrap_or_default())?, &bytes)
}

fn told(outcome: &Value) -> Response {
    answer(StatusCode::OK, FHIR_JSON, outcome.to_string())
}
