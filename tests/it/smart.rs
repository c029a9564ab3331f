//! SMART Backend Services as a client meets them, over HTTP.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use kap_fhir::auth::jose::client_assertion;
use kap_fhir::auth::key::PrivateKey;
use kap_fhir::cli::assemble;
use kap_fhir::server;
use serde_json::{Value, json};
use time::Duration;

use crate::app::{Db, sealed};
use crate::both;
use bed::Bed;

mod bed;

both!(
    discovery,
    both_algorithms,
    scopes_in_both_forms,
    bad_requests,
    life_of_a_token,
    replay_across_replicas
);

const FIRST: &str = include_str!("../samples/01-adult-trd-remote-lozenge.json");
const SCOPES: &str = "system/Patient.rs system/Encounter.rs system/$introspect";
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async fn discovery(db: Db) {
    let bed = Bed::new(db).await;
    for path in [
        "/fhir/.well-known/smart-configuration",
        "/.well-known/oauth-authorization-server",
    ] {
        let response = bed
            .http
            .get(bed.url(path))
            .header("Accept", "text/html")
            .send()
            .await
            .expect("answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        let said: Value =
            serde_json::from_str(&response.text().await.expect("text")).expect("json");
        assert_eq!(said["token_endpoint"], bed.url("/auth/token"));
        assert_eq!(said["introspection_endpoint"], bed.url("/auth/introspect"));
        assert_eq!(said["revocation_endpoint"], bed.url("/auth/revoke"));
        assert_eq!(
            said["token_endpoint_auth_methods_supported"],
            json!(["private_key_jwt"])
        );
        assert_eq!(
            said["token_endpoint_auth_signing_alg_values_supported"],
            json!(["RS384", "ES384"])
        );
        assert_eq!(said["grant_types_supported"], json!(["client_credentials"]));
    }
    let metadata: Value = bed
        .http
        .get(bed.url("/fhir/metadata"))
        .send()
        .await
        .expect("answer")
        .json()
        .await
        .expect("json");
    let security = &metadata["rest"][0]["security"];
    // Where tokens come from is said by the discovery document; `oauth-uris` needs an authorization endpoint.
    assert_eq!(security["service"][0]["coding"][0]["code"], "SMART-on-FHIR");
    assert!(security.get("extension").is_none());
    bed.app.stop().await;
}

async fn both_algorithms(db: Db) {
    let bed = Bed::new(db).await;
    for assertion in [bed.assertion(), bed.rsa_assertion("rs-1")] {
        let (status, headers, body) = bed.ask(SCOPES, &assertion).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(
            (
                headers["cache-control"].to_str().ok(),
                headers["pragma"].to_str().ok()
            ),
            (Some("no-store"), Some("no-cache"))
        );
        assert_eq!(
            (&body["token_type"], &body["expires_in"]),
            (&json!("bearer"), &json!(300))
        );
        let token = body["access_token"].as_str().expect("token");
        assert_eq!(bed.read(&bed.app.base, Some(token)).await.0, 200);
    }
    let (status, _, body) = bed.ask(SCOPES, &bed.rsa_assertion("rs-1")).await;
    assert_eq!(
        (status, body["error"].as_str()),
        (401, Some("invalid_client")),
        "a used assertion: {body}"
    );
    bed.app.stop().await;
}

async fn scopes_in_both_forms(db: Db) {
    let bed = Bed::new(db).await;
    for (asked, granted) in [
        ("system/Patient.rs", "system/Patient.rs"),
        ("system/Patient.read", "system/Patient.read"),
        ("system/Patient.r system/Goal.rs openid", "system/Patient.r"),
        ("system/*.rs", "system/Patient.rs system/Encounter.rs"),
    ] {
        let (status, _, body) = bed.ask(asked, &bed.assertion()).await;
        assert_eq!(
            (status, body["scope"].as_str()),
            (200, Some(granted)),
            "{asked}: {body}"
        );
    }
    for refused in ["system/Goal.rs", "user/Patient.rs", "system/Patient.c"] {
        let (status, _, body) = bed.ask(refused, &bed.assertion()).await;
        assert_eq!(
            (status, body["error"].as_str()),
            (400, Some("invalid_scope")),
            "{refused}: {body}"
        );
    }
    bed.app.stop().await;
}

async fn bad_requests(db: Db) {
    let bed = Bed::new(db).await;
    let clock = &bed.app.app.clock;
    let stranger = PrivateKey::generate().expect("key");
    let url = bed.url("/auth/token");
    let sign = |key: &PrivateKey, client: &str, audience: &str| {
        client_assertion(key, client, audience, clock, 120).expect("assertion")
    };
    let unsigned = format!("{}.e30.", B64.encode(r#"{"alg":"none"}"#));
    for (why, assertion) in [
        ("a strange key", sign(&stranger, "ehr", &url)),
        ("a client that is none", sign(&bed.es, "nobody", &url)),
        (
            "another audience",
            sign(&bed.es, "ehr", "https://other.example.org/auth/token"),
        ),
        (
            "too long a life",
            client_assertion(&bed.es, "ehr", &url, clock, 900).expect("assertion"),
        ),
        ("no signature", unsigned),
        ("no token at all", "x".to_owned()),
    ] {
        let (status, _, body) = bed.ask(SCOPES, &assertion).await;
        assert_eq!(
            (status, body["error"].as_str()),
            (401, Some("invalid_client")),
            "{why}: {body}"
        );
        assert!(body.get("access_token").is_none());
    }
    let assertion = bed.assertion();
    let form = [
        ("grant_type", "password"),
        ("scope", SCOPES),
        ("client_assertion_type", TYPE),
        ("client_assertion", &assertion),
    ];
    let (status, _, body) = bed.send(&url, &form, None).await;
    assert_eq!(
        (status, body["error"].as_str()),
        (400, Some("unsupported_grant_type")),
        "{body}"
    );
    let (status, _, body) = bed.send(&url, &form[1..], None).await;
    assert_eq!(
        (status, body["error"].as_str()),
        (400, Some("invalid_request")),
        "{body}"
    );

    // A token in the query is refused, so that nobody gets used to leaving tokens in logs.
    let token = bed.token().await;
    let response = bed
        .http
        .get(bed.url(&format!("/fhir/Patient?access_token={token}")))
        .send()
        .await
        .expect("answer");
    assert_eq!(response.status(), 400);
    bed.app.stop().await;
}

async fn life_of_a_token(db: Db) {
    let bed = Bed::new(db).await;
    let base = bed.app.base.clone();
    assert_eq!(
        bed.read(&base, None).await,
        (401, r#"Bearer realm="fhir""#.to_owned())
    );
    let (status, challenge) = bed.read(&base, Some("kat_nothing")).await;
    assert_eq!(status, 401);
    assert!(challenge.contains("invalid_token"), "{challenge}");

    let (token, other) = (bed.token().await, bed.token().await);
    let introspect = bed.url("/auth/introspect");
    let (status, _, said) = bed
        .send(&introspect, &[("token", &other)], Some(&token))
        .await;
    assert_eq!(
        (status, &said["active"], said["client_id"].as_str()),
        (200, &json!(true), Some("ehr")),
        "{said}"
    );
    let (_, _, said) = bed
        .send(&introspect, &[("token", "kat_nothing")], Some(&token))
        .await;
    assert_eq!(said, json!({ "active": false }));

    let assertion = bed.assertion();
    let form = [
        ("token", other.as_str()),
        ("client_assertion_type", TYPE),
        ("client_assertion", &assertion),
    ];
    let (status, _, body) = bed.send(&bed.url("/auth/revoke"), &form, None).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(bed.read(&base, Some(&other)).await.0, 401);
    let (_, _, said) = bed
        .send(&introspect, &[("token", &other)], Some(&token))
        .await;
    assert_eq!(said, json!({ "active": false }));

    assert_eq!(bed.read(&base, Some(&token)).await.0, 200);
    bed.app.app.clock.advance(Duration::seconds(300));
    let (status, challenge) = bed.read(&base, Some(&token)).await;
    assert_eq!(status, 401);
    assert!(challenge.contains("invalid_token"), "{challenge}");
    bed.app.stop().await;
}

async fn replay_across_replicas(db: Db) {
    let bed = Bed::new(db).await;
    let listener = server::bind("127.0.0.1:0".parse().expect("address"))
        .await
        .expect("bind");
    let twin_base = format!("http://{}", listener.local_addr().expect("address"));
    let app = &bed.app.app;
    let twin = sealed(assemble(
        app.store.clone(),
        app.clock.clone(),
        "default",
        &bed.app.base,
        None,
    ));
    let running = server::start(twin, listener, 64).expect("server");

    // An assertion is good once, whichever replica it reaches first; of many at a time one wins.
    let assertion = bed.assertion();
    let form = [
        ("grant_type", "client_credentials"),
        ("scope", SCOPES),
        ("client_assertion_type", TYPE),
        ("client_assertion", assertion.as_str()),
    ];
    let urls = [bed.url("/auth/token"), format!("{twin_base}/auth/token")];
    let sends = (0..8).map(|n| bed.send(&urls[n % 2], &form, None));
    let answers = futures_util::future::join_all(sends).await;
    let granted: Vec<&Value> = answers
        .iter()
        .filter(|a| a.0 == 200)
        .map(|a| &a.2)
        .collect();
    assert_eq!(granted.len(), 1, "{answers:?}");
    let token = granted[0]["access_token"]
        .as_str()
        .expect("token")
        .to_owned();

    // A token of one replica is good on the other, and revoked there within a second.
    assert_eq!(bed.read(&twin_base, Some(&token)).await.0, 200);
    let proof = bed.assertion();
    let form = [
        ("token", token.as_str()),
        ("client_assertion_type", TYPE),
        ("client_assertion", &proof),
    ];
    let (status, _, body) = bed.send(&bed.url("/auth/revoke"), &form, None).await;
    assert_eq!(status, 200, "{body}");
    app.clock.advance(Duration::milliseconds(1000));
    assert_eq!(bed.read(&twin_base, Some(&token)).await.0, 401);
    running.stop().await;
    bed.app.stop().await;
}
