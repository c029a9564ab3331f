//! A database that an older version of the service indexed.

use kap_fhir::demo::script::Party;
use kap_fhir::interaction::reindex;
use serde_json::json;

use super::{amount, ids, observation, patient, stored};
use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{FIRST, get, only, put, text};
use crate::raw::Place;

both!(old_records_are_indexed_anew_while_the_service_runs);

const TABLES: [&str; 6] = [
    "index_token",
    "index_date",
    "index_text",
    "index_reference",
    "index_quantity",
    "index_pair",
];

/// Every row of the index, in order.
async fn rows(place: &Place) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for table in TABLES {
        let columns = match table {
            "index_quantity" => "type, id, param, unit, code, lo, hi, base, base_lo, base_hi",
            "index_pair" => "type, id, param, system, code, a, b, lo, hi, base, base_lo, base_hi",
            _ => "*",
        };
        all.extend(place.rows(&format!("SELECT {columns} FROM {table}")).await);
    }
    all.extend(place.rows("SELECT type, id, date FROM resource").await);
    all.sort();
    all
}

/// The index as the version before made it.
const OLD: &str = "DELETE FROM index_quantity; DELETE FROM index_pair; DELETE FROM index_state;
    DELETE FROM index_token WHERE param LIKE '%:'; DELETE FROM index_text WHERE param LIKE '%:';
    DELETE FROM index_reference WHERE param = 'questionnaire'; UPDATE resource SET indexed = 0;
    UPDATE resource SET date = -9223372036854775807 WHERE date = 9223372036854775807";

async fn old_records_are_indexed_anew_while_the_service_runs(db: Db) {
    let (full, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &full).await;
    let practice = app.as_party(Party::Practice);
    let patient = patient(practice).await;
    let weigh = |kg| {
        observation(
            &patient,
            "weight",
            &json!({ "valueQuantity": amount(kg, "kg") }),
        )
    };
    let first = stored(practice, &weigh(70.0)).await;
    let second = stored(practice, &weigh(80.0)).await;
    let before = rows(app.place()).await;
    app.place().run(OLD).await.expect("an old index");
    reindex::prepare(&app.app).await.expect("looked up");

    // What is not indexed is not answered as if there were nothing.
    for (path, name) in [
        ("/fhir/Observation?value-quantity=gt60", "value-quantity"),
        (
            "/fhir/Observation?code=weight&_sort=-value-quantity",
            "value-quantity",
        ),
        ("/fhir/Observation?code:text=measured", "code"),
        ("/fhir/Observation?performer:missing=true", "performer"),
        (
            "/fhir/Observation?code-value-quantity=weight$gt60",
            "code-value-quantity",
        ),
    ] {
        let refused = get(practice, path).await;
        assert_eq!(refused.status, 503, "{path}: {}", refused.text);
        assert!(!refused.header("retry-after").is_empty(), "{path}");
        let issue = &refused.json()["issue"][0];
        assert_eq!(issue["code"], "transient", "{path}");
        assert_eq!(issue["expression"][0], format!("http.{name}"), "{path}");
        assert!(text(&issue["diagnostics"]).contains(name), "{issue}");
    }
    // What is, goes on: reads, searches and writes.
    let found = ids(practice, "/fhir/Observation?code=urn:test|weight").await;
    assert_eq!(found.len(), 2);
    let third = stored(practice, &weigh(90.0)).await;

    // It may be broken off, and records may change meanwhile.
    let mut last = None;
    let some = reindex::some(&app.app, &mut last).await.expect("some");
    assert!(some.is_some_and(|n| n > 10), "{some:?}");
    let mut record = only(practice, &format!("/fhir/Observation?_id={second}")).await;
    record["valueQuantity"] = amount(81.0, "kg");
    put(practice, &record).await.expect(200);
    assert_eq!(
        get(practice, "/fhir/Observation?value-quantity=gt60")
            .await
            .status,
        503
    );

    // Two replicas at once do it once.
    let (one, two) = tokio::join!(reindex::run(&app.app), reindex::run(&app.app));
    let (one, two) = (one.expect("indexed"), two.expect("indexed"));
    assert!(one + two > 0, "{one} {two}");
    assert_eq!(reindex::run(&app.app).await.expect("indexed"), 0);
    let mut found = ids(
        practice,
        "/fhir/Observation?code=urn:test|weight&value-quantity=gt60||kg",
    )
    .await;
    found.sort();
    let mut wanted = vec![first, second.clone(), third.clone()];
    wanted.sort();
    assert_eq!(found, wanted);
    // Every row is there again that was there before, but for what was changed.
    let of_old = |row: &&Vec<String>| !row.contains(&second) && !row.contains(&third);
    let after = rows(app.place()).await;
    let (before, after): (Vec<_>, Vec<_>) = (
        before.iter().filter(of_old).collect(),
        after.iter().filter(of_old).collect(),
    );
    let lost: Vec<_> = before
        .iter()
        .filter(|row| after.binary_search(row).is_err())
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
    // A replica that starts now finds nothing to do, and one of before would be noticed.
    reindex::prepare(&app.app).await.expect("looked up");
    assert_eq!(
        get(practice, "/fhir/Observation?value-quantity=gt60")
            .await
            .status,
        200
    );
    app.place()
        .run(&format!(
            "UPDATE resource SET indexed = indexed - 1 WHERE id = '{third}'"
        ))
        .await
        .expect("behind");
    assert_eq!(reindex::run(&app.app).await.expect("indexed"), 1);
    app.stop().await;
}
