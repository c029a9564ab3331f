//! The versions of one record, of a type, and of everything.

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};

use super::{Answer, key, known};
use crate::access::Access;
use crate::app::App;
use crate::fhir::search::pairs;
use crate::http::extract::Permit;
use crate::http::negotiate::{handling, heeded, json_wanted, laid_out};
use crate::http::respond::{FHIR_JSON, answer};
use crate::interaction::history::{self, Of};

/// `GET /fhir/{type}/{id}/_history`
pub async fn of_instance(
    State(app): State<App>,
    Permit(access): Permit,
    Path((kind, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let key = key(&kind, &id)?;
    told(&app, &access, Of::Instance(&key), query, &headers).await
}

/// `GET /fhir/{type}/_history`
pub async fn of_type(
    State(app): State<App>,
    Permit(access): Permit,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    known(&kind)?;
    told(&app, &access, Of::Type(&kind), query, &headers).await
}

/// `GET /fhir/_history`
pub async fn of_system(
    State(app): State<App>,
    Permit(access): Permit,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    told(&app, &access, Of::System, query, &headers).await
}

async fn told(
    app: &App,
    access: &Access,
    of: Of<'_>,
    query: Option<String>,
    headers: &HeaderMap,
) -> Answer {
    json_wanted(headers, query.as_deref())?;
    let parameters = pairs(query.as_deref().unwrap_or_default())?;
    let text = history::history(app, access, of, &parameters, handling(headers)).await?;
    let text = laid_out(query.as_deref(), text);
    let response = answer(StatusCode::OK, FHIR_JSON, text);
    Ok(heeded(response, headers))
}
