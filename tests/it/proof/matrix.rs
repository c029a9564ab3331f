//! The matrix oracle: what every role is shown of every row, by every way of asking, against a naive evaluator.

mod single;

use std::collections::{HashMap, HashSet};

use futures_util::StreamExt as _;
use futures_util::stream::iter;
use kap_fhir::demo::player::Caller;
use serde_json::Value;
use time::Duration;

use super::bench::{Bench, Client};
use super::cases;
use super::cohort::cohort;
use super::dice::Dice;
use super::mould::Mould;
use super::oracle::{Person, Policy, Row, sees};
use super::rows::{all, kinds, may};
use super::seed::Made;
use crate::app::Db;
use crate::both;
use crate::fhir_door::{get, text};

both!(the_service_decides_as_the_oracle_does);

const SEED: u64 = 20_261_122;

/// What is judged at one instant under one policy.
pub struct Round<'w> {
    pub policy: Policy,
    pub now: i64,
    pub rows: &'w [Row],
    /// The rows as they are stored.
    pub values: &'w [Value],
    pub made: &'w [Made],
    by_name: HashMap<String, &'w Row>,
    people: Vec<Person>,
    pub callers: Vec<&'w (Client, Caller)>,
}

/// Cases judged, and those that were decided otherwise than the oracle does.
#[derive(Default)]
pub struct Tally {
    pub cases: usize,
    pub wrong: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.wrong.extend(other.wrong);
    }

    /// Judges one case.
    pub fn judge(&mut self, right: bool, what: impl FnOnce() -> String) {
        self.cases += 1;
        if !right {
            self.wrong.push(what());
        }
    }
}

impl<'w> Round<'w> {
    fn new(
        bench: &Bench,
        policy: Policy,
        mould: &'w Mould,
        callers: &'w [(Client, Caller)],
    ) -> Self {
        Self {
            policy,
            now: bench.clock.millis(),
            rows: &mould.rows,
            values: &mould.values,
            made: &mould.made,
            by_name: mould
                .rows
                .iter()
                .map(|r| (format!("{}/{}", r.kind, r.id), r))
                .collect(),
            people: mould.made.iter().map(|m| m.plan.person()).collect(),
            callers: callers.iter().collect(),
        }
    }

    /// The same for the clients of these names alone.
    fn only(mut self, names: &[&str]) -> Self {
        self.callers
            .retain(|(client, _)| names.contains(&client.name));
        self
    }

    fn place(&self, row: &Row) -> Option<usize> {
        let patient = row.patient.as_ref()?;
        self.made.iter().position(|m| m.patient == *patient)
    }

    /// Whether the client must be shown the row, once its role may read the type. A Provenance names its targets: it is
    /// for who may read and sees each of them.
    pub fn expected(&self, client: &Client, row: &Row) -> bool {
        let seen = |row: &Row| {
            let person = self.place(row).map(|n| &self.people[n]);
            sees(&client.who(), row, person, self.policy, self.now)
        };
        seen(row)
            && row.about.iter().all(|name| {
                let target = self.by_name.get(name).expect("a record that is there");
                may(client.role.code(), 'r', &target.kind) && seen(target)
            })
    }

    /// The case in words.
    pub fn words(&self, client: &Client, row: &Row, way: &str) -> String {
        let whose = self.place(row).map_or("nobody", |n| &self.made[n].plan.tag);
        let expected = self.expected(client, row);
        format!(
            "{:?}, {} of {whose} by {way}: {} {} {:?} is to be seen: {expected}",
            self.policy, client.name, row.kind, row.class, row.labels
        )
    }
}

async fn the_service_decides_as_the_oracle_does(db: Db) {
    let mould = cohort().await;
    let bench = mould.copy(db).await;
    let loose = bench.serve(Policy::FederalBaseline).await;
    let strict = bench.serve(Policy::ConsentRequired).await;
    let mut callers = (bench.log_in(&loose).await, bench.log_in(&strict).await);
    let cases = cases();
    // Either database judges cases of its own.
    let mut dice = Dice::new(SEED + db as u64);
    let mut tally = Tally::default();

    let round = Round::new(&bench, Policy::ConsentRequired, mould, &callers.1);
    tally.add(searched(&round, &mut dice, cases * 3 / 10).await);
    tally.add(single::read(&round, &mut dice, cases / 40).await);
    tally.add(single::episodes(&round, &mut dice, cases / 400).await);
    let told = ["prescriber", "payer-desk", "pharmacy", "ehr", "integrator"];
    let round = Round::new(&bench, Policy::FederalBaseline, mould, &callers.0).only(&told);
    tally.add(searched(&round, &mut dice, cases * 3 / 10).await);
    tally.add(single::read(&round, &mut dice, cases / 40).await);

    // Consents end and begin, a minor comes of age.
    bench.clock.advance(Duration::days(50));
    callers = (bench.log_in(&loose).await, bench.log_in(&strict).await);
    let round = Round::new(&bench, Policy::ConsentRequired, mould, &callers.1);
    let round = round.only(&["prescriber", "nurse", "pharmacy", "ehr"]);
    tally.add(searched(&round, &mut dice, cases * 2 / 10).await);
    let round = Round::new(&bench, Policy::FederalBaseline, mould, &callers.0);
    tally.add(
        searched(
            &round.only(&["prescriber", "ehr"]),
            &mut dice,
            cases * 2 / 10,
        )
        .await,
    );
    let round = Round::new(&bench, Policy::FederalBaseline, mould, &callers.0);
    tally.add(single::written(&round, &mut dice, cases / 200).await);

    let Tally {
        cases: judged,
        wrong,
    } = tally;
    println!(
        "{db:?}: {judged} cases, {} patients, {} rows",
        mould.made.len(),
        mould.rows.len()
    );
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(judged >= 7_000, "{judged} cases");
    loose.stop(&bench.place).await;
    strict.stop(&bench.place).await;
    bench.store.close().await;
}

/// Rows by search, until there are so many cases: who must be shown one is, nobody else is, and the total says how many.
async fn searched(round: &Round<'_>, dice: &mut Dice, cases: usize) -> Tally {
    let kinds = kinds();
    let pairs = round.callers.iter().flat_map(|(client, caller)| {
        kinds
            .iter()
            .map(move |kind| (client, caller, kind.as_str()))
    });
    let mut pairs: Vec<(&Client, &Caller, &str)> = pairs.collect();
    let (mut chosen, mut known) = (vec![], 0);
    while known < cases && !pairs.is_empty() {
        let (client, caller, kind) = pairs.swap_remove(dice.below(pairs.len()));
        known += round.rows.iter().filter(|row| row.kind == kind).count();
        chosen.push(one(round, client, caller, kind));
    }
    gather(chosen).await
}

/// Asks, a few at a time.
async fn gather(asks: Vec<impl Future<Output = Tally>>) -> Tally {
    let all = iter(asks).buffer_unordered(4);
    all.fold(Tally::default(), |mut sum, one| async {
        sum.add(one);
        sum
    })
    .await
}

async fn one(round: &Round<'_>, client: &Client, caller: &Caller, kind: &str) -> Tally {
    let mut tally = Tally::default();
    let path = format!("/fhir/{kind}?_total=accurate&_count=250");
    if !may(client.role.code(), 's', kind) {
        let status = get(caller, &path).await.status;
        tally.judge(status == 403, || {
            format!("{} searches {kind}: {status}", client.name)
        });
        return tally;
    }
    let (found, totals) = all(caller, &path).await;
    let ids: HashSet<&str> = found.iter().map(|v| text(&v["id"])).collect();
    for row in round.rows.iter().filter(|row| row.kind == kind) {
        let shown = ids.contains(row.id.as_str());
        let right = round.expected(client, row) == shown;
        tally.judge(right, || round.words(client, row, "search"));
    }
    let honest = totals
        .iter()
        .all(|total| usize::try_from(*total) == Ok(ids.len()));
    tally.judge(honest && found.len() == ids.len(), || {
        format!("{} counts {kind}: {totals:?} of {}", client.name, ids.len())
    });
    tally
}
