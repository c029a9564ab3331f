//! Bulk export: what it gives is what searches show, to the client that asked and nobody else, whatever happens meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kap_fhir::delivery::files::Files;
use kap_fhir::demo::player::Caller;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::Db;
use crate::both;
use crate::fhir_door::{Answer, call, get, post, text};
use crate::proof::rows::all;
use crate::proof::scene::{Scene, same};

mod again;
mod bucket;
mod deleted;
mod meanwhile;
mod protocol;
mod store;

both!(
    an_export_is_what_its_client_sees,
    an_export_can_be_of_a_part,
);

const ASYNC: [(&str, &str); 2] = [
    ("Prefer", "respond-async"),
    ("Accept", "application/fhir+json"),
];

async fn kick_off(caller: &Caller, path: &str) -> Answer {
    call(caller, Method::GET, path, &ASYNC, None).await
}

/// The path of the state of an export that was begun.
#[track_caller]
fn place(caller: &Caller, begun: &Answer) -> String {
    assert_eq!(begun.status, 202, "{}", begun.text);
    let location = begun.header("content-location");
    let path = location.strip_prefix(&caller.base);
    path.expect("an absolute URL of this service").to_owned()
}

/// The manifest, once it is there.
async fn done(caller: &Caller, place: &str) -> Value {
    for _ in 0..900 {
        let answer = get(caller, place).await;
        if answer.status == 200 {
            assert!(!answer.header("expires").is_empty());
            assert_eq!(answer.header("content-type"), "application/json");
            return answer.json();
        }
        // The clock of a test stands still: it has asked too often before long.
        if answer.status != 429 {
            assert_eq!(answer.status, 202, "{}", answer.text);
            assert!(answer.header("x-progress").contains("types"));
        }
        assert!(answer.header("retry-after").parse::<u32>().is_ok());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{place} does not end");
}

/// Every resource in the files of a manifest, by key; each type in files of its own, none twice.
async fn taken(caller: &Caller, manifest: &Value) -> BTreeMap<String, Value> {
    let mut out = BTreeMap::new();
    assert_eq!(manifest["requiresAccessToken"], true);
    for file in manifest["output"].as_array().expect("output") {
        let path = text(&file["url"]).strip_prefix(&caller.base).expect("own");
        let answer = get(caller, path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert_eq!(answer.header("content-type"), "application/fhir+ndjson");
        let lines: Vec<&str> = answer.text.lines().collect();
        assert_eq!(file["count"], lines.len(), "{path}");
        assert!(!lines.is_empty(), "{path}");
        for line in lines {
            let value: Value = serde_json::from_str(line).expect("a resource");
            assert_eq!(value["resourceType"], file["type"]);
            let key = format!("{}/{}", text(&value["resourceType"]), text(&value["id"]));
            assert!(out.insert(key, value).is_none(), "{line} came twice");
        }
    }
    out
}

async fn exported(caller: &Caller, path: &str) -> BTreeMap<String, Value> {
    let begun = kick_off(caller, path).await;
    let manifest = done(caller, &place(caller, &begun)).await;
    assert_eq!(manifest["request"], format!("{}{path}", caller.base));
    taken(caller, &manifest).await
}

/// What searches of every type show.
async fn searched(caller: &Caller) -> BTreeMap<String, Value> {
    let mut out = BTreeMap::new();
    for kind in kap_fhir::interaction::capability::TYPES {
        // The audit is not exported, endpoints are left out on both sides, and the forms of the service are no records.
        if ["AuditEvent", "Endpoint", "Questionnaire"].contains(kind) {
            continue;
        }
        let path = format!("/fhir/{kind}?_count=250");
        if get(caller, &path).await.status == 403 {
            continue;
        }
        for value in all(caller, &path).await.0 {
            out.insert(format!("{kind}/{}", text(&value["id"])), value);
        }
    }
    out
}

fn kinds(all: &BTreeMap<String, Value>) -> BTreeSet<&str> {
    all.values().map(|r| text(&r["resourceType"])).collect()
}

async fn an_export_is_what_its_client_sees(db: Db) {
    let scene = Scene::new(db).await;
    for (client, caller) in &scene.callers {
        if client.name == "officer" || client.name == "payer-desk" {
            continue;
        }
        let mut told = exported(caller, "/fhir/$export").await;
        told.retain(|key, _| !key.starts_with("Endpoint/"));
        let shown = searched(caller).await;
        let keys = |all: &BTreeMap<String, Value>| all.keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&told), keys(&shown), "{}", client.name);
        assert_eq!(told, shown, "{}", client.name);
    }
    // Of patients, with the directory that they name.
    let prescriber = scene.caller("prescriber");
    let told = exported(prescriber, "/fhir/Patient/$export").await;
    let whole = searched(prescriber).await;
    assert!(told.keys().any(|k| k.starts_with("Organization/")));
    for (key, value) in &told {
        let own = key.starts_with("Endpoint/") || whole.get(key) == Some(value);
        assert!(own, "{key}");
    }
    let count = |all: &BTreeMap<String, Value>, kind: &str| {
        all.keys()
            .filter(|k| k.starts_with(&format!("{kind}/")))
            .count()
    };
    for kind in ["Patient", "Observation", "Encounter", "Composition"] {
        assert_eq!(count(&told, kind), count(&whole, kind), "{kind}");
    }
    clean(&scene);
    scene.stop().await;
}

fn clean(scene: &Scene) {
    let files = scene.service.app.exports.files();
    let root = files.and_then(Files::root).expect("a folder");
    let _ = std::fs::remove_dir_all(root);
}

async fn an_export_can_be_of_a_part(db: Db) {
    let scene = Scene::new(db).await;
    let caller = scene.caller("therapist");
    let whole = searched(caller).await;
    let one = exported(caller, "/fhir/$export?_type=Patient,Flag").await;
    assert_eq!(kinds(&one), BTreeSet::from(["Flag", "Patient"]));
    // Filters of one type are alternatives; other types are whole.
    let path = "/fhir/$export?_type=Observation,Patient&_typeFilter=Observation%3Fcategory%3Dvital-signs&_typeFilter=Observation%3Fcategory%3Dsurvey,exam";
    let some = exported(caller, path).await;
    let category = |r: &Value| text(&r["category"][0]["coding"][0]["code"]).to_owned();
    let wanted = |r: &Value| match text(&r["resourceType"]) {
        "Observation" => ["vital-signs", "survey", "exam"].contains(&&*category(r)),
        kind => kind == "Patient",
    };
    let expected: BTreeSet<&String> = whole
        .iter()
        .filter(|(_, r)| wanted(r))
        .map(|(k, _)| k)
        .collect();
    assert_eq!(some.keys().collect::<BTreeSet<_>>(), expected);
    assert!(expected.len() < whole.len() && expected.len() > 5);
    // What is new.
    let stamp = |r: &Value| text(&r["meta"]["lastUpdated"]).to_owned();
    let latest = whole.values().map(stamp).max().expect("some");
    let new = exported(caller, &format!("/fhir/$export?_since={latest}")).await;
    let expected = whole.values().filter(|r| stamp(r) >= latest).count();
    assert!(
        new.len() >= expected && new.len() < whole.len() + 10,
        "{}",
        new.len()
    );
    assert!(
        exported(caller, "/fhir/$export?_since=2999-01-01")
            .await
            .is_empty()
    );
    // Elements.
    let part = exported(caller, "/fhir/$export?_type=Patient&_elements=name").await;
    for value in part.values() {
        let tags = value["meta"]["tag"].as_array().expect("tags");
        assert!(tags.iter().any(|tag| tag["code"] == "SUBSETTED"), "{value}");
        assert!(value.get("birthDate").is_none() && value.get("name").is_some());
    }
    // Patients by name, in the body; one whom the client does not see adds nothing.
    let prescriber = scene.caller("prescriber");
    let body = json!({ "resourceType": "Parameters", "parameter": [
        { "name": "_type", "valueString": "Patient,Observation" },
        { "name": "patient", "valueReference": { "reference": format!("Patient/{}", scene.open.patient) } },
        { "name": "patient", "valueReference": { "reference": format!("Patient/{}", scene.far.patient) } },
    ]});
    let begun = call(
        prescriber,
        Method::POST,
        "/fhir/Patient/$export",
        &ASYNC,
        Some(body.to_string()),
    )
    .await;
    let manifest = done(prescriber, &place(prescriber, &begun)).await;
    let told = taken(prescriber, &manifest).await;
    assert!(told.contains_key(&format!("Patient/{}", scene.open.patient)));
    let seen = searched(prescriber).await;
    for (key, value) in &told {
        assert_eq!(seen.get(key), Some(value), "{key}");
        let asked = [&scene.open, &scene.far];
        assert!(asked.iter().any(|made| scene.is_of(value, made)), "{key}");
    }
    assert!(told.len() > 3, "{:?}", told.keys());
    // A roster.
    let group = json!({ "resourceType": "Group", "type": "person", "actual": true, "name": "A roster",
        "member": [{ "entity": { "reference": format!("Patient/{}", scene.open.patient) } },
            { "entity": { "reference": format!("Patient/{}", scene.closed.patient) } }] });
    let group = post(caller, "/fhir/Group", &group).await.expect(201);
    let id = text(&group["id"]);
    let of_group = exported(
        caller,
        &format!("/fhir/Group/{id}/$export?_type=Patient,Observation,Organization"),
    )
    .await;
    let members: BTreeSet<&str> = of_group
        .values()
        .filter(|r| r["resourceType"] == "Patient")
        .map(|r| text(&r["id"]))
        .collect();
    let expected = BTreeSet::from([&*scene.open.patient, &*scene.closed.patient]);
    assert_eq!(members, expected);
    assert!(kinds(&of_group).contains("Observation"));
    let others = |value: &&Value| scene_other(&scene, value);
    assert_eq!(of_group.values().find(others), None);
    // Of another's roster nothing is told.
    for who in ["prescriber", "ehr", "therapist-2"] {
        let other = scene.caller(who);
        let hidden = kick_off(other, &format!("/fhir/Group/{id}/$export")).await;
        let missing = kick_off(other, "/fhir/Group/nobody/$export").await;
        assert!(
            hidden.status == 403 || hidden.status == 404,
            "{}",
            hidden.text
        );
        same(&hidden, &missing);
    }
    clean(&scene);
    scene.stop().await;
}

/// Whether it is of a patient who is no member.
fn scene_other(scene: &Scene, value: &Value) -> bool {
    [&scene.leaving, &scene.young, &scene.far]
        .iter()
        .any(|made| scene.is_of(value, made))
}
