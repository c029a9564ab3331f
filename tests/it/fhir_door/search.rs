//! Paging and the searches of US Core 6.1.0.

use super::*;
use crate::both;

both!(pages_are_stable, us_core_searches);

async fn pages_are_stable(db: Db) {
    let (full, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &full).await;
    let practice = app.as_party(Party::Practice);
    let all = get(practice, "/fhir/Observation?_count=1000")
        .await
        .expect(200);
    let known: Vec<String> = all["entry"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|e| text(&e["fullUrl"]).to_owned())
        .collect();
    let patient = text(&only(practice, "/fhir/Patient").await["id"]).to_owned();
    let mut seen: Vec<String> = Vec::new();
    let mut path =
        "/fhir/Observation?_count=7&_sort=-_lastUpdated&status=final,amended,cancelled,preliminary"
            .to_owned();
    for page in 0.. {
        let set = get(practice, &path).await.expect(200);
        seen.extend(
            set["entry"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|e| text(&e["fullUrl"]).to_owned()),
        );
        if page == 0 {
            let new = json!({ "resourceType": "Observation", "status": "final", "code": { "text": "new" }, "subject": { "reference": format!("Patient/{patient}") } });
            let stored = post(practice, "/fhir/Observation", &new).await;
            assert_eq!(stored.status, 201, "{}", stored.text);
        }
        let next = set["link"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|l| l["relation"] == "next")
            .map(|l| text(&l["url"]).to_owned());
        let Some(next) = next else { break };
        assert_eq!(next.matches("_cursor=").count(), 1, "{next}");
        assert!(
            next.contains("_count=7") && next.contains("status=final"),
            "{next}"
        );
        path = next.trim_start_matches(&app.base).to_owned();
    }
    // Nothing is shown twice, nothing that was there is left out; what came meanwhile may be shown.
    assert!(known.iter().all(|url| seen.contains(url)), "{seen:?}");
    let mut once = seen.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), seen.len());
    assert!(seen.len() <= known.len() + 1);
    app.stop().await;
}

async fn us_core_searches(db: Db) {
    let (full, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &full).await;
    let practice = app.as_party(Party::Practice);
    let patient = only(practice, "/fhir/Patient").await;
    let id = text(&patient["id"]);
    let name = &patient["name"][0];
    let found = async |path: String| {
        let set = get(practice, &path).await.expect(200);
        set["entry"].as_array().cloned().unwrap_or_default()
    };
    let day = |kind: &str, more: &str| format!("/fhir/{kind}?patient={id}{more}");
    let some = [
        format!("/fhir/Patient?_id={id}"),
        format!("/fhir/Patient?name={}", text(&name["family"])),
        format!(
            "/fhir/Patient?birthdate={}&name={}",
            text(&patient["birthDate"]),
            text(&name["family"])
        ),
        format!(
            "/fhir/Patient?gender={}&name={}",
            text(&patient["gender"]),
            text(&name["family"])
        ),
        format!(
            "/fhir/Patient?identifier={}|{}",
            text(&patient["identifier"][0]["system"]),
            text(&patient["identifier"][0]["value"])
        ),
        day("Encounter", ""),
        day("Encounter", "&date=ge2026-06-01&date=lt2026-07-01"),
        day("Condition", ""),
        day("Condition", "&category=problem-list-item"),
        day("AllergyIntolerance", ""),
        day("Observation", "&category=vital-signs"),
        day("Observation", "&code=http://loinc.org|85354-9"),
        day("Observation", "&category=vital-signs&date=ge2026-06-01"),
        day("MedicationRequest", "&intent=order"),
        day("MedicationRequest", "&intent=order&status=active"),
        day("MedicationDispense", ""),
        day("Procedure", ""),
        day("Procedure", "&date=ge2026-06-01"),
        day("DocumentReference", ""),
        day("CareTeam", "&status=active"),
        day("CarePlan", "&category=assess-plan"),
        day("Goal", ""),
        day("RelatedPerson", ""),
        day("ServiceRequest", ""),
        day("QuestionnaireResponse", ""),
        day("Provenance", "").replace("patient=", "_count=5&patient="),
        "/fhir/PractitionerRole?_include=PractitionerRole:practitioner".to_owned(),
    ];
    for path in &some {
        assert!(!found(path.clone()).await.is_empty(), "{path}");
    }
    for path in [
        "/fhir/Patient?name=nobody-of-that-name".to_owned(),
        day("Encounter", "&date=lt2020-01-01"),
        day("MedicationRequest", "&intent=proposal"),
    ] {
        assert!(found(path.clone()).await.is_empty(), "{path}");
    }
    let with = found(day(
        "MedicationRequest",
        "&intent=order&_include=MedicationRequest:medication",
    ))
    .await;
    assert!(
        with.iter()
            .any(|e| e["search"]["mode"] == "include"
                && e["resource"]["resourceType"] == "Medication")
    );
    let back = found(day("Encounter", "&_revinclude=Provenance:target")).await;
    assert!(
        back.iter()
            .any(|e| e["search"]["mode"] == "include"
                && e["resource"]["resourceType"] == "Provenance")
    );
    for (kind, dates) in [("Encounter", "date"), ("Observation", "date")] {
        let up = found(day(kind, &format!("&_sort={dates}"))).await;
        let mut down = found(day(kind, &format!("&_sort=-{dates}"))).await;
        down.reverse();
        let ids = |all: &[Value]| {
            all.iter()
                .map(|e| text(&e["fullUrl"]).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(&up), ids(&down), "{kind}");
    }
    app.stop().await;
}
