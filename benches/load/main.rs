//! Load figures of the release binary: see `benches/run`, which builds it and starts PostgreSQL where asked.
//!
//! Seeds a fresh database through the library, starts the `kap-fhir` program on it as an operator would, logs in as a
//! client does, and measures over HTTP. Every check is on: token, scope, access predicate, durable commits.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]

mod figures;
mod hook;
mod notify;
mod seed;
mod wire;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use kap_fhir::auth::seal::SealingKey;
use kap_fhir::clock::Clock;
use kap_fhir::demo::token::Login;
use kap_fhir::demo::{Account, http};
use kap_fhir::error::{Error, Result};
use kap_fhir::private::{Ring, file};

use figures::{Figures, memory};
use notify::Measured;
use seed::{Plan, Seeded};
use wire::{Load, Work};

/// What to measure.
#[derive(Debug, Parser)]
struct Args {
    /// A fresh database; a SQLite file in a temporary folder where absent.
    #[arg(long)]
    database_url: Option<String>,
    #[arg(long, default_value_t = 1000)]
    patients: usize,
    /// Observations of each patient.
    #[arg(long, default_value_t = 100)]
    observations: usize,
    /// Episodes with a dosing session in progress, among which the doses are spread.
    #[arg(long, default_value_t = 320)]
    episodes: usize,
    /// Length of a run.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Runs of each workload; the best and the middle one are told.
    #[arg(long, default_value_t = 3)]
    repeat: usize,
    /// Names of workloads, separated by commas; all where absent.
    #[arg(long)]
    only: Option<String>,
    /// Measure notifications instead: subscriptions that are told, and a backlog of so many events that drains.
    #[arg(long)]
    notify: Option<usize>,
    /// Another program to measure, such as one of an earlier version.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_kap-fhir"))]
    program: PathBuf,
    /// Threads or connections to the database.
    #[arg(long, default_value = "4")]
    pool: String,
    /// Another process whose CPU is told apart, such as PostgreSQL's first one.
    #[arg(long)]
    database_pid: Option<u32>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::internal)?;
    let folder = std::env::temp_dir().join(format!("kap-load-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(Error::internal)?;
    let outcome = runtime.block_on(measure(&args, &folder));
    std::fs::remove_dir_all(&folder).map_err(Error::internal)?;
    outcome
}

async fn measure(args: &Args, folder: &Path) -> Result<()> {
    let fresh = format!("sqlite:{}", folder.join("kap.db").display());
    let database = args.database_url.clone().unwrap_or(fresh);
    let plan = Plan {
        patients: args.patients,
        observations: args.observations,
        episodes: args.episodes,
    };
    let seeding = Instant::now();
    let seeded = seed::seed(&database, &plan).await?;
    let took = seeding.elapsed().as_secs_f64();
    settle(&database)?;
    let all = seeded.resources;
    println!("seeded {all} resources in {took:.1} s");
    let mut service = Service::start(args, &database, folder).await?;
    println!("start-up {:.0} ms", service.ready.as_secs_f64() * 1000.0);
    println!("memory at rest {:.0} MB", memory(service.child.id()));
    let outcome = match args.notify {
        Some(backlog) => notified(args, &service, &seeded, backlog).await,
        None => run(args, &service, &seeded).await,
    };
    println!("memory after the load {:.0} MB", memory(service.child.id()));
    let again = service.restart(args, &database, folder).await?;
    println!(
        "start-up after the load {:.0} ms",
        again.as_secs_f64() * 1000.0
    );
    outcome
}

/// What PostgreSQL does by itself within minutes: without statistics it plans as if every table were empty, and what was
/// seeded is still to be written, which commits would wait for.
fn settle(database: &str) -> Result<()> {
    if !database.starts_with("postgres") {
        return Ok(());
    }
    let psql = Command::new("psql")
        .args([database, "-q", "-c", "VACUUM (ANALYZE)", "-c", "CHECKPOINT"])
        .status();
    let done = psql.map_err(Error::internal)?.success();
    let failed = || Error::internal("psql could not gather statistics");
    done.then_some(()).ok_or_else(failed)
}

async fn run(args: &Args, service: &Service, seeded: &Seeded) -> Result<()> {
    println!("{}", Figures::HEAD);
    let (own, told) = (&seeded.practice, &seeded.partner);
    service
        .compare(own, told, &seeded.names.patients[0])
        .await?;
    for (name, work, connections, account) in [
        ("read", Work::Read, 1, own),
        ("read", Work::Read, 32, own),
        ("told-read", Work::Read, 32, told),
        ("search", Work::Search, 1, own),
        ("search", Work::Search, 32, own),
        ("told-search", Work::Search, 32, told),
        ("dose", Work::Dose, 1, own),
        ("dose", Work::Dose, 16, own),
        ("episode", Work::Episode, 8, own),
    ] {
        let chosen = args.only.as_deref();
        if chosen.is_some_and(|only| !only.split(',').any(|o| o == name)) {
            continue;
        }
        let mut runs = Vec::new();
        for n in 0..args.repeat {
            // Tokens live 300 s: each run has its own.
            let token = service.token(account).await?;
            let load = Load {
                addr: service.addr,
                token: &token,
                work,
                connections,
                time: Duration::from_secs(args.seconds),
                run: format!("{connections}-{n}"),
            };
            let pids = (service.child.id(), args.database_pid);
            runs.push(Figures::of(&load, seeded, pids).await?);
        }
        println!("{}", Figures::row(name, connections, runs));
    }
    Ok(())
}

/// The figures of notifications.
async fn notified(args: &Args, service: &Service, seeded: &Seeded, backlog: usize) -> Result<()> {
    let measured = async || -> Result<Measured> {
        Ok(Measured {
            base: format!("http://{}", service.addr),
            token: service.token(&seeded.practice).await?,
            pid: service.child.id(),
            patients: seeded.names.patients.clone(),
        })
    };
    println!("{}", notify::HEAD);
    for (subscriptions, spread, events) in [
        (100, true, 50),
        (100, false, 5),
        (100, false, 50),
        (10, false, 200),
    ] {
        let times = (events, args.seconds * 2);
        notify::stream(&measured().await?, (subscriptions, spread), times).await?;
    }
    println!();
    if backlog > 0 {
        notify::backlog(&measured().await?, 1, backlog).await?;
        notify::backlog(&measured().await?, 10, backlog / 10).await?;
    }
    Ok(())
}

/// The program under load; ends with this value.
struct Service {
    child: Child,
    addr: SocketAddr,
    /// From the start of the process to the first good answer of `/readyz`.
    ready: Duration,
}

impl Service {
    async fn start(args: &Args, database: &str, folder: &Path) -> Result<Self> {
        let free = std::net::TcpListener::bind("127.0.0.1:0").map_err(Error::internal)?;
        let addr = free.local_addr().map_err(Error::internal)?;
        drop(free);
        let log = std::fs::File::create(folder.join("log")).map_err(Error::internal)?;
        let keys = folder.join("private-keys.json");
        if !keys.exists() {
            file::create(&keys, &Ring::generate(&Clock::system())?)?;
        }
        let started = Instant::now();
        let child = Command::new(&args.program)
            .args(["serve", "--listen", &addr.to_string()])
            .args(["--database-url", database, "--pool", &args.pool])
            .args(args.notify.map(|_| "--local-endpoints"))
            // Not as an argument: a program of an earlier version knows none.
            .env("KAP_PRIVATE_KEYS", keys)
            .env("KAP_AUDIT_KEY", audit_key(folder)?)
            .env("KAP_DISCLOSURE", "consent-required")
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(Error::internal)?;
        let mut service = Self {
            child,
            addr,
            ready: Duration::ZERO,
        };
        let http = http()?;
        let url = format!("http://{addr}/readyz");
        while !matches!(http.get(&url).send().await, Ok(r) if r.status().is_success()) {
            if started.elapsed() > Duration::from_mins(1) {
                return Err(Error::internal("the service does not start"));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        service.ready = started.elapsed();
        Ok(service)
    }

    /// Ends the program as an operator does and starts it again: how long the start took.
    async fn restart(&mut self, args: &Args, database: &str, folder: &Path) -> Result<Duration> {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        asked.map_err(Error::internal)?;
        self.child.wait().map_err(Error::internal)?;
        *self = Self::start(args, database, folder).await?;
        Ok(self.ready)
    }

    /// Makes sure that the two see the same of a patient, so that their figures can be compared.
    async fn compare(&self, one: &Account, other: &Account, patient: &str) -> Result<()> {
        let url = format!("http://{}/fhir/Observation?patient={patient}", self.addr);
        let mut seen = Vec::new();
        for account in [one, other] {
            let token = self.token(account).await?;
            let sent = http()?.get(&url).bearer_auth(token).send().await;
            let set: serde_json::Value = sent
                .map_err(Error::internal)?
                .json()
                .await
                .map_err(Error::internal)?;
            seen.push(set["entry"].as_array().map_or(0, Vec::len));
        }
        if seen[0] == 0 || seen[0] != seen[1] {
            return Err(Error::internal(format!(
                "they do not see the same: {seen:?}"
            )));
        }
        Ok(())
    }

    async fn token(&self, account: &Account) -> Result<String> {
        let base = format!("http://{}", self.addr);
        let login = Login {
            base: &base,
            client: account.client,
            scope: account.scope,
        };
        login.token(&http()?, &account.key, &Clock::system()).await
    }
}

/// A key to seal the audit with; made once.
fn audit_key(folder: &Path) -> Result<PathBuf> {
    let file = folder.join("audit.pem");
    if !file.exists() {
        SealingKey::generate()?.create(&file)?;
    }
    Ok(file)
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
