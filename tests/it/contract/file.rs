//! `openapi.yaml` and the route table, read so that they can be compared.

use std::collections::{BTreeSet, HashMap};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::wire::Heard;

/// The file, and its schemas as they are needed.
pub struct Contract {
    file: Value,
    schemas: HashMap<String, Validator>,
}

/// A route of the code: method and path with `{}` for every parameter; of a command also scope and status.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
pub struct Route {
    pub path: String,
    pub method: &'static str,
    pub scope: Option<String>,
    pub status: Option<&'static str>,
}

impl Contract {
    pub fn read() -> Self {
        let file = serde_saphyr::from_str(include_str!("../../../openapi.yaml")).expect("YAML");
        Self {
            file,
            schemas: HashMap::new(),
        }
    }

    /// Every operation: method, path as written, the operation.
    pub fn operations(&self) -> Vec<(&'static str, &str, &Value)> {
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

    pub fn operation(&self, method: &str, path: &str) -> &Value {
        let blank = blank(path);
        let all = self.operations();
        let found = all
            .iter()
            .find(|(m, p, _)| *m == method && self::blank(p) == blank);
        found
            .unwrap_or_else(|| panic!("{method} {path} is not in the file"))
            .2
    }

    pub fn followed<'v>(&'v self, value: &'v Value) -> &'v Value {
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
    pub fn faults(&mut self, schema: &Value, value: &Value) -> Vec<String> {
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
    pub fn answer(&mut self, method: &str, path: &str, status: u16, body: &Value) -> Vec<String> {
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
    pub fn heard(&mut self, method: &str, path: &str, heard: &Heard) -> Vec<String> {
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

    pub fn request(&mut self, method: &str, path: &str, body: &Value) -> Vec<String> {
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
pub fn blank(path: &str) -> String {
    // A trailing slash names the same resource.
    let parts = path
        .trim_end_matches('/')
        .split('/')
        .map(|p| if p.starts_with('{') { "{}" } else { p });
    parts.collect::<Vec<_>>().join("/")
}

/// The route table, from the text of the files that hold it.
pub fn routes() -> BTreeSet<Route> {
    let mut all = BTreeSet::new();
    table(
        include_str!("../../../src/http/mod.rs"),
        |_| String::new(),
        &mut all,
    );
    table(
        include_str!("../../../src/http/fhir/routes.rs"),
        |_| String::new(),
        &mut all,
    );
    let below = |at: usize| {
        let text = include_str!("../../../src/http/practice.rs");
        let episode = text.find("fn episode_routes").expect("table");
        let e = if at > episode {
            "/episodes/{episode}"
        } else {
            ""
        };
        format!("/kap/v1{e}")
    };
    table(
        include_str!("../../../src/http/practice.rs"),
        below,
        &mut all,
    );
    table(
        include_str!("../../../src/http/private_note.rs"),
        |_| "/kap/v1".to_owned(),
        &mut all,
    );
    table(
        include_str!("../../../src/http/webhook.rs"),
        |at| {
            let text = include_str!("../../../src/http/webhook.rs");
            let public = text.find("fn published").expect("table");
            if at > public { "" } else { "/kap/v1" }.to_owned()
        },
        &mut all,
    );
    table(
        include_str!("../../../src/http/partner.rs"),
        |at| {
            let text = include_str!("../../../src/http/partner.rs");
            let public = text.find("fn published").expect("table");
            if at > public { "" } else { "/kap/v1" }.to_owned()
        },
        &mut all,
    );
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
        for (word, method) in [
            ("get(", "get"),
            ("post(", "post"),
            ("put(", "put"),
            ("patch(", "patch"),
            ("delete(", "delete"),
        ] {
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
