//! What was before: the versions of a record, of a type and of everything.

use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::Db;
use crate::both;
use crate::fhir_door::world::{World, patient};
use crate::fhir_door::{Answer, call, get, post, put, text};

mod shapes;

both!(
    a_record_tells_its_versions_newest_first,
    a_list_of_versions_is_whole_whatever_its_pages,
    versions_are_told_as_far_as_they_are_seen,
    what_is_asked_wrongly_is_refused,
    what_was_not_modified_is_not_sent
);

fn entries(set: &Value) -> Vec<Value> {
    set["entry"].as_array().cloned().unwrap_or_default()
}

/// `Type/id.version` of each entry.
fn names(set: &Value) -> Vec<String> {
    let name = |entry: &Value| {
        let url = text(&entry["fullUrl"]).rsplitn(3, '/').collect::<Vec<_>>();
        let version = text(&entry["resource"]["meta"]["versionId"]);
        format!("{}/{}.{version}", url[1], url[0])
    };
    entries(set).iter().map(name).collect()
}

fn link(set: &Value, relation: &str) -> Option<String> {
    let links = set["link"].as_array()?;
    let found = links.iter().find(|l| l["relation"] == relation)?;
    let url = text(&found["url"]);
    Some(url[url.find("/fhir").expect("our own")..].to_owned())
}

/// All pages from `path` on.
async fn walk(caller: &Caller, path: &str) -> Vec<Value> {
    let (mut out, mut next) = (vec![], Some(path.to_owned()));
    while let Some(path) = next {
        let set = get(caller, &path).await.expect(200);
        assert_eq!(set["type"], "history");
        assert!(
            !entries(&set).is_empty() || out.is_empty(),
            "an empty last page"
        );
        next = link(&set, "next");
        out.extend(entries(&set));
    }
    out
}

async fn said(caller: &Caller, mut message: Value, words: &str) -> Value {
    message["note"] = json!([{ "text": words }]);
    put(caller, &message).await.expect(200)
}

async fn a_record_tells_its_versions_newest_first(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let first = post(practice, "/fhir/Communication", &w.message(&[]))
        .await
        .expect(201);
    let second = said(practice, first.clone(), "one").await;
    let third = said(practice, second.clone(), "two").await;
    let path = format!("/fhir/Communication/{}", text(&first["id"]));
    let set = get(practice, &format!("{path}/_history")).await.expect(200);
    let id = text(&first["id"]);
    let expected: Vec<String> = [3, 2, 1]
        .iter()
        .map(|n| format!("Communication/{id}.{n}"))
        .collect();
    assert_eq!(names(&set), expected);
    for (entry, (version, method)) in
        entries(&set)
            .iter()
            .zip([(3, "PUT"), (2, "PUT"), (1, "POST")])
    {
        let read = get(practice, &format!("{path}/_history/{version}")).await;
        assert_eq!(entry["resource"], read.json());
        assert_eq!(entry["request"]["method"], method);
        assert_eq!(entry["response"]["etag"], read.header("etag"));
        assert_eq!(
            entry["response"]["lastModified"],
            read.json()["meta"]["lastUpdated"]
        );
    }
    // From the second version on; and what was the present one when it came.
    let at = text(&second["meta"]["lastUpdated"]);
    let since = get(practice, &format!("{path}/_history?_since={at}"))
        .await
        .expect(200);
    assert_eq!(names(&since), expected[..2]);
    let then = get(practice, &format!("{path}/_history?_at={at}"))
        .await
        .expect(200);
    assert_eq!(names(&then), expected[1..2]);
    let later = text(&third["meta"]["lastUpdated"]).replace("20", "21");
    let none = get(practice, &format!("{path}/_history?_since={later}"))
        .await
        .expect(200);
    assert_eq!(names(&none), Vec::<String>::new());
    // Page by page.
    let paged: Vec<Value> = walk(practice, &format!("{path}/_history?_count=2")).await;
    assert_eq!(paged, entries(&set));
    w.app.stop().await;
}

async fn a_list_of_versions_is_whole_whatever_its_pages(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let message = post(practice, "/fhir/Communication", &w.message(&[]))
        .await
        .expect(201);
    said(practice, message, "changed").await;
    for path in ["/fhir/Communication/_history", "/fhir/_history"] {
        let all = walk(practice, &format!("{path}?_count=1000")).await;
        let few = walk(practice, &format!("{path}?_count=17")).await;
        assert_eq!(all, few, "{path}");
        let mut names: Vec<String> = all
            .iter()
            .map(|e| format!("{}{}", e["fullUrl"], e["response"]["etag"]))
            .collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "{path}: no version twice");
        let times: Vec<&str> = all
            .iter()
            .map(|e| text(&e["response"]["lastModified"]))
            .collect();
        assert!(times.is_sorted_by(|a, b| a >= b), "{path}");
    }
    // Everything that a search finds is there in its present version.
    let everything = walk(practice, "/fhir/_history?_count=1000").await;
    for kind in [
        "Patient",
        "Task",
        "Consent",
        "Organization",
        "Provenance",
        "Composition",
    ] {
        let found = get(practice, &format!("/fhir/{kind}?_count=1000"))
            .await
            .expect(200);
        assert!(!entries(&found).is_empty(), "{kind}");
        for entry in entries(&found) {
            assert!(
                everything
                    .iter()
                    .any(|e| e["resource"] == entry["resource"]),
                "{}",
                entry["fullUrl"]
            );
        }
    }
    // Writes between two pages move nothing.
    let path = "/fhir/Communication/_history?_count=1";
    let before = walk(practice, path).await;
    let first = get(practice, path).await.expect(200);
    w.app.app.clock.advance(time::Duration::seconds(1));
    post(practice, "/fhir/Communication", &w.message(&[]))
        .await
        .expect(201);
    let rest = walk(practice, &link(&first, "next").expect("more")).await;
    assert_eq!([entries(&first), rest].concat(), before);
    w.app.stop().await;
}

async fn versions_are_told_as_far_as_they_are_seen(db: Db) {
    let w = World::new(db).await;
    let (practice, partner, ehr) = (w.practice(), w.partner(), w.app.as_party(Party::Ehr));
    for caller in [partner, ehr] {
        let everything = walk(caller, "/fhir/_history?_count=200").await;
        assert!(everything.len() > 10);
        for entry in &everything {
            // One by one, each is what a read of the version tells.
            let url = text(&entry["fullUrl"]);
            let path = &url[url.find("/fhir").expect("our own")..];
            let version = text(&entry["resource"]["meta"]["versionId"]);
            let read = get(caller, &format!("{path}/_history/{version}"))
                .await
                .expect(200);
            assert_eq!(entry["resource"], read);
        }
    }
    // Cut as a read cuts it: the record has no ETag, because its version is none of the part's.
    let cut = |entry: &&Value| {
        entry["resource"]["meta"]["security"]
            .to_string()
            .contains("REDACTED")
    };
    let shown = walk(ehr, "/fhir/Patient/_history").await;
    for entry in shown.iter().filter(cut) {
        assert!(entry["response"].get("etag").is_none(), "{entry}");
    }
    assert!(
        shown
            .iter()
            .all(|entry| entry["resource"].get("contact").is_none())
    );
    // A record of another practice's has no history, like one that is not there.
    let theirs = format!("/fhir/Patient/{}", patient(&w.stranger));
    let (hidden, none) = (
        get(practice, &format!("{theirs}/_history")).await,
        get(practice, "/fhir/Patient/none/_history").await,
    );
    assert_eq!((hidden.status, none.status), (404, 404));
    assert_eq!(hidden.json()["issue"], none.json()["issue"]);
    let all = walk(practice, "/fhir/_history?_count=1000").await;
    assert!(
        !all.iter()
            .any(|e| e.to_string().contains(patient(&w.stranger)))
    );
    w.app.stop().await;
}

async fn what_is_asked_wrongly_is_refused(db: Db) {
    let w = World::new(db).await;
    let (practice, partner) = (w.practice(), w.partner());
    for query in [
        "_count=0",
        "_count=x",
        "_count=-1",
        "_since=yesterday",
        "_at=2026-13",
        "_cursor=x",
        "_count=1&_count=2",
    ] {
        for path in ["/fhir/_history", "/fhir/Patient/_history"] {
            let refused = get(practice, &format!("{path}?{query}")).await;
            assert_eq!(refused.status, 400, "{query}: {}", refused.text);
        }
    }
    let strict = [("Prefer", "handling=strict")];
    let refused = call(
        practice,
        Method::GET,
        "/fhir/_history?colour=red",
        &strict,
        None,
    )
    .await;
    assert_eq!(refused.status, 400);
    assert!(refused.text.contains("colour"), "{}", refused.text);
    let lenient = get(practice, "/fhir/_history?colour=red").await.expect(200);
    assert!(!link(&lenient, "self").expect("a link").contains("colour"));
    // A cursor is of one client and one list.
    let next = link(
        &get(practice, "/fhir/_history?_count=1").await.expect(200),
        "next",
    )
    .expect("more");
    assert_eq!(get(partner, &next).await.status, 400);
    for other in ["_since=2020", "_count=2"] {
        assert_eq!(
            get(practice, &format!("{next}&{other}")).await.status,
            400,
            "{other}"
        );
    }
    let elsewhere = next.replace("/fhir/_history", "/fhir/Patient/_history");
    assert_eq!(get(practice, &elsewhere).await.status, 400);
    for path in ["/fhir/AuditEvent/_history", "/fhir/Unknown/_history"] {
        assert!(
            [403, 404].contains(&get(practice, path).await.status),
            "{path}"
        );
    }
    // What leaves so is told to the audit: one event for each patient, with what was asked.
    get(partner, "/fhir/Task/_history").await.expect(200);
    let events = get(
        partner,
        &format!(
            "/fhir/AuditEvent?patient=Patient/{}&_count=200",
            patient(&w.own)
        ),
    )
    .await
    .expect(200);
    let told = entries(&events).into_iter().map(|e| e["resource"].clone());
    let told: Vec<Value> = told
        .filter(|e| e["subtype"][0]["code"] == "history")
        .collect();
    assert!(
        told.iter()
            .any(|e| e.to_string().contains("/fhir/Task/_history")),
        "{events}"
    );
    w.app.stop().await;
}

async fn what_was_not_modified_is_not_sent(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let path = format!("/fhir/Patient/{}", patient(&w.own));
    let read = get(practice, &path).await;
    let modified = read.header("last-modified").to_owned();
    let since = async |path: &str, headers: &[(&str, &str)]| -> Answer {
        call(practice, Method::GET, path, headers, None).await
    };
    let version = format!(
        "{path}/_history/{}",
        text(&read.json()["meta"]["versionId"])
    );
    for path in [&path, &version] {
        let same = since(path, &[("If-Modified-Since", &modified)]).await;
        assert_eq!((same.status, same.text.as_str()), (304, ""), "{path}");
        assert_eq!(same.header("last-modified"), modified);
        let older = since(
            path,
            &[("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")],
        )
        .await;
        assert_eq!(older.status, 200);
        // The more exact question is asked alone.
        let both = [
            ("If-Modified-Since", &*modified),
            ("If-None-Match", "W/\"99\""),
        ];
        assert_eq!(since(path, &both).await.status, 200);
    }
    // Of a part of a record nothing is told by its time.
    let pharmacy = w.app.as_party(Party::Pharmacy);
    let part = get(pharmacy, &path).await;
    assert!(part.text.contains("REDACTED"), "{}", part.text);
    let asked = [("If-Modified-Since", &*modified)];
    let part = call(pharmacy, Method::GET, &path, &asked, None).await;
    assert_eq!(part.status, 200);
    w.app.stop().await;
}
