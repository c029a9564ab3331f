//! What may be there although nobody here knows is looked for before it is made.

use std::collections::BTreeSet;

use kap_fhir::demo::script::Party;
use kap_fhir::interaction::partner::query;
use kap_fhir::mapping::exchange::Flow;
use serde_json::json;

use super::elsewhere::{moved, numbers};
use super::{exchanged, is_sent, join, join_for, server, state, until};
use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{FIRST, get, only, referred};
use crate::peer::{Asked, Does, Fault, Habits, Peer};
use crate::scenarios::SECOND;

both!(
    what_is_not_found_by_its_identifier_is_not_there_twice,
    doses_are_not_there_twice_where_the_patient_is_not_sent,
    a_search_that_is_refused_holds_nothing_up,
    an_adverse_event_is_sent_once_it_is_known_what_is_there,
);

/// They have a chart of the patient of their own.
async fn chart(app: &TestApp, peer: &Peer) {
    let patient = only(app.as_party(Party::Partner), "/fhir/Patient").await;
    peer.put(
        json!({ "resourceType": "Patient", "identifier": patient["identifier"],
        "birthDate": patient["birthDate"], "name": patient["name"] }),
    );
}

/// No two records of these types there are the same.
fn once(peer: &Peer, kinds: &[&str]) {
    for kind in kinds {
        let all = peer.all(kind);
        let names = all.iter().map(|one| one["identifier"].to_string());
        let named: BTreeSet<String> = names.collect();
        assert_eq!(named.len(), all.len(), "{kind}: {all:#?}");
    }
}

/// Waits until everything was sent; what failed has its time meanwhile.
pub async fn all_is_sent(app: &TestApp) {
    until("everything is sent", || async {
        app.app.clock.advance(time::Duration::seconds(1));
        is_sent(&state(app).await)
    })
    .await;
}

async fn what_is_not_found_by_its_identifier_is_not_there_twice(db: Db) {
    let (app, _) = TestApp::played(db, &referred()).await;
    let peer = server(&app, Habits::default()).await;
    let blind = [
        "Task",
        "ServiceRequest",
        "Condition",
        "QuestionnaireResponse",
        "EpisodeOfCare",
    ];
    peer.blind(&blind);
    peer.fail(Fault::new(Does::DoAndCut).times(2).on("POST /"));
    join(&app, &peer).await;
    until("the packet is there", || async {
        peer.all("Task").len() == 1
    })
    .await;
    exchanged(&app).await;
    once(&peer, &blind);
    let before = numbers(&peer);
    let told = query::episodes(&app.app, "elsewhere")
        .await
        .expect("episodes");
    let detail = told[0].doing.detail.clone().unwrap_or_default();
    // Of which types depends on what was fetched meanwhile.
    assert!(
        detail.contains("not found there by identifier: "),
        "{detail}"
    );
    // They are written over like others from then on.
    let practice = app.as_party(Party::Practice);
    moved(
        &peer,
        "accepted",
        "referral-accepted",
        "2026-06-03T12:40:00-07:00",
    );
    exchanged(&app).await;
    let path = format!("/kap/v1/episodes/{}", told[0].episode);
    let shown = get(practice, &path).await.expect(200);
    assert_eq!(shown["referrals"][0]["taskEvents"][1]["status"], "accepted");
    assert_eq!(numbers(&peer), before);
    app.stop().await;
}

async fn doses_are_not_there_twice_where_the_patient_is_not_sent(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    let partner = app.as_party(Party::Partner);
    let doses = get(partner, "/fhir/MedicationAdministration?_summary=count")
        .await
        .expect(200);
    let peer = server(&app, Habits::default()).await;
    chart(&app, &peer).await;
    let blind = [
        "Encounter",
        "MedicationAdministration",
        "Procedure",
        "Observation",
    ];
    peer.blind(&blind);
    peer.fail(Fault::new(Does::DoAndCut).times(2).on("POST /"));
    join_for(&app, &peer, &[Flow::Sessions], &[]).await;
    all_is_sent(&app).await;
    once(&peer, &blind);
    assert_eq!(
        json!(peer.all("MedicationAdministration").len()),
        doses["total"]
    );
    assert_eq!(peer.all("Patient").len(), 1);
    app.stop().await;
}

async fn a_search_that_is_refused_holds_nothing_up(db: Db) {
    let (app, _) = TestApp::played(db, &referred()).await;
    let peer = server(&app, Habits::default()).await;
    peer.fail(Fault::new(Does::DoAndCut).on("POST /"));
    for on in ["GET /Consent*", "GET /Condition*"] {
        peer.fail(Fault::status(403).times(1000).on(on));
    }
    join_for(&app, &peer, &[Flow::Referral], &[]).await;
    all_is_sent(&app).await;
    once(&peer, &["Consent", "Condition", "Task"]);
    assert_eq!((peer.all("Task").len(), peer.all("Consent").len()), (1, 3));
    assert!(peer.count("GET /Consent") > 0, "it was looked through");
    app.stop().await;
}

async fn an_adverse_event_is_sent_once_it_is_known_what_is_there(db: Db) {
    let (episode, _) = sample(SECOND.text);
    let (app, _) = TestApp::played(db, &episode).await;
    let mut habits = Habits::default();
    habits.kinds.push("AdverseEvent".into());
    let peer = server(&app, habits).await;
    chart(&app, &peer).await;
    peer.fail(Fault::status(500).times(2).on("GET /AdverseEvent"));
    join_for(&app, &peer, &[Flow::Sessions], &[]).await;
    all_is_sent(&app).await;
    let events = peer.all("AdverseEvent");
    assert!(!events.is_empty());
    assert_eq!(events.len(), episode.adverse_events.len());
    // Without a condition that the server would not understand.
    let asked = peer.asked();
    let conditional = |one: &Asked| {
        let body = one.json();
        let mut all = body["entry"]
            .as_array()
            .cloned()
            .unwrap_or_default()
            .into_iter();
        all.any(|e| {
            e["request"]["url"] == "AdverseEvent" && e["request"]["ifNoneExist"].is_string()
        })
    };
    assert!(!asked.iter().any(conditional));
    app.stop().await;
}
