//! The same SQL on PostgreSQL, where `KAP_TEST_POSTGRES` gives its URL.

use super::*;
use crate::auth::jwks::tests::Site;
use crate::store::sql::Sql;

#[expect(
    clippy::disallowed_methods,
    reason = "tells the tests of a database to use"
)]
fn url() -> Option<String> {
    std::env::var("KAP_TEST_POSTGRES").ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_statement_works_on_postgresql() {
    let Some(url) = url() else {
        return;
    };
    let schema = format!("kap_auth_{}", std::process::id());
    let options = Options {
        schema: Some(schema.clone()),
        ..Options::default()
    };
    let bed = Bed::over(&url, options, PathBuf::new()).await;
    flow::one_of_many_wins(&bed).await;
    let token = bed.token().await;
    assert!(bed.accepts(&token).await);
    let revoke = Request::new().with("token", &token);
    bed.auth
        .revoke(Some(FORM), None, &revoke.body(), &trail())
        .await
        .expect("revoked");
    assert!(!bed.accepts(&token).await);
    let token = bed.token().await;
    bed.auth.disable("ehr").await.expect("disabled");
    assert!(!bed.accepts(&token).await);
    bed.auth.enable("ehr").await.expect("enabled");
    let set = STRANGER.public_set().to_string();
    bed.auth
        .rotate_keys("ehr", Keys::Set(set))
        .await
        .expect("rotated");
    published_keys(&bed).await;
    bed.advance(1000);
    bed.auth.purge().await.expect("purged");
    let count = Sql::new("SELECT COUNT(*) FROM access_token", vec![]);
    assert_eq!(bed.auth.store.read(count).await.expect("rows")[0].int(0), 0);
    let drop = Sql {
        text: format!("DROP SCHEMA {schema} CASCADE").into(),
        args: vec![],
    };
    bed.auth.store.read(drop).await.expect("dropped");
}

/// A key that is published is the client's from its first use on, even where its uses meet.
async fn published_keys(bed: &Bed) {
    let site = Site::new().await;
    site.answers("200 OK", "", &key_set());
    for client in ["first", "second"] {
        let spec = ClientSpec {
            id: Some(client.into()),
            keys: Keys::Url(site.url.clone()),
            ..ehr()
        };
        bed.auth.register(spec).await.expect("client");
    }
    let sends = (0..8).map(|_| async { bed.send(&Request::new().from("first")).await.is_ok() });
    assert_eq!(futures_util::future::join_all(sends).await, [true; 8]);
    assert!(bed.send(&Request::new().from("second")).await.is_err());
    assert_eq!(bed.auth.clients().await.expect("clients").len(), 3);
}
