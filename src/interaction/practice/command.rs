//! Running a command of the practice's API, once per idempotency key.

use std::collections::{BTreeMap, HashSet};

use base64::Engine as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::answer::{self, Outcome};
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::interaction::audit;
use crate::interaction::consent::{self, Door};
use crate::interaction::episode::{Ask, Done, change, whole};
use crate::kap::act::Command;
use crate::kap::{Episode, Id};
use crate::store::idempotency;

/// What the request says beside the command.
#[derive(Debug)]
pub struct Request<'a> {
    /// Names the command for the client: a repeat with the same key does nothing twice.
    pub key: String,
    /// The episode's version that the client saw.
    pub if_match: Option<i64>,
    /// What the command does, with which type of resource: what the caller was asked for.
    pub does: (Interaction, &'static str),
    /// Status of a success.
    pub status: u16,
    /// The body as it was sent.
    pub body: &'a [u8],
}

/// The answer to a command.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub version: i64,
    pub location: String,
    pub body: Value,
    /// The command had been carried out before; this is what it did.
    pub replayed: bool,
}

/// Carries out `command` on an episode.
///
/// # Errors
/// What the rules refuse; `NotFound`; `PreconditionFailed`; `Unprocessable` where the key came with another body.
pub async fn run(
    app: &App,
    access: &Access,
    episode: &Id,
    command: Command,
    request: &Request<'_>,
) -> Result<Answered> {
    let client = client(access)?;
    let print = fingerprint(
        episode.as_str(),
        &format!("{:?}", std::mem::discriminant(&command)),
        request.body,
    );
    if let Some(done) = replay(app, access, &client, request, &print).await? {
        return Ok(done);
    }
    let ask = Ask {
        name: "practice command",
        if_match: request.if_match,
        does: Some(request.does),
        seed: format!("{client}|{}", request.key),
        ..Ask::default()
    };
    let known = match &command {
        Command::AddConsent(consent) => consent::organizations(app, access, consent).await?,
        _ => HashSet::new(),
    };
    let rule = |state: &mut Episode, _: &_, ctx: &crate::kap::act::Context<'_>| {
        if let Command::AddConsent(consent) = &command {
            consent::check(consent, state, |id| known.contains(id), Door::Practice)?;
        }
        state.apply(command.clone(), ctx)
    };
    let extra = |done: &Done| {
        let kept = outcome(done, request.status).keep(&print);
        idempotency::record(
            access.tenant(),
            &client,
            &request.key,
            &kept,
            app.clock.millis(),
        )
    };
    match change(app, access, episode, &ask, rule, extra).await {
        Ok(done) => {
            let outcome = outcome(&done, request.status);
            // The record that the answer shows may hold more than this caller wrote.
            let owner = &done.after.organizations.practice.id;
            if access.caller().is_none_or(|c| c.organization != *owner) {
                audit::episode(access, &done.after, &format!("record {}", outcome.record));
            }
            answered(app, access, &done.after, outcome, false).await
        }
        // A twin of this request was faster: its answer is the answer.
        Err(error) if error.kind == Kind::Conflict => replay(app, access, &client, request, &print)
            .await?
            .ok_or(error),
        Err(error) => Err(error),
    }
}

/// The client's name as idempotency keys are kept under it.
///
/// # Errors
/// `Internal` for the service itself, which sends no commands.
pub fn client(access: &Access) -> Result<String> {
    let caller = access
        .caller()
        .ok_or_else(|| Error::internal("a command without a caller"))?;
    Ok(caller.client.to_string())
}

/// Names a request: the same path, command and body give the same text.
#[must_use]
pub fn fingerprint(path: &str, command: &str, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    for part in [path.as_bytes(), b"|", command.as_bytes(), b"|", body] {
        hash.update(part);
    }
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash.finalize())
}

/// The answer of an earlier request with this key, if there was one.
///
/// # Errors
/// `Unprocessable` where that request was another one.
pub async fn replay(
    app: &App,
    access: &Access,
    client: &str,
    request: &Request<'_>,
    print: &str,
) -> Result<Option<Answered>> {
    let known = idempotency::lookup(&app.store, access.tenant(), client, &request.key).await?;
    let Some(known) = known else { return Ok(None) };
    if *known.request != *print {
        let text =
            "This Idempotency-Key was used for another request. Use a new key for a new command.";
        return Err(Error::new(Kind::Unprocessable, text).code("idempotency-key-reused"));
    }
    let outcome = Outcome::kept(&known)?;
    let loaded = whole(app, access, &outcome.episode).await?;
    audit::episode(access, &loaded.episode, "repeated command");
    let answer = answered(app, access, &loaded.episode, outcome, true);
    answer.await.map(Some)
}

/// What a command did, without any content.
#[must_use]
pub fn outcome(done: &Done, status: u16) -> Outcome {
    Outcome {
        status,
        episode: done.after.episode_id.clone(),
        record: done.record.clone(),
        version: done.after.version,
        flags: answer::new_flags(&done.before, &done.after),
        resources: done.written.iter().map(ToString::to_string).collect(),
        names: BTreeMap::new(),
    }
}

/// The answer, made from the present state, as far as the caller sees it.
///
/// # Errors
/// Where the store fails.
pub async fn answered(
    app: &App,
    access: &Access,
    episode: &Episode,
    outcome: Outcome,
    replayed: bool,
) -> Result<Answered> {
    let body = answer::body(app, access, episode, &outcome).await?;
    Ok(Answered {
        status: outcome.status,
        version: outcome.version,
        location: format!(
            "/kap/v1/episodes/{}/records/{}",
            outcome.episode, outcome.record
        ),
        body,
        replayed,
    })
}
