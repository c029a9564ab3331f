//! What is told is asked for anew when it is sent: a consent that was taken back closes it, a new one opens what was there.

use kap_fhir::access::Role;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::{attempts, subscribed, to, without_gap};
use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::client::client;
use crate::fhir_door::{FIRST, get, post, text};
use crate::hook::{Hook, Reply};

both!(
    a_consent_that_was_taken_back_closes_what_waits,
    what_happens_between_two_handshakes_is_told,
    others_are_told_nothing
);

/// A document of the practice about the patient.
fn document(patient: &str, number: usize) -> Value {
    json!({ "resourceType": "DocumentReference", "status": "current",
        "identifier": [{ "system": "urn:example:entry", "value": number.to_string() }],
        "type": { "coding": [{ "system": "http://loinc.org", "code": "78472-8" }] },
        "subject": { "reference": format!("Patient/{patient}") },
        "content": [{ "attachment": { "contentType": "text/plain", "title": "a letter" } }] })
}

async fn published(practice: &Caller, patient: &str, number: usize) -> String {
    let made = post(
        practice,
        "/fhir/DocumentReference",
        &document(patient, number),
    )
    .await;
    let made = made.expect(201);
    format!("DocumentReference/{}", text(&made["id"]))
}

/// The consents of the episode that share with others.
async fn sharing(practice: &Caller, episode: &str) -> Vec<Value> {
    let shown = get(practice, &format!("/kap/v1/episodes/{episode}"))
        .await
        .expect(200);
    let all = shown["consents"].as_array().into_iter().flatten();
    all.filter(|c| c["kind"] == "privacy-disclosure")
        .cloned()
        .collect()
}

async fn a_consent_that_was_taken_back_closes_what_waits(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, played) = TestApp::played(db, &episode).await;
    let patient = crate::fhir_door::world::patient(&played).to_owned();
    let practice = app.as_party(Party::Practice);
    let own = app
        .logins
        .iter()
        .find(|l| l.party == Party::Ehr)
        .expect("the outside provider");
    let scope = "system/*.rs system/Subscription.cruds";
    let ehr = client(
        &app,
        "ehr-hook",
        own.organization.as_str(),
        Role::ExternalEhr,
        scope,
    )
    .await;
    let hook = Hook::open().await;
    let made = subscribed(&ehr, &to("kap-document-available", &hook.url()), &hook).await;
    let first = published(practice, &patient, 1).await;
    assert_eq!(
        get(&ehr, &format!("/fhir/{first}")).await.status,
        200,
        "it is shared"
    );
    assert_eq!(hook.wait_for_event(1).await, [(1, first.clone())]);

    // The second waits for a receiver that is busy, and then nobody may tell of it any more.
    hook.answer_next([Reply {
        status: 503,
        headers: vec![("retry-after", "60".into())],
    }]);
    published(practice, &patient, 2).await;
    attempts(&app, &made, 3).await;
    let given = sharing(practice, &played.episode).await;
    for (n, consent) in given.iter().enumerate() {
        let path = format!(
            "/kap/v1/episodes/{}/consents/{}/revoke",
            played.episode,
            text(&consent["id"])
        );
        let body = json!({ "by": "patient" });
        let key = format!("revoke-{n}");
        let done = practice
            .send(Method::POST, &path, Some((&body, &key)))
            .await
            .expect("answer");
        assert!(done.status < 300, "{}", done.body);
    }
    app.app.clock.advance(Duration::seconds(61));
    let told = hook.wait_for_event(2).await;
    assert_eq!(
        told[1],
        (2, String::new()),
        "its number, and no word of what it is"
    );
    attempts(&app, &made, 4).await;
    let kept = "SELECT COUNT(*) FROM audit WHERE kind = 'withhold' AND client = 'ehr-hook'";
    assert_eq!(app.place().cell(kept).await, "1");
    // A third is not even counted.
    published(practice, &patient, 3).await;
    // Given again, what can be seen and was not told as it is, is told; so the receiver misses nothing that it may have.
    let mut again = given[0].clone();
    again["status"] = json!("active");
    again["signedAt"] = json!("2026-11-22T12:01:00Z");
    for name in ["id", "revokedAt", "recordedAt", "version"] {
        if let Some(members) = again.as_object_mut() {
            members.remove(name);
        }
    }
    let path = format!("/kap/v1/episodes/{}/consents", played.episode);
    let done = practice
        .send(Method::POST, &path, Some((&again, "again")))
        .await
        .expect("answer");
    assert!(done.status < 300, "{}", done.body);
    let told = hook.wait_for_event(3).await;
    without_gap(&told);
    let found = get(&ehr, "/fhir/DocumentReference?_count=100&_elements=id")
        .await
        .expect(200);
    let entries = found["entry"].as_array().expect("documents");
    let mut seen: Vec<String> = entries
        .iter()
        .map(|e| format!("DocumentReference/{}", text(&e["resource"]["id"])))
        .filter(|one| *one != first)
        .collect();
    let last = i64::try_from(seen.len()).expect("few") + 2;
    let told = hook.wait_for_event(last).await;
    without_gap(&told);
    let mut revealed: Vec<String> = told[2..].iter().map(|(_, focus)| focus.clone()).collect();
    seen.sort();
    revealed.sort();
    // What was told by its number alone is told now as well.
    assert_eq!(revealed, seen);
    app.stop().await;
}

async fn others_are_told_nothing(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let scope = "system/*.rs system/Subscription.cruds";
    let stranger = client(&app, "stranger", "org-elsewhere", Role::ExternalEhr, scope).await;
    let (theirs, ours) = (Hook::open().await, Hook::open().await);
    for topic in [
        "kap-document-available",
        "kap-dosing-session",
        "kap-safety-alert",
    ] {
        subscribed(&stranger, &to(topic, &theirs.url()), &theirs).await;
    }
    subscribed(practice, &to("kap-dosing-session", &ours.url()), &ours).await;
    app.play(&episode).await;
    ours.wait_for_event(6).await;
    assert!(theirs.arrived().is_empty(), "{:?}", theirs.arrived());
    let counted = "SELECT COUNT(*) FROM subscription_event e JOIN subscription s ON s.id = e.subscription WHERE s.client = 'stranger'";
    assert_eq!(app.place().cell(counted).await, "0");
    app.stop().await;
}

async fn what_happens_between_two_handshakes_is_told(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, played) = TestApp::played(db, &episode).await;
    let patient = crate::fhir_door::world::patient(&played).to_owned();
    let practice = app.as_party(Party::Practice);
    let hook = Hook::open().await;
    let made = subscribed(practice, &to("kap-document-available", &hook.url()), &hook).await;
    // Another reason would change nothing; another span of beats begins anew, and its handshake fails at first.
    hook.answer_next([Reply::status(500)]);
    let mut now = made.clone();
    now["channel"]["extension"] = json!([{ "url": format!("{}heartbeat-period", super::BACKPORT), "valueUnsignedInt": 3600 }]);
    let again = crate::fhir_door::put(practice, &now).await.expect(200);
    assert_eq!(again["status"], "requested");
    attempts(&app, &made, 2).await;
    let one = published(practice, &patient, 1).await;
    let counted = "SELECT numbered FROM subscription";
    for _ in 0..3000 {
        if app.place().cell(counted).await == "1" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert!(
        hook.arrived().is_empty(),
        "nothing is told before a handshake"
    );
    app.app.clock.advance(Duration::seconds(2));
    assert_eq!(hook.wait_for_event(1).await, [(1, one)]);
    // While a notification waits for its second attempt, more happens: it is the same again all the same.
    hook.answer_next([Reply::status(500)]);
    let two = published(practice, &patient, 2).await;
    attempts(&app, &made, 5).await;
    let three = published(practice, &patient, 3).await;
    app.app.clock.advance(Duration::seconds(2));
    let told = hook.wait_for_event(3).await;
    assert_eq!(told[1..], [(2, two), (3, three)]);
    let calls = hook.calls();
    let failed = calls
        .iter()
        .rfind(|call| call.status == 500)
        .expect("the failed one");
    let same = |call: &&crate::hook::Call| call.header("webhook-id") == failed.header("webhook-id");
    let words: Vec<&str> = calls
        .iter()
        .filter(same)
        .map(|call| call.text.as_str())
        .collect();
    assert_eq!(words, [failed.text.as_str(), failed.text.as_str()]);
    app.stop().await;
}
