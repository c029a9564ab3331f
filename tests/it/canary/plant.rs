//! Where private words are planted: in files, in notes, and where they do not belong.

use std::collections::BTreeSet;

use kap_fhir::demo::player::{Caller, Played};
use kap_fhir::kap::Episode;
use serde_json::{Value, json};

use super::needles::Ear;
use super::stage::Stage;
use super::{PRIVATE, notes_path};
use crate::scenarios::Case;
use crate::wire::Ask;

/// The file with a word in every practice-only field, and the words.
pub fn planted(case: Case) -> (String, BTreeSet<String>) {
    let mut file: Value = serde_json::from_str(case.text).expect("JSON");
    let mut words = BTreeSet::new();
    let mut word = |name: &str| {
        let word = format!("{PRIVATE}-{name}-{}", words.len());
        words.insert(word.clone());
        json!(word)
    };
    for intention in file["intentions"].as_array_mut().into_iter().flatten() {
        if intention["sharing"] == "practice-only" {
            intention["text"] = word("intention");
        }
    }
    for session in file["sessions"].as_array_mut().into_iter().flatten() {
        if session["dosing"]["effects"].is_object() {
            let effects = &mut session["dosing"]["effects"];
            effects["summary"] = word("summary");
            effects["experienceType"] = word("experience");
            effects["domains"] = json!([word("domain"), word("domain")]);
        }
    }
    (file.to_string(), words)
}

pub fn lead(episode: &Episode) -> &str {
    let practice = &episode.organizations.practice.id;
    let lead = episode
        .care_team
        .iter()
        .find(|m| m.organization_id == *practice);
    lead.expect("a therapist").id.as_str()
}

/// A note of each kind with a word in every field that can hold one.
pub fn every_kind_of_note(author: &str) -> Vec<Value> {
    let word = |name: &str| json!(format!("{PRIVATE}-{name}-direct"));
    vec![
        json!({ "kind": "psychotherapy-note", "authorId": author, "text": word("talk") }),
        json!({
            "kind": "intention", "authorId": author, "text": word("wish"), "expressedBy": "patient",
            "category": "outcome-target",
            "measure": { "system": word("system"), "code": word("code"), "display": word("display") },
            "target": { "comparator": word("comparator"), "value": 4.5 },
        }),
        json!({
            "kind": "parts-work", "authorId": author, "text": word("parts"),
            "parts": [
                { "name": word("part"), "role": "exile", "message": word("message"), "response": word("response") },
            ],
        }),
        json!({
            "kind": "imagery", "authorId": author, "text": word("image"), "experienceType": word("type"),
            "domains": [word("change")],
        }),
    ]
}

/// Every planted word of a value.
pub fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.starts_with(PRIVATE) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(words).collect(),
        Value::Object(members) => members.values().flat_map(words).collect(),
        _ => vec![],
    }
}

/// Stores, repeats and amends the notes; gives their ids.
pub async fn written(own: &Caller, played: &Played, kinds: &[Value], ear: &Ear) -> Vec<String> {
    let mut ids = vec![];
    for note in kinds {
        let ask = Ask::json(notes_path(played), note);
        let (first, again) = (ask.send(own).await, ask.send(own).await);
        assert_eq!((first.status, again.status), (201, 201), "{}", first.text);
        let id = first.json()["id"].as_str().expect("id").to_owned();
        let amend = Ask {
            method: "PUT",
            ..Ask::json(format!("{}/{id}", notes_path(played)), note)
        };
        let amended = amend.clone().send(own).await;
        assert_eq!(amended.status, 200, "{}", amended.text);
        let stale = amend
            .with("If-Match", "W/\"1\"")
            .with("Idempotency-Key", "stale")
            .send(own)
            .await;
        assert_eq!(stale.status, 412, "{}", stale.text);
        let mut other = note.clone();
        other["text"] = json!(format!("{PRIVATE}-other"));
        let key = ask
            .headers
            .iter()
            .find(|(name, _)| name == "Idempotency-Key")
            .expect("key");
        let reused = Ask::json(notes_path(played), &other)
            .with("Idempotency-Key", &key.1)
            .send(own)
            .await;
        assert_eq!(reused.status, 422, "{}", reused.text);
        for heard in [first, again, amended, stale, reused] {
            ear.heard("practice", "write", &heard);
        }
        ids.push(id);
    }
    ids
}

/// Sends private words where they do not belong, or in a way that is refused.
pub async fn refused(stage: &Stage, own: &Caller, played: &Played, kinds: &[Value], ear: &Ear) {
    let word = || json!(format!("{PRIVATE}-refused"));
    let note = |name: &str, value: Value| {
        let mut note = kinds[2].clone();
        note[name] = value;
        note.to_string()
    };
    let (e, private) = (
        format!("/kap/v1/episodes/{}", played.episode),
        notes_path(played),
    );
    let session = &played.names[stage.episode.sessions[0].id.as_str()];
    let intention = json!({ "text": word(), "expressedBy": "patient", "category": "intention", "sharing": "practice-only" });
    let effects = json!({ "onsetMinutes": 1, "summary": word(), "experienceType": word(), "domains": [word()] });
    let integration = json!({ "psychotherapyNoteRef": { "text": word() } });
    let unknown_field = json!({ "kind": "imagery", "authorId": kinds[0]["authorId"], format!("{PRIVATE}-field"): 1 });
    let bodies = [
        (format!("{e}/intentions"), intention.to_string()),
        (
            format!("{e}/sessions/{session}/effects"),
            effects.to_string(),
        ),
        (
            format!("{e}/sessions/{session}/integration"),
            integration.to_string(),
        ),
        (private.clone(), note("kind", word())),
        (private.clone(), note("authorId", word())),
        (private.clone(), note("sessionId", word())),
        (private.clone(), note("at", word())),
        (private.clone(), note("text", json!([word()]))),
        (
            private.clone(),
            note("text", json!({ format!("{PRIVATE}-key"): 1 })),
        ),
        (private.clone(), note("parts", word())),
        (
            private.clone(),
            note("parts", json!([{ "name": "x", "role": word() }])),
        ),
        (
            private.clone(),
            note(
                "parts",
                json!([{ "name": word(), format!("{PRIVATE}-key"): word() }]),
            ),
        ),
        (private.clone(), note("domains", json!([word()]))),
        (private.clone(), note("target", json!({ "value": word() }))),
        (private.clone(), note("kind", json!("intention"))),
        (private.clone(), unknown_field.to_string()),
        (
            private.clone(),
            format!("{{\"text\":\"{PRIVATE}-a\",\"text\":\"{PRIVATE}-b\"}}"),
        ),
        (
            private.clone(),
            format!("{{\"kind\":\"imagery\",\"text\":\"{PRIVATE}-broken"),
        ),
        (private.clone(), format!("{PRIVATE}-no-json")),
        (
            private.clone(),
            note("text", json!(format!("{PRIVATE}-nul\0"))),
        ),
        (
            private.clone(),
            format!("{}{}", kinds[0], " ".repeat(2 * 1024 * 1024)),
        ),
    ];
    for (path, body) in bodies {
        let heard = Ask::post(&path, body).send(own).await;
        assert!((400..500).contains(&heard.status), "{path}: {}", heard.text);
        ear.heard("practice", &path, &heard);
    }
    let author = &kinds[0]["authorId"].as_str().expect("author");
    for query in [
        format!("authorId={author}&{PRIVATE}-name=1"),
        format!("authorId={author}&kind={PRIVATE}-kind"),
        format!("authorId={author}&limit={PRIVATE}"),
        format!("authorId={author}&cursor={PRIVATE}"),
        format!("authorId={PRIVATE}%20x"),
    ] {
        let heard = Ask::get(format!("{private}?{query}")).send(own).await;
        assert_eq!(heard.status, 400, "{query}: {}", heard.text);
        ear.heard("practice", "odd query", &heard);
    }
    let odd = Ask::post(&private, kinds[0].to_string());
    for ask in [
        odd.clone().with("Content-Type", "text/plain"),
        odd.clone().without("Idempotency-Key"),
    ] {
        ear.heard("practice", "odd", &ask.send(own).await);
    }
    ear.heard("nobody", "no token", &odd.send_bare(&own.base).await);
    for (name, caller) in stage.everybody().await {
        if !["practice", "twin"].contains(&name) {
            for note in kinds {
                let heard = Ask::json(&private, note).send(&caller).await;
                assert_eq!(heard.status, 404, "{name}: {}", heard.text);
                ear.heard(name, "write", &heard);
            }
        }
    }
}
