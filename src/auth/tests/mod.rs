//! An authorization server over a database of its own, and clients whose assertions can be bent in any way.

mod bend;
mod client;
mod flow;
mod mutations;
mod postgres;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Value, json};

use super::client::{ClientSpec, Keys, Purpose};
use super::key::PrivateKey;
use super::*;
use crate::access::Role;
use crate::audit::Trail;
use crate::kap::base::Id;
use crate::store::Options;
use std::result::Result;

pub(super) const NOW: i64 = 1_800_000_000;
pub(super) const TOKEN_URL: &str = "https://kap.example.org/auth/token";
pub(super) const ISSUER: &str = "https://kap.example.org";
pub(super) const FHIR: &str = "https://kap.example.org/fhir";
const FORM: &str = "application/x-www-form-urlencoded";
const SCOPES: &str = "system/Patient.rs system/Encounter.rs system/$introspect";

/// The keys of the client `ehr`, and one that no client has. Made once: an RSA key takes long.
pub(super) static ES: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::generate().expect("key"));
pub(super) static STRANGER: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::generate().expect("key"));
pub(super) static RS: LazyLock<RsaKeyPair> =
    LazyLock::new(|| RsaKeyPair::generate(KeySize::Rsa2048).expect("key"));

pub(super) fn rsa_jwk(kid: &str) -> Value {
    let n = RS
        .public_key()
        .modulus()
        .big_endian_without_leading_zero()
        .to_vec();
    json!({ "kty": "RSA", "kid": kid, "n": B64.encode(n), "e": "AQAB", "alg": "RS384", "use": "sig" })
}

pub(super) fn key_set() -> String {
    let mut es = ES.public_jwk();
    es["kid"] = json!("es");
    json!({ "keys": [es, rsa_jwk("rs")] }).to_string()
}

/// An authorization server with the client `ehr`.
pub(super) struct Bed {
    pub(super) auth: Arc<Auth>,
    pub(super) clock: Clock,
    path: PathBuf,
}

impl Drop for Bed {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            // Best effort: the file is in the temporary folder.
            let _ = std::fs::remove_file(format!("{}{end}", self.path.display()));
        }
    }
}

impl Bed {
    pub(super) async fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let n = COUNT.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("kap-auth-{}-{n}.db", std::process::id()));
        let url = format!("sqlite:{}", path.display());
        Self::over(&url, Options::default(), path).await
    }

    pub(super) async fn over(url: &str, options: Options, path: PathBuf) -> Self {
        let store = Store::open(url, options).await.expect("store");
        let start = time::OffsetDateTime::from_unix_timestamp(NOW).expect("time");
        let clock = Clock::fixed(start);
        let auth = Auth::new(Arc::new(store), clock.clone(), settings()).expect("auth");
        let auth = Arc::new(auth);
        let bed = Self { auth, clock, path };
        bed.auth.register(ehr()).await.expect("client");
        bed
    }

    /// Another replica over the same database.
    pub(super) fn replica(&self) -> Auth {
        Auth::new(self.auth.store.clone(), self.clock.clone(), settings()).expect("auth")
    }

    pub(super) async fn send(&self, request: &Request) -> Result<TokenAnswer, OAuthError> {
        let body = request.body();
        self.auth.token(Some(FORM), None, &body, &trail()).await
    }

    /// A fresh token of the client `ehr`.
    pub(super) async fn token(&self) -> String {
        self.send(&Request::new())
            .await
            .expect("token")
            .access_token
    }

    pub(super) async fn accepts(&self, token: &str) -> bool {
        self.auth
            .authenticate(Some(&format!("Bearer {token}")))
            .await
            .is_ok()
    }

    pub(super) fn advance(&self, seconds: i64) {
        self.clock.advance(time::Duration::seconds(seconds));
    }
}

/// The trail of a request of which nothing is known.
pub(super) fn trail() -> Trail {
    Trail::new("r".into(), "192.0.2.1".into(), "POST /auth/token")
}

fn settings() -> Settings {
    Settings {
        tenant: "t".into(),
        issuer: ISSUER.into(),
        token_url: TOKEN_URL.into(),
        introspection_url: format!("{ISSUER}/auth/introspect"),
        revocation_url: format!("{ISSUER}/auth/revoke"),
        fhir_base: FHIR.into(),
        plain_http: PlainHttp::Loopback,
    }
}

pub(super) fn ehr() -> ClientSpec {
    ClientSpec {
        id: Some("ehr".into()),
        name: "An EHR".into(),
        organization: Id::new("org-ehr").expect("id"),
        role: Role::ExternalEhr,
        scopes: SCOPES.into(),
        purposes: vec![Purpose::Treatment],
        keys: Keys::Set(key_set()),
    }
}

/// Who signs an assertion.
#[derive(Clone, Copy)]
pub(super) enum Sign {
    Own,
    /// One whose key no client has.
    Stranger,
}

/// A token request.
pub(super) struct Request {
    pub(super) header: Value,
    pub(super) claims: Value,
    pub(super) sign: Sign,
    pub(super) form: Vec<(&'static str, String)>,
}

impl Request {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let jti = format!("jti-{}", COUNT.fetch_add(1, Ordering::SeqCst));
        Self {
            header: json!({ "alg": "ES384", "kid": "es", "typ": "JWT" }),
            claims: json!({ "iss": "ehr", "sub": "ehr", "aud": TOKEN_URL, "exp": NOW + 300, "jti": jti }),
            sign: Sign::Own,
            form: vec![
                ("grant_type", "client_credentials".into()),
                ("scope", "system/Patient.rs".into()),
                (
                    "client_assertion_type",
                    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".into(),
                ),
            ],
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// The same from another client.
    pub(super) fn from(mut self, client: &str) -> Self {
        self.claims["iss"] = json!(client);
        self.claims["sub"] = json!(client);
        self
    }

    /// Gives a form parameter; an empty value takes it away.
    pub(super) fn set(&mut self, name: &'static str, value: &str) {
        self.form.retain(|(n, _)| *n != name);
        if !value.is_empty() {
            self.form.push((name, value.into()));
        }
    }

    pub(super) fn assertion(&self) -> String {
        let (header, claims) = (self.header.to_string(), self.claims.to_string());
        let signed = format!("{}.{}", B64.encode(header), B64.encode(claims));
        let key: &PrivateKey = match self.sign {
            Sign::Own => &ES,
            Sign::Stranger => &STRANGER,
        };
        let signature = ecdsa(key, signed.as_bytes());
        format!("{signed}.{}", B64.encode(signature))
    }

    pub(super) fn body(&self) -> Vec<u8> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        self.form.iter().for_each(|(name, value)| {
            form.append_pair(name, value);
        });
        if !self
            .form
            .iter()
            .any(|(name, _)| *name == "client_assertion")
        {
            form.append_pair("client_assertion", &self.assertion());
        }
        form.finish().into_bytes()
    }
}

fn ecdsa(key: &PrivateKey, text: &[u8]) -> Vec<u8> {
    let pkcs8 = key.pkcs8().expect("key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &pkcs8).expect("key");
    pair.sign(&SystemRandom::new(), text)
        .expect("signature")
        .as_ref()
        .to_vec()
}
