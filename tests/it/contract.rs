//! `openapi.yaml` says what the service does: paths, statuses, scopes, bodies.

use std::collections::{BTreeMap, BTreeSet};

use kap_fhir::demo::notes::of_file;
use kap_fhir::demo::player::Play;
use kap_fhir::demo::script::{Party, with_notes};
use serde_json::{Map, json};

use crate::app::sample;
use crate::app::{Db, TestApp};
use crate::both;
use crate::wire::{Ask, Heard};
use file::{Contract, Route, blank, routes};

pub mod file;

both!(no_operation_without_a_token);

const SAMPLES: [&str; 3] = [
    include_str!("../samples/01-adult-trd-remote-lozenge.json"),
    include_str!("../samples/02-adult-ptsd-inperson-im-hold-ae.json"),
    include_str!("../samples/03-adolescent-deferred.json"),
];

/// Method and path of every operation that needs a token.
pub fn protected() -> Vec<(&'static str, String)> {
    let contract = Contract::read();
    let all = contract.operations().into_iter();
    all.filter(|(_, _, operation)| !operation["security"].as_array().is_some_and(Vec::is_empty))
        .map(|(method, path, _)| (verb(method), path.to_owned()))
        .collect()
}

fn verb(method: &str) -> &'static str {
    match method {
        "get" => "GET",
        "put" => "PUT",
        "delete" => "DELETE",
        _ => "POST",
    }
}

#[test]
fn the_file_has_the_routes_of_the_code_and_no_others() {
    let contract = Contract::read();
    let code = routes();
    assert!(code.len() > 80, "the tables were read: {}", code.len());
    let pairs = |r: &Route| (r.path.clone(), r.method);
    let ours: BTreeSet<_> = code.iter().map(pairs).collect();
    let theirs: BTreeSet<_> = contract
        .operations()
        .iter()
        .map(|(m, p, _)| (blank(p), *m))
        .collect();
    assert_eq!(
        ours.difference(&theirs).collect::<Vec<_>>(),
        Vec::<&_>::new(),
        "in the code alone"
    );
    assert_eq!(
        theirs.difference(&ours).collect::<Vec<_>>(),
        Vec::<&_>::new(),
        "in the file alone"
    );
    for route in &code {
        let (Some(scope), Some(status)) = (&route.scope, route.status) else {
            continue;
        };
        let operation = contract.operation(route.method, &route.path);
        let words = operation["description"].as_str().unwrap_or_default();
        assert_eq!(
            operation["security"][0]["oauth2"],
            json!([scope]),
            "{}",
            route.path
        );
        assert!(
            words.contains(scope.as_str()),
            "{} does not name {scope}",
            route.path
        );
        let good: Vec<_> = operation["responses"]
            .as_object()
            .expect("responses")
            .keys()
            .filter(|s| s.starts_with('2'))
            .collect();
        assert_eq!(good, [status], "{}", route.path);
    }
}

#[test]
fn every_example_is_as_its_schema_says() {
    let mut contract = Contract::read();
    let mut found = vec![];
    let mut count = 0;
    let operations: Vec<_> = contract
        .operations()
        .into_iter()
        .map(|(m, p, o)| (format!("{m} {p}"), o.clone()))
        .collect();
    for (name, operation) in operations {
        let responses = operation["responses"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let holders = responses
            .into_iter()
            .chain([("request".to_owned(), operation["requestBody"].clone())]);
        for (status, holder) in holders {
            let holder = contract.followed(&holder).clone();
            for media in holder["content"]
                .as_object()
                .cloned()
                .unwrap_or_default()
                .into_values()
            {
                let many = media["examples"].as_object().cloned().unwrap_or_default();
                let all = many.into_values().map(|e| e["value"].clone());
                for example in all
                    .chain(media.get("example").cloned())
                    .filter(|e| !e.is_string())
                {
                    count += 1;
                    let faults = contract.faults(&media["schema"], &example);
                    found.extend(faults.into_iter().map(|f| format!("{name} {status}: {f}")));
                }
            }
        }
    }
    assert!(count > 80, "{count} examples");
    found.dedup();
    assert!(
        found.is_empty(),
        "{} faults\n{}",
        found.len(),
        found.join("\n")
    );
}

async fn no_operation_without_a_token(db: Db) {
    let (episode, _) = sample(SAMPLES[2]);
    let app = TestApp::start(db, &episode).await;
    let file = Contract::read();
    let mut contract = Contract::read();
    let mut open = BTreeMap::new();
    for (method, path, operation) in file.operations() {
        let public = operation["security"].as_array().is_some_and(Vec::is_empty);
        let concrete: Vec<_> = path
            .split('/')
            .map(|p| if p.starts_with('{') { "Patient" } else { p })
            .collect();
        let concrete = concrete.join("/");
        let verb = verb(method);
        let bare = if verb == "GET" {
            Ask::get(concrete)
        } else {
            Ask {
                method: verb,
                ..Ask::post(concrete, "{}")
            }
        };
        for ask in [
            bare.clone(),
            bare.clone().with("Authorization", "Bearer nonsense"),
        ] {
            let heard = ask.send_bare(&app.base).await;
            if public {
                open.insert(path.to_owned(), heard.status);
            } else {
                assert_eq!(heard.status, 401, "{method} {path}: {}", heard.text);
                assert!(
                    heard.header("www-authenticate").starts_with("Bearer"),
                    "{method} {path}"
                );
            }
            let faults = contract.heard(method, path, &heard);
            assert!(faults.is_empty(), "{faults:?}");
            assert_ne!(heard.status, 404, "{method} {path}");
            assert_ne!(heard.status, 405, "{method} {path}");
        }
    }
    assert!(
        open.len() >= 9 && open.values().all(|s| *s < 500),
        "{open:?}"
    );
    app.stop().await;
}

/// The words do not depend on the database: one is enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_as_described() {
    let mut contract = Contract::read();
    let mut faults = BTreeSet::new();
    let mut seen = BTreeSet::new();
    for text in SAMPLES {
        let (episode, _) = sample(text);
        let app = TestApp::start(Db::Sqlite, &episode).await;
        let mut heard = vec![];
        let notes = of_file(text, &episode).expect("notes");
        let mut play = Play::of(with_notes(&episode, notes), &app.callers, "contract");
        let played = play.rest(|step, reply| {
            heard.push((
                step.method.as_str().to_lowercase(),
                step.path,
                step.body.clone(),
                reply.clone(),
            ));
        });
        played.await.expect("every step is taken");
        let played = play.played;
        for (method, path, body, reply) in &heard {
            seen.insert(blank(path));
            faults.extend(contract.request(method, path, body));
            faults.extend(contract.answer(method, path, reply.status, &reply.body));
        }
        for party in [Party::Practice, Party::Partner, Party::Ehr] {
            for (path, heard) in views(&app, party, &played.episode).await {
                faults.extend(contract.heard("get", &path, &heard));
                seen.insert(blank(&path));
            }
        }
        app.stop().await;
    }
    assert!(seen.len() > 50, "{} paths were asked: {seen:?}", seen.len());
    let all: Vec<_> = faults.into_iter().collect();
    assert!(all.is_empty(), "{} faults\n{}", all.len(), all.join("\n"));
}

/// What `party` hears from every reading path: the path as the file writes it, and the answer.
async fn views(app: &TestApp, party: Party, episode: &str) -> Vec<(String, Heard)> {
    let caller = app.as_party(party);
    let e = "/kap/v1/episodes/{episode}";
    let shown = Ask::get(e.replace("{episode}", episode))
        .send(caller)
        .await
        .json();
    let (mut sessions, mut records) = (vec![], vec![]);
    for (_, list) in shown.as_object().unwrap_or(&Map::new()) {
        let ids = list
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|r| r["id"].as_str());
        // One of each kind.
        records.extend(ids.map(str::to_owned).take(1));
    }
    let all = shown["sessions"].as_array().into_iter().flatten();
    for session in all.filter(|s| s["type"] == "dosing").take(2) {
        sessions.push(session["id"].as_str().unwrap_or_default().to_owned());
        let part = &session["dosing"]["doses"][0]["id"];
        records.extend(part.as_str().map(str::to_owned));
    }
    let mut asks: Vec<(String, String)> = ["", "/timeline", "/trends", "/$export-episode"]
        .iter()
        .map(|rest| (format!("{e}{rest}"), format!("{e}{rest}")))
        .collect();
    asks.push((e.into(), format!("{e}?view=summary")));
    for letter in ["A", "B", "F"] {
        asks.push((format!("{e}/summary"), format!("{e}/summary?doc={letter}")));
    }
    for id in &sessions {
        asks.push((
            format!("{e}/sessions/{{session}}/readiness"),
            format!("{e}/sessions/{id}/readiness"),
        ));
    }
    for id in records.iter().chain([&episode.to_owned()]) {
        asks.push((
            format!("{e}/records/{{record}}"),
            format!("{e}/records/{id}"),
        ));
    }
    for path in [
        "/kap/v1/episodes",
        "/kap/v1/worklist",
        "/kap/v1/organizations",
        "/fhir/metadata",
        "/livez",
        "/readyz",
    ] {
        asks.push((path.into(), path.into()));
    }
    for path in [
        "/fhir/.well-known/smart-configuration",
        "/.well-known/oauth-authorization-server",
    ] {
        asks.push((path.into(), path.into()));
    }
    asks.push(("/fhir/{type}".into(), "/fhir/Patient".into()));
    asks.push((
        "/fhir/{type}/{id}".into(),
        format!("/fhir/EpisodeOfCare/{episode}"),
    ));
    let author = shown["careTeam"][0]["id"].as_str().unwrap_or("nobody");
    let notes = format!("{e}/private-notes");
    asks.push((notes.clone(), format!("{notes}?authorId={author}")));
    asks.push((notes.clone(), format!("{notes}?authorId={author}&limit=0")));
    let own = Ask::get(format!("{notes}?authorId={author}").replace("{episode}", episode));
    let own = own.send(caller).await.json();
    let first = own["items"][0]["id"].as_str().unwrap_or("none").to_owned();
    let one = format!("{notes}/{{note}}");
    asks.push((one.clone(), format!("{notes}/{first}?authorId={author}")));
    asks.push((one, format!("{notes}/none?authorId={author}")));
    let mut all = vec![];
    for (described, asked) in asks {
        let heard = Ask::get(asked.replace("{episode}", episode))
            .send(caller)
            .await;
        all.push((described, heard));
    }
    all
}
