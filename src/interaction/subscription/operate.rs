//! What the operator does with subscriptions: looks at them, has events told once more, says where clients may be called.

use super::state;
use crate::app::App;
use crate::audit::event::{Event as Act, Kind as Done};
use crate::error::{Error, Kind, Result};
use crate::kap::Id;
use crate::store::audit;
use crate::store::subscription::{self as rows, Attempt, State, Subscription, key};

/// Every subscription, by id.
///
/// # Errors
/// Those of the store.
pub async fn list(app: &App) -> Result<Vec<Subscription>> {
    app.store.subscriptions(&app.tenant).await
}

/// A subscription and what became of its latest calls.
///
/// # Errors
/// `NotFound` where there is none.
pub async fn show(app: &App, id: &Id) -> Result<(Subscription, Vec<Attempt>)> {
    let row = app.store.subscription(&app.tenant, id).await?;
    let row = row.ok_or_else(Error::not_found)?;
    let attempts = app.store.attempts_of(&app.tenant, id, 20).await?;
    Ok((row, attempts))
}

/// Has the events of a subscription told once more from number `from` on, after a handshake.
///
/// # Errors
/// `NotFound` where there is none; `Invalid` where it has no such event; `Conflict` where a worker is at it.
pub async fn replay(app: &App, id: &Id, from: i64) -> Result<()> {
    let row = app.store.subscription(&app.tenant, id).await?;
    let row = row.ok_or_else(Error::not_found)?;
    let first = app.store.first_event(&app.tenant, id).await?;
    let first = first.unwrap_or(row.numbered + 1);
    if !(first..=row.numbered + 1).contains(&from) {
        let text = format!("The events {first} to {} are kept.", row.numbered);
        return Err(Error::new(Kind::Invalid, text));
    }
    let step = rows::restart(&app.tenant, &row, from, app.clock.millis());
    if state::set(app, &row, State::Requested, "", vec![step]).await? {
        app.sends.wake_courier();
        return Ok(());
    }
    let text = "A worker is just telling it something: try again.";
    Err(Error::new(Kind::Conflict, text))
}

/// What a client may be sent at an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Names of records.
    Names,
    /// Records.
    Records,
    /// Nothing.
    Nothing,
}

/// Says where a client may be called, and what it may be sent there.
///
/// # Errors
/// `Invalid` where the URL may not be called at all, or there is no such client or origin.
pub async fn allow(app: &App, client: &str, url: &str, what: Permission) -> Result<String> {
    if app.store.client(&app.tenant, client).await?.is_none() {
        return Err(Error::new(Kind::Invalid, "There is no client of this id."));
    }
    let url = app
        .sends
        .judge(url)
        .map_err(|why| Error::new(Kind::Invalid, why))?;
    let origin = url.origin().ascii_serialization();
    let step = match what {
        Permission::Names => key::allow(&app.tenant, client, &origin, 0),
        Permission::Records => key::allow(&app.tenant, client, &origin, 1),
        Permission::Nothing => key::disallow(&app.tenant, client, &origin),
    };
    let event = Act::new(Done::ClientOrigin).target("client", client, None);
    let mut steps = vec![step];
    steps.extend(audit::steps(
        &app.tenant,
        vec![app.recorder.row(event.detail(origin.as_str()))],
    ));
    match app.store.write("client origin", steps).await? {
        Ok(()) => Ok(origin),
        Err(_) => Err(Error::new(
            Kind::Invalid,
            "The client is not called there now.",
        )),
    }
}

/// Forgets events that arrived, and attempts, where they are older than 30 days. For a worker to call at times.
///
/// # Errors
/// Those of the store.
pub async fn forget_old(app: &App) -> Result<()> {
    const KEPT: i64 = 30 * 24 * 60 * 60 * 1000;
    let before = app.clock.millis() - KEPT;
    match app
        .store
        .write("forget events", rows::purge(&app.tenant, before))
        .await?
    {
        Ok(()) => Ok(()),
        Err(conflict) => Err(Error::internal(conflict.guard)),
    }
}
