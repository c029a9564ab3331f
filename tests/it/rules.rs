//! Rules as they show through HTTP: what is flagged though it is stored, and what is refused.

use kap_fhir::demo::script::{Party, script};
use serde_json::{Value, json};

use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{FIRST, get, put, text};
use crate::idempotency::beginning;
use crate::wire::Ask;

both!(a_second_course_is_flagged, the_end_of_a_session_is_a_fact);

fn findings<'v>(episode: &'v Value, rule: &str) -> Vec<&'v Value> {
    let all = episode["detectedIssues"].as_array().into_iter().flatten();
    all.filter(|i| i["ruleId"] == rule).collect()
}

async fn a_second_course_is_flagged(db: Db) {
    let episode = beginning();
    let app = TestApp::start(db, &episode).await;
    let caller = app.as_party(Party::Practice);
    let body = &script(&episode)[0].body;
    let open = || async {
        let heard = Ask::json("/kap/v1/episodes", body).send(caller).await;
        assert_eq!(heard.status, 201, "{}", heard.text);
        text(&heard.json()["episodeId"]).to_owned()
    };
    let shown = |id: String| async move {
        let path = format!("/kap/v1/episodes/{id}");
        get(caller, &path).await.expect(200)
    };
    let (first, second) = (open().await, open().await);
    assert!(findings(&shown(first.clone()).await, "KAP-INV-01").is_empty());
    let then = shown(second.clone()).await;
    let [flag] = findings(&then, "KAP-INV-01")[..] else {
        panic!("one finding: {}", then["detectedIssues"]);
    };
    assert_eq!(
        (text(&flag["code"]["code"]), text(&flag["severity"])),
        ("DUPTHPY", "high")
    );
    assert_eq!(flag["implicated"], json!([first]));
    // What has ended is no second course.
    let path = format!("/kap/v1/episodes/{first}/commands/withdraw");
    let ended = Ask::json(path, &json!({ "by": "patient" }))
        .send(caller)
        .await;
    assert_eq!(ended.status, 200, "{}", ended.text);
    let third = shown(open().await).await;
    let implicated: Vec<_> = findings(&third, "KAP-INV-01")
        .iter()
        .map(|i| i["implicated"].clone())
        .collect();
    assert_eq!(implicated, [json!([second])]);
    app.stop().await;
}

async fn the_end_of_a_session_is_a_fact(db: Db) {
    let (full, _) = sample(FIRST);
    let (app, played) = TestApp::played(db, &full).await;
    let practice = app.as_party(Party::Practice);
    let e = format!("/kap/v1/episodes/{}", played.episode);
    let plan = json!({
        "type": "dosing", "start": "2026-11-22T08:00:00Z", "setting": "remote-home", "encounterClass": "VR",
        "leadId": played.names["prac-ther-01"], "dosing": { "doseLevel": "moderate", "plannedDoseMg": 200 },
    });
    let planned = Ask::json(format!("{e}/sessions"), &plan)
        .send(practice)
        .await;
    assert_eq!(planned.status, 201, "{}", planned.text);
    let id = planned.json()["id"].clone();
    let session = text(&id);
    let dose = json!({
        "at": "2026-11-22T08:05:00Z", "kind": "initial", "status": "completed", "doseMg": 200, "units": 2,
        "route": { "system": "http://snomed.info/sct", "code": "37839007" }, "performer": "patient",
    });
    let given = Ask::json(format!("{e}/sessions/{session}/doses"), &dose)
        .send(practice)
        .await;
    assert_eq!(given.status, 201, "{}", given.text);
    let flags = given.json()["flags"].as_array().map_or(0, Vec::len);
    assert!(flags > 3, "the gates that it went past: {}", given.text);
    // The command is a gate, what the record says is a fact.
    let end = json!({ "by": played.names["prac-ther-01"], "at": "2026-11-22T10:30:00Z" });
    let refused = Ask::json(format!("{e}/sessions/{session}/complete"), &end)
        .send(practice)
        .await;
    assert_eq!(
        (refused.status, &refused.json()["invariants"]),
        (409, &json!(["KAP-INV-14"]))
    );
    let path = format!("/fhir/Encounter/{session}");
    let mut encounter = get(practice, &path).await.expect(200);
    encounter["status"] = json!("finished");
    encounter["period"]["end"] = json!("2026-11-22T10:30:00Z");
    put(practice, &encounter).await.expect(200);
    let shown = get(practice, &e).await.expect(200);
    let flag = findings(&shown, "KAP-INV-14");
    assert_eq!(flag.len(), 1, "{}", shown["detectedIssues"]);
    assert_eq!(
        (text(&flag[0]["severity"]), &flag[0]["implicated"]),
        ("high", &json!([session]))
    );
    // It is on the list of what is to be done, before anything that is not about safety.
    let list = get(practice, "/kap/v1/worklist").await.expect(200);
    assert_eq!(list["items"][0]["risk"], "safety");
    let items = list["items"].as_array().cloned().unwrap_or_default();
    let own = items
        .iter()
        .find(|i| i["id"] == flag[0]["id"])
        .expect("on the list");
    assert_eq!(
        (text(&own["what"]), text(&own["urgency"])),
        ("review KAP-INV-14", "due")
    );
    app.stop().await;
}
