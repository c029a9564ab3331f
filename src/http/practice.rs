//! The JSON API of the practice, `/kap/v1`, described by `openapi.yaml`.

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, get, on, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::extract::{BODY, Permit, bad_parameter, body, idempotency_key, if_match, media};
use super::respond::{FHIR_JSON, Problem, answer, json_answer};
use crate::access::Interaction::{Create, Read, Search, Update};
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::interaction::practice::command::{self, Answered, Request};
use crate::interaction::practice::{open, query, read_body};
use crate::kap::Id;
use crate::kap::act::Command as C;

type Answer = std::result::Result<Response, Problem>;

/// The routes below `/kap/v1`. Each command names the FHIR type and interaction that its scope must allow.
pub fn routes() -> Router<App> {
    let e = "/episodes/{episode}";
    Router::new()
        .route("/organizations", get(organizations))
        .route("/worklist", get(worklist))
        .route("/episodes", get(episodes).post(open_episode))
        .route(e, get(episode))
        .nest(e, episode_routes())
}

#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "the route table, one line a route")]
fn episode_routes() -> Router<App> {
    Router::new()
        .route("/timeline", get(timeline))
        .route("/trends", get(trends))
        .route("/summary", get(summary))
        .route("/$export-episode", get(export))
        .route("/records/{record}", get(record))
        .route("/sessions/{session}/readiness", get(readiness))
        .route("/care-team", add(Update, "CareTeam", C::AddMember))
        .route("/related-persons", add(Create, "RelatedPerson", C::AddRelatedPerson))
        .route("/problems", add(Create, "Condition", C::AddProblem))
        .route("/allergies", add(Create, "AllergyIntolerance", C::AddAllergy))
        .route("/medications", add(Create, "MedicationRequest", C::AddMedicine))
        .route("/medications/{id}/stop", of(Update, "MedicationRequest", |medicine, body| C::StopMedicine { medicine, body }))
        .route("/screenings", add(Create, "QuestionnaireResponse", C::AddScreening))
        .route("/intentions", add(Create, "Goal", C::AddIntention))
        .route("/plan", set_one(Update, "CarePlan", C::SetPlan))
        .route("/referrals", add(Create, "ServiceRequest", C::SendReferral))
        .route("/referrals/{id}/events", of(Update, "Task", |referral, body| C::RecordReferralEvent { referral, body }))
        .route("/clearances", add(Create, "ClinicalImpression", C::DecideClearance))
        .route("/clearances/{id}/renewals", of(Create, "ClinicalImpression", |clearance, body| C::RenewClearance { clearance, body }))
        .route("/clearances/{id}/revoke", of(Update, "ClinicalImpression", |clearance, body| C::RevokeClearance { clearance, body }))
        .route("/clearances/{id}/conditions/{part}/satisfy", part(Update, "EpisodeOfCare", |clearance, condition, body| C::SatisfyCondition { clearance, condition, body }))
        .route("/consents", add(Create, "Consent", C::AddConsent))
        .route("/consents/{id}/revoke", of(Update, "Consent", |consent, body| C::RevokeConsent { consent, body }))
        .route("/prescriptions", add(Create, "MedicationRequest", C::AddPrescription))
        .route("/prescriptions/{id}/stop", of(Update, "MedicationRequest", |prescription, body| C::StopPrescription { prescription, body }))
        .route("/dispenses", add(Create, "MedicationDispense", C::AddDispense))
        .route("/dispenses/{id}/ship", of(Update, "MedicationDispense", |dispense, body| C::ShipDispense { dispense, body }))
        .route("/dispenses/{id}/deliver", of(Update, "MedicationDispense", |dispense, body| C::DeliverDispense { dispense, body }))
        .route("/dispenses/{id}/receipt", of(Update, "MedicationDispense", |dispense, body| C::ConfirmReceipt { dispense, body }))
        .route("/inventory/adjustments", add(Create, "MedicationDispense", C::AdjustInventory))
        .route("/inventory/counts", add(Create, "Observation", C::CountInventory))
        .route("/detected-issues/{id}/mitigations", of(Update, "DetectedIssue", |issue, body| C::MitigateIssue { issue, body }))
        .route("/sessions", add(Create, "Encounter", C::PlanSession))
        .route("/sessions/{id}/amend", of(Update, "Encounter", |session, body| C::AmendSession { session, body }))
        .route("/sessions/{id}/start", of(Update, "Encounter", |session, body| C::StartSession { session, body }))
        .route("/sessions/{id}/cancel", of(Update, "Encounter", |session, body| C::CancelSession { session, body }))
        .route("/sessions/{id}/no-show", of(Update, "Encounter", |session, body| C::MissSession { session, body }))
        .route("/sessions/{id}/complete", of(Update, "Encounter", |session, body| C::CompleteSession { session, body }))
        .route("/sessions/{id}/checklist", of(Create, "QuestionnaireResponse", |session, body| C::RecordChecklist { session, body }))
        .route("/sessions/{id}/vitals", of(Create, "Observation", |session, body| C::RecordVitals { session, body }))
        .route("/sessions/{id}/doses", of(Create, "MedicationAdministration", |session, body| C::RecordDose { session, body }))
        .route("/sessions/{id}/effects", of(Create, "Observation", |session, body| C::RecordEffects { session, body }))
        .route("/sessions/{id}/side-effects", of(Create, "Observation", |session, body| C::RecordSideEffect { session, body }))
        .route("/sessions/{id}/dose-plan", of(Update, "Encounter", |session, body| C::PlanDose { session, body }))
        .route("/sessions/{id}/interval-override", of(Update, "ClinicalImpression", |session, body| C::OverrideInterval { session, body }))
        .route("/sessions/{id}/discharge", of(Update, "Encounter", |session, body| C::Discharge { session, body }))
        .route("/sessions/{id}/integration", of(Create, "QuestionnaireResponse", |session, body| C::RecordIntegration { session, body }))
        .route("/outcomes", add(Create, "Observation", C::AddOutcome))
        .route("/adverse-events", add(Create, "AdverseEvent", C::ReportAdverseEvent))
        .route("/adverse-events/{id}/updates", of(Update, "AdverseEvent", |event, body| C::UpdateAdverseEvent { event, body }))
        .route("/adverse-events/{id}/acknowledge", of(Update, "AdverseEvent", |event, body| C::AcknowledgeAdverseEvent { event, body }))
        .route("/follow-ups", add(Create, "ServiceRequest", C::AddFollowUp))
        .route("/follow-ups/{id}/complete", of(Update, "ServiceRequest", |follow_up, body| C::CompleteFollowUp { follow_up, body }))
        .route("/follow-ups/{id}/decline", of(Update, "ServiceRequest", |follow_up, body| C::DeclineFollowUp { follow_up, body }))
        .route("/communications", add(Create, "Communication", C::AddCommunication))
        .route("/commands/start-consultation", step(Update, "EpisodeOfCare", C::StartConsultation))
        .route("/commands/start-preparation", step(Update, "EpisodeOfCare", C::StartPreparation))
        .route("/commands/hold", step(Create, "Flag", C::Hold))
        .route("/commands/release", step(Update, "Flag", C::Release))
        .route("/commands/pause", step(Update, "EpisodeOfCare", C::Pause))
        .route("/commands/resume", step(Update, "EpisodeOfCare", C::Resume))
        .route("/commands/maintenance", step(Update, "EpisodeOfCare", C::Maintain))
        .route("/commands/complete", step(Update, "EpisodeOfCare", C::Complete))
        .route("/commands/discontinue", step(Update, "EpisodeOfCare", C::Discontinue))
        .route("/commands/withdraw", step(Update, "EpisodeOfCare", C::Withdraw))
        .route("/commands/correct", step(Update, "EpisodeOfCare", C::Correct))
}

#[derive(Deserialize)]
struct OfEpisode {
    episode: String,
}

#[derive(Deserialize)]
struct OfRecord {
    episode: String,
    id: String,
}

#[derive(Deserialize)]
struct OfPart {
    episode: String,
    id: String,
    part: String,
}

/// `POST` that adds a record to the episode.
fn add<B: DeserializeOwned + 'static>(
    interaction: Interaction,
    kind: &'static str,
    command: fn(B) -> C,
) -> MethodRouter<App> {
    on_episode(
        MethodFilter::POST,
        StatusCode::CREATED,
        interaction,
        kind,
        command,
    )
}

/// `POST` that moves the episode.
fn step<B: DeserializeOwned + 'static>(
    interaction: Interaction,
    kind: &'static str,
    command: fn(B) -> C,
) -> MethodRouter<App> {
    on_episode(
        MethodFilter::POST,
        StatusCode::OK,
        interaction,
        kind,
        command,
    )
}

/// `PUT` of what the episode has one of.
fn set_one<B: DeserializeOwned + 'static>(
    interaction: Interaction,
    kind: &'static str,
    command: fn(B) -> C,
) -> MethodRouter<App> {
    on_episode(
        MethodFilter::PUT,
        StatusCode::OK,
        interaction,
        kind,
        command,
    )
}

fn on_episode<B: DeserializeOwned + 'static>(
    method: MethodFilter,
    status: StatusCode,
    interaction: Interaction,
    kind: &'static str,
    command: fn(B) -> C,
) -> MethodRouter<App> {
    let handler = move |State(app): State<App>,
                        Permit(access): Permit,
                        Path(path): Path<OfEpisode>,
                        headers: HeaderMap,
                        content: Body| async move {
        access.allow(interaction, kind)?;
        let call = Call {
            app,
            access,
            episode: id(&path.episode)?,
            headers,
            content,
        };
        call.run(status, command).await
    };
    on(method, handler)
}

/// `POST` that does something with a record of the episode; one that creates, adds a record to it.
fn of<B: DeserializeOwned + 'static>(
    interaction: Interaction,
    kind: &'static str,
    command: fn(Id, B) -> C,
) -> MethodRouter<App> {
    let status = if interaction == Create {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    post(
        move |State(app): State<App>,
              Permit(access): Permit,
              Path(path): Path<OfRecord>,
              headers: HeaderMap,
              content: Body| async move {
            access.allow(interaction, kind)?;
            let record = id(&path.id)?;
            let call = Call {
                app,
                access,
                episode: id(&path.episode)?,
                headers,
                content,
            };
            call.run(status, move |body| command(record.clone(), body))
                .await
        },
    )
}

/// `POST` that does something with a part of a record.
fn part<B: DeserializeOwned + 'static>(
    interaction: Interaction,
    kind: &'static str,
    command: fn(Id, Id, B) -> C,
) -> MethodRouter<App> {
    post(
        move |State(app): State<App>,
              Permit(access): Permit,
              Path(path): Path<OfPart>,
              headers: HeaderMap,
              content: Body| async move {
            access.allow(interaction, kind)?;
            let (record, of) = (id(&path.id)?, id(&path.part)?);
            let call = Call {
                app,
                access,
                episode: id(&path.episode)?,
                headers,
                content,
            };
            call.run(StatusCode::OK, move |body| {
                command(record.clone(), of.clone(), body)
            })
            .await
        },
    )
}

/// A command on its way from HTTP to the rules.
struct Call {
    app: App,
    access: Access,
    episode: Id,
    headers: HeaderMap,
    content: Body,
}

impl Call {
    async fn run<B: DeserializeOwned>(
        self,
        status: StatusCode,
        command: impl Fn(B) -> C,
    ) -> Answer {
        media(&self.headers, &["application/json"])?;
        let key = idempotency_key(&self.headers)?;
        let if_match = if_match(&self.headers)?;
        let bytes = body(self.content, BODY).await?;
        let command = command(read_body(&bytes)?);
        let request = Request {
            key,
            if_match,
            status: status.as_u16(),
            body: &bytes,
        };
        answered(&command::run(&self.app, &self.access, &self.episode, command, &request).await?)
    }
}

async fn open_episode(
    State(app): State<App>,
    Permit(access): Permit,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    access.allow(Create, "EpisodeOfCare")?;
    media(&headers, &["application/json"])?;
    let key = idempotency_key(&headers)?;
    let bytes = body(content, BODY).await?;
    let opening = read_body(&bytes)?;
    let request = Request {
        key,
        if_match: None,
        status: 201,
        body: &bytes,
    };
    answered(&open::open(&app, &access, opening, &request).await?)
}

fn answered(done: &Answered) -> Answer {
    let status = StatusCode::from_u16(done.status).unwrap_or(StatusCode::OK);
    let mut response = json_answer(status, &done.body)?;
    let headers = response.headers_mut();
    set(headers, header::ETAG, &format!("W/\"{}\"", done.version));
    set(headers, header::LOCATION, &done.location);
    if done.replayed {
        set(
            headers,
            header::HeaderName::from_static("idempotency-replayed"),
            "true",
        );
    }
    Ok(response)
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn id(text: &str) -> Result<Id> {
    Id::new(text).ok_or_else(Error::not_found)
}

/// Query parameters, or axum's word on why they cannot be read.
type Params<T> = std::result::Result<Query<T>, QueryRejection>;

fn params<T>(query: Params<T>) -> Result<T> {
    let bad = |r: QueryRejection| {
        Error::new(Kind::Invalid, bad_parameter(&r.body_text())).issue_code("value")
    };
    query.map(|Query(t)| t).map_err(bad)
}

async fn episode(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfEpisode>,
    query: Params<query::View>,
    headers: HeaderMap,
) -> Answer {
    access.allow(Read, "EpisodeOfCare")?;
    let (version, body) =
        query::episode(&app, &access, &id(&path.episode)?, &params(query)?).await?;
    let seen = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok());
    let etag = format!("W/\"{version}\"");
    let mut response = if seen == Some(etag.as_str()) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        json_answer(StatusCode::OK, &body)?
    };
    set(response.headers_mut(), header::ETAG, &etag);
    Ok(response)
}

async fn episodes(
    State(app): State<App>,
    Permit(access): Permit,
    query: Params<query::List>,
) -> Answer {
    access.allow(Search, "EpisodeOfCare")?;
    Ok(json_answer(
        StatusCode::OK,
        &query::episodes(&app, &access, &params(query)?).await?,
    )?)
}

async fn worklist(
    State(app): State<App>,
    Permit(access): Permit,
    query: Params<query::List>,
) -> Answer {
    access.allow(Search, "EpisodeOfCare")?;
    Ok(json_answer(
        StatusCode::OK,
        &query::worklist(&app, &access, &params(query)?).await?,
    )?)
}

async fn organizations(
    State(app): State<App>,
    Permit(access): Permit,
    query: Params<query::Directory>,
) -> Answer {
    access.allow(Search, "Organization")?;
    Ok(json_answer(
        StatusCode::OK,
        &query::organizations(&app, &access, &params(query)?).await?,
    )?)
}

async fn timeline(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfEpisode>,
) -> Answer {
    access.allow(Read, "EpisodeOfCare")?;
    Ok(json_answer(
        StatusCode::OK,
        &query::timeline(&app, &access, &id(&path.episode)?).await?,
    )?)
}

async fn trends(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfEpisode>,
) -> Answer {
    access.allow(Read, "Observation")?;
    Ok(json_answer(
        StatusCode::OK,
        &query::trends(&app, &access, &id(&path.episode)?).await?,
    )?)
}

#[derive(Deserialize)]
struct OfEpisodeRecord {
    episode: String,
    record: String,
}

async fn record(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfEpisodeRecord>,
) -> Answer {
    access.allow(Read, "EpisodeOfCare")?;
    let found = query::record(&app, &access, &id(&path.episode)?, &id(&path.record)?).await?;
    Ok(json_answer(StatusCode::OK, &found)?)
}

#[derive(Deserialize)]
struct OfSession {
    episode: String,
    session: String,
}

async fn readiness(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfSession>,
    query: Params<query::Moment>,
) -> Answer {
    access.allow(Read, "Encounter")?;
    let (episode, session) = (id(&path.episode)?, id(&path.session)?);
    let found = query::readiness(&app, &access, &episode, &session, &params(query)?).await?;
    Ok(json_answer(StatusCode::OK, &found)?)
}

async fn summary(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfEpisode>,
    query: Params<query::Summary>,
) -> Answer {
    access.allow(Read, "Composition")?;
    let text = query::summary(&app, &access, &id(&path.episode)?, &params(query)?).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, text))
}

async fn export(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfEpisode>,
) -> Answer {
    access.allow(Read, "EpisodeOfCare")?;
    let text = query::export(&app, &access, &id(&path.episode)?).await?;
    Ok(answer(StatusCode::OK, FHIR_JSON, text))
}
