//! `openapi.yaml` says what the service does: paths, statuses, scopes, bodies.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jsonschema::Validator;
use kap_fhir::demo::player::play;
use kap_fhir::demo::script::Party;
use serde_json::{Map, Value, json};

use crate::app::{Db, TestApp};
use crate::both;
use crate::scenarios::sample;
use crate::wire::{Ask, Heard};

both!(no_operation_without_a_token);

const SAMPLES: [&str; 3] = [
    include_str!("../samples/01-adult-trd-remote-lozenge.json"),
    include_str!("../samples/02-adult-ptsd-inperson-im-hold-ae.json"),
    include_str!("../samples/03-adolescent-deferred.json"),
];

/// The file, and its schemas as they are needed.
struct Contract {
    file: Value,
    schemas: HashMap<String, Validator>,
}

/// A route of the code: method and path with `{}` for every parameter; of a command also scope and status.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Route {
    path: String,
    method: &'static str,
    scope: Option<String>,
    status: Option<&'static str>,
}

impl Contract {
    fn read() -> Self {
        let file = serde_saphyr::from_str(include_str!("../../openapi.yaml")).expect("YAML");
        Self {
            file,
            schemas: HashMap::new(),
        }
    }

    /// Every operation: method, path as written, the operation.
    fn operations(&self) -> Vec<(&'static str, &str, &Value)> {
        let mut all = vec![];
        for (path, item) in self.file["paths"].as_object().expect("paths") {
            for method in ["get", "put", "post", "delete", "patch"] {
                if let Some(operation) = item.get(method) {
                    all.push((method, path.as_str(), operation));
                }
            }
        }
        all
    }

    fn operation(&self, method: &str, path: &str) -> &Value {
        let blank = blank(path);
        let all = self.operations();
        let found = all
            .iter()
            .find(|(m, p, _)| *m == method && self::blank(p) == blank);
        found
            .unwrap_or_else(|| panic!("{method} {path} is not in the file"))
            .2
    }

    fn followed<'v>(&'v self, value: &'v Value) -> &'v Value {
        match value["$ref"].as_str() {
            Some(name) => self.file.pointer(&name[1..]).expect(name),
            None => value,
        }
    }

    /// The schema of what `holder` (a response or request body) holds.
    fn schema(&self, holder: &Value) -> Option<Value> {
        let content = self.followed(holder)["content"].as_object()?;
        content.values().next()?.get("schema").cloned()
    }

    /// What is wrong with `value` by `schema`.
    fn faults(&mut self, schema: &Value, value: &Value) -> Vec<String> {
        let components = &self.file["components"];
        let validator = self.schemas.entry(schema.to_string()).or_insert_with(|| {
            let mut whole = json!({ "components": { "schemas": components["schemas"] } });
            for (name, member) in schema.as_object().into_iter().flatten() {
                whole[name] = member.clone();
            }
            close(&mut whole);
            jsonschema::options()
                .with_draft(jsonschema::Draft::Draft202012)
                .should_validate_formats(true)
                .build(&whole)
                .expect("schema")
        });
        let errors = validator.iter_errors(value);
        errors
            .map(|e| format!("{} at {}", e, e.instance_path()))
            .collect()
    }

    /// What is wrong with an answer: its status, or its body.
    fn answer(&mut self, method: &str, path: &str, status: u16, body: &Value) -> Vec<String> {
        let responses = &self.operation(method, path)["responses"];
        let Some(described) = responses.get(status.to_string()) else {
            return vec![format!(
                "{method} {path}: status {status} is not described: {body}"
            )];
        };
        let faults = match self.schema(&described.clone()) {
            Some(schema) => self.faults(&schema, body),
            None => vec![],
        };
        faults
            .into_iter()
            .map(|f| format!("{method} {path} {status}: {f}"))
            .collect()
    }

    /// As [`Contract::answer`], and what is wrong with its media type.
    fn heard(&mut self, method: &str, path: &str, heard: &Heard) -> Vec<String> {
        let mut faults = self.answer(method, path, heard.status, &heard.json());
        let described = &self.operation(method, path)["responses"][heard.status.to_string()];
        let given = heard
            .header("content-type")
            .split(';')
            .next()
            .unwrap_or_default();
        let content = self.followed(described)["content"].as_object();
        if !content.is_some_and(|c| c.keys().any(|k| k.split(';').next() == Some(given))) {
            faults.push(format!(
                "{method} {path} {}: media type {given}",
                heard.status
            ));
        }
        faults
    }

    fn request(&mut self, method: &str, path: &str, body: &Value) -> Vec<String> {
        let holder = self.operation(method, path)["requestBody"].clone();
        let Some(schema) = self.schema(&holder) else {
            return vec![format!("{method} {path}: no body is described")];
        };
        let faults = self.faults(&schema, body);
        faults
            .into_iter()
            .map(|f| format!("{method} {path} request: {f}"))
            .collect()
    }
}

/// Closes every object that lists its members, so that a member that the file does not know is found.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".into(), json!(false));
            }
            members
                .iter_mut()
                .filter(|(name, _)| *name != "example")
                .for_each(|(_, v)| close(v));
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// The path with `{}` for every parameter.
fn blank(path: &str) -> String {
    let parts = path
        .split('/')
        .map(|p| if p.starts_with('{') { "{}" } else { p });
    parts.collect::<Vec<_>>().join("/")
}

/// The route table, from the text of the two files that hold it.
fn routes() -> BTreeSet<Route> {
    let mut all = BTreeSet::new();
    table(
        include_str!("../../src/http/mod.rs"),
        |_| String::new(),
        &mut all,
    );
    let below = |at: usize| {
        let text = include_str!("../../src/http/practice.rs");
        let episode = text.find("fn episode_routes").expect("table");
        let e = if at > episode {
            "/episodes/{episode}"
        } else {
            ""
        };
        format!("/kap/v1{e}")
    };
    table(include_str!("../../src/http/practice.rs"), below, &mut all);
    all
}

fn table(text: &str, prefix: impl Fn(usize) -> String, all: &mut BTreeSet<Route>) {
    for (at, _) in text.match_indices(".route(") {
        let rest = &text[at + ".route(".len()..];
        let end = rest.find("\n        .").unwrap_or(rest.len());
        let line: String = rest[..end].split_whitespace().collect();
        let (path, handlers) = line.split_once(',').expect("a path and a handler");
        let path = match path.trim_matches('"') {
            "e" => "/episodes/{episode}",
            path => path,
        };
        let path = blank(&format!("{}{path}", prefix(at)));
        let has = |word: &str| handlers.starts_with(word) || handlers.contains(&format!(".{word}"));
        for (word, method) in [("get(", "get"), ("post(", "post"), ("put(", "put")] {
            if has(word) {
                all.insert(Route {
                    path: path.clone(),
                    method,
                    scope: None,
                    status: None,
                });
            }
        }
        for (word, method, created) in [
            ("add(", "post", Some(true)),
            ("step(", "post", Some(false)),
            ("set_one(", "put", Some(false)),
            ("of(", "post", None),
            ("part(", "post", None),
        ] {
            let Some(words) = handlers.strip_prefix(word) else {
                continue;
            };
            let mut words = words.split(',');
            let letter = words
                .next()
                .map(|i| if i == "Create" { "c" } else { "u" })
                .expect("interaction");
            let kind = words.next().map(|k| k.trim_matches('"')).expect("type");
            let status = if created.unwrap_or(letter == "c") {
                "201"
            } else {
                "200"
            };
            let scope = Some(format!("system/{kind}.{letter}"));
            all.insert(Route {
                path: path.clone(),
                method,
                scope,
                status: Some(status),
            });
        }
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
        let verb = match method {
            "get" => "GET",
            "put" => "PUT",
            _ => "POST",
        };
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
        let played = play(&episode, &app.callers, "contract", |step, reply| {
            heard.push((
                step.method.as_str().to_lowercase(),
                step.path,
                step.body.clone(),
                reply.clone(),
            ));
        });
        let played = played.await.expect("every step is taken");
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
    let mut all = vec![];
    for (described, asked) in asks {
        let heard = Ask::get(asked.replace("{episode}", episode))
            .send(caller)
            .await;
        all.push((described, heard));
    }
    all
}
