//! Compartments, and the record as a whole.

use std::collections::BTreeSet;

use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use reqwest::Method;
use serde_json::Value;

use super::{key, matches, of_mode, start};
use crate::app::Db;
use crate::both;
use crate::fhir_door::{call, get, text};

both!(
    compartments_hold_what_the_definitions_say,
    the_whole_record_is_searched
);

async fn compartments_hold_what_the_definitions_say(db: Db) {
    let (app, patient) = start(db).await;
    let practice = app.as_party(Party::Practice);
    let id = text(&patient["id"]);
    let inside = async |path: &str| -> BTreeSet<String> {
        matches(practice, path).await.iter().map(key).collect()
    };
    let vitals = format!("/fhir/Patient/{id}/Observation?category=vital-signs&_count=1000");
    let direct = format!("/fhir/Observation?patient={id}&category=vital-signs&_count=1000");
    let found = inside(&vitals).await;
    assert!(found.len() > 3);
    assert_eq!(found, inside(&direct).await);
    assert_eq!(
        inside(&format!("/fhir/Patient/{id}/Patient")).await,
        [key(&patient)].into()
    );

    let observation = matches(
        practice,
        "/fhir/Observation?encounter:missing=false&_count=1",
    )
    .await;
    let encounter = text(&observation[0]["encounter"]["reference"]).to_owned();
    let found = inside(&format!("/fhir/{encounter}/Observation?_count=1000")).await;
    let direct = inside(&format!(
        "/fhir/Observation?encounter={encounter}&_count=1000"
    ))
    .await;
    assert!(!found.is_empty());
    assert_eq!(found, direct);
    assert!(
        inside(&format!("/fhir/{encounter}/*?_count=1000"))
            .await
            .is_superset(&direct)
    );

    let practitioner = matches(practice, "/fhir/Practitioner?_count=1").await;
    let own = key(&practitioner[0]);
    assert!(
        inside(&format!("/fhir/{own}/*?_count=1000"))
            .await
            .contains(&own)
    );
    let related = matches(practice, "/fhir/RelatedPerson?_count=1").await;
    if let Some(related) = related.first() {
        let own = key(related);
        assert!(inside(&format!("/fhir/{own}/*")).await.contains(&own));
    }
    for (path, status) in [
        (format!("/fhir/Patient/{id}/Organization"), 404),
        (format!("/fhir/Patient/{id}/AuditEvent"), 403),
        (format!("/fhir/Patient/{id}/Nothing"), 404),
        (format!("/fhir/Patient/{id}/$nothing"), 404),
        ("/fhir/Patient/nobody/Observation".to_owned(), 404),
        (format!("/fhir/Task/{id}/Observation"), 404),
        (
            format!("/fhir/Patient/{id}/Observation?colour=red&_sort=colour"),
            400,
        ),
        (format!("/fhir/Patient/{id}/*?_type=Organization"), 400),
    ] {
        let answer = get(practice, &path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
    }
    app.stop().await;
}

/// Every match, page after page.
pub async fn pages(practice: &Caller, base: &str, first: &str) -> Vec<Value> {
    let (mut out, mut path) = (vec![], first.to_owned());
    loop {
        let set = get(practice, &path).await.expect(200);
        out.extend(of_mode(&set, "match"));
        let links = set["link"].as_array().into_iter().flatten();
        let next = links.into_iter().find(|link| link["relation"] == "next");
        let Some(next) = next else { return out };
        path = text(&next["url"]).trim_start_matches(base).to_owned();
    }
}

async fn the_whole_record_is_searched(db: Db) {
    let (app, patient) = start(db).await;
    let practice = app.as_party(Party::Practice);
    let whole = pages(practice, &app.base, "/fhir?_count=100").await;
    let kinds: BTreeSet<&str> = whole.iter().map(|r| text(&r["resourceType"])).collect();
    assert!(kinds.len() > 15, "{kinds:?}");
    let keys: BTreeSet<String> = whole.iter().map(key).collect();
    assert_eq!(keys.len(), whole.len(), "nothing twice");
    let count = get(practice, "/fhir?_summary=count").await.expect(200);
    assert_eq!(count["total"].as_u64(), Some(whole.len() as u64));
    for sort in ["_id", "_lastUpdated", "-_lastUpdated"] {
        let path = format!("/fhir?_type=Encounter,Observation&_count=9&_sort={sort}");
        let some = pages(practice, &app.base, &path).await;
        let own: BTreeSet<String> = some.iter().map(key).collect();
        assert_eq!(own.len(), some.len());
        let mut wanted = keys.clone();
        wanted.retain(|k| k.starts_with("Encounter/") || k.starts_with("Observation/"));
        assert_eq!(own, wanted, "{sort}");
        let by = |r: &Value| match sort {
            "_id" => text(&r["id"]).to_owned(),
            _ => text(&r["meta"]["lastUpdated"]).to_owned(),
        };
        let mut order: Vec<String> = some.iter().map(by).collect();
        if sort.starts_with('-') {
            order.reverse();
        }
        assert!(order.is_sorted(), "{sort}: {order:?}");
    }
    // What all of the types have is asked of all.
    let id = text(&patient["id"]);
    let path =
        format!("/fhir?_type=Goal,Condition&patient={id}&_include=Goal:patient&_elements=subject");
    let set = get(practice, &path).await.expect(200);
    assert!(
        text(&set["link"][0]["url"]).contains("_type=Goal,Condition"),
        "{set}"
    );
    assert!(of_mode(&set, "match").len() > 1);
    assert_eq!(of_mode(&set, "include").len(), 1);
    let odd = get(
        practice,
        "/fhir?_type=Goal,Condition&onset-date=gt1900&_id=x",
    )
    .await
    .expect(200);
    assert!(text(&of_mode(&odd, "outcome")[0]["issue"][0]["diagnostics"]).contains("onset-date"));
    let form = format!("_type=Patient&_id={id}");
    let request = practice.http.post(format!("{}/fhir/_search", app.base));
    let request = request.bearer_auth(&practice.token);
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    let answer = request.body(form).send().await.expect("answer");
    assert_eq!(answer.status(), 200);
    let set: Value = serde_json::from_str(&answer.text().await.expect("text")).expect("json");
    assert_eq!(of_mode(&set, "match").len(), 1);
    let strict = [("Prefer", "handling=strict")];
    for (path, status) in [
        ("/fhir?_type=Goal,Condition&onset-date=gt1900", 400),
        ("/fhir?_type=Nothing", 400),
        ("/fhir?_type=Questionnaire", 400),
        ("/fhir?_type=AuditEvent,Patient", 400),
        ("/fhir?_type=Goal&_type=Flag", 400),
        ("/fhir?_type=Goal,Encounter&_sort=date", 400),
        ("/fhir?_type=Goal&_elements=colour", 400),
    ] {
        let answer = call(practice, Method::GET, path, &strict, None).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
    }
    let pharmacy = app.as_party(Party::Pharmacy);
    assert_eq!(
        get(pharmacy, "/fhir?_type=Patient,Observation")
            .await
            .status,
        403
    );
    let seen = matches(pharmacy, "/fhir?_count=200").await;
    assert!(!seen.is_empty() && seen.iter().all(|r| r["resourceType"] != "Observation"));
    app.stop().await;
}
