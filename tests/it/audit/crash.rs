//! What was answered is in the audit, whatever happened to the program right after.

use std::collections::HashSet;
use std::process::Command;
use std::time::Duration;

use futures_util::future::join_all;
use kap_fhir::demo::player::Caller;

use crate::app::{Db, unique};
use crate::both;
use crate::crash::{Place, practice};
use crate::program::free_address;

both!(every_answered_read_is_recorded);

const READERS: usize = 8;

/// Reads until the service is gone; gives the ids of the requests that were answered whole.
async fn read(caller: &Caller) -> Vec<String> {
    let mut answered = vec![];
    loop {
        let id = unique("read").replace('_', "-");
        let request = caller
            .http
            .get(format!("{}/kap/v1/organizations", caller.base))
            .bearer_auth(&caller.token)
            .header("X-Request-Id", &id);
        let Ok(answer) = request.send().await else {
            return answered;
        };
        assert_eq!(answer.status(), 200);
        if answer.bytes().await.is_err() {
            return answered;
        }
        answered.push(id);
    }
}

async fn every_answered_read_is_recorded(db: Db) {
    let address = free_address();
    let base = format!("http://{address}");
    let (place, accounts) = Place::new(db, &base).await;
    let mut answered = vec![];
    for round in 0..3 {
        let program = place.program(&address).await;
        let caller = practice(&base, &accounts).await;
        let killer = async {
            tokio::time::sleep(Duration::from_millis(400 + 330 * round)).await;
            program.kill();
        };
        let (read, ()) = tokio::join!(join_all((0..READERS).map(|_| read(&caller))), killer);
        answered.extend(read.into_iter().flatten());
    }
    assert!(answered.len() > 20, "the kills met a service at work");
    // Whoever opens the database next takes in what the last one was killed with.
    place.database.open().await.close().await;
    let rows = place
        .database
        .rows("SELECT request FROM audit WHERE kind = 'search'")
        .await;
    let recorded: HashSet<String> = rows.into_iter().flatten().collect();
    let lost: Vec<_> = answered
        .iter()
        .filter(|id| !recorded.contains(*id))
        .collect();
    assert!(lost.is_empty(), "{} of {}", lost.len(), answered.len());
    println!("{db:?}: {} reads over three crashes", answered.len());

    // The chain goes on where it broke off.
    let program = place.program(&address).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    program.kill();
    let verify = Command::new(env!("CARGO_BIN_EXE_kap-fhir"))
        .args(["audit", "verify", "--audit-key"])
        .arg(place.key())
        .env("DATABASE_URL", &place.url)
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&verify.stdout);
    assert!(verify.status.success(), "{said}");
}
