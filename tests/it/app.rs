//! A running service on an ephemeral port, on either database, with every party logged in.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kap_fhir::app::App;
use kap_fhir::auth::seal::SealingKey;
use kap_fhir::cli::assemble;
use kap_fhir::clock::Clock;
use kap_fhir::delivery::files::Files;
use kap_fhir::demo::player::{Caller, Played, play};
use kap_fhir::demo::script::Party;
use kap_fhir::demo::{Account, log_in, set_up};
use kap_fhir::interaction::private_note::keys::unlock;
use kap_fhir::kap::Episode;
use kap_fhir::private::Ring;
use kap_fhir::server::{self, Running};
use kap_fhir::store::{Options, Store};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::raw::Place;
use crate::template;

/// When the clock of a test stands still.
const NOON: OffsetDateTime = datetime!(2026-11-22 12:00:00 UTC);

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Db {
    Sqlite,
    Postgres,
}

/// Makes a test of each database out of one async function that takes a [`Db`].
#[macro_export]
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                Box::pin(super::$name($crate::app::Db::Sqlite)).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                Box::pin(super::$name($crate::app::Db::Postgres)).await;
            }
        })+
    };
}

/// A service with the parties of one episode.
#[derive(Debug)]
pub struct TestApp {
    pub app: App,
    pub base: String,
    pub logins: Vec<Account>,
    pub callers: HashMap<Party, Caller>,
    running: Option<Running>,
    place: Option<Place>,
}

/// What a service goes on with when it is started once more.
pub struct Kept {
    /// What seals the audit.
    pub seal: SealingKey,
    /// What private notes are sealed with.
    pub ring: Ring,
    pub clock: Clock,
}

impl Kept {
    /// Of a service that is new.
    pub fn new() -> Self {
        Self::at(NOON)
    }

    /// The same, begun at that time.
    pub fn at(time: OffsetDateTime) -> Self {
        let clock = Clock::fixed(time);
        Self {
            seal: SealingKey::generate().expect("key"),
            ring: Ring::generate(&clock).expect("keys"),
            clock,
        }
    }
}

/// The service with a key of its own to seal its audit with.
pub fn sealed(app: kap_fhir::error::Result<App>) -> App {
    sealed_with(app, SealingKey::generate().expect("key"), exports())
}

/// The same with this key, and its exports in this place.
fn sealed_with(app: kap_fhir::error::Result<App>, key: SealingKey, files: Files) -> App {
    let app = app.expect("app").sealed_with(key);
    app.exports.keep_in(files);
    app.sends.allow_local();
    app
}

/// A folder that is made when something is exported; who does that removes it.
pub fn exports() -> Files {
    Files::below(std::env::temp_dir().join(unique("kap_fhir_exports")))
}

/// A file with a key to seal an audit with, for a program that is started.
pub fn audit_key(folder: &std::path::Path) -> std::path::PathBuf {
    let file = folder.join("audit.pem");
    let key = SealingKey::generate().expect("key");
    key.create(&file).expect("key file");
    file
}

/// A name that no other test of this run has.
pub fn unique(prefix: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!(
        "{prefix}_{}_{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::SeqCst)
    )
}

/// The URL of the PostgreSQL of this run.
#[expect(
    clippy::disallowed_methods,
    reason = "scripts/test names the database of this run"
)]
pub fn postgres_url() -> String {
    std::env::var("KAP_TEST_POSTGRES").expect("run scripts/test, which starts PostgreSQL")
}

/// Opens a fresh, empty database.
pub async fn store(db: Db) -> (Arc<Store>, Place) {
    match db {
        Db::Sqlite => {
            let folder = tempdir::Folder::new();
            let url = format!("sqlite:{}", folder.path().join("kap.db").display());
            (
                Arc::new(Store::open(&url, Options::default()).await.expect("sqlite")),
                Place::File(folder),
            )
        }
        Db::Postgres => {
            let schema = unique("t");
            let options = Options {
                connections: 8,
                schema: Some(schema.clone()),
                ..Options::default()
            };
            (
                Arc::new(
                    Store::open(&postgres_url(), options)
                        .await
                        .expect("postgres"),
                ),
                Place::Schema(schema),
            )
        }
    }
}

impl TestApp {
    /// A service whose parties are those of `episode`. The clock stands still at 2026-11-22T12:00:00Z.
    pub async fn start(db: Db, episode: &Episode) -> Self {
        let (store, place) = store(db).await;
        Self {
            place: Some(place),
            ..Self::over(store, episode).await
        }
    }

    /// The same over a database that is open.
    pub async fn over(store: Arc<Store>, episode: &Episode) -> Self {
        Self::keeping(store, episode, exports()).await
    }

    /// The same, whose database is at that place.
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The same over a database that is open, with its exports in this place.
    pub async fn keeping(store: Arc<Store>, episode: &Episode, files: Files) -> Self {
        let app = Self::open(store, Kept::new(), files).await;
        app.with_parties(episode).await
    }

    /// The same as [`start`](Self::start), with a clock that stands still at `time`.
    pub async fn start_at(db: Db, episode: &Episode, time: OffsetDateTime) -> Self {
        let (store, place) = store(db).await;
        let app = Self::open(store, Kept::at(time), exports()).await;
        app.at(place).with_parties(episode).await
    }

    /// The service of this episode when all of it was played.
    pub async fn played(db: Db, episode: &Episode) -> (Self, Played) {
        template::played(db, episode).await
    }

    /// A service that goes on with what is there, and in which nobody is logged in.
    pub async fn open(store: Arc<Store>, kept: Kept, files: Files) -> Self {
        let listener = server::bind("127.0.0.1:0".parse().expect("address"))
            .await
            .expect("bind");
        let base = format!("http://{}", listener.local_addr().expect("address"));
        let app = assemble(store, kept.clock, "default", &base, None);
        let app = sealed_with(app, kept.seal, files);
        unlock(&app, kept.ring, None).await.expect("unlocked");
        let running = server::start(app.clone(), listener, 512).expect("server");
        Self {
            app,
            base,
            logins: vec![],
            callers: HashMap::new(),
            running: Some(running),
            place: None,
        }
    }

    /// The same, with the parties of `episode` registered and logged in.
    pub async fn with_parties(self, episode: &Episode) -> Self {
        let logins = set_up(&self.app, episode).await.expect("parties");
        self.known(logins).await
    }

    /// The same, with these parties logged in.
    pub async fn known(mut self, logins: Vec<Account>) -> Self {
        let tokens = log_in(&self.base, &logins, &self.app.clock).await;
        self.callers = tokens.expect("tokens");
        self.logins = logins;
        self
    }

    /// The party's client.
    pub fn as_party(&self, party: Party) -> &Caller {
        &self.callers[&party]
    }

    /// Plays the whole episode.
    pub async fn play(&self, episode: &Episode) -> Played {
        play(episode, &self.callers, "play", |_, _| {})
            .await
            .expect("every step is taken")
    }

    /// The database, behind the service's back.
    pub fn place(&self) -> &Place {
        self.place.as_ref().expect("the place was not told")
    }

    /// Stops a service whose audit was taken away for a while, so that some requests could leave no trace.
    pub async fn stop_in_the_dark(mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
        self.app.store.close().await;
        drop(self.place.take());
    }

    /// Stops the service. Every request of a known client must have left a trace in the audit.
    pub async fn stop(self) {
        drop(self.leave().await);
    }

    /// The same, and what stays of it: its database.
    pub async fn leave(mut self) -> Option<Place> {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
        if let Some(place) = &self.place {
            let recorder = &self.app.recorder;
            let sql = format!(
                "SELECT COUNT(DISTINCT request) FROM audit WHERE source = '{}'",
                recorder.source()
            );
            assert_eq!(
                place.cell(&sql).await,
                recorder.counted().to_string(),
                "requests with a trace, requests of known clients"
            );
        }
        self.app.store.close().await;
        self.place.take()
    }
}

/// Folders that go away with their test.
pub mod tempdir {
    use std::path::{Path, PathBuf};

    #[derive(Debug)]
    pub struct Folder(PathBuf);

    impl Folder {
        pub fn new() -> Self {
            let path = std::env::temp_dir().join(super::unique("kap_fhir"));
            std::fs::create_dir_all(&path).expect("temporary folder");
            Self(path)
        }

        pub fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// A sample file as an episode, and the file itself.
pub fn sample(text: &str) -> (Episode, serde_json::Value) {
    let value = serde_json::from_str(text).expect("json");
    let episode = kap_fhir::kap::lift::lift(text)
        .expect("an episode file")
        .episode;
    (episode, value)
}
