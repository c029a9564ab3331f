//! Bulk data over HTTP: FHIR Bulk Data Access 2.0 (<https://hl7.org/fhir/uv/bulkdata/STU2/export.html>).

use axum::body::Body;
use axum::extract::{OriginalUri, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use time::OffsetDateTime;
use time::macros::format_description;

use super::operation::asked;
use super::{Answer, gzip};
use crate::access::Access;
use crate::app::App;
use crate::delivery::files::{Reader, Span};
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

/// `GET /fhir/$export/{job}/{file}`: one of the files or a part of it, a piece at a time; the whole of it packed where the
/// client takes that.
pub async fn file(
    State(app): State<App>,
    Permit(access): Permit,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let span = span(&headers);
    let reader = files::file(&app, &access, &id, &name, span).await?;
    let mut response = if span == Span::Whole && gzip::accepted(&headers) {
        let mut response = answer(StatusCode::OK, NDJSON, gzip::packed(reader));
        set(&mut response, &header::CONTENT_ENCODING, "gzip")?;
        response
    } else {
        part(reader, span)?
    };
    set(&mut response, &header::ACCEPT_RANGES, "bytes")?;
    set(&mut response, &header::VARY, "accept-encoding")?;
    Ok(response)
}

/// What was asked for of a file, as it is.
fn part(reader: Reader, span: Span) -> Result<Response> {
    let (start, length, whole) = (reader.start, reader.length, reader.whole);
    if span == Span::Whole {
        let mut response = answer(StatusCode::OK, NDJSON, gzip::plain(reader));
        set(&mut response, &header::CONTENT_LENGTH, &length.to_string())?;
        return Ok(response);
    }
    if length == 0 {
        let text = format!("The file has {whole} bytes: this range is outside of it.");
        return Err(Error::new(Kind::OutOfRange, text));
    }
    let mut response = answer(StatusCode::PARTIAL_CONTENT, NDJSON, gzip::plain(reader));
    let last = start + length - 1;
    let range = format!("bytes {start}-{last}/{whole}");
    set(&mut response, &header::CONTENT_RANGE, &range)?;
    set(&mut response, &header::CONTENT_LENGTH, &length.to_string())?;
    Ok(response)
}

/// The part that is asked for: one range of bytes. Of several the whole is given, and so it is under `If-Range`, because a
/// file has no validator (<https://www.rfc-editor.org/rfc/rfc9110#section-14.2>).
fn span(headers: &HeaderMap) -> Span {
    let mut given = headers.get_all(header::RANGE).iter();
    let (Some(text), None) = (given.next(), given.next()) else {
        return Span::Whole;
    };
    if headers.contains_key(header::IF_RANGE) {
        return Span::Whole;
    }
    let range = text.to_str().ok().and_then(|text| {
        let text = text.trim();
        let (unit, range) = text.split_once('=')?;
        let (first, last) = range.trim().split_once('-')?;
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| digits.parse::<u64>().ok()).flatten()
        };
        let span = match (first, last) {
            ("", last) => Span::Last(number(last)?),
            (first, "") => Span::From(number(first)?),
            (first, last) => Span::Between(number(first)?, number(last)?),
        };
        let backwards = matches!(span, Span::Between(first, last) if last < first);
        (unit.eq_ignore_ascii_case("bytes") && !backwards).then_some(span)
    });
    range.unwrap_or(Span::Whole)
}

fn set(response: &mut Response, name: &HeaderName, value: &str) -> Result<()> {
    let value = HeaderValue::from_str(value).map_err(Error::internal)?;
    response.headers_mut().insert(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes_is_understood() {
        for (text, expected) in [
            ("bytes=0-", Span::From(0)),
            ("Bytes=5-9", Span::Between(5, 9)),
            ("bytes=-7", Span::Last(7)),
            ("bytes=9-5", Span::Whole),
            ("bytes=0-1,4-5", Span::Whole),
            ("bytes=+1-2", Span::Whole),
            ("bytes=-", Span::Whole),
            ("bytes=", Span::Whole),
            ("lines=1-2", Span::Whole),
            ("bytes=99999999999999999999-", Span::Whole),
            ("", Span::Whole),
        ] {
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_str(text).expect("a header");
            headers.insert(header::RANGE, value);
            assert_eq!(span(&headers), expected, "{text}");
            headers.insert(header::IF_RANGE, HeaderValue::from_static("\"x\""));
            assert_eq!(span(&headers), Span::Whole, "{text}");
        }
        assert_eq!(span(&HeaderMap::new()), Span::Whole);
    }
}
