//! What the audit keeps of private notes: every request, every refusal, every act of the operator, and no word.

use kap_fhir::access::Role;
use kap_fhir::audit::NOTE_KEY;
use kap_fhir::clock::Clock;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use kap_fhir::interaction::private_note::keys::{hand_over, rewrap, rotated, unlock};
use serde_json::json;

use super::bare;
use super::bed::{Bed, MISSING, client};
use super::keys::copy;
use crate::app::{Db, unique};
use crate::audit::rows_of;
use crate::both;
use crate::wire::{Ask, Heard};

both!(
    every_request_leaves_its_event,
    a_refusal_is_told_to_the_practice_that_keeps_the_record,
    what_the_operator_does_leaves_its_event,
);

const WHAT: &str = "kind, outcome, reason, target_type, target_id, target_version, patient, detail";

/// Sends it and gives the one row that it left, and the answer.
async fn traced(bed: &Bed, ask: Ask, caller: &Caller) -> (Vec<String>, Heard) {
    let id = unique("request").replace('_', "-");
    let heard = ask.with("X-Request-Id", &id).send(caller).await;
    let mut rows = rows_of(&bed.app, &id, WHAT).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    (rows.remove(0), heard)
}

fn put(path: &str, body: &serde_json::Value) -> Ask {
    Ask {
        method: "PUT",
        ..Ask::json(bare(path), body)
    }
}

/// The patient of the two episodes.
async fn patient(bed: &Bed) -> String {
    let sql = format!(
        "SELECT patient FROM episode_head WHERE episode = '{}'",
        bed.episode
    );
    bed.place().cell(&sql).await
}

async fn every_request_leaves_its_event(db: Db) {
    let bed = Bed::new(db).await;
    let (own, patient) = (bed.own(), patient(&bed).await);
    let create = Ask::json(bare(&bed.all()), &bed.note("kept from everybody"));
    let (row, heard) = traced(&bed, create.clone(), own).await;
    let note = heard.json()["id"].as_str().expect("id").to_owned();
    let of_note = |kind: &'static str, version: &'static str, detail: &'static str| {
        [
            kind,
            "0",
            "",
            "private note",
            &note,
            version,
            &patient,
            detail,
        ]
        .map(str::to_owned)
    };
    assert_eq!(row, of_note("note-create", "1", ""));
    let (row, heard) = traced(&bed, create, own).await;
    assert_eq!(heard.header("idempotency-replayed"), "true");
    assert_eq!(row, of_note("note-read", "1", "repeated request"));
    let one = bed.one(&note);
    let (row, _) = traced(&bed, put(&one, &bed.note("and again")), own).await;
    assert_eq!(row, of_note("note-update", "2", ""));
    let (row, heard) = traced(&bed, Ask::get(&one), own).await;
    assert_eq!(
        (heard.status, row),
        (200, of_note("note-read", "2", "").to_vec())
    );
    let (row, _) = traced(&bed, Ask::get(format!("{one}&version=1")), own).await;
    assert_eq!(row, of_note("note-read", "1", ""));
    let (row, _) = traced(&bed, Ask::new("HEAD", &one), own).await;
    assert_eq!(row, of_note("note-read", "2", ""));
    let (row, _) = traced(&bed, Ask::get(bed.all()), own).await;
    let list = [
        "note-list",
        "0",
        "",
        "EpisodeOfCare",
        &bed.episode,
        "",
        &patient,
        "private notes",
    ];
    assert_eq!(row, list);
    // The privacy officer of the practice hears of it; what was said is nowhere.
    let role = Role::PrivacyOfficer;
    let officer = client(&bed.app, "the-officer", &bed.practice(), role).await;
    let found = Ask::get(format!("/fhir/AuditEvent?entity={note}&_count=50"));
    let set = found.send(&officer).await;
    let entries = set.json()["entry"].as_array().expect("events").clone();
    assert_eq!(entries.len(), 6, "{}", set.text);
    for entry in &entries {
        let event = &entry["resource"];
        let told = &event["entity"][0];
        assert_eq!(told["what"]["identifier"]["value"], note.as_str());
        assert!(told["what"].get("reference").is_none(), "{told}");
        let words = told["description"].as_str().expect("description");
        assert!(words.starts_with("private note, version "), "{words}");
        assert_eq!(
            event["entity"][1]["what"]["reference"],
            format!("Patient/{patient}")
        );
        assert!(
            event["meta"].get("profile").is_none(),
            "no profile of FHIR's own interactions"
        );
    }
    assert!(!set.text.contains("kept from") && !set.text.contains("and again"));
    bed.end().await;
}

async fn a_refusal_is_told_to_the_practice_that_keeps_the_record(db: Db) {
    let bed = Bed::new(db).await;
    let note = bed.stored(&bed.note("x")).await;
    let (one, all, missing) = (bed.one(&note), bed.all(), bed.one(MISSING));
    let narrow = bed.again("demo-practice", "system/Patient.r").await;
    let partner = bed.app.as_party(Party::Partner);
    let unfit = json!({ "kind": "imagery", "authorId": bed.author });
    let stale = put(&one, &bed.note("y")).with("If-Match", "W/\"7\"");
    let hidden = format!("private note {note}");
    let nothing = format!("private note {MISSING}");
    for (ask, caller, kind, outcome, reason, detail) in [
        (
            Ask::get(&one),
            partner,
            "note-read",
            "4",
            "404 not-found",
            &*hidden,
        ),
        (
            Ask::get(&all),
            partner,
            "note-list",
            "4",
            "404 not-found",
            "private notes",
        ),
        (
            put(&one, &bed.note("z")),
            partner,
            "note-update",
            "4",
            "404 not-found",
            &hidden,
        ),
        (
            Ask::json(bare(&all), &unfit),
            partner,
            "note-create",
            "4",
            "404 not-found",
            "private notes",
        ),
        (
            Ask::get(&missing),
            bed.own(),
            "note-read",
            "4",
            "404 not-found",
            &nothing,
        ),
        (
            Ask::json(bare(&all), &unfit),
            bed.own(),
            "note-create",
            "4",
            "422 business-rule",
            "private notes",
        ),
        (
            stale,
            bed.own(),
            "note-update",
            "4",
            "412 version-conflict",
            &hidden,
        ),
        (
            Ask::get(&one),
            &narrow,
            "note-read",
            "8",
            "403 insufficient-scope",
            &hidden,
        ),
    ] {
        let (row, heard) = traced(&bed, ask, caller).await;
        let told = [
            kind,
            outcome,
            reason,
            "EpisodeOfCare",
            &bed.episode,
            "",
            "",
            detail,
        ];
        assert_eq!(row, told, "{}", heard.text);
    }
    // A note that was changed in the database.
    let sql = format!("UPDATE private_note SET sealed = '' WHERE id = '{note}'");
    bed.place().run(&sql).await.expect("changed");
    let (row, _) = traced(&bed, Ask::get(&one), bed.own()).await;
    assert_eq!(row[..3], ["note-read", "12", "500 exception"]);
    let role = Role::PrivacyOfficer;
    let officer = client(&bed.app, "the-officer", &bed.practice(), role).await;
    let found = Ask::get(format!(
        "/fhir/AuditEvent?entity={}&outcome=4,8&_count=50",
        bed.episode
    ));
    let set = found.send(&officer).await.json();
    let of_partner = set["entry"].as_array().into_iter().flatten();
    let of_partner = of_partner
        .filter(|e| e["resource"]["agent"][0]["who"]["identifier"]["value"] == "demo-partner");
    assert_eq!(of_partner.count(), 4, "{set}");
    bed.end().await;
}

async fn what_the_operator_does_leaves_its_event(db: Db) {
    let bed = Bed::new(db).await;
    let app = &bed.app.app;
    let patient = patient(&bed).await;
    for text in ["one", "two"] {
        bed.stored(&bed.note(text)).await;
    }
    let first = app.private.ring().expect("ring").active().to_owned();
    let mut ring = copy(app);
    let second = ring.rotate(&Clock::system()).expect("rotated").to_owned();
    rotated(app, &second).await.expect("recorded");
    unlock(app, ring, None).await.expect("unlocked");
    unlock(app, copy(app), None).await.expect("again");
    assert_eq!(rewrap(app).await.expect("wrapped anew").count, 2);
    bed.therapist("twin", &bed.practice()).await;
    hand_over(app, "demo-practice", "twin")
        .await
        .expect("given");
    let of = async |kind: &str| {
        let sql = format!(
            "SELECT target_type, target_id, patient, detail, client, outcome FROM audit WHERE kind = '{kind}'"
        );
        // Ids of one instant are in no order.
        let mut rows = bed.place().rows(&sql).await;
        rows.sort();
        rows
    };
    let key = |id: &str, detail: &str| [NOTE_KEY, id, "", detail, "", "0"].map(str::to_owned);
    let mut added = [key(&first, ""), key(&second, "")];
    added.sort();
    assert_eq!(of("note-key-add").await, added, "once each");
    assert_eq!(of("note-key-rotate").await, [key(&second, "")]);
    assert_eq!(
        of("note-rewrap").await,
        [
            key(&second, "2 data keys"),
            key(&second, "finished: 2 data keys")
        ]
    );
    let given = ["client", "twin", &patient, "from demo-practice", "", "0"];
    assert_eq!(of("note-hand-over").await, [given], "one for each patient");
    bed.end().await;
}
