//! `$everything`, `$docref`, `$meta`, and `$document` in all its forms: what they show is what searches and reads show.

use std::collections::{BTreeMap, BTreeSet};

use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{FIRST, call, get, post, text};
use crate::proof::rows::all;
use crate::proof::scene::{Scene, ids, same};

mod papers;

both!(
    the_pages_of_a_record_are_the_record,
    nobody_is_told_more_by_everything_than_by_searches,
    everything_can_be_asked_for_in_part,
    a_patient_who_is_not_seen_has_no_everything,
    bad_parameters_are_named,
);

fn key(resource: &Value) -> String {
    format!(
        "{}/{}",
        text(&resource["resourceType"]),
        text(&resource["id"])
    )
}

/// Every resource of a searchset and the pages after it, by key; none of them twice.
async fn whole(caller: &Caller, path: &str) -> BTreeMap<String, Value> {
    let (found, _) = all(caller, path).await;
    let count = found.len();
    let all: BTreeMap<_, _> = found.into_iter().map(|r| (key(&r), r)).collect();
    assert_eq!(all.len(), count, "{path}: something came twice");
    all
}

async fn the_pages_of_a_record_are_the_record(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, played) = TestApp::played(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let patient = get(practice, "/fhir/Patient").await.json();
    let patient = text(&patient["entry"][0]["resource"]["id"]).to_owned();
    let of_patient = format!("/fhir/Patient/{patient}/$everything");
    let one = whole(practice, &format!("{of_patient}?_count=1000")).await;
    assert!(one.len() > 100, "{}", one.len());
    assert_eq!(
        whole(practice, &format!("{of_patient}?_count=7")).await,
        one
    );
    let of_episode = format!("/fhir/EpisodeOfCare/{}/$everything", played.episode);
    assert_eq!(
        whole(practice, &format!("{of_episode}?_count=50")).await,
        one
    );
    // Each of them is as a read shows it.
    for (key, resource) in one.iter().step_by(5) {
        let read = get(practice, &format!("/fhir/{key}")).await;
        assert_eq!(read.json(), *resource, "{key}");
    }
    let asked = json!({ "resourceType": "Parameters", "parameter": [{ "name": "_count", "valueInteger": 1000 }] });
    let by_post = post(practice, &of_patient, &asked).await;
    let by_get = get(practice, &format!("{of_patient}?_count=1000")).await;
    assert_eq!(by_post.expect(200), by_get.expect(200));
    // The first page of another list is no page of this one.
    let page = get(practice, &format!("{of_patient}?_count=5"))
        .await
        .json();
    let links = page["link"].as_array().expect("links");
    let next = links.iter().find(|l| l["relation"] == "next");
    let next = text(&next.expect("more")["url"]).replace(&app.base, "");
    let other = next.replace("_count=5", "_count=6");
    assert_eq!(get(practice, &other).await.status, 400);
    assert_eq!(get(app.as_party(Party::Partner), &next).await.status, 400);
    app.stop().await;
}

/// The types that a client may search by patient, with what it finds.
async fn searched(caller: &Caller, patient: &str) -> BTreeMap<String, Value> {
    let mut out = BTreeMap::new();
    for kind in kap_fhir::interaction::capability::TYPES {
        let by = if *kind == "Patient" { "_id" } else { "patient" };
        let path = format!("/fhir/{kind}?{by}={patient}&_count=250");
        let strict = [("Prefer", "handling=strict")];
        let first = call(caller, Method::GET, &path, &strict, None).await;
        if *kind == "AuditEvent" || first.status != 200 {
            continue;
        }
        out.extend(whole(caller, &path).await);
    }
    out
}

async fn nobody_is_told_more_by_everything_than_by_searches(db: Db) {
    let scene = Scene::new(db).await;
    let mut compared = 0;
    for (client, caller) in &scene.callers {
        for made in [&scene.open, &scene.closed, &scene.young, &scene.far] {
            let path = format!("/fhir/Patient/{}/$everything?_count=90", made.patient);
            let first = get(caller, &path).await;
            let seen = get(caller, &format!("/fhir/Patient/{}", made.patient)).await;
            assert_eq!(first.status, seen.status, "{} {path}", client.name);
            if first.status != 200 {
                continue;
            }
            let everything = whole(caller, &path).await;
            let by_search = searched(caller, &made.patient).await;
            for (key, resource) in &by_search {
                assert_eq!(everything.get(key), Some(resource), "{} {key}", client.name);
            }
            let mut named = BTreeSet::new();
            for resource in everything.values() {
                references(resource, &mut named);
            }
            for (key, resource) in &everything {
                if by_search.contains_key(key) {
                    continue;
                }
                // What no search by patient finds is read all the same, and somebody who is shown names it.
                let read = get(caller, &format!("/fhir/{key}")).await;
                assert_eq!(read.json(), *resource, "{} {key}", client.name);
                // A Provenance is of the patient of what it tells of.
                let mut targets = BTreeSet::new();
                references(&resource["target"], &mut targets);
                let told = targets.iter().any(|target| everything.contains_key(target));
                let own = told || scene.is_of(resource, made);
                assert!(
                    own || named.contains(key),
                    "{}: nothing names {key}",
                    client.name
                );
            }
            compared += everything.len();
        }
    }
    assert!(compared > 600, "{compared}");
    scene.stop().await;
}

/// What a resource refers to.
fn references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            into.extend(members.get("reference").map(|r| text(r).to_owned()));
            members.values().for_each(|v| references(v, into));
        }
        Value::Array(items) => items.iter().for_each(|v| references(v, into)),
        _ => {}
    }
}

async fn everything_can_be_asked_for_in_part(db: Db) {
    let scene = Scene::new(db).await;
    let caller = scene.caller("therapist");
    let path = format!(
        "/fhir/Patient/{}/$everything?_count=200",
        scene.open.patient
    );
    let one = whole(caller, &path).await;
    let kinds = |all: &BTreeMap<String, Value>| -> BTreeSet<String> {
        all.values()
            .map(|r| text(&r["resourceType"]).to_owned())
            .collect()
    };
    let typed = whole(caller, &format!("{path}&_type=Observation,Organization")).await;
    assert_eq!(kinds(&typed).len(), 2, "{typed:?}");
    let wanted = |r: &Value| ["Observation", "Organization"].contains(&text(&r["resourceType"]));
    let expected = one.iter().filter(|(_, r)| wanted(r)).count();
    assert_eq!(typed.len(), expected);
    // Written since.
    let stamp = |r: &Value| text(&r["meta"]["lastUpdated"]).to_owned();
    let latest = one.values().map(stamp).max().expect("some");
    let since = whole(caller, &format!("{path}&_since={latest}")).await;
    let expected = one.iter().filter(|(_, r)| stamp(r) >= latest);
    assert_eq!(
        since.keys().collect::<Vec<_>>(),
        expected.map(|(k, _)| k).collect::<Vec<_>>()
    );
    assert!(
        whole(caller, &format!("{path}&_since=2999-01-01"))
            .await
            .is_empty()
    );
    // Happened between; the patient always, and what tells no date.
    let before = whole(caller, &format!("{path}&end=1900-01-01")).await;
    assert!(before.keys().any(|k| k.starts_with("Patient/")));
    assert!(
        !before
            .keys()
            .any(|k| k.starts_with("Observation/") || k.starts_with("Encounter/"))
    );
    let after = whole(caller, &format!("{path}&start=2999-01-01")).await;
    assert!(after.keys().any(|k| k.starts_with("Patient/")));
    assert!(!after.keys().any(|k| k.starts_with("Observation/")));
    // An episode that has not ended reaches into any time to come.
    assert!(
        after.keys().any(|k| k.starts_with("EpisodeOfCare/")),
        "{:?}",
        after.keys()
    );
    let both = whole(caller, &format!("{path}&start=1900&end=2999")).await;
    assert_eq!(both.len(), one.len());
    scene.stop().await;
}

async fn a_patient_who_is_not_seen_has_no_everything(db: Db) {
    let scene = Scene::new(db).await;
    for who in [
        "prescriber-2",
        "pharmacy",
        "ehr",
        "ehr-2",
        "integrator",
        "therapist-2",
    ] {
        let caller = scene.caller(who);
        for (kind, hidden) in [
            ("Patient", &scene.closed.patient),
            ("EpisodeOfCare", &scene.closed.episode),
        ] {
            for (method, tail) in [
                (Method::GET, "$everything"),
                (Method::GET, "$everything?_type=Condition&_since=2020"),
                (Method::POST, "$everything"),
                (Method::GET, "$meta"),
            ] {
                let ask = async |id: &str| {
                    let path = format!("/fhir/{kind}/{id}/{tail}");
                    call(caller, method.clone(), &path, &[], None).await
                };
                let (hidden, missing) = (ask(hidden).await, ask("nobody").await);
                assert!(hidden.status >= 400, "{who} {kind}: {}", hidden.text);
                same(&hidden, &missing);
            }
        }
        let documents = async |id: &str| {
            let path = format!("/fhir/DocumentReference/$docref?patient={id}");
            get(caller, &path).await
        };
        let hidden = documents(&scene.closed.patient).await;
        assert!(
            hidden.status == 403 || ids(&hidden).is_empty(),
            "{who}: {}",
            hidden.text
        );
    }
    scene.stop().await;
}

async fn bad_parameters_are_named(db: Db) {
    let (episode, _) = sample(FIRST);
    let app = TestApp::start(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let strict = [("Prefer", "handling=strict")];
    for (path, status) in [
        ("/fhir/Patient/p/$everything?_type=Unheard", 400),
        ("/fhir/Patient/p/$everything?_since=yesterday", 400),
        ("/fhir/Patient/p/$everything?start=x", 400),
        ("/fhir/Patient/p/$everything?_count=0", 400),
        ("/fhir/Patient/p/$everything?_count=1&_count=2", 400),
        ("/fhir/Patient/p/$everything?_cursor=abc", 404),
        ("/fhir/Patient/p/$everything?unheard=1", 400),
        ("/fhir/Patient/p/$everything?_format=xml", 406),
        ("/fhir/Patient/p/$everything?access_token=x", 400),
        ("/fhir/Patient/p/$everything", 404),
        ("/fhir/Task/p/$everything", 404),
        ("/fhir/DocumentReference/$docref", 400),
        ("/fhir/DocumentReference/$docref?patient=a&patient=b", 400),
        ("/fhir/Composition/$document", 400),
        ("/fhir/Composition/$document?id=x", 404),
        ("/fhir/Composition/x/$document?id=y", 400),
        ("/fhir/Composition/x/$document?persist=true", 400),
        ("/fhir/Composition/x/$document?graph=http://g", 400),
        ("/fhir/Unheard/x/$meta", 404),
    ] {
        let answer = call(practice, Method::GET, path, &strict, None).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        assert_eq!(answer.json()["resourceType"], "OperationOutcome", "{path}");
    }
    for body in [
        json!({ "resourceType": "Patient" }),
        json!({ "resourceType": "Parameters", "parameter": [{ "valueString": "x" }] }),
        json!({ "resourceType": "Parameters", "parameter": [{ "name": "_count", "valueInteger": 0 }] }),
        // What is beside the parameters is read as strictly as what is stored.
        json!({ "resourceType": "Parameters", "meta": [null, null] }),
        json!({ "resourceType": "Parameters", "id": {}, "parameter": [{ "name": "_count", "valueInteger": 5 }] }),
        json!({ "resourceType": "Parameters", "parameter": { "name": "_count", "valueInteger": 5 } }),
        json!({ "resourceType": "Parameters", "unheard": 1 }),
    ] {
        let answer = post(practice, "/fhir/Patient/p/$everything", &body).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
    }
    app.stop().await;
}
