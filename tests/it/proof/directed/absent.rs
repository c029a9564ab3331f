//! Rows 10, 11, 13 and 14: what the service does not do, it does for nobody's records, and says so in the same words
//! whether the record is shown, hidden or missing.

use reqwest::Method;

use super::super::scene::{Scene, same};
use crate::app::Db;
use crate::both;
use crate::fhir_door::{Answer, call, get};

both!(what_is_not_done_is_done_for_nobody);

/// Patients of whom the partner sees all, little, nothing, and one who is not there.
fn patients(scene: &Scene) -> [&str; 4] {
    let [open, closed, far] = [&scene.open, &scene.closed, &scene.far].map(|m| &*m.patient);
    [open, closed, far, "nobody"]
}

async fn what_is_not_done_is_done_for_nobody(db: Db) {
    let scene = Scene::new(db).await;
    let patch = r#"[{"op":"test","path":"/birthDate","value":"1984-03-12"}]"#;
    for who in ["therapist", "prescriber", "ehr", "pharmacy"] {
        let caller = scene.caller(who);
        for (method, path) in [
            // Export.
            (Method::GET, "/fhir/Patient/{id}/$everything"),
            (Method::GET, "/fhir/Patient/{id}/$export"),
            (Method::GET, "/fhir/Patient/$export?patient={id}"),
            (Method::GET, "/fhir/Group/{id}/$export"),
            // Subscriptions.
            (Method::POST, "/fhir/Subscription?criteria={id}"),
            (Method::GET, "/fhir/Subscription?patient={id}"),
            (Method::GET, "/fhir/Subscription/{id}"),
            (Method::GET, "/fhir/Subscription/{id}/$events"),
            (Method::PUT, "/fhir/Subscription/{id}"),
            // Patch, delete, and both under a condition.
            (Method::PATCH, "/fhir/Patient/{id}"),
            (Method::PATCH, "/fhir/Condition?patient={id}"),
            (Method::DELETE, "/fhir/Patient/{id}"),
            (Method::DELETE, "/fhir/Condition?patient={id}"),
            (Method::PUT, "/fhir/Condition?patient={id}"),
        ] {
            let mut answers: Vec<Answer> = vec![];
            for id in patients(&scene) {
                let body = (method != Method::GET).then(|| patch.to_owned());
                let path = path.replace("{id}", id);
                answers.push(call(caller, method.clone(), &path, &[], body).await);
            }
            for answer in &answers {
                assert!(
                    answer.status >= 400,
                    "{who}: {method} {path}: {}",
                    answer.text
                );
                same(answer, &answers[0]);
            }
        }
        // Nothing was changed.
        let open = format!("/fhir/Patient/{}", scene.open.patient);
        assert_eq!(get(caller, &open).await.json()["birthDate"], "1984-03-12");
    }
    scene.stop().await;
}
