//! The requests that only look.

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::{Answer, OfEpisode, id, set};
use crate::access::Interaction::{Read, Search};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::http::extract::{Permit, bad_parameter};
use crate::http::respond::{FHIR_JSON, answer, json_answer};
use crate::interaction::audit::disclosures::{Ask, report};
use crate::interaction::practice::query;

/// Query parameters, or axum's word on why they cannot be read.
type Params<T> = std::result::Result<Query<T>, QueryRejection>;

fn params<T>(query: Params<T>) -> Result<T> {
    let bad = |r: QueryRejection| {
        Error::new(Kind::Invalid, bad_parameter(&r.body_text())).issue_code("value")
    };
    query.map(|Query(t)| t).map_err(bad)
}

fn ok(found: &impl Serialize) -> Answer {
    Ok(json_answer(StatusCode::OK, found)?)
}

pub(super) async fn episode(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfEpisode>,
    query: Params<query::View>,
    headers: HeaderMap,
) -> Answer {
    access.allow(Read, "EpisodeOfCare")?;
    let shown = query::episode(&app, &access, &id(&path.episode)?, &params(query)?).await?;
    let seen = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok());
    let etag = format!("W/\"{}\"", shown.version);
    // What a part of the record is changes with consents too, and the version does not.
    let mut response = if shown.whole && seen == Some(etag.as_str()) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        ok(&shown.body)?
    };
    set(response.headers_mut(), header::ETAG, &etag);
    Ok(response)
}

pub(super) async fn episodes(
    State(app): State<App>,
    Permit(access): Permit,
    query: Params<query::List>,
) -> Answer {
    access.allow(Search, "EpisodeOfCare")?;
    ok(&query::episodes(&app, &access, &params(query)?).await?)
}

pub(super) async fn worklist(
    State(app): State<App>,
    Permit(access): Permit,
    query: Params<query::List>,
) -> Answer {
    access.allow(Search, "EpisodeOfCare")?;
    ok(&query::worklist(&app, &access, &params(query)?).await?)
}

pub(super) async fn organizations(
    State(app): State<App>,
    Permit(access): Permit,
    query: Params<query::Directory>,
) -> Answer {
    access.allow(Search, "Organization")?;
    ok(&query::organizations(&app, &access, &params(query)?).await?)
}

pub(super) async fn timeline(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfEpisode>,
) -> Answer {
    access.allow(Read, "EpisodeOfCare")?;
    ok(&query::timeline(&app, &access, &id(&path.episode)?).await?)
}

pub(super) async fn trends(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfEpisode>,
) -> Answer {
    access.allow(Read, "Observation")?;
    ok(&query::trends(&app, &access, &id(&path.episode)?).await?)
}

#[derive(Deserialize)]
pub(super) struct OfPatient {
    id: String,
}

pub(super) async fn disclosures(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfPatient>,
    query: Params<Ask>,
) -> Answer {
    ok(&report(&app, &access, &id(&path.id)?, &params(query)?).await?)
}

#[derive(Deserialize)]
pub(super) struct OfEpisodeRecord {
    episode: String,
    record: String,
}

pub(super) async fn record(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfEpisodeRecord>,
) -> Answer {
    access.allow(Read, "EpisodeOfCare")?;
    let found = query::record(&app, &access, &id(&path.episode)?, &id(&path.record)?).await?;
    ok(&found)
}

#[derive(Deserialize)]
pub(super) struct OfSession {
    episode: String,
    session: String,
}

pub(super) async fn readiness(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfSession>,
    query: Params<query::Moment>,
) -> Answer {
    access.allow(Read, "Encounter")?;
    let (episode, session) = (id(&path.episode)?, id(&path.session)?);
    let found = query::readiness(&app, &access, &episode, &session, &params(query)?).await?;
    ok(&found)
}

pub(super) async fn summary(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfEpisode>,
    query: Params<query::Summary>,
) -> Answer {
    access.allow(Read, "Composition")?;
    let text = query::summary(&app, &access, &id(&path.episode)?, &params(query)?).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, text))
}

pub(super) async fn export(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfEpisode>,
) -> Answer {
    access.allow(Read, "EpisodeOfCare")?;
    let text = query::export(&app, &access, &id(&path.episode)?).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, text))
}
