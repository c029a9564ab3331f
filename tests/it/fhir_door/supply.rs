//! Prescription, medication and dispense in one transaction.

use super::*;
use crate::both;

both!(prescription_and_supply_in_one_transaction);

pub fn supply(patient: &Value, episode: &str, lead: &str) -> Value {
    let mg = |n: u32| json!({ "value": n, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg" });
    let link = json!({ "url": "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare", "valueReference": { "reference": format!("EpisodeOfCare/{episode}") } });
    let ketamine = json!({ "coding": [{ "system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "6130", "display": "ketamine" }], "text": "ketamine 100 mg sublingual lozenge" });
    let (med, rx) = (
        "urn:uuid:6f2c1c7e-52a5-4d9b-9a44-2f1f6f0f7a11",
        "urn:uuid:6f2c1c7e-52a5-4d9b-9a44-2f1f6f0f7a12",
    );
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        { "fullUrl": "urn:uuid:6f2c1c7e-52a5-4d9b-9a44-2f1f6f0f7a13", "resource": {
            "resourceType": "MedicationDispense", "status": "preparation",
            "meta": { "profile": [format!("{STRUCTURE}/kap-medication-dispense")] },
            "extension": [link, { "url": format!("{STRUCTURE}/kap-dispense"), "extension": [{ "url": "mgPerUnit", "valueDecimal": 100 }] },
                { "url": format!("{STRUCTURE}/kap-sessions-supplied"), "valuePositiveInt": 2 }],
            "identifier": [{ "system": "https://partner.example.org/fill", "value": "F-1" }],
            "medicationReference": { "reference": med }, "subject": patient,
            "performer": [{ "actor": { "reference": "Organization/org-pharmacy-01" } }],
            "authorizingPrescription": [{ "reference": rx }],
            "quantity": { "value": 4, "unit": "lozenge" }, "whenPrepared": "2026-06-11T10:00:00-07:00" },
          "request": { "method": "POST", "url": "MedicationDispense", "ifNoneExist": "identifier=https://partner.example.org/fill|F-1" } },
        { "fullUrl": rx, "resource": {
            "resourceType": "MedicationRequest", "status": "active", "intent": "order",
            "meta": { "profile": [format!("{STRUCTURE}/kap-ketamine-prescription")] },
            "extension": [link, { "url": format!("{STRUCTURE}/kap-max-dose-per-session"), "valueQuantity": mg(200) },
                { "url": format!("{STRUCTURE}/kap-record-only"), "valueBoolean": true },
                { "url": format!("{STRUCTURE}/kap-sessions-supplied"), "valuePositiveInt": 2 },
                { "url": format!("{STRUCTURE}/kap-pdmp-check"), "extension": [{ "url": "at", "valueDateTime": "2026-06-10T12:58:00-07:00" }] }],
            "identifier": [{ "system": "https://partner.example.org/rx", "value": "RX-1" }],
            "medicationReference": { "reference": med }, "subject": patient,
            "authoredOn": "2026-06-10T13:20:00-07:00",
            "requester": { "reference": format!("PractitionerRole/{lead}") },
            "dosageInstruction": [{ "text": "During supervised sessions only.",
                "route": { "coding": [{ "system": "http://snomed.info/sct", "code": "37839007", "display": "Sublingual route" }] },
                "maxDosePerAdministration": mg(200) }],
            "dispenseRequest": { "validityPeriod": { "start": "2026-06-10", "end": "2026-12-10" }, "numberOfRepeatsAllowed": 0,
                "quantity": { "value": 4, "unit": "lozenge" }, "performer": { "reference": "Organization/org-pharmacy-01" } } },
          "request": { "method": "POST", "url": "MedicationRequest", "ifNoneExist": "identifier=https://partner.example.org/rx|RX-1" } },
        { "fullUrl": med, "resource": {
            "resourceType": "Medication", "status": "active",
            "meta": { "profile": [format!("{STRUCTURE}/kap-ketamine-medication")] },
            "extension": [{ "url": format!("{STRUCTURE}/kap-compounded"), "valueBoolean": true },
                { "url": format!("{STRUCTURE}/kap-controlled-substance-schedule"), "valueCoding": { "system": "http://terminology.hl7.org/CodeSystem/v2-0477", "code": "III" } }],
            "identifier": [{ "system": "https://partner.example.org/drug", "value": "D-1" }],
            "code": ketamine, "form": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-orderableDrugForm", "code": "ORTROCHE" }] },
            "ingredient": [{ "itemCodeableConcept": { "coding": [{ "system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "6130" }] },
                "strength": { "numerator": mg(100), "denominator": { "value": 1, "unit": "lozenge" } } }] },
          "request": { "method": "POST", "url": "Medication", "ifNoneExist": "identifier=https://partner.example.org/drug|D-1" } },
    ]})
}

async fn prescription_and_supply_in_one_transaction(db: Db) {
    let (app, played) = TestApp::played(db, &cleared()).await;
    let (practice, partner) = (app.as_party(Party::Practice), app.as_party(Party::Partner));
    let lead = text(
        &only(
            partner,
            "/fhir/PractitionerRole?organization=Organization/org-partner-01",
        )
        .await["id"],
    )
    .to_owned();
    let patient = only(partner, "/fhir/EpisodeOfCare").await["patient"].clone();
    let bundle = supply(&patient, &played.episode, &lead);

    // Nothing of a transaction is stored where one entry is refused; the refusal names entry and element.
    let mut bad = bundle.clone();
    bad["entry"][1]["resource"]["dispenseRequest"]["validityPeriod"]["end"] = json!("2026-06-01");
    let refused = post(partner, "/fhir", &bad).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(
        refused.expression(),
        "Bundle.entry[1].resource.dispenseRequest.validityPeriod",
        "{}",
        refused.text
    );
    let none = get(partner, "/fhir/Medication?identifier=D-1")
        .await
        .expect(200);
    assert!(none.get("entry").is_none(), "{none}");

    let answer = post(partner, "/fhir", &bundle).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let shown = get(practice, &path).await.expect(200);
    assert_eq!(shown["prescriptions"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        shown["dispenses"][0]["prescriptionId"],
        shown["prescriptions"][0]["id"]
    );

    // A repeat does nothing twice.
    let again = post(partner, "/fhir", &bundle).await;
    assert_eq!(again.status, 200, "{}", again.text);
    for (n, entry) in again.json()["entry"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        assert_eq!(entry["response"]["status"], "200 OK");
        assert_eq!(
            entry["response"]["location"],
            answer.json()["entry"][n]["response"]["location"]
        );
    }
    let after = get(practice, &path).await.expect(200);
    assert_eq!(after["version"], shown["version"]);

    // The medication of a prescription is part of it: the practice does not change what was prescribed.
    let mut medication = only(partner, "/fhir/Medication?identifier=D-1").await;
    medication["code"]["text"] = json!("something else");
    let refused = put(practice, &medication).await;
    assert!(
        matches!(refused.status, 403 | 409),
        "{} {}",
        refused.status,
        refused.text
    );

    // A single resource whose parts are stored already.
    let create = &bundle["entry"][2];
    let headers = [(
        "If-None-Exist",
        "identifier=https://partner.example.org/drug|D-1",
    )];
    let known = call(
        partner,
        Method::POST,
        "/fhir/Medication",
        &headers,
        Some(create["resource"].to_string()),
    )
    .await;
    assert_eq!(known.status, 200, "{}", known.text);
    app.stop().await;
}
