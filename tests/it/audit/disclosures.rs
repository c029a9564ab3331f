//! The accounting of disclosures.

use kap_fhir::access::Role;
use kap_fhir::demo::script::Party;

use super::{PARTNER, PRACTICE, client};
use crate::app::sample;
use crate::app::{Db, TestApp};
use crate::both;
use crate::fhir_door::{FIRST, get, text};

both!(what_went_to_others_is_told_to_the_practice);

async fn what_went_to_others_is_told_to_the_practice(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, played) = TestApp::played(db, &episode).await;
    let practice = app.as_party(Party::Practice);
    let set = get(practice, "/fhir/Patient").await.expect(200);
    let patient = text(&set["entry"][0]["resource"]["id"]).to_owned();
    let path = format!("/kap/v1/patients/{patient}/disclosures");
    app.app.clock.advance(time::Duration::minutes(1));
    let before = get(practice, &path).await.expect(200);
    let count = |report: &serde_json::Value| report["items"].as_array().map_or(0, Vec::len);

    let partner = app.as_party(Party::Partner);
    let encounters = get(partner, "/fhir/Encounter?_count=2").await.expect(200);
    let encounter = text(&encounters["entry"][0]["resource"]["id"]).to_owned();
    get(partner, &format!("/fhir/Encounter/{encounter}"))
        .await
        .expect(200);
    get(partner, "/fhir/Encounter/none").await;
    let document = get(partner, "/fhir/Composition?_count=1").await.expect(200);
    let document = text(&document["entry"][0]["resource"]["id"]).to_owned();
    get(partner, &format!("/fhir/Composition/{document}/$document"))
        .await
        .expect(200);
    get(partner, &format!("/kap/v1/episodes/{}", played.episode))
        .await
        .expect(200);
    // What the practice reads itself is none, nor is what the partner was refused.
    get(practice, &format!("/fhir/Encounter/{encounter}"))
        .await
        .expect(200);
    let after = get(practice, &path).await.expect(200);
    let new = &after["items"].as_array().expect("items")[count(&before)..];
    let told: Vec<(&str, &str)> = new
        .iter()
        .map(|d| (text(&d["kind"]), text(&d["what"])))
        .collect();
    let expected = [
        ("search", String::new()),
        ("read", format!("Encounter/{encounter}")),
        ("search", String::new()),
        ("document", format!("Composition/{document}")),
        ("read", format!("EpisodeOfCare/{}", played.episode)),
    ];
    let sorted = |mut all: Vec<(String, String)>| {
        all.sort();
        all
    };
    // The clock stands still: events of one instant have no order.
    assert_eq!(
        sorted(
            told.iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect()
        ),
        sorted(
            expected
                .iter()
                .map(|(a, b)| ((*a).to_owned(), b.clone()))
                .collect()
        )
    );
    for one in new {
        assert_eq!(
            (
                text(&one["organizationId"]),
                text(&one["clientId"]),
                text(&one["purpose"])
            ),
            (PARTNER, "demo-partner", "TREAT")
        );
        assert!(!text(&one["organizationName"]).is_empty(), "{one}");
    }
    let all = after["items"].as_array().expect("items");
    assert!(all.iter().all(|one| one["organizationId"] != PRACTICE));

    // In pages, and from a day on.
    let page = get(practice, &format!("{path}?limit=2")).await.expect(200);
    assert_eq!(count(&page), 2);
    let rest = get(
        practice,
        &format!("{path}?limit=1000&cursor={}", text(&page["next"])),
    )
    .await;
    assert_eq!(count(&rest.expect(200)), all.len() - 2);
    assert_eq!(
        count(
            &get(practice, &format!("{path}?since=2026-11-22"))
                .await
                .expect(200)
        ),
        all.len()
    );
    assert_eq!(
        count(
            &get(practice, &format!("{path}?since=2026-11-23"))
                .await
                .expect(200)
        ),
        0
    );

    let (officer, _) = client(
        &app,
        ("officer", PRACTICE, Role::PrivacyOfficer),
        "system/Patient.rs",
    )
    .await;
    assert_eq!(get(&officer, &path).await.status, 200);
    let (admin, _) = client(
        &app,
        ("admin", PRACTICE, Role::PracticeAdmin),
        "system/Patient.rs",
    )
    .await;
    assert_eq!(get(&admin, &path).await.status, 403);
    assert_eq!(get(partner, &path).await.status, 403);
    let other = ("other", "org-other", Role::PracticeTherapist);
    let (other, _) = client(&app, other, "system/*.cruds").await;
    let (hidden, missing) = (
        get(&other, &path).await,
        get(&other, "/kap/v1/patients/none/disclosures").await,
    );
    assert_eq!((hidden.status, &hidden.text), (404, &missing.text));
    for wrong in ["limit=0", "since=yesterday", "since=2026-11-22&what=1"] {
        assert_eq!(
            get(practice, &format!("{path}?{wrong}")).await.status,
            400,
            "{wrong}"
        );
    }
    app.stop().await;
}
