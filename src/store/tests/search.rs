use super::*;
use crate::fhir::search::{Handling, SearchQuery};
use crate::store::Page;

fn query(kind: &str, text: &str) -> SearchQuery {
    let pairs: Vec<_> = url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect();
    SearchQuery::parse(kind, &pairs, Handling::Strict)
        .expect("a search")
        .0
}

fn names(page: &Page) -> Vec<&str> {
    page.matches.iter().map(|m| m.key.id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_neither_lose_nor_repeat_what_was_there_when_others_write() {
    for store in stores("paging").await {
        for n in 0..25 {
            create(
                &store,
                &heart_rate(
                    &format!("o{n:02}"),
                    "p1",
                    &format!("2024-01-{:02}", n % 7 + 1),
                    "",
                ),
            )
            .await;
        }
        for sort in ["", "&_sort=date", "&_sort=-date", "&_sort=-_lastUpdated"] {
            let access = system(T);
            let view = store.view(&access);
            let (mut seen, mut after, mut page_number) = (Vec::new(), None, 0);
            loop {
                let mut search = query(
                    "Observation",
                    &format!("patient=p1&code=8867-4&_count=4{sort}"),
                );
                search.page.after = after.take();
                let page = view.search(&search).await.expect("a page");
                seen.extend(names(&page).into_iter().map(str::to_owned));
                page_number += 1;
                let between = format!("n{page_number:02}{}", sort.replace(['&', '=', '_'], ""));
                create(&store, &heart_rate(&between, "p1", "2024-01-03", "")).await;
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
            let mut old: Vec<_> = seen.iter().filter(|s| s.starts_with('o')).collect();
            old.sort_unstable();
            assert_eq!(old.len(), 25, "{sort}");
            old.dedup();
            assert_eq!(old.len(), 25, "{sort}");
        }
        store.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn order_total_and_empty_pages() {
    for store in stores("order").await {
        for (name, day) in [
            ("a", "2024-03-01"),
            ("b", "2024-01-01"),
            ("c", "2024-02-01"),
        ] {
            create(&store, &heart_rate(name, "p1", day, "")).await;
        }
        let access = system(T);
        let view = store.view(&access);
        let page = view
            .search(&query("Observation", "_sort=-date&_total=accurate"))
            .await
            .expect("a page");
        assert_eq!((names(&page), page.total), (vec!["a", "c", "b"], Some(3)));
        assert!(page.next.is_none());
        let page = view
            .search(&query("Observation", "_sort=date&_count=2"))
            .await
            .expect("a page");
        assert_eq!((names(&page), page.total), (vec!["b", "c"], None));
        assert_eq!(page.next.map(|after| after.id).as_deref(), Some("c"));
        let page = view
            .search(&query("Observation", "date=ge2024-02&_count=0"))
            .await
            .expect("a page");
        assert_eq!((page.matches.len(), page.total), (0, Some(2)));
        let other = system("t2");
        let page = store
            .view(&other)
            .search(&query("Observation", ""))
            .await
            .expect("a page");
        assert!(page.matches.is_empty());
        store.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn includes_come_once_and_in_both_directions() {
    for store in stores("includes").await {
        create(&store, &json!({"resourceType": "Patient", "id": "p1"})).await;
        for name in ["o1", "o2", "o3"] {
            create(&store, &heart_rate(name, "p1", "2024-01-01", "")).await;
        }
        create(
            &store,
            &json!({"resourceType": "Provenance", "id": "v1",
            "target": [{"reference": "Observation/o1"}, {"reference": "Observation/o2"}]}),
        )
        .await;
        let access = system(T);
        let text = "patient=p1&_include=Observation:subject&_include=Observation:patient&_revinclude=Provenance:target";
        let page = store
            .view(&access)
            .search(&query("Observation", text))
            .await
            .expect("a page");
        let included: Vec<_> = page.included.iter().map(|s| s.key.to_string()).collect();
        assert_eq!(included, ["Patient/p1", "Provenance/v1"]);
        // The caller's role allows no type here, so nothing comes along with what it may see.
        let practice = caller("practice");
        let page = store
            .view(&practice)
            .search(&query("Observation", text))
            .await
            .expect("a page");
        let allowed = practice
            .allow(crate::access::Interaction::Read, "Patient")
            .is_ok();
        assert_eq!(
            page.included.iter().any(|s| &*s.key.kind == "Patient"),
            allowed
        );
        assert_eq!(page.matches.len(), 3);
        store.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patient_code_and_date_are_index_ranges() {
    let store = sqlite("plan").await;
    let access = caller("practice");
    let view = store.view(&access);
    let searches = [
        (
            "Observation",
            "patient=p1&code=http://loinc.org|8867-4&date=ge2024-01-01&_sort=-date",
        ),
        ("Observation", "patient=p1&category=vital-signs"),
        ("Observation", "patient=p1"),
        ("Observation", "patient=p1&_sort=-date"),
        ("Observation", "patient=p1&_sort=-_lastUpdated"),
        ("Patient", "identifier=urn:mr|7"),
        ("Patient", "name=ana&birthdate=1980"),
        ("Task", "owner=Organization/x&status=requested"),
        ("Observation", "_sort=-date"),
    ];
    for (kind, text) in searches {
        let mut plan = view.page(&query(kind, text)).sql();
        plan.text = format!("EXPLAIN QUERY PLAN {}", plan.text).into();
        let rows = store.read(plan).await.expect("a plan");
        let lines: Vec<_> = rows.iter().map(|r| r.text(3)).collect();
        let scans = lines
            .iter()
            .filter(|l| l.starts_with("SCAN") && !l.ends_with(" k"));
        assert_eq!(scans.count(), 0, "{text}: {lines:#?}");
        let walks = lines
            .iter()
            .filter(|l| l.contains("resource_date") || l.contains("resource_at"));
        assert_eq!(
            walks.count(),
            usize::from(text == "_sort=-date"),
            "{text}: {lines:#?}"
        );
        if text.contains("code=") {
            let range =
                "index_token_code (tenant=? AND type=? AND param=? AND code=? AND patient=?)";
            assert!(lines.iter().any(|l| l.contains(range)), "{lines:#?}");
            let keyed = "PRIMARY KEY (tenant=? AND type=? AND id=? AND param=?";
            assert!(lines.iter().any(|l| l.contains(keyed)), "{lines:#?}");
        }
    }
    store.end().await;
}

/// What has a value of its own to be sorted by, and whatever else.
fn weighed(name: &str, n: usize) -> Value {
    let mut value = heart_rate(name, "p1", &format!("2024-01-{:02}", n % 9 + 1), "");
    if n % 5 != 4 {
        value["valueQuantity"] =
            json!({"value": n * 7 % 13, "code": "g", "system": "http://unitsofmeasure.org"});
    }
    value["method"] = json!({"coding": [{"code": format!("m{}", n % 3)}]});
    value
}

/// Adds, changes and deletes records until it is stopped.
async fn churn(store: Arc<Store>, stop: Arc<std::sync::atomic::AtomicBool>) {
    let mut versions = [1_i64; 6];
    for n in 0.. {
        if stop.load(std::sync::atomic::Ordering::SeqCst) {
            return;
        }
        create(&store, &weighed(&format!("n{n:05}"), n)).await;
        let moved = n % versions.len();
        let mut change = draft(&weighed(&format!("u{moved}"), n + 1));
        change.version = versions[moved] + 1;
        put(&store, resource::update(T, &change, versions[moved]))
            .await
            .expect("changed");
        versions[moved] += 1;
        if n >= 3 {
            let mut gone = draft(&weighed(&format!("n{:05}", n - 3), n));
            gone.version = 2;
            put(&store, resource::delete(T, &gone, 1))
                .await
                .expect("deleted");
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_in_a_storm_of_writes_in_every_order() {
    use std::sync::atomic::{AtomicBool, Ordering};
    for store in stores("storm").await {
        for n in 0..40 {
            create(&store, &weighed(&format!("o{n:02}"), n)).await;
        }
        for n in 0..6 {
            create(&store, &weighed(&format!("u{n}"), n)).await;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let mut writers = tokio::task::JoinSet::new();
        writers.spawn(churn(Arc::clone(&store), Arc::clone(&stop)));
        let access = system(T);
        for sort in [
            "",
            "_sort=-_id",
            "_sort=date",
            "_sort=-date",
            "_sort=-_lastUpdated",
            "_sort=value-quantity",
            "_sort=-value-quantity",
            "_sort=method,-value-quantity",
            "_sort=-method,date",
            "_sort=value-string,method",
        ] {
            let (mut seen, mut after): (Vec<String>, _) = (Vec::new(), None);
            loop {
                let mut search = query("Observation", &format!("code=8867-4&_count=7&{sort}"));
                search.page.after = after.take();
                let page = store.view(&access).search(&search).await.expect("a page");
                assert!(!page.matches.is_empty() || page.next.is_none(), "{sort}");
                seen.extend(names(&page).into_iter().map(str::to_owned));
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
            // What nobody touches is there once; what was added or deleted is there once at most.
            let mut old: Vec<_> = seen.iter().filter(|s| s.starts_with('o')).collect();
            old.sort_unstable();
            old.dedup();
            let times = seen.iter().filter(|s| s.starts_with('o')).count();
            assert_eq!((old.len(), times), (40, 40), "{sort} on {}", store.kind());
            let mut new: Vec<_> = seen.iter().filter(|s| s.starts_with('n')).collect();
            let times = new.len();
            new.sort_unstable();
            new.dedup();
            assert_eq!(new.len(), times, "{sort} on {}", store.kind());
        }
        stop.store(true, Ordering::SeqCst);
        while let Some(ended) = writers.join_next().await {
            ended.expect("a writer");
        }
        store.end().await;
    }
}
