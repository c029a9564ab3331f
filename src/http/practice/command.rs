//! The requests that change an episode: each becomes a command.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{FromRequest, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{MethodFilter, MethodRouter, on, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Answer, OfEpisode, id, set};
use crate::access::Interaction::Create;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::http::extract::{BODY, Permit, body, idempotency_key, if_match, media};
use crate::http::respond::json_answer;
use crate::interaction::practice::command::{self, Answered};
use crate::interaction::practice::{open, read_body};
use crate::kap::Id;
use crate::kap::act::Command;

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
pub(super) fn add<B: DeserializeOwned + 'static>(
    interaction: Interaction,
    kind: &'static str,
    command: fn(B) -> Command,
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
pub(super) fn step<B: DeserializeOwned + 'static>(
    interaction: Interaction,
    kind: &'static str,
    command: fn(B) -> Command,
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
pub(super) fn set_one<B: DeserializeOwned + 'static>(
    interaction: Interaction,
    kind: &'static str,
    command: fn(B) -> Command,
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
    command: fn(B) -> Command,
) -> MethodRouter<App> {
    let handler = move |Permit(access): Permit, Path(path): Path<OfEpisode>, sent: Sent| async move {
        access.allow(interaction, kind)?;
        let episode = id(&path.episode)?;
        let does = (interaction, kind);
        sent.run(&access, &episode, does, status, command).await
    };
    on(method, handler)
}

/// `POST` that does something with a record of the episode; one that creates, adds a record to it.
pub(super) fn of<B: DeserializeOwned + 'static>(
    interaction: Interaction,
    kind: &'static str,
    command: fn(Id, B) -> Command,
) -> MethodRouter<App> {
    let status = if interaction == Create {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    post(
        move |Permit(access): Permit, Path(path): Path<OfRecord>, sent: Sent| async move {
            access.allow(interaction, kind)?;
            let (record, episode) = (id(&path.id)?, id(&path.episode)?);
            let command = move |body| command(record, body);
            sent.run(&access, &episode, (interaction, kind), status, command)
                .await
        },
    )
}

/// `POST` that does something with a part of a record.
pub(super) fn part<B: DeserializeOwned + 'static>(
    interaction: Interaction,
    kind: &'static str,
    command: fn(Id, Id, B) -> Command,
) -> MethodRouter<App> {
    post(
        move |Permit(access): Permit, Path(path): Path<OfPart>, sent: Sent| async move {
            access.allow(interaction, kind)?;
            let (record, of) = (id(&path.id)?, id(&path.part)?);
            let episode = id(&path.episode)?;
            let command = move |body| command(record, of, body);
            sent.run(
                &access,
                &episode,
                (interaction, kind),
                StatusCode::OK,
                command,
            )
            .await
        },
    )
}

/// A request on its way to the rules.
struct Sent {
    app: App,
    headers: HeaderMap,
    content: Body,
}

impl FromRequest<App> for Sent {
    type Rejection = Infallible;

    async fn from_request(request: Request, app: &App) -> std::result::Result<Self, Infallible> {
        let (parts, content) = request.into_parts();
        Ok(Self {
            app: app.clone(),
            headers: parts.headers,
            content,
        })
    }
}

impl Sent {
    async fn run<B: DeserializeOwned>(
        self,
        access: &Access,
        episode: &Id,
        does: (Interaction, &'static str),
        status: StatusCode,
        command: impl FnOnce(B) -> Command,
    ) -> Answer {
        media(&self.headers, &["application/json"])?;
        let key = idempotency_key(&self.headers)?;
        let if_match = if_match(&self.headers)?;
        let bytes = body(self.content, BODY).await?;
        let command = command(read_body(&bytes)?);
        let request = command::Request {
            key,
            if_match,
            does,
            status: status.as_u16(),
            body: &bytes,
        };
        let done = command::run(&self.app, access, episode, command, &request);
        answered(&Box::pin(done).await?)
    }
}

/// `POST` that opens an episode.
pub(super) async fn open_episode(
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
    let request = command::Request {
        key,
        if_match: None,
        does: (Create, "EpisodeOfCare"),
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
