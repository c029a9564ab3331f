//! Access tokens: opaque, kept as a hash, checked at each request, revocable within a second.
//!
//! A token is `kat_<tid>_<secret>`. The tid may be logged; the secret is known to the client alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::backend_services::one_method;
use super::emergency::Glass;
use super::form::Form;
use super::{Auth, OAuthError, digest};
use crate::access::{Caller, Role, Scopes};
use crate::audit::{Kind, Trail, Who};
use crate::clock::Clock;
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::kap::base::Id;
use crate::store::audit;
use crate::store::identity::{self, TokenRow};

const PREFIX: &str = "kat_";
/// Characters of a tid: 16 bytes in base64url.
const TID: usize = 22;
/// Characters of a secret: 32 bytes in base64url.
const SECRET: usize = 43;
/// How long a token that was read may be believed, milliseconds: so long may a revocation take.
const BELIEVED: i64 = 1000;
/// Most tokens that are remembered.
const MAX_CACHED: usize = 10_000;

/// Tokens that were read in the last second.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<HashMap<Arc<str>, Seen>>);

/// When a token was read, and what was read.
type Seen = (i64, Arc<Live>);

/// A token's row and whom it lets in.
#[derive(Debug)]
struct Live {
    row: TokenRow,
    caller: Caller,
}

impl Cache {
    fn get(&self, tid: &str, now: i64) -> Option<Arc<Live>> {
        let cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, live) = cache.get(tid)?;
        (0..BELIEVED).contains(&(now - at)).then(|| live.clone())
    }

    fn put(&self, live: Arc<Live>, now: i64) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= MAX_CACHED {
            cache.clear();
        }
        cache.insert(live.row.tid.clone(), (now, live));
    }

    pub(super) fn clear(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

/// Makes a token: the token, its loggable id, the hash of its secret.
pub(super) fn make(clock: &Clock) -> Result<(String, String, String)> {
    let tid: [u8; 16] = clock.secret().map_err(Error::internal)?;
    let secret: [u8; 32] = clock.secret().map_err(Error::internal)?;
    let tid = URL_SAFE_NO_PAD.encode(tid);
    let token = format!("{PREFIX}{tid}_{}", URL_SAFE_NO_PAD.encode(secret));
    Ok((token, tid, digest(secret)))
}

/// The tid of a token and the hash of its secret; `None` where it is not of our making.
fn split(token: &str) -> Option<(&str, String)> {
    let rest = token.strip_prefix(PREFIX).filter(|rest| rest.is_ascii())?;
    let (tid, secret) = rest.split_at_checked(TID)?;
    let secret = secret.strip_prefix('_').filter(|s| s.len() == SECRET)?;
    URL_SAFE_NO_PAD.decode(tid).ok()?;
    Some((tid, digest(URL_SAFE_NO_PAD.decode(secret).ok()?)))
}

/// What the `WWW-Authenticate` header of a 401 says (RFC 6750 §3); `authorization` is the request's header.
#[must_use]
pub fn challenge(authorization: Option<&str>) -> &'static str {
    match authorization {
        None => r#"Bearer realm="fhir""#,
        Some(_) => r#"Bearer realm="fhir", error="invalid_token""#,
    }
}

impl Auth {
    /// Who calls, by the `Authorization` header.
    ///
    /// # Errors
    /// `Unauthenticated`, to be answered 401 with the header [`challenge`].
    pub async fn authenticate(&self, authorization: Option<&str>) -> Result<Caller> {
        let refuse = |text: &str| Error::new(ErrorKind::Unauthenticated, text);
        let header = authorization
            .ok_or_else(|| refuse("An access token is needed: Authorization: Bearer …"))?;
        let token = match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => {
                return Err(refuse(
                    "The Authorization header must be: Bearer, a space, the token.",
                ));
            }
        };
        let live = self.live(token).await?;
        live.map(|live| live.caller.clone())
            .ok_or_else(|| refuse("The access token is unknown, expired or revoked."))
    }

    /// Whose token this was, where it was one: for the trace that a refusal leaves.
    ///
    /// # Errors
    /// `Unavailable` where the store fails.
    pub async fn owner(&self, authorization: Option<&str>) -> Result<Option<Who>> {
        let token = authorization.and_then(|header| header.split_once(' '));
        let Some((tid, secret_hash)) = token.and_then(|(_, token)| split(token.trim())) else {
            return Ok(None);
        };
        let row = self.store.token(self.tenant(), tid).await?;
        let own = row.filter(|row| is_secret(&secret_hash, row));
        Ok(own.map(|row| Who {
            client: Some(row.client),
            organization: Some(row.organization),
            role: Some(row.role),
            token: Some(row.tid),
            purpose: Some(row.purpose),
        }))
    }

    /// The token's row and caller, if the token is good now.
    async fn live(&self, token: &str) -> Result<Option<Arc<Live>>> {
        let Some((tid, secret_hash)) = split(token) else {
            return Ok(None);
        };
        let now = self.clock.millis();
        let remembered = self.tokens.get(tid, now);
        let fresh = remembered.is_none();
        let live = match remembered {
            Some(live) => live,
            None => match self.store.token(self.tenant(), tid).await? {
                Some(row) => Arc::new(Live {
                    caller: caller(&row)?,
                    row,
                }),
                None => return Ok(None),
            },
        };
        let row = &live.row;
        if !is_secret(&secret_hash, row) || row.revoked_at.is_some() || row.expires_at <= now {
            return Ok(None);
        }
        // The operator may have switched emergencies off meanwhile.
        if live.caller.breaks_glass() && self.glass() == Glass::Fixed {
            return Ok(None);
        }
        if fresh {
            self.tokens.put(live.clone(), now);
        }
        Ok(Some(live))
    }

    /// Answers `POST` to the introspection endpoint (RFC 7662) for `caller`, who needs `system/$introspect`.
    pub async fn introspect(
        &self,
        caller: &Caller,
        content_type: Option<&str>,
        body: &[u8],
    ) -> std::result::Result<Value, OAuthError> {
        if !caller.scopes.may_introspect() {
            let text = "Introspection needs the scope system/$introspect.";
            return Err(OAuthError::insufficient_scope(text));
        }
        let form = Form::parse(content_type, body)?;
        let token = form.get("token").ok_or_else(missing_token)?;
        let Some(live) = self.live(token).await? else {
            return Ok(json!({ "active": false }));
        };
        let row = &live.row;
        Ok(json!({
            "active": true,
            "scope": &*row.scopes,
            "client_id": &*row.client,
            "sub": &*row.client,
            "exp": row.expires_at / 1000,
            "iat": row.issued_at / 1000,
            "iss": self.settings.issuer,
            "aud": self.settings.fhir_base,
            "token_type": "bearer",
            "purpose_of_use": &*row.purpose,
        }))
    }

    /// Answers `POST` to the revocation endpoint (RFC 7009). The client authenticates as at the token endpoint;
    /// what it does not own, or never was a token, is passed over in silence.
    pub async fn revoke(
        &self,
        content_type: Option<&str>,
        authorization: Option<&str>,
        body: &[u8],
        trail: &Trail,
    ) -> std::result::Result<(), OAuthError> {
        let answer = self.revoked(content_type, authorization, body, trail).await;
        self.recorded(Kind::Revoke, trail, answer).await
    }

    async fn revoked(
        &self,
        content_type: Option<&str>,
        authorization: Option<&str>,
        body: &[u8],
        trail: &Trail,
    ) -> std::result::Result<(), OAuthError> {
        let form = Form::parse(content_type, body)?;
        one_method(&form, authorization)?;
        let proof = self.prove(&form).await?;
        let token = form.get("token").ok_or_else(missing_token)?;
        let mut event = trail.event(Kind::Revoke);
        event.who.client = Some(proof.client.id.clone());
        event.who.organization = Some(proof.client.organization.as_str().into());
        let mut steps = proof.spend;
        if let Some(live) = self.live(token).await? {
            event = event.target("token", &live.row.tid, None);
            let now = self.clock.millis();
            steps.push(identity::revoke_token(
                self.tenant(),
                &proof.client.id,
                &live.row.tid,
                now,
            ));
        }
        steps.extend(audit::steps(self.tenant(), vec![self.recorder.row(event)]));
        self.spend("revoke token", steps)
            .await
            .map_err(|e| e.of(&proof.client.id))?;
        self.tokens.clear();
        Ok(())
    }

    /// Deletes used assertions and tokens that have ended, some at a time. For a worker to call at times.
    pub async fn purge(&self) -> Result<()> {
        let steps = identity::purge(self.tenant(), self.clock.millis());
        // No step has a guard, so there is no conflict.
        self.store.write("purge tokens", steps).await.map(|_| ())
    }
}

fn is_secret(hash: &str, row: &TokenRow) -> bool {
    let (given, kept) = (hash.as_bytes(), row.secret_hash.as_bytes());
    aws_lc_rs::constant_time::verify_slices_are_equal(given, kept).is_ok()
}

fn missing_token() -> OAuthError {
    OAuthError::invalid_request("The token is missing.")
}

fn caller(row: &TokenRow) -> Result<Caller> {
    let broken = |what| Error::internal(format!("token {}: its {what} cannot be read", row.tid));
    Ok(Caller {
        client: row.client.clone(),
        organization: Id::new(&*row.organization).ok_or_else(|| broken("organization"))?,
        role: Role::from_code(&row.role).ok_or_else(|| broken("role"))?,
        scopes: Scopes::parse(&row.scopes).map_err(|_| broken("scopes"))?,
        purpose: row.purpose.clone(),
        token: row.tid.clone(),
    })
}
