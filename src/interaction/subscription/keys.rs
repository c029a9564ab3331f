//! What notifications are signed with: an Ed25519 key for each client, so that what one receives proves nothing to another.
//! While a key is changed for a new one, both sign.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::audit::event::{Event, Kind as Act};
use crate::error::{Error, Kind, Result};
use crate::interaction::private_note::keys::ring_with;
use crate::store::audit;
use crate::store::sql::Step;
use crate::store::subscription::NEVER;
use crate::store::subscription::key::{self, SigningKey};

/// How long a key that was replaced still signs, milliseconds: seven days.
const BOTH: i64 = 7 * 24 * 60 * 60 * 1000;

pub(super) fn place<'a>(app: &'a App, client: &'a str, kid: &'a str) -> [&'a str; 4] {
    ["signing key", &app.tenant, client, kid]
}

/// The steps that give a client its first key; none where it has one.
///
/// # Errors
/// `Unavailable` where the service has no key to seal it with.
pub async fn first(app: &App, client: &str) -> Result<Vec<Step>> {
    let now = app.clock.millis();
    let known = app
        .store
        .signing_keys(&app.tenant, Some(client), now)
        .await?;
    if known.is_empty() {
        Ok(vec![key::add(&app.tenant, &made(app, client)?)])
    } else {
        Ok(vec![])
    }
}

/// Gives a client a new key; those of before sign for seven days more.
///
/// # Errors
/// `Conflict` while two keys sign; those of the store.
pub async fn rotate(app: &App, client: &str) -> Result<String> {
    let now = app.clock.millis();
    let known = app
        .store
        .signing_keys(&app.tenant, Some(client), now)
        .await?;
    if known.len() > 1 {
        let text =
            "Two keys sign already: the older one ends seven days after the newer one was made.";
        return Err(Error::new(Kind::Conflict, text).code("state-conflict"));
    }
    let new = made(app, client)?;
    let mut steps = vec![
        key::retire(&app.tenant, client, app.clock.millis() + BOTH),
        key::add(&app.tenant, &new),
    ];
    let event = Event::new(Act::ClientKeys).target("client", client, None);
    let event = event.detail(format!("signing key {}", new.kid));
    steps.extend(audit::steps(&app.tenant, vec![app.recorder.row(event)]));
    match app.store.write("rotate signing key", steps).await? {
        Ok(()) => Ok(new.kid.to_string()),
        Err(conflict) => Err(Error::internal(conflict.guard)),
    }
}

fn made(app: &App, client: &str) -> Result<SigningKey> {
    let failed = |_| Error::internal("the crypto provider makes no key");
    let seed: zeroize::Zeroizing<[u8; 32]> = app
        .clock
        .secret()
        .map(Into::into)
        .map_err(Error::internal)?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed[..]).map_err(failed)?;
    let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let kid = thumbprint(&public);
    let ring = app.private.ring()?;
    let (ring, sealed) = ring.seal_secret(&place(app, client, &kid), &seed[..])?;
    Ok(SigningKey {
        client: client.into(),
        kid: kid.into(),
        public: public.into(),
        ring: ring.into(),
        sealed: sealed.into(),
        created_at: app.clock.millis(),
        retires_at: NEVER,
    })
}

/// RFC 7638 of an Ed25519 key (RFC 8037 §2).
fn thumbprint(public: &str) -> String {
    let text = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}

/// The keys that sign for a client now, the newest first.
///
/// # Errors
/// `Unavailable` where the service cannot open them.
pub async fn signing(app: &App, client: &str) -> Result<Vec<Ed25519KeyPair>> {
    let now = app.clock.millis();
    let rows = app
        .store
        .signing_keys(&app.tenant, Some(client), now)
        .await?;
    let mut out = vec![];
    for row in rows {
        let ring = ring_with(app, &row.ring).await?;
        let seed = ring.open_secret(&place(app, client, &row.kid), &row.ring, &row.sealed)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed);
        out.push(pair.map_err(|_| Error::internal("a signing key is none"))?);
    }
    Ok(out)
}

/// The public keys as a JWK set (RFC 8037): those of all clients, or of one.
///
/// # Errors
/// Those of the store.
pub async fn published(app: &App, client: Option<&str>) -> Result<Value> {
    let now = app.clock.millis();
    let rows = app.store.signing_keys(&app.tenant, client, now).await?;
    let jwk = |row: &SigningKey| json!({ "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": &*row.kid, "x": &*row.public });
    Ok(json!({ "keys": rows.iter().map(jwk).collect::<Vec<_>>() }))
}
