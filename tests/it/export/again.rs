//! The same export twice, and what its manifest counts.

use std::collections::BTreeMap;

use super::*;

both!(an_export_is_the_same_again_and_counts_what_there_is);

async fn an_export_is_the_same_again_and_counts_what_there_is(db: Db) {
    let scene = Scene::new(db).await;
    let caller = scene.caller("therapist");
    let path = "/fhir/$export?_type=Patient,Observation,Encounter,Task";
    let mut runs = vec![];
    for _ in 0..3 {
        let begun = kick_off(caller, path).await;
        let manifest = done(caller, &place(caller, &begun)).await;
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for file in manifest["output"].as_array().expect("output") {
            let own = file["count"].as_u64().expect("a count");
            *counts.entry(text(&file["type"]).to_owned()).or_default() += own;
        }
        assert_eq!(manifest["error"], json!([]), "{manifest}");
        runs.push((counts, taken(caller, &manifest).await));
    }
    assert!(!runs[0].1.is_empty());
    assert!(runs.iter().all(|run| *run == runs[0]));
    for kind in ["Patient", "Observation", "Encounter", "Task"] {
        let counted = get(caller, &format!("/fhir/{kind}?_count=0&_total=accurate")).await;
        let total = counted.expect(200)["total"].as_u64().expect("a total");
        // A type without records has no file.
        let told = runs[0].0.get(kind).copied().unwrap_or_default();
        assert_eq!(told, total, "{kind}");
    }
    clean(&scene);
    scene.stop().await;
}
