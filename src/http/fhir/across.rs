//! Searches across types, and in compartments.

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};

use super::super::extract::{Permit, media};
use super::super::negotiate::{handling, heeded, json_wanted, laid_out};
use super::super::respond::{FHIR_JSON, answer};
use super::{Answer, asked, form, key};
use crate::app::App;
use crate::interaction::across;

/// `GET /fhir?_type=…`
pub async fn everywhere(
    State(app): State<App>,
    Permit(access): Permit,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let parameters = asked(query.as_deref())?;
    json_wanted(&headers, query.as_deref())?;
    let set = across::everywhere(&app, &access, &parameters, handling(&headers)).await?;
    let set = laid_out(query.as_deref(), set);
    Ok(heeded(answer(StatusCode::OK, FHIR_JSON, set), &headers))
}

/// `POST /fhir/_search`
pub async fn everywhere_by_post(
    State(app): State<App>,
    Permit(access): Permit,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    media(&headers, &["application/x-www-form-urlencoded"])?;
    let (parameters, said) = form(&access, query.as_deref(), content).await?;
    json_wanted(&headers, Some(&said))?;
    let set = across::everywhere(&app, &access, &parameters, handling(&headers)).await?;
    let set = laid_out(Some(&said), set);
    Ok(heeded(answer(StatusCode::OK, FHIR_JSON, set), &headers))
}

/// `GET /fhir/{type}/{id}/{within}?…`: what of one type, or of any (`*`), belongs to one record.
pub async fn compartment(
    State(app): State<App>,
    Permit(access): Permit,
    Path((kind, id, within)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let parameters = asked(query.as_deref())?;
    json_wanted(&headers, query.as_deref())?;
    let owner = key(&kind, &id)?;
    let asked = (&*parameters, handling(&headers));
    let set = across::compartment(&app, &access, &owner, &within, asked).await?;
    let set = laid_out(query.as_deref(), set);
    Ok(heeded(answer(StatusCode::OK, FHIR_JSON, set), &headers))
}
