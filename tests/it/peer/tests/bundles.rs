//! Transactions, and what is not supported.

use super::*;

#[tokio::test]
async fn a_transaction_is_rewritten() {
    let peer = Peer::start(Habits {
        absolute: true,
        ..Habits::default()
    })
    .await;
    let org = peer.put(organization());
    let said = post(&peer, "/", &course()).await;
    assert_eq!(said.status, 200, "{}", said.body);
    assert_eq!(said.body["type"], "transaction-response");
    let responses = said.body["entry"].as_array().expect("entries");
    assert_eq!(responses[1]["response"]["status"], "201 Created");
    assert_eq!(responses[1]["response"]["etag"], "W/\"1\"");
    let location = responses[1]["response"]["location"]
        .as_str()
        .expect("location");
    assert!(
        location.starts_with(&peer.base()) && location.ends_with("/_history/1"),
        "{location}"
    );
    assert_eq!(responses[4]["resource"]["total"], 1);
    let all = peer.all("Observation");
    let seen = &all[0];
    let subject = seen["subject"]["reference"].as_str().expect("subject");
    assert!(location.contains(subject));
    assert_eq!(
        seen["performer"][0]["reference"],
        format!("Organization/{org}")
    );
    assert_eq!(seen["identifier"][0]["value"], P, "a value is no URL");
    assert!(seen["text"]["div"].as_str().expect("div").contains(subject));
    let encounter = &peer.all("Encounter")[0];
    assert_eq!(
        seen["focus"][0]["reference"],
        format!("Encounter/{}", encounter["id"].as_str().expect("id"))
    );
    let second = peer.all("Patient")[1]["id"]
        .as_str()
        .expect("id")
        .to_owned();
    assert_ne!(second, "8");
    assert_eq!(
        encounter["subject"]["reference"],
        format!("Patient/{second}")
    );
    assert_eq!(
        seen["meta"]["lastUpdated"],
        encounter["meta"]["lastUpdated"]
    );

    let again = ask(
        &peer,
        "POST",
        "/",
        &[("prefer", "return=representation")],
        Some(&course()),
    )
    .await;
    let found = &again.body["entry"][1];
    assert_eq!(found["response"]["status"], "200 OK");
    assert_eq!(
        format!("Patient/{}", found["resource"]["id"].as_str().expect("id")),
        subject
    );
    assert_eq!(peer.all("Patient").len(), 3, "the other has no criteria");
    assert_eq!(peer.count("POST /"), 2);
}

#[tokio::test]
async fn a_transaction_is_all_or_nothing() {
    let peer = Peer::start(Habits::default()).await;
    let refused = post(&peer, "/", &course()).await;
    assert_eq!(refused.status, 412, "no organization");
    assert_eq!(refused.body["issue"][0]["expression"][0], "Bundle.entry[0]");
    let lost = entry(
        O,
        "POST",
        "Observation",
        &json!({ "resourceType": "Observation", "subject": { "reference": P } }),
    );
    let wrong = |e: Value| {
        bundle(
            "transaction",
            &[entry("urn:uuid:1", "POST", "Patient", &patient("z")), e],
        )
    };
    assert_eq!(post(&peer, "/", &wrong(lost)).await.status, 400);
    let dangling = entry(
        O,
        "POST",
        "Observation",
        &json!({ "resourceType": "Observation", "subject": { "reference": "Patient/77" } }),
    );
    assert_eq!(post(&peer, "/", &wrong(dangling.clone())).await.status, 422);
    assert_eq!(
        post(
            &peer,
            "/",
            &wrong(entry(
                O,
                "POST",
                "Device",
                &json!({ "resourceType": "Device" })
            ))
        )
        .await
        .status,
        404
    );
    let mut unknown = patient("q");
    unknown["id"] = json!("q");
    assert_eq!(
        post(&peer, "/", &wrong(entry(O, "PUT", "Patient/q", &unknown)))
            .await
            .status,
        405
    );
    let bad = json!({ "request": { "method": "GET", "url": "Patient/5555" } });
    assert_eq!(post(&peer, "/", &wrong(bad)).await.status, 404);
    assert!(peer.all("Patient").is_empty() && peer.all("Observation").is_empty());
    peer.set(|habits| habits.dangling = Support::Ignored);
    assert_eq!(post(&peer, "/", &wrong(dangling)).await.status, 200);

    let id = peer.put(patient("m"));
    let mut newer = patient("m");
    newer["id"] = json!(id);
    let mut update = entry(O, "PUT", &format!("Patient/{id}"), &newer);
    update["request"]["ifMatch"] = json!("W/\"2\"");
    assert_eq!(
        post(
            &peer,
            "/",
            &bundle("transaction", std::slice::from_ref(&update))
        )
        .await
        .status,
        412
    );
    update["request"]["ifMatch"] = json!("W/\"1\"");
    let said = post(&peer, "/", &bundle("transaction", &[update.clone()])).await;
    assert_eq!(said.body["entry"][0]["response"]["etag"], "W/\"2\"");
    let by_criteria = entry(
        "urn:uuid:3",
        "PUT",
        "Patient?identifier=urn:mrn|m",
        &patient("m"),
    );
    let said = post(
        &peer,
        "/",
        &bundle("transaction", std::slice::from_ref(&by_criteria)),
    )
    .await;
    assert_eq!(said.body["entry"][0]["response"]["etag"], "W/\"3\"");
    update["request"]["ifMatch"] = Value::Null;
    assert_eq!(
        post(&peer, "/", &bundle("transaction", &[update, by_criteria]))
            .await
            .status,
        400,
        "twice"
    );
    assert_eq!(peer.versions("Patient", &id).len(), 3);
}

#[tokio::test]
async fn what_is_not_supported() {
    let peer = Peer::start(Habits {
        conditional_references: Support::Refused,
        ..Habits::default()
    })
    .await;
    peer.put(organization());
    assert_eq!(post(&peer, "/", &course()).await.status, 400);
    peer.set(|habits| habits.conditional_references = Support::Ignored);
    assert_eq!(post(&peer, "/", &course()).await.status, 200);
    assert_eq!(
        peer.all("Observation")[0]["performer"][0]["reference"],
        "Organization?identifier=urn:npi|7"
    );
    peer.set(|habits| habits.conditional_create = Support::Ignored);
    let before = peer.all("Patient").len();
    assert_eq!(post(&peer, "/", &course()).await.status, 200);
    assert_eq!(peer.all("Patient").len(), before + 2);
    peer.set(|habits| habits.conditional_create = Support::Refused);
    assert_eq!(
        ask(
            &peer,
            "POST",
            "/Patient",
            &[("if-none-exist", "identifier=urn:mrn|a")],
            Some(&patient("a"))
        )
        .await
        .status,
        400
    );
    peer.set(|habits| habits.transactions = Support::Ignored);
    let said = post(&peer, "/", &course()).await;
    assert_eq!(said.body["type"], "batch-response");
    assert_eq!(
        said.body["entry"][0]["response"]["status"],
        "400 Bad Request"
    );
    assert_eq!(
        said.body["entry"][0]["response"]["outcome"]["resourceType"],
        "OperationOutcome"
    );
    assert_eq!(said.body["entry"][3]["response"]["status"], "201 Created");
    peer.set(|habits| {
        habits.transactions = Support::Refused;
        habits.conditional_update = Support::Refused;
        habits.last_updated = Support::Refused;
    });
    assert_eq!(post(&peer, "/", &course()).await.status, 405);
    assert_eq!(
        ask(
            &peer,
            "PUT",
            "/Patient?identifier=x",
            &[],
            Some(&patient("a"))
        )
        .await
        .status,
        400
    );
    let said = get(&peer, "/metadata").await.body;
    let rest = &said["rest"][0];
    assert_eq!(said["software"]["name"], "Other FHIR Server");
    assert!(rest["interaction"].is_null() && rest["security"].is_null());
    assert_eq!(rest["resource"][0]["conditionalCreate"], false);
    assert_eq!(rest["resource"][0]["updateCreate"], false);
    assert!(!said.to_string().contains("_lastUpdated"));
    assert_eq!(
        get(&peer, "/Patient?_lastUpdated=ge2026-01-01")
            .await
            .status,
        400
    );
    assert_eq!(get(&peer, "/Device").await.status, 404);
    assert_eq!(
        ask(&peer, "DELETE", "/Patient/1", &[], None).await.status,
        405
    );
}
