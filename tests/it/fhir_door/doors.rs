//! A clearance by either door is one record; the partner's own bytes survive.

use super::*;
use crate::both;

both!(two_doors_one_record);

const FOREIGN: &str = r#"{"url":"https://partner.example.org/risk",  "valueDecimal": 1.10}"#;

/// The text with an extension that is the partner's own, with digits that a parser would lose.
fn with_foreign(value: &Value) -> String {
    value.to_string().replacen(
        r#""extension":["#,
        &format!(r#""extension":[{FOREIGN},"#),
        1,
    )
}

async fn two_doors_one_record(db: Db) {
    let (json_door, by_json, impression) = clearance_of(db).await;
    json_door.stop().await;

    let (fhir_door, played) = TestApp::played(db, &evaluated()).await;
    let (practice, partner) = (
        fhir_door.as_party(Party::Practice),
        fhir_door.as_party(Party::Partner),
    );
    let path = format!("/kap/v1/episodes/{}", played.episode);

    // A practice's client cannot author a decision, whoever it names.
    let sent = with_foreign(&partners_own(&impression));
    let refused = call(
        practice,
        Method::POST,
        "/fhir/ClinicalImpression",
        &[],
        Some(sent.clone()),
    )
    .await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert_eq!(refused.json()["resourceType"], "OperationOutcome");

    let stored = call(
        partner,
        Method::POST,
        "/fhir/ClinicalImpression",
        &[],
        Some(sent),
    )
    .await;
    assert_eq!(stored.status, 201, "{}", stored.text);
    assert!(
        stored
            .header("location")
            .contains("/fhir/ClinicalImpression/"),
        "{}",
        stored.header("location")
    );
    assert_eq!(stored.header("etag"), "W/\"1\"");
    assert!(stored.text.contains(FOREIGN), "{}", stored.text);
    let id = text(&stored.json()["id"]).to_owned();

    let by_fhir = get(practice, &path).await.expect(200);
    assert_eq!(normal(&by_fhir), normal(&by_json));
    assert_eq!(by_fhir["phase"], "cleared-with-conditions");

    consequences(partner, &id).await;

    // A second decision is the partner's to give, but not the same one changed.
    let mut changed = stored.json();
    changed["summary"] = json!("Something else.");
    let again = put(partner, &changed).await;
    assert_eq!(again.status, 409, "{}", again.text);

    // A condition met later changes our part alone.
    let clearance = &by_fhir["clearances"][0];
    let once = clearance["conditions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|c| c["scope"] == "once")
        .cloned()
        .unwrap_or_default();
    let met = format!(
        "{path}/clearances/{}/conditions/{}/satisfy",
        text(&clearance["id"]),
        text(&once["id"])
    );
    let who = by_fhir["careTeam"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|m| m["role"] == "lead-therapist")
        .cloned()
        .unwrap_or_default();
    let body = json!({ "by": who["id"] });
    let done = practice
        .send(Method::POST, &met, Some((&body, "met")))
        .await
        .expect("answer");
    assert!(done.status < 300, "{}", done.body);
    let now = get(partner, &format!("/fhir/ClinicalImpression/{id}")).await;
    assert!(now.text.contains(FOREIGN), "{}", now.text);
    assert!(
        now.text.contains("KE-7") && now.text.contains("satisfiedAt"),
        "{}",
        now.text
    );
    assert_eq!(now.header("etag"), "W/\"2\"");
    let first = get(
        partner,
        &format!("/fhir/ClinicalImpression/{id}/_history/1"),
    )
    .await;
    assert_eq!(first.text, stored.text);
    fhir_door.stop().await;
}

/// The same transaction answered the Task, moved the episode, projected the status and said who wrote it.
async fn consequences(partner: &Caller, id: &str) {
    let task = only(
        partner,
        &format!("/fhir/Task?_profile={STRUCTURE}/kap-referral-task"),
    )
    .await;
    assert_eq!(task["status"], "completed");
    assert_eq!(
        task["output"][0]["valueReference"]["reference"],
        format!("ClinicalImpression/{id}")
    );
    let episode = only(partner, "/fhir/EpisodeOfCare?phase=cleared-with-conditions").await;
    assert_eq!(episode["resourceType"], "EpisodeOfCare");
    let status = only(
        partner,
        &format!("/fhir/Observation?code={CODES}/kap-observation|clearance-status"),
    )
    .await;
    assert_eq!(
        status["valueCodeableConcept"]["coding"][0]["code"],
        "cleared-with-conditions"
    );
    let said = get(
        partner,
        &format!("/fhir/Provenance?target=ClinicalImpression/{id}"),
    )
    .await
    .expect(200);
    assert_eq!(said["entry"].as_array().map(Vec::len), Some(1), "{said}");
    // The projection is ours to keep.
    let mut forged = status;
    forged["valueCodeableConcept"]["coding"][0]["code"] = json!("cleared");
    assert_eq!(put(partner, &forged).await.status, 403);
}
