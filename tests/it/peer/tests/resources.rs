//! Single resources, searches and pages.

use super::*;

#[tokio::test]
async fn single_resources() {
    let habits = Habits {
        ids: Ids::Uuids,
        adds_text: true,
        strips: vec!["*".to_owned()],
        ..Habits::default()
    };
    let peer = Peer::start(habits).await;
    let mut sent = patient("a");
    sent["id"] = json!("mine");
    sent["_birthDate"] = json!({ "extension": [{ "url": "urn:x", "valueCode": "y" }] });
    sent["name"] =
        json!([{ "given": ["A", "B"], "_given": [null, { "extension": [{ "url": "urn:x" }] }] }]);
    let made = ask(
        &peer,
        "POST",
        "/Patient",
        &[("if-none-exist", "identifier=urn:mrn|a")],
        Some(&sent),
    )
    .await;
    assert_eq!((made.status, made.header("etag")), (201, "W/\"1\""));
    let id = made.body["id"].as_str().expect("id").to_owned();
    assert_eq!(id.len(), 36);
    assert_eq!(
        made.header("location"),
        format!("{}/Patient/{id}/_history/1", peer.base())
    );
    assert_eq!(
        made.body["meta"]["lastUpdated"],
        "2026-11-22T12:00:00.001+00:00"
    );
    assert!(made.body["text"]["div"].is_string());
    assert!(
        !made.body.to_string().contains("urn:x") && !made.body.to_string().contains('_'),
        "{}",
        made.body
    );
    let again = ask(
        &peer,
        "POST",
        "/Patient",
        &[("if-none-exist", "identifier=urn:mrn|a")],
        Some(&sent),
    )
    .await;
    assert_eq!(
        (again.status, again.body["id"].as_str()),
        (200, Some(id.as_str()))
    );

    let path = format!("/Patient/{id}");
    sent["id"] = json!(id);
    peer.set(|habits| {
        habits.adds_meta = false;
        habits.strips = vec!["urn:z".to_owned()];
    });
    assert_eq!(
        ask(&peer, "PUT", &path, &[("if-match", "W/\"7\"")], Some(&sent))
            .await
            .status,
        412
    );
    let put = ask(
        &peer,
        "PUT",
        &path,
        &[("if-match", "W/\"1\""), ("prefer", "return=minimal")],
        Some(&sent),
    )
    .await;
    assert_eq!(
        (put.status, put.header("etag"), &put.body),
        (200, "W/\"2\"", &Value::Null)
    );
    let read = get(&peer, &path).await;
    assert!(read.body["meta"].is_null() && read.body["_birthDate"].is_object());
    assert_eq!(
        get(&peer, &format!("{path}/_history/1")).await.body,
        made.body
    );
    assert_eq!(
        ask(
            &peer,
            "PUT",
            "/Patient/none",
            &[],
            Some(&json!({ "resourceType": "Patient", "id": "none" }))
        )
        .await
        .status,
        405
    );
    assert_eq!(
        ask(
            &peer,
            "PUT",
            "/Patient?identifier=urn:mrn|a",
            &[],
            Some(&patient("a"))
        )
        .await
        .header("etag"),
        "W/\"3\""
    );
    assert_eq!(
        ask(
            &peer,
            "PUT",
            "/Patient?identifier=urn:mrn|n",
            &[],
            Some(&patient("n"))
        )
        .await
        .status,
        201
    );
    peer.put(patient("a"));
    assert_eq!(
        ask(
            &peer,
            "PUT",
            "/Patient?identifier=urn:mrn|a",
            &[],
            Some(&patient("a"))
        )
        .await
        .status,
        412
    );
    assert_eq!(
        ask(
            &peer,
            "POST",
            "/Patient",
            &[("if-none-exist", "name=x")],
            Some(&sent)
        )
        .await
        .status,
        400
    );
    peer.delete("Patient", &id);
    assert_eq!(get(&peer, &path).await.status, 410);
    assert_eq!(get(&peer, "/Patient/0").await.status, 404);
    assert_eq!(
        post(&peer, "/Patient", &json!({ "resourceType": "Task" }))
            .await
            .status,
        400
    );
    let xml = http()
        .post(format!("{}/Patient", peer.base()))
        .body("<Patient/>")
        .send()
        .await;
    assert_eq!(xml.expect("an answer").status(), 415);
}

#[tokio::test]
async fn searches_and_pages() {
    let peer = Peer::start(Habits {
        page: 2,
        ..Habits::default()
    })
    .await;
    for n in 0..5 {
        peer.put(patient(&format!("p{n}")));
    }
    let first = peer.all("Patient")[0]["id"]
        .as_str()
        .expect("id")
        .to_owned();
    peer.put(json!({ "resourceType": "Observation", "subject": { "reference": format!("Patient/{first}") } }));
    peer.put(json!({ "resourceType": "Observation", "subject": { "reference": "Patient/0" } }));
    for path in [
        format!("/Observation?patient={first}"),
        format!("/Observation?subject=Patient/{first}"),
        format!("/Observation?patient={}/Patient/{first}", peer.base()),
    ] {
        assert_eq!(get(&peer, &path).await.body["total"], 1, "{path}");
    }
    for (query, total) in [
        ("identifier=urn:mrn|p1", 1),
        ("identifier=urn:mrn%7Cp1,urn:mrn%7Cp2", 2),
        ("identifier=p3", 1),
        ("identifier=urn:other|p1", 0),
        ("identifier=urn:mrn|", 5),
        ("_id=0", 0),
        ("name=x", 5),
        ("_lastUpdated=ge2026-11-22", 5),
        ("_lastUpdated=gt2026-11-22", 0),
        ("_lastUpdated=gt2026-11-22T12:00:00.003Z", 2),
        ("_lastUpdated=ge2026-11-22T12:00:00.003Z", 3),
        ("_lastUpdated=gt2026-11-22T12:00:00Z", 0),
        (
            "_lastUpdated=ge2026-11-22T13:00:00.003%2B01:00&_lastUpdated=lt2026-11-22T12:00:00.005Z",
            2,
        ),
    ] {
        assert_eq!(
            get(&peer, &format!("/Patient?{query}")).await.body["total"],
            total,
            "{query}"
        );
    }
    let walk = async |query: &str| {
        let (mut page, mut seen) = (get(&peer, query).await, vec![]);
        loop {
            let entries = page.body["entry"].as_array().expect("entries");
            seen.extend(entries.iter().map(|e| {
                e["resource"]["identifier"][0]["value"]
                    .as_str()
                    .expect("value")
                    .to_owned()
            }));
            let links = page.body["link"].as_array().expect("links");
            let Some(next) = links.iter().find(|l| l["relation"] == "next") else {
                return (seen, page);
            };
            let next = next["url"].as_str().expect("url").to_owned();
            page = get(&peer, &next).await;
        }
    };
    assert_eq!(
        walk("/Patient?_sort=_lastUpdated&_count=50").await.0,
        ["p0", "p1", "p2", "p3", "p4"]
    );
    assert_eq!(
        walk("/Patient?_sort=-_lastUpdated&_count=1").await.0,
        ["p4", "p3", "p2", "p1", "p0"]
    );
    peer.set(|habits| habits.sort = Support::Ignored);
    let (seen, last) = walk("/Patient?_sort=_lastUpdated").await;
    assert_eq!(seen, ["p4", "p3", "p2", "p1", "p0"]);
    let own = last.body["link"][0]["url"]
        .as_str()
        .expect("self")
        .to_owned();
    assert_eq!(get(&peer, &own).await.status, 200);
    peer.forget_pages();
    assert_eq!(get(&peer, &own).await.status, 410);
    peer.set(|habits| habits.unknown = Support::Refused);
    assert_eq!(get(&peer, "/Patient?name=x").await.status, 400);
    assert_eq!(get(&peer, "/Patient?_count=0").await.body["total"], 5);
    let form = http()
        .post(format!("{}/Patient/_search", peer.base()))
        .form(&[("identifier", "urn:mrn|p1")]);
    let found: Value = form
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("json");
    assert_eq!(found["total"], 1);
}
