//! What somebody must hear at once, and what comes by the calendar.

use std::collections::HashMap;

use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use kap_fhir::interaction::subscription::calendar;
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::{BACKPORT, subscribed, to, without_gap};
use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{CODES, FIRST, cleared, get, post, put, text};
use crate::hook::Hook;

both!(
    an_alert_is_told_again_until_somebody_has_seen_it,
    days_that_come_are_told_once
);

pub async fn sent(caller: &Caller, path: &str, body: &Value, key: &str) -> Value {
    let done = caller.send(Method::POST, path, Some((body, key))).await;
    let done = done.expect("answer");
    assert!(done.status < 300, "{path}: {}", done.body);
    done.body
}

pub fn event(by: &str, severity: &str) -> Value {
    json!({
        "occurredAt": "2026-11-22T11:30:00Z", "recordedAt": "2026-11-22T11:40:00Z", "actuality": "actual",
        "events": [{ "system": "http://snomed.info/sct", "code": "422400008", "display": "Vomiting" }],
        "seriousness": "non-serious", "severity": severity, "outcome": "recovering", "interventions": [], "reportedBy": by,
    })
}

async fn an_alert_is_told_again_until_somebody_has_seen_it(db: Db) {
    let (app, played) = TestApp::played(db, &cleared()).await;
    let (practice, partner) = (app.as_party(Party::Practice), app.as_party(Party::Partner));
    let hook = Hook::open().await;
    subscribed(partner, &to("kap-safety-alert", &hook.url()), &hook).await;
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let by = &played.names["prac-ther-01"];
    // A mild one alarms nobody.
    sent(
        practice,
        &format!("{path}/adverse-events"),
        &event(by, "mild"),
        "mild",
    )
    .await;
    let grave = sent(
        practice,
        &format!("{path}/adverse-events"),
        &event(by, "moderate"),
        "grave",
    )
    .await;
    let focus = format!("AdverseEvent/{}", text(&grave["id"]));
    let told = hook.wait_for_event(1).await;
    assert_eq!(told, [(1, focus.clone())]);
    assert!(
        !hook.calls()[1].text.contains("omiting"),
        "a reference and nothing else"
    );
    for (minutes, number) in [(5, 2), (10, 3), (15, 4), (30, 5)] {
        app.app.clock.advance(Duration::minutes(minutes));
        hook.wait_for_event(number).await;
    }
    let callers = kap_fhir::demo::log_in(&app.base, &app.logins, &app.app.clock).await;
    let callers = callers.expect("tokens");
    let seen = json!({ "by": by });
    let place = format!("{path}/adverse-events/{}/acknowledge", text(&grave["id"]));
    sent(&callers[&Party::Practice], &place, &seen, "seen").await;
    heard(&callers, text(&grave["id"])).await;
    app.app.clock.advance(Duration::hours(2));
    // It turns out to be worse: that has to be seen as well.
    let callers = kap_fhir::demo::log_in(&app.base, &app.logins, &app.app.clock).await;
    let callers = callers.expect("tokens");
    let updates = format!("{path}/adverse-events/{}/updates", text(&grave["id"]));
    let worse = json!({ "by": by, "severity": "severe" });
    sent(&callers[&Party::Practice], &updates, &worse, "worse").await;
    let message = format!("/fhir/Communication/{}-ack", text(&grave["id"]));
    let message = get(&callers[&Party::Practice], &message).await.expect(200);
    assert_eq!(message["status"], "in-progress", "{message}");
    assert!(message["received"].is_null(), "{message}");
    hook.wait_for_event(6).await;
    app.app.clock.advance(Duration::minutes(5));
    hook.wait_for_event(7).await;
    let callers = kap_fhir::demo::log_in(&app.base, &app.logins, &app.app.clock).await;
    let callers = callers.expect("tokens");
    sent(&callers[&Party::Practice], &place, &seen, "seen again").await;
    app.app.clock.advance(Duration::seconds(1));
    // By the other door: what was seen before is in the record still.
    let own = get(&callers[&Party::Practice], &format!("/fhir/{focus}")).await;
    let mut own = own.expect(200);
    let severity = own["severity"]["coding"][0]["code"].clone();
    assert_eq!(severity, "severe", "{own}");
    own["outcome"]["coding"][0] = json!({
        "system": "http://terminology.hl7.org/CodeSystem/adverse-event-outcome", "code": "fatal", "display": "Fatal" });
    let now = put(&callers[&Party::Practice], &own).await.expect(200);
    assert!(!now.to_string().contains("acknowledgedAt"), "{now}");
    hook.wait_for_event(8).await;
    app.app.clock.advance(Duration::minutes(5));
    hook.wait_for_event(9).await;
    let callers = kap_fhir::demo::log_in(&app.base, &app.logins, &app.app.clock).await;
    let callers = callers.expect("tokens");
    sent(&callers[&Party::Practice], &place, &seen, "seen at last").await;
    // The next one is the next number: nothing more was told of the first.
    let callers = kap_fhir::demo::log_in(&app.base, &app.logins, &app.app.clock).await;
    let practice = &callers.expect("tokens")[&Party::Practice];
    let next = sent(
        practice,
        &format!("{path}/adverse-events"),
        &event(by, "severe"),
        "next",
    )
    .await;
    let told = hook.wait_for_event(10).await;
    without_gap(&told);
    assert_eq!(told[9].1, format!("AdverseEvent/{}", text(&next["id"])));
    assert!(told[..9].iter().all(|(_, one)| *one == focus), "{told:?}");
    app.stop().await;
}

/// That it was acknowledged is a message of its own, which both sides read and neither writes.
async fn heard(callers: &HashMap<Party, Caller>, event: &str) {
    let path = format!("/fhir/Communication/{event}-ack");
    let own = get(&callers[&Party::Practice], &path).await.expect(200);
    assert_eq!(
        own["about"][0]["reference"],
        format!("AdverseEvent/{event}")
    );
    assert_eq!(own["category"][0]["coding"][0]["code"], "alert");
    assert_eq!(own["status"], "completed", "{own}");
    assert_eq!(own["received"], "2026-11-22T13:00:00Z", "{own}");
    assert!(own["recipient"][0]["reference"].is_string(), "{own}");
    assert!(!own.to_string().contains("omiting"), "{own}");
    let theirs = get(&callers[&Party::Partner], &path).await.expect(200);
    assert_eq!(theirs["received"], own["received"]);
    let changed = put(&callers[&Party::Practice], &own).await;
    assert_eq!(changed.status, 403, "{}", changed.text);
    let judged = post(
        &callers[&Party::Practice],
        "/fhir/Communication/$validate",
        &own,
    );
    let judged = judged.await.expect(200);
    assert!(!judged.to_string().contains(r#""error""#), "{judged}");
}

async fn days_that_come_are_told_once(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, played) = TestApp::played(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let hook = Hook::open().await;
    let mut wanted = to("kap-followup-due", &hook.url());
    let filter = format!("Task?code={CODES}/kap-followup-kind|medical-quarterly");
    wanted["_criteria"] = json!({ "extension": [{ "url": format!("{BACKPORT}filter-criteria"), "valueString": filter }] });
    subscribed(practice, &wanted, &hook).await;
    let path = format!("/kap/v1/episodes/{}/follow-ups", played.episode);
    let all = [
        ("2026-11-24", "medical-30-day", "of another kind"),
        ("2026-11-25", "medical-quarterly", "soon"),
        ("2026-12-20", "medical-quarterly", "later"),
    ];
    for (day, kind, key) in all {
        let body = json!({ "kind": kind, "anchor": "2026-11-20", "dueBy": day, "status": "open" });
        sent(practice, &path, &body, key).await;
    }
    let pass = async || {
        for _ in 0..3 {
            calendar::pass(&app.app).await.expect("the calendar");
        }
    };
    pass().await;
    let told = hook.wait_for_event(1).await;
    assert!(told[0].1.starts_with("Task/"), "{told:?}");
    assert!(hook.calls()[1].text.contains(&told[0].1));
    app.app.clock.advance(Duration::days(5));
    pass().await;
    let told = hook.wait_for_event(2).await;
    without_gap(&told);
    assert_eq!(told[0].1, told[1].1, "due, and then overdue");
    let kept = "SELECT COUNT(*) FROM calendar_told WHERE type = 'Task' AND what <> 'overdue'";
    assert_eq!(
        app.place().cell(kept).await,
        "2",
        "the later one is not due yet"
    );
    app.stop().await;
}
