//! Webhooks of the JSON API: the same subscriptions for those who know no FHIR.

use kap_fhir::demo::script::Party;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{FIRST, call, get, post, text};
use crate::hook::Hook;

both!(
    a_webhook_tells_plain_events,
    what_is_wrong_is_said_of_the_body
);

async fn a_webhook_tells_plain_events(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let hook = Hook::open().await;
    let ask = json!({ "topic": "kap-dosing-session", "url": hook.url(), "filters": ["Encounter?status=in-progress"] });
    let made = json_post(practice, "/kap/v1/webhooks", &ask).await;
    assert_eq!(made.0, 201, "{}", made.1);
    let path = format!("/kap/v1/webhooks/{}", text(&made.1["id"]));
    let again = json_post(practice, "/kap/v1/webhooks", &ask).await;
    assert_eq!((again.0, &again.1["id"]), (200, &made.1["id"]));
    let shaken = hook.wait(1).await[0].json();
    assert_eq!(shaken["type"], "handshake");
    app.play(&episode).await;
    // Three sessions begin.
    let calls = hook.wait(4).await;
    for (n, call) in calls[1..].iter().enumerate() {
        let event = call.json();
        assert_eq!(event["type"], "kap-dosing-session");
        assert_eq!(event["data"]["number"], n + 1);
        let url = text(&event["data"]["url"])
            .strip_prefix(&app.base)
            .expect("own")
            .to_owned();
        assert_eq!(
            get(practice, &url).await.expect(200)["resourceType"],
            "Encounter"
        );
        assert_eq!(call.header("content-type"), "application/json");
    }
    // The keys stand where a library for Standard Webhooks takes them.
    let keys = get(practice, "/kap/v1/webhooks/keys").await.expect(200);
    assert!(
        text(&keys["items"][0]["publicKey"]).starts_with("whpk_"),
        "{keys}"
    );
    let published = get(practice, "/.well-known/kap-webhook-jwks.json")
        .await
        .expect(200);
    assert!(calls[3].is_signed_by(&published));
    let rotated = json_post(practice, "/kap/v1/webhooks/keys/rotate", &json!({})).await;
    assert_eq!(
        rotated.1["items"].as_array().map(Vec::len),
        Some(2),
        "{}",
        rotated.1
    );

    let third = json_post(practice, "/kap/v1/webhooks/keys/rotate", &json!({})).await;
    assert_eq!(third.0, 409, "two sign already: {}", third.1);
    let last = format!("{path}/events?after={}", i64::MAX);
    assert_eq!(get(practice, &last).await.expect(200)["items"], json!([]));
    let events = get(practice, &format!("{path}/events?after=1&limit=1"))
        .await
        .expect(200);
    assert_eq!(events["items"][0]["data"]["number"], 2);
    assert_eq!(events["next"], 2);
    assert_eq!(
        events["items"][0]["webhookId"],
        calls[2].header("webhook-id")
    );
    let attempts = get(practice, &format!("{path}/attempts")).await.expect(200);
    assert_eq!(
        attempts["items"].as_array().map(Vec::len),
        Some(4),
        "{attempts}"
    );
    let paused = json_post(practice, &format!("{path}/pause"), &json!({})).await;
    assert_eq!((paused.0, &paused.1["status"]), (200, &json!("off")));
    let resumed = json_post(practice, &format!("{path}/resume"), &json!({})).await;
    assert_eq!(resumed.1["status"], "requested", "{}", resumed.1);
    let calls = hook.wait(5).await;
    // While keys change, either one proves it.
    assert_eq!(calls[4].header("webhook-signature").split(' ').count(), 2);
    assert_eq!(
        call(practice, Method::DELETE, &path, &[], None)
            .await
            .status,
        204
    );
    let none = get(practice, "/kap/v1/webhooks").await.expect(200);
    assert_eq!(none["items"], json!([]));
    app.stop().await;
}

async fn json_post(
    caller: &kap_fhir::demo::player::Caller,
    path: &str,
    body: &Value,
) -> (u16, Value) {
    let request = caller.http.post(format!("{}{path}", caller.base));
    let request = request.bearer_auth(&caller.token).json(body);
    let answer = request.send().await.expect("answer");
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

async fn what_is_wrong_is_said_of_the_body(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let good = json!({ "topic": "kap-prescription", "url": "http://127.0.0.1:9/hook" });
    let cases = [
        ("topic", json!("kap-nothing"), 422, "/topic"),
        ("url", json!("https://10.0.0.1/"), 422, "/url"),
        ("url", json!("not a url"), 422, "/url"),
        ("filters", json!(["Task?owner=x"]), 422, "/filters/0"),
        ("headers", json!({ "Host": "x" }), 422, "/headers"),
        ("content", json!("full-resource"), 422, "/content"),
        ("endsAt", json!("2020-01-01T00:00:00Z"), 422, "/endsAt"),
        ("timeoutSeconds", json!(99), 422, "/timeoutSeconds"),
        ("unheard", json!(1), 400, ""),
    ];
    for (name, bad, status, at) in cases {
        let mut body = good.clone();
        body[name] = bad;
        let refused = json_post(practice, "/kap/v1/webhooks", &body).await;
        assert_eq!(refused.0, status, "{name}: {}", refused.1);
        let said = text(&refused.1["issues"][0]["pointer"]);
        assert!(at.is_empty() || said == at, "{name}: {}", refused.1);
    }
    let missing = "/kap/v1/webhooks/none";
    assert_eq!(get(practice, missing).await.status, 404);
    assert_eq!(
        post(practice, &format!("{missing}/pause"), &json!({}))
            .await
            .status,
        404
    );
    let topics = get(practice, "/kap/v1/webhooks/topics").await.expect(200);
    assert_eq!(topics["items"].as_array().map(Vec::len), Some(9));
    app.stop().await;
}
