//! Receivers that fail, refuse, are busy or go away: nothing is lost, doubled or out of order, and nobody else waits.

use kap_fhir::demo::script::Party;
use serde_json::Value;
use time::Duration;

use super::{again, attempts, becomes, everything, subscribed, to, without_gap};
use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::FIRST;
use crate::hook::{Hook, Reply};

both!(
    a_failed_call_is_made_again_with_the_same_words,
    who_says_gone_is_told_no_more,
    after_three_days_it_is_an_error_and_nothing_is_lost,
    a_receiver_that_does_not_shake_hands_is_in_error,
    no_redirect_is_followed
);

async fn a_failed_call_is_made_again_with_the_same_words(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let (bad, good) = (Hook::open().await, Hook::open().await);
    let own = subscribed(practice, &to("kap-dosing-session", &bad.url()), &bad).await;
    subscribed(practice, &to("kap-dosing-session", &good.url()), &good).await;
    bad.answer_next([
        Reply::status(500),
        Reply {
            status: 429,
            headers: vec![("retry-after", "600".into())],
        },
    ]);
    app.play(&episode).await;
    // The other one does not wait for it.
    let all = everything(&app, &good).await;
    attempts(&app, &own, 2).await;
    assert_eq!(bad.calls().len(), 2, "it is not called before its time");
    app.app.clock.advance(Duration::seconds(2));
    attempts(&app, &own, 3).await;
    let calls = bad.calls();
    assert_eq!((calls[1].status, calls[2].status), (500, 429));
    app.app.clock.advance(Duration::seconds(599));
    assert_eq!(bad.calls().len(), 3, "the receiver said ten minutes");
    app.app.clock.advance(Duration::seconds(2));
    let told = bad
        .wait_for_event(i64::try_from(all.len()).expect("few"))
        .await;
    without_gap(&told);
    assert_eq!(told, all);
    // What failed was told again in the same words, as far as it was the same events.
    let calls = bad.calls();
    let same = calls
        .iter()
        .filter(|c| c.header("webhook-id") == calls[2].header("webhook-id"));
    let words: Vec<&str> = same.map(|call| call.text.as_str()).collect();
    assert!(words.len() > 1 && words.iter().all(|text| *text == words[0]));
    app.stop().await;
}

async fn who_says_gone_is_told_no_more(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let hook = Hook::open().await;
    let made = subscribed(practice, &to("kap-dosing-session", &hook.url()), &hook).await;
    hook.answer_all(Some(Reply::status(410)));
    app.play(&episode).await;
    let off = becomes(practice, &made, "off").await;
    assert!(off["error"].as_str().expect("why").contains("410"), "{off}");
    assert_eq!(hook.calls().len(), 2);
    app.stop().await;
}

async fn after_three_days_it_is_an_error_and_nothing_is_lost(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let hook = Hook::open().await;
    let made = subscribed(practice, &to("kap-dosing-session", &hook.url()), &hook).await;
    hook.answer_all(Some(Reply::status(503)));
    app.play(&episode).await;
    attempts(&app, &made, 2).await;
    app.app.clock.advance(Duration::hours(73));
    attempts(&app, &made, 3).await;
    let callers = kap_fhir::demo::log_in(&app.base, &app.logins, &app.app.clock).await;
    becomes(&callers.expect("tokens")[&Party::Practice], &made, "error").await;
    let calls = hook.calls().len();
    // Nothing begins again by itself.
    hook.answer_all(None);
    app.app.clock.advance(Duration::hours(24));
    let callers = kap_fhir::demo::log_in(&app.base, &app.logins, &app.app.clock).await;
    let practice = &callers.expect("tokens")[&Party::Practice];
    assert_eq!(hook.calls().len(), calls);
    again(practice, &made).await;
    let told = hook.wait_for_event(6).await;
    without_gap(&told);
    let shaken = &hook.calls()[calls];
    assert_eq!(shaken.kind(), "handshake");
    becomes(practice, &made, "active").await;
    app.stop().await;
}

async fn a_receiver_that_does_not_shake_hands_is_in_error(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let hook = Hook::open().await;
    hook.answer_all(Some(Reply::status(403)));
    let body = to("kap-dosing-session", &hook.url());
    let made: Value = crate::fhir_door::post(practice, "/fhir/Subscription", &body)
        .await
        .expect(201);
    for calls in 1..=3 {
        attempts(&app, &made, calls).await;
        app.app.clock.advance(Duration::seconds(20));
    }
    becomes(practice, &made, "error").await;
    assert_eq!(hook.calls().len(), 3);
    app.stop().await;
}

async fn no_redirect_is_followed(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let (hook, elsewhere) = (Hook::open().await, Hook::open().await);
    for status in [301, 302, 303, 307, 308] {
        hook.answer_next([Reply {
            status,
            headers: vec![("location", elsewhere.url())],
        }]);
    }
    let body = to("kap-dosing-session", &hook.url());
    let made: Value = crate::fhir_door::post(practice, "/fhir/Subscription", &body)
        .await
        .expect(201);
    for calls in 1..=3 {
        attempts(&app, &made, calls).await;
        app.app.clock.advance(Duration::seconds(20));
    }
    becomes(practice, &made, "error").await;
    assert!(elsewhere.calls().is_empty());
    app.stop().await;
}
