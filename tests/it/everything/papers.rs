//! Documents: found, written, and the summary of a patient.

use std::collections::BTreeSet;

use kap_fhir::demo::script::Party;
use reqwest::Method;
use serde_json::{Value, json};

use super::{key, references};
use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{FIRST, call, get, post, text};
use crate::proof::scene::{Scene, found, same};

both!(
    documents_are_found_and_written,
    a_summary_is_made_of_what_is_seen,
);

async fn documents_are_found_and_written(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    for party in [Party::Practice, Party::Partner, Party::Ehr] {
        let caller = app.as_party(party);
        let patients = get(caller, "/fhir/Patient").await.json();
        let patient = text(&patients["entry"][0]["resource"]["id"]).to_owned();
        let ask = |more: &str| format!("/fhir/DocumentReference/$docref?patient={patient}{more}");
        let mut current = found(caller, &ask("")).await;
        let list = format!("/fhir/DocumentReference?patient={patient}&status=current&_count=250");
        let mut listed = found(caller, &list).await;
        current.sort();
        listed.sort();
        assert_eq!(current, listed, "{party:?}");
        assert!(!current.is_empty(), "{party:?}");
        let one = get(caller, &ask("&type=http://loinc.org|34133-9"))
            .await
            .json();
        let of_type = one["entry"].as_array().into_iter().flatten();
        for entry in of_type {
            let code = &entry["resource"]["type"]["coding"][0]["code"];
            assert_eq!(*code, "34133-9");
        }
        assert!(found(caller, &ask("&start=1900&end=1901")).await.is_empty());
        assert!(found(caller, &ask("&start=1900&end=2999")).await.len() >= current.len());
        let told = get(caller, &ask("&on-demand=true")).await.json();
        let outcome = told["entry"].as_array().and_then(|e| e.last().cloned());
        assert_eq!(outcome.expect("an entry")["search"]["mode"], "outcome");
        // Documents, in each of the ways to ask for one.
        let papers = get(caller, "/fhir/Composition?_count=1").await.json();
        let id = text(&papers["entry"][0]["resource"]["id"]).to_owned();
        let path = format!("/fhir/Composition/{id}/$document");
        let body =
            json!({ "resourceType": "Parameters", "parameter": [{ "name": "id", "valueId": id }] });
        let mut documents = vec![get(caller, &path).await];
        documents.push(call(caller, Method::POST, &path, &[], None).await);
        documents.push(get(caller, &format!("/fhir/Composition/$document?id={id}")).await);
        documents.push(post(caller, "/fhir/Composition/$document", &body).await);
        let mut documents: Vec<Value> = documents.into_iter().map(|d| d.expect(200)).collect();
        for document in &mut documents {
            document["identifier"] = Value::Null;
        }
        assert_eq!(documents[0]["type"], "document");
        assert!(documents.iter().all(|d| *d == documents[0]), "{party:?}");
        let meta = get(caller, &format!("/fhir/Composition/{id}/$meta"))
            .await
            .expect(200);
        let read = get(caller, &format!("/fhir/Composition/{id}"))
            .await
            .expect(200);
        let meta = &meta["parameter"][0]["valueMeta"];
        assert_eq!(meta["security"], read["meta"]["security"]);
        assert_eq!(meta["profile"], read["meta"]["profile"]);
    }
    app.stop().await;
}

async fn a_summary_is_made_of_what_is_seen(db: Db) {
    let scene = Scene::new(db).await;
    let mut sizes = vec![];
    for who in ["therapist", "prescriber", "ehr", "pharmacy", "integrator"] {
        let caller = scene.caller(who);
        for made in [&scene.open, &scene.closed, &scene.far] {
            let patient = format!("/fhir/Patient/{}", made.patient);
            let answer = get(caller, &format!("{patient}/$summary")).await;
            let seen = get(caller, &patient).await;
            assert_eq!(answer.status, seen.status, "{who} {}", answer.text);
            if answer.status != 200 {
                let missing = get(caller, "/fhir/Patient/nobody/$summary").await;
                same(&answer, &missing);
                continue;
            }
            let bundle = answer.json();
            assert_eq!(bundle["type"], "document");
            let entries = bundle["entry"].as_array().expect("entries");
            let composition = &entries[0]["resource"];
            assert_eq!(composition["type"]["coding"][0]["code"], "60591-5");
            let sections = composition["section"].as_array().expect("sections");
            let codes: Vec<&str> = sections
                .iter()
                .map(|s| text(&s["code"]["coding"][0]["code"]))
                .collect();
            for code in ["11450-4", "48765-2", "10160-0"] {
                assert!(codes.contains(&code), "{who}: {codes:?}");
            }
            for section in sections {
                let filled = section["entry"].is_array();
                assert_ne!(filled, section["emptyReason"].is_object(), "{section}");
                assert!(!text(&section["text"]["div"]).is_empty());
            }
            // Every resource in it is as the caller reads it, and every entry is in it.
            let mut named = BTreeSet::new();
            references(&composition["section"], &mut named);
            let inside: BTreeSet<String> = entries.iter().map(|e| key(&e["resource"])).collect();
            assert!(named.is_subset(&inside), "{who}: {named:?}");
            for entry in &entries[1..] {
                let read = get(caller, &format!("/fhir/{}", key(&entry["resource"]))).await;
                assert_eq!(read.json(), entry["resource"], "{who}");
            }
            sizes.push((who, entries.len()));
        }
    }
    assert!(
        sizes.iter().any(|(who, n)| *who == "therapist" && *n > 5),
        "{sizes:?}"
    );
    by_identifier(&scene).await;
    let strict = [("Prefer", "handling=strict")];
    for path in ["?profile=http://other", "?graph=x", "?unheard=x"] {
        let path = format!("/fhir/Patient/{}/$summary{path}", scene.open.patient);
        let refused = call(scene.caller("therapist"), Method::GET, &path, &strict, None).await;
        assert_eq!(refused.status, 400, "{path}: {}", refused.text);
    }
    scene.stop().await;
}

/// The summary of the patient of an identifier is that of the patient; who is hidden has none.
async fn by_identifier(scene: &Scene) {
    let therapist = scene.caller("therapist");
    let ask = async |id: &str| get(therapist, &format!("/fhir/Patient/{id}")).await.json();
    let open = ask(&scene.open.patient).await;
    let identifier = &open["identifier"][0];
    let (system, value) = (text(&identifier["system"]), text(&identifier["value"]));
    let path = format!("/fhir/Patient/$summary?identifier={system}|{value}");
    let answer = get(therapist, &path).await;
    let summary = answer.expect(200);
    let subject = &summary["entry"][0]["resource"]["subject"]["reference"];
    assert!(text(subject).ends_with(&scene.open.patient), "{subject}");
    let body = json!({ "resourceType": "Parameters", "parameter": [
        { "name": "identifier", "valueString": format!("{system}|{value}") }] });
    let posted = post(therapist, "/fhir/Patient/$summary", &body)
        .await
        .expect(200);
    let entries = |bundle: &Value| bundle["entry"].as_array().map(Vec::len);
    assert_eq!(entries(&posted), entries(&summary));
    for who in ["prescriber", "therapist-2", "ehr"] {
        let caller = scene.caller(who);
        let closed = ask(&scene.closed.patient).await;
        let value = text(&closed["identifier"][0]["value"]);
        let hidden = get(
            caller,
            &format!("/fhir/Patient/$summary?identifier={value}"),
        )
        .await;
        let missing = get(caller, "/fhir/Patient/$summary?identifier=nobody").await;
        let listed = get(
            caller,
            &format!("/fhir/Patient?identifier={value}&_total=accurate"),
        )
        .await;
        if listed.json()["total"] == 0 {
            assert_eq!(hidden.status, 404, "{who}: {}", hidden.text);
        }
        assert_eq!(missing.status, 404, "{who}: {}", missing.text);
    }
    for (rest, status) in [
        ("", 400),
        ("?identifier=", 400),
        ("?identifier=a&identifier=b", 400),
    ] {
        let answer = get(therapist, &format!("/fhir/Patient/$summary{rest}")).await;
        assert_eq!(answer.status, status, "{rest}: {}", answer.text);
    }
    let several = get(
        therapist,
        &format!("/fhir/Patient/$summary?identifier={system}|"),
    )
    .await;
    assert_eq!(several.status, 412, "{}", several.text);
}
