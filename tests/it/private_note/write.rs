//! Storing and amending notes: at once, twice, in the wrong order.

use futures_util::future::join_all;
use kap_fhir::demo::script::Party;
use serde_json::{Value, json};

use super::bare;
use super::bed::{Bed, MISSING};
use crate::app::Db;
use crate::both;
use crate::idempotency::message;
use crate::scenarios::PAIN;
use crate::scenarios::stage::Stage;
use crate::wire::{Ask, Heard};

both!(
    amending_adds_a_version,
    a_note_is_stored_once_per_key,
    author_session_speaker_and_time_are_the_episodes_own,
);

async fn amending_adds_a_version(db: Db) {
    let bed = Bed::new(db).await;
    let body = json!({
        "kind": "parts-work", "authorId": bed.author, "sessionId": bed.session, "at": "2026-06-02T10:00:00-07:00",
        "parts": [{ "name": "The watcher", "role": "protector", "message": "not yet", "response": "thank it" }],
    });
    let first = Ask::json(bare(&bed.all()), &body).send(bed.own()).await;
    assert_eq!(first.status, 201, "{}", first.text);
    let id = first.json()["id"].as_str().expect("id").to_owned();
    let early = Ask::json(bare(&bed.all()), &body).with("If-Match", "W/\"1\"");
    let early = early.send(bed.own()).await;
    assert_eq!(early.status, 412, "what is not there has no version");
    assert_eq!(first.header("etag"), "W/\"1\"");
    assert_eq!(first.header("location"), bare(&bed.one(&id)));
    assert!(
        first.json().get("parts").is_none(),
        "the answer does not repeat the words"
    );
    bed.app.app.clock.advance(time::Duration::minutes(1));
    let mut amended = body.clone();
    amended["parts"][0]["role"] = json!("inner-critic");
    let put = |body: &Value, version: &str| {
        let ask = Ask::json(bare(&bed.one(&id)), body).with("If-Match", version);
        Ask {
            method: "PUT",
            ..ask
        }
    };
    let second = put(&amended, "W/\"1\"").send(bed.own()).await;
    assert_eq!(
        (second.status, second.header("etag")),
        (200, "W/\"2\""),
        "{}",
        second.text
    );
    let stale = put(&body, "W/\"1\"").send(bed.own()).await;
    assert_eq!(
        (stale.status, &stale.json()["code"]),
        (412, &json!("version-conflict"))
    );
    let other = put(&bed.note("x"), "*").send(bed.own()).await;
    assert_eq!(
        (other.status, &other.json()["issues"][0]["pointer"]),
        (422, &json!("/kind"))
    );
    let read = async |more: &str| {
        Ask::get(format!("{}{more}", bed.one(&id)))
            .send(bed.own())
            .await
    };
    let newest = read("").await;
    assert_eq!(newest.header("etag"), "W/\"2\"");
    let (newest, oldest) = (newest.json(), read("&version=1").await.json());
    for (read, sent, version) in [(&newest, &amended, 2), (&oldest, &body, 1)] {
        assert_eq!(read["version"], version);
        assert_eq!(read["createdAt"], oldest["recordedAt"]);
        for (name, value) in sent.as_object().expect("members") {
            assert_eq!(read[name], *value, "{name}");
        }
    }
    assert!(newest["recordedAt"].as_str() > oldest["recordedAt"].as_str());
    assert_eq!(read("&version=3").await.status, 404);
    // Of amendments that meet, none is lost: each that was taken is a version of its own.
    let all = (0..10).map(|n| {
        let mut body = body.clone();
        body["parts"][0]["message"] = json!(format!("message {n}"));
        (n, put(&body, "*"))
    });
    let all = join_all(all.map(async |(n, ask)| (n, ask.send(bed.own()).await))).await;
    let mut taken = 0;
    for (n, heard) in all {
        if heard.status == 200 {
            taken += 1;
            let version = heard.json()["version"].to_string();
            let kept = read(&format!("&version={version}")).await.json();
            assert_eq!(kept["parts"][0]["message"], format!("message {n}"));
        } else {
            assert_eq!(heard.status, 409, "{}", heard.text);
        }
    }
    assert!(taken >= 1);
    assert_eq!(read("").await.json()["version"], 2 + taken);
    bed.end().await;
}

async fn a_note_is_stored_once_per_key(db: Db) {
    let bed = Bed::new(db).await;
    let ask = Ask::json(bare(&bed.all()), &bed.note("once")).with("Idempotency-Key", "k-1");
    let all = join_all((0..20).map(|_| ask.send(bed.own()))).await;
    crate::idempotency::one(&all);
    assert_eq!(bed.heads("").await.len(), 1);
    // The same note otherwise written is the same note.
    let spaced = serde_json::to_string_pretty(&bed.note("once")).expect("text");
    let again = Ask::post(bare(&bed.all()), spaced).with("Idempotency-Key", "k-1");
    let again = again.send(bed.own()).await;
    assert_eq!(
        (again.status, again.header("idempotency-replayed")),
        (201, "true")
    );
    assert_eq!(again.json(), all[0].json());
    let id = again.json()["id"].as_str().expect("id").to_owned();
    let reused = |heard: &Heard| {
        assert_eq!(heard.status, 422, "{}", heard.text);
        assert_eq!(heard.json()["code"], "idempotency-key-reused");
    };
    let other = Ask::json(bare(&bed.all()), &bed.note("other")).with("Idempotency-Key", "k-1");
    reused(&other.send(bed.own()).await);
    let put = Ask {
        method: "PUT",
        ..Ask::json(bare(&bed.one(&id)), &bed.note("once"))
    };
    reused(
        &put.clone()
            .with("Idempotency-Key", "k-1")
            .send(bed.own())
            .await,
    );
    let communications = format!("/kap/v1/episodes/{}/communications", bed.episode);
    let mail = Ask::json(communications, &message(&bed.played, "x"));
    reused(
        &mail
            .clone()
            .with("Idempotency-Key", "k-1")
            .send(bed.own())
            .await,
    );
    assert_eq!(
        mail.clone()
            .with("Idempotency-Key", "k-2")
            .send(bed.own())
            .await
            .status,
        201
    );
    let note = Ask::json(bare(&bed.all()), &bed.note("x")).with("Idempotency-Key", "k-2");
    reused(&note.send(bed.own()).await);
    // An amendment, too.
    let put = put.with("Idempotency-Key", "k-3");
    let (first, second) = (put.send(bed.own()).await, put.send(bed.own()).await);
    assert_eq!((first.status, second.status), (200, 200), "{}", second.text);
    assert_eq!(
        (first.json(), second.header("idempotency-replayed")),
        (second.json(), "true")
    );
    assert_eq!(bed.heads("").await[0]["version"], 2);
    for wrong in [
        put.without("Idempotency-Key"),
        other.without("Content-Type"),
    ] {
        let heard = wrong.send(bed.own()).await;
        assert!([400, 415].contains(&heard.status), "{}", heard.text);
    }
    bed.end().await;
}

async fn author_session_speaker_and_time_are_the_episodes_own(db: Db) {
    let bed = Bed::new(db).await;
    let partner = bed.played.names["prac-pres-01"].clone();
    for (name, value) in [
        ("authorId", json!(partner)),
        ("authorId", json!("nobody")),
        ("sessionId", json!(MISSING)),
        ("expressedBy", json!("nobody")),
        ("at", json!("2030-01-01T00:00:00Z")),
    ] {
        let mut note = bed.note("x");
        note["kind"] = json!("intention");
        note["expressedBy"] = json!("patient");
        note[name] = value;
        let heard = Ask::json(bare(&bed.all()), &note).send(bed.own()).await;
        assert_eq!(heard.status, 422, "{name}: {}", heard.text);
        assert_eq!(heard.json()["issues"][0]["pointer"], format!("/{name}"));
    }
    assert!(bed.heads("").await.is_empty(), "nothing was stored");
    bed.end().await;
}

/// What was said last may be written down after the end of an episode.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_may_follow_the_end_of_the_episode() {
    let stage = Stage::performed(Db::Sqlite, PAIN).await;
    assert_eq!(stage.shown().await["phase"], "withdrawn");
    let author = stage
        .episode
        .care_team
        .iter()
        .find(|m| m.organization_id == stage.episode.organizations.practice.id);
    let author = author.expect("a therapist").id.as_str();
    let note =
        json!({ "kind": "psychotherapy-note", "authorId": author, "text": "The last talk." });
    let taken = stage.attempt(&stage.played, Party::Practice, "/private-notes", note);
    let taken = taken.await;
    assert_eq!(taken.status, 201, "{}", taken.body);
    stage.end().await;
}
