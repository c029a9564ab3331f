//! What a subscription does while nothing happens, what an operator does with it, and what a receiver that says nothing does
//! to the others.

use std::time::Duration as Span;

use kap_fhir::demo::script::Party;
use kap_fhir::interaction::subscription::operate;
use kap_fhir::kap::Id;
use serde_json::json;
use time::Duration;

use super::{BACKPORT, attempts, becomes, everything, subscribed, to, without_gap};
use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{FIRST, put, text};
use crate::hook::Hook;
use crate::proxy::{Behaviour, Proxy};

both!(
    it_beats_while_nothing_happens,
    an_operator_has_events_told_once_more,
    a_topic_is_kept,
    who_says_nothing_holds_nobody_up
);

async fn it_beats_while_nothing_happens(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let hook = Hook::open().await;
    let mut body = to("kap-dosing-session", &hook.url());
    body["channel"]["extension"] =
        json!([{ "url": format!("{BACKPORT}heartbeat-period"), "valueUnsignedInt": 60 }]);
    let made = subscribed(practice, &body, &hook).await;
    for beats in 1..=2 {
        app.app.clock.advance(Duration::seconds(61));
        let calls = hook.wait(beats + 1).await;
        assert_eq!(calls[beats].kind(), "heartbeat");
        assert!(calls[beats].events().is_empty());
        attempts(&app, &made, beats + 1).await;
    }
    let numbered = app.place().cell("SELECT numbered FROM subscription").await;
    assert_eq!(numbered, "0", "a beat has no number");
    app.stop().await;
}

async fn an_operator_has_events_told_once_more(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let hook = Hook::open().await;
    let made = subscribed(practice, &to("kap-dosing-session", &hook.url()), &hook).await;
    app.play(&episode).await;
    let told = everything(&app, &hook).await;
    without_gap(&told);
    let last = i64::try_from(told.len()).expect("few");
    let id = Id::new(text(&made["id"])).expect("an id");
    for wrong in [0, last + 2] {
        let refused = operate::replay(&app.app, &id, wrong).await;
        assert!(refused.is_err(), "{wrong}");
    }
    let before = hook.calls().len();
    operate::replay(&app.app, &id, 3).await.expect("replayed");
    for _ in 0..3000 {
        if hook.arrived().len() >= 2 * told.len() - 2 {
            break;
        }
        tokio::time::sleep(Span::from_millis(10)).await;
    }
    assert_eq!(hook.calls()[before].kind(), "handshake");
    assert_eq!(hook.arrived()[told.len()..], told[2..], "the same numbers");
    becomes(practice, &made, "active").await;
    app.stop().await;
}

async fn a_topic_is_kept(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let hook = Hook::open().await;
    let made = subscribed(practice, &to("kap-prescription", &hook.url()), &hook).await;
    let mut now = made.clone();
    now["criteria"] = to("kap-safety-alert", "")["criteria"].clone();
    let refused = put(practice, &now).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(refused.expression(), "Subscription.criteria");
    app.stop().await;
}

async fn who_says_nothing_holds_nobody_up(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let (far, near) = (Hook::open().await, Hook::open().await);
    let proxy = Proxy::start(far.address()).await;
    let through = format!("{}/hook", proxy.url());
    let mut body = to("kap-dosing-session", &through);
    body["channel"]["extension"] =
        json!([{ "url": format!("{BACKPORT}timeout"), "valueUnsignedInt": 1 }]);
    let made = subscribed(practice, &body, &far).await;
    subscribed(practice, &to("kap-dosing-session", &near.url()), &near).await;
    proxy.set(Behaviour::Refuse).await;
    proxy.set(Behaviour::BlackHole).await;
    app.play(&episode).await;
    let all = everything(&app, &near).await;
    attempts(&app, &made, 2).await;
    assert!(far.arrived().is_empty());
    // An answer that ends half-way was an answer all the same.
    proxy.set(Behaviour::Refuse).await;
    proxy.set(Behaviour::CutBody(0)).await;
    for _ in 0..3000 {
        if far.arrived().len() >= all.len() {
            break;
        }
        app.app.clock.advance(Duration::milliseconds(500));
        tokio::time::sleep(Span::from_millis(10)).await;
    }
    let mut once = far.arrived();
    once.dedup();
    assert_eq!(once, all);
    app.stop().await;
}
