//! How far an export is, and what it has made.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::files::being;
use super::run::Progress;
use super::{HORIZON, Level, Order};
use crate::access::Access;
use crate::app::App;
use crate::audit::Kind as Act;
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::instant;
use crate::interaction::audit::note;
use crate::store::Being;
use crate::store::job::{File, Job};

/// What is told of an export.
#[derive(Debug)]
pub enum State {
    /// At work: a sentence on how far.
    Open(String),
    /// Done: the manifest, and when it is forgotten (milliseconds since 1970).
    Done { manifest: String, expires_at: i64 },
}

/// The export, if it is there and is this client's.
///
/// # Errors
/// `NotFound` where it is not: the same for another client's.
pub async fn own(app: &App, access: &Access, id: &str) -> Result<(Job, Order)> {
    let caller = access.caller().ok_or_else(Error::not_found)?;
    let found = app.store.job(&app.tenant, id).await?;
    let now = app.clock.millis();
    let mine = found.filter(|job| {
        *job.kind == *super::KIND
            && job.client == caller.client
            && *job.state != *"cancelled"
            && job.expires_at > now
    });
    let job = mine.ok_or_else(missing)?;
    let order = Order::parse(&job.payload)?;
    Ok((job, order))
}

pub(super) fn missing() -> Error {
    Error::new(
        Kind::NotFound,
        "There is no such export of this client: it never was, or was cancelled, or its time is over.",
    )
}

/// How far an export is.
///
/// # Errors
/// `NotFound` where there is none of this client's; `TooMany` where it is asked of too often; `Internal` where it failed.
pub async fn state(app: &App, access: &Access, id: &str) -> Result<State> {
    let (job, order) = own(app, access, id).await?;
    let event = access.event(Act::Operation).target("export", id, None);
    note(access, event.detail(format!("status: {}", job.state)));
    match &*job.state {
        "open" => {
            let at = Progress::of(&job)?;
            let all = order.kinds.len();
            let done = at.kind.min(all);
            app.exports.polls.count(id, app.clock.millis())?;
            let text = format!("{done} of {all} types, {} resources", at.resources);
            Ok(State::Open(text))
        }
        "done" => Ok(State::Done {
            manifest: manifest(app, &job, &order).await?.to_string(),
            expires_at: job.expires_at,
        }),
        _ => Err(failed(&job)),
    }
}

fn failed(job: &Job) -> Error {
    let text = match &*job.reason {
        "forbidden" => {
            "The export was broken off: its client may not go on. Delete it and begin another."
        }
        "not-found" => {
            "The export was broken off: the group is not visible. Delete it and begin another."
        }
        _ => "The export failed. Delete it and begin another.",
    };
    Error::new(Kind::Internal, text).because(format!("export {}: {}", job.id, job.reason))
}

async fn manifest(app: &App, job: &Job, order: &Order) -> Result<Value> {
    let base = format!("{}/$export/{}", app.fhir_base(), job.id);
    let files = app.store.job_files(&app.tenant, &job.id).await?;
    let (present, deleted): (Vec<_>, Vec<_>) =
        files.iter().partition(|file| being(file) == Being::Present);
    let told = |files: Vec<&File>| -> Vec<Value> {
        let tell = |file: &File| {
            let kind = match being(file) {
                Being::Present => &*file.kind,
                Being::Deleted => "Bundle",
            };
            let url = format!("{base}/{}", file.name);
            json!({ "type": kind, "url": url, "count": file.resources })
        };
        files.into_iter().map(tell).collect()
    };
    let at =
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(job.created_at - HORIZON) * 1_000_000);
    let mut out = json!({
        "transactionTime": instant(at.map_err(Error::internal)?),
        "request": order.request,
        "requiresAccessToken": true,
        "output": told(present),
        "deleted": told(deleted),
        "error": [],
    });
    if let Level::Group(group) = &order.level {
        out["extension"] = json!({ "group": group });
    }
    Ok(out)
}
