//! What was deleted since an export is told by the next one, to those who could see it.

use kap_fhir::demo::player::Caller;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ASYNC, clean, done, kick_off, place, taken};
use crate::app::Db;
use crate::both;
use crate::fhir_door::{call, get, post, text};
use crate::proof::scene::{Scene, path};

both!(what_was_deleted_is_told, too_many_questions_wait);

/// What a manifest says was deleted, from its files.
async fn deleted(caller: &Caller, manifest: &Value) -> Vec<String> {
    let mut out = Vec::new();
    for file in manifest["deleted"].as_array().expect("deleted") {
        assert_eq!(file["type"], "Bundle");
        let path = text(&file["url"]).replace(&caller.base, "");
        let answer = get(caller, &path).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("content-type"), "application/fhir+ndjson");
        assert_eq!(file["count"], answer.text.lines().count());
        for line in answer.text.lines() {
            let bundle: Value = serde_json::from_str(line).expect("json");
            assert_eq!(bundle["resourceType"], "Bundle");
            assert_eq!(bundle["type"], "transaction");
            for entry in bundle["entry"].as_array().expect("entries") {
                assert_eq!(entry["request"]["method"], "DELETE");
                out.push(text(&entry["request"]["url"]).to_owned());
            }
        }
    }
    out
}

async fn exported(caller: &Caller, path: &str) -> Value {
    done(caller, &place(caller, &kick_off(caller, path).await)).await
}

async fn finding(scene: &Scene, patient: &str, codes: &str) -> Value {
    let body = json!({ "resourceType": "Observation", "status": "final",
        "category": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": codes }] }],
        "code": { "text": "A finding of the day" }, "effectiveDateTime": "2026-11-20",
        "subject": { "reference": format!("Patient/{patient}") }, "valueString": "as ever" });
    let therapist = scene.caller("therapist");
    post(therapist, "/fhir/Observation", &body)
        .await
        .expect(201)
}

async fn what_was_deleted_is_told(db: Db) {
    let scene = Scene::new(db).await;
    let (therapist, prescriber) = (scene.caller("therapist"), scene.caller("prescriber"));
    let shared = finding(&scene, &scene.leaving.patient, "exam").await;
    let hidden = finding(&scene, &scene.closed.patient, "exam").await;
    let kept = finding(&scene, &scene.leaving.patient, "survey").await;
    assert_eq!(get(prescriber, &path(&shared)).await.status, 200);
    assert_eq!(get(prescriber, &path(&hidden)).await.status, 404);
    let first = exported(therapist, "/fhir/$export?_type=Observation").await;
    assert_eq!(first["deleted"], json!([]));
    scene.service.app.clock.advance(time::Duration::seconds(20));
    for one in [&shared, &hidden] {
        let gone = call(therapist, Method::DELETE, &path(one), &[], None).await;
        assert!(gone.status < 300, "{}", gone.text);
    }
    let key = |one: &Value| format!("Observation/{}", text(&one["id"]));
    let since = text(&first["transactionTime"]);
    let of = |rest: &str| format!("/fhir/$export?_type=Observation,Patient&_since={since}{rest}");
    let next = exported(therapist, &of("")).await;
    let mut expected = [key(&shared), key(&hidden)];
    expected.sort();
    assert_eq!(deleted(therapist, &next).await, expected);
    let told = taken(therapist, &next).await;
    assert!(!expected.iter().any(|key| told.contains_key(key)));
    // A filter cannot be asked of what is gone.
    let next = exported(therapist, &of("&_typeFilter=Observation%3Fcategory=survey")).await;
    assert_eq!(deleted(therapist, &next).await, expected);
    assert!(taken(therapist, &next).await.contains_key(&key(&kept)));
    // Of other types, before it happened, or of other patients nothing is told.
    let later = "/fhir/$export?_type=Observation&_since=2999-01-01";
    for path in [
        later,
        &of("").replace("Observation,", ""),
        "/fhir/$export?_type=Observation",
    ] {
        assert_eq!(
            exported(therapist, path).await["deleted"],
            json!([]),
            "{path}"
        );
    }
    for (patient, one) in [(&scene.leaving, &shared), (&scene.closed, &hidden)] {
        let path = of("").replace(
            "/$export?",
            &format!("/Patient/$export?patient=Patient/{}&", patient.patient),
        );
        let next = exported(therapist, &path).await;
        assert_eq!(deleted(therapist, &next).await, [key(one)]);
    }
    // Who could not see it is not told of it; who could sees it no longer once the consent is withdrawn.
    let next = exported(prescriber, &of("")).await;
    assert_eq!(deleted(prescriber, &next).await, [key(&shared)]);
    let file = text(&next["deleted"][0]["url"]).replace(&prescriber.base, "");
    assert_eq!(get(therapist, &file).await.status, 404);
    scene.withdraw().await;
    assert_eq!(get(prescriber, &file).await.status, 410);
    let next = exported(prescriber, &of("")).await;
    assert_eq!(next["deleted"], json!([]));
    clean(&scene);
    scene.stop().await;
}

async fn too_many_questions_wait(db: Db) {
    let scene = Scene::new(db).await;
    let caller = scene.caller("therapist");
    let begun = kick_off(caller, "/fhir/$export?_type=Patient").await;
    let state = place(caller, &begun);
    done(caller, &state).await;
    // What was asked until then is forgotten.
    scene.service.app.clock.advance(time::Duration::seconds(20));
    let open = "UPDATE job SET state = 'open', lease_until = 9999999999999";
    scene.bench.place.run(open).await.expect("open again");
    let mut asked = 0;
    let refused = loop {
        let answer = call(caller, Method::GET, &state, &ASYNC, None).await;
        match answer.status {
            202 => asked += 1,
            _ => break answer,
        }
        assert!(asked < 100, "nobody is told to wait");
    };
    assert_eq!(refused.status, 429, "{}", refused.text);
    assert_eq!(refused.json()["issue"][0]["code"], "throttled");
    assert!(refused.header("retry-after").parse::<u32>().is_ok());
    assert!(asked > 2, "{asked}");
    scene.service.app.clock.advance(time::Duration::seconds(2));
    assert_eq!(get(caller, &state).await.status, 202);
    // What is done is told, however often it is asked for.
    let done_again = "UPDATE job SET state = 'done'";
    scene.bench.place.run(done_again).await.expect("done");
    for _ in 0..20 {
        assert_eq!(get(caller, &state).await.status, 200);
    }
    clean(&scene);
    scene.stop().await;
}
