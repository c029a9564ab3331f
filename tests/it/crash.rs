//! What was acknowledged survives a crash, once: the real program is killed in the middle of its work.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use kap_fhir::cli::assemble;
use kap_fhir::clock::Clock;
use kap_fhir::demo::player::{Caller, Reply};
use kap_fhir::demo::script::{Party, script};
use kap_fhir::demo::{Account, log_in, set_up};
use kap_fhir::store::{Options, Store};
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::tempdir::Folder;
use crate::app::{Db, audit_key, postgres_url, unique};
use crate::both;
use crate::idempotency::beginning;
use crate::program::{self, Program, free_address};
use crate::raw;

mod events;
mod exchange;
mod outage;
pub mod rounds;

both!(nothing_acknowledged_is_lost);

const ROUNDS: usize = 6;
const WRITERS: usize = 6;

/// A database of its own, by the URL that the program is given.
pub struct Place {
    pub url: String,
    pub database: raw::Place,
    /// Holds the key that seals the audit.
    keys: Folder,
    /// The keys of private notes.
    private: PathBuf,
}

impl Place {
    /// Makes the database and registers the parties of an episode.
    pub async fn new(db: Db, base: &str) -> (Self, Vec<Account>) {
        let keys = Folder::new();
        audit_key(keys.path());
        let private = program::keys(keys.path());
        let (url, options, database) = match db {
            Db::Sqlite => {
                let folder = Folder::new();
                let url = format!("sqlite:{}", folder.path().join("kap.db").display());
                (url, Options::default(), raw::Place::File(folder))
            }
            Db::Postgres => {
                let schema = unique("crash");
                let sign = if postgres_url().contains('?') {
                    '&'
                } else {
                    '?'
                };
                let url = format!("{}{sign}options=-csearch_path%3D{schema}", postgres_url());
                let options = Options {
                    schema: Some(schema.clone()),
                    ..Options::default()
                };
                (url, options, raw::Place::Schema(schema))
            }
        };
        let first = if db == Db::Sqlite {
            url.clone()
        } else {
            postgres_url()
        };
        let store = Store::open(&first, options).await.expect("store");
        let app = assemble(store.into(), Clock::system(), "default", base, None).expect("app");
        let accounts = set_up(&app, &beginning()).await.expect("parties");
        app.store.close().await;
        let place = Self {
            url,
            database,
            keys,
            private,
        };
        (place, accounts)
    }

    /// The key that seals the audit.
    pub fn key(&self) -> PathBuf {
        self.keys.path().join("audit.pem")
    }

    /// The program at `address` on this database, ready.
    pub async fn program(&self, address: &str) -> Program {
        self.program_with(address, &[]).await
    }

    /// The same with these further words.
    pub async fn program_with(&self, address: &str, more: &[&str]) -> Program {
        let program = self.begin(address, more, "");
        program.ready(&format!("http://{address}")).await;
        program
    }

    /// The same, begun; it ends at the place `crash`, where one is named.
    fn begin(&self, address: &str, more: &[&str], crash: &str) -> Program {
        let private = self.keys();
        let mut words = vec!["--log", "error", "--private-keys", &private];
        words.extend(more);
        Program::begin(address, &self.url, self.keys.path(), &words, crash)
    }

    /// The file with the keys of private notes.
    pub fn keys(&self) -> String {
        self.private.display().to_string()
    }

    /// Does what happens after a while where a worker is not heard of: what it held is free.
    async fn free_leases(&self) {
        for table in ["subscription", "partner", "partner_episode"] {
            let free = format!("UPDATE {table} SET lease_until = 0");
            self.database.run(&free).await.expect("leases are free");
        }
    }
}

/// A command that was sent: its key and body, and the record's id where the answer came.
#[derive(Debug)]
struct Sent {
    path: String,
    key: String,
    body: Value,
    record: Option<String>,
}

async fn nothing_acknowledged_is_lost(db: Db) {
    let address = free_address();
    let base = format!("http://{address}");
    let (place, accounts) = Place::new(db, &base).await;
    let mut program = place.program(&address).await;
    let caller = practice(&base, &accounts).await;
    let (episode, session) = opened(&caller).await;
    let mut all: Vec<Sent> = Vec::new();
    for round in 0..ROUNDS {
        let stop = AtomicBool::new(false);
        let writers =
            (0..WRITERS).map(|n| write(&accounts, &base, &episode, &session, (round, n), &stop));
        let killer = async {
            tokio::time::sleep(Duration::from_millis(500 + 130 * round as u64)).await;
            program.kill();
            stop.store(true, Ordering::SeqCst);
        };
        let (sent, ()) = tokio::join!(join_all(writers), killer);
        all.extend(sent.into_iter().flatten());
        program = place.program(&address).await;
        let caller = practice(&base, &accounts).await;
        whole(&caller, &episode, &session, &all).await;
        settle(&caller, &mut all).await;
    }
    let caller = practice(&base, &accounts).await;
    whole(&caller, &episode, &session, &all).await;
    let acknowledged = all.iter().filter(|s| s.record.is_some()).count();
    assert_eq!(
        acknowledged,
        all.len(),
        "what was cut off is settled with its key"
    );
    assert!(acknowledged > 2 * ROUNDS, "the kills met a service at work");
    println!("{db:?}: {acknowledged} writes over {ROUNDS} crashes");
    program.kill();
}

pub async fn practice(base: &str, accounts: &[Account]) -> Caller {
    let callers = log_in(base, accounts, &Clock::system())
        .await
        .expect("tokens");
    callers[&Party::Practice].clone()
}

/// A new episode with a dosing session: their ids.
async fn opened(caller: &Caller) -> (String, String) {
    let mut body = script(&beginning())[0].body.clone();
    body.as_object_mut().map(|o| o.remove("at"));
    let open = caller
        .send(Method::POST, "/kap/v1/episodes", Some((&body, "open")))
        .await
        .expect("answer");
    assert_eq!(open.status, 201, "{}", open.body);
    let episode = open.body["episodeId"].as_str().expect("id").to_owned();
    let session = json!({
        "type": "dosing", "start": now(-10), "setting": "in-person", "encounterClass": "AMB",
        "leadId": open.body["names"]["prac-ther-01"], "dosing": { "doseLevel": "moderate", "plannedDoseMg": 100 },
    });
    let path = format!("/kap/v1/episodes/{episode}/sessions");
    let planned = caller
        .send(Method::POST, &path, Some((&session, "plan")))
        .await
        .expect("answer");
    assert_eq!(planned.status, 201, "{}", planned.body);
    (episode, planned.body["id"].as_str().expect("id").to_owned())
}

fn now(minutes: i64) -> String {
    kap_fhir::fhir::resource::instant(Clock::system().now() + time::Duration::minutes(minutes))
}

/// Sends doses and vital signs, one after the other, on a connection of its own, until the service is gone.
async fn write(
    accounts: &[Account],
    base: &str,
    episode: &str,
    session: &str,
    (round, n): (usize, usize),
    stop: &AtomicBool,
) -> Vec<Sent> {
    let mut all = vec![];
    // On a slow machine the service may be gone before the writer was let in.
    let Ok(callers) = log_in(base, accounts, &Clock::system()).await else {
        return all;
    };
    let caller = callers[&Party::Practice].clone();
    for i in 0..10_000 {
        let (kind, body) = if i % 2 == 0 {
            ("doses", dose())
        } else {
            ("vitals", vitals())
        };
        let mut sent = Sent {
            path: format!("/kap/v1/episodes/{episode}/sessions/{session}/{kind}"),
            key: format!("w-{round}-{n}-{i}"),
            body,
            record: None,
        };
        let reply = sent.send(&caller).await;
        let gone = reply.is_none() || stop.load(Ordering::SeqCst);
        all.push(sent);
        if gone {
            break;
        }
    }
    all
}

impl Sent {
    /// Sends it, again or for the first time; takes down the record's id.
    async fn send(&mut self, caller: &Caller) -> Option<Reply> {
        let reply = caller
            .send(Method::POST, &self.path, Some((&self.body, &self.key)))
            .await
            .ok()?;
        // An answer that broke off within its body is none.
        if reply.body.is_string() {
            return None;
        }
        assert_eq!(reply.status, 201, "{}", reply.body);
        let id = reply.body["id"].as_str().map(str::to_owned);
        if let (Some(was), Some(is)) = (&self.record, &id) {
            assert_eq!(was, is, "a repeat is the same record");
        }
        self.record = id;
        Some(reply)
    }
}

/// Every acknowledged record is there, once; nothing is there that was never sent; versions count every write.
async fn whole(caller: &Caller, episode: &str, session: &str, all: &[Sent]) {
    let path = format!("/kap/v1/episodes/{episode}");
    let shown = caller
        .send(Method::GET, &path, None)
        .await
        .expect("answer")
        .body;
    let sessions = shown["sessions"].as_array().expect("sessions");
    let dosing = &sessions
        .iter()
        .find(|s| s["id"] == session)
        .expect("session")["dosing"];
    let mut there: HashMap<&str, usize> = HashMap::new();
    for list in ["doses", "vitals"] {
        for record in dosing[list].as_array().into_iter().flatten() {
            *there.entry(record["id"].as_str().expect("id")).or_default() += 1;
        }
    }
    for sent in all {
        if let Some(id) = &sent.record {
            assert_eq!(
                there.get(id.as_str()),
                Some(&1),
                "{} of {}",
                sent.key,
                sent.path
            );
        }
    }
    assert!(there.values().all(|n| *n == 1), "no record is there twice");
    assert!(
        there.len() <= all.len(),
        "nothing is there that was not sent"
    );
    // Opening and planning are the first two versions.
    assert_eq!(
        shown["version"],
        2 + there.len(),
        "one version for each write"
    );
}

/// Repeats what got no answer, and a few that did.
async fn settle(caller: &Caller, all: &mut [Sent]) {
    let last = all.len().saturating_sub(3);
    for (n, sent) in all.iter_mut().enumerate() {
        if sent.record.is_none() || n >= last {
            assert!(
                sent.send(caller).await.is_some(),
                "the service answers after its restart"
            );
        }
    }
}

fn dose() -> Value {
    let route = json!({ "system": "http://snomed.info/sct", "code": "37839007" });
    json!({ "at": now(0), "kind": "booster", "status": "completed", "doseMg": 1, "route": route })
}

fn vitals() -> Value {
    let rate = json!({ "value": 70, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min" });
    json!({ "at": now(0), "timing": "peak", "source": "clinic-device", "heartRate": rate })
}
