//! A command that is sent again is done once.

use futures_util::future::join_all;
use kap_fhir::cli::assemble;
use kap_fhir::demo::player::{Caller, Played};
use kap_fhir::demo::script::Party;
use kap_fhir::kap::Episode;
use kap_fhir::server;
use serde_json::{Value, json};

use crate::app::{Db, TestApp, sample, sealed};
use crate::both;
use crate::wire::{Ask, Heard};

both!(
    twice_is_once,
    twenty_at_once_are_one,
    openings_of_many_at_once,
    openings,
    across_a_restart
);

/// The first sample until its first session: short to play.
pub fn beginning() -> Episode {
    let text = include_str!("../samples/01-adult-trd-remote-lozenge.json");
    let (mut episode, _) = sample(text);
    episode.sessions.truncate(1);
    episode.clearances.clear();
    episode.referrals.clear();
    episode.prescriptions.clear();
    episode.dispenses.clear();
    episode.inventory.clear();
    episode.adverse_events.clear();
    episode.follow_ups.clear();
    episode.communications.clear();
    episode.outcomes.clear();
    episode.detected_issues.clear();
    episode.treatment_plan = None;
    episode.phase_history.truncate(2);
    episode
}

/// A message; nothing but itself follows from it.
pub fn message(played: &Played, text: &str) -> Value {
    json!({
        "at": "2026-07-20T10:00:00Z", "from": played.names["prac-ther-01"], "to": [played.names["prac-pres-01"]],
        "topic": text,
    })
}

fn path(played: &Played) -> String {
    format!("/kap/v1/episodes/{}/communications", played.episode)
}

async fn messages(caller: &Caller, played: &Played) -> Vec<Value> {
    let heard = Ask::get(format!("/kap/v1/episodes/{}", played.episode))
        .send(caller)
        .await;
    heard.json()["communications"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

fn same(first: &Heard, again: &Heard) {
    assert_eq!(again.status, first.status, "{}", again.text);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.json(), first.json());
    for name in ["etag", "location"] {
        assert_eq!(again.header(name), first.header(name));
    }
}

async fn twice_is_once(db: Db) {
    let episode = beginning();
    let (app, played) = TestApp::played(db, &episode).await;
    let caller = app.as_party(Party::Practice);
    let ask =
        Ask::json(path(&played), &message(&played, "once")).with("Idempotency-Key", "\"m-1\"");
    let first = ask.send(caller).await;
    assert_eq!(first.status, 201, "{}", first.text);
    assert_eq!(first.header("idempotency-replayed"), "");
    same(&first, &ask.send(caller).await);
    // The quotes are the header's, not the key's.
    same(
        &first,
        &ask.clone()
            .with("Idempotency-Key", "m-1")
            .send(caller)
            .await,
    );
    // A precondition that held then does not stand in the way of the answer now.
    same(
        &first,
        &ask.clone().with("If-Match", "W/\"1\"").send(caller).await,
    );
    assert_eq!(messages(caller, &played).await.len(), 1);
    // Keys are each client's own.
    let partner = app.as_party(Party::Partner);
    let mut theirs = message(&played, "theirs");
    theirs["from"] = json!(played.names["prac-pres-01"]);
    theirs["to"] = json!([played.names["prac-ther-01"]]);
    let heard = Ask::json(path(&played), &theirs)
        .with("Idempotency-Key", "m-1")
        .send(partner)
        .await;
    assert_eq!(
        (heard.status, heard.header("idempotency-replayed")),
        (201, ""),
        "{}",
        heard.text
    );
    assert_eq!(messages(caller, &played).await.len(), 2);
    // A refusal is not kept: what is mended may be sent with the same key.
    let mut wrong = message(&played, "mended");
    wrong["from"] = json!("nobody");
    let ask = Ask::json(path(&played), &wrong).with("Idempotency-Key", "m-2");
    assert_eq!(ask.send(caller).await.status, 422);
    let mended =
        Ask::json(path(&played), &message(&played, "mended")).with("Idempotency-Key", "m-2");
    assert_eq!(mended.send(caller).await.status, 201);
    app.stop().await;
}

async fn twenty_at_once_are_one(db: Db) {
    let episode = beginning();
    let (app, played) = TestApp::played(db, &episode).await;
    let caller = app.as_party(Party::Practice);
    let ask = Ask::json(path(&played), &message(&played, "once"));
    let all = join_all((0..20).map(|_| ask.send(caller))).await;
    one(&all);
    let made = messages(caller, &played).await;
    assert_eq!(made.len(), 1);
    assert_eq!(made[0]["id"], all[0].json()["id"]);
    app.stop().await;
}

/// All answers say the same, and one of them is the first.
pub fn one(all: &[Heard]) {
    for heard in all {
        assert_eq!(heard.status, 201, "{}", heard.text);
        assert_eq!(heard.json(), all[0].json());
    }
    let first = all
        .iter()
        .filter(|h| h.header("idempotency-replayed").is_empty());
    assert_eq!(first.count(), 1);
}

async fn openings(db: Db) {
    let episode = beginning();
    let app = TestApp::start(db, &episode).await;
    let caller = app.as_party(Party::Practice);
    let body = &kap_fhir::demo::script::script(&episode)[0].body;
    let ask = Ask::json("/kap/v1/episodes", body);
    let all = join_all((0..20).map(|_| ask.send(caller))).await;
    one(&all);
    let list = Ask::get("/kap/v1/episodes").send(caller).await.json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
    app.stop().await;
}

/// Openings have the practice's people in common; whoever comes second finds them there.
async fn openings_of_many_at_once(db: Db) {
    let episode = beginning();
    let app = TestApp::start(db, &episode).await;
    let caller = app.as_party(Party::Practice);
    let body = &kap_fhir::demo::script::script(&episode)[0].body;
    let open = |n: usize| {
        let mut body = body.clone();
        // Two of them are of one patient.
        body["patient"]["identifiers"][0]["value"] = json!(format!("MRN-{}", n.max(1)));
        let ask = Ask::json("/kap/v1/episodes", &body).with("Idempotency-Key", &format!("o-{n}"));
        async move { ask.send(caller).await }
    };
    let all = join_all((0..12).map(open)).await;
    for heard in &all {
        assert_eq!(heard.status, 201, "{}", heard.text);
    }
    let list = Ask::get("/kap/v1/episodes").send(caller).await.json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(12));
    let twins: Vec<bool> = all[..2].iter().map(is_flagged).collect();
    assert!(
        twins[0] != twins[1],
        "the second course is flagged: {twins:?}"
    );
    assert!(!all[2..].iter().any(is_flagged));
    app.stop().await;
}

/// Whether an opening says that the patient has another one.
fn is_flagged(opened: &Heard) -> bool {
    let flags = opened.json();
    flags["flags"].as_array().is_some_and(|all| !all.is_empty())
}

async fn across_a_restart(db: Db) {
    let episode = beginning();
    let (app, played) = TestApp::played(db, &episode).await;
    let caller = app.as_party(Party::Practice);
    let ask = Ask::json(path(&played), &message(&played, "once"));
    let first = ask.send(caller).await;
    assert_eq!(first.status, 201, "{}", first.text);
    // A second program on the same database knows nothing but what is stored.
    let listener = server::bind("127.0.0.1:0".parse().expect("address"))
        .await
        .expect("bind");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    let second = sealed(assemble(
        app.app.store.clone(),
        app.app.clock.clone(),
        "default",
        &app.base,
        None,
    ));
    let running = server::start(second, listener, 64).expect("server");
    let there = Caller {
        base,
        ..caller.clone()
    };
    same(&first, &ask.send(&there).await);
    assert_eq!(messages(&there, &played).await.len(), 1);
    running.stop().await;
    app.stop().await;
}
