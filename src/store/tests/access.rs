use super::*;
use crate::error::Kind;
use crate::fhir::search::{Handling, SearchQuery};
use crate::store::episode::{self, Head, Party};
use crate::store::view::EpisodeFilter;

async fn fixture(store: &Store) {
    let head = |name: &str, patient: &str| Head {
        episode: id(name),
        patient: id(patient),
        owner: id("practice"),
        version: 1,
        phase: "referred".into(),
        status: "planned".into(),
        due_day: Some("2024-02-01".into()),
        updated_at: NOW,
    };
    let party = |organization: &str, from: i64, to: Option<i64>| Party {
        organization: id(organization),
        role: "partner".into(),
        valid_from: from,
        valid_to: to,
    };
    for (name, patient) in [("e1", "p1"), ("e2", "p1"), ("e3", "p3")] {
        put(store, episode::open(T, &head(name, patient)))
            .await
            .expect("opened");
    }
    let parties = [
        party("partner", NOW, None),
        party("expired", NOW - 9, Some(NOW)),
        party("future", NOW + 1, None),
    ];
    put(
        store,
        episode::set_parties(T, &id("e1"), &id("p1"), &parties),
    )
    .await
    .expect("set");
    for value in [
        json!({"resourceType": "EpisodeOfCare", "id": "e1", "patient": {"reference": "Patient/p1"}}),
        json!({"resourceType": "EpisodeOfCare", "id": "e2", "patient": {"reference": "Patient/p1"}}),
        json!({"resourceType": "EpisodeOfCare", "id": "e3", "patient": {"reference": "Patient/p3"}}),
        json!({"resourceType": "Patient", "id": "p1"}),
        json!({"resourceType": "Patient", "id": "p3"}),
        json!({"resourceType": "Organization", "id": "practice"}),
        json!({"resourceType": "Practitioner", "id": "dr"}),
        json!({"resourceType": "PractitionerRole", "id": "role", "practitioner": {"reference": "Practitioner/dr"}}),
        json!({"resourceType": "Practitioner", "id": "unnamed"}),
        json!({"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"},
            "asserter": {"reference": "PractitionerRole/role"}}),
        json!({"resourceType": "Flag", "id": "loose"}),
        heart_rate("in-e1", "p1", "2024-01-01", "e1"),
        heart_rate("in-e2", "p1", "2024-01-01", "e2"),
        heart_rate("whole", "p1", "2024-01-01", ""),
        heart_rate("other", "p3", "2024-01-01", "e3"),
    ] {
        create(store, &value).await;
    }
}

async fn sees(store: &Store, access: &Access, key: &Key) -> bool {
    let view = store.view(access);
    let looked_up = view.lookup(key).await.expect("lookup").is_some();
    assert_eq!(view.read(key).await.is_ok(), looked_up);
    assert_eq!(view.vread(key, 1).await.is_ok(), looked_up);
    let past = view.past(Versions::Of(key), &every()).await;
    assert_eq!(!past.expect("history").versions.is_empty(), looked_up);
    let query = SearchQuery::parse(
        &key.kind,
        &[
            ("_id".into(), key.id.to_string()),
            ("_total".into(), "accurate".into()),
        ],
        Handling::Strict,
    );
    let page = view
        .search(&query.expect("a search").0)
        .await
        .expect("a page");
    assert_eq!(page.matches.len(), usize::from(looked_up));
    assert_eq!(page.total, Some(i64::from(looked_up)));
    looked_up
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_seen_by_owner_party_and_service_only() {
    let table = [
        ("Observation/in-e1", "practice partner"),
        ("Observation/in-e2", "practice"),
        ("Observation/whole", "practice partner"),
        ("Observation/other", "practice"),
        ("Patient/p1", "practice partner"),
        ("Patient/p3", "practice"),
        ("Flag/loose", "practice"),
        (
            "Organization/practice",
            "practice partner expired future stranger",
        ),
        (
            "Practitioner/dr",
            "practice partner expired future stranger",
        ),
    ];
    for store in stores("visible").await {
        fixture(&store).await;
        for (name, wanted) in table {
            let (kind, name) = name.split_once('/').expect("a key");
            let key = key(kind, name);
            assert!(sees(&store, &system(T), &key).await);
            assert!(!sees(&store, &system("t2"), &key).await);
            for organization in ["practice", "partner", "expired", "future", "stranger"] {
                let seen = sees(&store, &caller(organization), &key).await;
                assert_eq!(
                    seen,
                    wanted.split(' ').any(|w| w == organization),
                    "{organization} {key}"
                );
            }
        }
        store.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_deletion_is_not_found_and_history_follows_the_current_version() {
    for store in stores("hidden").await {
        fixture(&store).await;
        let o = key("Observation", "in-e1");
        let moved = Draft {
            version: 2,
            ..draft(&heart_rate("in-e1", "p1", "2024-01-01", "e2"))
        };
        put(&store, resource::update(T, &moved, 1))
            .await
            .expect("moved");
        let partner = caller("partner");
        let view = store.view(&partner);
        assert_eq!(
            view.vread(&o, 1).await.expect_err("hidden now").kind,
            Kind::NotFound
        );
        let deletion = Draft {
            version: 3,
            ..moved
        };
        put(&store, resource::delete(T, &deletion, 2))
            .await
            .expect("deleted");
        assert_eq!(
            view.read(&o).await.expect_err("hidden").kind,
            Kind::NotFound
        );
        let practice = caller("practice");
        assert_eq!(
            store.view(&practice).read(&o).await.expect_err("gone").kind,
            Kind::Gone
        );
        store.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_episode_is_read_whole_and_to_its_parties_only() {
    for store in stores("whole").await {
        fixture(&store).await;
        for organization in ["practice", "partner"] {
            let access = caller(organization);
            let record = store
                .view(&access)
                .episode(&id("e1"))
                .await
                .expect("read")
                .expect("visible");
            let mut names: Vec<_> = record.resources.iter().map(|r| r.key.to_string()).collect();
            names.sort_unstable();
            let wanted = [
                "Condition/c1",
                "EpisodeOfCare/e1",
                "Observation/in-e1",
                "Patient/p1",
                "Practitioner/dr",
                "PractitionerRole/role",
            ];
            assert_eq!(names, wanted);
            assert_eq!((record.version, record.at), (1, NOW));
        }
        for organization in ["expired", "stranger"] {
            let access = caller(organization);
            assert!(
                store
                    .view(&access)
                    .episode(&id("e1"))
                    .await
                    .expect("read")
                    .is_none()
            );
        }
        store.end().await;
    }
}

async fn listed(store: &Store, access: &Access, filter: &EpisodeFilter) -> Vec<String> {
    let page = store
        .view(access)
        .episodes(filter, 9, None)
        .await
        .expect("a page");
    assert_eq!(page.next, None);
    page.heads.iter().map(|h| h.episode.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn episodes_are_listed_and_filtered() {
    for store in stores("listed").await {
        fixture(&store).await;
        let practice = caller("practice");
        let all = EpisodeFilter::default();
        assert_eq!(listed(&store, &practice, &all).await, ["e3", "e2", "e1"]);
        assert_eq!(listed(&store, &caller("partner"), &all).await, ["e1"]);
        assert!(listed(&store, &caller("expired"), &all).await.is_empty());
        let of_p3 = EpisodeFilter {
            patient: Some(id("p3")),
            ..all.clone()
        };
        assert_eq!(listed(&store, &practice, &of_p3).await, ["e3"]);
        let due = |day: &str| EpisodeFilter {
            due_before: day.parse().ok(),
            ..all.clone()
        };
        assert!(
            listed(&store, &practice, &due("2024-02-01"))
                .await
                .is_empty()
        );
        assert_eq!(listed(&store, &practice, &due("2024-02-02")).await.len(), 3);
        let phase = |code: &str| EpisodeFilter {
            phases: [code.into()].into(),
            ..all.clone()
        };
        assert_eq!(listed(&store, &practice, &phase("referred")).await.len(), 3);
        assert!(
            listed(&store, &practice, &phase("cleared"))
                .await
                .is_empty()
        );
        let status = |code: &str| EpisodeFilter {
            status: Some(code.into()),
            ..all.clone()
        };
        assert_eq!(listed(&store, &practice, &status("planned")).await.len(), 3);
        assert!(
            listed(&store, &practice, &status("active"))
                .await
                .is_empty()
        );
        store.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn episodes_are_paged() {
    for store in stores("listpages").await {
        fixture(&store).await;
        let practice = caller("practice");
        let view = store.view(&practice);
        let all = EpisodeFilter::default();
        let first = view.episodes(&all, 2, None).await.expect("a page");
        let rest = view
            .episodes(&all, 2, first.next.as_ref())
            .await
            .expect("a page");
        assert_eq!(
            (first.heads.len(), rest.heads.len(), rest.next),
            (2, 1, None)
        );
        assert!(!first.heads.contains(&rest.heads[0]));
        store.end().await;
    }
}
