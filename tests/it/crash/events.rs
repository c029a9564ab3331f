//! The program ends at every step of its work with events (security reference §4.3): nothing is lost, every change has one
//! number, numbers are without a gap and in order.

use std::collections::BTreeSet;

use super::rounds::{Rounds, courses};
use crate::app::Db;
use crate::both;
use crate::hook::{Hook, Reply};
use crate::idempotency::beginning;
use crate::subscription::crash::{all_told, check};
use crate::subscription::{subscribed, to};

both!(no_step_may_be_the_last);

/// The steps, each with where the program ends.
const STEPS: &[(&str, &str)] = &[
    ("A", "before fhir create"),
    ("A", "after fhir create"),
    ("B", "before number events"),
    ("B", "after number events"),
    ("C", "before take subscription"),
    ("C", "after take subscription"),
    ("D", "before settle notification"),
    ("E", "after settle notification"),
    ("F", "before forget events"),
    ("F", "after forget events"),
];

async fn no_step_may_be_the_last(db: Db) {
    for some in courses() {
        course(db, some).await;
    }
}

/// So many times at each place, in one episode.
async fn course(db: Db, times: usize) {
    let rounds = Rounds::new(db, &beginning()).await;
    let hooks = [Hook::open().await, Hook::open().await];
    let program = rounds.well().await;
    let caller = rounds.practice().await;
    for hook in &hooks {
        subscribed(&caller, &to("kap-document-available", &hook.url()), hook).await;
    }
    program.kill();
    for round in 0..times {
        for (at, (step, place)) in STEPS.iter().enumerate() {
            // One is well; the other fails now and then.
            hooks[1].answer_next([Reply::status(500), Reply::status(200)]);
            // Housekeeping is done once, when the program begins.
            let count = if *step == "F" {
                1
            } else {
                1 + (round + at) % 4
            };
            rounds.crash(&format!("{place}:{count}")).await;
        }
    }
    let program = rounds.well().await;
    let ids = rounds.settle().await;
    let wanted: BTreeSet<String> = ids
        .iter()
        .map(|id| format!("DocumentReference/{id}"))
        .collect();
    for hook in &hooks {
        check(&all_told(hook, &wanted).await);
    }
    println!(
        "{db:?}: {} events over {} crashes",
        wanted.len(),
        STEPS.len() * times
    );
    program.kill();
}
