//! What the standard says of elements that cannot be compared, of Groups and of care managers.

use super::{amount, ids, observation, patient, stored};
use crate::app::{Db, TestApp};
use crate::both;
use crate::fhir_door::{cleared, get, only, text};
use kap_fhir::demo::script::Party;
use serde_json::json;

both!(
    what_cannot_be_compared_is_not_missing,
    groups_and_care_managers_are_found_as_the_standard_says
);

async fn what_cannot_be_compared_is_not_missing(db: Db) {
    let (app, _) = TestApp::played(db, &cleared()).await;
    let practice = app.as_party(Party::Practice);
    let patient = patient(practice).await;
    let mut numbers = Vec::new();
    for more in [
        json!({}),
        json!({ "performer": [{ "display": "A nurse" }] }),
        json!({ "performer": [{ "identifier": { "system": "urn:npi", "value": "98" } }] }),
        json!({ "method": { "text": "by hand" } }),
        json!({ "valueSampledData": { "origin": { "value": 1 }, "period": 1, "dimensions": 1, "data": "E" } }),
        json!({ "device": { "display": "A scale" }, "method": { "coding": [{ "display": "weighed" }] } }),
    ] {
        numbers.push(stored(practice, &observation(&patient, "stands", &more)).await);
    }
    for (name, there) in [
        ("performer", vec![1, 2]),
        ("method", vec![3, 5]),
        ("value-quantity", vec![4]),
        ("combo-value-quantity", vec![4]),
        ("device", vec![5]),
        ("encounter", vec![]),
        ("subject", vec![0, 1, 2, 3, 4, 5]),
        ("patient", vec![0, 1, 2, 3, 4, 5]),
    ] {
        for missing in [false, true] {
            let path = format!("/fhir/Observation?code=urn:test|stands&{name}:missing={missing}");
            let mut found = ids(practice, &path).await;
            let wanted = numbers.iter().enumerate();
            let wanted = wanted.filter(|(n, _)| there.contains(n) != missing);
            let mut wanted: Vec<String> = wanted.map(|(_, id)| id.clone()).collect();
            found.sort();
            wanted.sort();
            assert_eq!(found, wanted, "{name}:missing={missing}");
        }
    }
    app.stop().await;
}

async fn groups_and_care_managers_are_found_as_the_standard_says(db: Db) {
    let (app, _) = TestApp::played(db, &cleared()).await;
    let practice = app.as_party(Party::Practice);
    let concept = |code| json!({ "coding": [{ "system": "urn:test", "code": code }] });
    let group = json!({ "resourceType": "Group", "type": "person", "actual": false, "characteristic": [
        { "code": concept("arm"), "valueCodeableConcept": concept("lozenge"), "exclude": false },
        { "code": concept("pregnant"), "valueBoolean": true, "exclude": true },
        { "code": concept("age"), "valueQuantity": amount(30.0, "a"), "exclude": false },
    ]});
    let group = stored(practice, &group).await;
    for (query, there) in [
        ("value=urn:test|lozenge", true),
        ("value=true", true),
        ("value=false", false),
        ("value=30", false),
        ("characteristic-value=arm$lozenge", true),
        ("characteristic-value=urn:test|pregnant$true", true),
        // A value is that of its own characteristic.
        ("characteristic-value=arm$true", false),
    ] {
        let found = ids(practice, &format!("/fhir/Group?{query}")).await;
        assert_eq!(found.contains(&group), there, "{query}");
    }
    // R4 finds care managers that are named as persons; those of the service are named by their roles.
    let episode = only(practice, "/fhir/EpisodeOfCare").await;
    let role = text(&episode["careManager"]["reference"]).to_owned();
    assert!(role.starts_with("PractitionerRole/"), "{role}");
    let missing = only(practice, "/fhir/EpisodeOfCare?care-manager:missing=true").await;
    assert_eq!(missing["id"], episode["id"]);
    let by = format!("/fhir/EpisodeOfCare?care-manager={role}");
    assert!(ids(practice, &by).await.is_empty(), "{by}");
    let chained = "/fhir/EpisodeOfCare?care-manager:PractitionerRole.active=true";
    assert_eq!(get(practice, chained).await.status, 400);
    for (along, comes) in [
        ("_include=EpisodeOfCare:care-manager", false),
        ("_include=EpisodeOfCare:*", false),
        ("_include=*", false),
        ("_include=EpisodeOfCare:patient", true),
    ] {
        let found = get(practice, &format!("/fhir/EpisodeOfCare?{along}")).await;
        assert_eq!(found.status, 200, "{along}");
        let entries = found.json()["entry"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let at = |kind: &str| {
            entries
                .iter()
                .any(|e| e["resource"]["resourceType"] == kind)
        };
        assert!(!at("PractitionerRole"), "{along}");
        assert_eq!(entries.len() > 1, comes || along.contains('*'), "{along}");
    }
    let id = role.trim_start_matches("PractitionerRole/");
    let along = format!("/fhir/PractitionerRole?_id={id}&_revinclude=EpisodeOfCare:*");
    assert_eq!(ids(practice, &along).await.len(), 1);
    app.stop().await;
}
