//! Changes of whichever resource meets a condition.

use super::*;

both!(
    whichever_meets_the_criteria_is_changed,
    several_that_meet_the_criteria_are_too_many
);

async fn whichever_meets_the_criteria_is_changed(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let by = |name: &str| format!("/fhir/DocumentReference?identifier=urn:example:entry|{name}");
    let send = async |path: &str, body: &Value| {
        call(practice, Method::PUT, path, &[], Some(body.to_string())).await
    };
    let made = send(&by("c"), &entry(&w, "c")).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let id = text(&made.json()["id"]).to_owned();
    let mut next = entry(&w, "c");
    next["description"] = json!("second");
    let changed = send(&by("c"), &next).await;
    assert_eq!(
        (changed.status, changed.header("etag")),
        (200, "W/\"2\""),
        "{}",
        changed.text
    );
    assert_eq!(changed.json()["id"], json!(id));
    next["id"] = json!("another");
    assert_eq!(send(&by("c"), &next).await.status, 400);
    let patched = patch(
        practice,
        &by("c"),
        &json!([{ "op": "remove", "path": "/description" }]),
        &[],
    )
    .await;
    assert_eq!(
        (patched.status, patched.header("etag")),
        (200, "W/\"3\""),
        "{}",
        patched.text
    );
    // The words of a search, all of them understood.
    for query in ["", "?", "?colour=red", "?_count=1"] {
        let refused = send(&format!("/fhir/DocumentReference{query}"), &entry(&w, "c")).await;
        assert!(
            [400, 412].contains(&refused.status),
            "{query}: {}",
            refused.text
        );
    }
    assert_eq!(
        patch(practice, &by("none"), &json!([]), &[]).await.status,
        404
    );
    assert_eq!(delete(practice, &by("none"), &[]).await.status, 404);
    // What another practice has meets nothing here.
    let theirs = format!("/fhir/Task?patient={}", patient(&w.stranger));
    assert_eq!(patch(practice, &theirs, &json!([]), &[]).await.status, 404);
    assert_eq!(delete(practice, &theirs, &[]).await.status, 404);
    assert_eq!(
        delete(practice, &by("c"), &[("If-Match", "W/\"1\"")])
            .await
            .status,
        412
    );
    let gone = delete(practice, &by("c"), &[]).await;
    assert_eq!(
        (gone.status, gone.header("etag")),
        (204, "W/\"4\""),
        "{}",
        gone.text
    );
    assert_eq!(delete(practice, &by("c"), &[]).await.status, 404);
    // Of many who store the same under a condition, one creates and the rest update.
    let storm = (0..8).map(async |_| send(&by("storm"), &entry(&w, "storm")).await.status);
    let mut statuses = futures_util::future::join_all(storm).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 201]);
    let one = only(practice, &by("storm")).await;
    assert_eq!(one["meta"]["versionId"], "8");
    w.app.stop().await;
}

async fn several_that_meet_the_criteria_are_too_many(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let two = "/fhir/DocumentReference?identifier=urn:example:entry|two";
    for _ in 0..2 {
        written(practice, &entry(&w, "two")).await;
    }
    let answers = [
        call(
            practice,
            Method::PUT,
            two,
            &[],
            Some(entry(&w, "two").to_string()),
        )
        .await,
        patch(practice, two, &json!([]), &[]).await,
        delete(practice, two, &[]).await,
    ];
    for answer in answers {
        assert_eq!(
            (answer.status, text(&answer.json()["issue"][0]["code"])),
            (412, "multiple-matches"),
            "{}",
            answer.text
        );
    }
    let found = get(practice, two).await.expect(200);
    assert_eq!(found["entry"].as_array().map(Vec::len), Some(2));
    w.app.stop().await;
}
