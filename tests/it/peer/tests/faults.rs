//! Faults, logins, times that are the same.

use super::*;

#[tokio::test]
async fn faults() {
    let peer = Peer::start(Habits::default()).await;
    peer.fail(Fault::status(500).on("POST /Patient"));
    peer.fail(
        Fault::new(Does::Answer {
            status: 429,
            retry_after: Some("120"),
        })
        .times(2)
        .on("GET *"),
    );
    for _ in 0..2 {
        let said = get(&peer, "/Patient").await;
        assert_eq!((said.status, said.header("retry-after")), (429, "120"));
    }
    assert_eq!(get(&peer, "/Patient").await.status, 200);
    assert_eq!(post(&peer, "/Patient", &patient("a")).await.status, 500);
    peer.fail(Fault::new(Does::Cut));
    peer.fail(Fault::new(Does::DoAndCut));
    let url = format!("{}/Patient", peer.base());
    let client = http();
    for stored in [0, 1] {
        let request = client
            .post(&url)
            .header("content-type", "application/json")
            .body(patient("a").to_string());
        let error = request.send().await.expect_err("it is cut");
        assert!(error.is_request(), "{error:?}");
        assert_eq!(peer.all("Patient").len(), stored);
    }
    let asked = peer.asked();
    let last = &asked[asked.len() - 2..];
    assert_eq!((last[0].status, last[1].status), (None, Some(201)));
    assert_eq!(
        (last[0].what().as_str(), last[1].json()),
        ("POST /Patient", patient("a"))
    );
    assert_eq!(last[1].answer.as_ref().expect("answer")["id"], "1001");
    peer.fail(Fault::status(503));
    peer.heal();
    peer.set(|habits| habits.delay = Duration::from_mins(1));
    let slow = client.get(&url).timeout(Duration::from_secs(1)).send();
    assert!(slow.await.expect_err("too late").is_timeout());
    peer.wait_until(|asked| asked.len() == 7).await;
    peer.set(|habits| habits.time = Time::follows(|| datetime!(2027-01-01 0:00 UTC)));
    assert_eq!(peer.now().year(), 2027);
    let address = peer.address();
    drop(peer);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

struct Key {
    pair: EcdsaKeyPair,
    document: Vec<u8>,
}

impl Key {
    fn new() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).expect("key");
        let document = pair.to_pkcs8v1().expect("document").as_ref().to_vec();
        Self { pair, document }
    }

    fn set(&self) -> Value {
        let point = &self.pair.public_key().as_ref()[1..];
        json!({ "keys": [{ "kty": "EC", "crv": "P-384", "alg": "ES384", "kid": "k", "x": B64.encode(&point[..48]), "y": B64.encode(&point[48..]) }] })
    }

    fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES384);
        header.kid = Some("k".to_owned());
        jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(&self.document))
            .expect("jwt")
    }
}

async fn token(peer: &Peer, assertion: &str, scope: &str) -> (u16, Value) {
    let response = http().post(peer.token_url()).form(&[
        ("grant_type", "client_credentials"),
        ("scope", scope),
        ("client_assertion", assertion),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
    ]);
    let response = response.send().await.expect("an answer");
    (
        response.status().as_u16(),
        response.json().await.expect("json"),
    )
}

#[tokio::test]
async fn tokens() {
    let key = Key::new();
    let registration = Registration::new("kap", Some(key.set()));
    let peer = Peer::start(Habits {
        token: Some(registration),
        ..Habits::default()
    })
    .await;
    let refused = get(&peer, "/Patient").await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").starts_with("Bearer"));
    assert_eq!(
        get(&peer, "/metadata").await.body["rest"][0]["security"]["service"][0]["coding"][0]["code"],
        "SMART-on-FHIR"
    );
    let smart = get(&peer, "/.well-known/smart-configuration").await;
    assert_eq!(smart.body["token_endpoint"], peer.token_url());
    let now = peer.now().unix_timestamp();
    let claims = |jti: &str| json!({ "iss": "kap", "sub": "kap", "aud": peer.token_url(), "exp": now + 300, "jti": jti });
    let good = key.sign(&claims("1"));
    let (status, given) = token(&peer, &good, "system/*.cruds").await;
    assert_eq!((status, &given["scope"]), (200, &json!("system/*.cruds")));
    assert_eq!(given["expires_in"], 300);
    assert_eq!(token(&peer, &good, "system/*.cruds").await.0, 401, "used");
    for (name, value) in [
        ("iss", json!("x")),
        ("sub", json!("x")),
        ("aud", json!("https://x")),
        ("exp", json!(now - 40)),
        ("exp", json!(now + 900)),
        ("jti", Value::Null),
    ] {
        let mut wrong = claims(name);
        wrong[name] = value;
        let (status, error) = token(&peer, &key.sign(&wrong), "s").await;
        assert_eq!(
            (status, &error["error"]),
            (401, &json!("invalid_client")),
            "{name}"
        );
    }
    assert_eq!(
        token(&peer, &Key::new().sign(&claims("2")), "s").await.1["error_description"],
        "the signature is wrong"
    );
    assert_eq!(token(&peer, "x.y", "s").await.0, 401);
    assert_eq!(
        token(&peer, &key.sign(&claims("3")), "").await.1["error"],
        "invalid_scope"
    );
    let bearer = format!("Bearer {}", given["access_token"].as_str().expect("token"));
    let with = [("authorization", bearer.as_str())];
    assert_eq!(ask(&peer, "GET", "/Patient", &with, None).await.status, 200);
    peer.set(|habits| habits.time = Time::stands(datetime!(2026-11-22 12:05 UTC)));
    assert_eq!(ask(&peer, "GET", "/Patient", &with, None).await.status, 401);
    peer.set(|habits| habits.time = Time::stands(datetime!(2026-11-22 12:00 UTC)));
    peer.forget_tokens();
    assert_eq!(ask(&peer, "GET", "/Patient", &with, None).await.status, 401);
}

#[tokio::test]
async fn behind_a_proxy() {
    let peer = Peer::start(Habits {
        page: 1,
        ..Habits::default()
    })
    .await;
    let proxy = Proxy::start(peer.address()).await;
    peer.set(|habits| habits.public = Some(proxy.url()));
    peer.put(patient("a"));
    peer.put(patient("b"));
    let next = get(&peer, "/Patient").await.body["link"][1]["url"]
        .as_str()
        .expect("next")
        .to_owned();
    assert!(next.starts_with(&proxy.url()));
    assert_eq!(
        get(&peer, &next).await.body["entry"][0]["resource"]["identifier"][0]["value"],
        "a"
    );
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test]
async fn rs384() {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("key");
    let public = aws_lc_rs::signature::KeyPair::public_key(&pair);
    let (n, e) = (
        public.modulus().big_endian_without_leading_zero(),
        public.exponent().big_endian_without_leading_zero(),
    );
    let set = json!({ "keys": [{ "kty": "RSA", "alg": "RS384", "kid": "r", "n": B64.encode(n), "e": B64.encode(e) }] });
    let peer = Peer::start(Habits {
        token: Some(Registration::new("kap", Some(set))),
        ..Habits::default()
    })
    .await;
    let document: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().expect("der");
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        base64::engine::general_purpose::STANDARD.encode(document.as_ref())
    );
    let claims = |jti: &str| json!({ "iss": "kap", "sub": "kap", "aud": [peer.token_url()], "exp": peer.now().unix_timestamp() + 60, "jti": jti });
    let sign = |kid: &str, jti: &str| {
        let mut header = Header::new(Algorithm::RS384);
        header.kid = Some(kid.to_owned());
        jsonwebtoken::encode(
            &header,
            &claims(jti),
            &EncodingKey::from_rsa_pem(pem.as_bytes()).expect("pem"),
        )
        .expect("jwt")
    };
    assert_eq!(token(&peer, &sign("r", "1"), "s").await.0, 200);
    assert_eq!(
        token(&peer, &sign("other", "2"), "s").await.1["error_description"],
        "kid is not known"
    );
    let forged = sign("r", "3").replace('.', ".e30.");
    assert_eq!(token(&peer, &forged, "s").await.0, 401);
}

#[tokio::test]
async fn ties() {
    let peer = Peer::start(Habits {
        tick: time::Duration::ZERO,
        conditional_references: Support::Ignored,
        ..Habits::default()
    })
    .await;
    peer.put(patient("a"));
    peer.put(patient("b"));
    assert_eq!(
        peer.all("Patient")[0]["meta"]["lastUpdated"],
        peer.all("Patient")[1]["meta"]["lastUpdated"]
    );
    let odd = json!({ "resourceType": "Observation", "subject": { "reference": "Patient?identifier=x" } });
    assert_eq!(post(&peer, "/Observation", &odd).await.status, 201);
    peer.set(|habits| habits.conditional_references = Support::Yes);
    assert_eq!(post(&peer, "/Observation", &odd).await.status, 400);
}
