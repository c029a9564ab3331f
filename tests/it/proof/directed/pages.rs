//! Rows 2, 4 and 5: totals, order, pages, what comes along, documents.

use std::collections::HashSet;

use kap_fhir::demo::player::Caller;
use serde_json::Value;

use super::super::rows::all;
use super::super::scene::{Scene, found, nobody, path, same};
use crate::app::Db;
use crate::both;
use crate::fhir_door::{get, text};

both!(
    totals_and_pages_know_of_nothing_hidden,
    a_withdrawal_in_the_middle_of_the_pages_ends_them,
    what_comes_along_is_filtered_too,
    a_document_is_made_of_what_its_reader_sees,
);

async fn total(caller: &Caller, path: &str) -> u64 {
    let set = get(caller, path).await.expect(200);
    set["total"]
        .as_u64()
        .unwrap_or_else(|| panic!("{path}: no total: {set}"))
}

fn next(set: &Value, base: &str) -> Option<String> {
    let mut links = set["link"].as_array().into_iter().flatten();
    let link = links.find(|l| l["relation"] == "next")?;
    text(&link["url"]).strip_prefix(base).map(str::to_owned)
}

async fn totals_and_pages_know_of_nothing_hidden(db: Db) {
    let scene = Scene::new(db).await;
    let prescriber = scene.caller("prescriber");
    for kind in [
        "Condition",
        "Observation",
        "Communication",
        "Goal",
        "DocumentReference",
        "Patient",
        "Consent",
        "Provenance",
    ] {
        let whole = found(prescriber, &format!("/fhir/{kind}?_count=1000")).await;
        let n = whole.len() as u64;
        for query in [
            "_total=accurate",
            "_total=accurate&_count=1",
            "_count=0&_total=accurate",
            "_total=accurate&_sort=-_lastUpdated",
            "_total=accurate&_sort=_id",
        ] {
            assert_eq!(
                total(prescriber, &format!("/fhir/{kind}?{query}")).await,
                n,
                "{kind}?{query}"
            );
        }
        // Hidden rows leave no gap: every page but the last is full, in whatever order.
        for order in ["_id", "_lastUpdated", "-_lastUpdated"] {
            let (mut seen, mut page) =
                (vec![], Some(format!("/fhir/{kind}?_count=2&_sort={order}")));
            while let Some(path) = page {
                let set = get(prescriber, &path).await.expect(200);
                let entries = set["entry"].as_array().cloned().unwrap_or_default();
                page = next(&set, &prescriber.base);
                assert!(
                    page.is_none() || entries.len() == 2,
                    "{path}: {}",
                    entries.len()
                );
                seen.extend(
                    entries
                        .iter()
                        .map(|e| text(&e["resource"]["id"]).to_owned()),
                );
            }
            let unique: HashSet<&String> = seen.iter().collect();
            assert_eq!(
                (seen.len(), unique),
                (whole.len(), whole.iter().collect()),
                "{kind} by {order}"
            );
        }
    }
    for (query, n) in [
        (format!("Condition?patient={}&_total=accurate", scene.closed.patient), 0),
        (format!("Condition?patient={}&_total=accurate", scene.far.patient), 0),
        ("Condition?code=F43.10&_total=accurate".to_owned(), 0),
        ("Condition?_security=SDV&_total=accurate".to_owned(), 0),
        ("Observation?_security=http://terminology.hl7.org/CodeSystem/v3-ActCode|HIV&_total=accurate".to_owned(), 0),
    ] {
        assert_eq!(total(prescriber, &format!("/fhir/{query}")).await, n, "{query}");
    }

    // A cursor is of the client that was given it, of its search, and of nothing else.
    let first = get(prescriber, "/fhir/Condition?_count=1")
        .await
        .expect(200);
    let link = next(&first, &prescriber.base).expect("a next page");
    assert_eq!(get(prescriber, &link).await.status, 200);
    for other in ["therapist", "nurse", "payer-desk", "ehr", "prescriber-2"] {
        assert_eq!(get(scene.caller(other), &link).await.status, 400, "{other}");
    }
    let moved = link.replace("/fhir/Condition?", "/fhir/Condition?code=F33.2&");
    assert_eq!(get(prescriber, &moved).await.status, 400);
    let list = get(prescriber, "/kap/v1/episodes?limit=1")
        .await
        .expect(200);
    let cursor = text(&list["next"]);
    let page = format!("/kap/v1/episodes?limit=1&cursor={cursor}");
    assert_eq!(get(prescriber, &page).await.status, 200);
    for other in ["therapist", "nurse", "ehr"] {
        assert_eq!(get(scene.caller(other), &page).await.status, 400, "{other}");
    }
    scene.stop().await;
}

async fn a_withdrawal_in_the_middle_of_the_pages_ends_them(db: Db) {
    let scene = Scene::new(db).await;
    let mut under_way = vec![];
    for who in ["prescriber", "ehr"] {
        for search in [
            "Observation?_count=1",
            "Observation?_count=1&_sort=_lastUpdated",
            "Observation?_count=1&_sort=-date",
            "DocumentReference?_count=1",
            "Provenance?_count=1",
        ] {
            let caller = scene.caller(who);
            let set = get(caller, &format!("/fhir/{search}")).await.expect(200);
            let link = next(&set, &caller.base).expect("a next page");
            let rest = all(caller, &link).await.0;
            assert!(
                rest.iter().any(|v| scene.is_of(v, &scene.leaving)),
                "{who}: {search}"
            );
            under_way.push((caller, link));
        }
    }
    scene.withdraw().await;
    let ehr = scene.caller("ehr").token.clone();
    for (caller, link) in under_way {
        // The partner keeps what it wrote itself, and that it did.
        let own = |v: &Value| caller.token != ehr && scene.author(v) == "partner-1";
        for value in all(caller, &link).await.0 {
            assert!(
                !scene.is_of(&value, &scene.leaving) || own(&value),
                "{link}: {value}"
            );
        }
    }
    for kind in [
        "Patient",
        "Condition",
        "EpisodeOfCare",
        "Composition",
        "Encounter",
    ] {
        let path = format!(
            "/fhir/{kind}?{}={}",
            if kind == "Patient" { "_id" } else { "patient" },
            scene.leaving.patient
        );
        for who in ["prescriber", "nurse", "ehr"] {
            assert!(
                found(scene.caller(who), &path).await.is_empty(),
                "{who} {kind}"
            );
        }
    }
    scene.stop().await;
}

async fn what_comes_along_is_filtered_too(db: Db) {
    let scene = Scene::new(db).await;
    let hidden = scene.hidden();
    let hidden: HashSet<&str> = hidden.iter().map(|v| text(&v["id"])).collect();
    for (who, query) in [
        (
            "prescriber",
            "Patient?_revinclude=Condition:patient&_revinclude=Observation:patient&_revinclude=Consent:patient",
        ),
        (
            "prescriber",
            "EpisodeOfCare?_include=EpisodeOfCare:patient&_revinclude=Task:episode&_revinclude=Communication:subject",
        ),
        ("prescriber", "Condition?_revinclude=Provenance:target"),
        (
            "prescriber",
            "MedicationRequest?_include=MedicationRequest:medication&_include=MedicationRequest:patient&_revinclude=Provenance:target",
        ),
        (
            "ehr",
            "Patient?_revinclude=Flag:subject&_revinclude=Communication:subject&_revinclude=Condition:patient",
        ),
        (
            "ehr",
            "EpisodeOfCare?_revinclude=Task:episode&_revinclude=Provenance:target",
        ),
        (
            "pharmacy",
            "Patient?_revinclude=Observation:patient&_revinclude=MedicationDispense:patient",
        ),
        (
            "prescriber-2",
            "Organization?_revinclude=PractitionerRole:organization&_revinclude=Encounter:service-provider",
        ),
    ] {
        let caller = scene.caller(who);
        let set = get(caller, &format!("/fhir/{query}&_count=500")).await;
        assert_eq!(set.status, 200, "{query}: {}", set.text);
        let set = set.json();
        let entries = set["entry"].as_array().cloned().unwrap_or_default();
        for entry in entries.iter().filter(|e| e["search"]["mode"] != "outcome") {
            let resource = &entry["resource"];
            assert!(
                !hidden.contains(text(&resource["id"])),
                "{who} {query}: {resource}"
            );
            let alone = get(caller, &path(resource)).await;
            assert_eq!(alone.status, 200, "{who} {query}: {}", path(resource));
            // Nothing sensitive comes along of those either who share the rest.
            for label in ["SDV", "MST", "HIV", "42CFRPart2", "NOAUTH"] {
                let labels = resource["meta"]["security"].to_string();
                assert!(
                    !labels.contains(&format!("\"{label}\"")),
                    "{who} {query}: {resource}"
                );
            }
        }
    }
    scene.stop().await;
}

async fn a_document_is_made_of_what_its_reader_sees(db: Db) {
    let scene = Scene::new(db).await;
    let therapist = scene.caller("therapist");
    let documents = scene.of("Composition", &scene.open).await;
    assert!(!documents.is_empty());
    for document in &documents {
        let whole = get(therapist, &format!("{}/$document", path(document)))
            .await
            .expect(200);
        for who in ["prescriber", "ehr"] {
            let caller = scene.caller(who);
            if get(caller, &path(document)).await.status != 200 {
                let hidden = get(caller, &format!("{}/$document", path(document))).await;
                same(
                    &hidden,
                    &get(caller, &format!("{}/$document", nobody(document))).await,
                );
                continue;
            }
            let told = get(caller, &format!("{}/$document", path(document)))
                .await
                .expect(200);
            for entry in told["entry"].as_array().into_iter().flatten().skip(1) {
                let own = path(&entry["resource"]);
                assert_eq!(get(caller, &own).await.status, 200, "{who}: {own}");
            }
            for kept in [&scene.closed.patient, &scene.far.patient] {
                assert!(!told.to_string().contains(kept.as_str()), "{who}");
            }
            for trauma in ["F43.10", "F10.20", "F32.1", "B20", "disulfiram"] {
                assert!(
                    !told.to_string().contains(trauma),
                    "{who} is told of {trauma}"
                );
            }
            assert!(
                told["entry"].as_array().map(Vec::len) <= whole["entry"].as_array().map(Vec::len)
            );
        }
    }
    for made in [&scene.closed, &scene.far] {
        for document in scene.of("Composition", made).await {
            for who in [
                "prescriber",
                "ehr",
                "prescriber-2",
                "therapist-2",
                "integrator",
            ] {
                if who == "therapist-2" && made.patient == scene.far.patient {
                    continue;
                }
                let hidden =
                    get(scene.caller(who), &format!("{}/$document", path(&document))).await;
                assert_eq!(hidden.status, 404, "{who}");
                same(
                    &hidden,
                    &get(
                        scene.caller(who),
                        &format!("{}/$document", nobody(&document)),
                    )
                    .await,
                );
            }
        }
    }
    // The letters of the JSON door and the export are documents too.
    for (who, made) in [
        ("prescriber", &scene.closed),
        ("ehr", &scene.closed),
        ("prescriber", &scene.far),
        ("prescriber-2", &scene.open),
        ("therapist-2", &scene.open),
    ] {
        for suffix in [
            "",
            "/timeline",
            "/trends",
            "/summary?doc=A",
            "/$export-episode",
        ] {
            let hidden = get(
                scene.caller(who),
                &format!("/kap/v1/episodes/{}{suffix}", made.episode),
            )
            .await;
            let missing = get(scene.caller(who), &format!("/kap/v1/episodes/none{suffix}")).await;
            assert_eq!(hidden.status, 404, "{who} {suffix}");
            same(&hidden, &missing);
        }
    }
    scene.stop().await;
}
