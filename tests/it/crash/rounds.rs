//! The program ends at a place of its work that is named, again and again, while writers go on.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use kap_fhir::clock::Clock;
use kap_fhir::demo::player::{Caller, play};
use kap_fhir::demo::script::Party;
use kap_fhir::demo::{Account, log_in};
use kap_fhir::kap::Episode;
use serde_json::{Value, json};

use super::{Place, practice};
use crate::app::Db;
use crate::fhir_door::{get, only, text};
use crate::program::{Program, free_address};

/// The system of the writers' own names of documents.
pub const NAMES: &str = "urn:example:crash";
/// The episode that a record is of.
const OF_EPISODE: &str = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare";
pub const WRITERS: usize = 3;

/// Between two documents of a writer: an episode of many thousands takes its time in a debug build, which reads it anew for
/// each command.
const PAUSE: Duration = Duration::from_millis(100);

/// How often the program ends at each place: `KAP_TEST_CRASHES`, or twice.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the tests says how often"
)]
fn crashes() -> usize {
    let said = std::env::var("KAP_TEST_CRASHES").ok();
    said.map_or(2, |n| n.parse().expect("a number"))
}

/// How often in each episode: one of many thousand documents takes a debug build longer than what is waited for.
pub fn courses() -> Vec<usize> {
    const MOST: usize = 10;
    let all = crashes();
    (0..all)
        .step_by(MOST)
        .map(|done| MOST.min(all - done))
        .collect()
}

/// A service that ends and begins again on one database, with writers of documents.
pub struct Rounds {
    address: String,
    pub base: String,
    pub place: Place,
    pub accounts: Vec<Account>,
    episode: String,
    patient: String,
    names: AtomicUsize,
    /// Documents whose writer got no answer.
    unsure: Mutex<Vec<usize>>,
    /// The id of each document that was acknowledged, by its name.
    made: Mutex<BTreeMap<usize, String>>,
}

impl Rounds {
    /// With this episode to write to, which is played as far as it goes.
    pub async fn new(db: Db, episode: &Episode) -> Self {
        let address = free_address();
        let base = format!("http://{address}");
        let (place, accounts) = Place::new(db, &base).await;
        let mut rounds = Self {
            address,
            base,
            place,
            accounts,
            episode: String::new(),
            patient: String::new(),
            names: AtomicUsize::new(0),
            unsure: Mutex::default(),
            made: Mutex::default(),
        };
        let program = rounds.begin("");
        program.ready(&rounds.base).await;
        let parties = log_in(&rounds.base, &rounds.accounts, &Clock::system()).await;
        let parties = parties.expect("tokens");
        let played = play(episode, &parties, "rounds", |_, _| {}).await;
        rounds.episode = played.expect("every step is taken").episode;
        let found = only(&parties[&Party::Practice], "/fhir/Patient").await;
        text(&found["id"]).clone_into(&mut rounds.patient);
        program.kill();
        rounds
    }

    pub async fn practice(&self) -> Caller {
        practice(&self.base, &self.accounts).await
    }

    pub fn patient(&self) -> Value {
        json!({ "reference": format!("Patient/{}", self.patient) })
    }

    /// The program, begun; it ends at this place.
    fn begin(&self, at: &str) -> Program {
        let words = ["--local-endpoints"];
        self.place.begin(&self.address, &words, at)
    }

    /// The program as it goes on when nothing ends it.
    pub async fn well(&self) -> Program {
        let program = self.begin("");
        program.ready(&self.base).await;
        program
    }

    /// Runs the program until it ends at `at`, a place as `KAP_CRASH` names it, with writers.
    pub async fn crash(&self, at: &str) {
        // What a lease's end would do after a while.
        self.place.free_leases().await;
        let mut program = self.begin(at);
        let over = AtomicBool::new(false);
        let writers = (0..WRITERS).map(|_| self.write(&over));
        let end = async {
            assert!(program.ends(Duration::from_mins(2)).await, "not at {at}");
            over.store(true, Ordering::SeqCst);
        };
        tokio::join!(join_all(writers), end);
    }

    /// Publishes documents while the service is there, first those of which no writer knows what became.
    pub async fn write(&self, over: &AtomicBool) {
        let mut caller = None;
        while !over.load(Ordering::SeqCst) {
            let Some(known) = &caller else {
                let parties = log_in(&self.base, &self.accounts, &Clock::system()).await;
                let own = parties
                    .ok()
                    .and_then(|mut all| all.remove(&Party::Practice));
                caller = own;
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let waits = self.unsure.lock().expect("lock").pop();
            let name = waits.unwrap_or_else(|| self.names.fetch_add(1, Ordering::SeqCst));
            if self.publish(known, name).await.is_none() {
                self.unsure.lock().expect("lock").push(name);
                caller = None;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Publishes a document unless it is there; `None` where no answer came.
    async fn publish(&self, caller: &Caller, name: usize) -> Option<()> {
        let body = json!({ "resourceType": "DocumentReference", "status": "current",
            "extension": [{ "url": OF_EPISODE,
                "valueReference": { "reference": format!("EpisodeOfCare/{}", self.episode) } }],
            "identifier": [{ "system": NAMES, "value": name.to_string() }], "subject": self.patient(),
            "content": [{ "attachment": { "contentType": "text/plain", "title": "a letter" } }] });
        let url = format!("{}/fhir/DocumentReference", caller.base);
        let request = caller.http.post(url).bearer_auth(&caller.token);
        let request = request
            .header("Content-Type", "application/fhir+json")
            .header("If-None-Exist", format!("identifier={NAMES}|{name}"));
        let answer = request.body(body.to_string()).send().await.ok()?;
        let status = answer.status().as_u16();
        let told: Value = answer.json().await.ok()?;
        if status == 503 {
            // The database is away: whether it was written is not known.
            return None;
        }
        assert!(matches!(status, 200 | 201), "{status} {told}");
        let id = text(&told["id"]).to_owned();
        let before = self.made.lock().expect("lock").insert(name, id);
        assert_eq!(before, None, "a document is published once");
        Some(())
    }

    /// Settles what is unsure with a service that is well. Every document that was ever sent is there then, once: their
    /// ids.
    pub async fn settle(&self) -> Vec<String> {
        let caller = self.practice().await;
        let unsure = std::mem::take(&mut *self.unsure.lock().expect("lock"));
        for name in unsure {
            self.publish(&caller, name).await.expect("an answer");
        }
        let made = self.made.lock().expect("lock").clone();
        assert_eq!(made.len(), self.names.load(Ordering::SeqCst));
        let path = format!("/fhir/DocumentReference?identifier={NAMES}|&_summary=count");
        let counted = get(&caller, &path).await.expect(200);
        assert_eq!(counted["total"], made.len(), "each is there once");
        made.into_values().collect()
    }
}
