//! Jobs: one worker each, and none that was given up writes anything.

use super::*;
use crate::store::job::{self, FENCE, File, LIMIT, Lease, Most, New};

const MOST: Most = Most {
    of_client: 2,
    in_all: 3,
};
const LEASE: i64 = 30_000;

fn new<'a>(id: &'a str, client: &'a str) -> New<'a> {
    New {
        id,
        kind: "export",
        client,
        payload: "{}".into(),
        at: NOW,
        expires_at: NOW + 1_000_000,
    }
}

async fn add(store: &Store, id: &str, client: &str) -> Result<(), Conflict> {
    put(store, job::add(T, &new(id, client), MOST)).await
}

const fn lease(from: i64) -> Lease {
    Lease {
        from,
        until: from + LEASE,
    }
}

async fn claim(store: &Store, now: i64) -> Option<job::Job> {
    store
        .claim(T, &["export"], now, lease(now))
        .await
        .expect("a store")
}

const LOST: Result<(), Conflict> = Err(Conflict { guard: FENCE });

#[tokio::test(flavor = "multi_thread")]
async fn a_job_has_one_worker_at_a_time() {
    for store in stores("job_worker").await {
        assert!(claim(&store, NOW).await.is_none());
        add(&store, "a", "c").await.expect("added");
        let other = store.claim(T, &["other"], NOW, lease(NOW)).await;
        assert!(other.expect("a store").is_none());
        let both = tokio::join!(claim(&store, NOW), claim(&store, NOW));
        let mut taken = [both.0, both.1].into_iter().flatten();
        let first = taken.next().expect("one of them has it");
        assert!(taken.next().is_none(), "both have it");
        assert!(claim(&store, NOW + LEASE - 1).await.is_none());
        // While it is heard of, it keeps the job.
        put(&store, vec![job::beat(T, &first, NOW + 2 * LEASE)])
            .await
            .expect("kept");
        assert!(claim(&store, NOW + LEASE).await.is_none());
        put(&store, vec![job::go_on(T, &first, "half".into())])
            .await
            .expect("noted");
        // Then another goes on from there, and the first can write no more.
        let second = claim(&store, NOW + 2 * LEASE).await.expect("free again");
        assert_eq!(&*second.progress, "half");
        assert!(second.fence > first.fence);
        let file = File {
            name: "f".into(),
            kind: "Patient".into(),
            n: 1,
            resources: 3,
        };
        let late = vec![
            job::go_on(T, &first, "late".into()),
            job::add_file(T, &first, &file),
        ];
        assert_eq!(put(&store, late).await, LOST);
        assert!(store.job_files(T, "a").await.expect("files").is_empty());
        assert_eq!(
            put(&store, vec![job::end(T, &first, None, NOW)]).await,
            LOST
        );
        let files = vec![
            job::go_on(T, &second, "all".into()),
            job::add_file(T, &second, &file),
        ];
        put(&store, files).await.expect("noted");
        put(&store, vec![job::end(T, &second, None, NOW)])
            .await
            .expect("done");
        assert!(claim(&store, NOW + 9 * LEASE).await.is_none());
        let done = store.job(T, "a").await.expect("a store").expect("a job");
        assert_eq!((&*done.state, &*done.progress), ("done", "all"));
        assert_eq!(store.job_files(T, "a").await.expect("files"), [file]);
        store.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_given_back_waits_for_its_time() {
    for store in stores("job_back").await {
        add(&store, "a", "c").await.expect("added");
        let first = claim(&store, NOW).await.expect("a job");
        put(&store, vec![job::give_back(T, &first, NOW + 50)])
            .await
            .expect("given back");
        assert!(claim(&store, NOW + 49).await.is_none());
        let again = claim(&store, NOW + 50).await.expect("a job");
        assert_eq!(again.attempt, 2);
        put(&store, vec![job::cancel(T, "a", NOW)])
            .await
            .expect("cancelled");
        assert_eq!(put(&store, vec![job::beat(T, &again, NOW)]).await, LOST);
        assert_eq!(put(&store, vec![job::cancel(T, "a", NOW)]).await, LOST);
        assert!(claim(&store, NOW + 9 * LEASE).await.is_none());
        store.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_as_many_open_jobs_as_there_may_be() {
    for store in stores("job_most").await {
        let full = Err(Conflict { guard: LIMIT });
        let (a, b, c) = tokio::join!(
            add(&store, "a", "c"),
            add(&store, "b", "c"),
            add(&store, "x", "c")
        );
        let refused = [a, b, c].into_iter().filter(|one| *one == full).count();
        assert_eq!(refused, 1, "two of one client");
        add(&store, "d", "other").await.expect("of another client");
        assert_eq!(add(&store, "e", "third").await, full, "three in all");
        let one = claim(&store, NOW).await.expect("a job");
        put(&store, vec![job::end(T, &one, Some("why"), NOW)])
            .await
            .expect("ended");
        add(&store, "e", "third").await.expect("room again");
        let over = store.expired_jobs(T, NOW + 1_000_000).await.expect("ids");
        assert_eq!(over.len(), 4);
        for id in &over {
            put(&store, job::forget(T, id)).await.expect("forgotten");
        }
        let left = store.expired_jobs(T, i64::MAX).await.expect("ids");
        assert!(left.is_empty());
        store.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_opened_since_is_new_though_it_is_old() {
    use crate::store::episode::{Party, set_parties};
    use crate::store::view::{Everything, Record};
    use crate::store::{Being, Portion, Whose};
    for store in stores("since_opened").await {
        create(&store, &json!({"resourceType": "Patient", "id": "p1"})).await;
        create(&store, &heart_rate("o1", "p1", "2024-01-01", "e1")).await;
        let party = Party {
            organization: id("partner"),
            role: "partner".into(),
            valid_from: NOW + 5,
            valid_to: None,
        };
        let steps = set_parties(T, &id("e1"), &id("p1"), &[party]);
        put(&store, steps).await.expect("set");
        let caller = Caller {
            client: "c".into(),
            organization: id("partner"),
            role: Role::PartnerPrescriber,
            scopes: Scopes::parse("system/*.rs").expect("scopes"),
            purpose: "TREAT".into(),
            token: "t".into(),
        };
        let access = Access::of(T.into(), caller, NOW + 100).under(Disclosure::FederalBaseline);
        let view = store.view(&access);
        for (since, seen) in [(NOW, 1), (NOW + 5, 1), (NOW + 6, 0)] {
            let portion = Portion {
                kind: "Observation",
                being: Being::Present,
                whose: Whose::All,
                since: Some(since),
                any: vec![],
            };
            let found = view.exported(&portion, 10, "").await.expect("rows");
            assert_eq!(found.len(), seen, "export since {since}");
            let asked = Everything {
                record: Record::Patient(id("p1")),
                kinds: Some(vec!["Observation"]),
                since: Some(since),
                start: None,
                end: None,
                hidden: vec![],
            };
            let part = view.everything(&asked, 10, None).await.expect("rows");
            assert_eq!(part.rows.len(), seen, "everything since {since}");
        }
        store.end().await;
    }
}
