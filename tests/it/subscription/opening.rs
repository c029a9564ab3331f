//! What is seen, or seen no more, because a day came: nobody wrote anything then.

use kap_fhir::access::Role;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use kap_fhir::interaction::subscription::{calendar, operate};
use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use super::{subscribed, to, without_gap};
use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::client::client;
use crate::fhir_door::{FIRST, text};
use crate::hook::Hook;

both!(what_a_consent_opens_when_it_begins_is_told_once);

/// A consent of those days that names the practice itself, for those who work for it and need the patient's word.
fn consent((practice, patient): (&str, &str), from: &str, until: &str) -> Value {
    json!({ "kind": "privacy-disclosure", "status": "active", "signedAt": "2026-11-22T11:00:00Z",
        "signers": [{ "type": "patient", "id": patient }], "root": "deny", "period": { "start": from, "end": until },
        "policyUri": "https://kap-interop.example.org/policy/practice-privacy/2026-01",
        "exceptions": [{ "type": "permit", "recipients": [practice], "purposes": ["TREAT"], "securityLabels": ["N", "PSY"] }] })
}

async fn given(practice: &Caller, path: &str, body: &Value, key: &str) -> String {
    let path = format!("{path}/consents");
    let done = practice.send(Method::POST, &path, Some((body, key))).await;
    let done = done.expect("answer");
    assert_eq!(done.status, 201, "{}", done.body);
    format!("Consent/{}", text(&done.body["id"]))
}

async fn at(app: &TestApp, time: OffsetDateTime) {
    app.app.clock.advance(time - app.app.clock.now());
    calendar::pass(&app.app).await.expect("the calendar");
}

/// The practice, logged in at this time.
async fn practice(app: &TestApp) -> Caller {
    let callers = kap_fhir::demo::log_in(&app.base, &app.logins, &app.app.clock).await;
    callers.expect("tokens")[&Party::Practice].clone()
}

async fn what_a_consent_opens_when_it_begins_is_told_once(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, played) = TestApp::played(db, &episode).await;
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let own = app.logins.iter().find(|l| l.party == Party::Practice);
    let own = own.expect("the practice").organization.clone();
    let scope = "system/*.rs system/Subscription.cruds";
    let integrator = client(&app, "integrator", own.as_str(), Role::Integrator, scope).await;
    let (opened, consents) = (Hook::open().await, Hook::open().await);
    let sessions = to("kap-dosing-session", &opened.url());
    subscribed(&integrator, &sessions, &opened).await;
    let changes = to("kap-consent-changed", &consents.url());
    subscribed(app.as_party(Party::Practice), &changes, &consents).await;
    let whom = (own.as_str(), played.names["pat-0001"].as_str());
    let one = consent(whom, "2026-11-25", "2026-12-05");
    let one = given(&practice(&app).await, &path, &one, "one").await;
    let told = consents.wait_for_event(1).await;
    assert_eq!(told, [(1, one.clone())]);
    // It begins with the day of the practice, which is in Los Angeles.
    at(&app, datetime!(2026-11-25 07:30 UTC)).await;
    // What comes by the clock comes by the outbox, as this does: nothing was there before.
    assert_eq!(app.place().cell("SELECT COUNT(*) FROM outbox").await, "0");
    assert!(opened.arrived().is_empty(), "it has not begun");

    at(&app, datetime!(2026-11-25 08:30 UTC)).await;
    let told = opened.wait_for_event(3).await;
    without_gap(&told);
    assert!(
        told.iter()
            .all(|(_, focus)| focus.starts_with("Encounter/"))
    );
    let call = opened.calls().last().expect("a call").clone();
    assert!(call.text.contains("Encounter/"), "{}", call.text);

    at(&app, datetime!(2026-12-06 12:30 UTC)).await;
    let told = consents.wait_for_event(2).await;
    assert_eq!(told[1], (2, one), "it has expired");

    // Long after, when the events are kept no more, another one opens the same: that is no news.
    at(&app, datetime!(2027-01-20 20:00 UTC)).await;
    operate::forget_old(&app.app).await.expect("forgotten");
    let kept = "SELECT COUNT(*) FROM subscription_event WHERE type = 'Encounter'";
    assert_eq!(app.place().cell(kept).await, "0");
    let two = consent(whom, "2027-01-01", "2027-12-05");
    given(&practice(&app).await, &path, &two, "two").await;
    at(&app, datetime!(2027-01-21 20:00 UTC)).await;
    let planned = json!({ "type": "dosing", "start": "2027-01-25T10:00:00-08:00", "setting": "remote-home",
        "encounterClass": "VR", "leadId": played.names["prac-ther-01"],
        "dosing": { "doseLevel": "moderate", "plannedDoseMg": 200 } });
    let done = practice(&app).await;
    let done = done
        .send(
            Method::POST,
            &format!("{path}/sessions"),
            Some((&planned, "planned")),
        )
        .await
        .expect("answer");
    assert_eq!(done.status, 201, "{}", done.body);
    let told = opened.wait_for_event(4).await;
    assert_eq!(told[3].1, format!("Encounter/{}", text(&done.body["id"])));
    app.stop().await;
}
