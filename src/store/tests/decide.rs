//! The access predicate in SQL and the rule in memory say the same of random rows, consents and callers.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::access::class::{Classes, NAMES};
use crate::access::consent::{Effect, Grant};
use crate::access::decide::{Facts, Link, decide};
use crate::access::purpose::Purposes;
use crate::store::consent::{Granted, set_grants};
use crate::store::episode::{Party, set_parties};
use crate::store::view::tokens;

/// A row as the test makes it.
#[derive(Clone, Debug)]
struct Made {
    kind: &'static str,
    owner: &'static str,
    author: &'static str,
    /// Patient and episode; empty where there is none.
    whose: (&'static str, &'static str),
    class: Classes,
    labels: Labels,
    status: &'static str,
    codes: Vec<&'static str>,
}

/// Episodes with their patients.
const EPISODES: [(&str, &str); 3] = [("p1", "e1"), ("p1", "e2"), ("p2", "e3")];
const ORGANIZATIONS: [&str; 3] = ["practice", "partner", "ehr"];
const LABELS: [Labels; 7] = [
    Labels::R,
    Labels::PSY,
    Labels::ADOL,
    Labels::SUD,
    Labels::SDV,
    Labels::PART2,
    Labels::UNKNOWN,
];

fn labels() -> impl Strategy<Value = Labels> {
    vec(select(&LABELS[..]), 0..4).prop_map(|all| all.into_iter().fold(Labels::NONE, Labels::or))
}

fn classes() -> impl Strategy<Value = Classes> {
    let some = vec(select(NAMES), 1..6);
    let some = some.prop_map(|all| all.iter().fold(Classes::NONE, |sum, (c, _)| sum.or(*c)));
    prop_oneof![Just(Classes::ALL), some]
}

fn row() -> impl Strategy<Value = Made> {
    let class = prop_oneof![
        9 => select(NAMES).prop_map(|(class, _)| class),
        1 => Just(Classes::NONE),
    ];
    let whose = vec![
        ("", ""),
        ("p1", ""),
        ("p2", ""),
        ("p1", "e1"),
        ("p1", "e2"),
        ("p2", "e3"),
    ];
    let kinds = vec!["Observation", "Patient", "Practitioner", "Medication"];
    let owner = prop_oneof![5 => Just("practice"), 1 => select(&ORGANIZATIONS[..])];
    (
        select(kinds),
        owner,
        select(&ORGANIZATIONS[..]),
        select(whose),
        class,
        labels(),
        select(vec!["final", "amended", ""]),
        vec(select(vec!["s|a", "s|b", "|a"]), 0..3),
    )
        .prop_map(
            |(kind, owner, author, whose, class, labels, status, codes)| Made {
                kind,
                owner,
                author,
                whose,
                class,
                labels,
                status,
                codes,
            },
        )
}

/// A grant of one of the episodes.
fn grant() -> impl Strategy<Value = (usize, Grant)> {
    let effects = [
        Effect::Permit,
        Effect::Permit,
        Effect::Deny,
        Effect::Withdrawn,
        Effect::NoDefaults,
    ];
    let to = prop_oneof![Just(None), select(&ORGANIZATIONS[1..]).prop_map(Some)];
    let purposes = vec![
        Purposes::ALL,
        Purposes::WHATEVER,
        Purposes::own("BTG"),
        Purposes::own("TREAT"),
        Purposes::own("HPAYMT"),
    ];
    (
        0..EPISODES.len(),
        select(effects.to_vec()),
        to,
        select(purposes),
        classes(),
        labels(),
        (-2i64..2, 0i64..4, -3i64..3),
    )
        .prop_map(
            |(of, effect, to, purposes, classes, labels, (from, long, granted))| {
                let organization = match effect {
                    Effect::Permit | Effect::Withdrawn => Some(to.unwrap_or("partner")),
                    Effect::NoDefaults => None,
                    Effect::Deny => to,
                };
                let grant = Grant {
                    organization: organization.map(id),
                    effect,
                    purposes,
                    classes,
                    labels,
                    from: NOW + from,
                    to: NOW + from + long,
                    granted_at: NOW + granted,
                };
                (of, grant)
            },
        )
}

fn link() -> impl Strategy<Value = (usize, Party)> {
    (
        0..EPISODES.len(),
        select(&ORGANIZATIONS[..]),
        -2i64..2,
        0i64..4,
    )
        .prop_map(|(of, organization, from, long)| {
            let party = Party {
                organization: id(organization),
                role: "party".into(),
                valid_from: NOW + from,
                valid_to: Some(NOW + from + long),
            };
            (of, party)
        })
}

/// Scopes, most of which leave everything open.
fn scopes() -> impl Strategy<Value = Scopes> {
    let kind = select(vec!["Observation", "Medication", "*"]);
    let by = select(vec![
        "code=a",
        "code=s|a",
        "code=s|",
        "code=|a",
        "status=final",
        "code=b&status=final",
        "_tag=urn:t|final",
        "",
    ]);
    let one = (kind, by).prop_map(|(kind, by)| match by {
        "" => format!("system/{kind}.rs"),
        by => format!("system/{kind}.rs?{by}"),
    });
    let some = vec(one, 1..4).prop_map(|all| all.join(" "));
    let text = prop_oneof![2 => Just("system/*.cruds".to_owned()), 1 => some];
    text.prop_map(|text| Scopes::parse(&text).expect("scopes"))
}

fn asking() -> impl Strategy<Value = Access> {
    let purposes = vec!["TREAT", "BTG", "HPAYMT", "unheard"];
    (
        select(&ORGANIZATIONS[..]),
        select(Role::ALL),
        select(purposes),
        select(Disclosure::ALL),
        scopes(),
    )
        .prop_map(|(organization, role, purpose, disclosure, scopes)| {
            let caller = Caller {
                client: "c".into(),
                organization: id(organization),
                role,
                scopes,
                purpose: purpose.into(),
                token: "t".into(),
            };
            Access::of(T.into(), caller, NOW).under(disclosure)
        })
}

#[derive(Debug)]
struct World {
    rows: Vec<Made>,
    grants: Vec<(usize, Grant)>,
    links: Vec<(usize, Party)>,
    callers: Vec<Access>,
}

fn world() -> impl Strategy<Value = World> {
    (
        vec(row(), 1..12),
        vec(grant(), 0..10),
        vec(link(), 0..6),
        vec(asking(), 1..6),
    )
        .prop_map(|(rows, grants, links, callers)| World {
            rows,
            grants,
            links,
            callers,
        })
}

fn draft_of(n: usize, made: &Made) -> Draft {
    let codes = made.codes.iter().filter_map(|code| code.split_once('|'));
    let codes: Vec<Value> = codes
        .map(|(system, code)| json!({"system": system, "code": code}))
        .collect();
    let value = json!({"resourceType": made.kind, "id": format!("r{n}"), "status": made.status,
        "code": {"coding": codes}, "meta": {"tag": [{"system": "urn:t", "code": made.status}]}});
    Draft {
        owner: id(made.owner),
        author: id(made.author),
        patient: Id::new(made.whose.0),
        episode: Id::new(made.whose.1),
        class: made.class,
        labels: made.labels,
        ..draft(&value)
    }
}

/// Makes the database hold `world` and nothing else.
async fn fill(store: &Store, tenant: &str, world: &World) {
    let mut steps = Vec::new();
    for (n, (patient, episode)) in EPISODES.iter().enumerate() {
        let of = |at: usize| at == n;
        let grants: Vec<Granted> = world
            .grants
            .iter()
            .filter(|(at, _)| of(*at))
            .map(|(_, grant)| Granted {
                consent: id("c"),
                grant: grant.clone(),
            })
            .collect();
        let mut links: Vec<Party> = Vec::new();
        for (at, party) in &world.links {
            let same = |p: &Party| {
                p.organization == party.organization && p.valid_from == party.valid_from
            };
            if of(*at) && !links.iter().any(same) {
                links.push(party.clone());
            }
        }
        steps.extend(set_grants(tenant, &id(episode), &id(patient), &grants));
        steps.extend(set_parties(tenant, &id(episode), &id(patient), &links));
    }
    for (n, made) in world.rows.iter().enumerate() {
        steps.extend(resource::create(tenant, &draft_of(n, made)));
    }
    put(store, steps).await.expect("stored");
}

async fn check(store: &Store, tenant: &str, world: &World) {
    fill(store, tenant, world).await;
    let drafts: Vec<Draft> = world
        .rows
        .iter()
        .enumerate()
        .map(|(n, made)| draft_of(n, made))
        .collect();
    let keys: Vec<Key> = drafts.iter().map(|d| d.key.clone()).collect();
    for access in &world.callers {
        let access = access.clone().of_tenant(tenant.into());
        let found = store.view(&access).find(&keys).await.expect("found");
        let found: BTreeSet<Key> = found.into_iter().map(|row| row.key).collect();
        let wanted: BTreeSet<Key> = drafts
            .iter()
            .filter(|draft| judged(&access, draft, world))
            .map(|draft| draft.key.clone())
            .collect();
        let who = access.caller();
        assert_eq!(found, wanted, "{} {who:?}: {world:#?}", store.kind());
        let first = &keys[0];
        let seen = store.view(&access).lookup(first).await.expect("looked up");
        assert_eq!(seen.is_some(), wanted.contains(first));
    }
}

fn judged(access: &Access, draft: &Draft, world: &World) -> bool {
    let of = |at: usize| Some(id(EPISODES[at].0)) == draft.patient;
    let grants = world.grants.iter().filter(|(at, _)| of(*at));
    let grants: Vec<Grant> = grants.map(|(_, grant)| grant.clone()).collect();
    let links = world.links.iter().filter(|(at, _)| of(*at));
    let links: Vec<Link> = links
        .map(|(at, party)| Link {
            patient: id(EPISODES[*at].0),
            episode: id(EPISODES[*at].1),
            organization: party.organization.clone(),
            from: party.valid_from,
            to: party.valid_to.unwrap_or(i64::MAX),
        })
        .collect();
    // Two links of one organization from the same instant are one row: the first.
    let mut rows: Vec<Link> = Vec::new();
    for link in links {
        let same = |l: &Link| {
            l.episode == link.episode && l.organization == link.organization && l.from == link.from
        };
        if !rows.iter().any(same) {
            rows.push(link);
        }
    }
    let facts = Facts {
        kind: &draft.key.kind,
        owner: &draft.owner,
        author: &draft.author,
        patient: draft.patient.as_ref(),
        episode: draft.episode.as_ref(),
        class: draft.class,
        labels: draft.labels,
        tokens: &tokens(&draft.entries),
    };
    decide(access, &facts, &grants, &rows).is_ok()
}

#[test]
fn sql_and_memory_decide_alike() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let opened = runtime.block_on(stores("decide"));
    for store in &opened {
        let cases = Config::default()
            .cases
            .min(if store.kind() == "sqlite" { 512 } else { 128 });
        let mut runner = TestRunner::new(Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        });
        let count = std::cell::Cell::new(0);
        runner
            .run(&world(), |world| {
                count.set(count.get() + 1);
                let tenant = format!("t{}", count.get());
                runtime.block_on(check(store, &tenant, &world));
                Ok(())
            })
            .unwrap_or_else(|e| panic!("{}: {e}", store.kind()));
    }
    for store in opened {
        runtime.block_on(store.end());
    }
}
