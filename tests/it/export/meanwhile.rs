//! Whose an export is, and what happens to it when the world changes or the service dies meanwhile.

use reqwest::Method;
use serde_json::{Value, json};

use super::{clean, done, exported, kick_off, place, taken};
use crate::app::Db;
use crate::both;
use crate::crash::{Place, practice};
use crate::fhir_door::{call, get, post, text};
use crate::program::free_address;
use crate::proof::scene::{Scene, same};

both!(
    an_export_is_its_clients_alone,
    what_is_hidden_meanwhile_is_not_given,
    an_export_goes_on_after_a_crash,
);

async fn an_export_is_its_clients_alone(db: Db) {
    let scene = Scene::new(db).await;
    let owner = scene.caller("prescriber");
    let begun = kick_off(owner, "/fhir/$export").await;
    let place = place(owner, &begun);
    let manifest = done(owner, &place).await;
    let file = text(&manifest["output"][0]["url"]).replace(&owner.base, "");
    let name = file.rsplit('/').next().expect("a name").to_owned();
    for (client, caller) in scene.callers.iter().filter(|(c, _)| c.name != "prescriber") {
        for (method, theirs, nobodys) in [
            (
                Method::GET,
                place.clone(),
                "/fhir/$export/nobody".to_owned(),
            ),
            (
                Method::GET,
                file.clone(),
                format!("/fhir/$export/nobody/{name}"),
            ),
            (
                Method::DELETE,
                place.clone(),
                "/fhir/$export/nobody".to_owned(),
            ),
        ] {
            let hidden = call(caller, method.clone(), &theirs, &[], None).await;
            let missing = call(caller, method, &nobodys, &[], None).await;
            assert_eq!(hidden.status, 404, "{}: {}", client.name, hidden.text);
            same(&hidden, &missing);
        }
    }
    assert_eq!(get(owner, &file).await.status, 200);
    // Each patient's record that left is in the audit, as a disclosure to this client.
    let bench = &scene.bench.place;
    let sql = "SELECT DISTINCT patient FROM audit WHERE kind = 'disclose' AND detail LIKE '$export%' AND client = 'prescriber'";
    assert!(!bench.column(sql).await.is_empty());
    let sql = "SELECT COUNT(*) FROM audit WHERE target_type = 'export' AND client = 'prescriber' AND detail LIKE 'GET /fhir/$export%'";
    assert_eq!(bench.cell(sql).await, "1");
    clean(&scene);
    scene.stop().await;
}

async fn what_is_hidden_meanwhile_is_not_given(db: Db) {
    let scene = Scene::new(db).await;
    let caller = scene.caller("prescriber");
    let begun = kick_off(caller, "/fhir/$export?_type=Condition,Organization").await;
    let place = place(caller, &begun);
    let manifest = done(caller, &place).await;
    let of = |kind: &str| {
        let files = manifest["output"].as_array().expect("output");
        let file = files.iter().find(|f| f["type"] == kind).expect(kind);
        text(&file["url"]).replace(&caller.base, "")
    };
    let before = get(caller, &of("Condition")).await;
    let theirs = |text: &str| {
        let all = text
            .lines()
            .map(|l| serde_json::from_str::<Value>(l).expect("json"));
        all.filter(|v| scene.is_of(v, &scene.leaving)).count()
    };
    assert!(theirs(&before.text) > 0, "{}", before.text);
    scene.withdraw().await;
    let after = get(caller, &of("Condition")).await;
    assert_eq!(after.status, 410, "{}", after.text);
    assert_eq!(get(caller, &of("Condition")).await.status, 404);
    // What is nobody's is still there.
    assert_eq!(get(caller, &of("Organization")).await.status, 200);
    let again = exported(caller, "/fhir/$export?_type=Condition").await;
    assert!(!again.values().any(|v| scene.is_of(v, &scene.leaving)));
    // Who is disabled is given nothing.
    scene
        .service
        .app
        .auth
        .disable("prescriber")
        .await
        .expect("disabled");
    scene.service.app.clock.advance(time::Duration::seconds(2));
    assert_eq!(get(caller, &of("Organization")).await.status, 401);
    clean(&scene);
    scene.stop().await;
}

async fn an_export_goes_on_after_a_crash(db: Db) {
    let address = free_address();
    let base = format!("http://{address}");
    let (place_of, accounts) = Place::new(db, &base).await;
    let folder = crate::app::tempdir::Folder::new();
    let exports = folder.path().to_str().expect("path").to_owned();
    let words = ["--exports", &*exports, "--export-file-size", "1"];
    let program = place_of.program_with(&address, &words).await;
    let caller = practice(&base, &accounts).await;
    for n in 0..150 {
        let patient = json!({ "resourceType": "Patient", "name": [{ "family": format!("Family{n}") }],
            "identifier": [{ "system": "https://numbers.example.org", "value": n.to_string() }],
            "birthDate": "1984-03-12", "gender": "female" });
        post(&caller, "/fhir/Patient", &patient).await.expect(201);
    }
    let begun = kick_off(&caller, "/fhir/$export?_type=Patient").await;
    let state = place(&caller, &begun);
    // It is killed in the middle.
    let count = format!(
        "SELECT COUNT(*) FROM job_file WHERE job = '{}'",
        state.rsplit('/').next().expect("id")
    );
    let mut made = 0;
    while made < 5 {
        made = place_of
            .database
            .cell(&count)
            .await
            .parse()
            .expect("a number");
    }
    program.kill();
    let left: usize = place_of
        .database
        .cell(&count)
        .await
        .parse()
        .expect("a number");
    assert!(left < 150, "it was done already");
    let program = place_of.program_with(&address, &words).await;
    let caller = practice(&base, &accounts).await;
    let manifest = done(&caller, &state).await;
    let told = taken(&caller, &manifest).await;
    assert_eq!(told.len(), 150);
    // What was made before the crash was not made again.
    let first = manifest["output"].as_array().expect("output").iter();
    let of_first = first.filter(|f| text(&f["url"]).ends_with("-1.ndjson"));
    assert_eq!(of_first.count(), left);
    program.kill();
}
