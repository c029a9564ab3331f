//! An operator takes labels off a record: what that opens, that it holds, and what stays.

use std::process::Output;

use kap_fhir::access::Role;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use kap_fhir::error::Kind;
use kap_fhir::fhir::resource::Key;
use kap_fhir::interaction::lower::{Operator, Why, lower};
use kap_fhir::kap::Id;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::client::client;
use crate::fhir_door::{FIRST, get, only, post, put, text};
use crate::program::run;

both!(
    a_label_that_was_taken_off_stays_off_until_it_is_said_anew,
    what_must_stay_is_refused_and_leaves_no_trace,
    a_record_of_an_episode_is_lowered_beside_a_running_service,
    what_no_consent_can_name_is_taken_off_code_by_code,
    what_names_no_patient_stays_its_patients,
    a_new_word_closes_a_document_again,
);

const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const SNOMED: &str = "http://snomed.info/sct";
const MINOR: &str = include_str!("../samples/03-adolescent-deferred.json");

fn labels(resource: &Value) -> Vec<&str> {
    let codings = resource["meta"]["security"].as_array();
    let codings = codings.into_iter().flatten();
    codings.map(|c| text(&c["code"])).collect()
}

fn label(code: &str) -> Value {
    json!({ "system": ACT_CODE, "code": code })
}

fn push(list: &mut Value, one: Value) {
    list.as_array_mut().expect("a list").push(one);
}

/// A service with the first sample, and a problem of its patient that says substance abuse, with these labels.
async fn problem(db: Db, stated: &[&str]) -> (TestApp, Value) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let patient = only(practice, "/fhir/Patient").await;
    let stated: Vec<Value> = stated.iter().map(|code| label(code)).collect();
    let mut made = json!({
        "resourceType": "Condition",
        "clinicalStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active" }] },
        "category": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item" }] }],
        "code": { "coding": [{ "system": SNOMED, "code": "66214007" }], "text": "No misuse after all" },
        "subject": { "reference": format!("Patient/{}", text(&patient["id"])) },
    });
    if !stated.is_empty() {
        made["meta"] = json!({ "security": stated });
    }
    let made = post(practice, "/fhir/Condition", &made).await.expect(201);
    (app, made)
}

/// `kap-fhir label lower` of these codes, beside the service.
fn lowered(app: &TestApp, of: &Value, codes: &[&str], more: &[&str]) -> Output {
    let (kind, id) = (text(&of["resourceType"]), text(&of["id"]));
    let mut words = vec!["label", "lower", "--type", kind, "--id", id];
    for code in codes {
        words.extend(["--code", code]);
    }
    words.extend(more);
    run(&words, &app.place().url())
}

const BY: &[&str] = &["--reason", "misclassified", "--operator", "operator-7"];

fn done(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The events of the audit that an operator took labels off it.
async fn events(app: &TestApp, of: &Value) -> Vec<Value> {
    let officer: Caller = client(
        app,
        &crate::app::unique("officer"),
        "org-practice-01",
        Role::PrivacyOfficer,
        "system/AuditEvent.rs",
    )
    .await;
    let (kind, id) = (text(&of["resourceType"]), text(&of["id"]));
    let path = format!("/fhir/AuditEvent?entity={kind}/{id}&subtype=110135");
    let set = get(&officer, &path).await.expect(200);
    let entries = set["entry"].as_array().cloned().unwrap_or_default();
    entries.iter().map(|e| e["resource"].clone()).collect()
}

async fn a_label_that_was_taken_off_stays_off_until_it_is_said_anew(db: Db) {
    let (app, made) = problem(db, &[]).await;
    let practice = app.as_party(Party::Practice);
    let partner = app.as_party(Party::Partner);
    assert_eq!(labels(&made), ["R", "SUD", "ETH"]);
    let path = format!("/fhir/Condition/{}", text(&made["id"]));
    // The partner's consent does not name substance use.
    assert_eq!(get(partner, &path).await.status, 404);
    let found = async |who: &Caller, code: &str| {
        let path = format!(
            "/fhir/Condition?_id={}&_security={ACT_CODE}|{code}&_total=accurate",
            text(&made["id"])
        );
        get(who, &path).await.expect(200)["total"].as_i64()
    };
    assert_eq!(found(practice, "ETH").await, Some(1));

    let said = done(&lowered(&app, &made, &["SUD", "ETH"], BY));
    assert!(said.contains("version 2"), "{said}");
    let mut now = get(practice, &path).await.expect(200);
    assert_eq!(labels(&now), ["R", "PSY"]);
    assert_eq!(now["code"], made["code"]);
    // The filter and the index know it at once.
    assert_eq!(get(partner, &path).await.status, 200);
    assert_eq!(found(practice, "ETH").await, Some(0));
    assert_eq!(found(partner, "PSY").await, Some(1));
    // The version from before stays what it was.
    let first = format!("{path}/_history/1");
    let before = get(practice, &first).await.expect(200);
    assert_eq!(labels(&before), ["R", "SUD", "ETH"]);
    assert_eq!(get(partner, &first).await.status, 404);

    let told = events(&app, &made).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let event = &told[0];
    assert_eq!(text(&event["action"]), "U");
    let entity = &event["entity"][0];
    assert_eq!(
        text(&entity["what"]["reference"]),
        format!("Condition/{}/_history/2", text(&made["id"]))
    );
    assert_eq!(
        text(&entity["detail"][0]["valueString"]),
        "labels lowered: SUD ETH; reason: misclassified; operator: operator-7"
    );
    assert_eq!(event["entity"][1]["what"], made["subject"]);

    // Whatever else a client changes, the labels stay off, with or without those that it was given.
    now["note"] = json!([{ "text": "seen again" }]);
    let mut now = put(practice, &now).await.expect(200);
    assert_eq!(labels(&now), ["R", "PSY"]);
    now["meta"]
        .as_object_mut()
        .expect("meta")
        .remove("security");
    let mut now = put(practice, &now).await.expect(200);
    assert_eq!(labels(&now), ["R", "PSY"], "a client lowers nothing");
    // Who states a label, means it.
    push(&mut now["meta"]["security"], label("ETH"));
    let now = put(practice, &now).await.expect(200);
    assert_eq!(labels(&now), ["R", "PSY", "ETH"]);
    assert_eq!(get(partner, &path).await.status, 404);
    // So does who says it with another code.
    done(&lowered(&app, &made, &["ETH"], BY));
    let mut now = get(practice, &path).await.expect(200);
    assert_eq!(labels(&now), ["R", "PSY"]);
    let alcohol = json!({ "system": SNOMED, "code": "15167005" });
    push(&mut now["code"]["coding"], alcohol);
    let now = put(practice, &now).await.expect(200);
    assert_eq!(labels(&now), ["R", "PSY", "SUD", "ETH"]);
    assert_eq!(get(partner, &path).await.status, 404);
    app.stop().await;
}

async fn what_must_stay_is_refused_and_leaves_no_trace(db: Db) {
    let (app, made) = problem(db, &["NOAUTH", "NOVIP"]).await;
    let practice = app.as_party(Party::Practice);
    let key = Key::new("Condition", Id::new(text(&made["id"])).expect("id"));
    let by = Operator::new("operator-7@practice").expect("a name");
    let off = async |key: &Key, codes: &[&str]| {
        let codes: Vec<String> = codes.iter().map(|c| (*c).to_owned()).collect();
        let done = lower(&app.app, key, &codes, Why::LegalReview, &by).await;
        done.expect_err("refused")
    };
    for (codes, why) in [
        (&["HIV"][..], "does not have"),
        (&["SCA"], "does not have"),
        (&["R"], "follows"),
        (&["NOAUTH"], "a law"),
        (&["NOVIP"], "a law"),
        (&["ETH", "HIPAASelfPay"], "a law"),
        (&["CPLYCD"], "`CPLYCD` is no label"),
        (&["ETH", "x\n"], "`x\\n` is no label"),
    ] {
        let refused = off(&key, codes).await;
        assert_eq!(refused.kind, Kind::Unprocessable);
        assert!(refused.issues[0].text.contains(why), "{codes:?}: {refused}");
    }
    let encounter = get(practice, "/fhir/Encounter?_count=1").await.expect(200);
    let id = text(&encounter["entry"][0]["resource"]["id"]);
    let session = Key::new("Encounter", Id::new(id).expect("id"));
    let refused = off(&session, &["PSY"]).await;
    assert!(refused.issues[0].text.contains("follows"), "{refused}");
    let missing = Key::new("Condition", Id::new("none").expect("id"));
    assert_eq!(off(&missing, &["ETH"]).await.kind, Kind::NotFound);
    let told = get(practice, "/fhir/Provenance?_count=1").await.expect(200);
    let id = text(&told["entry"][0]["resource"]["id"]);
    let provenance = Key::new("Provenance", Id::new(id).expect("id"));
    let refused = off(&provenance, &["PSY"]).await;
    assert!(refused.issues[0].text.contains("Provenance"), "{refused}");
    // The command line asks for a reason of the list and for a name.
    for (more, why) in [
        (&[][..], "--reason"),
        (&["--reason", "misclassified"], "--operator"),
        (&["--reason", "he said so", "--operator", "ada"], "reason"),
        (
            &["--reason", "misclassified", "--operator", "a;b"],
            "operator",
        ),
    ] {
        let output = lowered(&app, &made, &["ETH"], more);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{said}");
    }
    let path = format!("/fhir/Condition/{}", key.id);
    assert_eq!(get(practice, &path).await.expect(200), made);
    assert_eq!(events(&app, &made).await, Vec::<Value>::new());
    app.stop().await;
}

async fn a_record_of_an_episode_is_lowered_beside_a_running_service(db: Db) {
    let (episode, _) = sample(MINOR);
    let (app, played) = TestApp::played(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let flag = async || {
        let set = get(practice, "/fhir/DetectedIssue").await.expect(200);
        let all = set["entry"].as_array().cloned().unwrap_or_default();
        let all = all.into_iter().map(|e| e["resource"].clone());
        let mut of_rule = all.filter(|r| r.to_string().contains("KAP-RULE-SUD"));
        of_rule.next().expect("a flag")
    };
    let shown = async || {
        let path = format!("/kap/v1/episodes/{}", played.episode);
        get(practice, &path).await.expect(200)
    };
    let version = async || shown().await["version"].as_i64();
    let (made, before) = (flag().await, version().await.expect("a version"));
    assert_eq!(labels(&made), ["R", "SUD", "ETH", "ADOL", "HTEST"]);
    done(&lowered(&app, &made, &["SUD", "ETH"], BY));
    let now = flag().await;
    assert_eq!(labels(&now), ["R", "ADOL", "HTEST", "PSY"]);
    // What was read of the episode before is read anew, here and by who holds its ETag.
    assert_eq!(version().await, Some(before + 1));

    // The service writes the flag again by its own rules, which say substance use each time.
    let path = format!(
        "/kap/v1/episodes/{}/detected-issues/{}/mitigations",
        played.episode,
        text(&made["id"])
    );
    let shown = shown().await;
    let body = json!({
        "action": { "system": ACT_CODE, "code": "13", "display": "Stopped Concurrent Therapy" },
        "at": "2026-06-15T17:00:00Z",
        "by": shown["careTeam"][0]["id"],
        "rationale": "no misuse after all",
    });
    let sent = practice.send(Method::POST, &path, Some((&body, "mitigated")));
    let answer = sent.await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let now = flag().await;
    assert!(now["mitigation"].is_array(), "{now}");
    assert_eq!(labels(&now), ["R", "ADOL", "HTEST", "PSY"]);
    assert_eq!(events(&app, &made).await.len(), 1);
    app.stop().await;
}

async fn what_no_consent_can_name_is_taken_off_code_by_code(db: Db) {
    let (app, made) = problem(db, &["SCA", "SICKLE"]).await;
    let practice = app.as_party(Party::Practice);
    let partner = app.as_party(Party::Partner);
    let path = format!("/fhir/Condition/{}", text(&made["id"]));
    done(&lowered(&app, &made, &["SUD", "ETH", "SCA"], BY));
    let now = get(practice, &path).await.expect(200);
    assert_eq!(labels(&now), ["R", "SICKLE", "PSY"]);
    assert_eq!(get(partner, &path).await.status, 404, "one still closes it");
    done(&lowered(&app, &made, &["SICKLE"], BY));
    let mut now = get(practice, &path).await.expect(200);
    assert_eq!(labels(&now), ["R", "PSY"]);
    assert_eq!(get(partner, &path).await.status, 200);
    push(&mut now["meta"]["security"], label("SCA"));
    put(practice, &now).await.expect(200);
    assert_eq!(get(partner, &path).await.status, 404);
    app.stop().await;
}

async fn what_names_no_patient_stays_its_patients(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let set = get(practice, "/fhir/Medication?_security=PSY&_count=1").await;
    let drug = set.expect(200)["entry"][0]["resource"].clone();
    let kept = async |column: &str| {
        let id = text(&drug["id"]);
        let sql =
            format!("SELECT {column} FROM resource WHERE type = 'Medication' AND id = '{id}'");
        app.place().cell(&sql).await
    };
    let before = kept("version").await;
    let (patient, of) = (kept("patient").await, kept("episode").await);
    assert!(!patient.is_empty() && !of.is_empty());
    done(&lowered(&app, &drug, &["PSY"], BY));
    assert_ne!(kept("version").await, before);
    assert_eq!(kept("patient").await, patient);
    assert_eq!(kept("episode").await, of);
    let event = &events(&app, &drug).await[0];
    let told = text(&event["entity"][1]["what"]["reference"]);
    assert_eq!(told, format!("Patient/{patient}"));
    app.stop().await;
}

async fn a_new_word_closes_a_document_again(db: Db) {
    let (app, made) = problem(db, &[]).await;
    let practice = app.as_party(Party::Practice);
    let code = json!([{ "coding": [{ "system": SNOMED, "code": "66214007" }] }]);
    let mut document = get(practice, "/fhir/DocumentReference?_count=1")
        .await
        .expect(200);
    let mut document = document["entry"][0]["resource"].take();
    document["context"]["event"] = code;
    let document = put(practice, &document).await.expect(200);
    assert!(labels(&document).contains(&"ETH"), "{document}");
    done(&lowered(&app, &document, &["SUD", "ETH"], BY));
    let path = format!("/fhir/DocumentReference/{}", text(&document["id"]));
    let mut now = get(practice, &path).await.expect(200);
    assert!(!labels(&now).contains(&"ETH"), "{now}");
    now["description"] = json!("the same, described");
    let mut now = put(practice, &now).await.expect(200);
    assert!(!labels(&now).contains(&"ETH"), "{now}");
    let alcohol = json!({ "coding": [{ "system": SNOMED, "code": "15167005" }] });
    push(&mut now["context"]["event"], alcohol);
    let now = put(practice, &now).await.expect(200);
    assert!(labels(&now).contains(&"ETH"), "{now}");
    drop(made);
    app.stop().await;
}
