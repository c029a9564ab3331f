//! Patch, delete, and changes of whichever resource meets a condition.

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse as _;

use super::{Answer, key, known, stamp, written};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::Stored;
use crate::http::extract::{BODY, Permit, body, if_match};
use crate::http::negotiate::{FHIR, JSON_PATCH, is_json_patch, json_wanted, media};
use crate::interaction::patch::Patch;
use crate::interaction::write::Created;
use crate::interaction::{conditional, delete as deletion, patch as patching};

/// `PATCH /fhir/{type}/{id}`
pub async fn patch(
    State(app): State<App>,
    Permit(access): Permit,
    Path((kind, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    let key = key(&kind, &id)?;
    json_wanted(&headers, query.as_deref())?;
    let (seen, bytes) = received(&headers, content).await?;
    let row = patching::patch(&app, &access, &key, read(&headers, &bytes), seen).await?;
    Ok(written(StatusCode::OK, &app, &row, &headers))
}

/// `PATCH /fhir/{type}?…`
pub async fn patch_where(
    State(app): State<App>,
    Permit(access): Permit,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    known(&kind)?;
    json_wanted(&headers, query.as_deref())?;
    let (seen, bytes) = received(&headers, content).await?;
    let criteria = criteria(query.as_deref());
    let patch = read(&headers, &bytes);
    let row = conditional::patch(&app, &access, (&kind, &criteria), patch, seen).await?;
    Ok(written(StatusCode::OK, &app, &row, &headers))
}

/// `DELETE /fhir/{type}/{id}`
pub async fn delete(
    State(app): State<App>,
    Permit(access): Permit,
    Path((kind, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let key = key(&kind, &id)?;
    json_wanted(&headers, query.as_deref())?;
    let row = deletion::delete(&app, &access, &key, if_match(&headers)?).await?;
    Ok(gone(&row))
}

/// `DELETE /fhir/{type}?…`
pub async fn delete_where(
    State(app): State<App>,
    Permit(access): Permit,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    known(&kind)?;
    json_wanted(&headers, query.as_deref())?;
    let criteria = criteria(query.as_deref());
    let row = conditional::delete(&app, &access, (&kind, &criteria), if_match(&headers)?).await?;
    Ok(gone(&row))
}

/// `PUT /fhir/{type}?…`
pub async fn update_where(
    State(app): State<App>,
    Permit(access): Permit,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    known(&kind)?;
    json_wanted(&headers, query.as_deref())?;
    media(&headers, FHIR)?;
    let seen = if_match(&headers)?;
    let bytes = body(content, BODY).await?;
    let criteria = criteria(query.as_deref());
    match conditional::update(&app, &access, (&kind, &criteria), &bytes, seen).await? {
        Created::New(row) => Ok(written(StatusCode::CREATED, &app, &row, &headers)),
        Created::Known(row) => Ok(written(StatusCode::OK, &app, &row, &headers)),
    }
}

async fn received(headers: &HeaderMap, content: Body) -> Result<(Option<i64>, bytes::Bytes)> {
    media(headers, &[&[JSON_PATCH], FHIR].concat())?;
    if headers.contains_key(header::IF_NONE_MATCH) {
        let text =
            "If-None-Match is for reads: a patch goes to a record that exists and takes If-Match.";
        return Err(Error::new(Kind::Invalid, text));
    }
    let seen = if_match(headers)?;
    Ok((seen, body(content, BODY).await?))
}

/// A body of a FHIR media type is a FHIRPath Patch.
fn read<'b>(headers: &HeaderMap, bytes: &'b [u8]) -> Patch<'b> {
    if is_json_patch(headers) {
        Patch::Json(bytes)
    } else {
        Patch::FhirPath(bytes)
    }
}

/// The criteria of a query: what is about the answer is none of them.
fn criteria(query: Option<&str>) -> String {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let kept = pairs.filter(|(name, _)| name != "_format" && name != "_pretty");
    let mut out = url::form_urlencoded::Serializer::new(String::new());
    out.extend_pairs(kept).finish()
}

fn gone(row: &Stored) -> axum::response::Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    stamp(&mut response, row);
    response
}
