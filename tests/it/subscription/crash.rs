//! The service is killed in the middle of its work, again and again: what was acknowledged is told, once in number, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use kap_fhir::demo::player::Caller;
use reqwest::Method;
use serde_json::{Value, json};

use super::to;
use crate::app::Db;
use crate::both;
use crate::crash::{Place, practice};
use crate::fhir_door::text;
use crate::hook::{Hook, Reply};
use crate::idempotency::beginning;
use crate::program::free_address;

both!(nothing_is_lost_doubled_or_out_of_order);

const ROUNDS: usize = 5;
const WRITERS: usize = 4;

fn document(patient: &str) -> Value {
    json!({ "resourceType": "DocumentReference", "status": "current",
        "subject": { "reference": format!("Patient/{patient}") },
        "content": [{ "attachment": { "contentType": "text/plain", "title": "a letter" } }] })
}

/// Publishes documents until the service is gone; the ids of those that were acknowledged.
async fn publish(caller: &Caller, patient: &str, stop: &AtomicBool) -> Vec<String> {
    let mut made = vec![];
    while !stop.load(Ordering::SeqCst) {
        let request = caller
            .http
            .post(format!("{}/fhir/DocumentReference", caller.base));
        let request = request.bearer_auth(&caller.token);
        let request = request.header("Content-Type", "application/fhir+json");
        let Ok(answer) = request.body(document(patient).to_string()).send().await else {
            break;
        };
        if answer.status() != 201 {
            break;
        }
        let Ok(body) = answer.json::<Value>().await else {
            break;
        };
        made.push(format!("DocumentReference/{}", text(&body["id"])));
    }
    made
}

async fn nothing_is_lost_doubled_or_out_of_order(db: Db) {
    let address = free_address();
    let base = format!("http://{address}");
    let (place, accounts) = Place::new(db, &base).await;
    let mut program = place.program_with(&address, &["--local-endpoints"]).await;
    let caller = practice(&base, &accounts).await;
    let mut body = kap_fhir::demo::script::script(&beginning())[0].body.clone();
    body.as_object_mut().map(|o| o.remove("at"));
    let opened = caller
        .send(Method::POST, "/kap/v1/episodes", Some((&body, "open")))
        .await;
    let opened = opened.expect("answer");
    assert_eq!(opened.status, 201, "{}", opened.body);
    let patient = text(&opened.body["record"]["patient"]["id"]).to_owned();
    let patient = if patient.is_empty() {
        patient_of(&caller).await
    } else {
        patient
    };
    let hooks = [Hook::open().await, Hook::open().await];
    // One is well; the other fails now and then.
    for hook in &hooks {
        super::subscribed(&caller, &to("kap-document-available", &hook.url()), hook).await;
    }
    hooks[1].answer_next((0..40).map(|n| Reply::status(if n % 3 == 0 { 500 } else { 200 })));
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let caller = practice(&base, &accounts).await;
        let stop = AtomicBool::new(false);
        let writers = (0..WRITERS).map(|_| publish(&caller, &patient, &stop));
        let killer = async {
            tokio::time::sleep(Duration::from_millis(900 + 230 * round as u64)).await;
            program.kill();
            stop.store(true, Ordering::SeqCst);
        };
        let (made, ()) = tokio::join!(join_all(writers), killer);
        acknowledged.extend(made.into_iter().flatten());
        program = place.program_with(&address, &["--local-endpoints"]).await;
    }
    assert!(
        acknowledged.len() > 2 * ROUNDS,
        "the kills met a service at work"
    );
    for hook in &hooks {
        let told = all_told(hook, &acknowledged).await;
        check(&told);
    }
    program.kill();
}

async fn patient_of(caller: &Caller) -> String {
    let found = crate::fhir_door::only(caller, "/fhir/Patient").await;
    text(&found["id"]).to_owned()
}

/// What arrived, once all of these are among it.
pub async fn all_told(hook: &Hook, wanted: &BTreeSet<String>) -> Vec<(i64, String)> {
    for _ in 0..600 {
        let told = hook.arrived();
        let seen: BTreeSet<&String> = told.iter().map(|(_, focus)| focus).collect();
        if wanted.iter().all(|one| seen.contains(one)) {
            return told;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let told = hook.arrived();
    let seen: BTreeSet<&String> = told.iter().map(|(_, focus)| focus).collect();
    let lost: Vec<_> = wanted.iter().filter(|one| !seen.contains(one)).collect();
    panic!("{} of {} are lost: {lost:?}", lost.len(), wanted.len());
}

/// One number has one content, each record one number, and what comes for the first time comes in order.
#[track_caller]
pub fn check(told: &[(i64, String)]) {
    let mut numbers: BTreeMap<i64, &String> = BTreeMap::new();
    let mut last = 0;
    for (n, focus) in told {
        if let Some(before) = numbers.get(n) {
            assert_eq!(*before, focus, "number {n} has two contents");
            continue;
        }
        let expected = last + 1;
        assert_eq!(*n, expected, "first come in order, without a gap");
        last = *n;
        numbers.insert(*n, focus);
    }
    let records: BTreeSet<&&String> = numbers.values().collect();
    assert_eq!(records.len(), numbers.len(), "each record has one number");
}
