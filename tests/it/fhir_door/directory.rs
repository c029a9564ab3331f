//! The directory: whoever keeps an entry changes it, and it stays what the episodes take it for.

use super::world::World;
use super::*;
use crate::both;

both!(entries_stay_what_they_are, an_episode_is_not_opened_as_fhir);

/// A transaction of a message in the first patient's record and this update.
fn with_message(w: &World, update: &Value) -> Value {
    let url = format!("{}/{}", text(&update["resourceType"]), text(&update["id"]));
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        { "resource": w.message(&[]), "request": { "method": "POST", "url": "Communication" } },
        { "resource": update, "request": { "method": "PUT", "url": url } },
    ]})
}

async fn entries_stay_what_they_are(db: Db) {
    let w = World::new(db).await;
    let path = format!("/kap/v1/episodes/{}", w.own.episode);
    let before = get(w.practice(), &path).await.expect(200);
    let read = async |kind: &str, id: &str| {
        let found = get(w.practice(), &format!("/fhir/{kind}/{id}")).await;
        found.expect(200)
    };
    let own = read("Organization", "org-practice-01").await;
    let therapist = read("Practitioner", &w.own.names["prac-ther-01"]).await;
    let role = format!("{}-role", w.own.names["prac-ther-01"]);
    let role = read("PractitionerRole", &role).await;
    let mut no_kind = own.clone();
    no_kind.as_object_mut().map(|m| m.remove("extension"));
    let mut moved = own.clone();
    for part in moved["extension"][0]["extension"]
        .as_array_mut()
        .expect("parts")
    {
        if part["url"] == "timezone" {
            part["valueCode"] = json!("Europe/Berlin");
        }
    }
    let mut nameless = therapist.clone();
    nameless.as_object_mut().map(|m| m.remove("name"));
    let mut other = role.clone();
    other["practitioner"]["reference"] =
        json!(format!("Practitioner/{}", w.own.names["prac-pres-01"]));
    for (update, at) in [
        (&no_kind, "extension"),
        (&moved, "Organization"),
        (&nameless, "name"),
        (&other, "PractitionerRole.practitioner"),
    ] {
        let alone = put(w.practice(), update).await;
        assert_eq!(alone.status, 422, "{}", alone.text);
        assert!(alone.expression().contains(at), "{}", alone.text);
        let along = post(w.practice(), "/fhir", &with_message(&w, update)).await;
        assert_eq!(along.status, 422, "{}", along.text);
        let at = along.expression();
        assert!(at.starts_with("Bundle.entry[1].resource"), "{}", along.text);
    }
    // Another organization's entry is not this practice's to change, by whatever way it comes.
    let partner = read("Organization", "org-partner-01").await;
    let alone = put(w.practice(), &partner).await;
    assert_eq!(alone.status, 403, "{}", alone.text);
    let along = post(w.practice(), "/fhir", &with_message(&w, &partner)).await;
    assert_eq!(along.status, 403, "{}", along.text);
    assert_eq!(get(w.practice(), &path).await.expect(200), before);

    // One's own entry is, alone and beside a record of an episode that does not speak of it.
    let fresh = json!({ "resourceType": "Practitioner", "name": [{ "family": "Elm" }] });
    let mut fresh = post(w.practice(), "/fhir/Practitioner", &fresh)
        .await
        .expect(201);
    for (n, family) in ["Fir", "Oak"].into_iter().enumerate() {
        fresh["name"][0]["family"] = json!(family);
        let answer = if n == 0 {
            post(w.practice(), "/fhir", &with_message(&w, &fresh)).await
        } else {
            put(w.practice(), &fresh).await
        };
        assert_eq!(answer.status, 200, "{}", answer.text);
        fresh = read("Practitioner", text(&fresh["id"])).await;
        assert_eq!(fresh["name"][0]["family"], family);
    }
    w.app.stop().await;
}

async fn an_episode_is_not_opened_as_fhir(db: Db) {
    let w = World::new(db).await;
    let mut episode = get(
        w.practice(),
        &format!("/fhir/EpisodeOfCare/{}", w.own.episode),
    )
    .await
    .expect(200);
    episode.as_object_mut().map(|m| m.remove("id"));
    let answer = post(w.practice(), "/fhir/EpisodeOfCare", &episode).await;
    assert_eq!(
        (answer.status, answer.expression().as_str()),
        (422, "EpisodeOfCare"),
        "{}",
        answer.text
    );
    assert!(answer.text.contains("/kap/v1/episodes"), "{}", answer.text);
    let metadata = get(w.practice(), "/fhir/metadata").await.expect(200);
    let all = metadata["rest"][0]["resource"].as_array().expect("types");
    let of =
        |kind: &str| all.iter().find(|r| r["type"] == kind).expect(kind)["interaction"].to_string();
    assert!(!of("EpisodeOfCare").contains("create") && of("Task").contains("create"));
    w.app.stop().await;
}
