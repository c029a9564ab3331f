//! SMART Backend Services: tokens for a client that proves who it is with a signed assertion.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Value, json};
use url::form_urlencoded;

use super::habits::Registration;
use super::reply::{Refusal, Reply};
use super::{Asked, State};

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Longest life of an assertion, seconds.
const LONGEST: i64 = 300;
/// How far clocks may be apart, seconds.
const LEEWAY: i64 = 30;

/// `/.well-known/smart-configuration`; 404 where no token is asked for.
pub(super) fn configuration(state: &State) -> Reply {
    if state.habits.token.is_none() {
        return Refusal::new(404, "not-found", "there is none").into();
    }
    let configuration = json!({
        "token_endpoint": format!("{}/auth/token", state.base()),
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["ES384", "RS384"],
        "grant_types_supported": ["client_credentials"],
        "scopes_supported": ["system/*.cruds", "system/*.read", "system/*.write"],
        "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
    });
    Reply::new(200, configuration).with("content-type", "application/json".to_owned())
}

/// Whether a request may go on.
pub(super) fn check(state: &State, authorization: &str) -> Result<(), Reply> {
    if state.habits.token.is_none() {
        return Ok(());
    }
    let token = authorization.strip_prefix("Bearer ");
    let ends = token.and_then(|token| state.tokens.get(token));
    if ends.is_some_and(|ends| *ends > state.now()) {
        return Ok(());
    }
    let reply = Reply::from(Refusal::new(401, "login", "a token is needed"));
    Err(reply.with(
        "www-authenticate",
        "Bearer error=\"invalid_token\"".to_owned(),
    ))
}

/// `POST /auth/token`.
pub(super) fn give(state: &mut State, asked: &Asked) -> Reply {
    let given = token(state, asked);
    let reply = given.unwrap_or_else(|flaw| {
        let status = match flaw.0 {
            "invalid_client" => 401,
            _ => 400,
        };
        let body = json!({ "error": flaw.0, "error_description": flaw.1 });
        Reply::new(status, body)
    });
    reply
        .with("content-type", "application/json".to_owned())
        .with("cache-control", "no-store".to_owned())
}

/// An error of OAuth and what it is about.
struct Flaw(&'static str, String);

fn flaw(text: impl Into<String>) -> Flaw {
    Flaw("invalid_client", text.into())
}

fn token(state: &mut State, asked: &Asked) -> Result<Reply, Flaw> {
    let wrong = |text: &str| Flaw("invalid_request", text.to_owned());
    let form = "application/x-www-form-urlencoded";
    if !asked.header("content-type").starts_with(form) {
        return Err(wrong("this is not a form"));
    }
    let form: HashMap<String, String> = form_urlencoded::parse(asked.body.as_bytes())
        .into_owned()
        .collect();
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let Some(client) = state.habits.token.clone() else {
        return Err(flaw("no client is known"));
    };
    if field("grant_type") != "client_credentials" {
        let text = field("grant_type").to_owned();
        return Err(Flaw("unsupported_grant_type", text));
    }
    if field("client_assertion_type") != ASSERTION {
        return Err(wrong("client_assertion_type"));
    }
    verify(state, &client, field("client_assertion"))?;
    let allowed =
        |scope: &&str| client.scopes.is_empty() || client.scopes.iter().any(|s| s == scope);
    let scopes = field("scope").split_whitespace().filter(allowed);
    let scope = scopes.collect::<Vec<_>>().join(" ");
    if scope.is_empty() {
        return Err(Flaw("invalid_scope", field("scope").to_owned()));
    }
    let token = state.name();
    state
        .tokens
        .insert(token.clone(), state.now() + client.lasts);
    Ok(Reply::new(
        200,
        json!({
            "access_token": token, "token_type": "bearer",
            "expires_in": client.lasts.whole_seconds(), "scope": scope,
        }),
    ))
}

fn verify(state: &mut State, client: &Registration, assertion: &str) -> Result<(), Flaw> {
    let parts: Vec<&str> = assertion.split('.').collect();
    let &[head, claims, signature] = parts.as_slice() else {
        return Err(flaw("the assertion is not a JWT"));
    };
    let signed = format!("{head}.{claims}");
    let head = part(head)?;
    let algorithm = match head["alg"].as_str() {
        Some("ES384") => Algorithm::ES384,
        Some("RS384") => Algorithm::RS384,
        _ => return Err(flaw("alg is neither ES384 nor RS384")),
    };
    let kid = head["kid"].as_str().ok_or_else(|| flaw("kid is missing"))?;
    if let Some(jwks) = &client.jwks {
        let keys: JwkSet = serde_json::from_value(jwks.clone()).map_err(|e| flaw(e.to_string()))?;
        let key = keys.find(kid).ok_or_else(|| flaw("kid is not known"))?;
        let key = DecodingKey::from_jwk(key).map_err(|e| flaw(e.to_string()))?;
        let right = jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key, algorithm);
        if !right.is_ok_and(|right| right) {
            return Err(flaw("the signature is wrong"));
        }
    }
    judge(state, client, &part(claims)?)
}

fn part(text: &str) -> Result<Value, Flaw> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let value = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    value.ok_or_else(|| flaw("the assertion is not a JWT"))
}

fn judge(state: &mut State, client: &Registration, claims: &Value) -> Result<(), Flaw> {
    for name in ["iss", "sub"] {
        if claims[name] != client.client.as_str() {
            return Err(flaw(format!("{name} is not the client")));
        }
    }
    let url = format!("{}/auth/token", state.base());
    let audience = &claims["aud"];
    let named = audience
        .as_array()
        .is_some_and(|all| all.iter().any(|a| *a == url.as_str()));
    if *audience != url.as_str() && !named {
        return Err(flaw("aud is not this endpoint"));
    }
    let now = state.now().unix_timestamp();
    let ends = claims["exp"]
        .as_i64()
        .ok_or_else(|| flaw("exp is missing"))?;
    if ends <= now - LEEWAY || ends > now + LONGEST + LEEWAY {
        return Err(flaw("exp is past, or too far away"));
    }
    let jti = claims["jti"].as_str().filter(|jti| !jti.is_empty());
    let jti = jti.ok_or_else(|| flaw("jti is missing"))?;
    if state.used.insert(jti.to_owned()) {
        return Ok(());
    }
    Err(flaw("jti was used before"))
}
