//! The questionnaires and other definitions of the service.

use kap_fhir::demo::script::Party;
use reqwest::Method;

use super::places::pages;
use super::{matches, start};
use crate::app::Db;
use crate::both;
use crate::fhir_door::{call, get, text};

both!(
    the_forms_of_the_service_are_found,
    definitions_are_read_under_a_condition
);

async fn the_forms_of_the_service_are_found(db: Db) {
    let (app, _) = start(db).await;
    let practice = app.as_party(Party::Practice);
    let all = pages(
        practice,
        &app.base,
        "/fhir/Questionnaire?_count=4&_sort=_id",
    )
    .await;
    assert!(all.len() >= 14, "{}", all.len());
    let ids: Vec<&str> = all.iter().map(|q| text(&q["id"])).collect();
    assert!(ids.is_sorted() && ids.contains(&"phq-9"), "{ids:?}");
    let total = get(practice, "/fhir/Questionnaire?_summary=count")
        .await
        .expect(200);
    assert_eq!(total["total"].as_u64(), Some(all.len() as u64));
    for (query, found) in [
        ("_id=phq-9", 1),
        (
            "url=https://kap-interop.example.org/fhir/Questionnaire/phq-9",
            1,
        ),
        ("title=PHQ-9&status=draft", 2),
        ("title:exact=PHQ-9", 1),
        ("name=nothing-of-that-name", 0),
    ] {
        let set = matches(practice, &format!("/fhir/Questionnaire?{query}")).await;
        assert_eq!(set.len(), found, "{query}: {set:?}");
    }
    let part = matches(practice, "/fhir/Questionnaire?_id=phq-9&_elements=title").await;
    assert!(
        part[0]["title"].is_string() && part[0].get("publisher").is_none(),
        "{part:?}"
    );
    assert_eq!(
        get(app.as_party(Party::Pharmacy), "/fhir/Questionnaire")
            .await
            .status,
        403
    );
    app.stop().await;
}

async fn definitions_are_read_under_a_condition(db: Db) {
    let (app, _) = start(db).await;
    let practice = app.as_party(Party::Practice);
    for path in [
        "/fhir/StructureDefinition/kap-clearance",
        "/fhir/Questionnaire/phq-9",
        "/fhir/metadata",
    ] {
        let first = get(practice, path).await;
        let etag = first.header("etag").to_owned();
        assert!(
            etag.starts_with("W/\"") && first.status == 200,
            "{path}: {etag}"
        );
        let again = call(
            practice,
            Method::GET,
            path,
            &[("If-None-Match", &*etag)],
            None,
        )
        .await;
        assert_eq!((again.status, &*again.text), (304, ""), "{path}");
        assert_eq!(again.header("etag"), etag);
        let other = call(
            practice,
            Method::GET,
            path,
            &[("If-None-Match", "W/\"1\"")],
            None,
        )
        .await;
        assert_eq!((other.status, &other.text), (200, &first.text), "{path}");
    }
    let kept = get(practice, "/fhir/metadata").await;
    assert_eq!(kept.header("cache-control"), "public, max-age=300");
    app.stop().await;
}
