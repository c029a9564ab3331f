//! Whoever may write otherwise, does not write in an emergency.

use std::collections::BTreeSet;

use super::*;
use crate::contract::protected;
use crate::fhir_door::post;
use crate::wire::Ask;

both!(an_emergency_writes_nothing_by_any_door);

async fn an_emergency_writes_nothing_by_any_door(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, played) = TestApp::played(db, &episode).await;
    app.app.auth.allow_emergencies();
    let doctor = Rescuer::new(&app, "doctor", Role::PartnerPrescriber).await;
    let (_, body) = doctor.ask(&app, None).await;
    let usual = caller(&app.base, &body);
    let broken = doctor.in_emergency(&app).await;
    let patient = get(&broken, "/fhir/Patient").await.expect(200)["entry"][0]["resource"].clone();
    let patient = text(&patient["id"]).to_owned();
    let before = app.place().cell(ROWS).await;

    let note = json!({"resourceType": "Communication", "status": "completed", "subject": {"reference": format!("Patient/{patient}")}});
    let known = get(&broken, "/fhir/MedicationRequest").await.expect(200);
    let known = known["entry"][0]["resource"].clone();
    for refused in [
        post(&broken, "/fhir/Communication", &note).await,
        put(&broken, &known).await,
    ] {
        assert_eq!(refused.status, 403, "{}", refused.text);
        assert!(refused.text.contains("emergency"), "{}", refused.text);
    }
    let entry = json!({"fullUrl": "urn:uuid:5c6d2f0e-8f0b-4c55-9a0a-0d5b0d5a9f11", "resource": note,
        "request": {"method": "POST", "url": "Communication"}});
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry]});
    let refused = post(&broken, "/fhir", &bundle).await;
    assert_eq!(refused.status, 403, "{}", refused.text);

    let mut asked = BTreeSet::new();
    for (method, path) in protected() {
        if method == "GET" || !path.starts_with("/kap/v1/") {
            continue;
        }
        let concrete = path.replace("{episode}", &played.episode);
        let parts = concrete.split('/');
        let concrete: Vec<&str> = parts
            .map(|part| {
                if part.starts_with('{') {
                    &*patient
                } else {
                    part
                }
            })
            .collect();
        let ask = Ask {
            method,
            ..Ask::post(concrete.join("/"), "{}")
        };
        let heard = ask.send(&broken).await;
        // Private notes are hidden from a partner at all times.
        let expected = if path.contains("/private-notes") {
            404
        } else {
            403
        };
        assert_eq!(heard.status, expected, "{method} {path}: {}", heard.text);
        // Where the same client may write at other times, it is the emergency that forbids it.
        if expected == 403 && ask.send(&usual).await.status != 403 {
            assert!(heard.text.contains("emergency"), "{path}: {}", heard.text);
            asked.insert(path);
        }
    }
    assert!(asked.len() > 10, "{asked:?}");
    assert_eq!(app.place().cell(ROWS).await, before);
    app.stop().await;
}

const ROWS: &str = "SELECT COUNT(*) FROM resource_history";
