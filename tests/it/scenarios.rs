//! Whole episodes, played through HTTP by their parties.

use kap_fhir::demo::script::Party;
use kap_fhir::kap::{Episode, lift};
use reqwest::Method;
use serde_json::Value;

use crate::app::{Db, TestApp};
use crate::both;

both!(first_sample, second_sample, third_sample);

/// A sample as an episode, with the sample's own computed numbers.
pub fn sample(text: &str) -> (Episode, Value) {
    let value: Value = serde_json::from_str(text).expect("json");
    let episode = lift::lift(text).expect("sample").episode;
    (episode, value)
}

async fn plays(db: Db, text: &str) -> Value {
    let (episode, _) = sample(text);
    let app = TestApp::start(db, &episode).await;
    let played = app.play(&episode).await;
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let shown = app
        .as_party(Party::Practice)
        .send(Method::GET, &path, None)
        .await
        .expect("answer");
    assert_eq!(shown.status, 200);
    assert_eq!(shown.body["phase"], episode.phase.code());
    app.stop().await;
    shown.body
}

async fn first_sample(db: Db) {
    let shown = plays(
        db,
        include_str!("../samples/01-adult-trd-remote-lozenge.json"),
    )
    .await;
    assert_eq!(shown["derived"]["lozenges"]["remaining"], 10);
    assert_eq!(shown["derived"]["dosingSessionsCompleted"], 3);
}

async fn second_sample(db: Db) {
    let shown = plays(
        db,
        include_str!("../samples/02-adult-ptsd-inperson-im-hold-ae.json"),
    )
    .await;
    assert_eq!(shown["derived"]["dosingSessionsCompleted"], 2);
}

async fn third_sample(db: Db) {
    let shown = plays(db, include_str!("../samples/03-adolescent-deferred.json")).await;
    assert_eq!(shown["derived"]["dosingAllowed"], false);
}
