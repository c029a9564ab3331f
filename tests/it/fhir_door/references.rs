//! What a resource may refer to: its own patient's records, the directory, its own transaction, other servers.

use super::world::{World, patient};
use super::*;
use crate::both;

both!(
    references_stay_with_the_patient,
    the_form_of_a_reference,
    an_update_keeps_what_it_refers_to,
    references_within_a_transaction,
);

fn expressions(of: &Answer) -> Vec<String> {
    let body = of.json();
    let issues = body["issue"].as_array().into_iter().flatten();
    issues
        .map(|i| text(&i["expression"][0]).to_owned())
        .collect()
}

async fn references_stay_with_the_patient(db: Db) {
    let w = World::new(db).await;
    let before = w.messages().await;
    let theirs = format!("Patient/{}", patient(&w.neighbour));
    let encounter = w.first("Encounter", &w.neighbour).await;
    let task = w.first("Task", &w.neighbour).await;
    let hidden = format!("Patient/{}", patient(&w.stranger));
    let secret = w.first("Encounter", &w.stranger).await;
    let missing = w.send(&["Encounter/nothing"]).await;
    assert_eq!(missing.status, 422, "{}", missing.text);
    assert!(
        missing.text.contains("Reference not resolvable"),
        "{}",
        missing.text
    );
    for lost in [&theirs, &encounter, &task, &hidden, &secret] {
        let answer = w.send(&[lost]).await;
        assert_eq!(
            (answer.status, &answer.text),
            (422, &missing.text),
            "{lost}"
        );
    }

    // All of them at once, each with its place.
    let own = w.first("Encounter", &w.own).await;
    let mut several = w.message(&[&own, &secret, "Organization/org-partner-01", &theirs]);
    several["recipient"] = json!([{ "reference": hidden }]);
    several["extension"] =
        json!([{ "url": "https://x.example.org/e", "valueReference": { "reference": task } }]);
    several["reasonReference"] = json!([{ "reference": "Observation/nothing" }]);
    let answer = post(w.practice(), "/fhir/Communication", &several).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    let mut places = expressions(&answer);
    places.sort();
    assert_eq!(
        places,
        [
            "Communication.about[1]",
            "Communication.about[3]",
            "Communication.extension[0].value",
            "Communication.reasonReference[0]",
            "Communication.recipient[0]",
        ]
    );

    // The partner sees both practices' patients; their records do not mix all the same.
    let mut mixed = w.message(&[&hidden]);
    mixed["sender"] = mixed["recipient"][0].clone();
    let answer = post(w.partner(), "/fhir/Communication", &mixed).await;
    assert_eq!((answer.status, &answer.text), (422, &missing.text));

    let dose = json!({ "resourceType": "MedicationAdministration", "status": "completed",
        "medicationCodeableConcept": { "text": "ketamine" }, "effectiveDateTime": "2026-11-01T10:00:00Z",
        "subject": { "reference": format!("Patient/{}", patient(&w.own)) },
        "context": { "reference": secret }, "request": { "reference": "MedicationRequest/nothing" } });
    let answer = post(w.practice(), "/fhir/MedicationAdministration", &dose).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert_eq!(
        expressions(&answer),
        [
            "MedicationAdministration.context",
            "MedicationAdministration.request"
        ]
    );

    // The directory is not part of anyone's record.
    let mut pharmacist = json!({ "resourceType": "Practitioner", "name": [{ "family": "Elm" }],
        "qualification": [{ "code": { "text": "x" }, "issuer": { "reference": theirs } }] });
    let answer = post(w.practice(), "/fhir/Practitioner", &pharmacist).await;
    assert_eq!(
        (answer.status, answer.expression().as_str()),
        (422, "Practitioner.qualification[0].issuer"),
        "{}",
        answer.text
    );
    pharmacist["qualification"][0]["issuer"]["reference"] = json!("Organization/org-pharmacy-01");
    let answer = post(w.practice(), "/fhir/Practitioner", &pharmacist).await;
    assert_eq!(answer.status, 201, "{}", answer.text);

    assert_eq!(w.messages().await, before, "nothing was stored");
    let answer = w
        .send(&[
            &own,
            "Organization/org-partner-01",
            &format!("{own}/_history/1"),
        ])
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    w.app.stop().await;
}

async fn the_form_of_a_reference(db: Db) {
    let w = World::new(db).await;
    let own = w.first("Encounter", &w.own).await;
    let base = format!("{}/fhir", w.app.base);
    for bad in [
        "Encounter",
        "Encounter/..",
        "encounter/1",
        "../Encounter/1",
        "Patient?identifier=SYN-100001",
        "urn:uuid:6f2c1c7e-52a5-4d9b-9a44-2f1f6f0f7a01",
        "#nothing",
        "javascript:alert(1)",
        &format!("{base}/metadata"),
        &format!("{base}/Encounter/nothing"),
        &format!("{base}/{own}#x"),
    ] {
        let answer = w.send(&[bad]).await;
        assert_eq!(
            (answer.status, answer.expression().as_str()),
            (422, "Communication.about[0]"),
            "{bad}: {}",
            answer.text
        );
        let said =
            answer.text.contains("Reference not resolvable") || answer.text.contains("ref-1");
        assert!(said, "{}", answer.text);
    }
    // A type that is not that of what is named.
    for (reference, kind, status) in [
        (own.as_str(), "Encounter", 201),
        (
            &own,
            "http://hl7.org/fhir/StructureDefinition/Encounter",
            201,
        ),
        (&own, "Task", 422),
        ("#in", "Observation", 201),
        ("#in", "Task", 422),
    ] {
        let mut message = w.message(&[reference]);
        message["about"][0]["type"] = json!(kind);
        message["contained"] = json!([{ "resourceType": "Observation", "id": "in", "status": "final", "code": { "text": "x" },
            "hasMember": [{ "reference": "#in" }], "focus": [{ "reference": "#" }] }]);
        let answer = post(w.practice(), "/fhir/Communication", &message).await;
        assert_eq!(answer.status, status, "{reference} {kind}: {}", answer.text);
        if status == 422 {
            assert_eq!(answer.expression(), "Communication.about[0]");
        }
    }
    // A contained resource is held to the same.
    let mut message = w.message(&["#in"]);
    message["contained"] = json!([{ "resourceType": "Observation", "id": "in", "status": "final", "code": { "text": "x" },
        "subject": { "reference": format!("Patient/{}", patient(&w.neighbour)) }, "focus": [{ "reference": "#out" }] }]);
    let answer = post(w.practice(), "/fhir/Communication", &message).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    let places = expressions(&answer);
    assert_eq!(places, ["Communication.contained[0].focus[0]"]);
    message["contained"][0]["focus"] = json!([{ "reference": "#" }]);
    let answer = post(w.practice(), "/fhir/Communication", &message).await;
    assert_eq!(expressions(&answer), ["Communication.contained[0].subject"]);

    // By its own URL a record is the same record; another server's is kept as it was written, and is nothing of ours.
    let foreign = format!("https://ehr.example.org/fhir/{own}");
    let absolute = format!("{base}/{own}");
    let message = w.message(&[&absolute, &foreign, "https://ehr.example.org/x?a=%C3%A9#b"]);
    let mut body = message.to_string();
    body = body.replacen(
        r#""about":["#,
        r#""about":[{"identifier":{"system":"https://x.example.org","value":"7"}},  "#,
        1,
    );
    let answer = call(
        w.practice(),
        Method::POST,
        "/fhir/Communication",
        &[],
        Some(body.clone()),
    )
    .await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let sent = body.split_once(r#""about":"#).expect("about").1;
    let sent = &sent[..=sent.find(']').expect("its end")];
    let stored = sent.replace(&absolute, &own);
    assert!(answer.text.contains(&stored), "{stored} in {}", answer.text);

    let mut absolute = w.message(&[]);
    absolute["subject"]["reference"] = json!(format!("{base}/Patient/{}", patient(&w.own)));
    absolute["encounter"] = json!({ "reference": format!("{base}/{own}/_history/1") });
    let answer = post(w.practice(), "/fhir/Communication", &absolute).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let id = answer.json()["id"].clone();
    for patient in [
        format!("Patient/{}", patient(&w.own)),
        format!("{base}/Patient/{}", patient(&w.own)),
    ] {
        let path = format!("/fhir/Communication?_id={}&subject={patient}", text(&id));
        assert_eq!(only(w.practice(), &path).await["id"], id, "{patient}");
    }
    w.app.stop().await;
}

async fn an_update_keeps_what_it_refers_to(db: Db) {
    let w = World::new(db).await;
    let own = w.first("Encounter", &w.own).await;
    let mut message = w.send(&[&own]).await.expect(201);
    message["note"] = json!([{ "text": "read back" }]);
    let answer = put(w.practice(), &message).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let mut moved = answer.json();
    moved["about"] = json!([{ "reference": w.first("Encounter", &w.neighbour).await }]);
    let answer = put(w.practice(), &moved).await;
    assert_eq!(
        (answer.status, answer.expression().as_str()),
        (422, "Communication.about[0]"),
        "{}",
        answer.text
    );
    w.app.stop().await;
}

async fn references_within_a_transaction(db: Db) {
    let w = World::new(db).await;
    let (a, b) = (
        "urn:uuid:6f2c1c7e-52a5-4d9b-9a44-2f1f6f0f7aa1",
        "https://partner.example.org/fhir/Communication/7",
    );
    let entry = |url: &str, about: &[&str]| {
        let mut message = w.message(about);
        message["subject"]["reference"] =
            json!("Patient?identifier=https://practice.example.org/mrn|SYN-100001");
        message["identifier"] = json!([{ "system": "urn:ietf:rfc:3986", "value": a }]);
        json!({ "fullUrl": url, "resource": message, "request": { "method": "POST", "url": "Communication" } })
    };
    // Each refers to the other: by urn, and by the name that it has on its own server.
    let (first, second) = (entry(a, &[b]), entry(b, &[a, "Communication/7"]));
    for entries in [[&first, &second], [&second, &first]] {
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
        let answer = post(w.practice(), "/fhir", &bundle).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let answered = answer.json();
        for n in [0, 1] {
            let at = text(&answered["entry"][n]["response"]["location"]);
            let (key, other) = (
                key_of(at),
                key_of(text(&answered["entry"][1 - n]["response"]["location"])),
            );
            let stored = get(w.practice(), &format!("/fhir/{key}")).await.expect(200);
            assert_eq!(stored["about"][0]["reference"], other, "{stored}");
            let itself = &stored["about"][1]["reference"];
            assert!(itself.is_null() || *itself == key, "{stored}");
            assert_eq!(stored["identifier"][0]["value"], a);
            let patient = format!("Patient/{}", patient(&w.own));
            assert_eq!(stored["subject"]["reference"], patient);
        }
    }
    // One entry points out of the record: nothing is stored, and both faults are named.
    let before = w.messages().await;
    let theirs = format!("Patient/{}", patient(&w.neighbour));
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [first,
        entry(b, &[a, &theirs, "urn:uuid:6f2c1c7e-52a5-4d9b-9a44-2f1f6f0f7aa9", "Patient?identifier=SYN-300001"])] });
    let answer = post(w.practice(), "/fhir", &bundle).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert_eq!(
        expressions(&answer),
        [1, 2, 3].map(|n| format!("Bundle.entry[1].resource.about[{n}]"))
    );
    assert_eq!(w.messages().await, before);
    w.app.stop().await;
}

/// `Type/id` of a location.
fn key_of(location: &str) -> String {
    let rest = location.split_once("/fhir/").expect("a URL of ours").1;
    let mut parts = rest.split('/');
    format!(
        "{}/{}",
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default()
    )
}
