//! Reads `tests/oauth/mutations.json` and makes the requests that it tells of. Compiled into the tests of this crate and
//! into those over HTTP, so it names nothing of the crate.
//!
//! A row changes `header`, `claims` and `form` member by member, or gives `headerText`, `claimsText` or `body` whole,
//! signs otherwise (`sign`) or does something to the finished assertion (`bend`). In texts `@token_url`, `@issuer`,
//! `@fhir` and `@now` stand for what they name, `@header` and `@claims` for the members of those objects. The values
//! `$drop`, `$null` and others that begin with a dollar are listed in [`Scene::value`].

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA384, RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Map, Value, json};

/// What a caller learns that has not proved who it is.
pub const NOT_PROVED: &str =
    "The client is not known or not active, or the assertion is not signed by a key of its set.";
const TABLE: &str = include_str!("../../../tests/oauth/mutations.json");
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The rows of one kind: `good`, `form`, `shape`, `header`, `signature` or `claims`.
pub fn rows(kind: &str) -> Vec<Value> {
    let table: Value = serde_json::from_str(TABLE).expect("json");
    table[kind].as_array().expect("rows").clone()
}

/// Every row that must be refused.
pub fn bad_rows() -> Vec<Value> {
    let kinds = ["form", "shape", "header", "signature", "claims"];
    kinds.into_iter().flat_map(rows).collect()
}

/// An algorithm with the client's key, or with one that no client has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    Es,
    Rs,
}

/// Private keys of the client, with the ids `es` and `rs`, and of a stranger.
pub struct Pairs {
    pub es: EcdsaKeyPair,
    pub rs: RsaKeyPair,
    pub stranger_es: EcdsaKeyPair,
    pub stranger_rs: RsaKeyPair,
}

impl Pairs {
    pub fn generate() -> Self {
        let es = || EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("key");
        let rs = || RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).expect("key");
        Self {
            es: es(),
            rs: rs(),
            stranger_es: es(),
            stranger_rs: rs(),
        }
    }

    /// The key set of the client.
    pub fn public_set(&self) -> Value {
        let n = self.rs.public_key().modulus();
        let n = B64.encode(n.big_endian_without_leading_zero());
        let rsa = json!({ "kty": "RSA", "kid": "rs", "n": n, "e": "AQAB", "alg": "RS384" });
        json!({ "keys": [ec_jwk(&self.es, "es"), rsa] })
    }
}

fn ec_jwk(pair: &EcdsaKeyPair, kid: &str) -> Value {
    let point = pair.public_key().as_ref();
    let (x, y) = (B64.encode(&point[1..49]), B64.encode(&point[49..]));
    json!({ "kty": "EC", "crv": "P-384", "kid": kid, "x": x, "y": y })
}

/// Who asks, whom, and when.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    pub pairs: &'a Pairs,
    pub base: Base,
    /// Whether a stranger's key signs where the row does not say.
    pub stranger: bool,
    pub client: &'a str,
    pub token_url: &'a str,
    pub issuer: &'a str,
    pub fhir: &'a str,
    /// Seconds since 1970.
    pub now: i64,
}

/// A request to the token endpoint.
#[derive(Clone, Debug)]
pub struct Sent {
    pub body: Vec<u8>,
    pub content_type: Option<String>,
    pub authorization: Option<String>,
}

/// Whether the row is of this base and signature: a row that signs in its own way is of ES384 alone.
pub fn applies(row: &Value, base: Base, stranger: bool) -> bool {
    let name = if base == Base::Es { "ES384" } else { "RS384" };
    let own = row.get("sign").is_some();
    row.get("base").is_none_or(|of| of == name) && !(own && (base == Base::Rs || stranger))
}

impl Scene<'_> {
    /// The row's request.
    pub fn request(&self, row: &Value) -> Sent {
        let text = |name: &str, default: Option<&str>| match row.get(name) {
            None => default.map(str::to_owned),
            Some(value) => value.as_str().map(str::to_owned),
        };
        Sent {
            body: self.body(row),
            content_type: text("contentType", Some("application/x-www-form-urlencoded")),
            authorization: text("authorization", None),
        }
    }

    fn body(&self, row: &Value) -> Vec<u8> {
        if let Some(body) = row.get("body") {
            return body.as_str().expect("text").into();
        }
        let form = json!({
            "grant_type": "client_credentials", "scope": "system/Patient.rs",
            "client_assertion_type": JWT_BEARER, "client_assertion": self.assertion(row),
        });
        let form = self.changed(form, row.get("form"));
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &form {
            if let Some(value) = value.as_str() {
                body.append_pair(name, value);
            }
        }
        let tail = row.get("tail").and_then(Value::as_str).unwrap_or_default();
        (body.finish() + &self.fill(tail)).into_bytes()
    }

    /// The row's assertion.
    pub fn assertion(&self, row: &Value) -> String {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let jti = format!("jti-{}", COUNT.fetch_add(1, Ordering::SeqCst));
        let (alg, kid) = match self.base {
            Base::Es => ("ES384", "es"),
            Base::Rs => ("RS384", "rs"),
        };
        let header = json!({ "alg": alg, "kid": kid, "typ": "JWT" });
        let claims = json!({
            "iss": self.client, "sub": self.client, "aud": self.token_url, "exp": self.now + 300, "jti": jti,
        });
        let header = self.part(header, row.get("header"), row.get("headerText"), "@header");
        let mut claims = self.part(claims, row.get("claims"), row.get("claimsText"), "@claims");
        for (from, to) in row
            .get("raw")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            claims = claims.replacen(from, &self.fill(to.as_str().expect("text")), 1);
        }
        let message = format!("{}.{}", B64.encode(header), B64.encode(claims));
        let sign = row.get("sign").and_then(Value::as_str);
        let signature = self.signature(sign, message.as_bytes());
        let text = format!("{message}.{}", B64.encode(signature));
        row.get("bend")
            .map_or(text.clone(), |bend| bent(&text, bend))
    }

    /// The text of the header or the claims.
    fn part(
        &self,
        value: Value,
        change: Option<&Value>,
        text: Option<&Value>,
        name: &str,
    ) -> String {
        let mut object = self.changed(value, change);
        if object.get("p").is_some_and(|p| p == "$odd") {
            let mut p = String::new();
            object.insert("p".into(), json!(p));
            while json!(object).to_string().len() % 3 != 1 {
                p.push('x');
                object.insert("p".into(), json!(p));
            }
        }
        let whole = Value::Object(object).to_string();
        let Some(text) = text.and_then(|text| self.value(text)) else {
            return whole;
        };
        let members = &whole[1..whole.len() - 1];
        text.as_str().expect("text").replace(name, members)
    }

    fn changed(&self, value: Value, change: Option<&Value>) -> Map<String, Value> {
        let Value::Object(mut object) = value else {
            panic!("an object");
        };
        for (name, value) in change.and_then(Value::as_object).into_iter().flatten() {
            match self.value(value) {
                Some(value) => object.insert(name.clone(), value),
                None => object.remove(name),
            };
        }
        object
    }

    /// What a value of the table stands for; `None` where the member is to go.
    fn value(&self, value: &Value) -> Option<Value> {
        Some(match value {
            Value::String(text) => match text.as_str() {
                "$drop" => return None,
                "$null" => Value::Null,
                "$own" => ec_jwk(&self.pairs.es, "es"),
                "$stranger" => ec_jwk(&self.pairs.stranger_es, "es"),
                "$letter" => json!(if self.base == Base::Es { "e" } else { "r" }),
                _ => json!(self.fill(text)),
            },
            Value::Array(items) => items.iter().filter_map(|item| self.value(item)).collect(),
            Value::Object(object) => match object.iter().next() {
                Some((name, of)) if name.starts_with('$') => self.made(name, of),
                _ => Value::Object(self.changed(json!({}), Some(value))),
            },
            _ => value.clone(),
        })
    }

    fn made(&self, name: &str, of: &Value) -> Value {
        let seconds = self.now + of.as_i64().unwrap_or(0);
        let repeated = || {
            let (text, count) = (of[0].as_str().expect("text"), of[1].as_u64());
            text.repeat(usize::try_from(count.expect("number")).expect("number"))
        };
        match name {
            "$now" => json!(seconds),
            "$nowText" => json!(seconds.to_string()),
            "$nowMillis" => json!(seconds * 1000),
            "$times" => json!(repeated()),
            // Of that length, and another for each base: a jti is good once.
            "$fill" => json!(format!("{:?}{}", self.base, &repeated()[2..])),
            _ => panic!("{name} is not known"),
        }
    }

    fn fill(&self, text: &str) -> String {
        text.replace("@token_url", self.token_url)
            .replace("@issuer", self.issuer)
            .replace("@fhir", self.fhir)
            .replace("@now", &self.now.to_string())
    }

    fn signature(&self, sign: Option<&str>, text: &[u8]) -> Vec<u8> {
        let keys = self.pairs;
        let ec = |key: &EcdsaKeyPair| {
            let signature = key.sign(&SystemRandom::new(), text).expect("signature");
            signature.as_ref().to_vec()
        };
        match (sign, self.base, self.stranger) {
            (Some("es384"), ..) | (None, Base::Es, false) => ec(&keys.es),
            (Some("stranger"), ..) | (None, Base::Es, true) => ec(&keys.stranger_es),
            (Some("rs384"), ..) | (None, Base::Rs, false) => rsa(&keys.rs, &RSA_PKCS1_SHA384, text),
            (None, Base::Rs, true) => rsa(&keys.stranger_rs, &RSA_PKCS1_SHA384, text),
            (Some("rs256"), ..) => rsa(&keys.rs, &RSA_PKCS1_SHA256, text),
            (Some("rs512"), ..) => rsa(&keys.rs, &RSA_PKCS1_SHA512, text),
            (Some("ps384"), ..) => rsa(&keys.rs, &RSA_PSS_SHA384, text),
            (Some("hmac"), ..) => {
                // With the text of the public key as its secret: the classic confusion.
                let secret = ec_jwk(&keys.es, "es").to_string();
                let key =
                    aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA384, secret.as_bytes());
                aws_lc_rs::hmac::sign(&key, text).as_ref().to_vec()
            }
            (Some(other), ..) => panic!("{other} is not known"),
        }
    }
}

fn rsa(key: &RsaKeyPair, how: &'static dyn RsaEncoding, text: &[u8]) -> Vec<u8> {
    let mut out = vec![0; key.public_modulus_len()];
    key.sign(how, &SystemRandom::new(), text, &mut out)
        .expect("signature");
    out
}

/// A finished assertion, or one `part` of it, after what the row does to it.
fn bent(text: &str, bend: &Value) -> String {
    let mut parts: Vec<String> = text.split('.').map(str::to_owned).collect();
    let at = |name: &str| bend[name].as_u64().and_then(|n| usize::try_from(n).ok());
    if let Some(part) = at("drop") {
        parts.remove(part);
    } else if let Some(part) = at("keep") {
        parts = vec![parts.swap_remove(part)];
    } else if let Some(part) = at("part") {
        parts[part] = bent_part(&parts[part], bend);
    } else {
        return around(text, bend);
    }
    parts.join(".")
}

fn around(text: &str, bend: &Value) -> String {
    let side = |name: &str| bend[name].as_str().unwrap_or_default();
    format!("{}{text}{}", side("prepend"), side("append"))
}

fn bent_part(part: &str, bend: &Value) -> String {
    let bytes = || B64.decode(part).expect("base64url");
    let number = |name: &str| bend[name].as_u64().and_then(|n| usize::try_from(n).ok());
    if let Some(text) = bend["set"].as_str() {
        return text.to_owned();
    }
    if let Some(length) = number("zeros") {
        return B64.encode(vec![0; length]);
    }
    if let Some(count) = number("cut") {
        let bytes = bytes();
        return B64.encode(&bytes[..bytes.len() - count]);
    }
    if let (Some(from), Some(to)) = (bend["decoded"][0].as_str(), bend["decoded"][1].as_str()) {
        let text = String::from_utf8(bytes()).expect("text");
        assert!(text.contains(from), "{text}");
        return B64.encode(text.replacen(from, to, 1));
    }
    let mut bytes = bytes();
    let half = bytes.len() / 2;
    if bend.get("lone").is_some() {
        let missing = (5 - part.len() % 4) % 4;
        return format!(
            "{part}{}",
            "A".repeat(if missing == 0 { 4 } else { missing })
        );
    } else if bend.get("leftOver").is_some() {
        assert_eq!(part.len() % 4, 2, "no bits are left over");
        let (most, last) = part.split_at(part.len() - 1);
        return format!("{most}{}", char::from(last.as_bytes()[0] + 1));
    } else if bend.get("flip").is_some() {
        bytes[half] ^= 1;
    } else if bend.get("swap").is_some() {
        bytes.rotate_left(half);
    } else if bend.get("der").is_some() {
        bytes = der(&bytes);
    } else {
        return around(part, bend);
    }
    B64.encode(bytes)
}

/// An ECDSA signature as a SEQUENCE of two INTEGERs.
fn der(bytes: &[u8]) -> Vec<u8> {
    let halves = bytes.chunks(bytes.len() / 2).map(|half| {
        let start = half.iter().position(|b| *b != 0).unwrap_or(half.len() - 1);
        let zero: &[u8] = if half[start] >= 0x80 { &[0] } else { &[] };
        let length = u8::try_from(zero.len() + half.len() - start).expect("short");
        [&[2, length], zero, &half[start..]].concat()
    });
    let body: Vec<u8> = halves.flatten().collect();
    let length = u8::try_from(body.len()).expect("short");
    [vec![0x30, length], body].concat()
}
