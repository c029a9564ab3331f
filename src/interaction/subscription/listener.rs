//! Who a subscriber is now, and what it may see now: the client as it is registered, with no more than the scopes that it
//! had when it subscribed.

use crate::access::{Access, Caller, Interaction, Role, Scopes};
use crate::app::App;
use crate::error::{Error, Result};
use crate::kap::Id;
use crate::store::subscription::Subscription;

/// What the subscriber may see now; `None` where it is disabled, or is another's or of another role by now.
///
/// # Errors
/// Those of the store.
pub async fn access(app: &App, s: &Subscription) -> Result<Option<Access>> {
    let Some(client) = app.store.client(&app.tenant, &s.client).await? else {
        return Ok(None);
    };
    let same = client.organization == s.owner && client.role == s.role;
    if client.disabled_at.is_some() || !same {
        return Ok(None);
    }
    let broken = || Error::internal("a subscription's client cannot be read");
    let asked = Scopes::parse(&s.scopes).map_err(|_| broken())?;
    let registered = Scopes::parse(&client.scopes).map_err(|_| broken())?;
    let caller = Caller {
        client: s.client.clone(),
        organization: Id::new(&*s.owner).ok_or_else(broken)?,
        role: Role::from_code(&s.role).ok_or_else(broken)?,
        scopes: asked.granted(&registered),
        purpose: s.purpose.clone(),
        token: format!("subscription {}", s.id).into(),
    };
    let access = Access::of(app.tenant.clone(), caller, app.clock.millis());
    Ok(Some(access.under(app.disclosure)))
}

/// Whether the subscriber may read records of this type at all.
#[must_use]
pub fn may_read(access: &Access, kind: &str) -> bool {
    access.allow(Interaction::Read, kind).is_ok()
}
