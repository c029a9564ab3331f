//! What the parties try in a scenario and may not, and what the service says to it.

use kap_fhir::demo::player::{Play, Played, Reply};
use kap_fhir::demo::script::Party;
use kap_fhir::kap::Instant;
use serde_json::{Value, json};

use super::stage::Stage;

fn at(text: &str) -> Instant {
    text.parse().expect("an instant")
}

async fn halt(play: &mut Play, when: &str) {
    play.until(at(when)).await.expect("every step is taken");
}

/// The invariants that an answer names.
fn invariants(reply: &Reply) -> Vec<&str> {
    let named = reply.body["invariants"].as_array().into_iter().flatten();
    named.filter_map(Value::as_str).collect()
}

/// A start of dosing that is refused for exactly these invariants, each with words and with who can resolve it.
async fn refused(stage: &Stage, played: &Played, session: &str, body: Value, rules: &[&str]) {
    let path = format!("/sessions/{{{session}}}/start");
    let reply = stage.attempt(played, Party::Practice, &path, body).await;
    assert_eq!(reply.status, 409, "{}", reply.body);
    assert_eq!(invariants(&reply), rules, "{}", reply.body);
    for issue in reply.body["issues"].as_array().expect("issues") {
        assert!(
            issue["detail"].as_str().is_some_and(|t| t.len() > 8),
            "{issue}"
        );
        assert!(issue["resolveBy"].is_string(), "{issue}");
    }
    let record = format!("/records/{{{session}}}");
    let session = stage.get(played, Party::Practice, &record).await;
    assert_eq!(session.body["status"], "planned");
}

/// S0: a dosing session is put on the calendar before the evaluation, and cannot be started.
pub async fn dosing_before_clearance(stage: &Stage, play: &mut Play) {
    halt(play, "2026-03-16T10:00:00-04:00").await;
    let body = json!({ "at": "2026-03-16T09:58:00-04:00", "by": "prac-s0-ther" });
    let rules = ["KAP-INV-02", "KAP-INV-04", "KAP-INV-06", "KAP-INV-10"];
    refused(stage, &play.played, "ses-s0-early", body, &rules).await;
    // Nor can the practice clear by itself.
    let decision = json!({
        "decision": "cleared", "decidedBy": "prac-s0-md", "validUntil": "2026-07-17", "settingsAllowed": ["in-person"],
        "routesAllowed": ["intramuscular"], "doseCeilingMgPerSession": 50, "at": "2026-03-16T09:59:00-04:00",
    });
    let path = "/clearances";
    let reply = stage
        .attempt(&play.played, Party::Practice, path, decision)
        .await;
    assert_eq!(reply.status, 403, "{}", reply.body);
}

/// S1: 250 mg are planned where 200 mg are the most.
pub async fn planned_dose_too_large(stage: &Stage, play: &mut Play) {
    let start = "2026-05-12T10:09:00-06:00";
    halt(play, start).await;
    let plan = |mg: u32| json!({ "at": start, "by": "prac-s1-ther", "doseLevel": "moderate", "plannedDoseMg": mg });
    let path = "/sessions/{ses-s1-d2}/dose-plan";
    let reply = stage
        .attempt(&play.played, Party::Practice, path, plan(250))
        .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let body = json!({ "at": start, "by": "prac-s1-ther" });
    refused(stage, &play.played, "ses-s1-d2", body, &["KAP-INV-07"]).await;
    let readiness = format!("/sessions/{{ses-s1-d2}}/readiness?at={start}");
    let told = stage
        .get(&play.played, Party::Practice, &readiness)
        .await
        .body;
    assert_eq!(told["canDoseNow"], false);
    assert_eq!(told["blockingReasons"][0]["code"], "dose-exceeds-maximum");
    assert_eq!(
        told["blockingReasons"][0]["text"],
        "planned dose 250 mg is above the maximum of 200 mg"
    );
    let reply = stage
        .attempt(&play.played, Party::Practice, path, plan(150))
        .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}

/// S2: nothing leaves the practice before father and daughter agree to the evaluation.
pub async fn referral_before_consent(stage: &Stage, play: &mut Play) {
    halt(play, "2026-05-06T16:35:00-05:00").await;
    let body = json!({
        "at": "2026-05-06T16:34:00-05:00", "requesterId": "prac-s2-ther", "reasonConditionIds": ["cond-s2"],
        "supportingInfoIds": ["qr-s2-1"], "service": stage.episode.referrals[0].service,
    });
    let reply = stage
        .attempt(&play.played, Party::Practice, "/referrals", body)
        .await;
    assert_eq!(reply.status, 409, "{}", reply.body);
    assert_eq!(reply.body["code"], "consent-missing");
    assert_eq!(invariants(&reply), ["KAP-INV-31", "KAP-INV-12"]);
    assert_eq!(reply.body["issues"].as_array().map(Vec::len), Some(3));
}

/// S2: the finding that the patient is a minor waits for the psychiatrist before a clearance can be signed.
pub async fn clearance_before_adjudication(stage: &Stage, play: &mut Play) {
    halt(play, "2026-05-13T17:30:00-05:00").await;
    let body = json!({
        "at": "2026-05-13T17:25:00-05:00", "decision": "cleared", "decidedBy": "prac-s2-cap", "validUntil": "2026-08-13",
        "settingsAllowed": ["in-person"], "routesAllowed": ["sublingual"], "doseCeilingMgPerSession": 50,
    });
    let reply = stage
        .attempt(&play.played, Party::Partner, "/clearances", body)
        .await;
    assert_eq!(reply.status, 409, "{}", reply.body);
    assert_eq!(invariants(&reply), ["KAP-INV-20"]);
    assert_eq!(reply.body["issues"][0]["resolveBy"], "prescriber");
}

/// S2: the girl has not yet assented to the dose.
pub async fn dosing_before_assent(stage: &Stage, play: &mut Play) {
    halt(play, "2026-05-27T13:35:00-05:00").await;
    let body = json!({ "at": "2026-05-27T13:34:00-05:00", "began": "2026-05-27T13:30:00-05:00", "by": "prac-s2-ther" });
    let rules = ["KAP-INV-12", "KAP-INV-03", "KAP-INV-10"];
    refused(stage, &play.played, "ses-s2-d1", body, &rules).await;
}

/// S3: at home without chaperone, checklist and vital signs.
pub async fn home_session_unprepared(stage: &Stage, play: &mut Play) {
    halt(play, "2026-04-18T09:52:00-07:00").await;
    let body = json!({ "at": "2026-04-18T09:50:00-07:00", "by": "prac-s3-ther" });
    let rules = ["KAP-INV-03", "KAP-INV-10", "KAP-INV-13"];
    refused(stage, &play.played, "ses-s3-d1", body, &rules).await;
}

/// S3: six days after the second dose the third would be too soon.
pub async fn too_soon(stage: &Stage, play: &mut Play) {
    halt(play, "2026-05-16T09:52:00-07:00").await;
    let path = "/sessions/{ses-s3-d3}/readiness?at=2026-05-08T10:00:00-07:00";
    let told = stage.get(&play.played, Party::Practice, path).await;
    assert_eq!(told.status, 200, "{}", told.body);
    let reasons = told.body["blockingReasons"].as_array().expect("reasons");
    let texts: Vec<_> = reasons.iter().filter_map(|r| r["text"].as_str()).collect();
    assert!(
        texts.contains(&"6 days since the last dosing session, 7 required"),
        "{texts:?}"
    );
    // The second supply arrives four days later: two lozenges are needed and one is left.
    assert!(texts.contains(&"1 units on hand, 2 needed"), "{texts:?}");
}

/// S3: 146/88 before the fourth dose; a recheck is due after 15 minutes.
pub async fn pressure_too_high(stage: &Stage, play: &mut Play) {
    halt(play, "2026-05-30T10:00:00-07:00").await;
    let body = json!({ "at": "2026-05-30T09:58:00-07:00", "by": "prac-s3-ther" });
    refused(stage, &play.played, "ses-s3-d4", body, &["KAP-INV-11"]).await;
}

/// S3: five lozenges are still in the house, and the last talk is not held.
pub async fn completion_with_units_on_hand(stage: &Stage, play: &mut Play) {
    halt(play, "2026-08-22T10:15:00-07:00").await;
    let body = json!({ "at": "2026-08-22T10:14:00-07:00", "by": "prac-s3-ther" });
    let reply = stage
        .attempt(&play.played, Party::Practice, "/commands/complete", body)
        .await;
    assert_eq!(reply.status, 409, "{}", reply.body);
    assert_eq!(invariants(&reply), ["KAP-INV-24"]);
    assert_eq!(reply.body["issues"].as_array().map(Vec::len), Some(2));
}

/// S4: after the withdrawal no session is planned, and it cannot be undone.
pub async fn dosing_after_the_end(stage: &Stage) {
    let body = json!({
        "type": "dosing", "start": "2026-07-27T11:00:00-04:00", "setting": "in-person", "encounterClass": "AMB",
        "leadId": "prac-s4-ther", "dosing": { "doseLevel": "psycholytic", "plannedDoseMg": 50 },
    });
    let reply = stage
        .attempt(&stage.played, Party::Practice, "/sessions", body)
        .await;
    assert_eq!(reply.status, 409, "{}", reply.body);
    assert_eq!(invariants(&reply), ["KAP-INV-25"]);
    let body = json!({ "at": "2026-07-27T11:00:00-04:00", "by": "prac-s4-ther", "reason": "changed her mind" });
    let path = "/commands/maintenance";
    let reply = stage
        .attempt(&stage.played, Party::Practice, path, body)
        .await;
    assert_eq!(reply.status, 409, "{}", reply.body);
}

/// S4: 150 mg were taken where 100 mg are the most: stored as told, flagged for the prescriber, shown to the partner.
pub async fn overdose_is_on_record(stage: &Stage) {
    let caller = stage.app.as_party(Party::Partner);
    let episode = &stage.played.episode;
    let path = format!("/fhir/MedicationAdministration?episode={episode}&_sort=effective-time");
    let found = caller
        .send(reqwest::Method::GET, &path, None)
        .await
        .expect("answer")
        .body;
    let entries = found["entry"].as_array().expect("entries");
    let given: Vec<(f64, &str)> = entries
        .iter()
        .filter_map(|e| {
            let dose = &e["resource"]["dosage"]["dose"];
            Some((dose["value"].as_f64()?, dose["code"].as_str()?))
        })
        .collect();
    assert_eq!(
        given,
        [(50.0, "mg"), (50.0, "mg"), (100.0, "mg"), (50.0, "mg")]
    );
    let path = format!("/fhir/DetectedIssue?episode={episode}&severity=high");
    let found = caller
        .send(reqwest::Method::GET, &path, None)
        .await
        .expect("answer")
        .body;
    let issue = &found["entry"][0]["resource"];
    assert_eq!(found["total"].as_u64().unwrap_or(1), 1, "{found}");
    let last = format!(
        "MedicationAdministration/{}",
        stage.played.names["adm-s4-3b"]
    );
    assert_eq!(
        issue["implicated"][0]["reference"],
        last.as_str(),
        "{issue}"
    );
}
