//! Requests at random: every interaction that there is, with parameters, bodies and headers of every kind.

use std::collections::VecDeque;

use kap_fhir::demo::player::Caller;
use reqwest::Method;
use serde_json::{Value, json};

use super::super::dice::Dice;
use super::super::scene::finding;
use super::super::seed::bundle;
use super::query::search;
use crate::fhir_door::{Answer, text};

/// What a client may have heard of: ids of both worlds, bodies and links that it was given.
pub struct Known {
    keys: Vec<(String, String)>,
    seen: Vec<Value>,
    /// Patients whom it was shown.
    near: Vec<String>,
    /// Next pages: the path in either world, for cursors are sealed.
    links: VecDeque<[String; 2]>,
}

/// One request.
#[derive(Debug)]
pub struct Ask {
    pub method: Method,
    /// In either world.
    pub path: [String; 2],
    pub headers: Vec<(&'static str, String)>,
    pub body: Option<(String, &'static str)>,
}

impl Known {
    pub fn new(keys: Vec<(String, String)>) -> Self {
        Self {
            keys,
            seen: vec![],
            near: vec![],
            links: VecDeque::new(),
        }
    }

    /// Takes in what the answers of both worlds show, which is the same.
    pub fn learn(&mut self, answers: [&Answer; 2], bases: [&str; 2]) {
        let [value, other] = answers.map(Answer::json);
        if let [Some(a), Some(b)] = [(&value, bases[0]), (&other, bases[1])].map(next) {
            self.links.push_back([a, b]);
        }
        let entries = value["entry"].as_array().into_iter().flatten();
        for resource in entries.map(|e| &e["resource"]).chain([&value]) {
            if resource["resourceType"] == "Patient" {
                self.near.push(text(&resource["id"]).to_owned());
            }
            if resource["id"].is_string()
                && resource["resourceType"] != "Bundle"
                && self.seen.len() < 400
            {
                self.seen.push(resource.clone());
            }
        }
        self.links.truncate(20);
    }

    pub fn key(&self, dice: &mut Dice) -> (String, String) {
        let (kind, id) = dice.one(&self.keys);
        match dice.below(6) {
            0 => (
                kind.clone(),
                "00000000-0000-4000-8000-00000000ffff".to_owned(),
            ),
            1 => (dice.one(&self.keys).0.clone(), id.clone()),
            _ => (kind.clone(), id.clone()),
        }
    }

    fn of(&self, kind: &str, dice: &mut Dice) -> String {
        let own: Vec<&(String, String)> = self.keys.iter().filter(|(k, _)| k == kind).collect();
        dice.one(&own).1.clone()
    }

    /// Any patient; more often one whom the client was shown.
    pub fn patient(&self, dice: &mut Dice) -> String {
        match (dice.below(3), &self.near) {
            (1 | 2, near) if !near.is_empty() => dice.one(near).clone(),
            _ => self.of("Patient", dice),
        }
    }
}

impl Ask {
    pub fn get(path: String) -> Self {
        Self {
            method: Method::GET,
            path: [path.clone(), path],
            headers: vec![],
            body: None,
        }
    }

    fn with(method: Method, path: String, body: &Value) -> Self {
        Self {
            method,
            body: Some((body.to_string(), "application/fhir+json")),
            ..Self::get(path)
        }
    }

    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The `n`th request.
    pub fn random(dice: &mut Dice, known: &Known, n: usize) -> Self {
        match dice.below(20) {
            0..=5 => search(dice, known),
            6 | 7 => match known.links.back() {
                Some(link) => Self {
                    path: link.clone(),
                    ..Self::get(String::new())
                },
                None => search(dice, known),
            },
            8..=10 => read(dice, known),
            11 | 12 => update(dice, known),
            13 | 14 => create(dice, known),
            15 => transaction(dice, known),
            16 if dice.below(3) == 0 => everything(dice, known),
            16 => {
                let id = known.of("Composition", dice);
                Self::get(format!("/fhir/Composition/{id}/$document"))
            }
            17 | 18 => practice(dice, known),
            _ => command(dice, known, n),
        }
    }

    /// Sends it in the first world or the second.
    pub async fn send(&self, caller: &Caller, world: usize) -> Answer {
        let url = format!("{}{}", caller.base, self.path[world]);
        let mut request = caller
            .http
            .request(self.method.clone(), url)
            .bearer_auth(&caller.token);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some((body, media)) = &self.body {
            request = request.header("Content-Type", *media).body(body.clone());
        }
        let response = request.send().await.expect("answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("text");
        Answer {
            status,
            headers,
            text,
        }
    }
}

/// The path of the next page.
fn next((set, base): (&Value, &str)) -> Option<String> {
    let mut links = set["link"].as_array()?.iter();
    let link = links.find(|link| link["relation"] == "next")?;
    text(&link["url"]).strip_prefix(base).map(str::to_owned)
}

fn read(dice: &mut Dice, known: &Known) -> Ask {
    let (kind, id) = known.key(dice);
    let versions = ["/_history/1", "/_history/2", "/_history/9", "/_history"];
    let suffix = match dice.below(7) {
        n @ 0..4 => versions[n],
        _ => "",
    };
    let ask = match dice.below(12) {
        0 => Ask::get(format!("/fhir/{kind}/_history?_count=3")),
        1 => Ask::get("/fhir/_history?_count=3".to_owned()),
        _ => Ask::get(format!("/fhir/{kind}/{id}{suffix}")),
    };
    match dice.below(5) {
        0 => ask.header("If-None-Match", format!("W/\"{}\"", 1 + dice.below(2))),
        _ => ask,
    }
}

fn everything(dice: &mut Dice, known: &Known) -> Ask {
    let patient = known.patient(dice);
    let path = *dice.one(&[
        "$everything?_count=40",
        "$everything?_type=Organization,Practitioner,Endpoint",
        "$everything?start=2026-05-01&_count=20",
        "$meta",
    ]);
    match dice.below(4) {
        0 => {
            let episode = known.of("EpisodeOfCare", dice);
            Ask::get(format!("/fhir/EpisodeOfCare/{episode}/{path}"))
        }
        2 => {
            let of = dice.one(&["", "Observation/", "Condition/", "Provenance/", "Consent/"]);
            Ask::get(format!("/fhir/{of}$meta"))
        }
        1 => Ask::get(format!("/fhir/DocumentReference/$docref?patient={patient}")),
        _ => Ask::get(format!("/fhir/Patient/{patient}/{path}")),
    }
}

fn match_header(ask: Ask, dice: &mut Dice) -> Ask {
    match dice.below(4) {
        0 => ask.header("If-Match", format!("W/\"{}\"", 1 + dice.below(3))),
        1 => ask.header("If-Match", "*".to_owned()),
        _ => ask,
    }
}

fn update(dice: &mut Dice, known: &Known) -> Ask {
    let (kind, id) = known.key(dice);
    let mut body = match known.seen.as_slice() {
        [] => json!({ "resourceType": kind, "id": id }),
        seen => dice.one(seen).clone(),
    };
    match dice.below(5) {
        3 => match_header(
            Ask {
                method: Method::DELETE,
                ..Ask::get(format!("/fhir/{kind}/{id}"))
            },
            dice,
        ),
        4 => {
            let test = json!([{ "op": "test", "path": "/birthDate", "value": "1984-03-12" }, { "op": "add", "path": "/language", "value": "en" }]);
            let from = dice.below(2);
            let patch = &test.as_array().map_or(&[][..], |all| &all[from..]);
            let path = match dice.below(3) {
                0 => format!("/fhir/{kind}?patient={}", known.patient(dice)),
                _ => format!("/fhir/{kind}/{id}"),
            };
            let ask = Ask {
                method: Method::PATCH,
                body: Some((json!(patch).to_string(), "application/json-patch+json")),
                ..Ask::get(path)
            };
            match_header(ask, dice)
        }
        0 => {
            let seen = (
                text(&body["resourceType"]).to_owned(),
                text(&body["id"]).to_owned(),
            );
            body["language"] = json!("en");
            match_header(
                Ask::with(Method::PUT, format!("/fhir/{}/{}", seen.0, seen.1), &body),
                dice,
            )
        }
        1 => {
            let own = text(&body["resourceType"]).to_owned();
            body["id"] = json!(id);
            match_header(
                Ask::with(Method::PUT, format!("/fhir/{own}/{id}"), &body),
                dice,
            )
        }
        _ => {
            let body = json!({ "resourceType": kind, "id": id, "status": "final", "code": { "text": "x" }, "subject": { "reference": format!("Patient/{}", known.patient(dice)) } });
            match_header(
                Ask::with(Method::PUT, format!("/fhir/{kind}/{id}"), &body),
                dice,
            )
        }
    }
}

fn resource(dice: &mut Dice, known: &Known) -> Value {
    let patient = known.patient(dice);
    let (kind, id) = known.key(dice);
    match dice.below(4) {
        0 | 1 => finding(&patient, ["one", "two", "three"][dice.below(3)]),
        2 => {
            json!({ "resourceType": "Communication", "status": "completed", "subject": { "reference": format!("Patient/{patient}") }, "about": [{ "reference": format!("{kind}/{id}") }] })
        }
        _ => {
            json!({ "resourceType": "Flag", "status": "active", "subject": { "reference": format!("Patient/{patient}") }, "code": { "text": "noted" } })
        }
    }
}

fn criteria(dice: &mut Dice, known: &Known) -> String {
    match dice.below(3) {
        0 => format!(
            "identifier=https://numbers.example.org|{}",
            ["one", "two", "three"][dice.below(3)]
        ),
        1 => format!("patient={}", known.patient(dice)),
        _ => "_security=SDV".to_owned(),
    }
}

fn create(dice: &mut Dice, known: &Known) -> Ask {
    let body = resource(dice, known);
    let ask = Ask::with(
        Method::POST,
        format!("/fhir/{}", text(&body["resourceType"])),
        &body,
    );
    match dice.below(2) {
        0 => ask.header("If-None-Exist", criteria(dice, known)),
        _ => ask,
    }
}

fn transaction(dice: &mut Dice, known: &Known) -> Ask {
    let n = 1 + dice.below(3);
    let mut whole = bundle((0..n).map(|_| resource(dice, known)).collect());
    if dice.below(2) == 0 {
        whole["entry"][0]["request"]["ifNoneExist"] = json!(criteria(dice, known));
    }
    if dice.below(3) == 0 {
        let (kind, id) = known.key(dice);
        let value =
            json!({ "resourceType": kind, "id": id, "status": "final", "code": { "text": "x" } });
        let put = json!({ "resource": value, "request": { "method": "PUT", "url": format!("{kind}/{id}") } });
        if let Some(entries) = whole["entry"].as_array_mut() {
            entries.push(put);
        }
    }
    Ask::with(Method::POST, "/fhir".to_owned(), &whole)
}

fn practice(dice: &mut Dice, known: &Known) -> Ask {
    let episode = known.of("EpisodeOfCare", dice);
    let (_, record) = known.key(dice);
    let path = match dice.below(10) {
        0 => "episodes?limit=3".to_owned(),
        1 => format!("episodes?patient={}", known.patient(dice)),
        2 => "worklist".to_owned(),
        3 => "worklist?due=2027-01-01".to_owned(),
        4 => format!("episodes/{episode}/timeline"),
        5 => format!("episodes/{episode}/trends"),
        6 => format!("episodes/{episode}/records/{record}"),
        7 => format!("episodes/{episode}/$export-episode"),
        8 => "organizations".to_owned(),
        _ => format!("episodes/{episode}"),
    };
    Ask::get(format!("/kap/v1/{path}"))
}

fn command(dice: &mut Dice, known: &Known, n: usize) -> Ask {
    let episode = known.of("EpisodeOfCare", dice);
    let (_, id) = known.key(dice);
    let (command, body) = match dice.below(5) {
        0 => (
            "communications",
            json!({ "at": "2026-07-20T10:00:00Z", "from": known.of("Practitioner", dice), "to": [known.of("Practitioner", dice)], "topic": "a question" }),
        ),
        1 => (
            "adverse-events",
            json!({ "at": "2026-07-20T10:00:00Z", "description": "nausea" }),
        ),
        2 => ("problems", json!({ "codings": [] })),
        3 => (
            "commands/hold",
            json!({ "reason": "a pause", "by": known.of("Practitioner", dice) }),
        ),
        _ => (
            "referrals/none/events",
            json!({ "status": "accepted", "by": id }),
        ),
    };
    let key = format!("key-{}", n / 2);
    let ask = Ask::with(
        Method::POST,
        format!("/kap/v1/episodes/{episode}/{command}"),
        &body,
    );
    let body = ask.body.map(|(body, _)| (body, "application/json"));
    Ask { body, ..ask }.header("Idempotency-Key", key)
}
