//! What an episode file has and the record has no place for is kept in private notes.

use kap_fhir::demo::script::Party;
use serde_json::Value;

use crate::app::Db;
use crate::both;
use crate::scenarios::stage::Stage;
use crate::scenarios::{FIRST, SECOND, STAGES};

both!(what_is_practice_only_in_a_file_is_kept_in_private_notes);

/// Everything that a file has and the record has no place for comes back from the private endpoint.
async fn what_is_practice_only_in_a_file_is_kept_in_private_notes(db: Db) {
    for (case, intentions, experiences, talks) in
        [(FIRST, 0, 3, 4), (SECOND, 1, 2, 3), (STAGES, 1, 0, 0)]
    {
        let stage = Stage::performed(db, case).await;
        let file: Value = serde_json::from_str(case.text).expect("JSON");
        let notes = every_note(&stage).await;
        let of = |kind: &str| {
            notes
                .iter()
                .filter(|n| n["kind"] == kind)
                .collect::<Vec<_>>()
        };
        let raw = list(&file["intentions"]).filter(|i| i["sharing"] == "practice-only");
        let mut found = 0;
        for told in raw {
            found += 1;
            let told = stage.played.named(told);
            let same = |n: &&&Value| {
                ["text", "expressedBy", "category", "at"]
                    .iter()
                    .all(|name| n[*name] == told[*name])
            };
            assert_eq!(of("intention").iter().filter(same).count(), 1, "{told}");
        }
        assert_eq!(
            (found, of("intention").len()),
            (intentions, intentions),
            "{}",
            case.name
        );
        let mut found = 0;
        for session in list(&file["sessions"]) {
            let effects = &session["dosing"]["effects"];
            if effects["experienceType"].is_null() && effects["domains"].is_null() {
                continue;
            }
            found += 1;
            let id = &stage.played.named(&session["id"]);
            let same = |n: &&&Value| {
                n["sessionId"] == *id
                    && n["experienceType"] == effects["experienceType"]
                    && n["domains"] == effects["domains"]
            };
            assert_eq!(of("imagery").iter().filter(same).count(), 1, "{id}");
        }
        assert_eq!(
            (found, of("imagery").len()),
            (experiences, experiences),
            "{}",
            case.name
        );
        let held = list(&file["sessions"]).filter(|s| {
            s["psychotherapyNoteRef"]["exists"] == true
                || s["integration"]["psychotherapyNoteRef"]["exists"] == true
        });
        assert_eq!(
            (held.count(), of("psychotherapy-note").len()),
            (talks, talks),
            "{}",
            case.name
        );
        stage.end().await;
    }
}

pub fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Every private note of the episode, by whichever clinician of the practice.
async fn every_note(stage: &Stage) -> Vec<Value> {
    let mut notes = vec![];
    for member in &stage.episode.care_team {
        let author = &stage.played.names[member.id.as_str()];
        let heads = stage
            .get(
                &stage.played,
                Party::Practice,
                &format!("/private-notes?limit=200&authorId={author}"),
            )
            .await;
        assert_eq!(heads.status, 200, "{}", heads.body);
        for head in list(&heads.body["items"]) {
            let id = head["id"].as_str().expect("id");
            let path = format!("/private-notes/{id}?authorId={author}");
            let note = stage.get(&stage.played, Party::Practice, &path).await;
            assert_eq!(note.status, 200, "{}", note.body);
            notes.push(note.body);
        }
    }
    notes
}
