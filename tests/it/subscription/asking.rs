//! What can be asked for, by whom, and what is told of it.

use kap_fhir::access::Role;
use kap_fhir::demo::script::Party;
use reqwest::Method;
use serde_json::{Value, json};

use super::{BACKPORT, everything, subscribed, to};
use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::client::client;
use crate::fhir_door::{FIRST, call, get, post, put, text};
use crate::hook::Hook;

both!(
    what_is_not_done_is_refused_at_its_place,
    headers_are_sent_and_never_shown,
    a_subscription_is_its_clients,
    many_events_are_asked_for_page_by_page,
    a_subscription_stands_alone
);

async fn what_is_not_done_is_refused_at_its_place(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let hook = Hook::open().await;
    let cases: &[(&str, Value, &str)] = &[
        (
            "/criteria",
            json!("Observation?code=x"),
            "Subscription.criteria",
        ),
        (
            "/criteria",
            json!("https://other.example/SubscriptionTopic/x"),
            "Subscription.criteria",
        ),
        ("/channel/type", json!("email"), "Subscription.channel.type"),
        (
            "/channel/payload",
            json!("application/xml"),
            "Subscription.channel.payload",
        ),
        (
            "/channel/endpoint",
            json!("https://ehr.example.org/hook"),
            "Subscription.channel.endpoint",
        ),
        (
            "/channel/endpoint",
            json!("https://10.0.0.1/hook"),
            "Subscription.channel.endpoint",
        ),
        (
            "/channel/endpoint",
            json!("http://ehr.example.org/hook"),
            "Subscription.channel.endpoint",
        ),
        (
            "/channel/endpoint",
            json!("https://169.254.169.254/latest"),
            "Subscription.channel.endpoint",
        ),
        (
            "/channel/endpoint",
            json!("file:///etc/passwd"),
            "Subscription.channel.endpoint",
        ),
        ("/end", json!("2020-01-01T00:00:00Z"), "Subscription.end"),
        (
            "/channel/header",
            json!(["Host: elsewhere"]),
            "Subscription.channel.header[0]",
        ),
        (
            "/channel/header",
            json!(["X: ***"]),
            "Subscription.channel.header[0]",
        ),
        (
            "/_criteria",
            json!({ "extension": [{ "url": format!("{BACKPORT}filter-criteria"), "valueString": "MedicationRequest?patient:missing=true" }] }),
            "Subscription.criteria.extension[0].value",
        ),
        (
            "/_criteria",
            json!({ "extension": [{ "url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.filterBy", "valueString": "x" }] }),
            "Subscription.criteria.extension[0].url",
        ),
        (
            "/channel/extension",
            json!([{ "url": format!("{BACKPORT}heartbeat-period"), "valueUnsignedInt": 5 }]),
            "Subscription.channel.extension[0].value",
        ),
    ];
    for (place, bad, at) in cases {
        let mut body = to("kap-prescription", &hook.url());
        let (parent, name) = place.rsplit_once('/').expect("a place");
        body.pointer_mut(parent).expect("a parent")[name] = bad.clone();
        let refused = post(practice, "/fhir/Subscription", &body).await;
        assert_eq!(refused.status, 422, "{place} {bad}: {}", refused.text);
        assert_eq!(refused.expression(), *at, "{}", refused.text);
    }
    // An alert holds no record, whatever was agreed on.
    let mut alert = to("kap-safety-alert", &hook.url());
    alert["channel"]["_payload"]["extension"][0]["valueCode"] = json!("full-resource");
    let refused = post(practice, "/fhir/Subscription", &alert).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(refused.expression(), "Subscription.channel.payload");
    let none = get(practice, "/fhir/Subscription").await.expect(200);
    assert!(none.get("entry").is_none(), "{none}");
    assert!(hook.calls().is_empty());
    app.stop().await;
}

async fn headers_are_sent_and_never_shown(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let hook = Hook::open().await;
    let secret = "Bearer a-word-that-nobody-else-knows";
    let mut body = to("kap-prescription", &hook.url());
    body["channel"]["header"] = json!([format!("Authorization: {secret}"), "X-Practice: 7"]);
    let made = subscribed(practice, &body, &hook).await;
    assert_eq!(hook.calls()[0].header("authorization"), secret);
    assert_eq!(hook.calls()[0].header("x-practice"), "7");
    assert_eq!(
        made["channel"]["header"],
        json!(["Authorization: ***", "X-Practice: ***"])
    );
    // What is not said anew stays.
    let mut now = made.clone();
    now["reason"] = json!("another reason");
    now["channel"]["header"] = json!(["Authorization: ***", "X-Practice: 8"]);
    put(practice, &now).await.expect(200);
    let calls = hook.wait(2).await;
    assert_eq!(calls[1].header("authorization"), secret);
    assert_eq!(calls[1].header("x-practice"), "8");
    let path = format!("/fhir/Subscription/{}/_history", text(&made["id"]));
    let history = get(practice, &path).await;
    assert!(!history.text.contains("nobody-else"), "{}", history.text);
    let dump = app
        .place()
        .cell("SELECT COUNT(*) FROM subscription WHERE secret LIKE '%nobody-else%'")
        .await;
    assert_eq!(dump, "0", "it is sealed");
    app.stop().await;
}

async fn many_events_are_asked_for_page_by_page(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let hook = Hook::open().await;
    let made = subscribed(practice, &to("kap-dosing-session", &hook.url()), &hook).await;
    app.play(&episode).await;
    let few = everything(&app, &hook).await.len();
    let more = "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 2100) \
        INSERT INTO subscription_event SELECT e.tenant, e.subscription, m.n, e.type, e.id, e.version, e.kind, e.at, \
        e.numbered_at, 1 FROM subscription_event e, number m WHERE e.n = 1 AND m.n > FEW; \
        UPDATE subscription SET numbered = 2100, acked = 2100";
    let more = more.replace("FEW", &few.to_string());
    app.place().run(&more).await.expect("events");
    let mut next = Some(format!(
        "/fhir/Subscription/{}/$events?content=empty",
        text(&made["id"])
    ));
    let mut pages = vec![];
    while let Some(path) = next.take() {
        let page = get(practice, &path).await.expect(200);
        let status = page["entry"][0]["resource"]["parameter"].as_array();
        let told = status.into_iter().flatten();
        pages.push(told.filter(|p| p["name"] == "notification-event").count());
        let link = page["link"][0]["url"].as_str();
        next = link.map(|url| url.replacen(&app.base, "", 1));
    }
    assert_eq!(pages, [1000, 1000, 100]);
    app.stop().await;
}

async fn a_subscription_is_its_clients(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let hook = Hook::open().await;
    let made = subscribed(practice, &to("kap-prescription", &hook.url()), &hook).await;
    let path = format!("/fhir/Subscription/{}", text(&made["id"]));
    // Another organization does not see it.
    let partner = app.as_party(Party::Partner);
    assert_eq!(get(partner, &path).await.status, 404);
    assert_eq!(get(partner, &format!("{path}/$status")).await.status, 404);
    assert_eq!(get(partner, &format!("{path}/$events")).await.status, 404);
    // Another client of the organization sees it and leaves it alone.
    let own = episode.organizations.practice.id.as_str();
    let other = client(
        &app,
        "other",
        own,
        Role::PracticeTherapist,
        "system/*.cruds",
    )
    .await;
    assert_eq!(get(&other, &path).await.status, 200);
    assert_eq!(get(&other, &format!("{path}/$status")).await.status, 403);
    assert_eq!(get(&other, &format!("{path}/$events")).await.status, 403);
    assert_eq!(put(&other, &made).await.status, 403);
    let delete = |caller| call(caller, Method::DELETE, &path, &[], None);
    assert_eq!(delete(&other).await.status, 403);
    assert_eq!(delete(practice).await.status, 204);
    assert_eq!(get(practice, &path).await.status, 410);
    // An integrator, who owns no record, sees its own.
    let scope = "system/Subscription.cruds system/MedicationRequest.rs";
    let integrator = client(&app, "maker", own, Role::Integrator, scope).await;
    let made = subscribed(&integrator, &to("kap-prescription", &hook.url()), &hook).await;
    let found = get(&integrator, "/fhir/Subscription?status=active")
        .await
        .expect(200);
    assert_eq!(found["entry"][0]["resource"]["id"], made["id"]);
    app.stop().await;
}

async fn a_subscription_stands_alone(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let hook = Hook::open().await;
    let entry = |n: u8| {
        json!({ "fullUrl": format!("urn:uuid:00000000-0000-4000-8000-00000000000{n}"),
        "resource": to("kap-prescription", &hook.url()), "request": { "method": "POST", "url": "Subscription" } })
    };
    let bundle =
        json!({ "resourceType": "Bundle", "type": "transaction", "entry": [entry(1), entry(2)] });
    let refused = post(practice, "/fhir", &bundle).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    let mut batch = bundle;
    batch["type"] = json!("batch");
    let done = post(practice, "/fhir", &batch).await.expect(200);
    let statuses: Vec<&str> = (0..2)
        .map(|n| text(&done["entry"][n]["response"]["status"]))
        .collect();
    assert!(statuses.iter().all(|s| s.starts_with("201")), "{done}");
    hook.wait(2).await;
    app.stop().await;
}
