//! Everything that a client can read.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt as _};
use kap_fhir::access::role::every_kind;
use kap_fhir::demo::player::{Caller, Played};
use kap_fhir::kap::Episode;
use serde_json::Value;

use super::needles::Ear;
use super::notes_path;
use crate::contract::file::Contract;
use crate::wire::Ask;

/// What the originator reads of its own notes.
pub async fn told(own: &Caller, episode: &Episode, played: &Played) -> String {
    let mut all = String::new();
    for member in &episode.care_team {
        let author = &played.names[member.id.as_str()];
        let path = notes_path(played);
        let list = Ask::get(format!("{path}?limit=200&authorId={author}"))
            .send(own)
            .await
            .json();
        for head in list["items"].as_array().into_iter().flatten() {
            let id = head["id"].as_str().expect("id");
            let note = Ask::get(format!("{path}/{id}?authorId={author}"))
                .send(own)
                .await;
            assert_eq!(note.status, 200, "{}", note.text);
            all.push_str(&note.text);
        }
    }
    all
}

/// Every reading path, as one client. The practice, which owns all there is, reads every record in every version; of
/// what the others find by searching, one of each kind is read once more.
pub async fn crawl(
    name: &str,
    caller: &Caller,
    played: &Played,
    (author, notes): (&str, &[String]),
    ear: &Ear,
) {
    let list = Ask::get(format!(
        "{}?authorId={author}&limit=200",
        notes_path(played)
    ));
    ear.heard(name, "list of notes", &list.send(caller).await);
    if name != "practice" {
        for id in notes {
            let ask = Ask::get(format!("{}/{id}?authorId={author}", notes_path(played)));
            let heard = ask.send(caller).await;
            assert_eq!(heard.status, 404, "{name}: {}", heard.text);
            ear.heard(name, "note", &heard);
        }
    }
    let mut paths = practice_paths(name, caller, played).await;
    for (kind, _) in every_kind() {
        paths.extend(fhir_paths(name, caller, kind, ear).await);
    }
    let all = stream::iter(paths).map(async |path| {
        let heard = Ask::get(&path).send(caller).await;
        // A crawl without a token would find nothing.
        let fine = heard.status < 500 && heard.status != 401;
        assert!(fine, "{name} {path}: {} {}", heard.status, heard.text);
        ear.heard(name, &path, &heard);
    });
    all.buffer_unordered(8).collect::<Vec<()>>().await;
}

/// Every `GET` of the contract but those of private notes and of single resources, with every id that fits.
async fn practice_paths(name: &str, caller: &Caller, played: &Played) -> Vec<String> {
    let e = format!("/kap/v1/episodes/{}", played.episode);
    let shown = Ask::get(&e).send(caller).await.json();
    let mut ids = BTreeSet::from([played.episode.clone()]);
    ids.extend(played.names.values().cloned());
    all_ids(&shown, &mut ids);
    let sessions = shown["sessions"].as_array().into_iter().flatten();
    let few = if name == "practice" { usize::MAX } else { 2 };
    let sessions: Vec<_> = sessions
        .filter_map(|s| s["id"].as_str())
        .take(few)
        .collect();
    let mut paths = vec![];
    let hooks = Ask::get("/kap/v1/webhooks").send(caller).await.json();
    let hooks = hooks["items"].as_array().cloned().unwrap_or_default();
    let mut hooks: Vec<&str> = hooks.iter().filter_map(|one| one["id"].as_str()).collect();
    hooks.push("none");
    let contract = Contract::read();
    let reads = contract.operations();
    for (_, path, _) in reads.iter().filter(|(method, _, _)| *method == "get") {
        if path.contains("/private-notes")
            || path.contains("{type}")
            || path.starts_with("/fhir/Composition")
            || path.contains("$export/{job}")
            || path.starts_with("/fhir/Group")
        {
            continue;
        }
        let path = path.replace("{episode}", &played.episode);
        if path.starts_with("/fhir/EpisodeOfCare/{id}/") {
            let path = path.replace("{id}", &played.episode);
            paths.push(format!("{path}?_count=1000"));
        } else if path.starts_with("/kap/v1/patients/") || path.starts_with("/fhir/Patient/{id}/") {
            let patient = shown["patient"]["id"].as_str().unwrap_or("none");
            paths.push(path.replace("{id}", patient));
        } else if path.starts_with("/kap/v1/webhooks/{id}")
            || path.starts_with("/fhir/Subscription/{id}/")
        {
            paths.extend(hooks.iter().map(|id| path.replace("{id}", id)));
        } else if path.starts_with("/kap/v1/partners/{id}/") {
            paths.push(path.replace("{id}", "elsewhere"));
        } else if path.contains("{record}") {
            let most = if name == "practice" { 60 } else { 5 };
            let some = ids.iter().take(most);
            paths.extend(some.map(|id| path.replace("{record}", id)));
        } else if path.contains("{session}") {
            paths.extend(sessions.iter().map(|id| path.replace("{session}", id)));
        } else if path.ends_with("/summary") {
            paths.extend(["A", "B", "F"].map(|doc| format!("{path}?doc={doc}")));
            let of_session =
                |id: &&str| ["C", "D", "E"].map(|doc| format!("{path}?doc={doc}&session={id}"));
            paths.extend(sessions.iter().flat_map(of_session));
        } else {
            assert!(!path.contains('{'), "{path} is not crawled");
            paths.push(path);
        }
    }
    paths.push(format!("{e}?view=summary"));
    paths
}

fn all_ids(value: &Value, ids: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| all_ids(item, ids)),
        Value::Object(members) => {
            ids.extend(members.get("id").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| all_ids(member, ids));
        }
        _ => {}
    }
}

/// Searches a type by both methods, page by page, and gives the paths of what it found: reads, versions, documents.
async fn fhir_paths(name: &str, caller: &Caller, kind: &str, ear: &Ear) -> Vec<String> {
    let mut paths = vec![format!("/fhir/{kind}/_history?_count=1000")];
    // The audit is not asked for all at once.
    let all = if kind == "AuditEvent" {
        "_count=200&date=ge2020-01-01"
    } else {
        "_count=200"
    };
    let by_post = Ask::post(format!("/fhir/{kind}/_search"), all)
        .with("Content-Type", "application/x-www-form-urlencoded");
    ear.heard(name, "_search", &by_post.send(caller).await);
    let mut next = Some(format!("/fhir/{kind}?{all}&_total=accurate"));
    while let Some(path) = next.take() {
        let heard = Ask::get(&path).send(caller).await;
        ear.heard(name, &path, &heard);
        let set = heard.json();
        for entry in set["entry"].as_array().into_iter().flatten() {
            let (id, meta) = (&entry["resource"]["id"], &entry["resource"]["meta"]);
            let path = format!("/fhir/{kind}/{}", id.as_str().unwrap_or_default());
            if kind == "Composition" {
                paths.push(format!("{path}/$document"));
            }
            if name != "practice" && paths.len() > 1 && kind != "Composition" {
                continue;
            }
            let newest = meta["versionId"]
                .as_str()
                .and_then(|v| v.parse().ok())
                .unwrap_or(1);
            paths.push(format!("{path}/_history"));
            paths.extend((1..=newest).map(|version: i64| format!("{path}/_history/{version}")));
            paths.push(path);
        }
        let links = set["link"].as_array().into_iter().flatten();
        let link = links
            .filter(|l| l["relation"] == "next")
            .find_map(|l| l["url"].as_str());
        next = link.map(|url| url.replacen(&caller.base, "", 1));
    }
    paths
}
