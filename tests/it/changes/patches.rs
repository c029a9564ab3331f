//! Patches: JSON Patch and FHIRPath Patch.

use super::*;

both!(
    a_json_patch_changes_what_it_names,
    a_fhirpath_patch_changes_what_it_names,
    a_patch_that_does_not_fit_changes_nothing,
    patches_of_many_lose_none
);

fn fhirpath(op: &str, path: &str, more: &[Value]) -> Value {
    let mut parts = vec![
        json!({ "name": "type", "valueCode": op }),
        json!({ "name": "path", "valueString": path }),
    ];
    parts.extend(more.iter().cloned());
    json!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": parts }] })
}

async fn a_json_patch_changes_what_it_names(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let mut body = entry(&w, "p");
    body["extension"] = json!([{ "url": "urn:example:number", "valueDecimal": 0 }]);
    let sent = body.to_string().replace(
        "\"valueDecimal\":0",
        "\"valueDecimal\": 1.10000000000000000000001",
    );
    let made = call(
        practice,
        Method::POST,
        "/fhir/DocumentReference",
        &[],
        Some(sent),
    )
    .await
    .expect(201);
    let path = format!("/fhir/DocumentReference/{}", text(&made["id"]));
    let changed = patch(
        practice,
        &path,
        &json!([
            { "op": "test", "path": "/status", "value": "current" },
            { "op": "replace", "path": "/content/0/attachment/title", "value": "another letter" },
            { "op": "add", "path": "/description", "value": "patched" },
            { "op": "remove", "path": "/identifier/0/system" }
        ]),
        &[("If-Match", "W/\"1\"")],
    )
    .await;
    assert_eq!(
        (changed.status, changed.header("etag")),
        (200, "W/\"2\""),
        "{}",
        changed.text
    );
    let value = changed.json();
    assert_eq!(value["content"][0]["attachment"]["title"], "another letter");
    assert_eq!(
        (&value["description"], value["identifier"][0].get("system")),
        (&json!("patched"), None)
    );
    let read = get(practice, &path).await;
    assert!(
        read.text.contains("1.10000000000000000000001"),
        "{}",
        read.text
    );
    // By the rules of an update: a fact changes as the practice's command would change it.
    let message = post(practice, "/fhir/Communication", &w.message(&[]))
        .await
        .expect(201);
    let own = format!("/fhir/Communication/{}", text(&message["id"]));
    let noted = json!([{ "op": "add", "path": "/note", "value": [{ "text": "called back" }] }]);
    let noted = patch(practice, &own, &noted, &[("Prefer", "return=minimal")]).await;
    assert_eq!(
        (noted.status, noted.text.as_str()),
        (200, ""),
        "{}",
        noted.text
    );
    let other = json!([{ "op": "replace", "path": "/subject/reference", "value": format!("Patient/{}", patient(&w.neighbour)) }]);
    assert_eq!(patch(practice, &own, &other, &[]).await.status, 422);
    w.app.stop().await;
}

async fn a_fhirpath_patch_changes_what_it_names(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let path = written(practice, &entry(&w, "f")).await;
    let value = |member: &str, value: Value| json!({ "name": "value", member: value });
    let name = |name: &str| json!({ "name": "name", "valueString": name });
    for (body, pointer, expected) in [
        (
            fhirpath(
                "add",
                "DocumentReference",
                &[name("description"), value("valueString", json!("x"))],
            ),
            "/description",
            json!("x"),
        ),
        (
            fhirpath(
                "replace",
                "DocumentReference.content[0].attachment.title",
                &[value("valueString", json!("y"))],
            ),
            "/content/0/attachment/title",
            json!("y"),
        ),
        (
            fhirpath(
                "add",
                "DocumentReference",
                &[
                    name("category"),
                    value("valueCodeableConcept", json!({ "text": "z" })),
                ],
            ),
            "/category",
            json!([{ "text": "z" }]),
        ),
        (
            fhirpath(
                "delete",
                "DocumentReference.category.where(text = 'z')",
                &[],
            ),
            "/category",
            Value::Null,
        ),
    ] {
        let answer = patch(practice, &path, &body, &[]).await;
        assert_eq!(answer.status, 200, "{body}: {}", answer.text);
        assert_eq!(
            answer.json().pointer(pointer).cloned().unwrap_or_default(),
            expected,
            "{body}"
        );
    }
    assert_eq!(get(practice, &path).await.header("etag"), "W/\"5\"");
    w.app.stop().await;
}

async fn a_patch_that_does_not_fit_changes_nothing(db: Db) {
    let w = World::new(db).await;
    let (practice, partner) = (w.practice(), w.partner());
    let path = written(practice, &entry(&w, "n")).await;
    let before = get(practice, &path).await;
    for (body, status) in [
        (
            json!([{ "op": "test", "path": "/status", "value": "superseded" }]),
            422,
        ),
        (
            json!([{ "op": "add", "path": "/description", "value": "x" }, { "op": "remove", "path": "/nothing" }]),
            422,
        ),
        (json!([{ "op": "remove", "path": "/status" }]), 422),
        (
            json!([{ "op": "add", "path": "/colour", "value": "red" }]),
            422,
        ),
        (
            json!([{ "op": "replace", "path": "/id", "value": "another" }]),
            422,
        ),
        (json!([{ "op": "replace", "path": "", "value": 7 }]), 422),
        (json!([{ "op": "replace", "path": "/status" }]), 400),
        (json!({ "resourceType": "Patient" }), 400),
        (fhirpath("delete", "DocumentReference.content", &[]), 422),
        (fhirpath("shout", "DocumentReference.status", &[]), 400),
        (
            fhirpath("delete", "DocumentReference.content.exists()", &[]),
            400,
        ),
    ] {
        let refused = patch(practice, &path, &body, &[]).await;
        assert_eq!(refused.status, status, "{body}: {}", refused.text);
        assert_eq!(refused.json()["resourceType"], "OperationOutcome");
        assert_eq!(get(practice, &path).await.text, before.text);
    }
    let stale = patch(practice, &path, &json!([]), &[("If-Match", "W/\"9\"")]).await;
    assert_eq!(stale.status, 412);
    let url = format!("{}{path}", practice.base);
    let plain = practice
        .http
        .patch(url)
        .bearer_auth(&practice.token)
        .header("Content-Type", "text/plain")
        .body("[]");
    assert_eq!(plain.send().await.expect("answer").status(), 415);
    // Who sees a part learns nothing by a test: it is not made.
    let mut spoken = entry(&w, "spoken");
    spoken["text"] = json!({ "status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">secret</div>" });
    let spoken = written(practice, &spoken).await;
    if get(partner, &spoken).await.text.contains("REDACTED") {
        for guess in ["secret", "wrong"] {
            let test = json!([{ "op": "test", "path": "/text/div", "value": guess }]);
            let told = patch(partner, &spoken, &test, &[]).await;
            assert_eq!(told.status, 422, "{}", told.text);
            assert!(told.text.contains("a part of this record"), "{}", told.text);
        }
    }
    w.app.stop().await;
}

async fn patches_of_many_lose_none(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let mut body = entry(&w, "many");
    body["category"] = json!([{ "text": "first" }]);
    let path = written(practice, &body).await;
    let all = (0..12).map(async |n| {
        let add =
            json!([{ "op": "add", "path": "/category/-", "value": { "text": format!("n{n}") } }]);
        let answer = patch(practice, &path, &add, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    });
    futures_util::future::join_all(all).await;
    let value = get(practice, &path).await.json();
    let mut texts: Vec<&str> = value["category"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|c| text(&c["text"]))
        .collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!((texts.len(), text(&value["meta"]["versionId"])), (13, "13"));
    w.app.stop().await;
}
