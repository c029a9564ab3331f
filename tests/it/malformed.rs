//! Requests that nobody should send, as data: `tests/malformed/*.json`. Each is refused with the status, the issue's code
//! and the place that its row names, and leaves nothing behind.

use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::app::{Db, TestApp};
use crate::both;
use crate::idempotency::beginning;
use crate::wire::{Ask, Heard};

both!(every_row_is_refused_as_it_says);

const FILES: &[(&str, &str)] = &[
    ("json", include_str!("../malformed/json.json")),
    ("structure", include_str!("../malformed/structure.json")),
    ("content", include_str!("../malformed/content.json")),
    ("http", include_str!("../malformed/http.json")),
    ("search", include_str!("../malformed/search.json")),
    ("bundle", include_str!("../malformed/bundle.json")),
    ("patch", include_str!("../malformed/patch.json")),
    ("operation", include_str!("../malformed/operation.json")),
];

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    method: String,
    path: String,
    #[serde(default)]
    headers: Map<String, Value>,
    /// `none`: without a token of its own.
    client: Option<String>,
    body: Option<Value>,
    /// A body that is no JSON, or must not be touched.
    raw: Option<String>,
    status: u16,
    /// The code of the first issue; absent where no OperationOutcome is due.
    code: Option<String>,
    /// The expressions of all issues, sorted.
    #[serde(default)]
    at: Vec<String>,
}

/// What the rows' placeholders stand for.
struct Names(Vec<(&'static str, String)>);

impl Names {
    fn fill(&self, text: &str) -> String {
        let put = |text: String, (name, value): &(&str, String)| text.replace(name, value);
        self.0.iter().fold(text.to_owned(), put)
    }
}

async fn first(caller: &Caller, kind: &str) -> String {
    let found = Ask::get(format!("/fhir/{kind}?_count=1"))
        .send(caller)
        .await;
    let id = found.json()["entry"][0]["resource"]["id"].clone();
    id.as_str()
        .unwrap_or_else(|| panic!("a {kind}: {}", found.text))
        .to_owned()
}

async fn send(row: &Row, names: &Names, caller: &Caller) -> Heard {
    let method = METHODS
        .iter()
        .find(|m| **m == row.method)
        .expect("a method");
    let mut ask = Ask::new(method, names.fill(&row.path));
    ask.body = match (&row.raw, &row.body) {
        (Some(raw), _) => raw.clone().into_bytes(),
        (None, Some(body)) => names.fill(&body.to_string()).into_bytes(),
        (None, None) => vec![],
    };
    let typed = row.headers.contains_key("Content-Type");
    if !typed && !ask.body.is_empty() {
        ask = ask.with("Content-Type", "application/fhir+json");
    }
    for (name, value) in &row.headers {
        ask = ask.with(name, value.as_str().unwrap_or_default());
    }
    if row.client.as_deref() == Some("none") {
        return ask.send_bare(&caller.base).await;
    }
    ask.send(caller).await
}

/// What is wrong with an answer, if anything.
fn judge(row: &Row, names: &Names, heard: &Heard) -> Option<String> {
    let outcome = heard.json();
    let issues = outcome["issue"].as_array().cloned().unwrap_or_default();
    let mut at: Vec<String> = issues
        .iter()
        .flat_map(|issue| issue["expression"].as_array().into_iter().flatten())
        .filter_map(|x| x.as_str().map(str::to_owned))
        .collect();
    at.sort();
    let mut wanted: Vec<String> = row.at.iter().map(|text| names.fill(text)).collect();
    wanted.sort();
    let code = issues
        .first()
        .and_then(|issue| issue["code"].as_str())
        .map(str::to_owned);
    let well_formed = outcome["resourceType"] == "OperationOutcome"
        && issues.iter().all(|issue| {
            let words = issue["diagnostics"].as_str().unwrap_or_default();
            issue["severity"] == "error" && words.ends_with(['.', ')', '…']) && words.len() > 10
        });
    let right = heard.status == row.status && code == row.code && at == wanted;
    if right && (well_formed || row.code.is_none()) {
        return None;
    }
    let text: String = heard.text.chars().take(400).collect();
    Some(format!(
        "{}: {} {code:?} {at:?}\n    {text}",
        row.name, heard.status
    ))
}

async fn every_row_is_refused_as_it_says(db: Db) {
    let (app, _) = TestApp::played(db, &beginning()).await;
    let practice = app.as_party(Party::Practice);
    let made = json!({ "resourceType": "Patient", "gender": "female", "birthDate": "1980-02-03",
        "name": [{ "family": "Synthetic", "given": ["Malformed"] }] });
    let ask = Ask::new("POST", "/fhir/Patient").with("Content-Type", "application/fhir+json");
    let made = Ask {
        body: made.to_string().into_bytes(),
        ..ask
    }
    .send(practice)
    .await;
    let patient = made.json()["id"].as_str().expect("a patient").to_owned();
    let names = Names(vec![
        ("{patientId}", patient.clone()),
        ("{patient}", format!("Patient/{patient}")),
        (
            "{practitioner}",
            format!("Practitioner/{}", first(practice, "Practitioner").await),
        ),
        (
            "{organization}",
            format!("Organization/{}", first(practice, "Organization").await),
        ),
    ]);
    let count = async || app.place().cell("SELECT COUNT(*) FROM resource").await;
    let before = count().await;
    let (mut rows, mut wrong) = (0, vec![]);
    for (file, text) in FILES {
        let all: Vec<Row> = serde_json::from_str(text).unwrap_or_else(|e| panic!("{file}: {e}"));
        for row in &all {
            rows += 1;
            let heard = send(row, &names, practice).await;
            wrong.extend(judge(row, &names, &heard).map(|said| format!("{file}: {said}")));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {rows}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(rows >= 300, "{rows} rows");
    assert_eq!(count().await, before, "something was stored");
    assert_eq!(Ask::get("/readyz").send(practice).await.status, 200);
}
