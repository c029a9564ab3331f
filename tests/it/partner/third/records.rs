//! The records of a partner's system: those of the stand-in in memory, or those of another program.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::app::{postgres_url, unique};
use crate::fhir_door::text;
use crate::peer::Peer;
use crate::program::free_address;
use crate::raw;

/// Where the other program's FHIR base is, below its address.
const BELOW: &str = "/fhir/r4";

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// WSO2's fhir-server over a database of its own.
pub struct Third {
    program: String,
    pub address: SocketAddr,
    database: String,
    /// What the server says of itself: the address of its gate.
    public: String,
    child: Child,
}

/// The program that a third party wrote, where `scripts/partner` names one.
#[expect(
    clippy::disallowed_methods,
    reason = "scripts/partner names the program"
)]
fn named() -> Option<String> {
    std::env::var("KAP_TEST_THIRD").ok()
}

impl Third {
    /// Starts it behind this gate; nothing where none is named.
    pub async fn start(gate: SocketAddr) -> Option<Self> {
        let program = named()?;
        let database = unique("third");
        let sql = format!("CREATE DATABASE {database}");
        raw::connected()
            .await
            .batch_execute(&sql)
            .await
            .expect("a database");
        let address: SocketAddr = free_address().parse().expect("an address");
        let public = format!("http://{gate}/fhir");
        let child = begin(&program, address, &database, &public);
        let third = Self {
            program,
            address,
            database,
            public,
            child,
        };
        third.ready().await;
        Some(third)
    }

    /// Its base, as it says itself.
    pub fn public(&self) -> String {
        format!("{}/r4", self.public)
    }

    async fn ready(&self) {
        let http = kap_fhir::demo::http().expect("a client");
        let url = format!("http://{}{BELOW}/metadata", self.address);
        let begun = std::time::Instant::now();
        while begun.elapsed() < PATIENCE {
            if http
                .get(&url)
                .send()
                .await
                .is_ok_and(|a| a.status().is_success())
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{} does not answer", self.program);
    }

    /// It is killed.
    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("its end");
    }

    /// It is started again.
    pub async fn again(&mut self) {
        self.child = begin(&self.program, self.address, &self.database, &self.public);
        self.ready().await;
    }

    /// Ends it, and takes its database away.
    pub async fn end(mut self) {
        self.kill();
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.database);
        raw::connected()
            .await
            .batch_execute(&sql)
            .await
            .expect("no database");
    }
}

impl Drop for Third {
    fn drop(&mut self) {
        let _gone = self.child.kill();
    }
}

fn begin(program: &str, address: SocketAddr, database: &str, public: &str) -> Child {
    let url = postgres_url();
    let server = url.rsplit_once('/').expect("a database").0;
    Command::new(program)
        .env_clear()
        .env(
            "DATABASE_URL",
            format!("{server}/{database}?pool_max_conns=16"),
        )
        .env("FHIR_CREATE_TABLES", "true")
        .env("FHIR_BASE_VALIDATION", "false")
        .env("SERVER_PORT", address.port().to_string())
        .env("BASE_URL", public)
        .env("LOG_LEVEL", "warn")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the third party's program starts")
}

/// Read and written as the partner's staff do, who need no token.
#[derive(Clone)]
pub enum Records<'a> {
    StandIn(&'a Peer),
    Third { http: reqwest::Client, base: String },
}

impl<'a> Records<'a> {
    pub fn of(peer: &'a Peer, third: Option<&Third>) -> Self {
        let Some(third) = third else {
            return Self::StandIn(peer);
        };
        Self::Third {
            http: kap_fhir::demo::http().expect("a client"),
            base: format!("http://{}{BELOW}", third.address),
        }
    }

    /// All of a kind.
    pub async fn all(&self, kind: &str) -> Vec<Value> {
        let (http, base) = match self {
            Self::StandIn(peer) => return peer.all(kind),
            Self::Third { http, base } => (http, base),
        };
        let answer = http.get(format!("{base}/{kind}?_count=500")).send().await;
        let found: Value = answer.expect("an answer").json().await.expect("JSON");
        assert_eq!(found["resourceType"], "Bundle", "{found}");
        let more = found["link"].as_array().into_iter().flatten();
        assert!(
            more.clone().all(|link| link["relation"] != "next"),
            "{kind}"
        );
        let entries = found["entry"].as_array().cloned().unwrap_or_default();
        let is = |e: &&Value| e["resource"]["resourceType"] == kind;
        entries
            .iter()
            .filter(is)
            .map(|e| e["resource"].clone())
            .collect()
    }

    /// Writes one, under its id or a new one. Gives the id.
    pub async fn put(&self, resource: Value) -> String {
        let (http, base) = match self {
            Self::StandIn(peer) => return peer.put(resource),
            Self::Third { http, base } => (http, base),
        };
        let kind = text(&resource["resourceType"]);
        let request = match resource["id"].as_str() {
            Some(id) => http.put(format!("{base}/{kind}/{id}")),
            None => http.post(format!("{base}/{kind}")),
        };
        let request = request.header("content-type", "application/fhir+json");
        let answer = request
            .body(resource.to_string())
            .send()
            .await
            .expect("an answer");
        let status = answer.status();
        let body: Value = answer.json().await.expect("JSON");
        assert!(status.is_success(), "{kind}: {status} {body}");
        text(&body["id"]).to_owned()
    }
}
