//! The service as a whole: what it takes to run it, what it says tomorrow, who else is on it, what is generated from it.

use std::collections::BTreeSet;

use kap_fhir::auth::seal::SealingKey;
use kap_fhir::cli::assemble;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use kap_fhir::demo::{log_in, set_up};
use kap_fhir::server;
use serde_json::{Value, json};

use crate::app::{Db, TestApp};
use crate::both;
use crate::crash::Place;
use crate::fhir_door::{STRUCTURE, cleared, get, post, text};
use crate::program::free_address;
use crate::search::{observation, patient};

both!(
    a_verdict_does_not_age,
    the_program_alone_serves_in_little_memory,
    a_tenant_is_not_there_for_another,
    a_refused_login_says_which_claim_is_wrong,
);

/// Nothing that validation knows expires: a day, a year later the same resource is judged by the same words.
async fn a_verdict_does_not_age(db: Db) {
    let (app, _) = TestApp::played(db, &cleared()).await;
    let own = patient(app.as_party(Party::Practice)).await;
    let judged = async |caller: &Caller| {
        let mut verdicts = vec![];
        for kind in ["kap-observation", "kap-session-vital-sign"] {
            let claim = json!({ "meta": { "profile": [format!("{STRUCTURE}/{kind}")] }, "valueQuantity": { "value": "1" } });
            let body = observation(&own, "judged", &claim);
            let answer = post(caller, "/fhir/Observation/$validate", &body).await;
            verdicts.push((answer.status, answer.text));
        }
        verdicts
    };
    let today = judged(app.as_party(Party::Practice)).await;
    assert!(
        today
            .iter()
            .all(|(_, text)| text.contains("\"severity\":\"error\"")),
        "{today:?}"
    );
    for days in [1, 365] {
        app.app.clock.advance(time::Duration::days(days));
        let callers = log_in(&app.base, &app.logins, &app.app.clock)
            .await
            .expect("tokens");
        assert_eq!(judged(&callers[&Party::Practice]).await, today);
    }
    app.stop().await;
}

/// Most memory that the program may have had, in KiB; that of a debug build, with every definition that it knows.
const MEMORY: u64 = 300 * 1024;

/// Most that five hundred resources may add to it.
const GROWTH: u64 = 32 * 1024;

/// The program needs a key, a database and nothing else; what it knows of FHIR is within it.
async fn the_program_alone_serves_in_little_memory(db: Db) {
    let address = free_address();
    let base = format!("http://{address}");
    let (place, accounts) = Place::new(db, &base).await;
    let program = place.program(&address).await;
    let clock = kap_fhir::clock::Clock::system();
    let callers = log_in(&base, &accounts, &clock).await.expect("tokens");
    let practice = &callers[&Party::Practice];
    let metadata = get(practice, "/fhir/metadata").await.expect(200);
    assert_eq!(metadata["fhirVersion"], "4.0.1");
    let body = json!({ "resourceType": "Observation", "status": "done" });
    let judged = post(practice, "/fhir/Observation/$validate", &body).await;
    assert!(
        judged.text.contains("Observation.status"),
        "{}",
        judged.text
    );
    get(practice, "/fhir/Questionnaire?_count=1000")
        .await
        .expect(200);
    // Judging leaves nothing behind: the five hundredth resource needs what the first needed.
    let judge = async |n: usize| {
        let claim = json!({ "meta": { "profile": [format!("{STRUCTURE}/kap-observation")] }, "valueString": format!("{n}") });
        let body = observation("nobody", &format!("judged-{n}"), &claim);
        post(practice, "/fhir/Observation/$validate", &body)
            .await
            .expect(200)
    };
    judge(0).await;
    let first = program.peak();
    for n in 1..500 {
        judge(n).await;
    }
    let grown = program.peak().zip(first).map(|(last, first)| last - first);
    assert!(grown.is_none_or(|grown| grown < GROWTH), "{grown:?} KiB");
    if let Some(peak) = program.peak() {
        assert!(peak < MEMORY, "{peak} KiB");
    }
    program.stop();
}

/// Two practice networks on one database, with clients of the same names: neither finds anything of the other's.
async fn a_tenant_is_not_there_for_another(db: Db) {
    let (app, _) = TestApp::played(db, &cleared()).await;
    let here = app.as_party(Party::Practice);
    let listener = server::bind("127.0.0.1:0".parse().expect("address"))
        .await
        .expect("bind");
    let base = format!("http://{}", listener.local_addr().expect("address"));
    let other = assemble(
        app.app.store.clone(),
        app.app.clock.clone(),
        "other",
        &base,
        None,
    );
    let other = other
        .expect("app")
        .sealed_with(SealingKey::generate().expect("key"));
    let logins = set_up(&other, &cleared()).await.expect("parties");
    let running = server::start(other.clone(), listener, 64).expect("server");
    let callers = log_in(&base, &logins, &other.clock).await.expect("tokens");
    let there = &callers[&Party::Practice];
    // A token of one network is none in the other.
    let stray = Caller {
        base: base.clone(),
        ..here.clone()
    };
    assert_eq!(get(&stray, "/fhir/Patient").await.status, 401);
    let own = patient(here).await;
    for kind in [
        "Patient",
        "Observation",
        "EpisodeOfCare",
        "Task",
        "Consent",
        "Provenance",
        "Composition",
    ] {
        let ours = get(here, &format!("/fhir/{kind}?_count=1"))
            .await
            .expect(200);
        let id = text(&ours["entry"][0]["resource"]["id"]).to_owned();
        assert!(!id.is_empty(), "{kind}");
        let theirs = get(there, &format!("/fhir/{kind}?_total=accurate"))
            .await
            .expect(200);
        assert_eq!(
            (&theirs["total"], &theirs["entry"]),
            (&json!(0), &Value::Null),
            "{kind}"
        );
        for path in [format!("{kind}/{id}"), format!("{kind}/{id}/_history")] {
            let hidden = get(there, &format!("/fhir/{path}")).await;
            let missing = get(there, &format!("/fhir/{}", path.replace(&id, "nobody"))).await;
            assert_eq!(
                (hidden.status, hidden.text.replace(&id, "nobody")),
                (404, missing.text)
            );
        }
    }
    // Nor by a chain, from the other side, along with something else, or as what a record refers to.
    for path in [
        format!("Observation?patient={own}"),
        format!("Observation?patient._id={own}"),
        "Patient?_has:Observation:patient:status=final".to_owned(),
        "Organization?_revinclude=EpisodeOfCare:organization&_include=*".to_owned(),
        "PractitionerRole?_include=PractitionerRole:practitioner&_revinclude=*".to_owned(),
    ] {
        let set = get(there, &format!("/fhir/{path}")).await.expect(200);
        let entries = set["entry"].as_array().into_iter().flatten();
        let mut found = entries.map(|e| text(&e["resource"]["resourceType"]));
        let directory = [
            "Organization",
            "Practitioner",
            "PractitionerRole",
            "Endpoint",
            "Provenance",
        ];
        assert!(found.all(|kind| directory.contains(&kind)), "{path}: {set}");
    }
    assert_eq!(
        get(there, &format!("/fhir/Patient/{own}/$everything"))
            .await
            .status,
        404
    );
    let refers = post(
        there,
        "/fhir/Observation",
        &observation(&own, "stray", &json!({})),
    )
    .await;
    assert!((400..500).contains(&refers.status), "{}", refers.text);
    running.stop().await;
    app.stop().await;
}

/// What is wrong with an assertion is said by the name of its claim to whoever has the key; `tests/oauth/mutations.json` has
/// every claim.
async fn a_refused_login_says_which_claim_is_wrong(db: Db) {
    let app = TestApp::start(db, &cleared()).await;
    let account = &app.logins[0];
    let token = format!("{}/auth/token", app.base);
    let wrong = "https://elsewhere.example.org/auth/token";
    let assertion = kap_fhir::auth::jose::client_assertion(
        &account.key,
        account.client,
        wrong,
        &app.app.clock,
        120,
    );
    let form = [
        ("grant_type", "client_credentials"),
        ("scope", "system/Patient.rs"),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", &assertion.expect("assertion")),
    ];
    let caller = app.as_party(Party::Practice);
    let answer = caller
        .http
        .post(&token)
        .form(&form)
        .send()
        .await
        .expect("answer");
    assert_eq!(answer.status(), 401);
    let told: Value = serde_json::from_str(&answer.text().await.expect("text")).expect("JSON");
    assert_eq!(told["error"], "invalid_client");
    assert!(text(&told["error_description"]).contains("aud"), "{told}");
    app.stop().await;
}

/// Every operation has a name that a function can bear, every parameter and body a schema, every reference a target.
#[test]
fn the_contract_can_be_generated_from() {
    let file: Value = serde_saphyr::from_str(include_str!("../../../openapi.yaml")).expect("YAML");
    let mut names = BTreeSet::new();
    let mut parameters = 0;
    for (path, item) in file["paths"].as_object().expect("paths") {
        let shared = item["parameters"].as_array().cloned().unwrap_or_default();
        for method in ["get", "put", "post", "delete", "patch"] {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let name = text(&operation["operationId"]);
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            assert!(
                plain && name.starts_with(|c: char| c.is_ascii_alphabetic()),
                "{method} {path}: {name}"
            );
            assert!(names.insert(name.to_owned()), "{name} stands twice");
            let own = operation["parameters"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let mut told = BTreeSet::new();
            for parameter in shared.iter().chain(&own) {
                let parameter = followed(&file, parameter);
                let schema = followed(&file, &parameter["schema"]);
                let typed = ["type", "enum", "anyOf", "oneOf", "const", "allOf"];
                assert!(
                    typed.iter().any(|t| schema.get(t).is_some()),
                    "{method} {path}: {parameter}"
                );
                told.insert(text(&parameter["name"]).to_owned());
                parameters += 1;
            }
            for part in path
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split('}').next())
            {
                assert!(
                    told.contains(part),
                    "{method} {path} does not tell of {part}"
                );
            }
        }
    }
    assert!(
        names.len() > 80 && parameters > 100,
        "{} {parameters}",
        names.len()
    );
    assert_eq!(dangling(&file, &file), Vec::<String>::new());
}

fn followed<'v>(file: &'v Value, value: &'v Value) -> &'v Value {
    match value["$ref"].as_str() {
        Some(place) => file.pointer(place.trim_start_matches('#')).expect(place),
        None => value,
    }
}

/// References that lead nowhere.
fn dangling(file: &Value, value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) => all.iter().flat_map(|one| dangling(file, one)).collect(),
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str);
            let lost = own.filter(|place| file.pointer(place.trim_start_matches('#')).is_none());
            let within = members.values().flat_map(|one| dangling(file, one));
            lost.map(str::to_owned).into_iter().chain(within).collect()
        }
        _ => vec![],
    }
}
