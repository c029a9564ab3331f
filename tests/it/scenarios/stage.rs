//! A service on which one episode file is played, with its clock at the instant of the file's own view.

use std::sync::atomic::{AtomicU32, Ordering};

use kap_fhir::demo::notes::of_file;
use kap_fhir::demo::player::{Play, Played, Reply};
use kap_fhir::demo::script::{Party, with_notes};
use kap_fhir::kap::{Episode, lift};
use reqwest::Method;
use serde_json::{Value, json};

use super::Case;
use crate::app::{Db, TestApp};

/// The service, the file, and what became of the play.
#[derive(Debug)]
pub struct Stage {
    pub app: TestApp,
    pub case: Case,
    pub episode: Episode,
    file: Value,
    pub played: Played,
    attempts: AtomicU32,
}

impl Stage {
    /// A service with the parties of the file, and its clock.
    pub async fn set(db: Db, case: Case) -> Self {
        let lifted = lift::lift(case.text).expect("an episode file");
        let as_of = lifted.as_of.expect("asOf");
        Self {
            app: TestApp::start_at(db, &lifted.episode, as_of.0).await,
            case,
            episode: lifted.episode,
            file: serde_json::from_str(case.text).expect("JSON"),
            played: Played::default(),
            attempts: AtomicU32::new(0),
        }
    }

    /// Plays the whole file.
    pub async fn performed(db: Db, case: Case) -> Self {
        let mut stage = Self::set(db, case).await;
        let mut play = stage.play();
        play.rest(|_, _| {}).await.expect("every step is taken");
        stage.played = play.played;
        stage
    }

    /// A play that has not begun. The practice keeps its private notes in it.
    pub fn play(&self) -> Play {
        let notes = of_file(self.case.text, &self.episode).expect("notes");
        Play::of(with_notes(&self.episode, notes), &self.app.callers, "play")
    }

    /// The episode as the practice sees it.
    pub async fn shown(&self) -> Value {
        let path = format!("/kap/v1/episodes/{}", self.played.episode);
        let practice = self.app.as_party(Party::Practice);
        let reply = practice
            .send(Method::GET, &path, None)
            .await
            .expect("answer");
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    }

    /// Does something that the script has not. `{name}` in the path is the script's id of a record; the ids of the
    /// body are the script's too.
    pub async fn attempt(&self, played: &Played, party: Party, path: &str, body: Value) -> Reply {
        let path = Self::path(played, path);
        let n = self.attempts.fetch_add(1, Ordering::SeqCst);
        let body = played.named(&body);
        let caller = self.app.as_party(party);
        let key = format!("attempt-{n}");
        let sent = caller.send(Method::POST, &path, Some((&body, &key)));
        sent.await.expect("answer")
    }

    /// Reads.
    pub async fn get(&self, played: &Played, party: Party, path: &str) -> Reply {
        let path = Self::path(played, path);
        let sent = self.app.as_party(party).send(Method::GET, &path, None);
        sent.await.expect("answer")
    }

    fn path(played: &Played, path: &str) -> String {
        let mut full = format!("/kap/v1/episodes/{}{path}", played.episode);
        for (name, own) in &played.names {
            full = full.replace(&format!("{{{name}}}"), own);
        }
        full
    }

    /// The file's episode under the service's ids.
    pub fn told(&self) -> Value {
        self.played.named(&json!(self.episode))
    }

    /// The file's own computed numbers under the service's ids.
    pub fn derived(&self) -> Value {
        self.played.named(&self.file["derived"])
    }

    /// Stops the service.
    pub async fn end(self) {
        self.app.stop().await;
    }
}
