//! Tokens from their issue to their end.

use super::*;
use crate::access::{Interaction, Scopes};
use crate::auth::jwks::tests::Site;
use crate::error::Kind;
use crate::store::sql::Sql;

const INTROSPECT: &str = "system/$introspect";

#[tokio::test]
async fn a_token_says_who_calls_until_it_expires() {
    let bed = Bed::new().await;
    let request = Request::new().with("scope", "system/*.read system/Goal.rs openid");
    let answer = bed.send(&request).await.expect("token");
    assert_eq!((answer.token_type, answer.expires_in), ("bearer", 300));
    assert_eq!(answer.scope, "system/Patient.read system/Encounter.read");
    assert!(!format!("{answer:?}").contains(&answer.access_token));

    let header = format!("bearer {}", answer.access_token);
    let caller = bed.auth.authenticate(Some(&header)).await.expect("caller");
    assert_eq!(
        (&*caller.client, caller.organization.as_str()),
        ("ehr", "org-ehr")
    );
    assert_eq!(
        (caller.role, &*caller.purpose),
        (Role::ExternalEhr, "TREAT")
    );
    assert!(caller.scopes.allow(Interaction::Search, "Patient"));
    assert!(!caller.scopes.allow(Interaction::Read, "Goal"));
    assert!(answer.access_token.contains(&*caller.token));

    bed.advance(299);
    assert!(bed.accepts(&answer.access_token).await);
    bed.advance(1);
    assert!(!bed.accepts(&answer.access_token).await);
}

#[tokio::test]
async fn only_the_whole_token_in_the_header_is_good() {
    let bed = Bed::new().await;
    let token = bed.token().await;
    let other = bed.token().await;
    let mixed = format!("{}{}", &token[..27], &other[27..]);
    let tid = &token[4..26];
    for bad in [
        "",
        "kat_",
        "kat__",
        tid,
        &token[..69],
        &format!("{token}A"),
        &token[4..],
        &mixed,
        &token.replace("kat_", "kit_"),
        &format!("kat_{tid}-{}", &token[27..]),
        "kat_\u{e9}",
        "x.y.z",
    ] {
        assert!(!bed.accepts(bad).await, "{bad}");
    }
    for header in [
        None,
        Some(""),
        Some("Bearer"),
        Some(&*token),
        Some(&*format!("Basic {token}")),
    ] {
        let error = bed.auth.authenticate(header).await.expect_err("refused");
        assert_eq!(error.kind, Kind::Unauthenticated);
        assert!(!format!("{error:?}").contains(&token));
    }
    assert!(bed.accepts(&token).await);
    assert!(!challenge(None).contains("error") && challenge(Some("x")).contains("invalid_token"));
}

#[tokio::test]
async fn an_unknown_client_looks_like_a_wrong_key() {
    let bed = Bed::new().await;
    let mut unknown = Request::new();
    unknown.claims["iss"] = json!("nobody");
    unknown.claims["sub"] = json!("nobody");
    let mut wrong = Request::new();
    wrong.sign = Sign::Stranger;
    let mut disabled = Request::new();
    let [a, b] =
        [&unknown, &wrong].map(|r| async { bed.send(r).await.expect_err("refused").body() });
    let (a, b) = (a.await, b.await);
    bed.auth.disable("ehr").await.expect("disabled");
    disabled.claims["jti"] = json!("d");
    let c = bed.send(&disabled).await.expect_err("refused").body();
    assert_eq!(a, b);
    assert_eq!(a, c);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_assertion_is_good_for_one_token_even_at_once() {
    one_of_many_wins(&Bed::new().await).await;
}

/// Sends one assertion many times at once, to two replicas.
pub(super) async fn one_of_many_wins(bed: &Bed) {
    let replica = Arc::new(bed.replica());
    let body = Request::new().body();
    let mut all = tokio::task::JoinSet::new();
    for i in 0..32 {
        let auth = if i % 2 == 0 {
            bed.auth.clone()
        } else {
            replica.clone()
        };
        let body = body.clone();
        all.spawn(async move { auth.token(Some(FORM), None, &body, &trail()).await });
    }
    let outcomes = all.join_all().await;
    let (good, bad): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), bad.len()), (1, 31));
    for refused in bad.into_iter().filter_map(Result::err) {
        assert_eq!((refused.status, refused.error), (401, "invalid_client"));
        assert!(refused.error_description.contains("jti"), "{refused}");
    }
}

#[tokio::test]
async fn a_refused_request_does_not_spend_the_assertion() {
    let bed = Bed::new().await;
    let mut request = Request::new();
    request.sign = Sign::Stranger;
    assert!(bed.send(&request).await.is_err());
    request.sign = Sign::Own;
    request.set("scope", "system/Goal.rs");
    assert!(bed.send(&request).await.is_err());
    request.set("scope", "system/Patient.rs");
    assert!(bed.send(&request).await.is_ok());
    let replay = bed.send(&request).await.expect_err("replay");
    assert_eq!((replay.status, replay.error), (401, "invalid_client"));
}

#[tokio::test]
async fn a_disabled_client_loses_its_tokens_everywhere_within_a_second() {
    let bed = Bed::new().await;
    let replica = bed.replica();
    let token = bed.token().await;
    let header = format!("Bearer {token}");
    assert!(replica.authenticate(Some(&header)).await.is_ok());
    bed.auth.disable("ehr").await.expect("disabled");
    assert!(!bed.accepts(&token).await);
    bed.advance(1);
    assert!(replica.authenticate(Some(&header)).await.is_err());
    assert!(bed.send(&Request::new()).await.is_err());
    bed.auth.enable("ehr").await.expect("enabled");
    assert!(!bed.accepts(&token).await, "a revoked token stays revoked");
    assert!(bed.send(&Request::new()).await.is_ok());
}

#[tokio::test]
async fn introspection_tells_of_live_tokens_only() {
    let bed = Bed::new().await;
    let plain = bed.token().await;
    let ask = Request::new().with("scope", INTROSPECT);
    let asker = bed.send(&ask).await.expect("token").access_token;
    let caller = async |token: &str| {
        bed.auth
            .authenticate(Some(&format!("Bearer {token}")))
            .await
            .expect("caller")
    };
    let (plain_caller, asker) = (caller(&plain).await, caller(&asker).await);
    let body = |token: &str| format!("token={token}").into_bytes();
    let of = async |token: &str| bed.auth.introspect(&asker, Some(FORM), &body(token)).await;

    let live = of(&plain).await.expect("answer");
    let wanted = json!({
        "active": true, "scope": "system/Patient.rs", "client_id": "ehr", "sub": "ehr", "exp": NOW + 300,
        "iat": NOW, "iss": ISSUER, "aud": FHIR, "token_type": "bearer", "purpose_of_use": "TREAT",
    });
    assert_eq!(live, wanted);
    let inactive = json!({ "active": false });
    assert_eq!(of("nonsense").await.expect("answer"), inactive);
    let refused = bed
        .auth
        .introspect(&plain_caller, Some(FORM), &body(&plain))
        .await;
    assert_eq!(refused.expect_err("no scope").status, 403);
    assert_eq!(
        bed.auth
            .introspect(&asker, Some(FORM), b"")
            .await
            .expect_err("no token")
            .status,
        400
    );
    bed.advance(300);
    assert_eq!(of(&plain).await.expect("answer"), inactive);
}

#[tokio::test]
async fn a_client_revokes_its_own_tokens_only() {
    let bed = Bed::new().await;
    let key = PrivateKey::generate().expect("key");
    let keys = Keys::Set(key.public_set().to_string());
    let other = ClientSpec {
        id: Some("other".into()),
        keys,
        ..ehr()
    };
    bed.auth.register(other).await.expect("client");
    let token = bed.token().await;

    let assertion =
        jose::client_assertion(&key, "other", TOKEN_URL, &bed.clock, 60).expect("assertion");
    let theirs = Request::new()
        .with("client_assertion", &assertion)
        .with("token", &token);
    bed.auth
        .revoke(Some(FORM), None, &theirs.body(), &trail())
        .await
        .expect("passed over");
    assert!(bed.accepts(&token).await);
    let again = bed
        .auth
        .revoke(Some(FORM), None, &theirs.body(), &trail())
        .await
        .expect_err("replay");
    assert_eq!(again.error, "invalid_client");

    let unknown = Request::new().with("token", "nonsense");
    bed.auth
        .revoke(Some(FORM), None, &unknown.body(), &trail())
        .await
        .expect("passed over");
    let mut forged = Request::new().with("token", &token);
    forged.sign = Sign::Stranger;
    assert!(
        bed.auth
            .revoke(Some(FORM), None, &forged.body(), &trail())
            .await
            .is_err()
    );
    assert!(bed.accepts(&token).await);
    let own = Request::new().with("token", &token);
    bed.auth
        .revoke(Some(FORM), None, &own.body(), &trail())
        .await
        .expect("revoked");
    assert!(!bed.accepts(&token).await);
}

#[tokio::test]
async fn what_has_ended_is_purged_and_nothing_else() {
    let bed = Bed::new().await;
    let count = async || {
        let text = "SELECT (SELECT COUNT(*) FROM client_jti), (SELECT COUNT(*) FROM access_token)";
        let rows = bed
            .auth
            .store
            .read(Sql::new(text, vec![]))
            .await
            .expect("rows");
        (rows[0].int(0), rows[0].int(1))
    };
    let request = Request::new();
    bed.send(&request).await.expect("token");
    bed.advance(420);
    bed.auth.purge().await.expect("purged");
    assert_eq!(count().await, (1, 1));
    bed.advance(1);
    bed.auth.purge().await.expect("purged");
    assert_eq!(count().await, (0, 0));
    assert!(
        bed.send(&request).await.is_err(),
        "expired long before its jti is forgotten"
    );
}

#[tokio::test]
async fn secrets_are_not_in_the_database() {
    let bed = Bed::new().await;
    let token = bed.token().await;
    let text = "SELECT tid, secret_hash, client, scopes FROM access_token";
    let rows = bed
        .auth
        .store
        .read(Sql::new(text, vec![]))
        .await
        .expect("rows");
    let kept: String = (0..4).map(|i| rows[0].text(i).to_string()).collect();
    assert!(token.contains(&*rows[0].text(0)) && !kept.contains(&token[27..]));
}

#[tokio::test]
async fn the_server_describes_itself_as_it_is() {
    let bed = Bed::new().await;
    let smart = bed.auth.smart_configuration();
    assert_eq!(smart["token_endpoint"], TOKEN_URL);
    assert_eq!(
        smart["grant_types_supported"],
        json!(["client_credentials"])
    );
    assert_eq!(smart["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(
        smart["token_endpoint_auth_signing_alg_values_supported"],
        json!(["RS384", "ES384"])
    );
    let capabilities = json!([
        "client-confidential-asymmetric",
        "permission-v1",
        "permission-v2"
    ]);
    assert_eq!(smart["capabilities"], capabilities);
    assert!(
        smart.get("issuer").is_none(),
        "only with sso-openid-connect"
    );
    assert_eq!(bed.auth.oauth_authorization_server()["issuer"], ISSUER);
    let scopes = smart["scopes_supported"].as_array().expect("scopes");
    for scope in scopes.iter().filter_map(Value::as_str) {
        let read = Scopes::parse(scope).expect(scope);
        assert_eq!(read.to_string(), scope);
        for (kind, letters) in read.named() {
            let some = |i| Role::ALL.iter().any(|role| role.allows(i, kind));
            assert!(letters.interactions().all(some), "{scope}");
        }
    }
    assert!(scopes.contains(&json!("system/MedicationRequest.cruds")));
}

#[tokio::test]
async fn keys_may_be_published_at_a_url() {
    let bed = Bed::new().await;
    let site = Site::new().await;
    let keys = Keys::Url(site.url.clone());
    bed.auth.rotate_keys("ehr", keys).await.expect("rotated");
    site.answers("500 Oops", "", "");
    let away = bed.send(&Request::new()).await.expect_err("no keys");
    assert_eq!((away.status, away.error), (401, "invalid_client"));
    site.answers("200 OK", "", &key_set());
    assert!(bed.send(&Request::new()).await.is_ok());
    let mut named = Request::new();
    named.header["jku"] = json!(site.url);
    assert!(
        bed.send(&named).await.is_ok(),
        "a jku that is the registered URL"
    );
    let mut other = Request::new();
    other.header["jku"] = json!(site.url.replace("jwks", "evil"));
    assert!(bed.send(&other).await.is_err());
}

#[tokio::test]
async fn a_client_disabled_between_proof_and_issue_gets_no_token() {
    let bed = Bed::new().await;
    let form = super::form::Form::parse(Some(FORM), &Request::new().body()).expect("form");
    let proof = bed.auth.prove(&form).await.expect("proof");
    bed.auth.disable("ehr").await.expect("disabled");
    let scopes = Scopes::parse("system/Patient.rs").expect("scopes");
    let usual = emergency::Use {
        purpose: Purpose::Treatment,
        reason: None,
    };
    let late = bed
        .auth
        .issue(proof, &scopes, usual, &trail())
        .await
        .expect_err("too late");
    assert_eq!((late.status, late.error), (401, "invalid_client"));
}
