//! What this service proves with to a partner's system who it is: an ES384 key for each, published as a JWK set
//! (<https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html>).

use serde_json::{Value, json};

use crate::app::App;
use crate::auth::key::PrivateKey;
use crate::error::{Error, Kind, Result};
use crate::interaction::private_note::keys::ring_with;
use crate::private::Ring;
use crate::store::partner::key::{self, PartnerKey};
use crate::store::sql::Step;
use crate::store::subscription::NEVER;

/// How long a key that was replaced is still published, milliseconds: a day.
const BOTH: i64 = 24 * 60 * 60 * 1000;
/// How long a key is published before it is used, milliseconds: whoever keeps the set may keep it for five minutes.
const AHEAD: i64 = 10 * 60 * 1000;

fn place<'a>(app: &'a App, partner: &'a str, kid: &'a str) -> [&'a str; 4] {
    ["partner key", &app.tenant, partner, kid]
}

/// The steps that give a partner its first key.
///
/// # Errors
/// `Unavailable` where the service has no key to seal it with.
pub fn first(app: &App, partner: &str) -> Result<Vec<Step>> {
    Ok(vec![key::add(&app.tenant, &made(app, partner)?)])
}

/// A new key to log in with, ten minutes from now: those who keep the set have read it by then. That of before is published
/// for a day more. Answers with the new one's id.
///
/// # Errors
/// `NotFound` where there is no such partner; `Conflict` while two are published.
pub async fn rotate(app: &App, partner: &str) -> Result<String> {
    if app.store.partner(&app.tenant, partner).await?.is_none() {
        return Err(Error::not_found());
    }
    let now = app.clock.millis();
    let known = app
        .store
        .partner_keys(&app.tenant, Some(partner), now)
        .await?;
    if known.len() > 1 {
        let text = "Two keys are published already: the older one ends a day after the newer one was made.";
        return Err(Error::new(Kind::Conflict, text).code("state-conflict"));
    }
    let new = made(app, partner)?;
    let steps = vec![
        key::retire(&app.tenant, partner, now + BOTH),
        key::add(&app.tenant, &new),
    ];
    match super::tell(app, partner, "key", steps).await? {
        Ok(()) => Ok(new.kid.to_string()),
        Err(conflict) => Err(Error::internal(conflict.guard)),
    }
}

fn made(app: &App, partner: &str) -> Result<PartnerKey> {
    let new = PrivateKey::generate()?;
    let private = zeroize::Zeroizing::new(new.private_jwk()?.to_string());
    let ring = app.private.ring()?;
    let (ring, sealed) = ring.seal_secret(&place(app, partner, new.kid()), private.as_bytes())?;
    Ok(PartnerKey {
        partner: partner.into(),
        kid: new.kid().into(),
        public: new.public_jwk().to_string().into(),
        ring: ring.into(),
        sealed: sealed.into(),
        created_at: app.clock.millis(),
        retires_at: NEVER,
    })
}

/// The newest key of a partner that whoever reads the set has read by now.
///
/// # Errors
/// `Unavailable` where the service cannot open it.
pub async fn signing(app: &App, partner: &str) -> Result<PrivateKey> {
    let now = app.clock.millis();
    let all = app
        .store
        .partner_keys(&app.tenant, Some(partner), now)
        .await?;
    let known = all.iter().find(|key| key.created_at + AHEAD <= now);
    let newest = known
        .or(all.last())
        .ok_or_else(|| Error::internal("a partner without a key"))?;
    let ring = ring_with(app, &newest.ring).await?;
    let opened = ring.open_secret(
        &place(app, partner, &newest.kid),
        &newest.ring,
        &newest.sealed,
    )?;
    PrivateKey::from_jwk(&String::from_utf8_lossy(&opened))
}

/// The public keys as a JWK set: those of one partner, or all.
///
/// # Errors
/// Those of the store.
pub async fn published(app: &App, partner: Option<&str>) -> Result<Value> {
    let now = app.clock.millis();
    let all = app.store.partner_keys(&app.tenant, partner, now).await?;
    let keys = all.iter().map(|key| serde_json::from_str(&key.public));
    let keys: Vec<Value> = keys
        .collect::<serde_json::Result<_>>()
        .map_err(Error::internal)?;
    Ok(json!({ "keys": keys }))
}

/// The steps that seal with the active key of the ring what another key sealed.
///
/// # Errors
/// `Internal` where the ring has not a key that sealed one.
pub async fn reseal(app: &App, ring: &Ring) -> Result<Vec<Step>> {
    let mut steps = vec![];
    for one in app.store.partner_keys(&app.tenant, None, 0).await? {
        if *one.ring == *ring.active() {
            continue;
        }
        let place = place(app, &one.partner, &one.kid);
        let secret = ring.open_secret(&place, &one.ring, &one.sealed)?;
        steps.push(key::reseal(
            &app.tenant,
            &one,
            &ring.seal_secret(&place, &secret)?,
        ));
    }
    Ok(steps)
}
