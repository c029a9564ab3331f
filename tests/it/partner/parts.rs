//! A part that a partner's server does not give or take keeps no other from coming or going.

use kap_fhir::demo::player::play;
use kap_fhir::demo::script::Party;
use kap_fhir::fhir::resource::moment;
use kap_fhir::interaction::partner as exchange;
use kap_fhir::kap::Episode;
use kap_fhir::mapping::exchange::Flow;
use reqwest::Method;
use serde_json::json;

use super::elsewhere::{doctor_of, medical, own, reference, visit};
use super::{THERE, exchanged, is_sent, join, join_for, partner_at, server, state, until};
use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{FIRST, cleared, get, only, referred, text};
use crate::peer::{Fault, Habits, Registration};

both!(
    a_type_that_is_refused_keeps_no_other_back,
    whose_it_is_is_asked_again,
    a_refused_record_keeps_the_rest_from_nobody,
    what_names_a_refused_record_names_it_once_it_is_there,
    an_episode_that_breaks_the_server_keeps_no_other_waiting,
    a_token_is_asked_for_where_it_may_be,
    what_was_not_sent_yet_is_told,
    what_is_shared_again_is_sent_at_once,
);

/// The patient's number in the sample.
const MRN: &str = "SYN-100001";

async fn hurried(app: &TestApp) {
    app.app.clock.advance(time::Duration::seconds(5));
    exchange::hurry(&app.app, "elsewhere")
        .await
        .expect("hurried");
}

/// Waits until fetching fails.
async fn fails(app: &TestApp) {
    until("fetching fails", || async {
        state(app).await.fetching.attempts > 0
    })
    .await;
}

async fn a_type_that_is_refused_keeps_no_other_back(db: Db) {
    let (app, played) = TestApp::played(db, &cleared()).await;
    let peer = server(&app, Habits::default()).await;
    join(&app, &peer).await;
    exchanged(&app).await;
    for on in ["GET /ClinicalImpression*", "POST /Communication"] {
        peer.fail(Fault::status(403).times(1000).on(on));
    }
    // Where it was is no record of anybody here, and not searched for by what identifies it.
    let place = peer.put(json!({ "resourceType": "Location", "name": "Suite 4",
        "identifier": [{ "system": "urn:example:rooms", "value": "4" }] }));
    let mut held = visit(&peer, &doctor_of(&peer), "2026-07-08", "finished");
    held["location"] = json!([{ "location": { "reference": format!("Location/{place}") } }]);
    peer.put(held);
    let patient = reference(&own(&peer, "Patient"));
    peer.put(
        json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "subject": patient, "medicationCodeableConcept": { "text": "Ketamine" } }),
    );
    hurried(&app).await;
    fails(&app).await;
    let now = state(&app).await;
    assert_eq!(now.fetching.reason.as_deref(), Some("unauthorized"));
    assert_eq!(now.reviews, 1, "{now:#?}");
    let practice = app.as_party(Party::Practice);
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let due = medical(&get(practice, &path).await.expect(200));
    assert!(
        due.contains(&("2026-07-08".into(), "open".into())),
        "{due:?}"
    );
    // Of what was fetched nothing is fetched again.
    let since = app.place().cell("SELECT since FROM partner").await;
    assert!(since.contains("Encounter="), "{since}");
    assert!(!since.contains("ClinicalImpression="), "{since}");
    peer.heal();
    exchanged(&app).await;
    assert_eq!(peer.all("Communication").len(), 1, "it is answered later");
    app.stop().await;
}

async fn whose_it_is_is_asked_again(db: Db) {
    let (app, _) = TestApp::played(db, &referred()).await;
    let peer = server(&app, Habits::default()).await;
    let patient = only(app.as_party(Party::Partner), "/fhir/Patient").await;
    let chart = peer.put(
        json!({ "resourceType": "Patient", "identifier": patient["identifier"],
        "birthDate": patient["birthDate"], "name": patient["name"] }),
    );
    let order = |medicine: &str| {
        peer.put(json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order",
            "subject": { "reference": format!("Patient/{chart}") }, "medicationCodeableConcept": { "text": medicine } }))
    };
    order("Sertraline");
    app.app.clock.advance(time::Duration::minutes(10));
    order("Melatonin");
    peer.fail(Fault::status(500).times(1000).on("GET /Patient/*"));
    join_for(&app, &peer, &[], &[Flow::Prescriptions]).await;
    fails(&app).await;
    peer.heal();
    until("both orders are here", || async {
        app.app.clock.advance(time::Duration::seconds(1));
        let sql = "SELECT COUNT(*) FROM partner_link WHERE type = 'MedicationRequest'";
        app.place().cell(sql).await == "2"
    })
    .await;
    app.stop().await;
}

async fn a_refused_record_keeps_the_rest_from_nobody(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    let peer = server(&app, Habits::default()).await;
    let refused = Fault::status(422).times(1000).on("POST /");
    peer.fail(refused.saying("\"AllergyIntolerance\""));
    join_for(&app, &peer, &[Flow::Referral, Flow::Sessions], &[]).await;
    let partner = app.as_party(Party::Partner);
    let counted = async |kind: &str| {
        let path = format!("/fhir/{kind}?_summary=count");
        get(partner, &path).await.expect(200)["total"].clone()
    };
    let doses = counted("MedicationAdministration").await;
    until("the rest is there", || async {
        json!(peer.all("MedicationAdministration").len()) == doses && !peer.all("Task").is_empty()
    })
    .await;
    assert!(peer.all("AllergyIntolerance").is_empty());
    until("it is told", || async {
        let told = exchange::query::episodes(&app.app, "elsewhere").await;
        let told = told.expect("episodes");
        told[0].doing.reason.as_deref() == Some("refused")
    })
    .await;
    peer.heal();
    super::doubt::all_is_sent(&app).await;
    let allergies = counted("AllergyIntolerance").await;
    assert_eq!(json!(peer.all("AllergyIntolerance").len()), allergies);
    assert_eq!(json!(peer.all("MedicationAdministration").len()), doses);
    app.stop().await;
}

async fn what_names_a_refused_record_names_it_once_it_is_there(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    let peer = server(&app, Habits::default()).await;
    // A visit has a class, and nothing else of these has.
    let refused = Fault::status(422).times(1000).on("POST /");
    peer.fail(refused.saying("\"class\""));
    join_for(&app, &peer, &[Flow::Referral, Flow::Sessions], &[]).await;
    let doses = async || {
        let all = peer.all("MedicationAdministration");
        let named = |one: &serde_json::Value| one["context"]["reference"].is_string();
        (all.len(), all.iter().filter(|one| named(one)).count())
    };
    until("the doses are there", || async { doses().await == (4, 0) }).await;
    assert!(peer.all("Encounter").is_empty());
    // As far as they can be they are there: nothing is written again while it stays so.
    let versions = || {
        let all = peer.all("MedicationAdministration");
        let version = |one: &serde_json::Value| one["meta"]["versionId"].to_string();
        all.iter().map(version).collect::<Vec<_>>()
    };
    let before = versions();
    let tries = peer.count("POST /");
    until("it is tried again", || async {
        app.app.clock.advance(time::Duration::seconds(1));
        peer.count("POST /") > tries + 3
    })
    .await;
    assert_eq!(versions(), before);
    peer.heal();
    super::doubt::all_is_sent(&app).await;
    assert_eq!(doses().await, (4, 4));
    app.stop().await;
}

/// The same course of somebody else.
fn another() -> Episode {
    let mut other = referred();
    for identifier in &mut other.patient.identifiers {
        identifier.value = "SYN-900099".into();
    }
    other
}

async fn an_episode_that_breaks_the_server_keeps_no_other_waiting(db: Db) {
    let (app, _) = TestApp::played(db, &referred()).await;
    let peer = server(&app, Habits::default()).await;
    play(&another(), &app.callers, "another", |_, _| {})
        .await
        .expect("every step is taken");
    peer.fail(Fault::status(500).times(1000).on("POST /").saying(MRN));
    join_for(&app, &peer, &[Flow::Referral], &[]).await;
    until("the other one is there", || async {
        app.app.clock.advance(time::Duration::seconds(1));
        peer.all("Task").len() == 1
    })
    .await;
    // Nothing goes without its patient.
    let first = peer.count("POST /");
    until("it is tried again", || async {
        app.app.clock.advance(time::Duration::seconds(1));
        peer.count("POST /") > first + 1
    })
    .await;
    assert_eq!(peer.all("Patient").len(), 1);
    for (kind, whose) in [
        ("Condition", "subject"),
        ("Consent", "patient"),
        ("Task", "for"),
    ] {
        let all = peer.all(kind);
        let literal = |one: &serde_json::Value| one[whose]["reference"].is_string();
        assert!(
            !all.is_empty() && all.iter().all(literal),
            "{kind}: {all:#?}"
        );
    }
    app.stop().await;
}

async fn a_token_is_asked_for_where_it_may_be(db: Db) {
    let (app, _) = TestApp::played(db, &referred()).await;
    let peer = server(&app, Habits::default()).await;
    let base = peer.base();
    let elsewhere = base.replace("127.0.0.1", "localhost");
    peer.set(|habits| {
        habits.public = Some(elsewhere);
        habits.token = Some(Registration::new(THERE, None));
    });
    partner_at(&app, &base, &[], &[Flow::Clearance]).await;
    fails(&app).await;
    let now = state(&app).await.fetching;
    let told = now.detail.unwrap_or_default();
    assert!(told.contains("another host"), "{told}");
    assert_eq!(peer.count("POST /auth/token"), 0);
    // The operator knows it.
    let there = exchange::set_token_url(&app.app, "elsewhere", &peer.token_url()).await;
    there.expect("pinned");
    until("it is fetched", || async {
        app.app.clock.advance(time::Duration::seconds(1));
        state(&app).await.fetching.last_success_at.is_some()
    })
    .await;
    app.stop().await;
}

async fn what_was_not_sent_yet_is_told(db: Db) {
    let (app, played) = TestApp::played(db, &referred()).await;
    let mut habits = Habits::default();
    habits.kinds.push("AllergyIntolerance".to_owned());
    let peer = server(&app, habits).await;
    join(&app, &peer).await;
    exchanged(&app).await;
    let before = peer.all("AllergyIntolerance").len();
    let practice = app.as_party(Party::Practice);
    let sending = async || {
        let all = get(practice, "/kap/v1/partners").await.expect(200);
        all["items"][0]["sending"].clone()
    };
    let episodes = async || {
        let path = "/kap/v1/partners/elsewhere/episodes";
        get(practice, path).await.expect(200)["items"].clone()
    };
    assert_eq!(
        sending().await,
        json!({ "episodes": 1, "waiting": 0, "failing": 0 })
    );
    let sent = episodes().await[0].clone();
    assert_eq!(sent["sent"], sent["version"]);

    let disable = exchange::set_disabled(&app.app, "elsewhere", true).await;
    disable.expect("disabled");
    app.app.clock.advance(time::Duration::seconds(1));
    let path = format!("/kap/v1/episodes/{}/allergies", played.episode);
    let body = json!({ "text": "Penicillin - rash", "noKnown": false });
    let said = practice.send(Method::POST, &path, Some((&body, "allergy")));
    assert_eq!(said.await.expect("an answer").status, 201);
    let since = moment(app.app.clock.millis());
    app.app.clock.advance(time::Duration::seconds(1));
    play(&another(), &app.callers, "another", |_, _| {})
        .await
        .expect("every step is taken");
    let waiting = json!({ "episodes": 0, "waiting": 2, "waitingSince": since, "failing": 0 });
    assert_eq!(sending().await, waiting);
    let changed = episodes().await[0].clone();
    assert_eq!(changed["sent"], sent["sent"]);
    assert!(changed["version"].as_i64() > sent["version"].as_i64());

    let enable = exchange::set_disabled(&app.app, "elsewhere", false).await;
    enable.expect("enabled");
    exchanged(&app).await;
    assert_eq!(
        sending().await,
        json!({ "episodes": 2, "waiting": 0, "failing": 0 })
    );
    let all = episodes().await;
    let whole = |one: &serde_json::Value| one["sent"] == one["version"];
    assert!(all.as_array().is_some_and(|all| all.iter().all(whole)));
    assert!(peer.all("AllergyIntolerance").len() > before);
    app.stop().await;
}

async fn what_is_shared_again_is_sent_at_once(db: Db) {
    let (app, played) = TestApp::played(db, &referred()).await;
    let peer = server(&app, Habits::default()).await;
    join(&app, &peer).await;
    exchanged(&app).await;
    let practice = app.as_party(Party::Practice);
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let shown = get(practice, &path).await.expect(200);
    let consents = shown["consents"].as_array().into_iter().flatten();
    let given: Vec<_> = consents
        .filter(|c| c["kind"] == "privacy-disclosure")
        .collect();
    for consent in &given {
        let id = text(&consent["id"]);
        let path = format!("{path}/consents/{id}/revoke");
        let body = json!({ "by": "patient" });
        let done = practice.send(Method::POST, &path, Some((&body, id)));
        assert!(done.await.expect("an answer").status < 300);
    }
    // It is looked at, and nothing of it may be told.
    app.app.clock.advance(time::Duration::seconds(1));
    until("it is looked at", || async {
        let now = state(&app).await.sending;
        (now.episodes, now.waiting) == (0, 0)
    })
    .await;
    app.app.clock.advance(time::Duration::seconds(1));
    let before = peer.all("Consent").len();
    let mut again = given[0].clone();
    let members = again.as_object_mut().expect("a consent");
    members.retain(|name, _| !["id", "revokedAt", "recordedAt", "version"].contains(&&**name));
    again["status"] = json!("active");
    again["signedAt"] = json!("2026-11-22T12:00:07Z");
    let path = format!("{path}/consents");
    let done = practice.send(Method::POST, &path, Some((&again, "again")));
    let done = done.await.expect("an answer");
    assert_eq!(done.status, 201, "{}", done.body);
    // The clock stands still meanwhile.
    until("the new consent is there", || async {
        peer.all("Consent").len() > before
    })
    .await;
    until("all is sent", || async { is_sent(&state(&app).await) }).await;
    app.stop().await;
}
