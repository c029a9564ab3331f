//! Operations (<https://hl7.org/fhir/R4/operations.html>): asked by GET with a query, or by POST with Parameters.

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};

use super::{Answer, key};
use crate::access::Access;
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::Key;
use crate::fhir::search::{Handling, pairs};
use crate::fhir::{json, operation};
use crate::http::extract::{BODY, Permit, body, media, no_token};
use crate::http::negotiate::{FHIR, handling, json_wanted};
use crate::http::respond::{FHIR_JSON, answer};
use crate::interaction::operation::Asked;
use crate::interaction::{docref as documents, document as paper, everything, summary as short};

/// The parameters of a request, those of the query first.
pub(super) async fn asked(
    query: Option<&str>,
    headers: &HeaderMap,
    content: Body,
) -> Result<Vec<(String, String)>> {
    let mut all = pairs(query.unwrap_or_default())?;
    let bytes = body(content, BODY).await?;
    if !bytes.is_empty() {
        media(headers, FHIR)?;
        all.extend(operation::pairs(&json::parse(&bytes)?)?);
    }
    let said = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&all)
        .finish();
    no_token(Some(&said))?;
    json_wanted(headers, Some(&said))?;
    Ok(all)
}

/// `GET` and `POST /fhir/Patient/{id}/$everything`
pub async fn patient(
    State(app): State<App>,
    Permit(access): Permit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    let all = asked(query.as_deref(), &headers, content).await?;
    let key = key("Patient", &id)?;
    whole(&app, &access, &key, all, handling(&headers)).await
}

/// `GET` and `POST /fhir/EpisodeOfCare/{id}/$everything`
pub async fn episode(
    State(app): State<App>,
    Permit(access): Permit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    let all = asked(query.as_deref(), &headers, content).await?;
    let key = key("EpisodeOfCare", &id)?;
    whole(&app, &access, &key, all, handling(&headers)).await
}

async fn whole(
    app: &App,
    access: &Access,
    key: &Key,
    all: Vec<(String, String)>,
    handling: Handling,
) -> Answer {
    let asked = Asked::new(all, everything::PARAMETERS, handling)?;
    let set = everything::everything(app, access, key, &asked).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, set))
}

/// `GET` and `POST /fhir/Patient/{id}/$summary`
pub async fn summary(
    State(app): State<App>,
    Permit(access): Permit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    let all = asked(query.as_deref(), &headers, content).await?;
    let asked = Asked::new(all, short::PARAMETERS, handling(&headers))?;
    let text = short::summary(&app, &access, &key("Patient", &id)?, &asked).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, text))
}

/// `GET` and `POST /fhir/Patient/$summary`, of the patient of an identifier
pub async fn summary_by_identifier(
    State(app): State<App>,
    Permit(access): Permit,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    let all = asked(query.as_deref(), &headers, content).await?;
    let asked = Asked::new(all, short::PARAMETERS_OF_TYPE, handling(&headers))?;
    let patient = short::patient(&app, &access, &asked).await?;
    let text = short::summary(&app, &access, &patient, &asked).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, text))
}

/// `GET` and `POST /fhir/DocumentReference/$docref`
pub async fn docref(
    State(app): State<App>,
    Permit(access): Permit,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    let all = asked(query.as_deref(), &headers, content).await?;
    let asked = Asked::new(all, documents::PARAMETERS, handling(&headers))?;
    let set = documents::docref(&app, &access, &asked).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, set))
}

/// `GET` and `POST /fhir/Composition/{id}/$document`
pub async fn document(
    State(app): State<App>,
    Permit(access): Permit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    let all = asked(query.as_deref(), &headers, content).await?;
    let asked = Asked::new(all, paper::PARAMETERS, handling(&headers))?;
    if asked.one("id")?.is_some_and(|said| said != id) {
        let text = "The parameter id is that of the path, or absent.";
        return Err(Error::new(Kind::Invalid, text).issue_code("value").into());
    }
    written(&app, &access, &id, &asked).await
}

/// `GET` and `POST /fhir/Composition/$document`, with the Composition's id as a parameter
pub async fn document_by_id(
    State(app): State<App>,
    Permit(access): Permit,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    let all = asked(query.as_deref(), &headers, content).await?;
    let asked = Asked::new(all, paper::PARAMETERS, handling(&headers))?;
    let id = asked.one("id")?.ok_or_else(|| {
        let text = "The operation needs the parameter id, that of a Composition.";
        Error::new(Kind::Invalid, text).issue_code("required")
    })?;
    written(&app, &access, id, &asked).await
}

async fn written(app: &App, access: &Access, id: &str, asked: &Asked) -> Answer {
    paper::supported(asked)?;
    let text = paper::document(app, access, &key("Composition", id)?).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, text))
}
