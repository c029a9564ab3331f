//! Each kind of event: what was asked, what is kept of it.

use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use serde_json::{Value, json};

use super::{PARTNER, PRACTICE, rows_of};
use crate::app::{Db, TestApp, unique};
use crate::both;
use crate::fhir_door::{FIRST, get, text};
use crate::idempotency::{beginning, message};
use crate::wire::{Ask, Heard};
use crate::{app::sample, contract};

both!(
    requests_leave_what_they_did,
    refusals_leave_why,
    the_operator_leaves_traces_too,
    every_route_leaves_a_trace,
);

const WHAT: &str = "kind, outcome, reason, target_type, target_id, target_version, patient";

/// Sends it under an id of its own and gives that and the answer.
async fn traced(ask: Ask, caller: &Caller) -> (String, Heard) {
    let id = unique("request").replace('_', "-");
    let heard = ask.with("X-Request-Id", &id).send(caller).await;
    (id, heard)
}

async fn id_of(caller: &Caller, kind: &str) -> String {
    let set = get(caller, &format!("/fhir/{kind}?_count=1")).await;
    text(&set.expect(200)["entry"][0]["resource"]["id"]).to_owned()
}

async fn requests_leave_what_they_did(db: Db) {
    let app = TestApp::start(db, &beginning()).await;
    let practice = app.as_party(Party::Practice);
    let played = app.play(&beginning()).await;
    let patient = id_of(practice, "Patient").await;
    let encounter = id_of(practice, "Encounter").await;

    let read = Ask::get(format!("/fhir/Encounter/{encounter}"));
    let (id, heard) = traced(read, practice).await;
    let version = heard.json()["meta"]["versionId"]
        .as_str()
        .map(str::to_owned);
    let version = version.expect("version");
    let what = ["0", "", "Encounter", &encounter, &version, &patient];
    assert_eq!(
        rows_of(&app, &id, WHAT).await,
        [[&["read"][..], &what].concat()]
    );
    let who = "client, organization, role, purpose, peer";
    assert_eq!(
        rows_of(&app, &id, who).await,
        [[
            "demo-practice",
            PRACTICE,
            "practice-therapist",
            "TREAT",
            "127.0.0.1"
        ]]
    );
    let token = rows_of(&app, &id, "token").await.remove(0).remove(0);
    assert!(
        practice.token.contains(&token) && token.len() == 22,
        "{token}"
    );

    let vread = Ask::get(format!("/fhir/Encounter/{encounter}/_history/{version}"));
    let (id, _) = traced(vread, practice).await;
    assert_eq!(
        rows_of(&app, &id, WHAT).await,
        [[&["vread"][..], &what].concat()]
    );

    // One event for each patient in the result, the request as it came, nothing of the result.
    let (id, _) = traced(Ask::get("/fhir/Observation?_count=3"), practice).await;
    let found = rows_of(&app, &id, "kind, patient, detail, target_id").await;
    assert_eq!(
        found,
        [["search", &patient, "GET /fhir/Observation?_count=3", ""]]
    );
    let form = Ask {
        body: b"code=8867-4".to_vec(),
        ..Ask::new("POST", "/fhir/Observation/_search")
            .with("Content-Type", "application/x-www-form-urlencoded")
    };
    let (id, _) = traced(form, practice).await;
    let found = rows_of(&app, &id, "kind, detail").await;
    assert_eq!(
        found,
        [["search", "POST /fhir/Observation/_search\n\ncode=8867-4"]]
    );
    let (id, _) = traced(Ask::get("/fhir/Patient?name=Nobodyatall"), practice).await;
    assert_eq!(
        rows_of(&app, &id, "kind, outcome, patient").await,
        [["search", "0", ""]]
    );

    let nothing = json!({"resourceType": "Bundle", "type": "transaction"});
    let (id, heard) = traced(Ask::json("/fhir", &nothing), practice).await;
    assert_eq!(heard.status, 200, "{}", heard.text);
    assert_eq!(
        rows_of(&app, &id, "kind, outcome").await,
        [["transaction", "0"]]
    );

    let path = format!("/kap/v1/episodes/{}", played.episode);
    let (id, _) = traced(Ask::get(format!("{path}/timeline")), practice).await;
    let found = rows_of(&app, &id, "kind, target_type, target_id, patient, detail").await;
    assert_eq!(
        found,
        [[
            "read",
            "EpisodeOfCare",
            &played.episode,
            &patient,
            "timeline"
        ]]
    );
    let (id, _) = traced(Ask::get("/kap/v1/worklist"), practice).await;
    assert_eq!(
        rows_of(&app, &id, "kind, patient, detail").await,
        [["search", &patient, "GET /kap/v1/worklist"]]
    );
    command(
        &app,
        &format!("{path}/communications"),
        &message(&played, "audited"),
    )
    .await;
    app.stop().await;
}

/// A command leaves an event for each version that it wrote, and so does its repetition, which reads.
async fn command(app: &TestApp, path: &str, body: &Value) {
    let practice = app.as_party(Party::Practice);
    let ask = Ask::json(path, body);
    let (id, heard) = traced(ask.clone(), practice).await;
    assert_eq!(heard.status, 201, "{}", heard.text);
    let written: Vec<String> = heard.json()["resources"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|r| text(r).to_owned())
        .collect();
    let mut kept: Vec<String> = rows_of(app, &id, "kind, target_type, target_id, outcome")
        .await
        .into_iter()
        .map(|row| {
            assert!(
                matches!(&*row[0], "create" | "update") && row[3] == "0",
                "{row:?}"
            );
            format!("{}/{}", row[1], row[2])
        })
        .collect();
    let mut written_once = written.clone();
    written_once.sort();
    kept.sort();
    assert_eq!(kept, written_once);
    let (id, heard) = traced(ask, practice).await;
    assert_eq!(heard.header("idempotency-replayed"), "true");
    let found = rows_of(app, &id, "kind, target_type, detail").await;
    assert_eq!(found, [["read", "EpisodeOfCare", "repeated command"]]);
}

async fn refusals_leave_why(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    let partner = app.as_party(Party::Partner);
    let missing = "00000000-0000-4000-8000-000000000000";
    let goal = json!({"resourceType": "Goal", "lifecycleStatus": "active", "description": {"text": "x"},
        "subject": {"reference": "Patient/x"}});
    for (ask, status, row) in [
        (
            Ask::get(format!("/fhir/Patient/{missing}")),
            404,
            [
                "read",
                "4",
                "404 not-found",
                "Patient",
                missing,
                "",
                missing,
            ],
        ),
        (
            Ask::json("/fhir/Goal", &goal),
            403,
            ["create", "8", "403 not-permitted", "Goal", "", "", ""],
        ),
        (
            Ask::get("/fhir/Patient?birthdate=never"),
            400,
            ["search", "4", "400 value", "Patient", "", "", ""],
        ),
        (
            Ask::json(
                "/fhir",
                &json!({"resourceType": "Bundle", "type": "collection"}),
            ),
            400,
            ["transaction", "4", "400 structure", "", "", "", ""],
        ),
        (
            Ask::json(format!("/kap/v1/episodes/{missing}/problems"), &json!({})),
            400,
            [
                "operation",
                "4",
                "400 invalid",
                "EpisodeOfCare",
                missing,
                "",
                "",
            ],
        ),
    ] {
        let path = ask.path.clone();
        let (id, heard) = traced(ask, partner).await;
        assert_eq!(heard.status, status, "{path}: {}", heard.text);
        assert_eq!(rows_of(&app, &id, WHAT).await, [row], "{path}");
        assert_eq!(
            rows_of(&app, &id, "client, organization").await,
            [["demo-partner", PARTNER]]
        );
    }
    // A token that was good once names its client; one that never was names nobody.
    app.app
        .auth
        .disable("demo-partner")
        .await
        .expect("disabled");
    app.app.clock.advance(time::Duration::seconds(2));
    let (id, heard) = traced(Ask::get("/fhir/Patient"), partner).await;
    assert_eq!(heard.status, 401);
    assert_eq!(
        rows_of(&app, &id, "kind, outcome, reason, client").await,
        [["search", "8", "401 login", "demo-partner"]]
    );
    let stranger = Caller {
        token: "kat_AAAAAAAAAAAAAAAAAAAAAA_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into(),
        ..partner.clone()
    };
    let (id, heard) = traced(Ask::get("/fhir/Patient"), &stranger).await;
    assert_eq!(heard.status, 401);
    assert!(rows_of(&app, &id, "kind").await.is_empty());
    app.stop().await;
}

async fn the_operator_leaves_traces_too(db: Db) {
    let app = TestApp::start(db, &beginning()).await;
    app.app.auth.disable("demo-ehr").await.expect("disabled");
    app.app.auth.enable("demo-ehr").await.expect("enabled");
    let of = async |kind: &str| {
        let sql = format!("SELECT target_id FROM audit WHERE kind = '{kind}' ORDER BY target_id");
        app.place().rows(&sql).await.concat()
    };
    let clients = ["demo-ehr", "demo-partner", "demo-pharmacy", "demo-practice"];
    assert_eq!(of("client-add").await, clients);
    assert_eq!(of("client-disable").await, ["demo-ehr"]);
    assert_eq!(of("client-enable").await, ["demo-ehr"]);
    assert_eq!(of("start").await.len(), 1);
    let sql =
        "SELECT DISTINCT detail FROM audit WHERE target_type = 'Organization' AND kind = 'create'";
    assert_eq!(
        app.place().rows(sql).await,
        [["the operator keeps the directory"]]
    );
    app.stop().await;

    // The steps of the schema are told by the program that took them, which is the command line's.
    let folder = crate::app::tempdir::Folder::new();
    let url = format!("sqlite:{}", folder.path().join("kap.db").display());
    for _ in 0..2 {
        let opened = kap_fhir::cli::app(&url, "default", "http://h", None, 1)
            .await
            .expect("app");
        opened.store.close().await;
    }
    let steps = crate::raw::Place::File(folder);
    let told = steps
        .rows("SELECT detail FROM audit WHERE kind = 'migrate' ORDER BY detail")
        .await;
    assert!(told.len() >= 4 && told[0] == ["1 records"], "{told:?}");
}

/// Whatever is asked of whichever route, with a token: it is in the audit.
async fn every_route_leaves_a_trace(db: Db) {
    let (app, played) = TestApp::played(db, &beginning()).await;
    let practice = app.as_party(Party::Practice);
    let mut count = 0;
    for (verb, path) in contract::protected() {
        let steps: Vec<&str> = path
            .split('/')
            .map(|step| match step {
                "{episode}" => played.episode.as_str(),
                "{type}" => "Patient",
                step if step.starts_with('{') => "00000000-0000-4000-8000-000000000000",
                step => step,
            })
            .collect();
        let ask = match verb {
            "GET" => Ask::get(steps.join("/")),
            _ => Ask {
                method: verb,
                ..Ask::post(steps.join("/"), "{}")
            },
        };
        let (id, heard) = traced(ask, practice).await;
        assert!(heard.status < 500, "{verb} {path}: {}", heard.text);
        let found = rows_of(&app, &id, "outcome, client").await;
        let good = heard.status < 400;
        assert!(!found.is_empty(), "{verb} {path} left no trace");
        assert!(
            found
                .iter()
                .all(|row| (row[0] == "0") == good && row[1] == "demo-practice"),
            "{verb} {path}: {found:?}"
        );
        count += 1;
    }
    assert!(count > 80, "{count} operations");
    app.stop().await;
}
