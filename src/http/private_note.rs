//! Private notes over HTTP: the only path on which their words leave the service, to their originator.
//!
//! Neither a body nor an answer of these paths is logged, kept or put into an error.

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;

use super::extract::{BODY, Permit, body, idempotency_key, if_match, media};
use super::respond::{Problem, answer, json_answer};
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::interaction::private_note::write::{Incoming, Taken, take};
use crate::interaction::private_note::{originator, read};
use crate::kap::Id;
use crate::private::Head;

type Answer = std::result::Result<Response, Problem>;
type Params<T> = std::result::Result<Query<T>, QueryRejection>;

/// The routes below `/kap/v1`. Both ask for the scope `system/EpisodeOfCare`: `r` to read, `u` to write.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/episodes/{episode}/private-notes", get(list).post(add))
        .route(
            "/episodes/{episode}/private-notes/{note}",
            get(one).put(amend),
        )
}

#[derive(Deserialize)]
struct OfEpisode {
    episode: String,
}

#[derive(Deserialize)]
struct OfNote {
    episode: String,
    note: String,
}

async fn list(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfEpisode>,
    query: Params<read::List>,
) -> Answer {
    originator(&access, Interaction::Read)?;
    let ask = params(
        query,
        "?authorId=ID[&kind=KIND][&sessionId=ID][&limit=N][&cursor=CURSOR]",
    )?;
    let page = read::list(&app, &access, &id(&path.episode)?, &ask).await?;
    Ok(json_answer(StatusCode::OK, &page)?)
}

async fn one(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfNote>,
    query: Params<read::One>,
) -> Answer {
    originator(&access, Interaction::Read)?;
    let key = (&id(&path.episode)?, &id(&path.note)?);
    let ask = params(query, "?authorId=ID[&version=N]")?;
    let (head, note) = read::one(&app, &access, key, &ask).await?;
    let text = note.told_to_its_originator(&head)?;
    let mut response = answer(StatusCode::OK, "application/json", text);
    set(response.headers_mut(), header::ETAG, &etag(&head));
    Ok(response)
}

async fn add(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfEpisode>,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    let key = (&id(&path.episode)?, None);
    let taken = taken(&app, &access, key, &headers, content).await?;
    told(StatusCode::CREATED, &taken)
}

async fn amend(
    State(app): State<App>,
    Permit(access): Permit,
    Path(path): Path<OfNote>,
    headers: HeaderMap,
    content: Body,
) -> Answer {
    let key = (&id(&path.episode)?, Some(&id(&path.note)?));
    let taken = taken(&app, &access, key, &headers, content).await?;
    told(StatusCode::OK, &taken)
}

async fn taken(
    app: &App,
    access: &Access,
    (episode, amends): (&Id, Option<&Id>),
    headers: &HeaderMap,
    content: Body,
) -> Result<Taken> {
    originator(access, Interaction::Update)?;
    media(headers, &["application/json"])?;
    let key = idempotency_key(headers)?;
    let if_match = if_match(headers)?;
    let bytes = body(content, BODY).await?;
    let incoming = Incoming {
        episode,
        amends,
        if_match,
        key: &key,
        body: &bytes,
    };
    take(app, access, &incoming).await
}

/// The answer to a note that was taken: that it is there, without its words.
fn told(status: StatusCode, taken: &Taken) -> Answer {
    let head = &taken.head;
    let mut response = json_answer(status, head)?;
    let headers = response.headers_mut();
    let location = format!(
        "/kap/v1/episodes/{}/private-notes/{}",
        head.episode_id, head.id
    );
    set(headers, header::ETAG, &etag(head));
    set(headers, header::LOCATION, &location);
    if taken.replayed {
        let name = HeaderName::from_static("idempotency-replayed");
        set(headers, name, "true");
    }
    Ok(response)
}

fn etag(head: &Head) -> String {
    format!("W/\"{}\"", head.version)
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn id(text: &str) -> Result<Id> {
    Id::new(text).ok_or_else(Error::not_found)
}

/// The query, of this form. What is wrong with it is not repeated: somebody may have put words into it.
fn params<T>(query: Params<T>, form: &str) -> Result<T> {
    let bad = |_: QueryRejection| {
        let text = format!("The query is not of the form {form}.");
        Error::new(Kind::Invalid, text).issue_code("value")
    };
    query.map(|Query(t)| t).map_err(bad)
}
