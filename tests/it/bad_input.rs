//! What is wrong is refused with the documented words, and leaves no trace.

use kap_fhir::demo::player::{Caller, Played};
use kap_fhir::demo::script::Party;
use serde_json::Value;

use crate::app::{Db, TestApp, sample};
use crate::wire::Ask;

mod keys;
mod references;
mod requests;
mod transport;

const SAMPLE: &str = include_str!("../samples/01-adult-trd-remote-lozenge.json");

/// A request that is refused: its name, the answer's status, code and pointer (empty where there is none).
struct Case(&'static str, Ask, u16, &'static str, &'static str);

/// A played episode with what the cases need of it.
struct World {
    app: TestApp,
    played: Played,
    /// Path of the episode.
    e: String,
}

impl World {
    async fn new(db: Db) -> Self {
        let (episode, _) = sample(SAMPLE);
        let (app, played) = TestApp::played(db, &episode).await;
        let e = format!("/kap/v1/episodes/{}", played.episode);
        Self { app, played, e }
    }

    fn practice(&self) -> &Caller {
        self.app.as_party(Party::Practice)
    }

    /// The service's id for one of the sample's.
    fn id(&self, name: &str) -> &str {
        &self.played.names[name]
    }

    fn session(&self, rest: &str) -> String {
        format!("{}/sessions/{}/{rest}", self.e, self.id("ses-0009"))
    }

    /// Sends every case as `party`, then checks that nothing changed and the service is well.
    async fn refuses(&self, party: Party, cases: Vec<Case>) {
        let caller = self.app.as_party(party);
        let before = self.seen().await;
        let mut wrong = vec![];
        for Case(name, ask, status, code, pointer) in cases {
            let heard = ask.send(caller).await;
            let body = heard.json();
            let kind = heard.header("content-type");
            let points: Vec<&str> = body["issues"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|i| i["pointer"].as_str().unwrap_or_default())
                .collect();
            let whole = ["type", "title", "detail"]
                .iter()
                .all(|m| body[*m].as_str().is_some_and(|t| !t.is_empty()));
            let right = heard.status == status
                && kind == "application/problem+json"
                && body["code"] == code
                && body["status"] == status
                && points.contains(&pointer)
                && whole
                && !heard.header("x-request-id").is_empty();
            if !right {
                wrong.push(format!(
                    "{name}: wanted {status} {code} {pointer:?}, heard {} {kind} {}",
                    heard.status, heard.text
                ));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!(before, self.seen().await, "the episode is as it was");
        assert_eq!(
            Ask::get("/readyz").send_bare(&self.app.base).await.status,
            200
        );
    }

    async fn seen(&self) -> Value {
        let heard = Ask::get(&self.e).send(self.practice()).await;
        assert_eq!(heard.status, 200);
        heard.json()
    }
}

fn dose(at: &str, more: &str) -> String {
    format!(
        r#"{{"at":"{at}","kind":"booster","status":"completed","doseMg":100,"route":{{"system":"http://snomed.info/sct","code":"37839007"}}{more}}}"#
    )
}

const PAST: &str = "2026-07-18T10:20:00-07:00";
