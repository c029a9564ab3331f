//! Who a subscriber is now, and what it may see now: the client as it is registered, with no more than the scopes that it
//! had when it subscribed.

use crate::access::{Access, Caller, Interaction};
use crate::app::App;
use crate::error::Result;
use crate::interaction::behalf::{self, Behalf};
use crate::store::subscription::Subscription;

/// What the subscriber may see now; `None` where it is disabled, or is another's or of another role by now.
///
/// # Errors
/// Those of the store.
pub async fn access(app: &App, s: &Subscription) -> Result<Option<Access>> {
    let of = Behalf {
        client: &s.client,
        scopes: Some(&s.scopes),
        purpose: Some(&s.purpose),
        token: format!("subscription {}", s.id),
    };
    let access = behalf::access(app, of).await?;
    let same = |caller: &Caller| {
        caller.organization.as_str() == &*s.owner && caller.role.code() == &*s.role
    };
    Ok(access.filter(|access| access.caller().is_some_and(same)))
}

/// Whether the subscriber may read records of this type at all.
#[must_use]
pub fn may_read(access: &Access, kind: &str) -> bool {
    access.allow(Interaction::Read, kind).is_ok()
}
