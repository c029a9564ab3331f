//! Subscriptions: HL7's Subscriptions R5 Backport for R4
//! (<https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/>).
//!
//! What a client says of a subscription is a resource like any other, with its versions and its audit; beside it stands a
//! row with the work: counters, the next attempt, the sealed headers. Both are written together.
//!
//! A change that is of a topic enters the outbox in its own transaction ([`happenings`]); [`sequence`] gives it the next
//! number of each subscription that it matches; `delivery` sends it under what the subscriber may see then.

pub mod alarm;
pub mod asked;
pub mod calendar;
pub mod keys;
pub mod listener;
pub mod notice;
pub mod operate;
pub mod query;
mod revealed;
pub mod secrets;
pub mod sequence;
pub mod state;
mod visible;
pub mod webhook;

use serde_json::{Value, json};

use self::asked::{Asked, MASK, Off};
use super::at_hand::kept_by;
use super::commit::{Change, Changes, commit, lost};
use super::episode::does;
use super::write::Incoming;
use crate::access::label::Labelling;
use crate::access::{Access, Caller};
use crate::app::App;
use crate::error::{Error, Issue, Kind, Result};
use crate::fhir::resource::{Resource, Stored};
use crate::kap::Id;
use crate::mapping::topic;
use crate::store::outbox::{self, Happening, Why};
use crate::store::resource::Draft;
use crate::store::sql::Step;
use crate::store::subscription::{self as rows, State, Subscription};

pub use visible::{focus, visible};

/// The type.
pub const TYPE: &str = "Subscription";
/// Subscriptions that a client may have.
const MOST: usize = 100;

/// Writes or deletes a subscription, which is never done together with anything else; `None` where there is none among
/// these.
///
/// # Errors
/// `Unprocessable` where something else is written with it, or this service does not do what is asked for; `Forbidden`
/// where it is another client's.
pub async fn alone(
    app: &App,
    access: &Access,
    name: &'static str,
    incoming: &[Incoming],
    gone: &[Stored],
) -> Result<Option<Vec<Stored>>> {
    let keys = incoming.iter().map(|one| &one.resource.key);
    let mut keys = keys.chain(gone.iter().map(|row| &row.key));
    if keys.all(|key| &*key.kind != TYPE) {
        return Ok(None);
    }
    let stored = match (incoming, gone) {
        ([one], []) => write(app, access, name, one).await?,
        ([], [row]) => delete(app, access, name, row).await?,
        _ => {
            let text = "A Subscription is created, updated and deleted by a request of its own.";
            let error = Error::new(Kind::Unprocessable, text);
            return Err(error.issue_code("not-supported"));
        }
    };
    let view = app.store.view(access);
    let seen = stored.into_iter().map(|row| view.seen(row));
    seen.collect::<Result<_>>().map(Some)
}

fn caller(access: &Access) -> Result<&Caller> {
    access
        .caller()
        .ok_or_else(|| Error::internal("a subscription that no client asked for"))
}

/// The row of a subscription of this client.
async fn own(app: &App, access: &Access, id: &Id) -> Result<Subscription> {
    let row = app.store.subscription(&app.tenant, id).await?;
    let row = row.ok_or_else(Error::not_found)?;
    if row.client != caller(access)?.client {
        let text = "The subscription is another client's of your organization.";
        return Err(Error::new(Kind::Forbidden, text).code("not-permitted"));
    }
    Ok(row)
}

async fn write(
    app: &App,
    access: &Access,
    name: &'static str,
    one: &Incoming,
) -> Result<Vec<Stored>> {
    let placed = |mut error: Error| {
        error.issues = error.issues.into_iter().map(|i| one.place(i)).collect();
        error
    };
    let asked = asked::read(&one.resource.value, app.clock.millis()).map_err(placed)?;
    let (old, before) = match one.seen {
        None => (None, None),
        Some(seen) => {
            let old = app.store.view(access).read(&one.resource.key).await?;
            super::write::seen(&old, Some(seen))?;
            kept_by(access, one, &old)?;
            let row = own(app, access, &one.resource.key.id).await?;
            same_topic(&row, &asked).map_err(placed)?;
            (Some(old), Some(row))
        }
    };
    filters_hold(app, access, &asked).map_err(placed)?;
    let row = row(app, access, one, asked, before.as_ref())
        .await
        .map_err(placed)?;
    let mut steps = super::condition::steps(app, access, std::slice::from_ref(one));
    let state = match &before {
        Some(before) if same(before, &row) => before.state,
        Some(_) => {
            steps.push(rows::change(&app.tenant, &row));
            row.state
        }
        None => {
            enough(app, access).await?;
            steps.push(rows::add(&app.tenant, &row));
            steps.extend(keys::first(app, &row.client).await?);
            row.state
        }
    };
    let organization = caller(access)?.organization.clone();
    let change = Change {
        resource: shown(&one.resource, state)?,
        over: old,
        owner: organization.clone(),
        author: organization,
        class: None,
        episode: None,
        by_caller: Some(does(one.seen)),
        labelling: Labelling::Sent,
    };
    let set = Changes {
        changes: vec![change],
        steps,
        ..Changes::default()
    };
    let stored = commit(app, access, name, set).await?.map_err(lost)?;
    app.sends.wake_courier();
    Ok(stored)
}

async fn delete(
    app: &App,
    access: &Access,
    name: &'static str,
    row: &Stored,
) -> Result<Vec<Stored>> {
    own(app, access, &row.key.id).await?;
    let set = Changes {
        gone: vec![row.clone()],
        steps: rows::forget(&app.tenant, &row.key.id),
        ..Changes::default()
    };
    commit(app, access, name, set).await?.map_err(lost)
}

async fn enough(app: &App, access: &Access) -> Result<()> {
    let client = &caller(access)?.client;
    let own = app.store.subscriptions_of(&app.tenant, client).await?;
    if own.len() < MOST {
        return Ok(());
    }
    let text = format!("A client has at most {MOST} subscriptions: delete one first.");
    Err(Error::new(Kind::TooMany, text))
}

/// Its numbers are those of one topic.
fn same_topic(before: &Subscription, asked: &Asked) -> Result<()> {
    if *before.topic == *asked.topic {
        return Ok(());
    }
    let text = "A subscription keeps its topic, which its events are of: make another one.";
    let issue = Issue {
        code: Some("not-supported"),
        text: text.into(),
        at: Some("Subscription.criteria".into()),
        ..Issue::default()
    };
    Err(Error::with_issues(Kind::Unprocessable, vec![issue]))
}

/// Whether the filters can be read as searches of this client.
fn filters_hold(app: &App, access: &Access, asked: &Asked) -> Result<()> {
    for (n, text) in asked.filters.iter().enumerate() {
        sequence::filter(app, access, text).map_err(|mut error| {
            error.kind = Kind::Unprocessable;
            for issue in &mut error.issues {
                issue.at = Some(format!("Subscription.criteria.extension[{n}].value"));
            }
            error
        })?;
    }
    Ok(())
}

/// The row of what is asked for.
async fn row(
    app: &App,
    access: &Access,
    one: &Incoming,
    asked: Asked,
    before: Option<&Subscription>,
) -> Result<Subscription> {
    let caller = caller(access)?;
    let id = &one.resource.key.id;
    let host = endpoint(app, &caller.client, &asked).await?;
    let (ring, secret) = state::sealed(app, id, &asked.headers, before).await?;
    let now = app.clock.millis();
    let kept = before.map_or((0, 0, 0, 0), |b| (b.numbered, b.acked, b.told_at, b.fence));
    let begun = before.is_some_and(|b| b.begun);
    let (state, due_at) = match asked.off {
        Off::Yes => (State::Off, rows::NEVER),
        Off::No => (State::Requested, now),
    };
    Ok(Subscription {
        id: id.clone(),
        client: caller.client.clone(),
        owner: caller.organization.as_str().into(),
        role: caller.role.code().into(),
        scopes: caller.scopes.to_string().into(),
        purpose: caller.purpose.clone(),
        topic: asked.topic.into(),
        state,
        reason: "".into(),
        filters: asked.filters.join("\n").into(),
        endpoint: asked.endpoint.into(),
        host: host.into(),
        payload: asked.payload.into(),
        content: asked.content,
        most: asked.most,
        timeout: asked.timeout,
        heartbeat: asked.heartbeat,
        ends_at: asked.ends_at,
        ring: ring.into(),
        secret: secret.into(),
        numbered: kept.0,
        acked: kept.1,
        due_at,
        attempt: 0,
        failing_since: 0,
        told_at: kept.2,
        begun,
        tried: 0,
        fence: kept.3,
        changed_at: now,
    })
}

/// Whether nothing of the work changes: only words, or a status that it has.
fn same(before: &Subscription, now: &Subscription) -> bool {
    let stands = matches!(
        (before.state, now.state),
        (State::Active | State::Requested, State::Requested) | (State::Off, State::Off)
    );
    let work = |s: &Subscription| {
        let s = s.clone();
        let texts = (s.topic, s.filters, s.endpoint, s.payload, s.ring, s.secret);
        let numbers = (s.content, s.most, s.timeout, s.heartbeat, s.ends_at);
        (texts, numbers, s.scopes, s.purpose, s.role)
    };
    stands && work(before) == work(now)
}

/// Host and port of the endpoint, where the client may be called there.
async fn endpoint(app: &App, client: &str, asked: &Asked) -> Result<String> {
    let at = "Subscription.channel.endpoint";
    let refused = |text: &str| {
        let error = Error::new(Kind::Unprocessable, text);
        error.issue_code("not-supported").at(at)
    };
    let url = app.sends.judge(&asked.endpoint).map_err(refused)?;
    let agreed = state::agreed(app, client, &url).await?;
    let Some(agreed) = agreed else {
        let text = "The endpoint's origin is not registered for this client: the operator adds it (kap-fhir client origin).";
        return Err(refused(text));
    };
    if asked.content == rows::Content::FullResource && agreed == state::Agreed::Names {
        let text = "Whole records are sent only where that was agreed on: ask for id-only, or the operator to allow it.";
        return Err(refused(text).at(at));
    }
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    Ok(format!("{host}:{port}"))
}

/// The resource as it is kept: the service says the status, and headers are not told again.
fn shown(resource: &Resource, state: State) -> Result<Resource> {
    let mut value = resource.value.clone();
    value["status"] = json!(state.code());
    if let Some(members) = value.as_object_mut() {
        members.shift_remove("error");
    }
    if let Some(Value::Array(headers)) = value["channel"].get_mut("header") {
        for header in headers {
            let text = header.as_str().unwrap_or_default();
            let name = text.split(':').next().unwrap_or_default().trim_end();
            *header = json!(format!("{name}: {MASK}"));
        }
    }
    of_value(resource, &value)
}

/// The same resource with this value.
fn of_value(resource: &Resource, value: &Value) -> Result<Resource> {
    let text = value.to_string();
    let key = &resource.key;
    let fresh = || key.id.clone();
    Resource::received(text.as_bytes(), Some(TYPE), Some(&key.id), fresh)
}

/// What of this change subscribers hear of. `before` is the version that it replaces.
#[must_use]
pub fn happenings(draft: &Draft, before: Option<&Stored>) -> Vec<Happening> {
    let Some(body) = draft.body.as_deref() else {
        return vec![];
    };
    if !topic::concerns(&draft.key.kind) {
        return vec![];
    }
    let after: Value = serde_json::from_str(body).unwrap_or_default();
    let before = before.and_then(|old| match &old.redacted {
        Some(whole) => serde_json::from_str(&whole.0).ok(),
        None => old.value(),
    });
    let change = topic::Change {
        kind: &draft.key.kind,
        before: before.as_ref(),
        after: &after,
    };
    let happening = |topic: &str, why: Why| Happening {
        topic: topic.into(),
        key: draft.key.clone(),
        version: draft.version,
        why,
        at: draft.at,
    };
    let mut out: Vec<Happening> = topic::told(change)
        .map(|topic| happening(topic.code, Why::Changed))
        .collect();
    // Who may see what depends on it.
    if &*draft.key.kind == "Consent" && !out.is_empty() {
        out.push(happening("", Why::Visible));
    }
    out
}

/// The steps that put them into the outbox.
#[must_use]
pub fn steps(tenant: &str, what: &[Happening]) -> Vec<Step> {
    let put = |one: &Happening| outbox::put(tenant, one);
    let watched = what.iter().filter(|one| *one.topic == *topic::ALERT);
    let watch = watched.map(|one| outbox::watch(tenant, &one.key, one.at, one.at + alarm::FIRST));
    what.iter().map(put).chain(watch).collect()
}
