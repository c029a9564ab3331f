//! Versions, preferences, references and shapes.

use super::*;
use crate::both;

both!(versions_and_preferences, references_and_shapes);

async fn versions_and_preferences(db: Db) {
    let (app, _) = TestApp::played(db, &cleared()).await;
    let (practice, partner) = (app.as_party(Party::Practice), app.as_party(Party::Partner));
    let patient = only(practice, "/fhir/Patient").await;
    let path = format!("/fhir/Patient/{}", text(&patient["id"]));
    let seen = get(practice, &path).await;
    let etag = seen.header("etag").to_owned();
    assert!(seen.header("last-modified").ends_with(" GMT"));
    let same = call(
        practice,
        Method::GET,
        &path,
        &[("If-None-Match", &etag)],
        None,
    )
    .await;
    assert_eq!((same.status, same.text.as_str()), (304, ""));
    let listed = format!("W/\"99\", {etag}");
    assert_eq!(
        call(
            practice,
            Method::GET,
            &path,
            &[("If-None-Match", &listed)],
            None
        )
        .await
        .status,
        304
    );

    let mut changed = patient.clone();
    changed["maritalStatus"] = json!({ "text": "x" });
    let body = Some(changed.to_string());
    let stale = call(
        practice,
        Method::PUT,
        &path,
        &[("If-Match", "W/\"77\"")],
        body.clone(),
    )
    .await;
    assert_eq!(stale.status, 412, "{}", stale.text);
    let minimal = call(
        practice,
        Method::PUT,
        &path,
        &[("If-Match", &etag), ("Prefer", "return=minimal")],
        body,
    )
    .await;
    assert_eq!((minimal.status, minimal.text.as_str()), (200, ""));
    assert_ne!(minimal.header("etag"), etag);
    let unknown = json!({ "resourceType": "Patient", "id": "nobody" });
    assert_eq!(put(practice, &unknown).await.status, 404);
    assert_eq!(put(partner, &patient).await.status, 403);

    let asked = "/fhir/Observation?colour=red&_count=1";
    let strict = call(
        practice,
        Method::GET,
        asked,
        &[("Prefer", "handling=strict")],
        None,
    )
    .await;
    assert_eq!(strict.status, 400, "{}", strict.text);
    let lenient = get(practice, asked).await.expect(200);
    let outcome = lenient["entry"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|e| e["search"]["mode"] == "outcome")
        .cloned();
    assert!(outcome.is_some(), "{lenient}");
    assert!(
        !text(&lenient["link"][0]["url"]).contains("colour"),
        "{lenient}"
    );

    for (accept, status) in [
        ("application/fhir+xml", 406),
        ("application/fhir+json; fhirVersion=4.0", 200),
        ("*/*", 200),
        ("text/html, application/json;q=0.8", 200),
    ] {
        assert_eq!(
            call(practice, Method::GET, &path, &[("Accept", accept)], None)
                .await
                .status,
            status,
            "{accept}"
        );
    }
    assert_eq!(
        get(practice, &format!("{path}?_format=xml")).await.status,
        406
    );
    let metadata = get(practice, "/fhir/metadata").await.expect(200);
    assert_eq!(metadata["fhirVersion"], "4.0.1");
    let provenance = metadata["rest"][0]["resource"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|r| r["type"] == "Provenance")
        .cloned()
        .unwrap_or_default();
    let can = provenance["interaction"].to_string();
    assert!(can.contains("create"), "{provenance}");
    for never in ["update", "patch", "delete"] {
        assert!(!can.contains(never), "{provenance}");
    }
    app.stop().await;
}

async fn references_and_shapes(db: Db) {
    let (app, _) = TestApp::played(db, &cleared()).await;
    let practice = app.as_party(Party::Practice);
    let patient = text(&only(practice, "/fhir/Patient").await["id"]).to_owned();
    let role = only(
        practice,
        "/fhir/PractitionerRole?organization=Organization/org-practice-01",
    )
    .await;
    let sender = text(&role["id"]);
    let message = |extra: &str| {
        format!(
            r#"{{"resourceType":"Communication","sender":{{"reference":"PractitionerRole/{sender}"}},"recipient":[{{"reference":"Patient/{patient}"}}],"status":"completed","sent":"2026-11-01T10:00:00Z","subject":{{"reference":"Patient/{patient}"}}{extra}}}"#
        )
    };
    let send = |body: String| {
        call(
            practice,
            Method::POST,
            "/fhir/Communication",
            &[],
            Some(body),
        )
    };
    for (extra, at) in [
        (r#","colour":"red""#, "Communication.colour"),
        (
            r#","payload":{"contentString":"x"}"#,
            "Communication.payload",
        ),
        (
            r#","payload":[{"contentStrin":"x"}]"#,
            "Communication.payload[0].contentStrin",
        ),
        (r#","received":"yesterday""#, "Communication.received"),
    ] {
        let answer = send(message(extra)).await;
        assert_eq!(
            (answer.status, answer.expression().as_str()),
            (400, at),
            "{}",
            answer.text
        );
    }
    let lost = send(message(r#","about":[{"reference":"Condition/none"}]"#)).await;
    assert_eq!(
        (lost.status, lost.expression().as_str()),
        (422, "Communication.about[0]"),
        "{}",
        lost.text
    );
    let homeless = json!({ "resourceType": "Flag", "status": "active", "code": { "text": "x" }, "subject": { "reference": "Organization/org-practice-01" } });
    assert_eq!(post(practice, "/fhir/Flag", &homeless).await.status, 422);
    let stored = send(message(r#","payload":[{"contentString":"x","extension":[{"url":"https://x.example.org/n","valueDecimal":2.50}]}]"#)).await;
    assert_eq!(stored.status, 201, "{}", stored.text);
    assert!(stored.text.contains("2.50"), "{}", stored.text);
    let id = text(&stored.json()["id"]).to_owned();
    assert_eq!(
        only(practice, &format!("/fhir/Communication?_id={id}")).await["id"],
        id.as_str()
    );
    app.stop().await;
}
