//! The FHIR R4 API over HTTP: <https://hl7.org/fhir/R4/http.html>.

pub mod across;
pub mod bulk;
pub mod change;
mod gzip;
pub mod history;
pub mod meta;
pub mod operation;
pub mod routes;
mod since;
pub mod subscription;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use time::OffsetDateTime;
use time::macros::format_description;

use super::extract::{BODY, BUNDLE, Permit, body, if_match, media, no_token, single};
use super::negotiate::{
    FHIR, Return, applied, handling, heeded, is_pretty, json_wanted, laid_out, returned,
};
use super::respond::{FHIR_JSON, Outcome, answer};
use crate::app::App;
use crate::audit::Kind as Act;
use crate::error::{Error, Kind, Result};
use crate::fhir::outcome::done;
use crate::fhir::pretty::pretty;
use crate::fhir::resource::{Key, Resource, Stored, number, version};
use crate::fhir::search::pairs;
use crate::interaction;
use crate::interaction::transaction::Shown;
use crate::interaction::write::Created;
use crate::kap::base::Id;

type Answer = std::result::Result<Response, Outcome>;

/// `GET /fhir/metadata`: public.
pub async fn metadata(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    json_wanted(&headers, query.as_deref())?;
    let statement = interaction::capability::statement(&app);
    let mut response = if tagged(&headers, &statement.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if is_pretty(query.as_deref()) {
        let text = String::from_utf8_lossy(&statement.text);
        answer(StatusCode::OK, FHIR_JSON, pretty(&text))
    } else {
        answer(StatusCode::OK, FHIR_JSON, statement.text.clone())
    };
    tag(&mut response, &statement.etag);
    // It says nothing of anybody and changes with the program and its configuration only.
    let kept = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, kept);
    response.headers_mut().insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    Ok(response)
}

/// `GET /fhir/{type}/{id}`
pub async fn read(
    State(app): State<App>,
    Permit(access): Permit,
    Path((kind, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    json_wanted(&headers, query.as_deref())?;
    // The project's own definitions hold nothing of a patient: any client may read them.
    if let Ok(text) = interaction::definitions::read(&kind, &id) {
        let event = access.event(Act::Read).target(&kind, &id, None);
        let shape = interaction::criteria::shape(&access, &kind, &asked(query.as_deref())?)?;
        let part = shape.of(&kind, true, text)?;
        interaction::audit::note(&access, event);
        let etag = interaction::definitions::etag(text);
        let mut response = if tagged(&headers, &etag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let text = part.unwrap_or_else(|| text.to_owned());
            answer(StatusCode::OK, FHIR_JSON, laid_out(query.as_deref(), text))
        };
        tag(&mut response, &etag);
        return Ok(response);
    }
    let key = key(&kind, &id)?;
    let shape = interaction::criteria::shape(&access, &kind, &asked(query.as_deref())?)?;
    let row = interaction::read::read(&app, &access, &key).await?;
    let row = shape.told(row, true)?;
    Ok(resource(&row, &headers, query.as_deref()))
}

/// `GET /fhir/{type}/{id}/_history/{version}`
pub async fn vread(
    State(app): State<App>,
    Permit(access): Permit,
    Path((kind, id, version)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    json_wanted(&headers, query.as_deref())?;
    let key = key(&kind, &id)?;
    let version = number(&version).ok_or_else(Error::not_found)?;
    let shape = interaction::criteria::shape(&access, &kind, &asked(query.as_deref())?)?;
    let row = interaction::read::vread(&app, &access, &key, version).await?;
    let row = shape.told(row, true)?;
    Ok(resource(&row, &headers, query.as_deref()))
}

/// `GET /fhir/{type}?…`
pub async fn search(
    State(app): State<App>,
    Permit(access): Permit,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let parameters = pairs(query.as_deref().unwrap_or_default())?;
    json_wanted(&headers, query.as_deref())?;
    let said = query.as_deref();
    searched(&app, &access, &kind, parameters, (&headers, said)).await
}

/// `POST /fhir/{type}/_search`
pub async fn search_by_post(
    State(app): State<App>,
    Permit(access): Permit,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    media(&headers, &["application/x-www-form-urlencoded"])?;
    let (all, said) = form(&access, query.as_deref(), content).await?;
    json_wanted(&headers, Some(&said))?;
    searched(&app, &access, &kind, all, (&headers, Some(&said))).await
}

/// What a search by POST asks for: its parameters, those of the path too, and how they stand in a query.
async fn form(
    access: &crate::access::Access,
    query: Option<&str>,
    content: Body,
) -> Result<(Vec<(String, String)>, String)> {
    let bytes = body(content, 64 * 1024).await?;
    let form = std::str::from_utf8(&bytes)
        .map_err(|_| Error::new(Kind::Invalid, "The form is not UTF-8."))?;
    no_token(Some(form))?;
    if let Some(trail) = access.trail() {
        trail.form(form);
    }
    let mut all = asked(query)?;
    all.extend(pairs(form)?);
    Ok((all, [query.unwrap_or_default(), form].join("&")))
}

async fn searched(
    app: &App,
    access: &crate::access::Access,
    kind: &str,
    parameters: Vec<(String, String)>,
    (headers, said): (&HeaderMap, Option<&str>),
) -> Answer {
    known(kind)?;
    let set =
        interaction::search::search(app, access, kind, &parameters, handling(headers)).await?;
    let response = answer(StatusCode::OK, FHIR_JSON, laid_out(said, set));
    Ok(heeded(response, headers))
}

/// `POST /fhir/{type}`
pub async fn create(
    State(app): State<App>,
    Permit(access): Permit,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    known(&kind)?;
    json_wanted(&headers, query.as_deref())?;
    no_criteria(query.as_deref())?;
    media(&headers, FHIR)?;
    let bytes = body(content, BODY).await?;
    let fresh = || Id::new(app.clock.uuid().to_string()).unwrap_or_default();
    let received = Resource::received(&bytes, Some(&kind), None, fresh)?;
    let unless = single(&headers, &HeaderName::from_static("if-none-exist"))?;
    match interaction::write::create(&app, &access, received, unless).await? {
        Created::New(row) => Ok(written(StatusCode::CREATED, &app, &row, &headers)),
        Created::Known(row) => Ok(written(StatusCode::OK, &app, &row, &headers)),
    }
}

/// Whoever creates under criteria says them in `If-None-Exist`: in the URL they would go unheard, and the record be
/// there twice.
fn no_criteria(query: Option<&str>) -> Result<()> {
    const KNOWN: [&str; 2] = ["_format", "_pretty"];
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut names = pairs.map(|(name, _)| name);
    if names.all(|name| KNOWN.contains(&&*name)) {
        return Ok(());
    }
    let text =
        "A create takes no criteria in its URL: a conditional one says them in If-None-Exist.";
    Err(Error::new(Kind::Invalid, text).issue_code("not-supported"))
}

/// `PUT /fhir/{type}/{id}`: an update of a resource that exists.
pub async fn update(
    State(app): State<App>,
    Permit(access): Permit,
    Path((kind, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    let key = key(&kind, &id)?;
    json_wanted(&headers, query.as_deref())?;
    media(&headers, FHIR)?;
    if headers.contains_key(header::IF_NONE_MATCH) {
        let text = "If-None-Match is for reads: an update goes to a record that exists and takes If-Match.";
        return Err(Error::new(Kind::Invalid, text).into());
    }
    let seen = if_match(&headers)?;
    let bytes = body(content, BODY).await?;
    let received = Resource::received(&bytes, Some(&kind), Some(&key.id), Id::default)?;
    let row = interaction::write::update(&app, &access, received, seen).await?;
    Ok(written(StatusCode::OK, &app, &row, &headers))
}

/// `POST /fhir`: a transaction or a batch.
pub async fn transaction(
    State(app): State<App>,
    Permit(access): Permit,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    json_wanted(&headers, query.as_deref())?;
    media(&headers, FHIR)?;
    let bytes = body(content, BUNDLE).await?;
    let shown = match returned(&headers) {
        Some(Return::Resource) => Shown::Resources,
        _ => Shown::Nothing,
    };
    let text = interaction::transaction::bundle(&app, &access, &bytes, shown).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, text))
}

pub(super) fn known(kind: &str) -> Result<()> {
    if interaction::capability::TYPES.contains(&kind) {
        return Ok(());
    }
    Err(Error::new(
        Kind::NotFound,
        "This service has no resources of that type.",
    )
    .issue_code("not-supported"))
}

/// What a read asks for beside the record.
fn asked(query: Option<&str>) -> Result<Vec<(String, String)>> {
    pairs(query.unwrap_or_default())
}

pub(super) fn key(kind: &str, id: &str) -> Result<Key> {
    known(kind)?;
    Ok(Key::new(kind, Id::new(id).ok_or_else(Error::not_found)?))
}

/// Whether `If-None-Match` names this very tag, or any.
fn tagged(headers: &HeaderMap, etag: &str) -> bool {
    let all = headers.get_all(header::IF_NONE_MATCH).iter();
    all.filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .any(|one| matches!(one.trim(), "*") || one.trim() == etag)
}

fn tag(response: &mut Response, etag: &str) {
    if let Ok(value) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, value);
    }
}

fn etag(row: &Stored) -> HeaderValue {
    HeaderValue::from_str(&format!("W/\"{}\"", row.version))
        .unwrap_or(HeaderValue::from_static("*"))
}

/// A part of a record changes with what its reader may see, its version does not: it is told nothing to ask by.
fn stamp(response: &mut Response, row: &Stored) {
    if row.redacted.is_some() {
        return;
    }
    response.headers_mut().insert(header::ETAG, etag(row));
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let at = OffsetDateTime::from_unix_timestamp(row.at.div_euclid(1000));
    let text = at.ok().and_then(|at| at.format(format).ok());
    if let Some(value) = text.and_then(|t| HeaderValue::from_str(&t).ok()) {
        response.headers_mut().insert(header::LAST_MODIFIED, value);
    }
}

fn resource(row: &Stored, headers: &HeaderMap, query: Option<&str>) -> Response {
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|text| text.split(','))
        .any(|etag| etag.trim() == "*" || version(etag) == Some(row.version));
    let unchanged = known || since::unchanged(headers, row.at);
    let mut response = if unchanged && row.redacted.is_none() {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = row.body.as_ref();
        let body = body.map(|text| laid_out(query, text.to_string()));
        answer(StatusCode::OK, FHIR_JSON, body.unwrap_or_default())
    };
    stamp(&mut response, row);
    response
}

fn written(status: StatusCode, app: &App, row: &Stored, headers: &HeaderMap) -> Response {
    let body = match (returned(headers), &row.body) {
        (Some(Return::Nothing), _) | (_, None) => String::new(),
        (Some(Return::Outcome), _) => done().to_string(),
        (_, Some(text)) => text.to_string(),
    };
    let mut response = answer(status, FHIR_JSON, body);
    stamp(&mut response, row);
    if let Some(applied) = applied(headers) {
        let value = HeaderValue::from_static(applied);
        response.headers_mut().insert("preference-applied", value);
    }
    let location = format!("{}/{}/_history/{}", app.fhir_base(), row.key, row.version);
    if let Ok(value) = HeaderValue::from_str(&location) {
        let name = if status == StatusCode::CREATED {
            header::LOCATION
        } else {
            header::CONTENT_LOCATION
        };
        response.headers_mut().insert(name, value);
    }
    response
}
