//! Quantities, values that stand together, URIs, and what modifiers look at.

use kap_fhir::access::Role;
use kap_fhir::demo::script::Party;
use serde_json::json;

use super::{amount, ids, observation, patient, stored};
use crate::app::{Db, TestApp};
use crate::both;
use crate::client::client;
use crate::fhir_door::{cleared, get, only, text};

both!(
    observations_are_found_by_what_was_measured,
    conditions_patients_and_the_directory_are_found,
    events_of_the_audit_are_found_by_their_parts,
    an_integrator_is_told_nothing_by_words,
    the_questionnaires_of_the_service_are_searched
);

async fn observations_are_found_by_what_was_measured(db: Db) {
    let (app, _) = TestApp::played(db, &cleared()).await;
    let practice = app.as_party(Party::Practice);
    let patient = patient(practice).await;
    let of = |code: &str, more| observation(&patient, code, &more);
    let weight = of(
        "weight",
        json!({
            "valueQuantity": amount(70.2, "kg"),
            "meta": { "profile": ["http://example.org/fhir/weights/adult"] },
            "identifier": [{ "type": { "coding": [{ "system": "urn:types", "code": "LAB" }] }, "value": "L-7" }],
            "performer": [{ "identifier": { "system": "urn:npi", "value": "99" } }],
        }),
    );
    let pressure = of(
        "pressure",
        json!({ "component": [
        { "code": { "coding": [{ "system": "urn:test", "code": "sys" }] }, "valueQuantity": amount(120.0, "mm[Hg]") },
        { "code": { "coding": [{ "system": "urn:test", "code": "dia" }] }, "valueQuantity": amount(80.0, "mm[Hg]") },
        { "code": { "coding": [{ "system": "urn:test", "code": "posture" }] },
          "valueCodeableConcept": { "coding": [{ "system": "urn:test", "code": "sitting" }] } },
    ] }),
    );
    let asked = of("seen", json!({ "valueDateTime": "2026-03-04" }));
    let said = of("said", json!({ "valueString": "Ｗｅｌｌ rested" }));
    let (weight, pressure) = (
        stored(practice, &weight).await,
        stored(practice, &pressure).await,
    );
    let (asked, said) = (
        stored(practice, &asked).await,
        stored(practice, &said).await,
    );
    let ucum = "http://unitsofmeasure.org";
    for (query, wanted) in [
        (format!("value-quantity=70.2|{ucum}|kg"), &weight),
        (format!("value-quantity=70200|{ucum}|g"), &weight),
        ("value-quantity=ap72||kg".into(), &weight),
        ("code-value-quantity=urn:test|weight$gt70".into(), &weight),
        (format!("component-value-quantity=16|{ucum}|kPa"), &pressure),
        (format!("combo-value-quantity=120|{ucum}|mm[Hg]"), &pressure),
        ("component-code-value-quantity=dia$lt90".into(), &pressure),
        (
            "combo-code-value-quantity=urn:test|sys$120".into(),
            &pressure,
        ),
        ("combo-code-value-concept=posture$sitting".into(), &pressure),
        ("component-value-concept=sitting".into(), &pressure),
        ("code-value-date=seen$2026-03".into(), &asked),
        ("code-value-date=seen$ap2026-03-04".into(), &asked),
        ("code-value-string=said$well".into(), &said),
        ("value-string=well".into(), &said),
        (
            "_profile=http://example.org/fhir/weights/adult".into(),
            &weight,
        ),
        (
            "_profile:below=http://example.org/fhir/weights".into(),
            &weight,
        ),
        ("code:text=measured%20w".into(), &weight),
        ("identifier:of-type=urn:types|LAB|L-7".into(), &weight),
        ("performer:identifier=urn:npi|99".into(), &weight),
    ] {
        let path = format!("/fhir/Observation?patient={patient}&code=urn:test|&{query}");
        assert_eq!(
            ids(practice, &path).await,
            std::slice::from_ref(wanted),
            "{query}"
        );
        let path = format!("/fhir/Observation?code=urn:test|&{query}");
        assert_eq!(
            ids(practice, &path).await,
            std::slice::from_ref(wanted),
            "{query}"
        );
    }
    for query in [
        "component-code-value-quantity=dia$120",
        "combo-code-value-concept=sys$sitting",
        "value-quantity=70.2||g",
        "code-value-quantity=weight$lt70",
        "_profile=http://example.org/fhir/weights",
        "identifier:of-type=urn:types|MR|L-7",
        "code:text=weight",
    ] {
        let path = format!("/fhir/Observation?{query}");
        assert_eq!(ids(practice, &path).await, Vec::<String>::new(), "{query}");
    }
    // What is changed is found by what it says now.
    let mut record = only(practice, &format!("/fhir/Observation?_id={weight}")).await;
    record["valueQuantity"] = amount(71.0, "kg");
    crate::fhir_door::put(practice, &record).await.expect(200);
    let by = |n: &str| format!("/fhir/Observation?code-value-quantity=weight${n}||kg");
    assert!(ids(practice, &by("70.2")).await.is_empty());
    assert_eq!(ids(practice, &by("71")).await, [weight]);
    app.stop().await;
}

async fn conditions_patients_and_the_directory_are_found(db: Db) {
    let (app, _) = TestApp::played(db, &cleared()).await;
    let practice = app.as_party(Party::Practice);
    let patient = patient(practice).await;
    let condition = json!({
        "resourceType": "Condition",
        "subject": { "reference": format!("Patient/{patient}") },
        "clinicalStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active" }] },
        "code": { "coding": [{ "system": "http://snomed.info/sct", "code": "370143000" }] },
        "onsetAge": amount(30.0, "a"),
        "stage": [{ "summary": { "coding": [{ "system": "urn:test", "code": "early" }] } }],
    });
    let condition = stored(practice, &condition).await;
    let indication = "https://kap-interop.example.org/fhir/ValueSet/kap-indication";
    for query in [
        "onset-age=30||a".to_owned(),
        "onset-age=lt400|http://unitsofmeasure.org|mo&stage=early".to_owned(),
        "stage=early".to_owned(),
        format!("stage=early&code:in={indication}"),
    ] {
        let path = format!("/fhir/Condition?{query}");
        assert_eq!(
            ids(practice, &path).await,
            std::slice::from_ref(&condition),
            "{query}"
        );
    }
    for query in [
        "onset-age=gt31||a".to_owned(),
        format!("stage=early&code:not-in={indication}"),
    ] {
        let path = format!("/fhir/Condition?{query}");
        assert!(ids(practice, &path).await.is_empty(), "{query}");
    }
    let unknown = get(practice, "/fhir/Condition?code:in=http://example.org/none").await;
    assert_eq!(unknown.status, 400, "{}", unknown.text);
    let name = text(&only(practice, "/fhir/Patient").await["name"][0]["family"]).to_owned();
    for (query, there) in [
        ("deceased=false".to_owned(), true),
        ("deceased=true".to_owned(), false),
        (format!("phonetic={name}"), true),
    ] {
        let found = ids(practice, &format!("/fhir/Patient?{query}")).await;
        assert_eq!(found.contains(&patient), there, "{query}");
    }
    // Endpoints, of which there are none, are searched like everything else.
    let none = get(
        practice,
        "/fhir/Endpoint?status=active&organization=Organization/x",
    )
    .await;
    assert_eq!(none.expect(200)["entry"], json!(null));
    // A clearance is found by the last day of its validity, not by its first.
    let clearances = |day: &str| format!("/fhir/ClinicalImpression?valid-until={day}");
    let all = get(practice, &clearances("ge2000-01-01")).await.expect(200);
    let clearance = &all["entry"][0]["resource"];
    let extensions = clearance["extension"].as_array().into_iter().flatten();
    let period = extensions
        .map(|e| &e["valuePeriod"])
        .find(|p| p.is_object())
        .expect("a validity");
    let (id, end) = (text(&clearance["id"]).to_owned(), text(&period["end"]));
    assert!(text(&period["start"]) < end, "{period}");
    for (day, there) in [
        (end.to_owned(), true),
        (format!("lt{end}"), false),
        (format!("gt{end}"), false),
    ] {
        let found = ids(practice, &clearances(&day)).await;
        assert_eq!(found.contains(&id), there, "{day}");
    }
    app.stop().await;
}

async fn events_of_the_audit_are_found_by_their_parts(db: Db) {
    let (app, _) = TestApp::played(db, &cleared()).await;
    let organization = app.as_party(Party::Practice);
    let practice =
        text(&only(organization, "/fhir/EpisodeOfCare").await["managingOrganization"]["reference"])
            .trim_start_matches("Organization/")
            .to_owned();
    let officer = client(
        &app,
        "officer",
        &practice,
        Role::PrivacyOfficer,
        "system/*.rs",
    )
    .await;
    let found = async |query: &str| {
        let path = format!("/fhir/AuditEvent?date=ge2020&_count=1000&{query}");
        ids(&officer, &path).await.len()
    };
    let all = found("_sort=date").await;
    assert!(all > 10);
    for query in [
        "address=127.0.0.1",
        "address=127",
        "entity-type=1",
        "entity-type=http://terminology.hl7.org/CodeSystem/audit-entity-type|2",
        "entity-role=4",
    ] {
        let some = found(query).await;
        assert!(some > 0, "{query}");
    }
    for query in [
        "address=10.",
        "entity-role=urn:other|4",
        "agent-name=somebody",
        "agent-role=x",
        "altid=x",
        "site=x",
        "source=Device/x",
        "policy=urn:ietf:params:oauth:jti:none",
        "policy=urn:other",
    ] {
        assert_eq!(found(query).await, 0, "{query}");
    }
    let path = "/fhir/AuditEvent?date=ge2020&entity-role=4&_count=100";
    let events = get(&officer, path).await.expect(200);
    // Not every event is one of a token: the service acts for itself as well.
    let events = events["entry"].as_array().into_iter().flatten();
    let mut agents = events.flat_map(|e| e["resource"]["agent"].as_array().into_iter().flatten());
    let policy = agents
        .find_map(|agent| agent["policy"][0].as_str())
        .expect("a token")
        .to_owned();
    assert!(found(&format!("policy={policy}")).await > 0);
    let refused = get(&officer, "/fhir/AuditEvent?date=ge2020&_sort=action").await;
    assert_eq!(
        (refused.status, refused.expression().as_str()),
        (400, "http._sort")
    );
    app.stop().await;
}

async fn an_integrator_is_told_nothing_by_words(db: Db) {
    let (app, _) = TestApp::played(db, &cleared()).await;
    let practice = app.as_party(Party::Practice);
    let organization =
        text(&only(practice, "/fhir/EpisodeOfCare").await["managingOrganization"]["reference"])
            .trim_start_matches("Organization/")
            .to_owned();
    let integrator = client(
        &app,
        "integrator",
        &organization,
        Role::Integrator,
        "system/*.rs",
    )
    .await;
    // Words are cut for this client: a search by them is refused as one that there is not.
    let refused = get(&integrator, "/fhir/Observation?code:text=a").await;
    let unknown = get(&integrator, "/fhir/Observation?code:like=a").await;
    assert_eq!(
        (refused.status, unknown.status),
        (400, 400),
        "{}",
        refused.text
    );
    assert_eq!(refused.text.replace(":text", ":like"), unknown.text);
    let hidden = get(&integrator, "/fhir/Observation?_sort=value-string").await;
    let missing = get(&integrator, "/fhir/Observation?_sort=value-strung").await;
    assert_eq!(
        (hidden.status, missing.status),
        (400, 400),
        "{}",
        hidden.text
    );
    assert_eq!(
        hidden.text.replace("value-string", "value-strung"),
        missing.text
    );
    assert_eq!(
        get(&integrator, "/fhir/Observation?code:in=http://x/y")
            .await
            .status,
        400
    );
    app.stop().await;
}

async fn the_questionnaires_of_the_service_are_searched(db: Db) {
    let app = TestApp::start(db, &cleared()).await;
    let practice = app.as_party(Party::Practice);
    let all = ids(practice, "/fhir/Questionnaire").await;
    assert!(all.len() >= 14 && all.is_sorted(), "{all:?}");
    let canonical = "https://kap-interop.example.org/fhir/Questionnaire";
    for (query, wanted) in [
        (format!("url={canonical}/phq-9"), vec!["phq-9"]),
        (
            format!("url:below={canonical}&title=PHQ-9"),
            vec!["phq-9", "phq-9-teen"],
        ),
        (
            "name=phq9&_sort=-_id".to_owned(),
            vec!["phq-9-teen", "phq-9"],
        ),
        (
            "_id=gad-7,phq-9&_sort=title".to_owned(),
            vec!["gad-7", "phq-9"],
        ),
        ("subject-type=Practitioner".to_owned(), vec![]),
    ] {
        let found = ids(practice, &format!("/fhir/Questionnaire?{query}")).await;
        assert_eq!(found, wanted, "{query}");
    }
    // Page by page, and counted.
    for sort in ["_id", "-title", "publisher,-name"] {
        let whole = ids(practice, &format!("/fhir/Questionnaire?_sort={sort}")).await;
        let pages = ids(
            practice,
            &format!("/fhir/Questionnaire?_sort={sort}&_count=3"),
        )
        .await;
        assert_eq!(whole, pages, "{sort}");
    }
    let counted = get(practice, "/fhir/Questionnaire?_count=0&_total=accurate")
        .await
        .expect(200);
    assert_eq!(counted["total"], all.len());
    let first = only(practice, "/fhir/Questionnaire?_id=phq-9").await;
    let read = get(practice, "/fhir/Questionnaire/phq-9").await.expect(200);
    assert_eq!(first, read);
    app.stop().await;
}
