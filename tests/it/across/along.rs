//! What comes along with the matches: step by step, and not without end.

use std::collections::BTreeSet;

use kap_fhir::demo::script::Party;
use serde_json::{Value, json};

use super::{key, of_mode, start};
use crate::app::Db;
use crate::both;
use crate::fhir_door::{get, post, text};

both!(
    what_comes_along_is_followed_two_steps,
    no_more_comes_along_than_may
);

async fn what_comes_along_is_followed_two_steps(db: Db) {
    let (app, _) = start(db).await;
    let practice = app.as_party(Party::Practice);
    let along = async |query: &str| -> (BTreeSet<String>, usize) {
        let path = format!("/fhir/{query}");
        let set = get(practice, &path).await.expect(200);
        let all = of_mode(&set, "include");
        let keys: BTreeSet<String> = all.iter().map(key).collect();
        assert_eq!(keys.len(), all.len(), "{path}: nothing comes twice");
        let kinds = all.iter().map(|r| text(&r["resourceType"]).to_owned());
        (kinds.collect(), of_mode(&set, "outcome").len())
    };
    let vital = "Observation?category=vital-signs&encounter:missing=false&_count=3";
    for (query, kinds, told) in [
        (
            format!("{vital}&_include=Observation:encounter"),
            vec!["Encounter"],
            0,
        ),
        (
            format!("{vital}&_include=Observation:encounter&_include:iterate=Encounter:patient"),
            vec!["Encounter", "Patient"],
            0,
        ),
        (
            "Patient?_revinclude=Encounter:patient&_revinclude:iterate=Observation:encounter"
                .to_owned(),
            vec!["Encounter", "Observation"],
            0,
        ),
        // The condition on what is referred to is of its type.
        (
            format!("{vital}&_include=Observation:subject:Organization"),
            vec![],
            0,
        ),
    ] {
        let (found, outcomes) = along(&query).await;
        assert_eq!(
            found,
            kinds.into_iter().map(str::to_owned).collect(),
            "{query}"
        );
        assert_eq!(outcomes, told, "{query}");
    }
    let (all, _) = along(&format!("{vital}&_include=*")).await;
    let (own, _) = along(&format!("{vital}&_include=Observation:*")).await;
    assert!(
        all.contains("Encounter") && all.contains("Patient"),
        "{all:?}"
    );
    assert_eq!(all, own);
    // Two steps, and no third: what would be there is not looked for, and that is told.
    let (far, told) = along(&format!("{vital}&_include:iterate=*")).await;
    assert!(
        far.is_superset(&all) && far.len() > all.len() && told == 1,
        "{far:?}"
    );
    let path = format!("/fhir/{vital}&_include:iterate=*");
    let set = get(practice, &path).await.expect(200);
    let told = of_mode(&set, "outcome");
    assert!(
        text(&told[0]["issue"][0]["diagnostics"]).contains("two steps"),
        "{told:?}"
    );
    let (whole, _) = along("Patient?_revinclude=*").await;
    assert!(
        whole.len() > 10 && !whole.contains("AuditEvent"),
        "{whole:?}"
    );
    for query in [
        "Observation?_include=Encounter:patient",
        "Observation?_include=Nothing:*",
        "Patient?_revinclude=AuditEvent:patient",
        "Patient?_include:recurse=Patient:link",
    ] {
        let refused = get(practice, &format!("/fhir/{query}")).await;
        assert_eq!(refused.status, 400, "{query}: {}", refused.text);
    }
    app.stop().await;
}

async fn no_more_comes_along_than_may(db: Db) {
    let (app, patient) = start(db).await;
    let practice = app.as_party(Party::Practice);
    let entry = |n: usize| {
        json!({"request": {"method": "POST", "url": "Observation"}, "resource": {"resourceType": "Observation",
            "status": "final", "code": {"text": format!("finding {n}")}, "subject": {"reference": key(&patient)}}})
    };
    for _ in 0..6 {
        let entries: Vec<Value> = (0..180).map(entry).collect();
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
        let done = post(practice, "/fhir", &bundle).await;
        assert_eq!(done.status, 200, "{}", done.text);
    }
    let set = get(practice, "/fhir/Patient?_revinclude=Observation:patient")
        .await
        .expect(200);
    assert_eq!(of_mode(&set, "include").len(), 1000);
    let told = of_mode(&set, "outcome");
    assert_eq!(told[0]["issue"][0]["code"], "too-costly", "{told:?}");
    assert!(text(&told[0]["issue"][0]["diagnostics"]).contains("1,000"));
    app.stop().await;
}
