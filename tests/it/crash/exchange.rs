//! The program ends at every step of an exchange with a partner's server: everything is there once, and here once.

use std::collections::BTreeMap;

use kap_fhir::demo::script::Party;
use serde_json::{Value, json};

use super::rounds::{Rounds, courses};
use crate::app::Db;
use crate::both;
use crate::fhir_door::{get, referred};
use crate::peer::{Habits, Peer};
use crate::program::run;

both!(no_step_may_be_the_last);

/// Where the program ends.
const STEPS: &[&str] = &[
    "before take episode",
    "after take episode",
    "before partner links",
    "after partner links",
    "before settle episode",
    "after settle episode",
    "before take partner",
    "after take partner",
    "before settle partner",
    "after settle partner",
];

/// The order of another medicine, which their staff write.
const ORDERS: &str = "urn:example:orders";

/// How many records there are of each identifier of a system.
fn counted(all: &[Value], system: &str) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for one in all {
        for named in one["identifier"].as_array().into_iter().flatten() {
            if named["system"] == system {
                let value = named["value"].as_str().expect("a value").to_owned();
                *out.entry(value).or_default() += 1;
            }
        }
    }
    out
}

async fn no_step_may_be_the_last(db: Db) {
    for some in courses() {
        course(db, some).await;
    }
}

/// So many times at each place, in one episode.
async fn course(db: Db, times: usize) {
    let rounds = Rounds::new(db, &referred()).await;
    let peer = Peer::start(Habits::default()).await;
    let client = rounds.accounts.iter().find(|a| a.party == Party::Partner);
    let (keys, base) = (rounds.place.keys(), peer.base());
    let words = [
        ["--id", "elsewhere"],
        ["--client", client.expect("a partner").client],
        ["--base", &base],
        ["--private-keys", &keys],
        ["--send", "referral,documents"],
        ["--fetch", "prescriptions"],
        ["--every", "5"],
    ];
    let words = [&["partner", "add", "--local"], words.as_flattened()].concat();
    let told = run(&words, &rounds.place.url);
    assert!(told.status.success(), "{told:?}");
    let program = rounds.well().await;
    crate::partner::until("the patient is there", async || {
        !peer.all("Patient").is_empty()
    })
    .await;
    program.kill();
    let there = peer.all("Patient");
    let patient =
        json!({ "reference": format!("Patient/{}", there[0]["id"].as_str().expect("id")) });
    let mut orders = 0;
    for round in 0..times {
        for (at, place) in STEPS.iter().enumerate() {
            for _ in 0..3 {
                orders += 1;
                peer.put(json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order",
                    "identifier": [{ "system": ORDERS, "value": orders.to_string() }],
                    "subject": patient, "medicationCodeableConcept": { "text": "Sertraline" } }));
            }
            let due = "UPDATE partner SET due_at = 0; UPDATE partner_episode SET due_at = 0";
            rounds.place.database.run(due).await.expect("all is due");
            let count = if place.ends_with("partner") {
                1
            } else {
                1 + (round + at) % 2
            };
            rounds.crash(&format!("{place}:{count}")).await;
        }
    }
    let due = "UPDATE partner SET due_at = 0, lease_until = 0; UPDATE partner_episode SET due_at = 0, lease_until = 0";
    rounds.place.database.run(due).await.expect("all is due");
    let program = rounds.well().await;
    let made = rounds.settle().await.len();
    let caller = rounds.practice().await;
    let arrived =
        async || counted(&peer.all("DocumentReference"), super::rounds::NAMES).len() == made;
    crate::partner::until("every document is there", arrived).await;
    let fetched = async || {
        let path = format!("/fhir/MedicationRequest?identifier={ORDERS}|&_summary=count");
        get(&caller, &path).await.expect(200)["total"] == orders
    };
    crate::partner::until("every order is here", fetched).await;
    let documents = counted(&peer.all("DocumentReference"), super::rounds::NAMES);
    assert!(documents.values().all(|n| *n == 1), "{documents:?}");
    for kind in ["Patient", "EpisodeOfCare"] {
        assert_eq!(peer.all(kind).len(), 1, "{kind}");
    }
    let path = format!("/fhir/MedicationRequest?identifier={ORDERS}|&_count=1000");
    let found = get(&caller, &path).await.expect(200);
    let entries = found["entry"].as_array().expect("orders").iter();
    let own: Vec<Value> = entries.map(|e| e["resource"].clone()).collect();
    let own = counted(&own, ORDERS);
    assert_eq!((own.len(), own.values().max()), (orders, Some(&1)));
    println!(
        "{db:?}: {made} documents and {orders} orders over {} crashes",
        STEPS.len() * times
    );
    program.kill();
}
