use super::*;
use crate::error::Kind;
use crate::store::view::EpisodeFilter;
use crate::store::{episode, idempotency};

fn head(version: i64) -> episode::Head {
    episode::Head {
        episode: id("e1"),
        patient: id("p1"),
        owner: id("practice"),
        version,
        phase: "referred".into(),
        status: "planned".into(),
        due_day: None,
        updated_at: NOW,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_kept() {
    for store in stores("versions").await {
        let (access, o1) = (system(T), key("Observation", "o1"));
        let first = draft(&heart_rate("o1", "p1", "2024-01-01", ""));
        put(&store, resource::create(T, &first))
            .await
            .expect("created");
        let again = put(&store, resource::create(T, &first)).await;
        assert_eq!(
            again,
            Err(Conflict {
                guard: resource::EXISTS
            })
        );

        let mut second = draft(&heart_rate("o1", "p2", "2025-01-01", ""));
        second.version = 2;
        put(&store, resource::update(T, &second, 1))
            .await
            .expect("updated");
        let stale = put(&store, resource::update(T, &second, 1)).await;
        assert_eq!(
            stale,
            Err(Conflict {
                guard: resource::VERSION
            })
        );

        let view = store.view(&access);
        assert_eq!(view.read(&o1).await.expect("read").body, second.body);
        assert_eq!(view.vread(&o1, 1).await.expect("vread").body, first.body);
        assert_eq!(view.vread(&o1, 2).await.expect("vread").body, second.body);
        assert_eq!(
            view.vread(&o1, 3).await.expect_err("none").kind,
            Kind::NotFound
        );
        store.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_is_a_version_and_is_found_no_more() {
    for store in stores("deletion").await {
        let (access, o1) = (system(T), key("Observation", "o1"));
        let view = store.view(&access);
        let second = draft(&heart_rate("o1", "p1", "2024-01-01", ""));
        put(&store, resource::create(T, &second))
            .await
            .expect("created");
        let deletion = Draft {
            version: 2,
            ..second
        };
        put(&store, resource::delete(T, &deletion, 1))
            .await
            .expect("deleted");
        assert_eq!(view.read(&o1).await.expect_err("gone").kind, Kind::Gone);
        assert!(
            view.lookup(&o1)
                .await
                .expect("lookup")
                .expect("a row")
                .body
                .is_none()
        );
        let versions: Vec<_> = view
            .past(Versions::Of(&o1), &every())
            .await
            .expect("history")
            .versions
            .iter()
            .map(|s| s.version)
            .collect();
        assert_eq!(versions, [2, 1]);
        let rows = Sql::new(
            "SELECT id FROM index_token WHERE tenant = $1",
            vec![T.into()],
        );
        assert!(store.read(rows).await.expect("rows").is_empty());
        store.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_updates_of_one_version_exactly_one_wins() {
    for store in stores("race").await {
        create(&store, &heart_rate("o1", "p1", "2024-01-01", "")).await;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..16 {
            let store = Arc::clone(&store);
            tasks.spawn(async move {
                let mut next = draft(&heart_rate("o1", &format!("p{n}"), "2024-01-02", ""));
                next.version = 2;
                put(&store, resource::update(T, &next, 1)).await
            });
        }
        let results = tasks.join_all().await;
        assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
        let lost = Err(Conflict {
            guard: resource::VERSION,
        });
        assert!(results.iter().all(|r| r.is_ok() || *r == lost));
        store.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_guard_undoes_its_own_write_and_no_other() {
    for store in stores("guards").await {
        create(&store, &heart_rate("taken", "p1", "2024-01-01", "")).await;
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..60 {
            let store = Arc::clone(&store);
            tasks.spawn(async move {
                let own = heart_rate(&format!("o{n}"), "p1", "2024-01-01", "");
                let mut steps = resource::create(T, &draft(&own));
                if n % 3 == 0 {
                    let taken = heart_rate("taken", "p1", "2024-01-01", "");
                    steps.extend(resource::create(T, &draft(&taken)));
                }
                (n, put(&store, steps).await)
            });
        }
        let access = system(T);
        for (n, result) in tasks.join_all().await {
            assert_eq!(result.is_ok(), n % 3 != 0, "write {n}");
            let found = store
                .view(&access)
                .lookup(&key("Observation", &format!("o{n}")))
                .await;
            assert_eq!(found.expect("lookup").is_some(), n % 3 != 0, "row {n}");
        }
        store.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_statement_hurts_only_its_own_write() {
    for store in stores("broken").await {
        let broken = store.write(
            "test",
            vec![Step::any("INSERT INTO nowhere VALUES ($1)", vec![1.into()])],
        );
        let good = draft(&heart_rate("o1", "p1", "2024-01-01", ""));
        let good = store.write("test", resource::create(T, &good));
        let (broken, good) = tokio::join!(broken, good);
        assert_eq!(broken.expect_err("a defect").kind, Kind::Internal);
        assert_eq!(good.expect("a working store"), Ok(()));
        store.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_breaks_nothing() {
    for store in stores("dropped").await {
        for n in 0..40 {
            let own = draft(&heart_rate(&format!("o{n}"), "p1", "2024-01-01", ""));
            let write = store.write("test", resource::create(T, &own));
            // Polled once, then dropped.
            let _ = tokio::time::timeout(std::time::Duration::ZERO, write).await;
        }
        create(&store, &heart_rate("after", "p1", "2024-01-01", "")).await;
        let access = system(T);
        store
            .view(&access)
            .read(&key("Observation", "after"))
            .await
            .expect("still works");
        store.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there_when_the_store_is_opened_again() {
    let opened = sqlite("reopen").await;
    create(&opened, &heart_rate("o1", "p1", "2024-01-01", "")).await;
    opened.close().await;
    assert_eq!(
        opened.ready().await.expect_err("closed").kind,
        Kind::Unavailable
    );
    let again = open(opened.path.as_deref().expect("a path")).await;
    again
        .view(&system(T))
        .read(&key("Observation", "o1"))
        .await
        .expect("still there");
    again.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused() {
    let opened = sqlite("newer").await;
    let newer = "INSERT INTO schema_version (version, name, checksum) VALUES (999, 'x', 'x')";
    put(&opened, vec![Step::any(newer, vec![])])
        .await
        .expect("written");
    opened.close().await;
    let url = format!("sqlite:{}", opened.path.as_ref().expect("a path").display());
    let refused = Store::open(&url, Options::default())
        .await
        .expect_err("refused");
    assert_eq!(refused.kind, Kind::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_start_at_once_make_one_schema() {
    let Some(url) = postgres_url() else {
        return;
    };
    let schema = format!("kap_start_{}", std::process::id());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (url, schema) = (url.clone(), Some(schema.clone()));
        let options = Options {
            schema,
            connections: 2,
            ..Options::default()
        };
        tasks.spawn(async move { Store::open(&url, options).await });
    }
    let mut stores: Vec<_> = tasks
        .join_all()
        .await
        .into_iter()
        .map(|s| s.expect("opened"))
        .collect();
    let store = Arc::new(stores.pop().expect("six"));
    Opened {
        store,
        path: None,
        schema: Some(schema),
    }
    .end()
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_episode_is_opened_once_and_bumped_by_its_version() {
    for store in stores("episode").await {
        put(&store, episode::open(T, &head(1)))
            .await
            .expect("opened");
        let twice = put(&store, episode::open(T, &head(1))).await;
        assert_eq!(
            twice,
            Err(Conflict {
                guard: episode::EXISTS
            })
        );
        let header = json!({"resourceType": "EpisodeOfCare", "id": "e1", "patient": {"reference": "Patient/p1"}});
        put(&store, resource::create(T, &draft(&header)))
            .await
            .expect("a header");
        put(&store, episode::bump(T, &head(2), 1))
            .await
            .expect("bumped");
        let stale = put(&store, episode::bump(T, &head(2), 1)).await;
        assert_eq!(
            stale,
            Err(Conflict {
                guard: episode::VERSION
            })
        );
        put(&store, episode::touch(T, &id("e1"), 2, NOW + 1))
            .await
            .expect("touched");
        let access = system(T);
        let listed = store
            .view(&access)
            .episodes(&EpisodeFilter::default(), 10, None)
            .await;
        assert_eq!(listed.expect("a list").heads[0].version, 3);
        store.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_requests_with_one_key_one_wins() {
    for store in stores("idempotency").await {
        let answer = |n: i64| idempotency::Answer {
            request: "hash".into(),
            status: 200 + n,
            headers: "{}".into(),
            body: None,
        };
        let request = |n: i64| {
            let mut steps = idempotency::record(T, "client", "key", &answer(n), NOW);
            let own = heart_rate(&format!("o{n}"), "p1", "2024-01-01", "");
            steps.extend(resource::create(T, &draft(&own)));
            put(&store, steps)
        };
        let (a, b) = tokio::join!(request(0), request(1));
        assert!(a.is_ok() != b.is_ok());
        let lost = Err(Conflict {
            guard: idempotency::KEY,
        });
        assert!(a == lost || b == lost);
        let winner = i64::from(b.is_ok());
        let kept = idempotency::lookup(&store, T, "client", "key")
            .await
            .expect("lookup");
        assert_eq!(kept, Some(answer(winner)));
        let access = system(T);
        let loser = key("Observation", &format!("o{}", 1 - winner));
        assert!(
            store
                .view(&access)
                .lookup(&loser)
                .await
                .expect("lookup")
                .is_none()
        );
        put(&store, idempotency::forget(NOW + 1))
            .await
            .expect("forgotten");
        let kept = idempotency::lookup(&store, T, "client", "key")
            .await
            .expect("lookup");
        assert_eq!(kept, None);
        store.end().await;
    }
}
