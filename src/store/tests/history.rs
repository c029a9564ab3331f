use super::*;
use crate::fhir::interval::Interval;

/// Writes version `version` of an observation at `NOW + at`; without a body, a deletion.
async fn write(store: &Store, name: &str, version: i64, at: i64, text: Option<&str>) {
    let mut value = heart_rate(name, "p1", "2024-01-01", "");
    value["code"]["text"] = json!(text);
    let mut draft = draft(&value);
    (draft.version, draft.at) = (version, NOW + at);
    let steps = match (version, text) {
        (1, _) => resource::create(T, &draft),
        (_, Some(_)) => resource::update(T, &draft, version - 1),
        (_, None) => resource::delete(T, &draft, version - 1),
    };
    put(store, steps).await.expect("written");
}

async fn told(store: &Store, access: &Access, of: Versions<'_>, span: &Span) -> Vec<String> {
    let view = store.view(access);
    let (mut span, mut out) = (span.clone(), vec![]);
    loop {
        let page = view.past(of, &span).await.expect("a page");
        assert!(page.versions.len() <= span.count as usize);
        for row in page.versions {
            let mark = if row.body.is_none() { "x" } else { "" };
            out.push(format!("{}.{}{mark}", row.key.id, row.version));
        }
        match page.next {
            Some(next) => span.after = Some(next),
            None => return out,
        }
    }
}

async fn three(store: &Store) {
    write(store, "a", 1, 0, Some("a")).await;
    write(store, "b", 1, 10, Some("b")).await;
    write(store, "a", 2, 20, Some("aa")).await;
    write(store, "b", 2, 30, None).await;
    write(store, "c", 1, 30, Some("c")).await;
    write(store, "a", 3, 40, Some("aaa")).await;
}

#[tokio::test]
async fn versions_come_newest_first_on_pages_of_any_length() {
    for store in stores("past").await {
        three(&store).await;
        let access = system(T);
        let all = ["a.3", "c.1", "b.2x", "a.2", "b.1", "a.1"];
        let types = Versions::OfTypes(&["Observation"]);
        let both = Versions::OfTypes(&["Condition", "Observation"]);
        for of in [types, both] {
            for count in [1, 2, 3, 5, 6, 100] {
                let span = Span { count, ..every() };
                assert_eq!(told(&store, &access, of, &span).await, all, "{count}");
            }
        }
        let a = key("Observation", "a");
        let one = told(&store, &access, Versions::Of(&a), &every()).await;
        assert_eq!(one, ["a.3", "a.2", "a.1"]);
        let none = told(&store, &access, Versions::OfTypes(&["Condition"]), &every()).await;
        assert_eq!(none, Vec::<String>::new());
        store.end().await;
    }
}

#[tokio::test]
async fn since_and_at_choose_by_the_time_of_writing() {
    for store in stores("since").await {
        three(&store).await;
        let (access, of) = (system(T), Versions::OfTypes(&["Observation"]));
        let since = Span {
            since: Some(NOW + 20),
            ..every()
        };
        let found = told(&store, &access, of, &since).await;
        assert_eq!(found, ["a.3", "c.1", "b.2x", "a.2"]);
        let at = |lo: i64, hi: i64| Span {
            at: Some(Interval {
                lo: NOW + lo,
                hi: NOW + hi,
            }),
            ..every()
        };
        for (lo, hi, expected) in [
            (-5, 0, &[][..]),
            (0, 1, &["a.1"]),
            (15, 16, &["b.1", "a.1"]),
            // A version is present until the instant at which the next one comes.
            (20, 21, &["a.2", "b.1"]),
            (35, 50, &["a.3", "c.1", "b.2x", "a.2"]),
            (60, 61, &["a.3", "c.1", "b.2x"]),
        ] {
            let found = told(&store, &access, of, &at(lo, hi)).await;
            assert_eq!(found, expected, "{lo} to {hi}");
        }
        store.end().await;
    }
}

#[tokio::test]
async fn narrowed_scopes_judge_each_version_and_pages_stay_full() {
    for store in stores("narrow").await {
        for n in 0..12 {
            let mut value = heart_rate("o", "p1", "2024-01-01", "");
            let category = if n % 3 == 0 { "vital-signs" } else { "exam" };
            value["category"] = json!([{"coding": [{"code": category}]}]);
            let mut draft = draft(&value);
            (draft.version, draft.at) = (n + 1, NOW + n);
            let steps = match n {
                0 => resource::create(T, &draft),
                _ => resource::update(T, &draft, n),
            };
            put(&store, steps).await.expect("written");
        }
        let o = key("Observation", "o");
        let narrow = scoped("practice", "system/Observation.rs?category=vital-signs");
        for count in [1, 2, 10] {
            let span = Span { count, ..every() };
            for of in [Versions::Of(&o), Versions::OfTypes(&["Observation"])] {
                // The present version is an exam: nothing of the record is told.
                let found = told(&store, &narrow, of, &span).await;
                assert_eq!(found, Vec::<String>::new());
            }
        }
        let mut value = heart_rate("o", "p1", "2024-01-01", "");
        value["category"] = json!([{"coding": [{"code": "vital-signs"}]}]);
        let mut draft = draft(&value);
        (draft.version, draft.at) = (13, NOW + 20);
        put(&store, resource::update(T, &draft, 12))
            .await
            .expect("written");
        let view = store.view(&narrow);
        for of in [Versions::Of(&o), Versions::OfTypes(&["Observation"])] {
            let span = Span {
                count: 2,
                ..every()
            };
            let first = view.past(of, &span).await.expect("a page").versions;
            assert_eq!(first.len(), 2);
            let found = told(&store, &narrow, of, &span).await;
            assert_eq!(found, ["o.13", "o.10", "o.7", "o.4", "o.1"]);
        }
        store.end().await;
    }
}
