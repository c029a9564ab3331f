//! Subscriptions as those know them who know no FHIR: plain webhooks with JSON events. A webhook is a Subscription like any
//! other, and can be seen and changed as one.

pub mod offer;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::asked::JSON;
use super::notice::sentence;
use super::{TYPE, caller, query};
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::audit::Kind as Act;
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::{Key, Resource, moment};
use crate::interaction::audit::note;
use crate::interaction::delete;
use crate::interaction::write::{self, Created};
use crate::kap::Id;
use crate::mapping::topic::{self, Topic};
use crate::store::subscription::{Content, State, Subscription};

const BACKPORT: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-";

/// A webhook that is asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct New {
    /// Code of a topic.
    topic: String,
    url: String,
    /// Each as `Type?parameter=value`.
    #[serde(default)]
    filters: Vec<String>,
    /// Sent with every call, and never shown again.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// For people.
    reason: Option<String>,
    /// `id-only` or `empty`.
    content: Option<String>,
    timeout_seconds: Option<i64>,
    heartbeat_seconds: Option<i64>,
    ends_at: Option<String>,
}

/// A webhook.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    id: String,
    topic: String,
    url: String,
    /// `application/json`; `application/fhir+json` where it was made as a Subscription for Bundles.
    media_type: String,
    content: &'static str,
    filters: Vec<String>,
    /// `requested`, `active`, `error`, `off`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    /// Number of the last event.
    events: i64,
    /// Number of the last event that arrived.
    delivered: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_delivered_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<String>,
}

impl Webhook {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn of(s: &Subscription) -> Self {
        Self {
            id: s.id.to_string(),
            topic: s.topic.to_string(),
            url: s.endpoint.to_string(),
            media_type: s.payload.to_string(),
            content: s.content.code(),
            filters: s.filters.lines().map(str::to_owned).collect(),
            status: s.state.code(),
            error: (!s.reason.is_empty()).then(|| sentence(&s.reason)),
            events: s.numbered,
            delivered: s.acked,
            last_delivered_at: moment(s.told_at),
            failing_since: moment(s.failing_since),
        }
    }
}

/// Whether the caller makes webhooks at all: asked before its body is read.
///
/// # Errors
/// `Forbidden` by role or scope, and in an emergency.
pub fn may_create(access: &Access) -> Result<()> {
    access.allow(Interaction::Create, TYPE)
}

/// Makes a webhook; the same one again where the client has it already.
///
/// # Errors
/// `Forbidden` by role or scope; `Unprocessable` with everything that is wrong with `new`.
pub async fn create(app: &App, access: &Access, new: &New) -> Result<(Webhook, bool)> {
    may_create(access)?;
    let client = caller(access)?.client.clone();
    let own = app.store.subscriptions_of(&app.tenant, &client).await?;
    let filters = new.filters.join("\n");
    let known = own.iter().find(|s| {
        let place = *s.topic == *new.topic && *s.endpoint == *new.url;
        let content = new.content.as_deref().unwrap_or(Content::IdOnly.code());
        let plain = new.headers.is_empty() && new.timeout_seconds.is_none();
        let plain = plain && new.heartbeat_seconds.is_none() && new.ends_at.is_none();
        let same = *s.filters == *filters && &*s.payload == JSON && s.content.code() == content;
        place && same && plain && s.state != State::Off
    });
    if let Some(known) = known {
        let event = access
            .event(Act::Read)
            .target(TYPE, known.id.as_str(), None);
        note(access, event);
        return Ok((Webhook::of(known), false));
    }
    let text = resource(new).to_string();
    let fresh = || Id::new(app.clock.uuid().to_string()).unwrap_or_default();
    let received = Resource::received(text.as_bytes(), Some(TYPE), None, fresh).map_err(said)?;
    let made = write::create(app, access, received, None)
        .await
        .map_err(said)?;
    let (Created::New(row) | Created::Known(row)) = made;
    Ok((one(app, &row.key.id).await?, true))
}

/// The Subscription that a webhook is.
fn resource(new: &New) -> Value {
    let extension = |name: &str, member: &str, value: &Value| json!({ "url": format!("{BACKPORT}{name}"), member: value });
    let mut channel = json!({ "type": "rest-hook", "endpoint": new.url, "payload": JSON });
    let content = new.content.as_deref().unwrap_or(Content::IdOnly.code());
    channel["_payload"] =
        json!({ "extension": [extension("payload-content", "valueCode", &json!(content))] });
    let mut extensions = vec![];
    if let Some(seconds) = new.timeout_seconds {
        extensions.push(extension("timeout", "valueUnsignedInt", &json!(seconds)));
    }
    if let Some(seconds) = new.heartbeat_seconds {
        extensions.push(extension(
            "heartbeat-period",
            "valueUnsignedInt",
            &json!(seconds),
        ));
    }
    if !extensions.is_empty() {
        channel["extension"] = json!(extensions);
    }
    if !new.headers.is_empty() {
        let lines = new
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}"));
        channel["header"] = json!(lines.collect::<Vec<_>>());
    }
    let url = topic::named(&new.topic).map_or_else(|| new.topic.clone(), Topic::url);
    let mut out = json!({ "resourceType": TYPE, "status": "requested",
        "reason": new.reason.as_deref().unwrap_or("webhook"), "criteria": url, "channel": channel });
    if !new.filters.is_empty() {
        let each = new.filters.iter();
        let each = each.map(|text| extension("filter-criteria", "valueString", &json!(text)));
        out["_criteria"] = json!({ "extension": each.collect::<Vec<_>>() });
    }
    if let Some(end) = &new.ends_at {
        out["end"] = json!(end);
    }
    out
}

/// What is wrong, said of the body of a webhook.
fn said(mut error: Error) -> Error {
    for issue in &mut error.issues {
        let place = issue.at.take();
        issue.at = place.as_deref().map(pointer);
    }
    if error.kind == Kind::Invalid {
        error.kind = Kind::Unprocessable;
    }
    error
}

fn pointer(place: &str) -> String {
    let below = place.strip_prefix("Subscription.").unwrap_or(place);
    let number = |text: &str| -> String {
        text.chars()
            .skip_while(|c| !c.is_ascii_digit())
            .take_while(char::is_ascii_digit)
            .collect()
    };
    match below {
        _ if below.starts_with("criteria.extension[") => format!("/filters/{}", number(below)),
        _ if below.starts_with("criteria") => "/topic".into(),
        _ if below.starts_with("channel.endpoint") => "/url".into(),
        _ if below.starts_with("channel.payload") => "/content".into(),
        _ if below.starts_with("channel.header") => "/headers".into(),
        _ if below.starts_with("channel.extension[0]") => "/timeoutSeconds".into(),
        _ if below.starts_with("channel.extension") => "/heartbeatSeconds".into(),
        _ if below.starts_with("end") => "/endsAt".into(),
        _ if below.starts_with("reason") => "/reason".into(),
        _ => String::new(),
    }
}

async fn one(app: &App, id: &Id) -> Result<Webhook> {
    let row = app.store.subscription(&app.tenant, id).await?;
    row.map(|s| Webhook::of(&s)).ok_or_else(Error::not_found)
}

/// The webhook of this id.
///
/// # Errors
/// `Forbidden` by role or scope; `NotFound`.
pub async fn read(app: &App, access: &Access, id: &Id) -> Result<Webhook> {
    let row = query::seen(app, access, id).await?;
    note(
        access,
        access.event(Act::Read).target(TYPE, id.as_str(), None),
    );
    Ok(Webhook::of(&row))
}

/// The webhooks of the caller, by id.
///
/// # Errors
/// `Forbidden` by role or scope.
pub async fn list(app: &App, access: &Access) -> Result<Value> {
    access.allow(Interaction::Search, TYPE)?;
    let client = &caller(access)?.client;
    let own = app.store.subscriptions_of(&app.tenant, client).await?;
    note(access, access.event(Act::Operation).detail("webhooks"));
    let items: Vec<Webhook> = own.iter().map(Webhook::of).collect();
    Ok(json!({ "items": items }))
}

/// Ends a webhook.
///
/// # Errors
/// `Forbidden` by role or scope, or where it is another client's; `NotFound`.
pub async fn remove(app: &App, access: &Access, id: &Id) -> Result<()> {
    let key = Key::new(TYPE, id.clone());
    delete::delete(app, access, &key, None).await.map(drop)
}

/// Stops telling: nothing is counted until it begins again.
///
/// # Errors
/// As [`remove`].
pub async fn pause(app: &App, access: &Access, id: &Id) -> Result<Webhook> {
    turn(app, access, id, State::Off).await
}

/// Begins again with a handshake: what happened while it was in error is told then.
///
/// # Errors
/// As [`remove`].
pub async fn resume(app: &App, access: &Access, id: &Id) -> Result<Webhook> {
    turn(app, access, id, State::Requested).await
}

async fn turn(app: &App, access: &Access, id: &Id, state: State) -> Result<Webhook> {
    access.allow(Interaction::Update, TYPE)?;
    let key = Key::new(TYPE, id.clone());
    let row = app.store.view(access).read(&key).await?;
    let mut value = row.value().unwrap_or_default();
    value["status"] = json!(state.code());
    let text = value.to_string();
    let fresh = || id.clone();
    let resource = Resource::received(text.as_bytes(), Some(TYPE), Some(id), fresh)?;
    write::update(app, access, resource, Some(row.version)).await?;
    one(app, id).await
}

/// What a page of events is asked by.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pages {
    /// Number after which events are told.
    after: Option<i64>,
    limit: Option<i64>,
}

/// The events of a webhook, in order: what a receiver that was away can catch up with.
///
/// # Errors
/// `Forbidden` by role or scope; `NotFound`; `Invalid` for a page that cannot be.
pub async fn events(app: &App, access: &Access, id: &Id, pages: &Pages) -> Result<Value> {
    let row = query::seen(app, access, id).await?;
    let limit = pages.limit.unwrap_or(100);
    let after = pages.after.unwrap_or(0);
    if !(1..=1000).contains(&limit) || after < 0 {
        let text = "after is the number of an event, limit is from 1 to 1000.";
        return Err(Error::new(Kind::Invalid, text).issue_code("value"));
    }
    let span = (after.saturating_add(1), i64::MAX);
    let found = app.store.events_of(&app.tenant, id, span, limit).await?;
    let more = i64::try_from(found.len()).unwrap_or(0) == limit;
    let plain = Subscription {
        payload: JSON.into(),
        ..row
    };
    let told = query::told(app, access, &plain, found).await?;
    let event = access.event(Act::Operation).target(TYPE, id.as_str(), None);
    note(access, event.detail("events"));
    let base = app.fhir_base();
    let items: Vec<Value> = told
        .iter()
        .map(|one| query::plain(&base, &plain, one))
        .collect();
    let mut out = json!({ "items": items });
    if let Some(last) = told.last().filter(|_| more) {
        out["next"] = json!(last.event.n);
    }
    Ok(out)
}

/// What became of the latest calls, the last first.
///
/// # Errors
/// `Forbidden` by role or scope; `NotFound`.
pub async fn attempts(app: &App, access: &Access, id: &Id) -> Result<Value> {
    query::seen(app, access, id).await?;
    let event = access.event(Act::Operation).target(TYPE, id.as_str(), None);
    note(access, event.detail("attempts"));
    let rows = app.store.attempts_of(&app.tenant, id, 100).await?;
    let items = rows.iter().map(|a| {
        let mut item = json!({ "at": moment(a.at), "kind": &*a.kind, "attempt": a.attempt, "milliseconds": a.millis });
        if a.first > 0 {
            item["firstEvent"] = json!(a.first);
            item["lastEvent"] = json!(a.last);
        }
        if a.status > 0 {
            item["status"] = json!(a.status);
        }
        if !a.failure.is_empty() {
            item["failure"] = json!(&*a.failure);
        }
        item
    });
    Ok(json!({ "items": items.collect::<Vec<_>>() }))
}
