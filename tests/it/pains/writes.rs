//! Writing: conditions that race, transactions that must be whole, and what is found right after.

use futures_util::future::join_all;
use kap_fhir::demo::player::Caller;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::Db;
use crate::both;
use crate::fhir_door::world::{World, patient};
use crate::fhir_door::{Answer, call, get, post, put, text};
use crate::search::{ids, observation, stored};

both!(
    creates_at_once_under_one_condition_make_one,
    two_entries_under_one_condition_are_both_named,
    a_transaction_of_many_is_whole_or_not_at_all,
    no_subscription_is_taken_that_would_not_be_served,
    what_was_written_is_found_by_the_next_search,
);

const NUMBERS: &str = "urn:example:pains";

fn numbered(w: &World, kind: &str, number: &str) -> Value {
    let identifier = json!([{ "system": NUMBERS, "value": number }]);
    match kind {
        "Patient" => {
            json!({ "resourceType": kind, "identifier": identifier, "name": [{ "family": "Once" }], "birthDate": "1980-01-01" })
        }
        _ => observation(
            patient(&w.own),
            "once",
            &json!({ "identifier": identifier }),
        ),
    }
}

async fn transaction(caller: &Caller, entries: &[Value]) -> Answer {
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
    post(caller, "/fhir", &bundle).await
}

/// In parallel, alone and in transactions, several times over.
async fn creates_at_once_under_one_condition_make_one(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    for (round, kind) in ["Observation", "Patient", "Observation"]
        .into_iter()
        .enumerate()
    {
        let number = format!("n-{round}");
        let body = numbered(&w, kind, &number);
        let criteria = format!("identifier={NUMBERS}|{number}");
        let one = async |n: usize| {
            if n.is_multiple_of(2) {
                let headers = [("If-None-Exist", &*criteria)];
                let path = format!("/fhir/{kind}");
                call(
                    practice,
                    Method::POST,
                    &path,
                    &headers,
                    Some(body.to_string()),
                )
                .await
                .status
            } else {
                let entry = json!({ "resource": body, "request": { "method": "POST", "url": kind, "ifNoneExist": criteria } });
                let answer = transaction(practice, &[entry]).await;
                let told = answer.json();
                let told = text(&told["entry"][0]["response"]["status"]).to_owned();
                told.split(' ')
                    .next()
                    .and_then(|s| s.parse().ok())
                    .unwrap_or(answer.status)
            }
        };
        let statuses = join_all((0..16).map(one)).await;
        let made = statuses.iter().filter(|status| **status == 201).count();
        assert_eq!(made, 1, "{kind}: {statuses:?}");
        assert!(
            statuses.iter().all(|s| matches!(s, 200 | 201)),
            "{kind}: {statuses:?}"
        );
        let found = ids(practice, &format!("/fhir/{kind}?{criteria}")).await;
        assert_eq!(found.len(), 1, "{kind}");
    }
    w.app.stop().await;
}

/// Neither is dropped: the bundle is refused, by the places of both.
async fn two_entries_under_one_condition_are_both_named(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let criteria = format!("identifier={NUMBERS}|twice");
    let body = numbered(&w, "Observation", "twice");
    let other = json!({ "resource": numbered(&w, "Observation", "other"), "request": { "method": "POST", "url": "Observation" } });
    let put = json!({ "resource": body, "request": { "method": "PUT", "url": format!("Observation?{criteria}") } });
    let create = json!({ "resource": body, "request": { "method": "POST", "url": "Observation", "ifNoneExist": criteria } });
    for (first, second, place) in [
        (&put, &put, "request.url"),
        (&create, &create, "request.ifNoneExist"),
        (&put, &create, "request.ifNoneExist"),
        (&create, &put, "request.url"),
    ] {
        let entries = [first.clone(), other.clone(), second.clone()];
        let answer = transaction(practice, &entries).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert_eq!(answer.expression(), format!("Bundle.entry[2].{place}"));
        let told = text(&answer.json()["issue"][0]["diagnostics"]).to_owned();
        assert!(told.contains("Bundle.entry[0]"), "{}", answer.text);
        let path = format!("/fhir/Observation?identifier={NUMBERS}|twice,{NUMBERS}|other");
        assert!(ids(practice, &path).await.is_empty());
    }
    // Once the record is there, two that would write it are named as well.
    let id = stored(practice, &body).await;
    let answer = transaction(practice, &[put.clone(), other, put]).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(answer.expression(), "Bundle.entry[2].request.url");
    assert!(answer.text.contains("Bundle.entry[0]"), "{}", answer.text);
    let record = get(practice, &format!("/fhir/Observation/{id}")).await;
    assert_eq!(record.header("etag"), "W/\"1\"");
    w.app.stop().await;
}

/// As many entries as are allowed are all there; one more, or one that is wrong, and none is.
async fn a_transaction_of_many_is_whole_or_not_at_all(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let entry = |code: &str, n: usize| {
        let more = json!({ "identifier": [{ "system": NUMBERS, "value": format!("{code}-{n}") }] });
        json!({ "resource": observation(patient(&w.own), code, &more), "request": { "method": "POST", "url": "Observation" } })
    };
    let some = |code: &str, count: usize| (0..count).map(|n| entry(code, n)).collect::<Vec<_>>();
    let there = async |code: &str| {
        ids(practice, &format!("/fhir/Observation?code={code}"))
            .await
            .len()
    };
    let answer = transaction(practice, &some("all", 200)).await.expect(200);
    let statuses = answer["entry"].as_array().expect("entries");
    assert!(
        statuses
            .iter()
            .all(|e| e["response"]["status"] == "201 Created")
    );
    assert_eq!((statuses.len(), there("all").await), (200, 200));
    let refused = transaction(practice, &some("more", 201)).await;
    assert!(refused.status >= 400, "{}", refused.text);
    let mut wrong = some("wrong", 120);
    wrong[119]["resource"]["status"] = json!("done");
    let refused_too = transaction(practice, &wrong).await;
    assert_eq!(refused_too.status, 422);
    assert_eq!(
        refused_too.expression(),
        "Bundle.entry[119].resource.status"
    );
    assert_eq!((there("more").await, there("wrong").await), (0, 0));
    w.app.stop().await;
}

/// What would not be told is refused, so that nobody waits for what does not come.
async fn no_subscription_is_taken_that_would_not_be_served(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let subscription = json!({ "resourceType": "Subscription", "status": "requested", "reason": "x", "criteria": "Observation",
        "channel": { "type": "rest-hook", "endpoint": "https://example.org/hook", "payload": "application/fhir+json" } });
    let refused = post(practice, "/fhir/Subscription", &subscription).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    let told = refused.json();
    assert_eq!(told["resourceType"], "OperationOutcome", "{}", refused.text);
    let entry =
        json!({ "resource": subscription, "request": { "method": "POST", "url": "Subscription" } });
    let refused = transaction(practice, &[entry]).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text);
    let metadata = get(practice, "/fhir/metadata").await.expect(200);
    let offered = metadata["rest"][0]["resource"].as_array().expect("types");
    let own = offered.iter().find(|r| r["type"] == "Subscription");
    let topics = own.and_then(|own| own["extension"].as_array());
    assert_eq!(topics.map(Vec::len), Some(9), "what is told is listed");
    w.app.stop().await;
}

/// Many at once write, change and delete, and search after each step; each had searched in vain before.
async fn what_was_written_is_found_by_the_next_search(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let of = async |code: &str| ids(practice, &format!("/fhir/Observation?code={code}")).await;
    let one = async |n: usize| {
        let (before, after) = (format!("before-{n}"), format!("after-{n}"));
        assert_eq!((of(&before).await, of(&after).await), (vec![], vec![]));
        let id = stored(practice, &observation(patient(&w.own), &before, &json!({}))).await;
        assert_eq!(of(&before).await, std::slice::from_ref(&id));
        let mut record = get(practice, &format!("/fhir/Observation/{id}"))
            .await
            .expect(200);
        record["code"]["coding"][0]["code"] = json!(after);
        put(practice, &record).await.expect(200);
        assert_eq!(of(&after).await, std::slice::from_ref(&id));
        assert!(of(&before).await.is_empty());
        let path = format!("/fhir/Observation/{id}");
        let gone = call(practice, Method::DELETE, &path, &[], None).await;
        assert_eq!(gone.status, 204, "{}", gone.text);
        let counted = format!("/fhir/Observation?code={after}&_total=accurate");
        let counted = get(practice, &counted).await.expect(200);
        assert_eq!(counted["total"], 0);
    };
    join_all((0..12).map(one)).await;
    w.app.stop().await;
}
