//! Less than the whole of a record: `_summary`, `_elements`, `_pretty`, on reads and searches.

use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{Answer, FIRST, call, get, only, put, text};

both!(
    a_subset_is_told_and_says_so,
    searches_tell_subsets_page_by_page,
    a_subset_is_never_written_back,
    what_is_hidden_is_no_element,
    answers_are_laid_out_for_people,
    what_cannot_be_is_refused
);

async fn start(db: Db) -> (TestApp, Value) {
    let (full, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &full).await;
    let patient = only(app.as_party(Party::Practice), "/fhir/Patient").await;
    (app, patient)
}

fn is_subset(value: &Value) -> bool {
    let tags = value["meta"]["tag"].as_array().into_iter().flatten();
    tags.into_iter().any(|tag| tag["code"] == "SUBSETTED")
}

fn has(value: &Value, names: &[&str]) -> Vec<bool> {
    names.iter().map(|name| value.get(name).is_some()).collect()
}

async fn a_subset_is_told_and_says_so(db: Db) {
    let (app, patient) = start(db).await;
    let practice = app.as_party(Party::Practice);
    let one = format!("/fhir/Patient/{}", text(&patient["id"]));
    let version = format!("{one}/_history/{}", text(&patient["meta"]["versionId"]));
    for path in [&one, &version] {
        let whole = get(practice, path).await;
        let names = ["active", "name", "birthDate", "communication", "text"];
        for (asked, expected) in [
            ("_summary=true", [true, true, true, false, false]),
            ("_summary=text", [true, false, false, false, true]),
            ("_summary=data", [true, true, true, true, false]),
            ("_elements=birthDate", [true, false, true, false, false]),
            ("_elements=Patient.name", [true, true, false, false, false]),
        ] {
            let answer = get(practice, &format!("{path}?{asked}")).await;
            assert_eq!(answer.header("etag"), whole.header("etag"), "{asked}");
            let part = answer.expect(200);
            let mut expected = expected.to_vec();
            let whole = whole.json();
            for (there, name) in expected.iter_mut().zip(names) {
                *there &= whole.get(name).is_some();
            }
            assert_eq!(has(&part, &names), expected, "{asked}: {part}");
            assert!(is_subset(&part), "{asked}: {part}");
            assert_eq!(part["meta"]["security"], whole["meta"]["security"]);
        }
        let same = get(practice, &format!("{path}?_summary=false")).await;
        assert_eq!(same.text, whole.text);
    }
    let day = "/fhir/Encounter?_summary=true&_count=1";
    let first = get(practice, day).await.expect(200)["entry"][0]["resource"].clone();
    assert!(first["status"].is_string() && first["class"].is_object());
    assert!(
        is_subset(&first) && first.get("extension").is_none(),
        "{first}"
    );
    app.stop().await;
}

async fn searches_tell_subsets_page_by_page(db: Db) {
    let (app, _) = start(db).await;
    let practice = app.as_party(Party::Practice);
    let count = get(practice, "/fhir/Observation?_summary=count")
        .await
        .expect(200);
    let total = count["total"].as_u64().expect("a total");
    assert!(total > 10 && count.get("entry").is_none(), "{count}");
    let mut path =
        "/fhir/Observation?_count=5&_elements=code,Encounter.status&_include=Observation:encounter"
            .to_owned();
    let mut seen = 0;
    loop {
        let set = get(practice, &path).await.expect(200);
        for entry in set["entry"].as_array().into_iter().flatten() {
            let resource = &entry["resource"];
            let matched = entry["search"]["mode"] == "match";
            seen += u64::from(matched);
            assert!(is_subset(resource), "{resource}");
            assert_eq!(
                has(resource, &["status", "code", "subject", "period"]),
                [true, matched, false, false]
            );
        }
        let links = set["link"].as_array().into_iter().flatten();
        let next = links.into_iter().find(|link| link["relation"] == "next");
        let Some(next) = next else { break };
        path = text(&next["url"]).trim_start_matches(&app.base).to_owned();
        assert!(path.contains("_elements=code,Encounter.status"), "{path}");
    }
    assert_eq!(seen, total);
    // What comes along is whole where its type is not named.
    let path = "/fhir/Encounter?_count=3&_elements=status&_include=Encounter:patient";
    let set = get(practice, path).await.expect(200);
    let patient = set["entry"]
        .as_array()
        .and_then(|all| all.last())
        .expect("a patient");
    assert!(patient["resource"]["name"].is_array() && !is_subset(&patient["resource"]));
    app.stop().await;
}

async fn a_subset_is_never_written_back(db: Db) {
    let (app, patient) = start(db).await;
    let practice = app.as_party(Party::Practice);
    for asked in ["_summary=true", "_summary=data", "_elements=name"] {
        let path = format!("/fhir/Patient/{}?{asked}", text(&patient["id"]));
        let part = get(practice, &path).await.expect(200);
        let refused = put(practice, &part).await;
        assert_eq!(refused.status, 422, "{asked}: {}", refused.text);
        assert_eq!(refused.expression(), "Patient.meta.tag");
    }
    let whole = get(practice, &format!("/fhir/Patient/{}", text(&patient["id"]))).await;
    assert_eq!(whole.expect(200), patient);
    app.stop().await;
}

async fn strictly(caller: &Caller, path: &str) -> Answer {
    let strict = [("Prefer", "handling=strict")];
    call(caller, Method::GET, path, &strict, None).await
}

/// What two answers say, but for the name that was asked for, and for what an outcome's full URL is made of: its words.
fn alike(a: &Answer, b: &Answer, names: [&str; 2]) {
    let unnamed = |text: &str| -> String {
        let (before, rest) = text.split_once("urn:uuid:").unwrap_or((text, ""));
        format!("{before}{}", rest.get(36..).unwrap_or_default())
    };
    let [a, b] = [(a, names[0]), (b, names[1])]
        .map(|(answer, name)| (answer.status, unnamed(&answer.text.replace(name, "…"))));
    assert_eq!(a, b);
}

async fn what_is_hidden_is_no_element(db: Db) {
    let (app, patient) = start(db).await;
    let mut patient = patient;
    let practice = app.as_party(Party::Practice);
    patient["contact"] =
        json!([{"name": {"family": "Standby"}, "relationship": [{"text": "sister"}]}]);
    let patient = put(practice, &patient).await.expect(200);
    let id = text(&patient["id"]);
    for (party, hidden) in [(Party::Pharmacy, "contact"), (Party::Ehr, "contact")] {
        let caller = app.as_party(party);
        for path in [
            format!("/fhir/Patient/{id}?"),
            format!("/fhir/Patient?_id={id}&"),
        ] {
            let of = |names: &str| format!("{path}_elements={names}");
            let [known, none] = [
                get(caller, &of(hidden)).await,
                get(caller, &of("colour")).await,
            ];
            alike(&known, &none, [hidden, "colour"]);
            let [known, none] = [
                strictly(caller, &of(hidden)).await,
                strictly(caller, &of("colour")).await,
            ];
            assert_eq!(known.status, 400, "{}", known.text);
            alike(&known, &none, [hidden, "colour"]);
            for asked in [
                "_elements=name",
                "_summary=true",
                "_summary=data",
                "_summary=text",
            ] {
                let answer = get(caller, &format!("{path}{asked}")).await;
                assert_eq!(answer.status, 200, "{}", answer.text);
                assert!(!answer.text.contains("Standby"), "{}", answer.text);
                assert!(answer.text.contains("REDACTED"), "{}", answer.text);
            }
        }
        // A part of a part tells no version either.
        let answer = get(caller, &format!("/fhir/Patient/{id}?_summary=true")).await;
        assert_eq!(answer.header("etag"), "");
    }
    app.stop().await;
}

async fn answers_are_laid_out_for_people(db: Db) {
    let (app, patient) = start(db).await;
    let practice = app.as_party(Party::Practice);
    let id = text(&patient["id"]);
    let version = text(&patient["meta"]["versionId"]);
    for path in [
        format!("/fhir/Patient/{id}?"),
        format!("/fhir/Patient/{id}/_history/{version}?"),
        format!("/fhir/Patient?_id={id}&"),
        "/fhir/metadata?".to_owned(),
    ] {
        let plain = get(practice, &path).await;
        let laid = get(practice, &format!("{path}_pretty=true")).await;
        assert!(
            laid.text.starts_with("{\n  \"resourceType\""),
            "{}",
            laid.text
        );
        assert_eq!(laid.json(), plain.json(), "{path}");
        assert!(
            !get(practice, &format!("{path}_pretty=false"))
                .await
                .text
                .contains('\n')
        );
    }
    app.stop().await;
}

async fn what_cannot_be_is_refused(db: Db) {
    let (app, patient) = start(db).await;
    let practice = app.as_party(Party::Practice);
    let one = format!("/fhir/Patient/{}", text(&patient["id"]));
    for query in [
        "_summary=yes",
        "_summary=true&_elements=name",
        "_summary=true&_summary=text",
    ] {
        for path in [&*one, "/fhir/Patient"] {
            let refused = get(practice, &format!("{path}?{query}")).await;
            assert_eq!(refused.status, 400, "{query}: {}", refused.text);
        }
    }
    for path in [
        format!("{one}?_summary=count"),
        format!("{one}?_elements=colour"),
        "/fhir/Observation?_summary=text&_include=Observation:patient".to_owned(),
    ] {
        assert_eq!(get(practice, &path).await.status, 400, "{path}");
    }
    // A search tells what it passed over.
    let set = get(practice, "/fhir/Patient?_elements=name,colour")
        .await
        .expect(200);
    let outcome = &set["entry"].as_array().expect("entries")[1]["resource"];
    assert!(
        text(&outcome["issue"][0]["diagnostics"]).contains("colour"),
        "{set}"
    );
    app.stop().await;
}
