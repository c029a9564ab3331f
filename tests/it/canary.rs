//! No word of a private note leaves the service but in the answer to who wrote it (KAP-INV-27).
//!
//! Unique words are planted in every private field. Episodes are played, bad requests are sent, and every party reads
//! everything that it can, the audit of it all included. The words are then sought, as they are and encoded, in every
//! answer, in the program's log at its most talkative, in its spans and metrics, in what the operator's commands print,
//! and in all bytes of the database. That the search would find them is
//! shown with words that are planted where they may be seen.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kap_fhir::demo::notes::of_file;
use kap_fhir::demo::player::{Caller, Play, Played};
use kap_fhir::demo::script::{Party, with_notes};
use kap_fhir::mapping::topic::TOPICS;
use serde_json::json;

use crate::app::Db;
use crate::both;
use crate::hook::Hook;
use crate::partner::until;
use crate::program::run;
use crate::raw::Place;
use crate::scenarios::{Case, FIRST, SECOND};
use crate::wire::Ask;
use crawl::{crawl, told};
use needles::{Ear, found, has, needles};
use plant::{every_kind_of_note, lead, planted, refused, words, written};
use stage::Stage;

mod crawl;
mod needles;
mod plant;
mod stage;

both!(a_remote_course, a_clinic_with_an_adverse_event);

/// Begins every private word.
const PRIVATE: &str = "ZZPRIVATE7f3a";
/// A word for where everybody may see it.
const PUBLIC: &str = "ZZPUBLIC4b1c";

async fn a_remote_course(db: Db) {
    nothing_leaves(db, FIRST).await;
}

async fn a_clinic_with_an_adverse_event(db: Db) {
    nothing_leaves(db, SECOND).await;
}

/// The play, with everything that every party then reads.
async fn nothing_leaves(db: Db, case: Case) {
    let stage = Stage::set(db, case).await;
    let (text, mut planted) = planted(case);
    let parties = stage.parties().await;
    let own = &parties[&Party::Practice];
    let ear = Ear::new();
    let hook = Hook::open().await;
    subscribed(own, &hook).await;
    let mut play = {
        let notes = of_file(&text, &stage.episode).expect("notes");
        let steps = with_notes(&stage.episode, notes);
        Play::of(steps, &parties, "canary")
    };
    play.rest(|step, reply| ear.hear("play", step.path, &reply.body.to_string()))
        .await
        .expect("every step is taken");
    let played = play.played;
    let author = played.names[lead(&stage.episode)].clone();
    let kinds = every_kind_of_note(&author);
    planted.extend(words(&json!(kinds)));
    refused(&stage, own, &played, &kinds, &ear).await;
    let ids = written(own, &played, &kinds, &ear).await;
    let seen_by_all = format!("{PUBLIC} for everybody");
    let mail = json!({
        "at": "2026-07-20T10:00:00Z", "from": author,
        "to": [stage.episode.organizations.partner.id], "topic": seen_by_all,
    });
    let path = format!("/kap/v1/episodes/{}/communications", played.episode);
    let sent = Ask::json(path, &mail).send(own).await;
    assert_eq!(sent.status, 201, "{}", sent.text);
    for (name, _) in stage.everybody().await {
        let caller = stage.client(name).await;
        crawl(name, &caller, &played, (&author, &ids), &ear).await;
    }
    pushed(&stage, &hook, &ear).await;
    // The originator reads every word that was planted.
    let own = stage.client("practice").await;
    let told = told(&own, &stage.episode, &played).await;
    for word in &planted {
        assert!(told.contains(word.as_str()), "{word} was lost");
    }
    assert!(planted.len() > 20, "{planted:?}");
    events(&stage.client("officer").await, &ids, &ear).await;
    left_behind(stage, ear).await;
}

/// Everything that was sent without being asked for: notifications, and what the partner's system was given.
async fn pushed(stage: &Stage, hook: &Hook, ear: &Ear) {
    let calls = hook.calls();
    assert!(calls.len() > 20, "{} notifications", calls.len());
    for call in calls {
        let text = format!("{:?} {}", call.headers, call.text);
        ear.hear("hook", "notification", &text);
    }
    let peer = &stage.peer;
    let sessions = &stage.episode.sessions;
    let dosed = sessions.iter().filter(|s| s.dosing.is_some()).count();
    let arrived = async || {
        let there = peer.all("MedicationAdministration").len();
        there >= dosed && !peer.all("DocumentReference").is_empty()
    };
    until("the sessions and papers are at the partner's", arrived).await;
    for asked in peer.asked() {
        let text = format!("{:?} {} {}", asked.headers, asked.path, asked.body);
        ear.hear("peer", &asked.what(), &text);
    }
}

/// Has the practice be told of everything, with whole records but for alerts, which hold none.
async fn subscribed(own: &Caller, hook: &Hook) {
    for (n, topic) in TOPICS.iter().enumerate() {
        let mut body = crate::subscription::to(topic.code, &hook.url());
        let content = &mut body["channel"]["_payload"]["extension"][0]["valueCode"];
        if !topic.alert {
            *content = json!("full-resource");
        }
        let made = Ask::post("/fhir/Subscription".to_owned(), body.to_string());
        let made = made
            .with("Content-Type", "application/fhir+json")
            .send(own)
            .await;
        assert_eq!(made.status, 201, "{}", made.text);
        hook.wait(n + 1).await;
    }
}

/// The audit tells the practice's privacy officer of every note, and of none what it says.
async fn events(officer: &Caller, notes: &[String], ear: &Ear) {
    for note in notes {
        let ask = Ask::get(format!("/fhir/AuditEvent?entity={note}&_count=200"));
        let heard = ask.send(officer).await;
        ear.heard("officer", "events of a note", &heard);
        let set = heard.json();
        let events = set["entry"].as_array().expect("events");
        assert!(events.len() > 3, "created, repeated, amended, read: {set}");
        let patient = &events[0]["resource"]["entity"][1]["what"]["reference"];
        let patient = patient.as_str().and_then(|r| r.strip_prefix("Patient/"));
        let patient = patient.expect("a patient");
        let ask = Ask::get(format!("/kap/v1/patients/{patient}/disclosures"));
        let heard = ask.send(officer).await;
        assert_eq!(heard.status, 200, "{}", heard.text);
        ear.heard("officer", "disclosures", &heard);
    }
}

/// Log, telemetry, database, and what the operator's commands print, once everybody has read everything.
async fn left_behind(stage: Stage, ear: Ear) {
    let running = stage.database.everything().await;
    let log = stage.program.stop();
    let stopped = stage.database.everything().await;
    let sent = stage.sent.lock().expect("lock").clone();
    let sent = sent.into_iter().flat_map(|(_, b)| b).collect::<Vec<u8>>();
    let printed = printed(&stage.database).await;
    let (private, public) = (needles(PRIVATE), needles(PUBLIC));
    for (place, bytes) in [
        ("the log", log.as_bytes()),
        ("spans and metrics", &sent),
        ("the database of the running service", &running),
        ("the database", &stopped),
        ("what the operator prints", printed.as_bytes()),
    ] {
        let found = found(bytes, &private);
        assert!(found.is_empty(), "{place} holds a private word: {found:?}");
    }
    let hits = ear.hits.into_inner().expect("lock");
    let told = hits.private;
    assert!(told.is_empty(), "a private word was told: {told:#?}");
    // The search finds what is there to be found.
    assert!(hits.heard > 500, "{} answers", hits.heard);
    for who in ["practice", "twin", "partner"] {
        let told = |at: &String| at.starts_with(who);
        assert!(hits.public.iter().any(told), "{who}: {:?}", hits.public);
    }
    assert!(!found(&running, &public).is_empty() && !found(&stopped, &public).is_empty());
    for route in ["/private-notes", "/private-notes/{note}"] {
        let route = format!("/kap/v1/episodes/{{episode}}{route}");
        assert!(log.contains(&route), "the log has the requests");
        assert!(has(&sent, route.as_bytes()), "the spans have the requests");
    }
    for kind in [
        "note-create",
        "note-read",
        "note-update",
        "note-list",
        "note-key-add",
    ] {
        let written = has(&stopped, kind.as_bytes());
        assert!(written, "the database's pages have the audit: {kind}");
    }
    let plant = "INSERT INTO client_jti (tenant, client, jti_hash, expires_at) VALUES ('t', 'c', ";
    let plant = format!("{plant}'{}', 0)", STANDARD.encode(PRIVATE));
    stage.database.run(&plant).await.expect("planted");
    let found = found(&stage.database.everything().await, &private);
    assert!(
        !found.is_empty(),
        "one that is planted in the database is found"
    );
}

/// What the commands of the operator print about the patient and the notes.
async fn printed(database: &Place) -> String {
    let patient = "SELECT MIN(patient) FROM private_note";
    let patient = database.cell(patient).await;
    let url = database.url();
    let told = run(&["audit", "disclosures", "--patient", &patient], &url);
    let all = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.status.success() && all.lines().count() > 5, "{told:?}");
    let head = run(&["audit", "head"], &url);
    assert!(head.status.success(), "{head:?}");
    format!("{all}{told:?}{head:?}")
}

fn notes_path(played: &Played) -> String {
    format!("/kap/v1/episodes/{}/private-notes", played.episode)
}
