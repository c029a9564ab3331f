//! Subscriptions: every change that matches gets one number, arrives at least once and in order, under what its subscriber
//! may see at that moment.

use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use serde_json::{Value, json};

use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{FIRST, get, post, put, text};
use crate::hook::{Call, Hook};

mod alarms;
mod asking;
pub mod crash;
mod failing;
mod heard;
mod network;
mod opening;
mod receivers;
mod sharing;
mod standing;
mod webhooks;

both!(a_course_is_told_in_order_and_signed);

pub const BACKPORT: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-";

/// A subscription to a topic.
pub fn to(topic: &str, endpoint: &str) -> Value {
    json!({
        "resourceType": "Subscription", "status": "requested", "reason": "sync",
        "criteria": format!("https://kap-interop.example.org/fhir/SubscriptionTopic/{topic}"),
        "channel": { "type": "rest-hook", "endpoint": endpoint, "payload": "application/fhir+json",
            "_payload": { "extension": [{ "url": format!("{BACKPORT}payload-content"), "valueCode": "id-only" }] } },
    })
}

/// Makes it, and waits for its handshake.
pub async fn subscribed(caller: &Caller, body: &Value, hook: &Hook) -> Value {
    let before = hook.calls().len();
    let made = post(caller, "/fhir/Subscription", body).await.expect(201);
    assert_eq!(made["status"], "requested");
    let calls = hook.wait(before + 1).await;
    assert_eq!(calls[before].kind(), "handshake");
    becomes(caller, &made, "active").await
}

/// The subscription, once it is in this state.
pub async fn becomes(caller: &Caller, subscription: &Value, state: &str) -> Value {
    let path = format!("/fhir/Subscription/{}", text(&subscription["id"]));
    for _ in 0..3000 {
        let now = get(caller, &path).await.expect(200);
        if now["status"] == state {
            return now;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{path} does not become {state}");
}

/// What came, once every event has its number and has come here.
pub async fn everything(app: &TestApp, hook: &Hook) -> Vec<(i64, String)> {
    let place = app.place();
    for _ in 0..3000 {
        if place.cell("SELECT COUNT(*) FROM outbox").await == "0" {
            let last = place.cell("SELECT MAX(numbered) FROM subscription").await;
            return hook.wait_for_event(last.parse().expect("a number")).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("events are not numbered");
}

/// Whether numbers count up from one without a gap.
#[track_caller]
pub fn without_gap(events: &[(i64, String)]) {
    for (i, (n, _)) in events.iter().enumerate() {
        assert_eq!(*n, i64::try_from(i).expect("few") + 1, "{events:?}");
    }
}

async fn a_course_is_told_in_order_and_signed(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let (sessions, clearances) = (Hook::open().await, Hook::open().await);
    let one = to("kap-dosing-session", &sessions.url());
    let one = subscribed(practice, &one, &sessions).await;
    let two = to("kap-clearance-decision", &clearances.url());
    subscribed(practice, &two, &clearances).await;
    app.play(&episode).await;
    let told = clearances.wait_for_event(1).await;
    without_gap(&told);
    assert!(told[0].1.starts_with("ClinicalImpression/"), "{told:?}");
    // Three dosing sessions: planned, begun, ended.
    let told = everything(&app, &sessions).await;
    without_gap(&told);
    assert!(
        told.iter()
            .all(|(_, focus)| focus.starts_with("Encounter/"))
    );
    let keys = get(practice, "/.well-known/kap-webhook-jwks.json")
        .await
        .expect(200);
    for call in sessions.calls() {
        assert!(call.is_signed_by(&keys), "{call:?}");
        assert_eq!(call.header("content-type"), "application/fhir+json");
        assert!(
            !call.text.contains("Okafor"),
            "no word of a patient: {}",
            call.text
        );
    }
    let ids: Vec<String> = sessions
        .calls()
        .iter()
        .map(|c| c.header("webhook-id").to_owned())
        .collect();
    let mut once = ids.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "{ids:?}");
    stands(practice, &one, told.len()).await;
    app.stop().await;
}

/// What `$status` and `$events` say of a subscription whose events all arrived.
async fn stands(caller: &Caller, subscription: &Value, events: usize) {
    let path = format!("/fhir/Subscription/{}", text(&subscription["id"]));
    let set = get(caller, &format!("{path}/$status")).await.expect(200);
    let all = &set["entry"][0]["resource"]["parameter"];
    let of = |name: &str| -> Value {
        let all = all.as_array().expect("parameters");
        all.iter()
            .find(|p| p["name"] == name)
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(of("type")["valueCode"], "query-status");
    assert_eq!(of("status")["valueCode"], "active");
    assert_eq!(
        of("events-since-subscription-start")["valueString"],
        events.to_string()
    );
    let query = format!("{path}/$events?eventsSinceNumber=2&eventsUntilNumber=3");
    let found = get(caller, &query).await.expect(200);
    assert_eq!(found["type"], "history");
    let call = Call {
        headers: axum::http::HeaderMap::new(),
        text: found.to_string(),
        status: 200,
    };
    let numbers: Vec<i64> = call.events().iter().map(|(n, _)| *n).collect();
    assert_eq!((call.kind().as_str(), numbers), ("query-event", vec![2, 3]));
}

/// Waits until so many attempts are noted: the clock is not moved before, or it would be moved under them.
pub async fn attempts(app: &TestApp, of: &Value, count: usize) {
    let id = text(&of["id"]);
    let sql = format!("SELECT COUNT(*) FROM subscription_attempt WHERE subscription = '{id}'");
    for _ in 0..3000 {
        if app.place().cell(&sql).await == count.to_string() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("there are no {count} attempts");
}

/// The subscription asked for once more.
pub async fn again(caller: &Caller, subscription: &Value) -> Value {
    let path = format!("/fhir/Subscription/{}", text(&subscription["id"]));
    let mut now = get(caller, &path).await.expect(200);
    now["status"] = json!("requested");
    put(caller, &now).await.expect(200)
}
