//! What time changes: a minor comes of age, a consent is withdrawn, and what was written stays its author's.

use reqwest::Method;
use serde_json::json;
use time::Duration;

use super::super::scene::{Scene, found, nobody, path, same};
use crate::app::Db;
use crate::both;
use crate::fhir_door::get;

both!(
    a_parents_word_ends_on_the_birthday,
    a_partner_keeps_what_it_wrote
);

async fn a_parents_word_ends_on_the_birthday(db: Db) {
    let mut scene = Scene::new(db).await;
    let of = |kind: &str, scene: &Scene| format!("/fhir/{kind}?patient={}", scene.young.patient);
    let patient = format!("/fhir/Patient/{}", scene.young.patient);
    // A parent alone speaks for nothing that is the minor's own: the resources that say ADOL.
    assert_eq!(get(scene.caller("prescriber"), &patient).await.status, 200);
    for kind in ["Condition", "Observation", "Encounter", "Goal"] {
        assert!(
            found(scene.caller("ehr"), &of(kind, &scene))
                .await
                .is_empty(),
            "{kind}"
        );
    }
    let allergy = of("AllergyIntolerance", &scene);
    assert_eq!(found(scene.caller("ehr"), &allergy).await.len(), 1);

    // The last second of the seventeenth year in Los Angeles, and the first of the eighteenth.
    let to_midnight = Duration::days(33) - Duration::hours(4);
    scene
        .bench
        .clock
        .advance(to_midnight - Duration::seconds(1));
    scene.callers = scene.bench.log_in(&scene.service).await;
    assert_eq!(get(scene.caller("ehr"), &patient).await.status, 200);
    assert_eq!(found(scene.caller("ehr"), &allergy).await.len(), 1);
    scene.bench.clock.advance(Duration::seconds(1));
    for who in ["ehr", "prescriber", "pharmacy"] {
        let hidden = get(scene.caller(who), &patient).await;
        assert_eq!(hidden.status, 404, "{who}");
        same(
            &hidden,
            &get(scene.caller(who), "/fhir/Patient/nobody").await,
        );
        assert!(found(scene.caller(who), &allergy).await.is_empty(), "{who}");
    }
    // The young adult's own word opens it again.
    let base = format!("/kap/v1/episodes/{}/consents", scene.young.episode);
    let body = json!({ "kind": "privacy-disclosure", "status": "active", "signedAt": "2026-12-25T09:00:00Z",
        "signers": [{ "type": "patient", "id": scene.young.patient }], "root": "deny",
        "exceptions": [{ "type": "permit", "recipients": ["external-1"], "securityLabels": ["N", "PSY", "ADOL"] }] });
    scene.bench.clock.advance(Duration::hours(2));
    scene.callers = scene.bench.log_in(&scene.service).await;
    let sent = scene
        .caller("therapist")
        .send(Method::POST, &base, Some((&body, "own")));
    let done = sent.await.expect("answer");
    assert_eq!(done.status, 201, "{}", done.body);
    assert_eq!(get(scene.caller("ehr"), &patient).await.status, 200);
    for kind in [
        "Condition",
        "Observation",
        "Goal",
        "CareTeam",
        "EpisodeOfCare",
    ] {
        // Also to who asks for what was written before the word was given.
        let old = format!("{}&_lastUpdated=lt2026-12-01", of(kind, &scene));
        assert!(!found(scene.caller("ehr"), &old).await.is_empty(), "{kind}");
    }
    assert_eq!(get(scene.caller("prescriber"), &patient).await.status, 404);
    scene.stop().await;
}

async fn a_partner_keeps_what_it_wrote(db: Db) {
    let scene = Scene::new(db).await;
    let prescriber = scene.caller("prescriber");
    let own = |kind: &str| format!("/fhir/{kind}?patient={}", scene.leaving.patient);
    let before = found(prescriber, &own("Observation")).await.len();
    scene.withdraw().await;

    let kept = found(prescriber, &own("Observation")).await;
    assert_eq!(kept.len(), 1);
    assert!(before > 1, "{before}");
    let finding = get(prescriber, &format!("/fhir/Observation/{}", kept[0]))
        .await
        .expect(200);
    assert_eq!(finding["code"]["text"], "the partner's own finding");
    assert_eq!(
        get(prescriber, &format!("{}/_history/1", path(&finding)))
            .await
            .status,
        200
    );
    for kind in ["MedicationRequest", "MedicationDispense"] {
        let kept = found(prescriber, &own(kind)).await;
        assert_eq!(kept.len(), 1, "{kind}");
        // Who was told of it under the consent is not told any longer.
        for who in ["pharmacy", "ehr"] {
            assert!(
                !matches!(
                    get(scene.caller(who), &format!("/fhir/{kind}/{}", kept[0]))
                        .await
                        .status,
                    200
                ),
                "{who} {kind}"
            );
        }
    }
    // The nurse is of the same organization: it is the organization's record.
    assert_eq!(
        found(scene.caller("nurse"), &own("Observation")).await,
        kept
    );
    for kind in [
        "Condition",
        "EpisodeOfCare",
        "Goal",
        "Consent",
        "DocumentReference",
    ] {
        assert!(found(prescriber, &own(kind)).await.is_empty(), "{kind}");
    }
    for value in scene.of("Condition", &scene.leaving).await {
        let hidden = get(prescriber, &path(&value)).await;
        assert_eq!(hidden.status, 404);
        same(&hidden, &get(prescriber, &nobody(&value)).await);
    }
    scene.stop().await;
}
