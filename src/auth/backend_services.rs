//! The token endpoint: a client proves by a signed assertion who it is and gets an access token
//! (<https://hl7.org/fhir/smart-app-launch/backend-services.html>, RFC 6749 §4.4, RFC 7523).

use std::sync::Arc;

use serde::Serialize;

use super::client::{Client, Keys, Purpose, is_client_id};
use super::emergency::{self, Use};
use super::form::Form;
use super::jose::{Assertion, Claims};
use super::jwks::Wanted;
use super::key::{KeySet, PublicKey};
use super::{Auth, OAuthError, TOKEN_SECONDS, digest, token};
use crate::access::Scopes;
use crate::audit::{Event, Kind, Outcome, Trail, Who};
use crate::error::Error;
use crate::store::audit;
use crate::store::identity::{self, ClientRow, TokenRow};
use crate::store::sql::{Conflict, Step};

/// The one kind of assertion (RFC 7523 §2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// What a caller learns that has not proved who it is: the same for an unknown client and for a wrong key.
const NOT_PROVED: &str =
    "The client is not known or not active, or the assertion is not signed by a key of its set.";

/// The answer of the token endpoint.
#[derive(Serialize)]
pub struct TokenAnswer {
    /// The token. Never to be logged.
    pub access_token: String,
    /// Always `bearer`.
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: i64,
    /// What was granted, which may be less than was asked for.
    pub scope: String,
    /// Whether it breaks the glass: for whoever counts that.
    #[serde(skip)]
    pub emergency: bool,
}

impl std::fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenAnswer")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// A client that has proved who it is, and the assertion that it did so with, which is good for one write.
pub(super) struct Proof {
    pub(super) client: Client,
    updated_at: i64,
    /// `extensions` of the assertion.
    extensions: Option<serde_json::Value>,
    /// Marks the assertion as used, and the key as the client's.
    pub(super) spend: Vec<Step>,
}

impl Auth {
    /// Answers `POST` to the token endpoint. `authorization` is that header, which must not be there. What comes of it
    /// is in the audit before it is answered.
    pub async fn token(
        &self,
        content_type: Option<&str>,
        authorization: Option<&str>,
        body: &[u8],
        trail: &Trail,
    ) -> Result<TokenAnswer, OAuthError> {
        let answer = self.granted(content_type, authorization, body, trail).await;
        self.recorded(Kind::Token, trail, answer).await
    }

    async fn granted(
        &self,
        content_type: Option<&str>,
        authorization: Option<&str>,
        body: &[u8],
        trail: &Trail,
    ) -> Result<TokenAnswer, OAuthError> {
        let form = Form::parse(content_type, body)?;
        one_method(&form, authorization)?;
        match form.get("grant_type") {
            Some("client_credentials") => {}
            Some(_) => return Err(OAuthError::unsupported_grant_type()),
            None => return Err(OAuthError::invalid_request("The grant_type is missing.")),
        }
        let proof = self.prove(&form).await?;
        let client = proof.client.id.clone();
        let granted = grant(&form, &proof.client).map_err(|e| e.of(&client))?;
        let glass = self.glass();
        let purpose = emergency::asked(proof.extensions.as_ref(), &proof.client, glass);
        let purpose = purpose.map_err(|e| e.of(&client))?;
        if form
            .get("resource")
            .is_some_and(|r| r != self.settings.fhir_base)
        {
            return Err(OAuthError::invalid_target().of(&client));
        }
        let outcome = self.issue(proof, &granted, purpose, trail).await;
        outcome.map_err(|e| e.of(&client))
    }

    /// Gives the answer once a refusal is in the audit; a success is there already.
    pub(super) async fn recorded<T>(
        &self,
        kind: Kind,
        trail: &Trail,
        answer: Result<T, OAuthError>,
    ) -> Result<T, OAuthError> {
        let Err(refused) = answer else { return answer };
        let reason = refused.reason.unwrap_or(refused.error);
        let mut event = trail.event(kind);
        event.who.client.clone_from(&refused.client);
        let outcome = Outcome::of_status(refused.status);
        let event = event.failed(outcome, format!("{} {reason}", refused.status));
        let row = self.recorder.row(event);
        self.store.append(&self.settings.tenant, vec![row]).await?;
        Err(refused)
    }

    /// Authenticates the client that sent `form`. Nothing is written: the caller must write [`Proof::spend`].
    pub(super) async fn prove(&self, form: &Form) -> Result<Proof, OAuthError> {
        if form.get("client_assertion_type") != Some(JWT_BEARER) {
            let text = format!("The client_assertion_type must be {JWT_BEARER}.");
            return Err(OAuthError::invalid_request(text));
        }
        let text = form
            .get("client_assertion")
            .ok_or_else(|| OAuthError::invalid_client("The client_assertion is missing."))?;
        let assertion = Assertion::parse(text).map_err(OAuthError::invalid_client)?;
        if form
            .get("client_id")
            .is_some_and(|id| id != assertion.issuer)
        {
            let text = "The client_id must be the assertion's iss.";
            return Err(OAuthError::invalid_client(text));
        }
        let row = self.named_client(&assertion.issuer).await?;
        let known = row.as_ref().map(|row| row.id.clone());
        let named = |error: OAuthError| match &known {
            Some(id) => error.of(id),
            None => error.because("unknown-client"),
        };
        let disabled = row.as_ref().is_some_and(|row| row.disabled_at.is_some());
        let row = row.filter(|row| row.disabled_at.is_none());
        // Where there is no client or no key, a decoy is worked on, so that the time taken does not tell.
        let key = self.key_of(row.as_ref().unwrap_or(&self.decoy), &assertion);
        let key = key.await?;
        let decoy = self.decoys.of(assertion.signing);
        let outcome = assertion.verify(key.as_ref().unwrap_or(decoy));
        let (Some(row), Some(key), Some(claims)) = (row, key, outcome) else {
            let why = if disabled {
                "disabled-client"
            } else {
                "wrong-key"
            };
            return Err(named(OAuthError::invalid_client(NOT_PROVED).because(why)));
        };
        let claims = claims.map_err(|flaw| named(OAuthError::invalid_client(flaw)))?;
        let mut proof = self.accept(&row, &claims).map_err(&named)?;
        let claim = self.claim(&row, &key).await.map_err(named)?;
        proof.spend.extend(claim);
        Ok(proof)
    }

    async fn named_client(&self, id: &str) -> Result<Option<ClientRow>, Error> {
        if !is_client_id(id) {
            return Ok(None);
        }
        self.store.client(self.tenant(), id).await
    }

    /// The key of `row` that the assertion names.
    async fn key_of(
        &self,
        row: &ClientRow,
        assertion: &Assertion<'_>,
    ) -> Result<Option<PublicKey>, Error> {
        let (kid, signing) = (assertion.kid.as_str(), assertion.signing);
        // Judged last, so that it saves no work that would tell by its time that there is such a client.
        let named = assertion.jku.is_none() || assertion.jku.as_deref() == row.jwks_url.as_deref();
        let set = match Client::of(row)?.keys {
            Keys::Set(text) => KeySet::parse(&text).map(Arc::new),
            Keys::Url(url) => {
                let wanted = Wanted {
                    url: &url,
                    kid,
                    signing,
                    since: row.updated_at,
                };
                self.jwks.get(wanted).await
            }
        };
        match set {
            Ok(set) => Ok(set.find(kid, signing).filter(|_| named).cloned()),
            Err(fault) => {
                tracing::warn!(client = %row.id, fault, "a client's key set is not to be had");
                Ok(None)
            }
        }
    }

    /// Judges the claims of a client that has proved to have the key.
    fn accept(&self, row: &ClientRow, claims: &Claims) -> Result<Proof, OAuthError> {
        let now = u64::try_from(self.clock.millis() / 1000).unwrap_or(0);
        let audiences = [
            self.settings.token_url.as_str(),
            self.settings.issuer.as_str(),
        ];
        claims
            .check(&row.id, audiences, now)
            .map_err(OAuthError::invalid_client)?;
        let expires_at = i64::try_from(claims.exp)
            .unwrap_or(i64::MAX)
            .saturating_mul(1000);
        Ok(Proof {
            client: Client::of(row)?,
            updated_at: row.updated_at,
            extensions: claims.extensions.clone(),
            spend: vec![identity::use_jti(
                self.tenant(),
                &row.id,
                &digest(&claims.jti),
                expires_at,
            )],
        })
    }

    /// Makes a published key the client's own, now that it has proved to have the private one: nobody can take a key
    /// by publishing it. A key that was registered is the client's since then.
    async fn claim(&self, row: &ClientRow, key: &PublicKey) -> Result<Option<Step>, OAuthError> {
        if row.jwks_url.is_none() || row.shared_key {
            return Ok(None);
        }
        match self.store.key_owner(self.tenant(), &key.thumbprint).await? {
            Some(owner) if owner == row.id => Ok(None),
            Some(_) => Err(another_s()),
            None => Ok(Some(identity::claim_key(
                self.tenant(),
                &row.id,
                &key.thumbprint,
            ))),
        }
    }

    /// Makes a token and spends the assertion, in one write.
    pub(super) async fn issue(
        &self,
        proof: Proof,
        granted: &Scopes,
        Use { purpose, reason }: Use,
        trail: &Trail,
    ) -> Result<TokenAnswer, OAuthError> {
        let (access_token, tid, secret_hash) = token::make(&self.clock)?;
        let now = self.clock.millis();
        let client = &proof.client;
        let row = TokenRow {
            tid: tid.into(),
            secret_hash: secret_hash.into(),
            client: client.id.clone(),
            organization: client.organization.as_str().into(),
            role: client.role.code().into(),
            scopes: granted.to_string().into(),
            purpose: purpose.code().into(),
            issued_at: now,
            expires_at: now + TOKEN_SECONDS * 1000,
            revoked_at: None,
        };
        let token = identity::add_token(self.tenant(), &row, proof.updated_at);
        let mut steps = proof.spend;
        steps.push(token);
        steps.extend(self.issued(trail, &row, reason));
        self.spend("issue token", steps).await?;
        let emergency = purpose == Purpose::Emergency;
        if emergency {
            emergency::alert(&row.client, &client.organization, &row.tid);
        }
        Ok(TokenAnswer {
            access_token,
            token_type: "bearer",
            expires_in: TOKEN_SECONDS,
            scope: granted.to_string(),
            emergency,
        })
    }

    /// The event of a token that was given, and of the emergency that it was given for. What was asked is told without the
    /// assertion.
    fn issued(&self, trail: &Trail, token: &TokenRow, reason: Option<String>) -> Vec<Step> {
        let mut event = trail.event(Kind::Token);
        event.who = Who {
            client: Some(token.client.clone()),
            organization: Some(token.organization.clone()),
            role: Some(token.role.clone()),
            token: Some(token.tid.clone()),
            purpose: Some(token.purpose.clone()),
        };
        let asked = format!("grant_type=client_credentials&scope={}", token.scopes);
        let emergency = reason.map(|reason| {
            let event = Event {
                kind: Kind::Emergency,
                ..event.clone()
            };
            event.target("token", &token.tid, None).detail(reason)
        });
        let mut rows = vec![self.recorder.row(event.detail(asked))];
        if let Some(event) = emergency {
            rows.push(self.recorder.row(event));
        }
        audit::steps(self.tenant(), rows)
    }

    /// Writes steps of which one spends an assertion.
    pub(super) async fn spend(
        &self,
        name: &'static str,
        steps: Vec<Step>,
    ) -> Result<(), OAuthError> {
        match self.store.write(name, steps).await? {
            Ok(()) => Ok(()),
            Err(Conflict { guard: "jti" }) => Err(OAuthError::invalid_client(
                "The jti was used already: an assertion is good for one request.",
            )
            .because("jti-replay")),
            Err(Conflict {
                guard: "client key",
            }) => Err(another_s()),
            Err(_) => Err(OAuthError::invalid_client(NOT_PROVED).because("changed-client")),
        }
    }
}

fn another_s() -> OAuthError {
    OAuthError::invalid_client(
        "The key is another client's already: make one that is this client's alone.",
    )
    .because("shared-key")
}

/// A client may authenticate in one way only (RFC 6749 §2.3).
pub(super) fn one_method(form: &Form, authorization: Option<&str>) -> Result<(), OAuthError> {
    if authorization.is_some() || form.get("client_secret").is_some() {
        let text =
            "Authenticate by client_assertion alone: no Authorization header, no client_secret.";
        return Err(OAuthError::invalid_request(text));
    }
    Ok(())
}

/// What the client asks for and may have.
fn grant(form: &Form, client: &Client) -> Result<Scopes, OAuthError> {
    let asked = form.get("scope").ok_or_else(|| {
        OAuthError::invalid_scope(
            "The scope is missing: ask for system scopes, such as system/Patient.rs.",
        )
    })?;
    let asked =
        Scopes::requested(asked).map_err(|why| OAuthError::invalid_scope(why.to_string()))?;
    let granted = asked.granted(&client.scopes);
    if granted.is_empty() {
        let text = format!(
            "None of these scopes can be granted. Registered: {}.",
            client.scopes
        );
        return Err(OAuthError::invalid_scope(text));
    }
    Ok(granted)
}
