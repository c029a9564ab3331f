//! What an integrator needs to know before the first event: topics, and the keys that events are signed with.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::moment;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::audit::Kind as Act;
use crate::error::Result;
use crate::interaction::audit::note;
use crate::interaction::subscription::asked::{FHIR, JSON};
use crate::interaction::subscription::{TYPE, caller};
use crate::mapping::topic;

/// What there is to subscribe to.
#[must_use]
pub fn topics(access: &Access) -> Value {
    note(access, access.event(Act::Operation).detail("topics"));
    let each = topic::TOPICS.iter().map(|topic| {
        let filters = topic.of.iter().map(|(kind, names)| json!({ "resourceType": kind, "parameters": names }));
        json!({ "topic": topic.code, "title": topic.title, "when": topic.when, "canonical": topic.url(),
            "alert": topic.alert, "filters": filters.collect::<Vec<_>>() })
    });
    json!({ "items": each.collect::<Vec<_>>(), "mediaTypes": [JSON, FHIR] })
}

/// The keys that events for the caller are signed with, as Standard Webhooks writes them.
///
/// # Errors
/// `Forbidden` by role or scope; those of the store.
pub async fn keys(app: &App, access: &Access) -> Result<Value> {
    access.allow(Interaction::Read, TYPE)?;
    let client = &caller(access)?.client;
    let rows = app
        .store
        .signing_keys(&app.tenant, Some(client), app.clock.millis())
        .await?;
    note(access, access.event(Act::Operation).detail("webhook keys"));
    let key = |row: &crate::store::subscription::key::SigningKey| {
        let bytes = URL_SAFE_NO_PAD.decode(&*row.public).unwrap_or_default();
        json!({ "kid": &*row.kid, "publicKey": format!("whpk_{}", STANDARD.encode(bytes)),
            "createdAt": moment(row.created_at) })
    };
    Ok(json!({ "items": rows.iter().map(key).collect::<Vec<_>>() }))
}

/// Begins to sign for the caller with a new key; the old one signs beside it for seven days.
///
/// # Errors
/// `Forbidden` by role or scope; those of the store.
pub async fn rotate(app: &App, access: &Access) -> Result<Value> {
    access.allow(Interaction::Update, TYPE)?;
    let client = caller(access)?.client.clone();
    crate::interaction::subscription::keys::rotate(app, &client).await?;
    keys(app, access).await
}
