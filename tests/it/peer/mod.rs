//! Somebody else's FHIR R4 server, as a medical partner might run it: a real HTTP server over records in memory.
//!
//! It knows nothing of this project. What it can do and how it does it are its [`Habits`], which may change while it runs;
//! its CapabilityStatement says what they are. It reads JSON as most servers do, so decimals lose their zeros.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::http::HeaderMap;
use serde_json::Value;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use habits::{Does, Fault, Habits, Ids, Registration, Support, Time};
use store::{Key, Store};

mod behind;
mod capability;
mod habits;
mod reference;
mod reply;
mod rest;
mod search;
mod serve;
mod store;
pub mod tests;
mod token;
mod transaction;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request that was made to it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// As it was sent, with its query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
    /// What was answered, or would have been had the connection not been cut; none where nothing was done.
    pub status: Option<u16>,
    pub answer: Option<Value>,
    /// Whether it was done, and its answer did not arrive.
    pub lost: bool,
}

impl Asked {
    /// The method and the path, without the query.
    pub fn what(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
    }

    /// The header's value; empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// All that the server has.
#[derive(Debug)]
struct State {
    habits: Habits,
    address: SocketAddr,
    store: Store,
    /// What is left of a search, by the name in its link.
    pages: BTreeMap<String, search::Rest>,
    /// When a token ends.
    tokens: BTreeMap<String, OffsetDateTime>,
    /// Ids of the assertions that were used.
    used: BTreeSet<String>,
    /// How far its clock is ahead of the time that it is told.
    ahead: time::Duration,
    /// Counts the names of tokens and pages.
    names: u128,
    faults: VecDeque<Fault>,
    asked: Vec<Asked>,
}

impl State {
    /// The base URL that it says of itself, without a slash at its end.
    fn base(&self) -> String {
        let own = || format!("http://{}", self.address);
        self.habits.public.clone().unwrap_or_else(own)
    }

    fn now(&self) -> OffsetDateTime {
        self.habits.time.now() + self.ahead
    }

    /// The time of what is written now: each writing has one.
    fn tick(&mut self) -> OffsetDateTime {
        self.ahead += self.habits.tick;
        self.now()
    }

    /// A name that nobody guesses who does not read this.
    fn name(&mut self) -> String {
        self.names += 1;
        let name = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_DNS, &self.names.to_be_bytes());
        name.simple().to_string()
    }

    /// The first fault that is for this request, once less.
    fn fault(&mut self, what: &str, body: &str) -> Option<Does> {
        let place = self
            .faults
            .iter()
            .position(|fault| fault.is_for(what, body))?;
        let fault = self.faults.get_mut(place)?;
        let does = fault.does;
        fault.times -= 1;
        if fault.times == 0 {
            self.faults.remove(place);
        }
        Some(does)
    }
}

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    count: watch::Sender<usize>,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a state")
    }
}

/// The server. It ends, and closes what is open, when it is dropped.
#[derive(Debug)]
pub struct Peer {
    address: SocketAddr,
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Peer {
    /// Serves on a port of its own.
    pub async fn start(habits: Habits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("address");
        let state = State {
            habits,
            address,
            store: Store::default(),
            pages: BTreeMap::new(),
            tokens: BTreeMap::new(),
            used: BTreeSet::new(),
            ahead: time::Duration::ZERO,
            names: 0,
            faults: VecDeque::new(),
            asked: vec![],
        };
        let inner = Arc::new(Inner {
            state: Mutex::new(state),
            count: watch::channel(0).0,
        });
        let serve = serve::serve(listener, inner.clone());
        #[expect(clippy::disallowed_methods, reason = "its owner ends it")]
        let task = tokio::spawn(serve);
        Self {
            address,
            inner,
            task,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its FHIR base URL, without a slash at its end.
    pub fn base(&self) -> String {
        self.inner.state().base()
    }

    /// Where it gives tokens.
    pub fn token_url(&self) -> String {
        format!("{}/auth/token", self.base())
    }

    /// Changes its habits.
    pub fn set(&self, change: impl FnOnce(&mut Habits)) {
        change(&mut self.inner.state().habits);
    }

    /// Behaves so to the next requests; faults are taken in the order in which they were set.
    pub fn fail(&self, fault: Fault) {
        self.inner.state().faults.push_back(fault);
    }

    /// It says that it finds these types by identifier, and does not.
    pub fn blind(&self, kinds: &[&str]) {
        let kinds = kinds.iter().map(|kind| (*kind).to_owned());
        self.inner.state().store.blind = kinds.collect();
    }

    /// Forgets the faults that were not met.
    pub fn heal(&self) {
        self.inner.state().faults.clear();
    }

    /// Its time.
    pub fn now(&self) -> OffsetDateTime {
        self.inner.state().now()
    }

    /// The newest versions of a kind, in the order in which they were made first.
    pub fn all(&self, kind: &str) -> Vec<Value> {
        let state = self.inner.state();
        let keys = state.store.keys(kind);
        let newest = keys.iter().filter_map(|key| state.store.current(key));
        newest.filter_map(|v| v.resource.clone()).collect()
    }

    /// Every version of a resource, oldest first; null where it was deleted.
    pub fn versions(&self, kind: &str, id: &str) -> Vec<Value> {
        let state = self.inner.state();
        let versions = state.store.versions(&(kind.to_owned(), id.to_owned()));
        let resources = versions.iter().map(|v| v.resource.clone());
        resources.map(Option::unwrap_or_default).collect()
    }

    /// Stores a resource as the partner's own staff would, under its id or a new one: a new version, nothing checked or
    /// taken away. Gives the id.
    pub fn put(&self, resource: Value) -> String {
        let mut state = self.inner.state();
        let kind = resource["resourceType"]
            .as_str()
            .expect("a type")
            .to_owned();
        let id = resource["id"].as_str().map(ToOwned::to_owned);
        let ids = state.habits.ids;
        let id = id.unwrap_or_else(|| state.store.new_id(ids));
        let key: Key = (kind, id);
        let at = state.tick();
        let habits = Habits {
            strips: vec![],
            ..state.habits.clone()
        };
        state.store.write(&habits, &key, resource, at);
        key.1
    }

    /// Deletes a resource as the partner's own staff would.
    pub fn delete(&self, kind: &str, id: &str) {
        let mut state = self.inner.state();
        let at = state.tick();
        state.store.delete(&(kind.to_owned(), id.to_owned()), at);
    }

    /// The tokens that it gave are worth nothing.
    pub fn forget_tokens(&self) {
        self.inner.state().tokens.clear();
    }

    /// The `next` links that it gave lead nowhere.
    pub fn forget_pages(&self) {
        self.inner.state().pages.clear();
    }

    /// The requests that were made, in the order in which they were done.
    pub fn asked(&self) -> Vec<Asked> {
        self.inner.state().asked.clone()
    }

    /// How many requests of such a method and path were made: `POST /`, `GET /Patient`, `GET /Patient/*`.
    pub fn count(&self, what: &str) -> usize {
        let state = self.inner.state();
        let asked = state.asked.iter().map(Asked::what);
        asked.filter(|asked| habits::is_like(what, asked)).count()
    }

    /// The requests, once they are enough.
    pub async fn wait_until(&self, enough: impl Fn(&[Asked]) -> bool) -> Vec<Asked> {
        let mut count = self.inner.count.subscribe();
        let until = async {
            while !enough(&self.inner.state().asked) {
                count.changed().await.expect("the server runs");
            }
        };
        let came = tokio::time::timeout(PATIENCE, until).await.is_ok();
        let asked = self.asked();
        assert!(came, "only these came: {asked:#?}");
        asked
    }
}
