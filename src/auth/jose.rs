//! Signed JWTs: the one place that uses jsonwebtoken.
//!
//! The library is lenient where a server must not be, so it is asked one question only: whether a signature is that
//! of a key. A text is read by our own eyes ([`Jws::parse`], [`Assertion::parse`]), the key alone decides the algorithm
//! ([`Assertion::verify`]), and the claims are judged here, against our own clock ([`Claims::check`]).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::key::{KeySet, PrivateKey, PublicKey};
use super::strict_json;
use crate::clock::Clock;
use crate::error::{Error, Result};

/// Longest assertion that is read, bytes.
const MAX_BYTES: usize = 8192;
/// Longest key id, bytes.
const MAX_KID: usize = 256;
/// How far a client's clock may be off, seconds.
const LEEWAY: u64 = 10;
/// Longest life of an assertion, seconds (SMART: no more than five minutes).
const MAX_LIFE: u64 = 300;
/// Oldest assertion by its own `iat`, seconds.
const MAX_AGE: u64 = 600;
/// Header members that change what a signature means or bring their own key.
const FORBIDDEN: [&str; 7] = ["crit", "jwk", "x5u", "x5c", "enc", "zip", "b64"];

/// The two algorithms of SMART asymmetric client authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    Rs384,
    Es384,
}

impl Signing {
    /// The names in `token_endpoint_auth_signing_alg_values_supported`.
    pub const NAMES: [&'static str; 2] = ["RS384", "ES384"];

    /// The algorithm with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "RS384" => Some(Self::Rs384),
            "ES384" => Some(Self::Es384),
            _ => None,
        }
    }

    fn algorithm(self) -> Algorithm {
        match self {
            Self::Rs384 => Algorithm::RS384,
            Self::Es384 => Algorithm::ES384,
        }
    }
}

/// What can verify a signature: a public key in the library's form.
#[derive(Clone)]
pub(super) struct Verifier(DecodingKey);

impl Verifier {
    pub(super) fn rsa(n: &[u8], e: &[u8]) -> Self {
        Self(DecodingKey::from_rsa_raw_components(n, e))
    }

    /// `point` is the uncompressed public point.
    pub(super) fn p384(point: &[u8]) -> Self {
        Self(DecodingKey::from_ec_der(point))
    }
}

/// What is wrong with an assertion: a sentence for the client's developer. Never holds the assertion.
pub(super) type Flaw = &'static str;

/// A signed text in compact form (RFC 7515 §7.1) whose signature is not verified yet.
struct Jws<'a> {
    /// What is signed.
    message: &'a str,
    signature: &'a str,
    header: Map<String, Value>,
    payload: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Reads a text in the one form that is allowed.
    fn parse(text: &'a str) -> std::result::Result<Self, Flaw> {
        if text.len() > MAX_BYTES {
            return Err("The assertion is longer than 8192 bytes.");
        }
        let parts: Vec<_> = text.split('.').map(segment).collect();
        let (Ok([Some(header), Some(payload), Some(_)]), Some((message, signature))) =
            (<[_; 3]>::try_from(parts), text.rsplit_once('.'))
        else {
            return Err("The assertion must be three parts of base64url without padding.");
        };
        let header = strict_json::parse_object(&header)
            .ok_or("The assertion's header must be a JSON object without repeated members.")?;
        if FORBIDDEN.iter().any(|name| header.contains_key(*name)) {
            return Err("The header must not have crit, jwk, x5u, x5c, enc, zip or b64.");
        }
        Ok(Self {
            message,
            signature,
            header,
            payload,
        })
    }

    /// Whether the header names `algorithm` and the signature is that of `key` by it.
    fn holds(&self, algorithm: Algorithm, key: &DecodingKey) -> bool {
        let named = self.header.get("alg").and_then(Value::as_str);
        if named.and_then(|name| name.parse().ok()) != Some(algorithm) {
            return false;
        }
        let (signature, message) = (self.signature, self.message.as_bytes());
        jsonwebtoken::crypto::verify(signature, message, key, algorithm).unwrap_or(false)
    }
}

/// An assertion that is well formed and not yet verified.
pub(super) struct Assertion<'a> {
    jws: Jws<'a>,
    claims: Map<String, Value>,
    pub(super) signing: Signing,
    pub(super) kid: String,
    pub(super) jku: Option<String>,
    /// Whom it claims to come from. Nobody has proved it.
    pub(super) issuer: String,
}

impl<'a> Assertion<'a> {
    /// Checks everything that can be checked without a key.
    pub(super) fn parse(text: &'a str) -> std::result::Result<Self, Flaw> {
        let jws = Jws::parse(text)?;
        let claims = strict_json::parse_object(&jws.payload)
            .ok_or("The assertion's claims must be a JSON object without repeated members.")?;
        let header = &jws.header;
        if header.get("typ").and_then(Value::as_str) != Some("JWT") {
            return Err("The header's typ must be JWT.");
        }
        let signing = header.get("alg").and_then(Value::as_str);
        let kid = header.get("kid").and_then(Value::as_str);
        let jku = match header.get("jku") {
            None => None,
            Some(Value::String(jku)) => Some(jku.clone()),
            Some(_) => return Err("The header's jku must be a text."),
        };
        let issuer = claims.get("iss").and_then(Value::as_str);
        let assertion = Self {
            signing: signing
                .and_then(Signing::from_name)
                .ok_or("The header's alg must be RS384 or ES384.")?,
            kid: kid
                .filter(|kid| (1..=MAX_KID).contains(&kid.len()))
                .ok_or("The header's kid must be a text of 1 to 256 bytes.")?
                .to_owned(),
            jku,
            issuer: issuer.ok_or("The claim iss must be a text.")?.to_owned(),
            jws,
            claims,
        };
        // Members that are not ours to use must be of the right type all the same.
        jsonwebtoken::decode_header(text)
            .map_err(|_| "The header has a member of a wrong type.")?;
        Ok(assertion)
    }

    /// Verifies the signature with `key`. `None` where it is not the key's.
    pub(super) fn verify(&self, key: &PublicKey) -> Option<std::result::Result<Claims, Flaw>> {
        let good = self.jws.holds(key.signing.algorithm(), &key.verifier.0);
        good.then(|| {
            serde_json::from_value(Value::Object(self.claims.clone())).map_err(|_| {
                "The claims iss, sub, aud and jti must be texts; exp, iat and nbf whole numbers."
            })
        })
    }
}

/// The bytes of one part of a JWT, if it is not empty and in the one form that base64url allows.
fn segment(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD
        .decode(part)
        .ok()
        .filter(|bytes| !bytes.is_empty())
}

/// The claims of a client assertion.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) sub: String,
    #[serde(deserialize_with = "one_audience")]
    pub(super) aud: String,
    pub(super) exp: u64,
    pub(super) jti: String,
    #[serde(
        default,
        deserialize_with = "number",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) iat: Option<u64>,
    #[serde(
        default,
        deserialize_with = "number",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) nbf: Option<u64>,
    /// What others agreed to add, such as HL7's `hl7-b2b`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) extensions: Option<Value>,
}

/// A claim may be absent, but not null.
fn number<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<Option<u64>, D::Error> {
    u64::deserialize(d).map(Some)
}

/// An audience is one text, or a list of one: more would let an assertion for another server in.
fn one_audience<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        List([String; 1]),
    }
    Ok(match Audience::deserialize(d)? {
        Audience::One(one) | Audience::List([one]) => one,
    })
}

impl Claims {
    /// Judges claims whose signature is good. `now` is in seconds since 1970.
    pub(super) fn check(
        &self,
        client: &str,
        audiences: [&str; 2],
        now: u64,
    ) -> std::result::Result<(), String> {
        let [token_url, _] = audiences;
        if self.iss != client || self.sub != client {
            return Err("The claims iss and sub must both be the client id.".into());
        }
        if !audiences.contains(&self.aud.as_str()) {
            return Err(format!("The claim aud must be {token_url}."));
        }
        if self.exp.saturating_add(LEEWAY) <= now {
            return Err("The assertion has expired.".into());
        }
        if self.exp > now + MAX_LIFE + LEEWAY {
            return Err("The claim exp must be at most 300 seconds from now.".into());
        }
        if self.nbf.is_some_and(|nbf| nbf > now + LEEWAY) {
            return Err("The claim nbf is in the future.".into());
        }
        if self
            .iat
            .is_some_and(|iat| iat > now + LEEWAY || iat.saturating_add(MAX_AGE) < now)
        {
            return Err("The claim iat is in the future or more than 600 seconds ago.".into());
        }
        if !(1..=255).contains(&self.jti.len()) {
            return Err("The claim jti must have 1 to 255 bytes.".into());
        }
        Ok(())
    }
}

/// Signs a client assertion that is good for `seconds` (at most 300).
pub fn client_assertion(
    key: &PrivateKey,
    client: &str,
    audience: &str,
    clock: &Clock,
    seconds: u32,
) -> Result<String> {
    extended_assertion(key, (client, audience), clock, seconds, None)
}

/// As [`client_assertion`] for a client and an audience, with `extensions`.
pub fn extended_assertion(
    key: &PrivateKey,
    (client, audience): (&str, &str),
    clock: &Clock,
    seconds: u32,
    extensions: Option<Value>,
) -> Result<String> {
    let now = u64::try_from(clock.millis() / 1000).unwrap_or(0);
    let jti: [u8; 16] = clock.secret().map_err(Error::internal)?;
    let claims = Claims {
        iss: client.into(),
        sub: client.into(),
        aud: audience.into(),
        exp: now + u64::from(seconds),
        jti: URL_SAFE_NO_PAD.encode(jti),
        iat: Some(now),
        nbf: None,
        extensions,
    };
    let mut header = Header::new(Algorithm::ES384);
    header.kid = Some(key.kid().to_owned());
    let key = EncodingKey::from_ec_der(&key.pkcs8()?);
    jsonwebtoken::encode(&header, &claims, &key).map_err(Error::internal)
}

/// Proves that the crypto provider is there and works: signs, verifies, and refuses a changed text.
pub(super) fn self_test(clock: &Clock) -> Result<()> {
    let key = PrivateKey::generate()?;
    let set = KeySet::parse(&key.public_set().to_string()).map_err(Error::internal)?;
    let public = set
        .find(key.kid(), Signing::Es384)
        .ok_or_else(|| Error::internal("no key"))?;
    let text = client_assertion(&key, "self", "self", clock, 60)?;
    let other = client_assertion(&key, "self", "other", clock, 60)?;
    let good = Jws::parse(&text).map_err(Error::internal)?;
    let other = Jws::parse(&other).map_err(Error::internal)?;
    let bad = Jws {
        signature: other.signature,
        ..good
    };
    let key = &public.verifier.0;
    if other.holds(Algorithm::ES384, key) && !bad.holds(Algorithm::ES384, key) {
        return Ok(());
    }
    Err(Error::internal("the crypto provider fails its self-test"))
}

#[cfg(test)]
mod wycheproof;
