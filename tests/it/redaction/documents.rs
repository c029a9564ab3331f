//! Documents are told by what their reader sees.

use super::*;

both!(a_document_is_told_by_what_its_reader_sees);

async fn a_document_is_told_by_what_its_reader_sees(db: Db) {
    let (app, episode) = start(db).await;
    let (practice, ehr) = (app.as_party(Party::Practice), app.as_party(Party::Ehr));
    let query = "Composition?type=http://loinc.org|78472-8&_sort=date&_count=1";
    let whole = first(practice, query).await;
    let told = |value: &Value| value.to_string();
    // The one who sat with the patient is none of the EHR's business, and stands in the practice's text.
    assert!(told(&whole).contains("Morgan"), "{whole}");
    let path = format!("/fhir/Composition/{}", text(&whole["id"]));
    let answer = get(ehr, &path).await;
    is_bare(&answer);
    let seen = answer.expect(200);
    assert!(!told(&seen).contains("Morgan"), "{seen}");
    assert!(
        is_marked(&seen) && text(&seen["text"]["div"]).contains("Patient"),
        "{seen}"
    );
    let entries = |value: &Value| -> Vec<String> {
        let sections = value["section"].as_array().into_iter().flatten();
        let all = sections.flat_map(|s| s["entry"].as_array().into_iter().flatten());
        all.map(|e| text(&e["reference"]).to_owned()).collect()
    };
    let (all, some) = (entries(&whole), entries(&seen));
    assert!(
        !some.is_empty() && some.len() < all.len(),
        "{some:?} of {all:?}"
    );
    for reference in &some {
        assert_eq!(
            get(ehr, &format!("/fhir/{reference}")).await.status,
            200,
            "{reference}"
        );
    }
    // By whatever way it comes, it is the same.
    assert_eq!(first(ehr, query).await, seen);
    assert_eq!(
        get(ehr, &format!("{path}/_history/1")).await.json()["text"],
        seen["text"]
    );
    let bundle = get(ehr, &format!("{path}/$document")).await.expect(200);
    assert_eq!(bundle["entry"][0]["resource"], seen);
    let export = get(ehr, &format!("/kap/v1/episodes/{episode}/$export-episode"))
        .await
        .expect(200);
    let own = export["entry"].as_array().into_iter().flatten();
    let mut own = own.filter(|e| e["resource"]["id"] == whole["id"]);
    assert_eq!(own.next().map(|e| &e["resource"]), Some(&seen));
    for entry in export["entry"].as_array().into_iter().flatten() {
        assert!(!told(entry).contains("Morgan"), "{entry}");
    }
    // What it refers to is no question to ask either.
    let strict = [("prefer", "handling=strict")];
    let by_entry = format!("/fhir/Composition?entry={}", all[0]);
    assert_eq!(
        call(ehr, Method::GET, &by_entry, &strict, None)
            .await
            .status,
        400
    );
    assert_eq!(
        call(practice, Method::GET, &by_entry, &strict, None)
            .await
            .status,
        200
    );
    let finder = first(
        ehr,
        &format!(
            "DocumentReference?related=Composition/{}",
            text(&whole["id"])
        ),
    )
    .await;
    assert!(finder["text"].is_null() && is_marked(&finder), "{finder}");
    app.stop().await;
}
