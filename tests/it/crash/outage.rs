//! The database goes away and comes back, and a replica is killed, while others write: nothing is lost, doubled or out of
//! order, and the service that is left goes on by itself.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;

use super::rounds::{Rounds, WRITERS};
use crate::app::Db;
use crate::hook::{Hook, Reply};
use crate::idempotency::beginning;
use crate::program::{Program, free_address};
use crate::proxy::{Behaviour, Proxy};
use crate::subscription::crash::{all_told, check};
use crate::subscription::{subscribed, to};

/// How often the database goes away, and how often a replica is killed.
const TIMES: u64 = 20;

/// A way to the database that can be cut, or, where `KAP_TEST_RESTART` names a command that restarts it, that command.
enum Database {
    Proxy(Proxy),
    Command(String),
}

impl Database {
    #[expect(
        clippy::disallowed_methods,
        reason = "scripts/restarts names the command"
    )]
    async fn of(rounds: &mut Rounds) -> Self {
        if let Ok(command) = std::env::var("KAP_TEST_RESTART") {
            return Self::Command(command);
        }
        let mut url = url::Url::parse(&rounds.place.url).expect("a URL");
        let (host, port) = (url.host_str().expect("a host"), url.port().unwrap_or(5432));
        let target = format!("{host}:{port}");
        let mut found = tokio::net::lookup_host(target).await.expect("an address");
        let proxy = Proxy::start(found.next().expect("an address")).await;
        let address = proxy.address();
        url.set_ip_host(address.ip()).expect("a host");
        url.set_port(Some(address.port())).expect("a port");
        rounds.place.url = url.into();
        Self::Proxy(proxy)
    }

    /// It goes away, for so long, and comes back.
    async fn ends(&self, time: Duration) {
        match self {
            Self::Proxy(proxy) => {
                proxy.set(Behaviour::Refuse).await;
                tokio::time::sleep(time).await;
                proxy.set(Behaviour::Pass).await;
            }
            Self::Command(command) => {
                let command = command.clone();
                let run = move || Command::new("sh").args(["-c", &command]).status();
                let done = tokio::task::spawn_blocking(run).await.expect("a thread");
                assert!(done.expect("a shell").success());
            }
        }
    }
}

/// Two who listen to documents: one is well, the other fails now and then.
async fn listeners(rounds: &Rounds) -> [Hook; 2] {
    let hooks = [Hook::open().await, Hook::open().await];
    let caller = rounds.practice().await;
    for hook in &hooks {
        subscribed(&caller, &to("kap-document-available", &hook.url()), hook).await;
    }
    let failing = |n| Reply::status(if n % 3 == 0 { 500 } else { 200 });
    hooks[1].answer_next((0..60).map(failing));
    hooks
}

async fn all_is_told(rounds: &Rounds, hooks: &[Hook]) -> usize {
    let ids = rounds.settle().await;
    let name = |id: &String| format!("DocumentReference/{id}");
    let wanted: BTreeSet<String> = ids.iter().map(name).collect();
    for hook in hooks {
        check(&all_told(hook, &wanted).await);
    }
    wanted.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_may_go_away_at_any_time() {
    let mut rounds = Rounds::new(Db::Postgres, &beginning()).await;
    let database = Database::of(&mut rounds).await;
    let mut program = rounds.well().await;
    let hooks = listeners(&rounds).await;
    let over = AtomicBool::new(false);
    let writers = (0..WRITERS).map(|_| rounds.write(&over));
    let outages = async {
        for n in 0..TIMES {
            tokio::time::sleep(Duration::from_millis(300 + 37 * n)).await;
            database.ends(Duration::from_millis(60 * (n % 5))).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        over.store(true, Ordering::SeqCst);
    };
    tokio::join!(join_all(writers), outages);
    let ended = program.ends(Duration::ZERO).await;
    assert!(!ended, "the service outlives its database");
    program.ready(&rounds.base).await;
    let told = all_is_told(&rounds, &hooks).await;
    println!("{told} events over {TIMES} outages");
    assert!(told > 40, "the outages met a service at work: {told}");
    program.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_may_be_killed_at_any_time() {
    let rounds = Rounds::new(Db::Postgres, &beginning()).await;
    let program = rounds.well().await;
    let hooks = listeners(&rounds).await;
    let over = AtomicBool::new(false);
    let writers = (0..WRITERS).map(|_| rounds.write(&over));
    let kills = async {
        for n in 0..TIMES {
            let address = free_address();
            let words = ["--local-endpoints", "--base-url", &rounds.base];
            let other: Program = rounds.place.begin(&address, &words, "");
            other.ready(&format!("http://{address}")).await;
            tokio::time::sleep(Duration::from_millis(40 + 23 * n)).await;
            other.kill();
        }
        over.store(true, Ordering::SeqCst);
    };
    tokio::join!(join_all(writers), kills);
    let told = all_is_told(&rounds, &hooks).await;
    println!("{told} events while a replica was killed {TIMES} times");
    assert!(told > 40, "the kills met a service at work: {told}");
    program.kill();
}
