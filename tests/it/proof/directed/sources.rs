//! Row 12: who wrote what, and who saw what.

use std::collections::HashSet;

use serde_json::Value;

use super::super::rows::{all, may};
use super::super::scene::{Scene, found, nobody, path, same};
use crate::app::Db;
use crate::both;
use crate::fhir_door::{get, text};

both!(
    a_hidden_provenance_is_a_missing_one,
    audit_is_for_those_whose_it_is
);

async fn a_hidden_provenance_is_a_missing_one(db: Db) {
    let scene = Scene::new(db).await;
    let every = all(scene.caller("therapist"), "/fhir/Provenance?_count=250")
        .await
        .0;
    for (client, caller) in &scene.callers {
        if !may(client.role.code(), 's', "Provenance") {
            let status = get(caller, "/fhir/Provenance").await.status;
            assert_eq!(status, 403, "{}", client.name);
            continue;
        }
        let told = all(caller, "/fhir/Provenance?_count=250").await.0;
        if ["prescriber", "ehr"].contains(&client.name) {
            assert!(told.len() > 5, "{}: {}", client.name, told.len());
        }
        let ids: HashSet<&str> = told.iter().map(|v| text(&v["id"])).collect();
        let kept = every.iter().filter(|v| !ids.contains(text(&v["id"])));
        for provenance in kept.take(5) {
            let hidden = get(caller, &path(provenance)).await;
            assert_eq!(hidden.status, 404, "{}", client.name);
            same(&hidden, &get(caller, &nobody(provenance)).await);
            let target = text(&provenance["target"][0]["reference"]);
            let by_target = found(
                caller,
                &format!("/fhir/Provenance?target={target}&_count=50"),
            )
            .await;
            assert!(
                !by_target.contains(&text(&provenance["id"]).to_owned()),
                "{}",
                client.name
            );
        }
    }
    scene.stop().await;
}

fn of_client(events: &[Value]) -> HashSet<String> {
    let agents = events
        .iter()
        .flat_map(|e| e["agent"].as_array().into_iter().flatten());
    agents.map(|a| a["who"].to_string()).collect()
}

async fn audit_is_for_those_whose_it_is(db: Db) {
    let scene = Scene::new(db).await;
    for who in ["prescriber", "ehr", "nurse", "prescriber-2"] {
        get(
            scene.caller(who),
            &format!("/fhir/Patient/{}", scene.open.patient),
        )
        .await;
        get(
            scene.caller(who),
            &format!("/fhir/Patient/{}", scene.closed.patient),
        )
        .await;
    }
    let search = |patient: &str| format!("/fhir/AuditEvent?patient={patient}&_count=200");
    for who in ["therapist", "admin", "pharmacy", "ehr", "integrator"] {
        let status = get(scene.caller(who), &search(&scene.open.patient))
            .await
            .status;
        assert_eq!(status, 403, "{who}");
    }
    let officer = scene.caller("officer");
    let own = all(officer, &search(&scene.open.patient)).await.0;
    assert!(own.len() > 3, "{}", own.len());
    // Another practice's patient leaves no event that this practice's officer is shown.
    assert!(all(officer, &search(&scene.far.patient)).await.0.is_empty());
    // A partner is shown its own doings alone.
    let mine = all(scene.caller("prescriber"), &search(&scene.open.patient))
        .await
        .0;
    assert!(!mine.is_empty());
    let others = of_client(&own).len();
    assert!(others > of_client(&mine).len(), "{others}");
    for event in &mine {
        assert!(event.to_string().contains("partner-1"), "{event}");
        assert!(!event.to_string().contains("external-1"), "{event}");
    }
    // A stranger is shown that it asked: of somebody who is there as of nobody.
    let stranger = scene.caller("prescriber-2");
    get(stranger, "/fhir/Patient/nobody").await;
    for patient in [scene.open.patient.as_str(), "nobody"] {
        let asked = all(stranger, &search(patient)).await.0;
        assert_eq!(asked.len(), 1, "{patient}: {asked:?}");
        assert_eq!(asked[0]["outcome"], "4");
        assert!(asked[0].to_string().contains("partner-2"));
    }
    // An event that is not the caller's to see is missing.
    let known: HashSet<&str> = mine.iter().map(|e| text(&e["id"])).collect();
    let kept: Vec<&Value> = own
        .iter()
        .filter(|e| !known.contains(text(&e["id"])) && !e.to_string().contains("partner-2"))
        .collect();
    assert!(kept.len() >= 3, "{}", kept.len());
    for event in kept {
        for who in ["prescriber", "prescriber-2"] {
            let hidden = get(scene.caller(who), &path(event)).await;
            assert_eq!(hidden.status, 404, "{who}");
            same(&hidden, &get(scene.caller(who), &nobody(event)).await);
        }
    }
    scene.stop().await;
}
