//! The token endpoint under attack, over HTTP: bent requests, guessed clients, one assertion a thousand times.

use std::sync::Arc;

use futures_util::future::join_all;
use kap_fhir::access::Role;
use kap_fhir::app::App;
use kap_fhir::auth::client::{ClientSpec, Keys, Purpose};
use kap_fhir::cli::assemble;
use kap_fhir::clock::Clock;
use kap_fhir::kap::Id;
use kap_fhir::server::{self, Running};
use kap_fhir::store::{Options, Store};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};

use crate::app::{Db, TestApp, postgres_url, sample, sealed, tempdir, unique};
use crate::both;
use bend::{Base, NOT_PROVED, Pairs, Scene, Sent, applies};

#[path = "../../src/auth/tests/bend.rs"]
mod bend;
mod program;
mod replay;

both!(
    bent_requests,
    headers_that_stand_twice,
    no_client_is_told_apart
);

const FIRST: &str = include_str!("../samples/01-adult-trd-remote-lozenge.json");

/// A service, where it is, and its client `ehr`.
struct Door {
    base: String,
    token_url: String,
    fhir: String,
    clock: Clock,
    pairs: Pairs,
    http: reqwest::Client,
}

impl Door {
    async fn new(app: &App, base: &str) -> Self {
        let pairs = Pairs::generate();
        let spec = ClientSpec {
            id: Some("ehr".into()),
            name: "An EHR".into(),
            organization: Id::new("org-external-pcp").expect("id"),
            role: Role::ExternalEhr,
            scopes: "system/Patient.rs system/Encounter.rs".into(),
            purposes: vec![Purpose::Treatment],
            keys: Keys::Set(pairs.public_set().to_string()),
        };
        app.auth.register(spec).await.expect("client");
        Self {
            base: base.into(),
            token_url: format!("{base}/auth/token"),
            fhir: format!("{base}/fhir"),
            clock: app.clock.clone(),
            pairs,
            http: kap_fhir::demo::http().expect("http"),
        }
    }

    fn scene(&self, base: Base) -> Scene<'_> {
        Scene {
            pairs: &self.pairs,
            base,
            stranger: false,
            client: "ehr",
            token_url: &self.token_url,
            issuer: &self.base,
            fhir: &self.fhir,
            now: self.clock.millis() / 1000,
        }
    }

    fn post(&self, url: &str, sent: &Sent) -> reqwest::RequestBuilder {
        let mut request = self.http.post(url).body(sent.body.clone());
        if let Some(media) = &sent.content_type {
            request = request.header(CONTENT_TYPE, media);
        }
        if let Some(authorization) = &sent.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        request
    }

    async fn send(&self, sent: &Sent) -> Heard {
        heard(self.post(&self.token_url, sent)).await
    }
}

/// An answer, without what differs from one to the next: its date and its request id.
#[derive(Debug, PartialEq)]
struct Heard {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Heard {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("json")
    }
}

async fn heard(request: reqwest::RequestBuilder) -> Heard {
    let answer = request.send().await.expect("answer");
    let (status, mut headers) = (answer.status().as_u16(), answer.headers().clone());
    assert!(headers.remove("x-request-id").is_some());
    headers.remove("date");
    Heard {
        status,
        headers,
        text: answer.text().await.expect("text"),
    }
}

async fn bent_requests(db: Db) {
    let app = TestApp::start(db, &sample(FIRST).0).await;
    let door = Door::new(&app.app, &app.base).await;
    let bad = bend::bad_rows();
    let es = bad.iter().map(|row| (Base::Es, row));
    let rs = bad.iter().step_by(5).map(|row| (Base::Rs, row));
    for (base, row) in es
        .chain(rs)
        .filter(|(base, row)| applies(row, *base, false))
    {
        let heard = door.send(&door.scene(base).request(row)).await;
        let status = row.get("http").unwrap_or(&row["status"]);
        let said = heard.json();
        assert_eq!(
            (&json!(heard.status), &said["error"]),
            (status, &row["error"]),
            "{row}: {said}"
        );
        let text = said["error_description"].as_str().expect("text");
        assert!(
            text.contains(row["says"].as_str().expect("text")),
            "{row}: {said}"
        );
        assert_eq!(text == NOT_PROVED, row["seen"] == "hidden", "{row}: {said}");
        assert_eq!(
            said.as_object().map(serde_json::Map::len),
            Some(2),
            "{row}: {said}"
        );
        assert_eq!(heard.headers["content-type"], "application/json");
        assert_eq!(heard.headers["cache-control"], "no-store");
    }
    for (base, row) in bend::rows("good")
        .iter()
        .flat_map(|row| [(Base::Es, row), (Base::Rs, row)])
    {
        let heard = door.send(&door.scene(base).request(row)).await;
        assert_eq!(heard.status, 200, "{row}: {}", heard.text);
        assert!(heard.json()["access_token"].is_string());
    }
    app.stop().await;
}

async fn headers_that_stand_twice(db: Db) {
    let app = TestApp::start(db, &sample(FIRST).0).await;
    let door = Door::new(&app.app, &app.base).await;
    let sent = door.scene(Base::Es).request(&json!({}));
    let media = sent.content_type.clone().expect("media");
    let twice = heard(
        door.post(&door.token_url, &sent)
            .header(CONTENT_TYPE, &media),
    )
    .await;
    assert_eq!(
        (twice.status, &twice.json()["error"]),
        (400, &json!("invalid_request"))
    );
    let both = door.post(&door.token_url, &sent);
    let both = heard(
        both.header(AUTHORIZATION, "Basic eA==")
            .header(AUTHORIZATION, "Bearer x"),
    )
    .await;
    assert_eq!(
        (both.status, &both.json()["error"]),
        (400, &json!("invalid_request"))
    );
    assert_eq!(heard(door.http.get(&door.token_url)).await.status, 405);
    assert_eq!(
        door.send(&sent).await.status,
        200,
        "none of these spent the assertion"
    );
    app.stop().await;
}

/// Whatever is wrong with who calls, the answer is the same, byte for byte.
async fn no_client_is_told_apart(db: Db) {
    let app = TestApp::start(db, &sample(FIRST).0).await;
    let door = Door::new(&app.app, &app.base).await;
    for base in [Base::Es, Base::Rs] {
        let own = door.scene(base);
        let unknown = Scene {
            client: "nobody",
            ..own
        };
        let illegal = Scene {
            client: "no body",
            ..own
        };
        let stranger = Scene {
            stranger: true,
            ..own
        };
        let kid = json!({ "header": { "kid": "other" } });
        let jku = json!({ "header": { "jku": "https://ehr.example.org/jwks.json" } });
        let late = json!({ "claims": { "exp": 0 } });
        let mut answers = vec![];
        for (scene, row) in [
            (unknown, &json!({})),
            (unknown, &late),
            (unknown, &kid),
            (illegal, &json!({})),
            (stranger, &json!({})),
            (stranger, &late),
            (own, &kid),
            (own, &jku),
        ] {
            answers.push(door.send(&scene.request(row)).await);
        }
        app.app.auth.disable("ehr").await.expect("disabled");
        answers.push(door.send(&own.request(&json!({}))).await);
        answers.push(door.send(&own.request(&late)).await);
        app.app.auth.enable("ehr").await.expect("enabled");
        assert_eq!(
            (answers[0].status, &answers[0].json()["error"]),
            (401, &json!("invalid_client"))
        );
        for answer in &answers {
            assert_eq!(answer, &answers[0]);
        }
        assert_eq!(door.send(&own.request(&json!({}))).await.status, 200);
    }
    app.stop().await;
}
