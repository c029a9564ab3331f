//! The register of clients.

use super::*;
use crate::auth::jwks::tests::Site;
use crate::error::{Error, Kind};

async fn refusal(bed: &Bed, spec: ClientSpec) -> Error {
    bed.auth.register(spec).await.expect_err("refused")
}

fn fresh() -> ClientSpec {
    let key = PrivateKey::generate().expect("key");
    ClientSpec {
        id: None,
        keys: Keys::Set(key.public_set().to_string()),
        ..ehr()
    }
}

#[tokio::test]
async fn a_client_is_registered_listed_and_has_an_id() {
    let bed = Bed::new().await;
    let client = bed.auth.register(fresh()).await.expect("client");
    assert_eq!(client.id.len(), 36);
    let url = Keys::Url("https://ehr.example.org/jwks.json".into());
    let spec = ClientSpec {
        id: Some("a:b/c".into()),
        keys: url.clone(),
        ..fresh()
    };
    assert_eq!(bed.auth.register(spec).await.expect("client").keys, url);
    let all = bed.auth.clients().await.expect("clients");
    let ids: Vec<_> = all.iter().map(|c| &*c.id).collect();
    assert_eq!(ids, [&*client.id, "a:b/c", "ehr"]);
    assert_eq!(all[2].scopes.to_string(), SCOPES);
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    let bed = Bed::new().await;
    let spec = ClientSpec {
        id: Some("no spaces".into()),
        name: " ".into(),
        scopes: "system/Patient.cruds system/Goal.crs?category=nutrition".into(),
        keys: Keys::Url("http://ehr.example.org/jwks.json".into()),
        ..fresh()
    };
    let error = refusal(&bed, spec).await;
    assert_eq!(error.kind, Kind::Unprocessable);
    let said: Vec<_> = error.issues.iter().map(|i| i.text.as_str()).collect();
    let part = |text: &str| said.iter().any(|s| s.contains(text));
    assert_eq!(said.len(), 7, "{said:?}");
    assert!(part("may never create Goal"));
    assert!(part("may never create Patient") && part("may never delete Patient"));
    assert!(part("client id") && part("name has") && part("https"));
    let places: Vec<_> = error
        .issues
        .iter()
        .filter_map(|i| i.at.as_deref())
        .collect();
    assert_eq!(
        places,
        [
            "/scopes", "/scopes", "/scopes", "/scopes", "/jwksUrl", "/id", "/name"
        ]
    );
}

#[tokio::test]
async fn scopes_and_keys_that_cannot_work_are_refused() {
    let bed = Bed::new().await;
    for (scopes, text) in [
        ("", "at least one scope"),
        ("patient/Patient.rs", "'system/' scope"),
        ("system/Binary.rs", "may never read Binary"),
    ] {
        let spec = ClientSpec {
            scopes: scopes.into(),
            ..fresh()
        };
        let error = refusal(&bed, spec).await;
        assert!(
            error.issues.iter().any(|i| i.text.contains(text)),
            "{scopes}: {error}"
        );
    }
    for (set, text) in [
        (r#"{"keys":[]}"#.to_owned(), "no RSA key"),
        (
            r#"{"keys":[{"kty":"OKP","kid":"x"}]}"#.to_owned(),
            "no RSA key",
        ),
        (
            json!({ "keys": [ES.private_jwk().expect("jwk")] }).to_string(),
            "private key",
        ),
    ] {
        let error = refusal(
            &bed,
            ClientSpec {
                keys: Keys::Set(set),
                ..fresh()
            },
        )
        .await;
        assert!(
            error.issues.iter().any(|i| i.text.contains(text)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_id_and_a_key_belong_to_one_client() {
    let bed = Bed::new().await;
    let taken = refusal(
        &bed,
        ClientSpec {
            id: Some("ehr".into()),
            ..fresh()
        },
    )
    .await;
    assert_eq!(taken.kind, Kind::Conflict);
    let mut own = ES.public_jwk();
    own["kid"] = json!("another name for the same key");
    let keys = Keys::Set(json!({ "keys": [own] }).to_string());
    let shared = refusal(&bed, ClientSpec { keys, ..fresh() }).await;
    assert!(shared.kind == Kind::Conflict && shared.to_string().contains("another client's"));
    assert_eq!(
        bed.auth.clients().await.expect("clients").len(),
        1,
        "nothing is half written"
    );
}

#[tokio::test]
async fn rotated_keys_replace_the_old_and_end_their_tokens() {
    let bed = Bed::new().await;
    let token = bed.token().await;
    let key = PrivateKey::generate().expect("key");
    bed.auth
        .rotate_keys("ehr", Keys::Set(key.public_set().to_string()))
        .await
        .expect("rotated");
    assert!(!bed.accepts(&token).await);
    assert!(bed.send(&Request::new()).await.is_err());
    let text = jose::client_assertion(&key, "ehr", ISSUER, &bed.clock, 300).expect("assertion");
    assert!(
        bed.send(&Request::new().with("client_assertion", &text))
            .await
            .is_ok()
    );
    bed.auth
        .rotate_keys("ehr", Keys::Set(key_set()))
        .await
        .expect("the old keys are free again");
    let nobody = bed
        .auth
        .rotate_keys("nobody", Keys::Set(key_set()))
        .await
        .expect_err("unknown");
    assert_eq!(nobody.kind, Kind::NotFound);
    assert_eq!(
        bed.auth.disable("nobody").await.expect_err("unknown").kind,
        Kind::NotFound
    );
}

#[tokio::test]
async fn a_key_may_be_shared_where_the_operator_says_so() {
    let bed = Bed::new().await;
    let spec = ClientSpec {
        id: Some("twin".into()),
        ..ehr()
    };
    let twin = bed.auth.register_with_shared_key(spec).await;
    assert_eq!(twin.expect("client").keys, Keys::Set(key_set()));
    for client in ["ehr", "twin"] {
        assert!(bed.send(&Request::new().from(client)).await.is_ok());
    }
    let keys = Keys::Set(key_set());
    let again = bed.auth.rotate_keys("twin", keys.clone()).await;
    assert!(again.is_ok(), "it may keep the key: {again:?}");
    assert!(bed.send(&Request::new()).await.is_ok());
    bed.auth.rotate_keys("ehr", keys).await.expect("its own");
}

#[tokio::test]
async fn a_published_key_is_of_the_client_that_first_proved_to_have_it() {
    let bed = Bed::new().await;
    let site = Site::new().await;
    site.answers("200 OK", "", &STRANGER.public_set().to_string());
    let published = |id: &str| ClientSpec {
        id: Some(id.into()),
        keys: Keys::Url(site.url.clone()),
        ..ehr()
    };
    let sign = |client: &str| {
        let mut request = Request::new().from(client);
        request.header["kid"] = json!(STRANGER.kid());
        request.sign = Sign::Stranger;
        request
    };
    for client in ["first", "second"] {
        bed.auth.register(published(client)).await.expect("client");
    }
    for _ in 0..2 {
        assert!(bed.send(&sign("first")).await.is_ok());
        let refused = bed.send(&sign("second")).await.expect_err("another's");
        assert_eq!((refused.status, refused.error), (401, "invalid_client"));
        assert!(refused.error_description.contains("another client's"));
    }
    let inline = ClientSpec {
        keys: Keys::Set(STRANGER.public_set().to_string()),
        ..fresh()
    };
    assert_eq!(refusal(&bed, inline).await.kind, Kind::Conflict);
    // One that publishes a key which was registered for another has no use of it.
    site.answers("200 OK", "", &key_set());
    bed.auth.register(published("thief")).await.expect("client");
    let thief = bed.send(&Request::new().from("thief")).await;
    assert!(
        thief
            .expect_err("another's")
            .error_description
            .contains("another client's")
    );
    let shared = bed.auth.register_with_shared_key(published("shared")).await;
    shared.expect("client");
    assert!(bed.send(&Request::new().from("shared")).await.is_ok());
}
