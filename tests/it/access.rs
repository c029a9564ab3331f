//! Who sees what: by role, scope, organization, referral and consent.

use std::collections::BTreeSet;

use kap_fhir::access::Role;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::sample;
use crate::app::{Db, TestApp};
use crate::both;
use crate::client::client;
use crate::fhir_door::{call, get, post, put, text};

both!(
    strangers_see_nothing,
    roles_and_scopes,
    consent_opens_and_closes,
    a_provenance_names_nothing_that_its_reader_does_not_see
);

const FIRST: &str = include_str!("../samples/01-adult-trd-remote-lozenge.json");

async fn strangers_see_nothing(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, played) = TestApp::played(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let stranger = client(
        &app,
        "other-practice",
        "org-other-practice",
        Role::PracticeTherapist,
        "system/*.cruds",
    )
    .await;
    let partner = client(
        &app,
        "other-partner",
        "org-other-partner",
        Role::PartnerPrescriber,
        "system/*.cruds",
    )
    .await;
    for kind in [
        "Patient",
        "Encounter",
        "ClinicalImpression",
        "Observation",
        "Task",
        "Provenance",
        "Composition",
        "DetectedIssue",
    ] {
        let set = get(practice, &format!("/fhir/{kind}?_count=1"))
            .await
            .expect(200);
        let id = text(&set["entry"][0]["resource"]["id"]).to_owned();
        assert!(!id.is_empty(), "{kind}");
        for who in [&stranger, &partner] {
            let hidden = get(who, &format!("/fhir/{kind}/{id}")).await;
            let missing = get(
                who,
                &format!("/fhir/{kind}/00000000-0000-4000-8000-000000000000"),
            )
            .await;
            assert_eq!(
                (hidden.status, &hidden.text),
                (404, &missing.text),
                "{kind}"
            );
            let history = get(who, &format!("/fhir/{kind}/{id}/_history/1")).await;
            assert_eq!(
                (history.status, &history.text),
                (404, &missing.text),
                "{kind}"
            );
            for query in [format!("_id={id}"), "_total=accurate".to_owned()] {
                let set = get(who, &format!("/fhir/{kind}?{query}")).await.expect(200);
                assert!(
                    set.get("entry").is_none() && set["total"].as_i64().unwrap_or(0) == 0,
                    "{kind}: {set}"
                );
            }
        }
    }
    let path = format!("/kap/v1/episodes/{}", played.episode);
    let missing = get(&stranger, "/kap/v1/episodes/none").await;
    let hidden = get(&stranger, &path).await;
    assert_eq!((hidden.status, &hidden.text), (404, &missing.text));

    // A reference to another's patient is answered as one to nobody; the same for an update.
    let patient =
        text(&get(practice, "/fhir/Patient").await.json()["entry"][0]["resource"]["id"]).to_owned();
    let message = |id: &str| json!({ "resourceType": "Communication", "status": "completed", "subject": { "reference": format!("Patient/{id}") } });
    let hidden = post(&stranger, "/fhir/Communication", &message(&patient)).await;
    let missing = post(&stranger, "/fhir/Communication", &message("nobody")).await;
    assert_eq!((hidden.status, &hidden.text), (422, &missing.text));
    let hidden = put(
        &stranger,
        &json!({ "resourceType": "Patient", "id": patient }),
    )
    .await;
    let missing = put(
        &stranger,
        &json!({ "resourceType": "Patient", "id": "nobody" }),
    )
    .await;
    assert_eq!((hidden.status, &hidden.text), (404, &missing.text));
    app.stop().await;
}

async fn roles_and_scopes(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    let pharmacy = app.as_party(Party::Pharmacy);
    for (kind, status) in [
        ("Patient", 200),
        ("MedicationRequest", 200),
        ("MedicationDispense", 200),
        ("AllergyIntolerance", 200),
        ("Observation", 403),
        ("ClinicalImpression", 403),
        ("Encounter", 403),
        ("Composition", 403),
        ("Task", 403),
        ("Condition", 403),
    ] {
        assert_eq!(
            get(pharmacy, &format!("/fhir/{kind}")).await.status,
            status,
            "{kind}"
        );
    }
    // What a type may not be read does not come along either.
    let set = get(
        pharmacy,
        "/fhir/Patient?_revinclude=Observation:patient&_revinclude=MedicationDispense:patient",
    )
    .await
    .expect(200);
    let kinds: Vec<&str> = set["entry"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|e| text(&e["resource"]["resourceType"]))
        .collect();
    assert!(
        kinds.contains(&"MedicationDispense") && !kinds.contains(&"Observation"),
        "{kinds:?}"
    );

    let nurse = client(
        &app,
        "nurse",
        "org-partner-01",
        Role::PartnerNurse,
        "system/*.cruds",
    )
    .await;
    let clearance =
        get(&nurse, "/fhir/ClinicalImpression").await.expect(200)["entry"][0]["resource"].clone();
    assert_eq!(put(&nurse, &clearance).await.status, 403);
    assert_eq!(
        post(&nurse, "/fhir/ClinicalImpression", &clearance)
            .await
            .status,
        403
    );
    // A prescription is the prescriber's too.
    let rx = get(&nurse, "/fhir/MedicationRequest?intent=order")
        .await
        .expect(200)["entry"][0]["resource"]
        .clone();
    assert_eq!(
        post(&nurse, "/fhir/MedicationRequest", &rx).await.status,
        403
    );

    let narrow = client(
        &app,
        "narrow",
        "org-practice-01",
        Role::PracticeTherapist,
        "system/Patient.rs",
    )
    .await;
    assert_eq!(get(&narrow, "/fhir/Patient").await.status, 200);
    let refused = get(&narrow, "/fhir/Observation").await;
    assert_eq!(refused.status, 403);
    assert!(
        refused
            .header("www-authenticate")
            .contains("insufficient_scope"),
        "{:?}",
        refused.headers
    );
    let patient = get(&narrow, "/fhir/Patient").await.json()["entry"][0]["resource"].clone();
    assert_eq!(put(&narrow, &patient).await.status, 403);
    let along = get(&narrow, "/fhir/Patient?_revinclude=Observation:patient")
        .await
        .expect(200);
    assert_eq!(along["entry"].as_array().map(Vec::len), Some(1), "{along}");

    let officer = client(
        &app,
        "officer",
        "org-practice-01",
        Role::PrivacyOfficer,
        "system/*.rs",
    )
    .await;
    assert_eq!(get(&officer, "/fhir/Consent").await.status, 200);
    assert_eq!(get(&officer, "/fhir/Observation").await.status, 403);
    app.stop().await;
}

async fn consent_opens_and_closes(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, played) = TestApp::played(db, &episode).await;
    let (practice, ehr) = (app.as_party(Party::Practice), app.as_party(Party::Ehr));
    let count = async |who: &Caller, kind: &str| {
        let set = get(who, &format!("/fhir/{kind}?_total=accurate&_count=0"))
            .await
            .expect(200);
        set["total"].as_i64()
    };
    assert_eq!(count(ehr, "Patient").await, Some(1));
    assert!(count(ehr, "Composition").await > Some(0));
    let composition = get(
        ehr,
        "/fhir/Composition?type=http://loinc.org|78472-8&_count=1",
    )
    .await
    .json();
    let id = text(&composition["entry"][0]["resource"]["id"]).to_owned();
    assert_eq!(
        get(ehr, &format!("/fhir/Composition/{id}/$document"))
            .await
            .status,
        200
    );
    let other = client(
        &app,
        "other-ehr",
        "org-other-ehr",
        Role::ExternalEhr,
        "system/*.rs",
    )
    .await;
    assert_eq!(count(&other, "Patient").await, Some(0));

    let shown = get(practice, &format!("/kap/v1/episodes/{}", played.episode))
        .await
        .expect(200);
    let consents: Vec<&Value> = shown["consents"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|c| c["kind"] == "privacy-disclosure")
        .collect();
    for consent in consents {
        let path = format!(
            "/kap/v1/episodes/{}/consents/{}/revoke",
            played.episode,
            text(&consent["id"])
        );
        let body = json!({ "by": "patient" });
        let done = practice
            .send(Method::POST, &path, Some((&body, "revoke")))
            .await
            .expect("answer");
        assert!(done.status < 300, "{}", done.body);
    }
    assert_eq!(count(ehr, "Patient").await, Some(0));
    assert_eq!(count(ehr, "Composition").await, Some(0));
    let gone = get(ehr, &format!("/fhir/Composition/{id}/$document")).await;
    let missing = get(ehr, "/fhir/Composition/none/$document").await;
    assert_eq!((gone.status, &gone.text), (404, &missing.text));
    let bare = call(ehr, Method::GET, "/fhir/Patient", &[], None)
        .await
        .expect(200);
    assert!(bare.get("entry").is_none(), "{bare}");
    app.stop().await;
}

/// The records that the Provenances name which `who` sees.
async fn named(who: &Caller) -> BTreeSet<String> {
    let found = get(who, "/fhir/Provenance?_count=1000").await.expect(200);
    let all = found["entry"].as_array().into_iter().flatten();
    let targets = all.flat_map(|e| e["resource"]["target"].as_array().into_iter().flatten());
    targets.map(|t| text(&t["reference"]).to_owned()).collect()
}

async fn a_provenance_names_nothing_that_its_reader_does_not_see(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    let vitals = "system/Provenance.rs system/Observation.rs?category=\
        http://terminology.hl7.org/CodeSystem/observation-category|vital-signs";
    let practice = Role::PracticeTherapist;
    let narrow = client(&app, "vitals", "org-practice-01", practice, vitals).await;
    let all = named(app.as_party(Party::Practice)).await;
    for (who, name) in [
        (app.as_party(Party::Partner), "partner"),
        (app.as_party(Party::Ehr), "ehr"),
        (&narrow, "narrow"),
    ] {
        let told = named(who).await;
        assert!(
            !told.is_empty() && told.is_subset(&all) && (name == "partner" || told != all),
            "{name}: {} of {}",
            told.len(),
            all.len()
        );
        for one in &told {
            let answer = get(who, &format!("/fhir/{one}")).await;
            assert_eq!(answer.status, 200, "{name} is told of {one}");
        }
        // What a role sees keeps its Provenance; a narrowed scope loses those that name more than it speaks of.
        let lost = all.difference(&told).filter(|_| name != "narrow");
        for one in lost {
            let answer = get(who, &format!("/fhir/{one}")).await;
            assert!(matches!(answer.status, 403 | 404), "{name} sees {one}");
        }
    }
    app.stop().await;
}
