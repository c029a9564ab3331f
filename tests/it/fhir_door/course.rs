//! Steps of a course as a FHIR client writes them: a hold and its end, by the rules of the commands.

use super::*;
use crate::both;
use crate::scenarios::SECOND;

both!(
    a_hold_and_its_end_are_written_as_history,
    an_identifier_opens_no_gate,
);

/// The course with a step more, as its sender says it now is.
fn stepped(course: &Value, phase: &str, at: &str, by: &str, reason: &str) -> Value {
    let mut course = course.clone();
    let parts = json!([
        { "url": "phase", "valueCode": phase },
        { "url": "at", "valueDateTime": at },
        { "url": "by", "valueString": by },
        { "url": "reason", "valueString": reason },
    ]);
    let step = json!({ "url": format!("{STRUCTURE}/kap-phase-history"), "extension": parts });
    let all = course["extension"].as_array_mut().expect("extensions");
    let now = all
        .iter_mut()
        .find(|x| text(&x["url"]).ends_with("kap-episode-phase"));
    now.expect("a phase")["valueCodeableConcept"]["coding"][0]["code"] = phase.into();
    all.push(step);
    course["status"] = json!(match phase {
        "dosing-hold" => "onhold",
        "completed" => "finished",
        _ => "active",
    });
    if phase == "completed" {
        course["period"]["end"] = json!(at);
    }
    course
}

async fn a_hold_and_its_end_are_written_as_history(db: Db) {
    let (episode, _) = crate::app::sample(SECOND.text);
    let (app, played) = TestApp::played(db, &episode).await;
    let (practice, partner) = (app.as_party(Party::Practice), app.as_party(Party::Partner));
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let shown = get(practice, &path).await.expect(200);
    assert_eq!(shown["phase"], "dosing-active");
    let member = |role: &str| {
        let mut all = shown["careTeam"].as_array().expect("a team").iter();
        let found = all.find(|m| m["role"] == role).expect("a member");
        text(&found["id"]).to_owned()
    };
    let (prescriber, therapist) = (member("prescriber"), member("lead-therapist"));
    let course = only(partner, "/fhir/EpisodeOfCare").await;

    // An end is no step that is written, and with the step nothing else changes.
    let at = "2026-05-01T10:00:00-07:00";
    let ended = stepped(&course, "completed", at, &therapist, "done");
    let answer = put(practice, &ended).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    let held = stepped(&course, "dosing-hold", at, &prescriber, "potassium is low");
    let mut more = held.clone();
    more["managingOrganization"] = json!({ "reference": "Organization/org-partner-01" });
    let answer = put(partner, &more).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    let mut other = held.clone();
    other["extension"].as_array_mut().expect("all").pop();
    let answer = put(practice, &other).await;
    assert_eq!(answer.status, 409, "{}", answer.text);

    let answer = put(partner, &held).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let held = answer.json();
    assert_eq!(held["status"], "onhold");
    let shown = get(practice, &path).await.expect(200);
    let last = shown["phaseHistory"].as_array().expect("all").last();
    assert_eq!(last.expect("a step")["reason"], "potassium is low");
    assert_eq!(shown["derived"]["dosingAllowed"], false);

    // Who may end it is said by the rule of the command.
    let at = "2026-05-02T10:00:00-07:00";
    let freed = stepped(&held, "dosing-active", at, &therapist, "better");
    let answer = put(practice, &freed).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    let freed = stepped(
        &held,
        "dosing-active",
        at,
        &prescriber,
        "potassium is normal",
    );
    let answer = put(partner, &freed).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["status"], "active");
    app.stop().await;
}

async fn an_identifier_opens_no_gate(db: Db) {
    let (episode, _) = crate::app::sample(SECOND.text);
    let (app, played) = TestApp::played(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let shown = get(practice, &path).await.expect(200);
    let plan = json!({ "type": "dosing", "start": "2026-11-22T11:50:00Z", "setting": "in-person", "encounterClass": "AMB",
        "leadId": shown["sessions"][0]["leadId"], "dosing": { "doseLevel": "moderate", "plannedDoseMg": 40 } });
    let url = format!("{}{path}/sessions", practice.base);
    let ask = practice.http.post(url).bearer_auth(&practice.token);
    let ask = ask
        .header("If-Match", format!("W/\"{}\"", shown["version"]))
        .header("Idempotency-Key", "one");
    let planned = ask.json(&plan).send().await.expect("an answer");
    let planned: Value = planned.json().await.expect("JSON");
    let id = planned["id"].clone();
    let told = get(practice, &format!("/fhir/Encounter/{}", text(&id))).await;
    let mut begun = told.expect(200);
    begun["status"] = json!("in-progress");
    // The gate: no clearance is in force.
    let answer = put(practice, &begun).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    assert!(answer.text.contains("KAP-INV-02"), "{}", answer.text);
    let there = "https://practice.example.org/fhir/Encounter/7";
    let all = begun["identifier"].as_array_mut().expect("identifiers");
    all.push(json!({ "system": "urn:ietf:rfc:3986", "value": there }));
    let answer = put(practice, &begun).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    app.stop().await;
}
