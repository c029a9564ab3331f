//! Bulk data over HTTP: FHIR Bulk Data Access 2.0 (<https://hl7.org/fhir/uv/bulkdata/STU2/export.html>).

use axum::body::Body;
use axum::extract::{OriginalUri, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use time::OffsetDateTime;
use time::macros::format_description;

use super::Answer;
use super::operation::asked;
use crate::access::Access;
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::http::extract::Permit;
use crate::http::negotiate::{asynchronous, handling};
use crate::http::respond::{FHIR_JSON, answer};
use crate::interaction::export::status::{State as Far, state};
use crate::interaction::export::{Level, PARAMETERS, cancel, files, kick_off};
use crate::interaction::operation::Asked;

/// Seconds after which to ask again.
const AGAIN: &str = "2";
const NDJSON: &str = "application/fhir+ndjson";

/// `GET` and `POST /fhir/$export`
pub async fn system(
    State(app): State<App>,
    Permit(access): Permit,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    begin(&app, &access, Level::System, &uri, &headers, content).await
}

/// `GET` and `POST /fhir/Patient/$export`
pub async fn patients(
    State(app): State<App>,
    Permit(access): Permit,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    begin(&app, &access, Level::Patient, &uri, &headers, content).await
}

/// `GET` and `POST /fhir/Group/{id}/$export`
pub async fn group(
    State(app): State<App>,
    Permit(access): Permit,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    begin(&app, &access, Level::Group(id), &uri, &headers, content).await
}

async fn begin(
    app: &App,
    access: &Access,
    level: Level,
    uri: &axum::http::Uri,
    headers: &HeaderMap,
    content: Body,
) -> Answer {
    let pairs = asked(uri.query(), headers, content).await?;
    if !asynchronous(headers) {
        let text = "An export is made in the background: ask for it with the header Prefer: respond-async.";
        return Err(Error::new(Kind::Invalid, text)
            .issue_code("required")
            .into());
    }
    let asked = Asked::new(pairs, PARAMETERS, handling(headers))?;
    let request = format!("{}{}", app.base, uri);
    let location = kick_off(app, access, level, request, &asked).await?;
    let mut response = answer(StatusCode::ACCEPTED, FHIR_JSON, Body::empty());
    set(&mut response, &header::CONTENT_LOCATION, &location)?;
    Ok(response)
}

/// `GET /fhir/$export/{job}`: how far it is.
pub async fn progress(
    State(app): State<App>,
    Permit(access): Permit,
    Path(id): Path<String>,
    RawQuery(_): RawQuery,
) -> Answer {
    match state(&app, &access, &id).await? {
        Far::Open(text) => {
            let mut response = answer(StatusCode::ACCEPTED, FHIR_JSON, Body::empty());
            set(&mut response, &HeaderName::from_static("x-progress"), &text)?;
            set(&mut response, &header::RETRY_AFTER, AGAIN)?;
            Ok(response)
        }
        Far::Done {
            manifest,
            expires_at,
        } => {
            let mut response = answer(StatusCode::OK, "application/json", manifest);
            let format = format_description!(
                "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
            );
            let at = OffsetDateTime::from_unix_timestamp(expires_at.div_euclid(1000));
            let at = at.map_err(Error::internal)?.format(format);
            set(
                &mut response,
                &header::EXPIRES,
                &at.map_err(Error::internal)?,
            )?;
            Ok(response)
        }
    }
}

/// `DELETE /fhir/$export/{job}`: nobody wants it any more.
pub async fn delete(
    State(app): State<App>,
    Permit(access): Permit,
    Path(id): Path<String>,
) -> Answer {
    cancel(&app, &access, &id).await?;
    Ok(answer(StatusCode::ACCEPTED, FHIR_JSON, Body::empty()))
}

/// `GET /fhir/$export/{job}/{file}`: one of the files, a piece at a time.
pub async fn file(
    State(app): State<App>,
    Permit(access): Permit,
    Path((id, name)): Path<(String, String)>,
) -> Answer {
    let reader = files::file(&app, &access, &id, &name).await?;
    let length = reader.length.to_string();
    let pieces = stream::unfold(Some(reader), |reader| async {
        let mut reader = reader?;
        match reader.chunk().await {
            Ok(Some(bytes)) => Some((Ok(bytes), Some(reader))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    });
    let mut response = answer(StatusCode::OK, NDJSON, Body::from_stream(pieces));
    set(&mut response, &header::CONTENT_LENGTH, &length)?;
    Ok(response)
}

fn set(response: &mut Response, name: &HeaderName, value: &str) -> Result<()> {
    let value = HeaderValue::from_str(value).map_err(Error::internal)?;
    response.headers_mut().insert(name, value);
    Ok(())
}
