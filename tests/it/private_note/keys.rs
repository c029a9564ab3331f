//! The keys of private notes: what they bind and how they are changed.

use kap_fhir::access::Role;
use kap_fhir::app::App;
use kap_fhir::cli::assemble;
use kap_fhir::clock::Clock;
use kap_fhir::demo::player::Caller;
use kap_fhir::interaction::private_note::keys::{hand_over, rewrap, unlock};
use kap_fhir::private::{Ring, file};
use kap_fhir::server;
use serde_json::{Value, json};

use super::bare;
use super::bed::{Bed, client};
use crate::app::tempdir::Folder;
use crate::app::{Db, sealed};
use crate::both;
use crate::wire::Ask;

both!(
    a_row_that_is_put_elsewhere_does_not_open,
    a_new_key_wraps_every_data_key_and_touches_no_text,
    a_note_that_does_not_open_stops_no_other,
    another_ring_is_refused,
    a_new_key_needs_no_restart,
    notes_are_handed_over_to_a_new_program,
);

/// A copy of the ring that a service seals with.
pub fn copy(app: &App) -> Ring {
    let ring = app.private.ring().expect("ring");
    Ring::parse(&ring.print().expect("text")).expect("ring")
}

async fn a_row_that_is_put_elsewhere_does_not_open(db: Db) {
    let bed = Bed::new(db).await;
    let twin = bed.therapist("twin", &bed.practice()).await;
    let other = bed.stored(&bed.note("the other note")).await;
    let of_other =
        |column: &str| format!("(SELECT {column} FROM private_note WHERE id = '{other}')");
    let seal = format!(
        "sealed = {}, wrapped = {}, key = {}",
        of_other("sealed"),
        of_other("wrapped"),
        of_other("key")
    );
    let text = format!("sealed = {}", of_other("sealed"));
    let data_key = format!("wrapped = {}", of_other("wrapped"));
    let (author, episode) = (
        format!("author = '{}'", bed.second),
        format!("episode = '{}'", bed.another),
    );
    let session = format!("session = '{}'", bed.session);
    let moved = "00000000-0000-4000-8000-00000000000a";
    let id = format!("id = '{moved}'");
    let changes: &[(&str, &Caller)] = &[
        (&seal, bed.own()),
        (&text, bed.own()),
        (&data_key, bed.own()),
        (&id, bed.own()),
        ("version = 2", bed.own()),
        ("patient = 'somebody-else'", bed.own()),
        (&episode, bed.own()),
        ("kind = 'imagery'", bed.own()),
        (&author, bed.own()),
        (&session, bed.own()),
        ("created_at = created_at - 1", bed.own()),
        ("recorded_at = recorded_at + 1", bed.own()),
        ("client = 'twin'", &twin),
        ("sealed = ''", bed.own()),
        ("wrapped = 'AQ'", bed.own()),
    ];
    for (change, reader) in changes {
        let note = bed.stored(&bed.note("said in confidence")).await;
        assert_eq!(Ask::get(bed.one(&note)).send(bed.own()).await.status, 200);
        let sql = format!("UPDATE private_note SET {change} WHERE id = '{note}'");
        bed.place().run(&sql).await.expect(&sql);
        let mut path = bed.one(&note);
        if change.starts_with("id") {
            path = bed.one(moved);
        } else if change.starts_with("episode") {
            path = path.replace(&bed.episode, &bed.another);
        } else if change.starts_with("author") {
            path = path.replace(&bed.author, &bed.second);
        }
        let heard = Ask::get(path).send(reader).await;
        assert_eq!(heard.status, 500, "{change}: {}", heard.text);
        assert!(!heard.text.contains("confidence") && !heard.text.contains("the other"));
    }
    // An older version in the place of the newer one.
    let amend = Ask {
        method: "PUT",
        ..Ask::json(bare(&bed.one(&other)), &bed.note("amended"))
    };
    assert_eq!(amend.send(bed.own()).await.status, 200);
    let older = |column: &str| {
        format!(
            "{column} = (SELECT {column} FROM private_note WHERE id = '{other}' AND version = 1)"
        )
    };
    let sql = format!(
        "UPDATE private_note SET {}, {} WHERE id = '{other}' AND version = 2",
        older("sealed"),
        older("wrapped")
    );
    bed.place().run(&sql).await.expect(&sql);
    assert_eq!(Ask::get(bed.one(&other)).send(bed.own()).await.status, 500);
    bed.end().await;
}

async fn a_new_key_wraps_every_data_key_and_touches_no_text(db: Db) {
    let bed = Bed::new(db).await;
    let mut notes = vec![];
    for n in 0..5 {
        notes.push(bed.stored(&bed.note(&format!("note {n}"))).await);
    }
    let amend = Ask {
        method: "PUT",
        ..Ask::json(bare(&bed.one(&notes[0])), &bed.note("note 0"))
    };
    assert_eq!(amend.send(bed.own()).await.status, 200);
    let texts = "SELECT sealed FROM private_note ORDER BY id, version";
    let before = bed.place().column(texts).await;
    let first = bed
        .app
        .app
        .private
        .ring()
        .expect("ring")
        .active()
        .to_owned();
    let mut ring = copy(&bed.app.app);
    let second = ring.rotate(&Clock::system()).expect("rotated").to_owned();
    unlock(&bed.app.app, ring, None).await.expect("unlocked");
    let known = "SELECT DISTINCT key FROM private_note";
    assert_eq!(bed.place().column(known).await, [first.as_str()]);
    let done = rewrap(&bed.app.app).await.expect("wrapped anew");
    assert_eq!((done.count, &done.needed), (6, &vec![second.clone()]));
    assert_eq!(bed.place().column(known).await, [second.as_str()]);
    assert_eq!(
        bed.place().column(texts).await,
        before,
        "no text was touched"
    );
    assert_eq!(rewrap(&bed.app.app).await.expect("again").count, 0);
    // The first key may be destroyed.
    let text = copy(&bed.app.app).print().expect("text").to_string();
    let mut file: Value = serde_json::from_str(&text).expect("JSON");
    let keys = file["keys"].as_array_mut().expect("keys");
    keys.retain(|key| key["id"] == second.as_str());
    let alone = Ring::parse(&file.to_string()).expect("ring");
    assert!(!alone.has(&first));
    unlock(&bed.app.app, alone, None).await.expect("unlocked");
    for (n, note) in notes.iter().enumerate() {
        let read = Ask::get(bed.one(note)).send(bed.own()).await.json();
        assert_eq!(read["text"], format!("note {n}"));
    }
    bed.end().await;
}

async fn a_note_that_does_not_open_stops_no_other(db: Db) {
    let bed = Bed::new(db).await;
    let app = &bed.app.app;
    let mut notes = vec![];
    for n in 0..5 {
        notes.push(bed.stored(&bed.note(&format!("note {n}"))).await);
    }
    let first = app.private.ring().expect("ring").active().to_owned();
    let kept = format!("SELECT wrapped FROM private_note WHERE id = '{}'", notes[2]);
    let kept = bed.place().cell(&kept).await;
    let put = async |wrapped: &str| {
        let sql = format!(
            "UPDATE private_note SET wrapped = '{wrapped}' WHERE id = '{}'",
            notes[2]
        );
        bed.place().run(&sql).await.expect(&sql);
    };
    put("AQ").await;
    let mut ring = copy(app);
    ring.rotate(&Clock::system()).expect("rotated");
    unlock(app, ring, None).await.expect("unlocked");
    let said = rewrap(app).await.expect_err("one does not open");
    let said = &said.issues[0].text;
    assert!(
        said.contains("1 versions") && said.contains(&notes[2]),
        "{said}"
    );
    let left = format!("SELECT id FROM private_note WHERE key = '{first}'");
    assert_eq!(bed.place().column(&left).await, [notes[2].as_str()]);
    let known = "SELECT key FROM private_key";
    let known = bed.place().column(known).await;
    assert!(known.contains(&first), "it needs its key still: {known:?}");
    // Mended, it follows.
    put(&kept).await;
    assert_eq!(rewrap(app).await.expect("wrapped anew").count, 1);
    for (n, note) in notes.iter().enumerate() {
        let read = Ask::get(bed.one(note)).send(bed.own()).await.json();
        assert_eq!(read["text"], format!("note {n}"));
    }
    bed.end().await;
}

async fn another_ring_is_refused(db: Db) {
    let bed = Bed::new(db).await;
    bed.stored(&bed.note("x")).await;
    let active = bed
        .app
        .app
        .private
        .ring()
        .expect("ring")
        .active()
        .to_owned();
    let other = Ring::generate(&Clock::system()).expect("ring");
    let refused = unlock(&bed.app.app, other, None)
        .await
        .expect_err("lacks the key");
    assert!(refused.issues[0].text.contains(&active), "{refused}");
    assert!(refused.issues[0].text.contains("lacks"), "{refused}");
    let text = Ring::generate(&Clock::system()).expect("ring");
    let forged = text.print().expect("text").replace(text.active(), &active);
    let forged = Ring::parse(&forged).expect("ring");
    let refused = unlock(&bed.app.app, forged, None)
        .await
        .expect_err("another key");
    assert!(refused.issues[0].text.contains("not the one"), "{refused}");
    // The service goes on with what it had.
    bed.stored(&bed.note("y")).await;
    bed.end().await;
}

async fn a_new_key_needs_no_restart(db: Db) {
    let bed = Bed::new(db).await;
    let folder = Folder::new();
    let path = folder.path().join("keys.json");
    file::create(&path, &copy(&bed.app.app)).expect("key file");
    let from_file = || (file::read(&path).expect("ring"), Some(path.clone()));
    let (ring, source) = from_file();
    unlock(&bed.app.app, ring, source).await.expect("unlocked");
    let first = bed.stored(&bed.note("first")).await;
    let rotate = || drop(file::rotate(&path, &Clock::system()).expect("rotated"));
    rotate();
    // Another process starts with the new file; this one is left alone.
    let store = bed.place().open().await;
    let clock = bed.app.app.clock.clone();
    let second = assemble(store.clone(), clock, "default", &bed.app.base, None);
    let second = sealed(second);
    let (ring, source) = from_file();
    unlock(&second, ring, source).await.expect("unlocked");
    let listener = server::bind("127.0.0.1:0".parse().expect("address")).await;
    let listener = listener.expect("bind");
    let there = Caller {
        base: format!("http://{}", listener.local_addr().expect("address")),
        ..bed.own().clone()
    };
    let running = server::start(second.clone(), listener, 16).expect("server");
    let heard = Ask::json(bare(&bed.all()), &bed.note("second"))
        .send(&there)
        .await;
    assert_eq!(heard.status, 201, "{}", heard.text);
    let note = heard.json()["id"].as_str().expect("id").to_owned();
    let read = Ask::get(bed.one(&note)).send(bed.own()).await;
    assert_eq!(
        (read.status, &read.json()["text"]),
        (200, &json!("second")),
        "{}",
        read.text
    );
    // A third key retires the others while both processes hold the second for the active one.
    rotate();
    let (ring, _) = from_file();
    let newest = ring.active().to_owned();
    let third = assemble(
        store.clone(),
        Clock::system(),
        "default",
        &bed.app.base,
        None,
    );
    let third = third.expect("app");
    unlock(&third, ring, None).await.expect("unlocked");
    assert_eq!(
        rewrap(&third).await.expect("wrapped anew").needed,
        std::slice::from_ref(&newest)
    );
    for caller in [bed.own(), &there] {
        let heard = Ask::json(bare(&bed.all()), &bed.note("third"))
            .send(caller)
            .await;
        assert_eq!(heard.status, 201, "{}", heard.text);
        let read = Ask::get(bed.one(&first)).send(caller).await;
        assert_eq!((read.status, &read.json()["text"]), (200, &json!("first")));
    }
    let known = bed
        .place()
        .column("SELECT DISTINCT key FROM private_note")
        .await;
    assert_eq!(known, [newest]);
    running.stop().await;
    store.close().await;
    bed.end().await;
}

async fn notes_are_handed_over_to_a_new_program(db: Db) {
    let bed = Bed::new(db).await;
    let note = bed.stored(&bed.note("to be handed over")).await;
    let twin = bed.therapist("twin", &bed.practice()).await;
    let office = Role::PracticeAdmin;
    client(&bed.app, "office", &bed.practice(), office).await;
    bed.therapist("elsewhere", "org-elsewhere").await;
    let app = &bed.app.app;
    for to in [
        "elsewhere",
        "office",
        "demo-partner",
        "nobody",
        "demo-practice",
    ] {
        assert!(hand_over(app, "demo-practice", to).await.is_err(), "{to}");
    }
    assert_eq!(Ask::get(bed.one(&note)).send(&twin).await.status, 404);
    assert_eq!(
        hand_over(app, "demo-practice", "twin")
            .await
            .expect("handed over"),
        1
    );
    let read = Ask::get(bed.one(&note)).send(&twin).await;
    assert_eq!(
        (read.status, &read.json()["text"]),
        (200, &json!("to be handed over"))
    );
    assert_eq!(Ask::get(bed.one(&note)).send(bed.own()).await.status, 404);
    bed.end().await;
}
