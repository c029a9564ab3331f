//! `$meta`, `$meta-add` and `$meta-delete`: profiles, tags and labels of a record, of a type and of everything.

use kap_fhir::demo::player::Caller;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::Db;
use crate::both;
use crate::fhir_door::{Answer, call, get, post, text};
use crate::proof::scene::{Scene, path, same};

both!(
    labels_are_added_and_tags_are_taken_off,
    what_is_in_use_is_what_the_caller_sees,
);

const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";

fn body(meta: &Value) -> Value {
    json!({ "resourceType": "Parameters", "parameter": [{ "name": "meta", "valueMeta": meta }] })
}

fn tag(code: &str) -> Value {
    json!({ "system": "https://tags.example.org", "code": code })
}

fn returned(answer: Answer) -> Value {
    let value = answer.expect(200);
    assert_eq!(value["parameter"][0]["name"], "return");
    value["parameter"][0]["valueMeta"].clone()
}

async fn send(caller: &Caller, of: &Value, act: &str, meta: &Value) -> Answer {
    post(caller, &format!("{}/${act}", path(of)), &body(meta)).await
}

fn codes(meta: &Value, list: &str) -> Vec<String> {
    let all = meta[list].as_array().into_iter().flatten();
    all.map(|c| {
        c["code"]
            .as_str()
            .or(c.as_str())
            .unwrap_or_default()
            .to_owned()
    })
    .collect()
}

async fn labels_are_added_and_tags_are_taken_off(db: Db) {
    let scene = Scene::new(db).await;
    let (therapist, prescriber) = (scene.caller("therapist"), scene.caller("prescriber"));
    let finding = json!({ "resourceType": "Observation", "status": "final", "code": { "text": "A finding" },
        "meta": { "tag": [tag("first")] }, "effectiveDateTime": "2026-11-20", "valueString": "as 1.10 ever",
        "subject": { "reference": format!("Patient/{}", scene.open.patient) } });
    let one = post(therapist, "/fhir/Observation", &finding)
        .await
        .expect(201);
    assert_eq!(get(prescriber, &path(&one)).await.status, 200);
    // Added once, whatever is said beside system and code.
    let mut again = tag("first");
    again["display"] = json!("said otherwise");
    let more = json!({ "tag": [again, tag("second")], "profile": ["http://hl7.org/fhir/StructureDefinition/vitalsigns"] });
    let meta = returned(send(therapist, &one, "meta-add", &more).await);
    assert_eq!(codes(&meta, "tag"), ["first", "second"]);
    assert_eq!(
        codes(&meta, "profile"),
        ["http://hl7.org/fhir/StructureDefinition/vitalsigns"]
    );
    assert_eq!(meta["versionId"], "2");
    let read = get(therapist, &path(&one)).await.json();
    assert_eq!(read["meta"]["tag"], meta["tag"]);
    assert_eq!(read["valueString"], "as 1.10 ever");
    let meta = returned(get(therapist, &format!("{}/$meta", path(&one))).await);
    assert_eq!(codes(&meta, "tag"), ["first", "second"]);
    // What changes nothing makes no version.
    let meta = returned(
        send(
            therapist,
            &one,
            "meta-add",
            &json!({ "tag": [tag("first")] }),
        )
        .await,
    );
    assert_eq!(meta["versionId"], "2");
    let meta = returned(
        send(
            therapist,
            &one,
            "meta-delete",
            &json!({ "tag": [tag("third")] }),
        )
        .await,
    );
    assert_eq!(meta["versionId"], "2");
    let meta = returned(send(therapist, &one, "meta-delete", &json!({ "tag": [again] })).await);
    assert_eq!(
        (codes(&meta, "tag"), &meta["versionId"]),
        (vec!["second".to_owned()], &json!("3"))
    );
    let old = get(therapist, &format!("{}/_history/1", path(&one)))
        .await
        .json();
    assert_eq!(codes(&old["meta"], "tag"), ["first"]);
    // A label closes the record at once, and no client opens it again.
    let label = |code: &str| json!({ "security": [{ "system": ACT_CODE, "code": code }] });
    let meta = returned(send(therapist, &one, "meta-add", &label("HIV")).await);
    assert!(
        codes(&meta, "security").contains(&"HIV".to_owned()),
        "{meta}"
    );
    assert_eq!(get(prescriber, &path(&one)).await.status, 404);
    let refused = send(therapist, &one, "meta-delete", &label("HIV")).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert_eq!(refused.expression(), "Parameters.parameter[0].value");
    assert_eq!(get(prescriber, &path(&one)).await.status, 404);
    let refused = send(therapist, &one, "meta-add", &label("UNHEARD")).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    for part in ["SUBSETTED", "REDACTED"] {
        let system = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";
        let part = json!({ "tag": [{ "system": system, "code": part }] });
        assert_eq!(send(therapist, &one, "meta-add", &part).await.status, 422);
    }
    // Hidden is missing, for both acts; who may not update is told so.
    let nobody = json!({ "resourceType": "Observation", "id": "nobody" });
    for act in ["meta-add", "meta-delete"] {
        let meta = json!({ "tag": [tag("x")] });
        let hidden = send(prescriber, &one, act, &meta).await;
        assert_eq!(hidden.status, 404, "{}", hidden.text);
        same(&hidden, &send(prescriber, &nobody, act, &meta).await);
        assert_eq!(
            send(scene.caller("ehr"), &one, act, &meta).await.status,
            403
        );
    }
    // A stale version is one.
    let stale = [("If-Match", "W/\"1\"")];
    let path_of = format!("{}/$meta-add", path(&one));
    let sent = Some(body(&json!({ "tag": [tag("late")] })).to_string());
    let refused = call(therapist, Method::POST, &path_of, &stale, sent).await;
    assert_eq!(refused.status, 412, "{}", refused.text);
    for (wrong, at) in [
        (json!({ "resourceType": "Patient" }), "resourceType"),
        (
            json!({ "resourceType": "Parameters" }),
            "Parameters.parameter",
        ),
        (
            json!({ "resourceType": "Parameters", "parameter": [{ "name": "data", "valueMeta": {} }] }),
            "Parameters.parameter[0].name",
        ),
        (
            json!({ "resourceType": "Parameters", "parameter": [{ "name": "meta", "valueString": "x" }] }),
            "Parameters.parameter[0].value",
        ),
        (
            body(&json!({ "versionId": "9" })),
            "Parameters.parameter[0].value.versionId",
        ),
        (body(&json!({ "tag": [] })), "Parameters.parameter[0].value"),
    ] {
        let refused = post(therapist, &path_of, &wrong).await;
        assert_eq!(
            (refused.status, &*refused.expression()),
            (400, at),
            "{}",
            refused.text
        );
    }
    scene.stop().await;
}

async fn what_is_in_use_is_what_the_caller_sees(db: Db) {
    let scene = Scene::new(db).await;
    let therapist = scene.caller("therapist");
    for (patient, code) in [(&scene.open, "shared"), (&scene.closed, "kept")] {
        let system = format!("https://{code}.example.org");
        let tags = json!([tag(code), { "system": system, "code": "both" }, { "code": "both" }]);
        let finding = json!({ "resourceType": "Observation", "status": "final", "code": { "text": "A finding" },
            "meta": { "tag": tags }, "effectiveDateTime": "2026-11-20",
            "subject": { "reference": format!("Patient/{}", patient.patient) } });
        post(therapist, "/fhir/Observation", &finding)
            .await
            .expect(201);
    }
    for (client, caller) in &scene.callers {
        for kind in ["Observation", "Patient", "Consent"] {
            let search = get(caller, &format!("/fhir/{kind}?_count=250")).await;
            let answer = get(caller, &format!("/fhir/{kind}/$meta")).await;
            assert_eq!(
                answer.status, search.status,
                "{} {kind}: {}",
                client.name, answer.text
            );
            if answer.status != 200 {
                continue;
            }
            let meta = returned(answer);
            let found = search.json();
            let records = found["entry"].as_array().into_iter().flatten();
            let records: Vec<&Value> = records.map(|e| &e["resource"]["meta"]).collect();
            assert!(records.len() < 250, "one page");
            for list in ["profile", "tag", "security"] {
                let name = |c: &Value| match c.as_str() {
                    Some(url) => url.to_owned(),
                    None => format!("{}|{}", text(&c["system"]), text(&c["code"])),
                };
                // Marks of a part are of the copy that this client is shown, and on no record.
                let mark = |name: &String| name.ends_with("|REDACTED");
                let mut shown: Vec<String> = records
                    .iter()
                    .flat_map(|meta| meta[list].as_array().into_iter().flatten())
                    .map(name)
                    .filter(|name| !mark(name))
                    .collect();
                shown.sort();
                shown.dedup();
                let all = meta[list].as_array().into_iter().flatten();
                let mut told: Vec<String> = all.map(name).collect();
                told.sort();
                assert_eq!(told, shown, "{} {kind} {list}", client.name);
            }
        }
        let whole = get(caller, "/fhir/$meta").await;
        if whole.status == 200 {
            let tags = codes(&returned(whole), "tag");
            let sees = |code: &str| tags.contains(&code.to_owned());
            assert_eq!(sees("kept"), client.name == "therapist", "{}", client.name);
        } else {
            assert_eq!(whole.status, 403, "{}", whole.text);
        }
    }
    assert!(
        codes(
            &returned(get(scene.caller("prescriber"), "/fhir/$meta").await),
            "tag"
        )
        .contains(&"shared".to_owned())
    );
    assert_eq!(get(therapist, "/fhir/Nobody/$meta").await.status, 404);
    scene.stop().await;
}
