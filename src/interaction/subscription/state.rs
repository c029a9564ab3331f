//! What a subscription holds beside its resource: sealed headers, where its client may be called, and the states that the
//! service itself gives it.

use serde_json::json;
use zeroize::Zeroizing;

use super::asked::MASK;
use super::{notice, of_value};
use crate::access::Access;
use crate::access::label::Labelling;
use crate::app::App;
use crate::error::{Error, Issue, Kind, Result};
use crate::fhir::resource::Key;
use crate::interaction::commit::{Change, Changes, commit};
use crate::interaction::private_note::keys::ring_with;
use crate::kap::Id;
use crate::store::sql::Step;
use crate::store::subscription::{State, Subscription};

/// What may be sent to an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreed {
    /// Names of records.
    Names,
    /// Records.
    Records,
}

/// What was agreed on for the origin of this URL; `None` where the client is not to be called there.
///
/// # Errors
/// Those of the store.
pub async fn agreed(app: &App, client: &str, url: &url::Url) -> Result<Option<Agreed>> {
    let origin = url.origin().ascii_serialization();
    if let Some(full) = app.store.origin(&app.tenant, client, &origin).await? {
        let agreed = if full { Agreed::Records } else { Agreed::Names };
        return Ok(Some(agreed));
    }
    Ok(app.sends.is_local(url).then_some(Agreed::Records))
}

/// Whether whole records may be sent to where the subscription's notifications go.
///
/// # Errors
/// Those of the store.
pub async fn sends_records(app: &App, s: &Subscription) -> Result<bool> {
    let Ok(url) = app.sends.judge(&s.endpoint) else {
        return Ok(false);
    };
    Ok(agreed(app, &s.client, &url).await? == Some(Agreed::Records))
}

pub(super) fn place<'a>(app: &'a App, id: &'a Id) -> [&'a str; 3] {
    ["subscription headers", &app.tenant, id.as_str()]
}

/// The headers sealed, with the id of the key; those that are shown masked are those of before.
///
/// # Errors
/// `Unavailable` where the service has no key; `Unprocessable` where there was no such header before.
pub async fn sealed(
    app: &App,
    id: &Id,
    headers: &[(String, String)],
    before: Option<&Subscription>,
) -> Result<(String, String)> {
    if headers.is_empty() {
        return Ok((String::new(), String::new()));
    }
    let ring = app.private.ring()?;
    let known = match before {
        Some(before) => opened(app, before).await?,
        None => vec![],
    };
    let mut out = vec![];
    for (n, (name, value)) in headers.iter().enumerate() {
        if value != MASK {
            out.push((name.clone(), value.clone()));
            continue;
        }
        let old = known.iter().find(|(own, _)| own == name);
        let old = old.ok_or_else(|| {
            Error::with_issues(
                Kind::Unprocessable,
                vec![Issue {
                    code: Some("value"),
                    text: "The value of this header is masked, and there was none before: say it."
                        .into(),
                    at: Some(format!("Subscription.channel.header[{n}]")),
                    ..Issue::default()
                }],
            )
        })?;
        out.push(old.clone());
    }
    if let Some(before) = before.filter(|_| out == known) {
        return Ok((before.ring.to_string(), before.secret.to_string()));
    }
    let text = Zeroizing::new(serde_json::to_vec(&out).map_err(Error::internal)?);
    ring.seal_secret(&place(app, id), &text)
}

/// The headers of a subscription.
///
/// # Errors
/// `Unavailable` where the service has no key; `Internal` where they do not open.
pub async fn opened(app: &App, s: &Subscription) -> Result<Vec<(String, String)>> {
    if s.secret.is_empty() {
        return Ok(vec![]);
    }
    let ring = ring_with(app, &s.ring).await?;
    let text = ring.open_secret(&place(app, &s.id), &s.ring, &s.secret)?;
    serde_json::from_slice(&text).map_err(Error::internal)
}

/// Says in the resource that the subscription is in this state, together with `steps`; whether it was written: not where
/// another worker or its client came first.
///
/// # Errors
/// Those of the store.
pub async fn set(
    app: &App,
    s: &Subscription,
    state: State,
    reason: &str,
    steps: Vec<Step>,
) -> Result<bool> {
    let access = Access::system(
        app.tenant.clone(),
        "state of a subscription",
        app.clock.millis(),
    );
    let key = Key::new(super::TYPE, s.id.clone());
    let Some(old) = app.store.view(&access).lookup(&key).await? else {
        return Ok(false);
    };
    let Some(resource) = old.resource() else {
        return Ok(false);
    };
    let mut value = resource.value.clone();
    value["status"] = json!(state.code());
    if let Some(members) = value.as_object_mut() {
        members.shift_remove("error");
        if !reason.is_empty() {
            members.insert("error".into(), json!(notice::sentence(reason)));
        }
    }
    let set = Changes {
        changes: vec![Change {
            resource: of_value(&resource, &value)?,
            owner: old.owner.clone(),
            author: old.author.clone(),
            over: Some(old),
            class: None,
            episode: None,
            by_caller: None,
            labelling: Labelling::Sent,
        }],
        detail: Some(format!("subscription {state}")),
        steps,
        ..Changes::default()
    };
    Ok(commit(app, &access, "subscription state", set)
        .await?
        .is_ok())
}
