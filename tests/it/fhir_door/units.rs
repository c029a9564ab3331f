//! An amount is read in its unit: 0.1 g is no 0.1 mg, and what cannot be read as milligrams is not guessed.

use super::*;
use crate::both;

both!(doses_and_limits_are_read_in_their_units);

fn own(resource: &Value, without: &[&str]) -> Value {
    let mut value = resource.clone();
    if let Some(members) = value.as_object_mut() {
        members.retain(|name, _| !without.contains(&name.as_str()));
    }
    value["meta"] = json!({ "profile": resource["meta"]["profile"] });
    value
}

async fn doses_and_limits_are_read_in_their_units(db: Db) {
    let (full, _) = sample(FIRST);
    let (app, played) = TestApp::played(db, &full).await;
    let (practice, partner) = (app.as_party(Party::Practice), app.as_party(Party::Partner));
    let path = "/fhir/MedicationAdministration?status=completed&_sort=-effective-time&_count=1";
    let last = get(practice, path).await.expect(200)["entry"][0]["resource"].clone();
    let claiming = own(
        &last,
        &["id", "text", "identifier", "supportingInformation"],
    );
    let mut dose = claiming.clone();
    dose.as_object_mut().map(|members| members.remove("meta"));
    let ucum = |value: f64, unit: &str| json!({ "value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit });
    let with = |quantity: Value| {
        let mut dose = dose.clone();
        dose["dosage"]["dose"] = quantity;
        dose
    };
    for bad in [
        json!({ "value": 100 }),
        json!({ "value": 100, "unit": "mg", "comparator": "<", "system": "http://unitsofmeasure.org", "code": "mg" }),
        json!({ "value": 100, "unit": "mg", "system": "https://x.example.org", "code": "blob" }),
        ucum(1.0, "mL"),
        ucum(1.0, "mg/kg"),
    ] {
        let answer = post(
            practice,
            "/fhir/MedicationAdministration",
            &with(bad.clone()),
        )
        .await;
        assert_eq!(
            (answer.status, answer.expression().as_str()),
            (422, "MedicationAdministration.dosage.dose"),
            "{bad}: {}",
            answer.text
        );
        assert!(answer.text.contains("an amount in mg"), "{}", answer.text);
    }
    // Whoever reads a record that claims the profile need not look at the unit: it is mg. A dose in another unit is no
    // less a dose: it is recorded without the claim.
    let mut grams = claiming;
    grams["dosage"]["dose"] = ucum(0.1, "g");
    let answer = post(practice, "/fhir/MedicationAdministration", &grams).await;
    assert_eq!(
        (answer.status, answer.expression().as_str()),
        (422, "MedicationAdministration.dosage.dose"),
        "{}",
        answer.text
    );
    assert!(
        answer.text.contains("kap-ketamine-administration"),
        "{}",
        answer.text
    );
    let stored = post(
        practice,
        "/fhir/MedicationAdministration",
        &with(ucum(0.1, "g")),
    )
    .await
    .expect(201);
    assert_eq!(stored["dosage"]["dose"]["code"], "g", "what was sent stays");
    let record = format!(
        "/kap/v1/episodes/{}/records/{}",
        played.episode,
        text(&stored["id"])
    );
    let record = get(practice, &record).await.expect(200);
    assert_eq!(record["doseMg"].as_f64(), Some(100.0), "{record}");

    let pressure = get(
        practice,
        "/fhir/Observation?code=http://loinc.org|85354-9&_count=1",
    )
    .await
    .expect(200);
    let mut pressure = own(
        &pressure["entry"][0]["resource"],
        &["id", "text", "identifier"],
    );
    pressure["component"][0]["valueQuantity"] = ucum(17.0, "kPa");
    let answer = post(practice, "/fhir/Observation", &pressure).await;
    assert_eq!(answer.status, 422, "{}", answer.text);

    let decision = get(partner, "/fhir/ClinicalImpression?_count=1")
        .await
        .expect(200);
    let mut decision = own(
        &decision["entry"][0]["resource"],
        &["id", "text", "identifier", "supportingInfo"],
    );
    for extension in decision["extension"].as_array_mut().expect("extensions") {
        if text(&extension["url"]).ends_with("kap-clearance-dose-ceiling") {
            extension["valueQuantity"] = ucum(300.0, "mL");
        }
    }
    let answer = post(partner, "/fhir/ClinicalImpression", &decision).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert!(
        answer
            .expression()
            .starts_with("ClinicalImpression.extension["),
        "{}",
        answer.text
    );
    app.stop().await;
}
