//! Refusals over FHIR name their element; facts are stored and flagged.

use super::*;
use crate::both;

both!(refusals_name_their_element, facts_are_flagged_not_refused);

async fn refusals_name_their_element(db: Db) {
    let (json_door, _, impression) = clearance_of(db).await;
    json_door.stop().await;
    let (app, _) = TestApp::played(db, &evaluated()).await;
    let partner = app.as_party(Party::Partner);
    let good = partners_own(&impression);
    let without = |name: &str| {
        let mut value = good.clone();
        let url = format!("{STRUCTURE}/{name}");
        if let Some(all) = value["extension"].as_array_mut() {
            all.retain(|x| x["url"] != url.as_str());
        }
        value
    };
    // What is there or not for itself is a place; what one extension asks of another is said of the whole.
    let decision = format!("ClinicalImpression.extension('{STRUCTURE}/kap-clearance-decision')");
    for (name, at) in [
        ("kap-clearance-validity", "ClinicalImpression"),
        ("kap-clearance-decision", &decision),
        ("kap-clearance-route", "ClinicalImpression"),
        ("kap-clearance-condition", "ClinicalImpression"),
    ] {
        let answer = post(partner, "/fhir/ClinicalImpression", &without(name)).await;
        assert_eq!(
            (answer.status, answer.expression().as_str()),
            (422, at),
            "{}",
            answer.text
        );
        assert!(answer.text.contains(name), "{name}: {}", answer.text);
    }
    let mut nobody = good.clone();
    nobody["assessor"] = only(
        partner,
        "/fhir/PractitionerRole?organization=Organization/org-practice-01",
    )
    .await["id"]
        .as_str()
        .map(|id| json!({ "reference": format!("PractitionerRole/{id}") }))
        .unwrap_or_default();
    let answer = post(partner, "/fhir/ClinicalImpression", &nobody).await;
    assert_eq!(
        (answer.status, answer.expression().as_str()),
        (403, "ClinicalImpression.assessor"),
        "{}",
        answer.text
    );

    // A high finding waits for the prescriber.
    let finding = json!({
        "resourceType": "DetectedIssue", "status": "final", "severity": "high",
        "meta": { "profile": [format!("{STRUCTURE}/kap-detected-issue")] },
        "code": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "DRG" },
            { "system": format!("{CODES}/kap-rule"), "code": "KAP-RULE-BP-PREDOSE" }] },
        "patient": good["subject"], "identifiedDateTime": "2026-06-10T12:30:00-07:00",
    });
    let answer = post(
        app.as_party(Party::Practice),
        "/fhir/DetectedIssue",
        &finding,
    )
    .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let answer = post(partner, "/fhir/ClinicalImpression", &good).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
    assert!(answer.text.contains("KAP-INV-20"), "{}", answer.text);
    app.stop().await;
}

async fn facts_are_flagged_not_refused(db: Db) {
    let (full, _) = sample(FIRST);
    let (app, played) = TestApp::played(db, &full).await;
    let (practice, partner) = (app.as_party(Party::Practice), app.as_party(Party::Partner));
    let set = get(
        practice,
        "/fhir/MedicationAdministration?status=completed&_sort=-effective-time&_count=1",
    )
    .await
    .expect(200);
    let mut dose = set["entry"][0]["resource"].clone();
    if let Some(members) = dose.as_object_mut() {
        for name in ["id", "text", "identifier", "supportingInformation"] {
            members.remove(name);
        }
    }
    dose["meta"] = json!({ "profile": [format!("{STRUCTURE}/kap-ketamine-administration")] });
    dose["dosage"]["dose"]["value"] = json!(900);
    let refused = post(partner, "/fhir/MedicationAdministration", &dose).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    let before = get(practice, &format!("/kap/v1/episodes/{}", played.episode))
        .await
        .expect(200);
    let answer = post(practice, "/fhir/MedicationAdministration", &dose).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let after = get(practice, &format!("/kap/v1/episodes/{}", played.episode))
        .await
        .expect(200);
    let flags = |of: &Value| of["detectedIssues"].as_array().map_or(0, Vec::len);
    assert!(
        flags(&after) > flags(&before),
        "{}",
        after["detectedIssues"]
    );
    app.stop().await;
}
