//! The order of matches: by any parameter, by several, either way, page by page.

use kap_fhir::demo::script::Party;
use serde_json::json;

use super::{amount, ids, observation, patient, stored};
use crate::app::{Db, TestApp};
use crate::both;
use crate::fhir_door::{cleared, get, text};

both!(matches_come_in_the_order_that_is_asked_for);

async fn matches_come_in_the_order_that_is_asked_for(db: Db) {
    let (app, _) = TestApp::played(db, &cleared()).await;
    let practice = app.as_party(Party::Practice);
    let patient = patient(practice).await;
    let mut named = Vec::new();
    for (code, more) in [
        ("a", json!({ "valueQuantity": amount(1.5, "kg") })),
        ("b", json!({ "valueQuantity": amount(900.0, "g") })),
        ("c", json!({ "valueQuantity": amount(2.0, "kg") })),
        ("b", json!({ "valueString": "none" })),
        ("a", json!({ "valueQuantity": amount(2000.0, "g") })),
    ] {
        let mut value = observation(&patient, code, &more);
        value["method"] = json!({ "coding": [{ "system": "urn:test", "code": "sorted" }] });
        named.push(stored(practice, &value).await);
    }
    let sorted = async |keys: &str, count: usize| {
        let path = format!("/fhir/Observation?method=sorted&_sort={keys}&_count={count}");
        let found = ids(practice, &path).await;
        let place = |id: &String| named.iter().position(|n| n == id).expect("one of them");
        found.iter().map(place).collect::<Vec<_>>()
    };
    for count in [1, 2, 50] {
        // Missing values come last going up; equal ones by the next key.
        assert_eq!(sorted("value-quantity,code", count).await, [1, 0, 4, 2, 3]);
        assert_eq!(
            sorted("-value-quantity,-code", count).await,
            [3, 2, 4, 0, 1]
        );
        assert_eq!(sorted("code,-value-quantity", count).await, [4, 0, 3, 1, 2]);
        let by_id = sorted("-_id", count).await;
        let mut up = sorted("_id", count).await;
        up.reverse();
        assert_eq!(by_id, up);
    }
    // The words by which a page ended are in no link.
    let set = get(practice, "/fhir/Patient?_sort=family&_count=1")
        .await
        .expect(200);
    let family = get(practice, "/fhir/Patient").await.expect(200);
    let family = text(&family["entry"][0]["resource"]["name"][0]["family"]).to_lowercase();
    let links = set["link"].to_string().to_lowercase();
    assert!(
        links.contains("_sort=family") && !links.contains(&family),
        "{links}"
    );
    app.stop().await;
}
