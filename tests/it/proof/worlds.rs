//! Two worlds that differ in nothing that a client may see: it cannot tell them apart.
//!
//! What differs: the topics that no consent names, in the records of patients who share the rest; patients who share
//! nothing; another practice. Both services stand at one instant and count their ids, so that what is the same has the
//! same id. Every answer must be the same, byte for byte, but for the address of the service.

pub mod ask;
mod query;

use std::collections::HashMap;

use kap_fhir::demo::player::Caller;
use serde_json::Value;
use tokio::sync::OnceCell;

use self::ask::{Ask, Known};
use super::bench::{Bench, Client, Service};
use super::cases;
use super::cohort::{Age, Door, Plan, consent, permit};
use super::dice::Dice;
use super::mould::{Filling, Mould};
use super::oracle::{Policy, Signer};
use crate::app::Db;
use crate::both;
use crate::fhir_door::Answer;

both!(no_client_can_tell_the_worlds_apart);

const SEED: u64 = 1_848;
const WHO: [&str; 5] = ["prescriber", "nurse", "ehr", "pharmacy", "integrator"];

/// A service with everything that one world holds.
struct World {
    bench: Bench,
    service: Service,
    mould: &'static Mould,
    known: Vec<(String, String)>,
    callers: Vec<(Client, Caller)>,
}

fn plan(tag: &str, age: Age, related: bool, consents: Vec<super::oracle::Consent>) -> Plan {
    Plan {
        tag: tag.to_owned(),
        age,
        related,
        consents,
        door: Door::Json,
        idle: None,
    }
}

/// Patients of whom each client may see something, never what has a topic of its own.
fn shared() -> Vec<Plan> {
    let mind = ["N", "PSY"];
    let all = ["partner-1", "external-1", "pharmacy-1", "integrator-1"];
    let wide = || vec![permit(&all, &mind)];
    let minor = || vec![permit(&all, &["N", "PSY", "ADOL"])];
    let both = [Signer::Guardian, Signer::Assent];
    vec![
        plan("wide", Age::Adult, true, vec![consent(wide())]),
        plan("wide again", Age::Adult, true, vec![consent(wide())]),
        plan(
            "withdrawn",
            Age::Adult,
            true,
            vec![consent(wide()).withdrawn_on(90)],
        ),
        plan("child", Age::Child, true, vec![consent(minor()).by(&both)]),
        plan(
            "no root",
            Age::Adult,
            true,
            vec![consent(wide()).root(None)],
        ),
    ]
}

/// Patients of whom nobody else sees anything.
fn hidden(n: usize) -> Vec<Plan> {
    let none = || vec![consent(vec![])];
    let ages = [
        Age::Adult,
        Age::Child,
        Age::JustAdult,
        Age::Adult,
        Age::AlmostAdult,
    ];
    let ages = ages.into_iter().cycle().skip(n).take(n);
    ages.map(|age| plan("hidden", age, false, none())).collect()
}

static WORLDS: [OnceCell<Mould>; 2] = [const { OnceCell::const_new() }; 2];

impl World {
    /// `variant` 0 or 1: what the hidden records say, and how many there are.
    async fn new(db: Db, variant: usize) -> Self {
        let filled = async || {
            let groups = vec![
                Filling::first("first", shared()),
                // From here on the worlds hold different numbers of patients.
                Filling::first("hidden", hidden(2 + variant)),
                Filling::far("far", hidden(3 - variant)),
            ];
            Mould::of(groups, variant, 1).await
        };
        let mould = WORLDS[variant].get_or_init(filled).await;
        let bench = mould.copy(db).await;
        let service = bench.serve(Policy::ConsentRequired).await;
        let callers = bench.log_in(&service).await;
        Self {
            known: mould.names(),
            mould,
            bench,
            service,
            callers,
        }
    }

    async fn stop(self) {
        self.service.stop(&self.bench.place).await;
        self.bench.store.close().await;
    }
}

/// How many records of one world the other has not, and how many it has with other words.
fn differing(a: &World, b: &World) -> (usize, usize) {
    let there: HashMap<&(String, String), &Value> = b.known.iter().zip(&b.mould.values).collect();
    let here = || a.known.iter().zip(&a.mould.values);
    let missing = here().filter(|(name, _)| !there.contains_key(name));
    let other = here().filter(|(name, value)| there.get(name).is_some_and(|v| v != value));
    (missing.count(), other.count())
}

/// Brings both clocks to one count of ids.
fn level(a: &World, b: &World) {
    let (mut x, mut y) = (a.bench.ids(), b.bench.ids());
    while x < y {
        x = a.bench.ids();
    }
    while y < x {
        y = b.bench.ids();
    }
    assert_eq!(x, y);
}

/// The answer as the client has it, without what names the service or the request.
fn told(answer: &Answer, base: &str) -> String {
    let mut headers: Vec<String> = vec![];
    for (name, value) in &answer.headers {
        if !["date", "x-request-id"].contains(&name.as_str()) {
            headers.push(format!("{name}: {}", value.to_str().unwrap_or_default()));
        }
    }
    headers.sort();
    let whole = format!("{}\n{}\n{}", answer.status, headers.join("\n"), answer.text);
    // A body is as long as the address within it.
    let whole: Vec<&str> = whole
        .lines()
        .filter(|l| !l.starts_with("content-length"))
        .collect();
    let whole = whole.join("\n");
    let whole = whole.replace(base, "BASE").replace(&escaped(base), "BASE");
    let unsealed = blanked(&whole, "_cursor=");
    blanked(&unsealed, "\"next\":\"")
}

/// The text without what is sealed after each `mark`: no two seals are the same. Their lengths are.
fn blanked(text: &str, mark: &str) -> String {
    let mut parts = text.split(mark);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_sealed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let rest = part.trim_start_matches(is_sealed);
        out.push_str(mark);
        out.push_str(&"*".repeat(part.len() - rest.len()));
        out.push_str(rest);
    }
    out
}

fn escaped(base: &str) -> String {
    base.replace(':', "%3A").replace('/', "%2F")
}

async fn no_client_can_tell_the_worlds_apart(db: Db) {
    let (a, b) = (World::new(db, 0).await, World::new(db, 1).await);
    level(&a, &b);
    // The worlds do differ: in which records there are, and in what those of one name say.
    let (missing, other) = differing(&a, &b);
    assert!(missing > 40 && other > 40, "{missing}, {other}");
    let mut dice = Dice::new(SEED + db as u64);
    let each = cases().div_ceil(8 * WHO.len());
    let keys: Vec<(String, String)> = a.known.iter().chain(&b.known).cloned().collect();
    let (mut compared, mut statuses) = (0, std::collections::BTreeMap::new());
    for who in WHO {
        let (here, there) = (Bench::named(&a.callers, who), Bench::named(&b.callers, who));
        let mut known = Known::new(keys.clone());
        for n in 0..each {
            let ask = Ask::random(&mut dice, &known, n);
            let (one, other) = tokio::join!(ask.send(here, 0), ask.send(there, 1));
            let (x, y) = (told(&one, &here.base), told(&other, &there.base));
            assert!(
                x == y,
                "request {n} of {who}: {ask:?}\n{}",
                difference(&x, &y)
            );
            known.learn([&one, &other], [&*here.base, &*there.base]);
            compared += 1;
            *statuses.entry(one.status).or_insert(0) += 1;
        }
    }
    println!("{db:?}: {compared} requests, answered {statuses:?}");
    // Answers of every kind were compared, not refusals alone.
    for (status, part) in [(200, 4), (201, 100), (403, 40), (404, 20)] {
        let least = compared / part;
        assert!(
            statuses.get(&status).is_some_and(|n| *n >= least),
            "{statuses:?}"
        );
    }
    a.stop().await;
    b.stop().await;
}

/// The surroundings of the first difference.
fn difference(a: &str, b: &str) -> String {
    let same = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    let around = |text: &str| {
        let from = same.saturating_sub(300);
        let bytes = text.as_bytes();
        String::from_utf8_lossy(&bytes[from.min(bytes.len())..(same + 500).min(bytes.len())])
            .into_owned()
    };
    format!("A: …{}…\n\nB: …{}…", around(a), around(b))
}
