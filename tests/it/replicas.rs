//! Two services on one PostgreSQL behave as one.

use std::collections::HashSet;

use futures_util::future::join_all;
use kap_fhir::auth::jose::client_assertion;
use kap_fhir::auth::seal::SealingKey;
use kap_fhir::cli::assemble;
use kap_fhir::clock::Clock;
use kap_fhir::demo::player::{Caller, Played};
use kap_fhir::demo::script::Party;
use kap_fhir::server::{self, Running};
use kap_fhir::store::{Options, Store};
use serde_json::{Value, json};

use crate::app::tempdir::Folder;
use crate::app::{TestApp, postgres_url, unique};
use crate::idempotency::{beginning, message, one};
use crate::wire::Ask;

/// Two services, A and B, each with connections of its own, and an episode.
struct Pair {
    a: TestApp,
    running: Running,
    store: std::sync::Arc<Store>,
    b: String,
    played: Played,
}

/// The key that A seals with, as B reads it from the file that both have.
pub fn key_of(a: &TestApp) -> SealingKey {
    let folder = Folder::new();
    let file = folder.path().join("audit.pem");
    let key = a.app.sealing.key().expect("a key");
    key.create(&file).expect("key file");
    SealingKey::read(&file).expect("the same key")
}

impl Pair {
    async fn start() -> Self {
        let schema = unique("replicas");
        let options = || Options {
            connections: 8,
            schema: Some(schema.clone()),
            ..Options::default()
        };
        let open = async || {
            std::sync::Arc::new(
                Store::open(&postgres_url(), options())
                    .await
                    .expect("store"),
            )
        };
        let episode = beginning();
        let a = TestApp::over(open().await, &episode).await;
        let played = a.play(&episode).await;
        let store = open().await;
        let listener = server::bind("127.0.0.1:0".parse().expect("address"))
            .await
            .expect("bind");
        let b = format!("http://{}", listener.local_addr().expect("address"));
        // Both have one public address, as behind a balancer.
        let clock: Clock = a.app.clock.clone();
        let second = assemble(store.clone(), clock, "default", &a.base, None);
        let second = second.expect("app").sealed_with(key_of(&a));
        let running = server::start(second, listener, 256).expect("server");
        Self {
            a,
            running,
            store,
            b,
            played,
        }
    }

    /// The caller's client at A and at B.
    fn both(&self, party: Party) -> [Caller; 2] {
        let here = self.a.as_party(party).clone();
        let there = Caller {
            base: self.b.clone(),
            ..here.clone()
        };
        [here, there]
    }

    fn path(&self, rest: &str) -> String {
        format!("/kap/v1/episodes/{}{rest}", self.played.episode)
    }

    async fn stop(self) {
        self.running.stop().await;
        self.store.close().await;
        self.a.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_one_is_a_token_of_both() {
    let pair = Pair::start().await;
    let [here, there] = pair.both(Party::Practice);
    let read = Ask::get(pair.path(""));
    let (first, second) = (read.send(&here).await, read.send(&there).await);
    assert_eq!((first.status, second.status), (200, 200), "{}", second.text);
    assert_eq!(first.json(), second.json());
    revoke(&pair, Party::Practice).await;
    assert_eq!(read.send(&here).await.status, 401, "refused at A at once");
    // B may believe what it read for a second.
    pair.a.app.clock.advance(time::Duration::seconds(1));
    assert_eq!(
        read.send(&there).await.status,
        401,
        "refused at B within a second"
    );
    let [here, there] = pair.both(Party::Partner);
    assert_eq!(
        read.send(&there).await.status,
        200,
        "the other client's token is good"
    );
    pair.a
        .app
        .auth
        .disable("demo-partner")
        .await
        .expect("disabled");
    assert_eq!(read.send(&here).await.status, 401);
    pair.a.app.clock.advance(time::Duration::seconds(1));
    assert_eq!(read.send(&there).await.status, 401);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_of_one_is_a_cursor_of_both() {
    let pair = Pair::start().await;
    let [here, there] = pair.both(Party::Practice);
    let path = "/fhir/Provenance?_count=2";
    let all = Ask::get("/fhir/Provenance").send(&here).await.json();
    let all: Vec<&Value> = all["entry"].as_array().expect("entries").iter().collect();
    let (mut seen, mut next, mut turn) = (Vec::new(), Some(path.to_owned()), 0);
    while let Some(path) = next {
        let caller = [&here, &there][turn % 2];
        let heard = Ask::get(&path).send(caller).await;
        assert_eq!(heard.status, 200, "{}", heard.text);
        let page = heard.json();
        seen.extend(page["entry"].as_array().into_iter().flatten().cloned());
        let links = page["link"].as_array().into_iter().flatten();
        let link = links
            .filter(|l| l["relation"] == "next")
            .find_map(|l| l["url"].as_str());
        next = link.map(|url| url.trim_start_matches(&here.base).to_owned());
        turn += 1;
    }
    assert!(turn > 2, "{turn} pages");
    assert_eq!(seen.iter().collect::<Vec<_>>(), all);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_one_for_both() {
    let pair = Pair::start().await;
    let callers = pair.both(Party::Practice);
    let ask = Ask::json(pair.path("/communications"), &message(&pair.played, "once"));
    let all = join_all((0..20).map(|n| ask.send(&callers[n % 2]))).await;
    one(&all);
    let shown = Ask::get(pair.path("")).send(&callers[1]).await.json();
    assert_eq!(shown["communications"].as_array().map(Vec::len), Some(1));
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_over_both_loses_nothing() {
    let pair = Pair::start().await;
    let callers = pair.both(Party::Practice);
    let before = version(&callers[0], &pair).await;
    let asks: Vec<Ask> = (0..100)
        .map(|n| {
            Ask::json(
                pair.path("/communications"),
                &message(&pair.played, &format!("m-{n}")),
            )
        })
        .collect();
    let all = join_all(
        asks.iter()
            .enumerate()
            .map(|(n, ask)| ask.send(&callers[n % 2])),
    )
    .await;
    for heard in &all {
        assert_eq!(heard.status, 201, "{}", heard.text);
    }
    let versions: HashSet<i64> = all
        .iter()
        .filter_map(|h| h.json()["version"].as_i64())
        .collect();
    let wanted: HashSet<i64> = (before + 1..=before + 100).collect();
    assert_eq!(
        versions, wanted,
        "each command has a version of its own, without a gap"
    );
    for caller in &callers {
        let shown = Ask::get(pair.path("")).send(caller).await.json();
        assert_eq!(shown["version"], before + 100);
        let there: HashSet<&str> = ids(&shown["communications"]);
        let made: Vec<Value> = all
            .iter()
            .map(|h| json!({ "id": h.json()["id"] }))
            .collect();
        assert_eq!(there, ids(&json!(made)));
    }
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_with_one_etag_one_is_done() {
    let pair = Pair::start().await;
    let callers = pair.both(Party::Practice);
    let mut seen = version(&callers[0], &pair).await;
    for round in 0..10 {
        let etag = format!("W/\"{seen}\"");
        let ask = |n| {
            let body = message(&pair.played, &format!("r-{round}-{n}"));
            Ask::json(pair.path("/communications"), &body).with("If-Match", &etag)
        };
        let (a, b) = (ask(0), ask(1));
        let (first, second) = tokio::join!(a.send(&callers[0]), b.send(&callers[1]));
        let mut statuses = [first.status, second.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 412], "{} {}", first.text, second.text);
        seen += 1;
        assert_eq!(version(&callers[1], &pair).await, seen);
    }
    pair.stop().await;
}

/// The party's client revokes its token at A (RFC 7009).
async fn revoke(pair: &Pair, party: Party) {
    let account = pair
        .a
        .logins
        .iter()
        .find(|l| l.party == party)
        .expect("account");
    let url = format!("{}/auth/revoke", pair.a.base);
    let audience = format!("{}/auth/token", pair.a.base);
    let assertion = client_assertion(
        &account.key,
        account.client,
        &audience,
        &pair.a.app.clock,
        120,
    );
    let form = [
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", &assertion.expect("assertion")),
        ("token", &pair.a.as_party(party).token),
    ];
    let answer = pair
        .a
        .as_party(party)
        .http
        .post(&url)
        .form(&form)
        .send()
        .await
        .expect("answer");
    assert_eq!(answer.status(), 200);
}

async fn version(caller: &Caller, pair: &Pair) -> i64 {
    let heard = Ask::get(pair.path("")).send(caller).await;
    heard.json()["version"].as_i64().expect("version")
}

fn ids(records: &Value) -> HashSet<&str> {
    let all = records.as_array().into_iter().flatten();
    all.filter_map(|r| r["id"].as_str()).collect()
}
