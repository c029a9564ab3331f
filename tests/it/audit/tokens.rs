//! What is kept of requests for tokens.

use kap_fhir::auth::jose::client_assertion;
use kap_fhir::demo::script::Party;

use super::{PRACTICE, rows_of};
use crate::app::{Db, TestApp, unique};
use crate::both;
use crate::idempotency::beginning;

both!(tokens_leave_how_it_went);

async fn tokens_leave_how_it_went(db: Db) {
    let app = TestApp::start(db, &beginning()).await;
    let account = app
        .logins
        .iter()
        .find(|l| l.party == Party::Practice)
        .expect("account");
    let audience = format!("{}/auth/token", app.base);
    let assertion = |client: &str, seconds| {
        client_assertion(&account.key, client, &audience, &app.app.clock, seconds)
            .expect("assertion")
    };
    let http = kap_fhir::demo::http().expect("http");
    let send = async |path: &str, fields: &[(&str, &str)]| {
        let id = unique("request").replace('_', "-");
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let mut form = vec![("client_assertion_type", kind)];
        form.extend(fields);
        let request = http
            .post(format!("{}{path}", app.base))
            .header("X-Request-Id", &id);
        let answer = request.form(&form).send().await.expect("answer");
        (id, answer.status().as_u16())
    };
    let columns = "kind, outcome, reason, client, organization, detail";
    let good = assertion(account.client, 120);
    let form = |assertion| {
        [
            ("grant_type", "client_credentials"),
            ("scope", "system/Patient.rs"),
            ("client_assertion", assertion),
        ]
    };
    let (id, status) = send("/auth/token", &form(&good)).await;
    assert_eq!(status, 200);
    let asked = "grant_type=client_credentials&scope=system/Patient.rs";
    assert_eq!(
        rows_of(&app, &id, columns).await,
        [["token", "0", "", "demo-practice", PRACTICE, asked]]
    );
    let (id, status) = send("/auth/token", &form(&good)).await;
    assert_eq!(status, 401);
    assert_eq!(
        rows_of(&app, &id, columns).await,
        [["token", "8", "401 jti-replay", "demo-practice", "", ""]]
    );
    for (form, why, client) in [
        (form(&assertion("nobody", 120)), "401 unknown-client", ""),
        (
            form(&assertion("demo-partner", 120)),
            "401 wrong-key",
            "demo-partner",
        ),
        (form("x.y.z"), "401 invalid_client", ""),
        (
            [
                ("grant_type", "client_credentials"),
                ("scope", "patient/Patient.r"),
                ("client_assertion", &assertion(account.client, 120)),
            ],
            "400 invalid_scope",
            "demo-practice",
        ),
        (
            [
                ("grant_type", "password"),
                ("scope", "x"),
                ("client_assertion", "x"),
            ],
            "400 unsupported_grant_type",
            "",
        ),
    ] {
        let (id, status) = send("/auth/token", &form).await;
        let found = rows_of(&app, &id, "kind, reason, client").await;
        assert_eq!(found, [["token", why, client]], "{status}");
    }
    let token = app.as_party(Party::Practice).token.clone();
    let fields = [
        ("client_assertion", &*assertion(account.client, 120)),
        ("token", &token),
    ];
    let (id, status) = send("/auth/revoke", &fields).await;
    assert_eq!(status, 200);
    let found = rows_of(&app, &id, "kind, outcome, client, target_type, target_id").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0][..4], ["revoke", "0", "demo-practice", "token"]);
    assert!(token.contains(&found[0][4]));
    app.stop().await;
}
