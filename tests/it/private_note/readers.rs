//! Who gets a private note, and who hears that there is none.

use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use serde_json::json;

use super::bare;
use super::bed::{Bed, MISSING};
use crate::app::{Db, TestApp, sealed};
use crate::both;
use crate::idempotency::beginning;
use crate::wire::{Ask, Heard};

both!(
    there_is_no_note_for_anybody_else,
    a_narrow_token_does_what_it_says
);

async fn there_is_no_note_for_anybody_else(db: Db) {
    let bed = Bed::new(db).await;
    let note = bed.stored(&bed.note("ZZ")).await;
    let (one, all) = (bed.one(&note), bed.all());
    let missing = bed.one(MISSING);
    let own = Ask::get(&one).send(bed.own()).await;
    assert_eq!((own.status, own.json()["text"].as_str()), (200, Some("ZZ")));
    let nothing = Ask::get(&missing).send(bed.own()).await;
    assert_eq!(nothing.status, 404);
    let same = |heard: &Heard, what: &str| {
        assert_eq!((heard.status, &heard.text), (404, &nothing.text), "{what}");
        assert_eq!(
            heard.header("content-type"),
            nothing.header("content-type"),
            "{what}"
        );
    };
    for (name, other) in bed.others().await {
        for path in [&one, &all, &missing] {
            same(
                &Ask::get(path).send(&other).await,
                &format!("{name} GET {path}"),
            );
        }
        let mut odd = vec![];
        for path in [&one, &missing] {
            let amend = Ask {
                method: "PUT",
                ..Ask::json(bare(path), &bed.note("theirs"))
            };
            same(&amend.send(&other).await, &format!("{name} PUT {path}"));
            let ask = Ask {
                method: "PUT",
                ..Ask::post(bare(path), "[")
            };
            odd.push(ask.without("Idempotency-Key").send(&other).await);
        }
        // What is wrong with a request itself is told to a therapist's client, wherever the note is.
        assert_eq!((odd[0].status, &odd[0].text), (odd[1].status, &odd[1].text));
        if name != "stranger" {
            same(&odd[0], &format!("{name} odd"));
        }
        same(
            &Ask::json(bare(&all), &bed.note("theirs"))
                .send(&other)
                .await,
            name,
        );
    }
    // Another program of the same practice has notes of its own, and not these.
    let twin = bed.therapist("twin", &bed.practice()).await;
    same(&Ask::get(&one).send(&twin).await, "twin");
    let amend = Ask {
        method: "PUT",
        ..Ask::json(bare(&one), &bed.note("theirs"))
    };
    same(&amend.send(&twin).await, "twin amends");
    let empty = Ask::get(&all).send(&twin).await;
    assert_eq!((empty.status, empty.json()), (200, json!({ "items": [] })));
    // The same program for another clinician.
    let other = one.replace(&bed.author, &bed.second);
    same(&Ask::get(&other).send(bed.own()).await, "another clinician");
    let mut theirs = bed.note("theirs");
    theirs["authorId"] = json!(bed.second);
    let amend = Ask {
        method: "PUT",
        ..Ask::json(bare(&one), &theirs)
    };
    same(&amend.send(bed.own()).await, "another clinician amends");
    // A note is in its episode alone.
    let elsewhere = one.replace(&bed.episode, &bed.another);
    same(
        &Ask::get(&elsewhere).send(bed.own()).await,
        "another episode",
    );
    assert_eq!(
        Ask::get(&one).send(bed.own()).await.json()["version"],
        1,
        "nothing happened to it"
    );
    bed.end().await;
}

async fn a_narrow_token_does_what_it_says(db: Db) {
    let bed = Bed::new(db).await;
    let note = bed.stored(&bed.note("x")).await;
    let practice = "demo-practice";
    for (scope, reads, writes) in [
        ("system/EpisodeOfCare.r", 200, 403),
        ("system/EpisodeOfCare.u", 403, 201),
        ("system/Patient.cruds", 403, 403),
    ] {
        let caller = bed.again(practice, scope).await;
        let read = Ask::get(bed.one(&note)).send(&caller).await;
        assert_eq!(read.status, reads, "{scope}: {}", read.text);
        let list = Ask::get(bed.all()).send(&caller).await;
        assert_eq!(list.status, reads, "{scope}: {}", list.text);
        let write = Ask::json(bare(&bed.all()), &bed.note("y"))
            .send(&caller)
            .await;
        assert_eq!(write.status, writes, "{scope}: {}", write.text);
    }
    bed.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_keys_no_note_is_taken() {
    let episode = beginning();
    let app = TestApp::start(Db::Sqlite, &episode).await;
    let played = app.play(&episode).await;
    let locked = sealed(kap_fhir::cli::assemble(
        app.app.store.clone(),
        app.app.clock.clone(),
        "default",
        &app.base,
        None,
    ));
    let listener = kap_fhir::server::bind("127.0.0.1:0".parse().expect("address"));
    let listener = listener.await.expect("bind");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    let running = kap_fhir::server::start(locked, listener, 16).expect("server");
    let there = Caller {
        base,
        ..app.as_party(Party::Practice).clone()
    };
    let author = &played.names["prac-ther-01"];
    let note = json!({ "kind": "psychotherapy-note", "authorId": author, "text": "x" });
    let path = format!("/kap/v1/episodes/{}/private-notes", played.episode);
    let heard = Ask::json(path, &note).send(&there).await;
    assert_eq!(heard.status, 503, "{}", heard.text);
    running.stop().await;
    app.stop().await;
}
