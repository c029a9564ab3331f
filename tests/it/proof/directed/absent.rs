//! Rows 6, 10, 11, 13 and 14: what the service does not do, it does for nobody's records, and says so in the same words
//! whether the record is shown, hidden or missing.

use kap_fhir::demo::player::Caller;
use reqwest::Method;

use super::super::scene::{Scene, same};
use crate::app::Db;
use crate::both;
use crate::fhir_door::{Answer, call, get};

both!(
    a_patch_or_a_deletion_tells_nothing_of_what_is_hidden,
    what_is_not_done_is_done_for_nobody
);

/// Patients of whom the partner sees all, little, nothing, and one who is not there.
fn patients(scene: &Scene) -> [&str; 4] {
    let [open, closed, far] = [&scene.open, &scene.closed, &scene.far].map(|m| &*m.patient);
    [open, closed, far, "nobody"]
}

async fn what_is_not_done_is_done_for_nobody(db: Db) {
    let scene = Scene::new(db).await;
    for who in ["therapist", "prescriber", "ehr", "pharmacy"] {
        let caller = scene.caller(who);
        for (method, path) in [
            // Export of one patient.
            (Method::GET, "/fhir/Patient/{id}/$export"),
            // Subscriptions by what they are not known by.
            (Method::POST, "/fhir/Subscription?criteria={id}"),
            (Method::GET, "/fhir/Subscription/{id}"),
            (Method::GET, "/fhir/Subscription/{id}/$events"),
            (Method::PUT, "/fhir/Subscription/{id}"),
        ] {
            let mut answers: Vec<Answer> = vec![];
            for id in patients(&scene) {
                let body = (method != Method::GET).then(|| "[]".to_owned());
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

/// Rows 6, 13 and 14: whatever is tested or copied, and under whichever condition, a hidden record is a missing one.
async fn a_patch_or_a_deletion_tells_nothing_of_what_is_hidden(db: Db) {
    let scene = Scene::new(db).await;
    for who in ["therapist", "prescriber", "ehr", "pharmacy"] {
        let caller = scene.caller(who);
        let hidden = |id: &&str| who == "therapist" || *id != scene.open.patient;
        for (method, path) in [
            (Method::PATCH, "/fhir/Patient/{id}"),
            (Method::PATCH, "/fhir/Condition?patient={id}"),
            (Method::PATCH, "/fhir/Consent?patient={id}"),
            (Method::DELETE, "/fhir/Patient/{id}"),
            (
                Method::DELETE,
                "/fhir/Observation?patient={id}&_security=HIV",
            ),
            (Method::DELETE, "/fhir/Task?patient={id}"),
            (Method::PUT, "/fhir/Condition?patient={id}"),
        ] {
            for body in [
                r#"[{"op":"test","path":"/birthDate","value":"1984-03-12"}]"#,
                r#"[{"op":"test","path":"/birthDate","value":"1901-01-01"}]"#,
                r#"[{"op":"copy","from":"/contact","path":"/extension"}]"#,
            ] {
                let mut answers: Vec<Answer> = vec![];
                let theirs = [&*scene.far.patient, "nobody"];
                let own = [&*scene.closed.patient];
                let ids = theirs
                    .iter()
                    .chain(own.iter().filter(|_| who != "therapist"));
                for id in ids.copied().filter(hidden) {
                    let path = path.replace("{id}", id);
                    let media = [("Content-Type", "application/json-patch+json")];
                    let headers = if method == Method::PATCH {
                        &media[..]
                    } else {
                        &[]
                    };
                    let body = (method != Method::DELETE).then(|| body.to_owned());
                    answers.push(sent(caller, &method, &path, headers, body).await);
                }
                for answer in &answers {
                    let refused = (400..500).contains(&answer.status);
                    assert!(refused, "{who}: {method} {path}: {}", answer.text);
                    same(answer, &answers[0]);
                }
            }
        }
    }
    scene.stop().await;
}

/// As [`call`], with a media type of the headers' own where they name one.
async fn sent(
    caller: &Caller,
    method: &Method,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<String>,
) -> Answer {
    let [(_, media), ..] = headers else {
        return call(caller, method.clone(), path, headers, body).await;
    };
    let url = format!("{}{path}", caller.base);
    let request = caller.http.request(method.clone(), url);
    let request = request.bearer_auth(&caller.token);
    let request = request.header("Content-Type", *media);
    let response = request.body(body.unwrap_or_default()).send().await;
    let response = response.expect("answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("text");
    Answer {
        status,
        headers,
        text,
    }
}
