//! Keys: which public keys of a client are fit for use, and how a key pair is made.
//!
//! Rules of SMART (<https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html>) and RFC 7517,
//! and some stricter ones of ours: a key has one written form, so that its thumbprint (RFC 7638) is its name.

use std::collections::BTreeSet;

use aws_lc_rs::encoding::{AsBigEndian as _, EcPrivateKeyBin};
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    ParsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::jose::{Signing, Verifier};
use super::{digest, strict_json};
use crate::error::{Error, Kind, Result};

/// Largest key set that is read, bytes.
pub(super) const MAX_SET_BYTES: usize = 64 * 1024;
/// Most keys in a set.
const MAX_KEYS: usize = 20;
/// Members of a private or symmetric key.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// Bytes of one coordinate on P-384.
const P384_BYTES: usize = 48;

/// A public key that is fit to verify assertions.
#[derive(Clone)]
pub struct PublicKey {
    /// Key id, unique in its set.
    pub kid: String,
    /// The one algorithm that the key is for.
    pub signing: Signing,
    /// RFC 7638 thumbprint, SHA-256 in base64url.
    pub thumbprint: String,
    pub(super) verifier: Verifier,
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PublicKey({:?} {})", self.signing, self.thumbprint)
    }
}

/// The keys of a client.
#[derive(Clone, Debug)]
pub struct KeySet {
    /// Fit for use.
    pub keys: Vec<PublicKey>,
    /// Why each of the others is not, one sentence per key. Keys of unknown type are passed over in silence.
    pub refused: Vec<String>,
}

impl KeySet {
    /// Reads a JWK set (RFC 7517 §5). An error where the set as a whole cannot be trusted.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        if text.len() > MAX_SET_BYTES {
            return Err("The key set is larger than 64 KiB.".into());
        }
        let set = strict_json::parse_object(text.as_bytes())
            .ok_or("The key set must be a JSON object without repeated members.")?;
        let keys = set.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or("The key set must have an array 'keys'.")?;
        if keys.len() > MAX_KEYS {
            return Err(format!("The key set has more than {MAX_KEYS} keys."));
        }
        let has = |name: &&str| keys.iter().any(|key| key.get(*name).is_some());
        if let Some(name) = PRIVATE.iter().find(|name| has(name)) {
            return Err(format!(
                "The key set holds a private key (member '{name}'). Whoever has read it can sign: make new keys."
            ));
        }
        Self::of(keys)
    }

    fn of(keys: &[Value]) -> std::result::Result<Self, String> {
        let mut set = Self {
            keys: vec![],
            refused: vec![],
        };
        let mut kids = BTreeSet::new();
        for (at, key) in keys.iter().enumerate() {
            let Value::Object(key) = key else {
                return Err(format!("The key at position {at} is not a JSON object."));
            };
            if !matches!(key.get("kty").and_then(Value::as_str), Some("RSA" | "EC")) {
                continue;
            }
            // Even where only one of the two is fit: which was meant is not ours to guess.
            if let Some(kid) = key.get("kid").and_then(Value::as_str)
                && !kids.insert(kid)
            {
                let kid = kid.escape_default();
                return Err(format!("The key id '{kid}' is there twice."));
            }
            match public_key(key) {
                Ok(key) => set.keys.push(key),
                Err(why) => set.refused.push(format!("The key at position {at} {why}.")),
            }
        }
        Ok(set)
    }

    /// The key with this id that is for this algorithm.
    #[must_use]
    pub fn find(&self, kid: &str, signing: Signing) -> Option<&PublicKey> {
        self.keys
            .iter()
            .find(|key| key.kid == kid && key.signing == signing)
    }
}

fn public_key(jwk: &Map<String, Value>) -> std::result::Result<PublicKey, &'static str> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let kid = text("kid").filter(|kid| (1..=256).contains(&kid.len()));
    let kid = kid.ok_or("must have a 'kid' of 1 to 256 bytes")?.to_owned();
    if jwk.contains_key("use") && text("use") != Some("sig") {
        return Err("is not for signatures ('use' is not 'sig')");
    }
    let verifies = |ops: &Value| {
        ops.as_array()
            .is_some_and(|ops| ops.iter().any(|op| op == "verify"))
    };
    if jwk.get("key_ops").is_some_and(|ops| !verifies(ops)) {
        return Err("is not for verification ('key_ops' lacks 'verify')");
    }
    let (signing, verifier, members) = match text("kty") {
        Some("RSA") => rsa(text("n").unwrap_or_default(), text("e").unwrap_or_default())?,
        _ => p384(jwk)?,
    };
    if jwk.contains_key("alg") && text("alg").and_then(Signing::from_name) != Some(signing) {
        return Err("has an 'alg' that is not RS384 for RSA or ES384 for EC");
    }
    let thumbprint = digest(members.to_string());
    Ok(PublicKey {
        kid,
        signing,
        thumbprint,
        verifier,
    })
}

/// A key's algorithm, what verifies with it, and the members of its thumbprint, in their order.
type Parts = (Signing, Verifier, Value);

fn rsa(n: &str, e: &str) -> std::result::Result<Parts, &'static str> {
    let modulus = URL_SAFE_NO_PAD
        .decode(n)
        .map_err(|_| "has an 'n' that is not base64url")?;
    let bits = modulus
        .first()
        .map_or(0, |b| modulus.len() * 8 - b.leading_zeros() as usize);
    let canonical = modulus.first().is_some_and(|b| *b != 0);
    if !canonical || !(2048..=8192).contains(&bits) || modulus.last().is_some_and(|b| b % 2 == 0) {
        return Err("must have an odd RSA modulus of 2048 to 8192 bits without leading zeros");
    }
    if e != "AQAB" {
        return Err("must have the RSA exponent 65537 ('AQAB')");
    }
    let members = json!({ "e": e, "kty": "RSA", "n": n });
    Ok((Signing::Rs384, Verifier::rsa(&modulus, &[1, 0, 1]), members))
}

fn p384(jwk: &Map<String, Value>) -> std::result::Result<Parts, &'static str> {
    if jwk.get("crv").and_then(Value::as_str) != Some("P-384") {
        return Err("is an EC key of a curve other than P-384");
    }
    let mut point = vec![4];
    for name in ["x", "y"] {
        let text = jwk.get(name).and_then(Value::as_str).unwrap_or_default();
        let bytes = URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .filter(|b| b.len() == P384_BYTES);
        point.extend(bytes.ok_or("must have coordinates of 48 bytes in base64url")?);
    }
    if ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, &point).is_err() {
        return Err("is no point on the curve P-384");
    }
    let members = json!({ "crv": "P-384", "kty": "EC", "x": jwk["x"], "y": jwk["y"] });
    Ok((Signing::Es384, Verifier::p384(&point), members))
}

/// A private ES384 key.
pub struct PrivateKey {
    pair: EcdsaKeyPair,
    kid: String,
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PrivateKey({})", self.kid)
    }
}

impl PrivateKey {
    /// Makes a key; its id is its thumbprint.
    pub fn generate() -> Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING);
        Ok(Self::of(pair.map_err(Error::internal)?))
    }

    /// Reads a private JWK: EC, P-384, with `d`. Its `kid`, where it has one, is kept.
    pub fn from_jwk(text: &str) -> Result<Self> {
        let bad = |why: &str| Error::new(Kind::Invalid, format!("The private key {why}."));
        let jwk = strict_json::parse_object(text.as_bytes()).ok_or_else(|| bad("is not JSON"))?;
        let bytes = |name: &str| {
            let text = jwk.get(name).and_then(Value::as_str).unwrap_or_default();
            let bytes = URL_SAFE_NO_PAD
                .decode(text)
                .ok()
                .filter(|b| b.len() == P384_BYTES);
            bytes.ok_or_else(|| bad("must be an EC key of P-384 with x, y and d"))
        };
        let point = [vec![4], bytes("x")?, bytes("y")?].concat();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P384_SHA384_FIXED_SIGNING,
            &bytes("d")?,
            &point,
        );
        let key = Self::of(pair.map_err(|_| bad("does not match its public part"))?);
        let kid = jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            kid: kid.unwrap_or(key.kid),
            pair: key.pair,
        })
    }

    fn of(pair: EcdsaKeyPair) -> Self {
        let (x, y) = coordinates(&pair);
        let members = json!({ "crv": "P-384", "kty": "EC", "x": x, "y": y });
        Self {
            kid: digest(members.to_string()),
            pair,
        }
    }

    /// Key id.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The private JWK. Whoever has it is the client.
    pub fn private_jwk(&self) -> Result<Value> {
        let d: EcPrivateKeyBin<'_> = self
            .pair
            .private_key()
            .as_be_bytes()
            .map_err(Error::internal)?;
        let mut jwk = self.public_jwk();
        jwk["d"] = URL_SAFE_NO_PAD.encode(d.as_ref()).into();
        Ok(jwk)
    }

    /// The public JWK.
    #[must_use]
    pub fn public_jwk(&self) -> Value {
        let (x, y) = coordinates(&self.pair);
        json!({ "kty": "EC", "crv": "P-384", "x": x, "y": y, "kid": self.kid, "alg": "ES384", "use": "sig" })
    }

    /// A JWK set of the public key alone.
    #[must_use]
    pub fn public_set(&self) -> Value {
        json!({ "keys": [self.public_jwk()] })
    }

    pub(super) fn pkcs8(&self) -> Result<Vec<u8>> {
        let document = self.pair.to_pkcs8v1().map_err(Error::internal)?;
        Ok(document.as_ref().to_vec())
    }
}

fn coordinates(pair: &EcdsaKeyPair) -> (String, String) {
    let point = pair.public_key().as_ref();
    let part = |at: usize| URL_SAFE_NO_PAD.encode(&point[at..at + P384_BYTES]);
    (part(1), part(1 + P384_BYTES))
}

/// Keys that nobody has: verifying with them takes as long as with a real one, so that the time of an answer does not
/// tell which clients there are.
#[derive(Debug)]
pub(super) struct Decoys {
    text: String,
    keys: [PublicKey; 2],
}

impl Decoys {
    pub(super) fn new() -> std::result::Result<Self, String> {
        let ec = PrivateKey::generate()
            .map_err(|e| e.to_string())?
            .public_jwk();
        let mut n: Vec<u8> = (0u8..8).flat_map(|i| Sha256::digest([i])).collect();
        n[0] |= 0x80;
        n[255] |= 1;
        let n = URL_SAFE_NO_PAD.encode(n);
        let rsa = json!({ "kty": "RSA", "kid": "decoy", "n": n, "e": "AQAB" });
        let text = json!({ "keys": [rsa, ec] }).to_string();
        let keys = KeySet::parse(&text)?.keys.try_into();
        let keys = keys.map_err(|_| "decoy keys are not fit")?;
        Ok(Self { text, keys })
    }

    /// The set of both keys, as a client would publish it.
    pub(super) fn set(&self) -> &str {
        &self.text
    }

    /// The key for this algorithm.
    pub(super) fn of(&self, signing: Signing) -> &PublicKey {
        &self.keys[usize::from(signing == Signing::Es384)]
    }
}

#[cfg(test)]
mod tests;
