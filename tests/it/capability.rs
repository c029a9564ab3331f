//! The CapabilityStatement promises nothing that is not there: every interaction, parameter, include, operation and
//! compartment that it names is called.

use std::collections::BTreeSet;

use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{Answer, FIRST, call, get, post, text};

both!(whatever_is_named_is_there);

/// Includes of one request.
const INCLUDES: usize = 12;

fn list<'v>(value: &'v Value, name: &str) -> Vec<&'v Value> {
    value[name].as_array().into_iter().flatten().collect()
}

/// The answer is of something that there is: refused perhaps, but by what it asks and not for want of a handler.
#[track_caller]
fn there(answer: &Answer, what: &str) {
    let missing = matches!(answer.status, 404 | 405 | 501) || answer.status >= 500;
    assert!(!missing, "{what}: {} {}", answer.status, answer.text);
}

/// As [`there`]; that there is no such record may be said.
#[track_caller]
fn there_if_any(answer: &Answer, what: &str) {
    if answer.status == 404 {
        // Said of the record, not of the type.
        let code = answer.json()["issue"][0]["code"].clone();
        assert_eq!(code, json!("not-found"), "{what}: {}", answer.text);
    } else {
        there(answer, what);
    }
}

/// A value that a parameter of this type can have.
fn value(parameter: &Value) -> &'static str {
    match text(&parameter["type"]) {
        "token" | "string" => "x",
        "date" => "ge2020",
        "reference" => "Patient/x",
        "quantity" | "number" => "1",
        "uri" => "urn:x",
        "composite" => "x$2020",
        other => panic!("{other}: say here what such a parameter may be"),
    }
}

/// Who may look at resources of this type, and what must be asked beside.
fn reader<'a>(app: &'a TestApp, kind: &str) -> (&'a Caller, &'static str) {
    match kind {
        "AuditEvent" => (app.as_party(Party::Partner), "date=ge2020&"),
        _ => (app.as_party(Party::Practice), ""),
    }
}

async fn searches(app: &TestApp, resource: &Value) -> usize {
    let kind = text(&resource["type"]);
    let (caller, beside) = reader(app, kind);
    let mut asked = 0;
    for parameter in list(resource, "searchParam") {
        let name = text(&parameter["name"]);
        let strict = [("Prefer", "handling=strict")];
        let path = format!("/fhir/{kind}?{beside}{name}={}&_count=1", value(parameter));
        let answer = call(caller, Method::GET, &path, &strict, None).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        asked += 1;
    }
    for (name, list) in [
        ("_include", list(resource, "searchInclude")),
        ("_revinclude", list(resource, "searchRevInclude")),
    ] {
        for some in list.chunks(INCLUDES) {
            let some = some.iter().map(|value| format!("{name}={}", text(value)));
            let some: Vec<String> = some.collect();
            let path = format!("/fhir/{kind}?_count=1&{}", some.join("&"));
            let answer = get(caller, &path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            asked += 1;
        }
    }
    asked
}

/// One of the resources of a type, where the sample has one.
async fn one(app: &TestApp, kind: &str) -> Option<Value> {
    let (caller, beside) = reader(app, kind);
    let set = get(caller, &format!("/fhir/{kind}?{beside}_count=1"))
        .await
        .expect(200);
    set["entry"].get(0).map(|entry| entry["resource"].clone())
}

async fn interactions(app: &TestApp, resource: &Value) {
    let kind = text(&resource["type"]);
    let (caller, _) = reader(app, kind);
    let codes = list(resource, "interaction");
    let codes: BTreeSet<&str> = codes.into_iter().map(|i| text(&i["code"])).collect();
    let found = if codes.contains("search-type") {
        one(app, kind).await
    } else {
        None
    };
    let id = found.as_ref().map_or("none", |found| text(&found["id"]));
    let own = format!("/fhir/{kind}/{id}");
    for code in codes {
        let what = format!("{code} of {kind}");
        match code {
            "read" | "vread" | "history-instance" => {
                let rest = match code {
                    "vread" => "/_history/1",
                    "history-instance" => "/_history",
                    _ => "",
                };
                let answer = get(caller, &format!("{own}{rest}")).await;
                if found.is_some() {
                    assert_eq!(answer.status, 200, "{what}: {}", answer.text);
                } else {
                    assert_eq!(answer.status, 404, "{what}: {}", answer.text);
                    there_if_any(&answer, &what);
                }
            }
            "search-type" => {
                let form = [("Content-Type", "application/x-www-form-urlencoded")];
                let path = format!("/fhir/{kind}/_search?date=ge2020");
                there(&call(caller, Method::POST, &path, &form, None).await, &what);
            }
            "create" => {
                let answer = post(caller, &format!("/fhir/{kind}"), &json!({})).await;
                there(&answer, &what);
            }
            "update" => {
                let answer = call(caller, Method::PUT, &own, &[], Some("{}".to_owned())).await;
                there(&answer, &what);
            }
            "history-type" => {
                let answer = get(caller, &format!("/fhir/{kind}/_history?_count=1")).await;
                assert_eq!(answer.status, 200, "{what}: {}", answer.text);
            }
            "patch" => {
                let answer = call(caller, Method::PATCH, &own, &[], Some("{}".to_owned())).await;
                there_if_any(&answer, &what);
            }
            "delete" => {
                let path = format!("/fhir/{kind}/none");
                there_if_any(&call(caller, Method::DELETE, &path, &[], None).await, &what);
            }
            other => panic!("{other} of {kind}: say here how it is called"),
        }
    }
}

/// The conditional forms, whose criteria nothing meets or which meet a body that is none.
async fn conditions(app: &TestApp, resource: &Value) {
    let kind = text(&resource["type"]);
    let (caller, _) = reader(app, kind);
    let path = format!("/fhir/{kind}?_id=none");
    if resource["conditionalUpdate"] == true {
        let answer = call(caller, Method::PUT, &path, &[], Some("{}".to_owned())).await;
        there(&answer, &path);
    }
    if resource["conditionalDelete"] == "single" {
        let answer = call(caller, Method::DELETE, &path, &[], None).await;
        there_if_any(&answer, &path);
    }
}

async fn operations(app: &TestApp, kind: &str, resource: &Value) {
    let (caller, _) = reader(app, kind);
    for operation in list(resource, "operation") {
        let name = text(&operation["name"]);
        let what = format!("${name} of {kind}");
        let found = match (kind, name) {
            ("AuditEvent" | "Questionnaire", _) => None,
            _ => one(app, kind).await,
        };
        let id = found.as_ref().map_or("none", |found| text(&found["id"]));
        let own = format!("/fhir/{kind}/{id}/${name}");
        match (kind, name) {
            (_, "validate") => {
                let path = format!("/fhir/{kind}/$validate");
                let answer = post(caller, &path, &json!({"resourceType": kind})).await;
                assert_eq!(answer.status, 200, "{what}: {}", answer.text);
            }
            ("Patient", "export") => {
                there(&get(caller, "/fhir/Patient/$export").await, &what);
            }
            (_, "meta-add" | "meta-delete") => {
                let answer = post(caller, &own, &json!({})).await;
                there(&answer, &what);
                let refused = matches!(answer.status, 400 | 403);
                assert!(refused, "{what}: {} {}", answer.status, answer.text);
            }
            ("Subscription", "status" | "events") => {
                there_if_any(&get(caller, &own).await, &what);
                let path = "/fhir/Subscription/$status";
                assert_eq!(get(caller, path).await.status, 200, "{path}");
            }
            ("Group", "export") => there_if_any(&get(caller, &own).await, &what),
            ("DocumentReference", "docref") => {
                let patient = one(app, "Patient").await.expect("a patient");
                let path = format!("/fhir/{kind}/$docref?patient={}", text(&patient["id"]));
                assert_eq!(get(caller, &path).await.status, 200, "{path}");
            }
            (_, "meta") if found.is_none() => there_if_any(&get(caller, &own).await, &what),
            (_, "document" | "everything" | "meta" | "summary") => {
                let answer = get(caller, &own).await;
                assert_eq!(answer.status, 200, "{what}: {}", answer.text);
                if name == "meta" {
                    let path = format!("/fhir/{kind}/$meta");
                    assert_eq!(get(caller, &path).await.status, 200, "{path}");
                }
            }
            _ => panic!("{what}: say here how it is called"),
        }
    }
}

/// A definition of the project of that type.
fn definition(kind: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/profiles/generated");
    let files = std::fs::read_dir(folder).expect("the definitions");
    let names = files.map(|file| {
        file.expect("a file")
            .file_name()
            .into_string()
            .expect("text")
    });
    let mut ids = names.filter_map(|name| {
        let id = name
            .strip_prefix(&format!("{kind}-"))?
            .strip_suffix(".json")?;
        Some(id.to_owned())
    });
    ids.next().unwrap_or_else(|| panic!("a {kind}"))
}

async fn whatever_is_named_is_there(db: Db) {
    let (full, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &full).await;
    let practice = app.as_party(Party::Practice);
    let statement = get(practice, "/fhir/metadata").await.expect(200);
    let rest = &statement["rest"][0];
    let (mut asked, mut kinds) = (0, 0);
    for resource in list(rest, "resource") {
        let kind = text(&resource["type"]);
        if kap_fhir::interaction::capability::TYPES.contains(&kind) {
            interactions(&app, resource).await;
            conditions(&app, resource).await;
            operations(&app, kind, resource).await;
            asked += searches(&app, resource).await;
            kinds += 1;
        } else {
            let path = format!("/fhir/{kind}/{}", definition(kind));
            let answer = get(practice, &path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        }
    }
    assert!(
        kinds == kap_fhir::interaction::capability::TYPES.len() && asked > 500,
        "{kinds} {asked}"
    );
    for code in list(rest, "interaction") {
        let answer = match text(&code["code"]) {
            kind @ ("transaction" | "batch") => {
                let nothing = json!({"resourceType": "Bundle", "type": kind});
                post(practice, "/fhir", &nothing).await
            }
            "history-system" => get(practice, "/fhir/_history?_count=1").await,
            "search-system" => get(practice, "/fhir?_count=1").await,
            other => panic!("{other}: say here how it is called"),
        };
        assert_eq!(answer.status, 200, "{code}: {}", answer.text);
    }
    for operation in list(rest, "operation") {
        let path = format!("/fhir/${}", text(&operation["name"]));
        there(&get(practice, &path).await, &path);
    }
    for parameter in list(rest, "searchParam") {
        let path = format!(
            "/fhir?{}={}&_count=1",
            text(&parameter["name"]),
            value(parameter)
        );
        assert_eq!(get(practice, &path).await.status, 200, "{path}");
    }
    let compartments = list(rest, "compartment");
    assert!(compartments.len() >= 4);
    for compartment in compartments {
        let name = text(compartment).rsplit('/').next().expect("a name");
        let kind = name[..1].to_uppercase() + &name[1..];
        let found = one(&app, &kind).await;
        let Some(found) = found else { continue };
        let path = format!("/fhir/{kind}/{}/*?_count=1", text(&found["id"]));
        assert_eq!(get(practice, &path).await.status, 200, "{path}");
    }
    app.stop().await;
}
