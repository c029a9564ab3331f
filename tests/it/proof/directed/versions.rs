//! Row 1: a record and its versions.

use serde_json::{Value, json};

use super::super::scene::{Scene, found, nobody, path, same, with};
use crate::app::Db;
use crate::both;
use crate::fhir_door::{get, put, text};

both!(
    a_hidden_version_is_a_missing_one,
    what_was_relabelled_is_hidden_with_its_past
);

async fn a_hidden_version_is_a_missing_one(db: Db) {
    let scene = Scene::new(db).await;
    let prescriber = scene.caller("prescriber");
    for value in scene.one_hidden_of_each() {
        let (own, other) = (path(&value), nobody(&value));
        for suffix in [
            "",
            "/_history/1",
            "/_history/2",
            "/_history",
            "?_format=json",
        ] {
            let hidden = get(prescriber, &format!("{own}{suffix}")).await;
            assert!(
                (400..500).contains(&hidden.status),
                "{own}{suffix}: {}",
                hidden.status
            );
            same(&hidden, &get(prescriber, &format!("{other}{suffix}")).await);
        }
        // Not even "not modified": whoever may not see it has no version of it.
        let header = ("If-None-Match", "W/\"1\"");
        let hidden = with(prescriber, &own, header).await;
        assert_eq!(hidden.status, 404);
        same(&hidden, &with(prescriber, &other, header).await);
        let header = ("If-None-Match", "*");
        same(
            &with(prescriber, &own, header).await,
            &with(prescriber, &other, header).await,
        );
    }
    // A version that is not there of a record that is shown is missing like any other.
    let shown = &scene.of("Goal", &scene.open).await[0];
    assert_eq!(
        get(prescriber, &format!("{}/_history/1", path(shown)))
            .await
            .status,
        200
    );
    let later = get(prescriber, &format!("{}/_history/9", path(shown))).await;
    same(
        &later,
        &get(prescriber, &format!("{}/_history/9", nobody(shown))).await,
    );
    scene.stop().await;
}

async fn what_was_relabelled_is_hidden_with_its_past(db: Db) {
    let scene = Scene::new(db).await;
    let (therapist, prescriber) = (scene.caller("therapist"), scene.caller("prescriber"));
    let ehr = scene.caller("ehr");
    for (kind, label) in [
        ("Goal", "SDV"),
        ("Condition", "HIV"),
        ("DocumentReference", "SEX"),
        ("Observation", "MST"),
        ("AllergyIntolerance", "ETH"),
    ] {
        let search = format!("/fhir/{kind}?patient={}&_count=100", scene.open.patient);
        let all = scene.of(kind, &scene.open).await;
        let shown = found(prescriber, &search).await;
        let ours = |v: &&Value| v["code"]["text"] != "the partner's own finding";
        let mut all = all.iter().filter(ours).map(|v| text(&v["id"]).to_owned());
        let id = all
            .find(|id| shown.contains(id))
            .expect("one that is shown");
        let own = format!("/fhir/{kind}/{id}");
        let mut value = get(therapist, &own).await.expect(200);
        assert_eq!(
            get(prescriber, &format!("{own}/_history/1")).await.status,
            200
        );

        let security = value["meta"]["security"].as_array_mut().expect("labels");
        security.push(
            json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": label }),
        );
        let after = put(therapist, &value).await;
        assert_eq!(after.status, 200, "{}", after.text);
        for who in [prescriber, ehr] {
            for suffix in ["", "/_history/1", "/_history/2"] {
                let hidden = get(who, &format!("{own}{suffix}")).await;
                assert_eq!(hidden.status, 404, "{kind}{suffix}");
                same(
                    &hidden,
                    &get(who, &format!("{}{suffix}", nobody(&value))).await,
                );
            }
            assert!(
                !found(who, &format!("/fhir/{kind}?_id={id}"))
                    .await
                    .contains(&id)
            );
            let told = found(
                who,
                &format!("/fhir/Provenance?target={kind}/{id}&_count=50"),
            )
            .await;
            for provenance in told {
                let about = get(therapist, &format!("/fhir/Provenance/{provenance}"))
                    .await
                    .json();
                assert!(
                    !about["meta"]["security"].to_string().contains(label),
                    "{about}"
                );
            }
        }
        // A client cannot take the label away, not even the practice's.
        let mut bare = after.json();
        bare.as_object_mut().expect("a resource").remove("meta");
        let again = put(therapist, &bare).await;
        assert_eq!(again.status, 200, "{}", again.text);
        assert!(again.text.contains(&format!("\"{label}\"")));
        assert_eq!(get(prescriber, &own).await.status, 404);
        assert_eq!(
            get(prescriber, &format!("{own}/_history/3")).await.status,
            404
        );
    }
    scene.stop().await;
}
