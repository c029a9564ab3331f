//! A service with a client that has a key of either algorithm, and what the client can send.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA384};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use kap_fhir::access::Role;
use kap_fhir::auth::client::{ClientSpec, Keys, Purpose};
use kap_fhir::auth::jose::client_assertion;
use kap_fhir::auth::key::PrivateKey;
use kap_fhir::kap::Id;
use serde_json::{Value, json};

use super::{FIRST, SCOPES, TYPE};
use crate::app::sample;
use crate::app::{Db, TestApp};

/// A service with the client `ehr`, which has a key of either algorithm.
pub struct Bed {
    pub app: TestApp,
    pub http: reqwest::Client,
    pub es: PrivateKey,
    pub rs: RsaKeyPair,
}

impl Bed {
    pub async fn new(db: Db) -> Self {
        let app = TestApp::start(db, &sample(FIRST).0).await;
        let es = PrivateKey::generate().expect("key");
        let rs = RsaKeyPair::generate(KeySize::Rsa2048).expect("key");
        let n = rs
            .public_key()
            .modulus()
            .big_endian_without_leading_zero()
            .to_vec();
        let rsa = json!({ "kty": "RSA", "kid": "rs", "n": B64.encode(n), "e": "AQAB", "alg": "RS384", "use": "sig" });
        let keys = json!({ "keys": [es.public_jwk(), rsa] }).to_string();
        let spec = ClientSpec {
            id: Some("ehr".into()),
            name: "An EHR".into(),
            organization: Id::new("org-external-pcp").expect("id"),
            role: Role::ExternalEhr,
            scopes: SCOPES.into(),
            purposes: vec![Purpose::Treatment],
            keys: Keys::Set(keys),
        };
        app.app.auth.register(spec).await.expect("client");
        let http = kap_fhir::demo::http().expect("http");
        Self { app, http, es, rs }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.app.base)
    }

    pub fn assertion(&self) -> String {
        client_assertion(
            &self.es,
            "ehr",
            &self.url("/auth/token"),
            &self.app.app.clock,
            120,
        )
        .expect("assertion")
    }

    pub fn rsa_assertion(&self, jti: &str) -> String {
        let now = self.app.app.clock.millis() / 1000;
        let header = json!({ "alg": "RS384", "kid": "rs", "typ": "JWT" });
        let claims = json!({ "iss": "ehr", "sub": "ehr", "aud": self.url("/auth/token"), "exp": now + 120, "jti": jti });
        let text = format!(
            "{}.{}",
            B64.encode(header.to_string()),
            B64.encode(claims.to_string())
        );
        let mut signature = vec![0; self.rs.public_modulus_len()];
        self.rs
            .sign(
                &RSA_PKCS1_SHA384,
                &SystemRandom::new(),
                text.as_bytes(),
                &mut signature,
            )
            .expect("signature");
        format!("{text}.{}", B64.encode(signature))
    }

    pub async fn send(
        &self,
        url: &str,
        form: &[(&str, &str)],
        bearer: Option<&str>,
    ) -> (u16, reqwest::header::HeaderMap, Value) {
        let mut request = self.http.post(url).form(form);
        if let Some(token) = bearer {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.expect("answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("text");
        (
            status,
            headers,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    pub async fn ask(
        &self,
        scope: &str,
        assertion: &str,
    ) -> (u16, reqwest::header::HeaderMap, Value) {
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", scope),
            ("client_assertion_type", TYPE),
            ("client_assertion", assertion),
        ];
        self.send(&self.url("/auth/token"), &form, None).await
    }

    pub async fn token(&self) -> String {
        let (status, _, body) = self.ask(SCOPES, &self.assertion()).await;
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().expect("token").to_owned()
    }

    /// Status and challenge of a read with this token.
    pub async fn read(&self, base: &str, token: Option<&str>) -> (u16, String) {
        let mut request = self.http.get(format!("{base}/fhir/Patient"));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.expect("answer");
        let challenge = response
            .headers()
            .get("www-authenticate")
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default();
        (response.status().as_u16(), challenge.to_owned())
    }
}
