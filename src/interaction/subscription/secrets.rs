//! Secrets of subscriptions under a new key of the ring: what `kap-fhir private rewrap` does with them.

use super::{keys, state};
use crate::app::App;
use crate::error::{Error, Result};
use crate::private::Ring;
use crate::store::subscription::{self as rows, key};

/// Seals headers, signing keys and the keys of partners that another key sealed with the active one; how many they were. Can be broken off and run
/// again.
///
/// # Errors
/// `Internal` where the ring has not a key that sealed one; those of the store.
pub async fn reseal(app: &App, ring: &Ring) -> Result<usize> {
    let mut steps = vec![];
    for s in app.store.subscriptions(&app.tenant).await? {
        if s.secret.is_empty() || *s.ring == *ring.active() {
            continue;
        }
        let place = state::place(app, &s.id);
        let secret = ring.open_secret(&place, &s.ring, &s.secret)?;
        let sealed = ring.seal_secret(&place, &secret)?;
        steps.push(rows::reseal(&app.tenant, &s, &sealed));
    }
    // Those that have retired too: nothing is lost by it, and no key of the ring is kept for them.
    for one in app.store.signing_keys(&app.tenant, None, 0).await? {
        if *one.ring == *ring.active() {
            continue;
        }
        let place = keys::place(app, &one.client, &one.kid);
        let secret = ring.open_secret(&place, &one.ring, &one.sealed)?;
        let sealed = ring.seal_secret(&place, &secret)?;
        steps.push(key::reseal(&app.tenant, &one, &sealed));
    }
    steps.extend(crate::interaction::partner::keys::reseal(app, ring).await?);
    let count = steps.len();
    match app.store.write("reseal secrets", steps).await? {
        Ok(()) => Ok(count),
        Err(conflict) => Err(Error::internal(conflict.guard)),
    }
}
