//! Versions told in part, and in the words that were asked for.

use reqwest::Method;

use super::{entries, link};
use crate::app::Db;
use crate::both;
use crate::fhir_door::world::{World, patient};
use crate::fhir_door::{call, get};

both!(versions_are_told_in_part_where_that_is_asked);

async fn versions_are_told_in_part_where_that_is_asked(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let own = format!("Patient/{}", patient(&w.own));
    for path in [
        format!("/fhir/{own}/_history"),
        "/fhir/Patient/_history".into(),
    ] {
        let whole = get(practice, &path).await.expect(200);
        let this = link(&whole, "self").expect("a link");
        assert_eq!(this, path, "without a question mark that asks nothing");
        assert!(entries(&whole)[0]["resource"]["birthDate"].is_string());
        for (query, birth, name) in [
            ("_elements=birthDate", true, false),
            ("_elements=Patient.name", false, true),
            ("_summary=text", false, false),
            ("_summary=true", true, true),
        ] {
            let set = get(practice, &format!("{path}?{query}&_count=2"))
                .await
                .expect(200);
            let shaped = link(&set, "self").expect("a link");
            assert!(shaped.contains(query), "{shaped}");
            assert_eq!(entries(&set).len(), entries(&whole).len().min(2));
            for entry in entries(&set) {
                let resource = &entry["resource"];
                assert_eq!(
                    resource["birthDate"].is_string(),
                    birth,
                    "{query}: {resource}"
                );
                assert_eq!(resource["name"].is_array(), name, "{query}: {resource}");
                let tags = resource["meta"]["tag"].as_array().expect("tags");
                assert!(
                    tags.iter().any(|tag| tag["code"] == "SUBSETTED"),
                    "{resource}"
                );
                assert!(entry["response"]["etag"].is_string(), "{entry}");
            }
        }
        let strict = [("Prefer", "handling=strict")];
        for query in [
            "_summary=count",
            "_summary=x",
            "_summary=true&_elements=name",
            "_elements=colour",
        ] {
            let path = format!("{path}?{query}");
            let refused = call(practice, Method::GET, &path, &strict, None).await;
            assert_eq!(refused.status, 400, "{path}: {}", refused.text);
        }
        // What was heeded is said, of what was not nothing is.
        for (asked, applied) in [
            ("handling=strict", "handling=strict"),
            ("handling=lenient", "handling=lenient"),
            ("handling=gently", ""),
            ("respond-async", ""),
        ] {
            let search = "/fhir/Patient?_count=1".to_owned();
            for path in [&path, &search] {
                let told = call(practice, Method::GET, path, &[("Prefer", asked)], None).await;
                assert_eq!(told.status, 200, "{}", told.text);
                assert_eq!(told.header("preference-applied"), applied, "{path} {asked}");
            }
        }
        let laid_out = get(practice, &format!("{path}?_pretty=true")).await;
        assert!(laid_out.text.lines().count() > 20, "{}", laid_out.text);
    }
    w.app.stop().await;
}
