//! Two services of this kind: a practice's and its partner's, each with its own database, agree on a whole course.

use std::collections::HashMap;
use std::time::Duration;

use kap_fhir::demo::player::Play;
use kap_fhir::demo::script::Party;
use kap_fhir::demo::two::{self, Side};
use kap_fhir::interaction::partner::query;
use kap_fhir::kap::Episode;
use kap_fhir::kap::dosing::Session;
use serde_json::{Value, json};

use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{FIRST, get, normal};
use crate::scenarios::{PAIN, REMOTE, SECOND, STAGES, THIRD};

both!(
    a_whole_course_is_played_across_two_services,
    an_adverse_event_and_a_hold_reach_the_other_service,
    a_deferred_referral_of_a_minor_is_played_across_two_services,
    a_spoiled_unit_is_no_finding_at_the_other_service,
    the_end_of_a_course_reaches_the_other_service,
    a_withdrawal_reaches_the_other_service,
);

fn side(app: &TestApp) -> Side<'_> {
    Side {
        app: &app.app,
        base: &app.base,
        logins: &app.logins,
    }
}

/// A practice's service and its partner's, for the parties of `episode`.
pub async fn services(db: Db, episode: &Episode) -> (TestApp, TestApp) {
    let practice = TestApp::start(db, episode).await;
    let partner = TestApp::start(db, episode).await;
    two::introduce(side(&practice), side(&partner))
        .await
        .expect("they know each other");
    (practice, partner)
}

async fn shown(app: &TestApp, episode: &str) -> Option<Value> {
    let answer = get(
        app.as_party(Party::Practice),
        &format!("/kap/v1/episodes/{episode}"),
    )
    .await;
    (answer.status == 200).then(|| answer.json())
}

/// Waits until both have told each other everything.
pub async fn agreed(practice: &TestApp, partner: &TestApp, episode: &str) {
    let callers = [practice, partner].map(|app| app.as_party(Party::Practice));
    for _ in 0..1500 {
        let all = two::agree(side(practice), side(partner), callers, episode).await;
        // A connection may be closed while it is asked: it is asked again.
        if all.unwrap_or(false) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut failing = false;
        for (app, name) in [(practice, "partner"), (partner, "practice")] {
            let all = query::episodes(&app.app, name).await.expect("episodes");
            failing |= all.iter().any(|e| e.doing.reason.is_some());
        }
        if failing {
            // Clocks stand still, and what failed waits for its time.
            for app in [practice, partner] {
                app.app.clock.advance(time::Duration::milliseconds(50));
            }
        }
    }
    let here = query::episodes(&practice.app, "partner").await;
    let there = query::episodes(&partner.app, "practice").await;
    panic!("they do not agree: {here:#?} {there:#?}");
}

async fn a_whole_course_is_played_across_two_services(db: Db) {
    across(db, FIRST).await;
}

async fn an_adverse_event_and_a_hold_reach_the_other_service(db: Db) {
    let (practice, partner, id) = played(db, SECOND.text).await;
    let before = super::papers::as_sent_before(&practice).await;
    agreed(&practice, &partner, &id).await;
    super::papers::stays(&practice, &before).await;
    super::papers::lead_somewhere(&practice, &partner).await;
    practice.stop().await;
    partner.stop().await;
}

async fn a_deferred_referral_of_a_minor_is_played_across_two_services(db: Db) {
    across(db, THIRD.text).await;
}

async fn a_spoiled_unit_is_no_finding_at_the_other_service(db: Db) {
    across(db, STAGES.text).await;
}

async fn the_end_of_a_course_reaches_the_other_service(db: Db) {
    across(db, REMOTE.text).await;
}

async fn a_withdrawal_reaches_the_other_service(db: Db) {
    across(db, PAIN.text).await;
}

/// With its members in an order of their own: each side lists what came to it.
fn sorted(all: &Value) -> Value {
    let mut all = all.clone();
    if let Some(list) = all.as_array_mut() {
        list.sort_by_key(Value::to_string);
    }
    all
}

/// Plays a sample.
async fn across(db: Db, text: &str) {
    let (practice, partner, _) = played(db, text).await;
    practice.stop().await;
    partner.stop().await;
}

/// Both services when a sample was played, and the episode.
async fn played(db: Db, text: &str) -> (TestApp, TestApp, String) {
    let episode = sample(text).0;
    let (practice, partner) = services(db, &episode).await;
    let mut callers = HashMap::new();
    for party in [Party::Practice, Party::Ehr] {
        callers.insert(party, practice.as_party(party).clone());
    }
    for party in [Party::Partner, Party::Pharmacy] {
        callers.insert(party, partner.as_party(party).clone());
    }
    let mut play = Play::new(&episode, &callers, "two");
    let mut last = None;
    while let Some(party) = play.next_step().map(|step| step.party) {
        if last.is_some_and(|last| last != party) {
            agreed(&practice, &partner, &play.played.episode).await;
        }
        last = Some(party);
        if let Err(error) = play.one(|_, _| {}).await {
            let here = query::episodes(&practice.app, "partner").await;
            let there = query::episodes(&partner.app, "practice").await;
            panic!("a step is not taken: {error:?} {here:#?} {there:#?}");
        }
    }
    let id = play.played.episode.clone();
    agreed(&practice, &partner, &id).await;
    let (here, there) = (shown(&practice, &id).await, shown(&partner, &id).await);
    let (here, there) = (normal(&here.expect("here")), normal(&there.expect("there")));
    // What each side keeps to itself stays there: plans, intentions, papers.
    for part in [
        "phase",
        "patient",
        "medications",
        "allergies",
        "problems",
        "screenings",
        "prescriptions",
        "clearances",
        "adverseEvents",
        "dispenses",
        "detectedIssues",
        "followUps",
    ] {
        assert!(here.get(part).is_some(), "{part}");
        assert_eq!(sorted(&here[part]), sorted(&there[part]), "{part}");
    }
    let phases = |e: &Value| {
        let all = e["phaseHistory"].as_array().into_iter().flatten();
        all.map(|p| json!([p["phase"], p["by"], p["reason"]]))
            .collect::<Vec<_>>()
    };
    assert_eq!(phases(&here), phases(&there));
    let last = |e: &Value| {
        e["referrals"][0]["taskEvents"]
            .as_array()
            .and_then(|all| all.last().cloned())
    };
    assert_eq!(last(&here), last(&there));
    let told = |e: &Value| {
        let all = e["sessions"].as_array().into_iter().flatten();
        let one = |s: &Value| {
            let d = &s["dosing"];
            json!([
                s["id"],
                s["type"],
                s["status"],
                d["doses"],
                d["vitals"],
                d["effects"],
                d["discharge"],
                s["vitals"]
            ])
        };
        all.map(one).collect::<Vec<_>>()
    };
    let own = told(&here);
    let given = |s: &Session| s.first_dose_at().is_some();
    let taken = |s: &&Value| s[3].to_string().contains("\"completed\"");
    let sessions = episode.sessions.iter().filter(|s| given(s)).count();
    assert_eq!(own.iter().filter(taken).count(), sessions, "{own:#?}");
    assert_eq!(own, told(&there));
    super::papers::lead_somewhere(&practice, &partner).await;
    (practice, partner, id)
}
