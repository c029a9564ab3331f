//! A partner answers a referral with its own FHIR client.

use super::*;
use crate::both;

both!(a_partner_plays_its_part);

fn task_as(task: &Value, status: &str, business: &str, at: &str) -> Value {
    let mut task = task.clone();
    task["status"] = json!(status);
    task["businessStatus"] = json!({ "coding": [{ "system": format!("{CODES}/kap-task-business-status"), "code": business }] });
    task["lastModified"] = json!(at);
    task
}

async fn a_partner_plays_its_part(db: Db) {
    let (app, played) = TestApp::played(db, &referred()).await;
    let (practice, partner) = (app.as_party(Party::Practice), app.as_party(Party::Partner));
    let task = only(partner, "/fhir/Task?status=requested&focus:missing=false").await;

    // The partner's system moves the Task natively, and may leave out what it does not know.
    let mut accepted = task_as(
        &task,
        "accepted",
        "referral-accepted",
        "2026-06-03T12:40:00-07:00",
    );
    if let Some(members) = accepted.as_object_mut() {
        members.remove("extension");
    }
    accepted["note"] = json!([{ "text": "Slot held." }]);
    let answer = put(partner, &accepted).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let working = task_as(
        &answer.json(),
        "in-progress",
        "evaluation-in-progress",
        "2026-06-10T12:00:00-07:00",
    );
    let answer = put(partner, &working).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json()["note"][0]["text"], "Slot held.");
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let shown = get(practice, &path).await.expect(200);
    let steps: Vec<&str> = shown["referrals"][0]["taskEvents"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|e| text(&e["status"]))
        .collect();
    assert_eq!(steps, ["requested", "accepted", "in-progress"], "{shown}");
    // A Task does not go back, and is not completed without a decision.
    let back = put(
        partner,
        &task_as(
            &answer.json(),
            "accepted",
            "referral-accepted",
            "2026-06-10T12:10:00-07:00",
        ),
    )
    .await;
    assert_eq!(back.status, 409, "{}", back.text);
    let early = put(
        partner,
        &task_as(
            &answer.json(),
            "completed",
            "decision-issued",
            "2026-06-10T12:10:00-07:00",
        ),
    )
    .await;
    assert_eq!(early.status, 409, "{}", early.text);

    let lead = text(
        &only(
            partner,
            "/fhir/PractitionerRole?organization=Organization/org-partner-01",
        )
        .await["id"],
    )
    .to_owned();
    let patient = task["for"]["reference"].clone();
    let encounter = json!({
        "resourceType": "Encounter", "status": "finished",
        "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR" },
        "type": [{ "coding": [{ "system": format!("{CODES}/kap-session-type"), "code": "medical-evaluation" }] }],
        "subject": { "reference": patient },
        "episodeOfCare": [{ "reference": format!("EpisodeOfCare/{}", played.episode) }],
        "participant": [{ "individual": { "reference": format!("PractitionerRole/{lead}") } }],
        "period": { "start": "2026-06-10T12:00:00-07:00", "end": "2026-06-10T12:45:00-07:00" },
    });
    let answer = post(partner, "/fhir/Encounter", &encounter).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let session = text(&answer.json()["id"]).to_owned();

    // Decision and Task in one transaction: the decision completes the referral, the Task agrees.
    let decision = json!({
        "resourceType": "ClinicalImpression", "status": "completed",
        "meta": { "profile": [format!("{STRUCTURE}/kap-clearance")] },
        "extension": [
            { "url": format!("{STRUCTURE}/kap-clearance-decision"), "valueCodeableConcept": { "coding": [{ "system": format!("{CODES}/kap-clearance-decision"), "code": "cleared" }] } },
            { "url": format!("{STRUCTURE}/kap-clearance-validity"), "valuePeriod": { "start": "2026-06-10", "end": "2026-12-10" } },
            { "url": format!("{STRUCTURE}/kap-clearance-setting"), "valueCode": "in-person" },
            { "url": format!("{STRUCTURE}/kap-clearance-route"), "valueCodeableConcept": { "coding": [{ "system": "http://snomed.info/sct", "code": "37839007" }] } },
            { "url": format!("{STRUCTURE}/kap-clearance-dose-ceiling"), "valueQuantity": { "value": 300, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg" } },
        ],
        "subject": { "reference": task["for"]["reference"] },
        "encounter": { "reference": format!("Encounter/{session}") },
        "date": "2026-06-10T13:05:00-07:00",
        "assessor": { "reference": format!("PractitionerRole/{lead}") },
    });
    let mut done = task_as(
        &get(partner, &format!("/fhir/Task/{}", text(&task["id"])))
            .await
            .json(),
        "completed",
        "decision-issued",
        "2026-06-10T13:05:00-07:00",
    );
    let urn = "urn:uuid:6f2c1c7e-52a5-4d9b-9a44-2f1f6f0f7a01";
    done["output"] =
        json!([{ "type": { "text": "decision" }, "valueReference": { "reference": urn } }]);
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        { "fullUrl": urn, "resource": decision, "request": { "method": "POST", "url": "ClinicalImpression" } },
        { "resource": done, "request": { "method": "PUT", "url": format!("Task/{}", text(&task["id"])), "ifMatch": "W/\"3\"" } },
    ]});
    let answer = post(partner, "/fhir", &bundle).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answered = answer.json();
    assert_eq!(answered["entry"][0]["response"]["status"], "201 Created");
    assert_eq!(answered["entry"][1]["response"]["status"], "200 OK");
    let shown = get(practice, &path).await.expect(200);
    assert_eq!(shown["phase"], "cleared");
    assert_eq!(
        shown["clearances"][0]["evaluationSessionId"],
        session.as_str()
    );
    let task = only(partner, "/fhir/Task?status=completed&focus:missing=false").await;
    assert_eq!(
        task["output"][0]["valueReference"]["reference"],
        format!("ClinicalImpression/{}", text(&shown["clearances"][0]["id"]))
    );

    // The summary of the decision is there as a document of what the partner may see.
    let composition = get(partner, "/fhir/Composition").await.expect(200);
    let id = text(&composition["entry"][0]["resource"]["id"]);
    let document = get(partner, &format!("/fhir/Composition/{id}/$document"))
        .await
        .expect(200);
    assert_eq!(document["type"], "document");
    assert_eq!(
        document["entry"][0]["resource"]["resourceType"],
        "Composition"
    );
    app.stop().await;
}
