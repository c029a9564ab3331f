//! Rows 6 to 9: what a write tells of records that its sender does not see.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::scene::{Scene, finding, found, nobody, path, same, stored};
use super::super::seed::bundle;
use crate::app::Db;
use crate::both;
use crate::fhir_door::{Answer, call, get, post, text};

both!(
    a_condition_is_judged_on_what_is_seen,
    who_may_not_see_is_not_told_of_versions,
    a_transaction_is_refused_as_if_it_named_nobody,
);

async fn create(scene: &Scene, who: &str, value: &Value, unless: &str) -> Answer {
    let path = format!("/fhir/{}", text(&value["resourceType"]));
    let header = [("If-None-Exist", unless)];
    call(
        scene.caller(who),
        Method::POST,
        &path,
        &header,
        Some(value.to_string()),
    )
    .await
}

async fn a_condition_is_judged_on_what_is_seen(db: Db) {
    let scene = Scene::new(db).await;
    let therapist = scene.caller("therapist");
    let query = |number: &str| format!("identifier=https://numbers.example.org|{number}");
    // One hidden match is none, two hidden matches are none.
    stored(therapist, &finding(&scene.closed.patient, "one")).await;
    for _ in 0..2 {
        stored(therapist, &finding(&scene.closed.patient, "two")).await;
        stored(
            scene.caller("therapist-2"),
            &finding(&scene.far.patient, "two"),
        )
        .await;
    }
    for number in ["one", "two", "none"] {
        let made = create(
            &scene,
            "prescriber",
            &finding(&scene.open.patient, number),
            &query(number),
        )
        .await;
        assert_eq!(made.status, 201, "{number}: {}", made.text);
        // Its own it sees, and is given: with the hidden ones there would be several.
        let again = create(
            &scene,
            "prescriber",
            &finding(&scene.open.patient, number),
            &query(number),
        )
        .await;
        assert_eq!(again.status, 200, "{number}: {}", again.text);
        assert_eq!(again.json()["id"], made.json()["id"]);
    }
    // The practice, which sees them all, has several.
    let several = create(
        &scene,
        "therapist",
        &finding(&scene.open.patient, "two"),
        &query("two"),
    )
    .await;
    assert_eq!(several.status, 412, "{}", several.text);
    // The same in a transaction.
    for number in ["three", "four"] {
        stored(therapist, &finding(&scene.closed.patient, number)).await;
        let mut whole = bundle(vec![finding(&scene.open.patient, number)]);
        whole["entry"][0]["request"]["ifNoneExist"] = json!(query(number));
        for status in ["201 Created", "200 OK"] {
            let done = post(scene.caller("prescriber"), "/fhir", &whole)
                .await
                .expect(200);
            assert_eq!(done["entry"][0]["response"]["status"], status, "{number}");
        }
    }
    // A criterion of a label or a patient that is hidden finds nothing.
    for criteria in [
        format!("patient={}&category=laboratory", scene.closed.patient),
        format!("patient={}&category=laboratory", scene.far.patient),
        "_security=HIV".to_owned(),
    ] {
        let made = create(
            &scene,
            "prescriber",
            &finding(&scene.open.patient, "five"),
            &criteria,
        )
        .await;
        assert_eq!(made.status, 201, "{criteria}: {}", made.text);
    }
    // A number that another's record has is free.
    let mut own = finding(&scene.open.patient, "six");
    stored(therapist, &finding(&scene.closed.patient, "six")).await;
    own["code"]["text"] = json!("the same number");
    stored(scene.caller("prescriber"), &own).await;
    scene.stop().await;
}

async fn who_may_not_see_is_not_told_of_versions(db: Db) {
    let scene = Scene::new(db).await;
    for value in scene.one_hidden_of_each() {
        let kind = text(&value["resourceType"]);
        for who in ["prescriber", "nurse", "pharmacy", "therapist-2"] {
            if who == "therapist-2" && value.to_string().contains(&scene.far.patient) {
                continue;
            }
            let caller = scene.caller(who);
            let mut other = value.clone();
            other["id"] = json!(nobody(&value).rsplit('/').next());
            for header in [
                None,
                Some(("If-Match", "W/\"1\"")),
                Some(("If-Match", "W/\"99\"")),
                Some(("If-Match", "*")),
                Some(("If-None-Match", "*")),
            ] {
                let headers: Vec<(&str, &str)> = header.into_iter().collect();
                let send = async |value: &Value| {
                    call(
                        caller,
                        Method::PUT,
                        &path(value),
                        &headers,
                        Some(value.to_string()),
                    )
                    .await
                };
                let hidden = send(&value).await;
                assert!(
                    [400, 403, 404, 405].contains(&hidden.status),
                    "{who} {kind} {header:?}: {} {}",
                    hidden.status,
                    hidden.text
                );
                same(&hidden, &send(&other).await);
            }
        }
    }
    // Who sees it learns that it has moved on; who may not write it learns only that.
    let goal = &scene.of("Observation", &scene.open).await[0];
    let stale = [("If-Match", "W/\"99\"")];
    let body = || Some(goal.to_string());
    for (who, status) in [("therapist", 412), ("nurse", 403), ("pharmacy", 403)] {
        let answer = call(scene.caller(who), Method::PUT, &path(goal), &stale, body()).await;
        assert_eq!(answer.status, status, "{who}: {}", answer.text);
    }
    for who in ["ehr", "integrator"] {
        let answer = call(scene.caller(who), Method::PUT, &path(goal), &stale, body()).await;
        assert_eq!(answer.status, 403, "{who}: {}", answer.text);
    }
    // No id is taken by writing to it.
    for kind in [
        "Observation",
        "Communication",
        "Flag",
        "DocumentReference",
        "Task",
    ] {
        let mut value = scene.of(kind, &scene.open).await.remove(0);
        value["id"] = json!("chosen");
        for who in ["therapist", "prescriber"] {
            let body = Some(value.to_string());
            let answer = call(scene.caller(who), Method::PUT, &path(&value), &[], body).await;
            assert_eq!(answer.status, 404, "{who} {kind}: {}", answer.text);
            let after = get(scene.caller("therapist"), &path(&value)).await;
            assert_eq!(after.status, 404);
        }
    }
    scene.stop().await;
}

async fn a_transaction_is_refused_as_if_it_named_nobody(db: Db) {
    let scene = Scene::new(db).await;
    let prescriber = scene.caller("prescriber");
    let first = || json!({ "request": { "method": "POST", "url": "Observation" }, "resource": finding(&scene.open.patient, "kept-out") });
    let whole = |second: Value| json!({ "resourceType": "Bundle", "type": "transaction", "entry": [first(), second] });
    let mut refused = 0;
    for value in scene.one_hidden_of_each() {
        let kind = text(&value["resourceType"]).to_owned();
        let mut other = value.clone();
        other["id"] = json!(nobody(&value).rsplit('/').next());
        let update = |value: &Value| {
            whole(
                json!({ "resource": value, "request": { "method": "PUT", "url": path(value).trim_start_matches("/fhir/"), "ifMatch": "W/\"1\"" } }),
            )
        };
        let hidden = post(prescriber, "/fhir", &update(&value)).await;
        assert!(
            [400, 403, 404, 405, 422].contains(&hidden.status),
            "{kind}: {} {}",
            hidden.status,
            hidden.text
        );
        same(&hidden, &post(prescriber, "/fhir", &update(&other)).await);
        // A reference to it is one to nobody.
        let about = |value: &Value| {
            let mut message = json!({ "resourceType": "Communication", "status": "completed", "subject": { "reference": format!("Patient/{}", scene.open.patient) } });
            message["about"] = json!([{ "reference": path(value).trim_start_matches("/fhir/") }]);
            whole(
                json!({ "resource": message, "request": { "method": "POST", "url": "Communication" } }),
            )
        };
        let hidden = post(prescriber, "/fhir", &about(&value)).await;
        assert_eq!(hidden.status, 422, "{kind}: {}", hidden.text);
        same(&hidden, &post(prescriber, "/fhir", &about(&other)).await);
        refused += 2;
    }
    assert!(refused >= 20, "{refused}");
    // Nothing of any of them was stored.
    let kept = found(
        scene.caller("therapist"),
        "/fhir/Observation?identifier=kept-out",
    )
    .await;
    assert!(kept.is_empty(), "{kept:?}");
    // What a role may not do at all is refused alike, whatever it names.
    let nurse = scene.caller("nurse");
    for made in [&scene.open, &scene.closed, &scene.far] {
        let order = json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": { "reference": format!("Patient/{}", made.patient) } });
        let answer = post(nurse, "/fhir", &bundle(vec![order])).await;
        let other = json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": { "reference": "Patient/nobody" } });
        assert_eq!(answer.status, 403);
        same(&answer, &post(nurse, "/fhir", &bundle(vec![other])).await);
    }
    scene.stop().await;
}
