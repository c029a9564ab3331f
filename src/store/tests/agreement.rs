//! SQL and the interpreter in memory find the same.

mod chains;

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::fhir::search::{Handling, SearchQuery};

fn observation() -> impl Strategy<Value = Value> {
    let days = vec![
        "2024",
        "2024-01",
        "2024-01-02",
        "2024-01-02T10:00:00Z",
        "2024-01-02T23:30:00-02:00",
        "",
    ];
    let texts = vec!["", "Aa%b", "aab", "Ünü", "unu_x", "B"];
    (
        select(vec!["p1", "p2"]),
        vec((select(vec!["", "s1", "s2"]), select(vec!["a", "b", "c"])), 0..3),
        select(days),
        select(vec!["final", "amended"]),
        select(texts),
        select(vec!["", "Encounter/e1", "Encounter/e2", "https://x.example.org/Encounter/e1"]),
        (quantity(), quantity(), select(vec!["", "urn:p/a", "urn:p/a/b", "urn:p/ab"]), any::<bool>()),
    )
        .prop_map(|(patient, codes, day, status, text, encounter, more)| {
            let (own, part, profile, identified) = more;
            let codings: Vec<_> = codes
                .iter()
                .map(|(system, code)| match *system {
                    "" => json!({"code": code}),
                    _ => json!({"system": system, "code": code}),
                })
                .collect();
            let mut value = json!({"resourceType": "Observation", "status": status,
                "code": {"coding": codings}, "subject": {"reference": format!("Patient/{patient}")}});
            for (name, given) in [("effectiveDateTime", day), ("valueString", text)] {
                if !given.is_empty() {
                    value[name] = json!(given);
                }
            }
            if !encounter.is_empty() {
                value["encounter"] = json!({"reference": encounter});
            }
            // One value[x] at most.
            if text.is_empty() && !own.is_null() {
                value["valueQuantity"] = own;
            }
            value["component"] = json!([{"code": {"coding": [{"code": "a", "display": "Alpha"}]}},
                {"code": {"coding": [{"code": "b"}], "text": "Beta"}, "valueQuantity": part}]);
            if !profile.is_empty() {
                value["meta"] = json!({"profile": [profile]});
            }
            if identified {
                value["identifier"] = json!([{"type": {"coding": [{"system": "s1", "code": "a"}]}, "value": "7"}]);
                value["performer"] = json!([{"identifier": {"system": "s2", "value": "9"}}]);
            }
            value
        })
}

fn quantity() -> impl Strategy<Value = Value> {
    let ucum = |value: f64, code: &str| json!({"value": value, "unit": format!("{code}s"), "system": "http://unitsofmeasure.org", "code": code});
    let mut below = ucum(2.0, "g");
    below["comparator"] = json!("<");
    select(vec![
        Value::Null,
        ucum(1.0, "g"),
        ucum(1500.0, "mg"),
        ucum(-3.25, "g"),
        ucum(0.0015, "kg"),
        ucum(2.0, "cm"),
        below,
        json!({"value": 1.5}),
        json!({"value": 100, "unit": "g"}),
        json!({"value": 2, "system": "urn:u", "code": "g"}),
    ])
}

fn measured() -> impl Strategy<Value = String> {
    let names = vec![
        "value-quantity=",
        "combo-value-quantity=",
        "component-value-quantity=",
        "code-value-quantity=a$",
        "combo-code-value-quantity=s1|b$",
        "component-code-value-quantity=b$",
    ];
    let prefixes = vec!["", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];
    let numbers = vec!["1", "1.5", "1500", "-3.25", "100", "0.0015", "2", "0"];
    let units = vec![
        "",
        "||g",
        "||gs",
        "|http://unitsofmeasure.org|g",
        "|http://unitsofmeasure.org|mg",
        "|urn:u|g",
    ];
    (
        select(names),
        select(prefixes),
        select(numbers),
        select(units),
    )
        .prop_map(|(name, prefix, number, unit)| format!("{name}{prefix}{number}{unit}"))
}

/// Criteria of every kind but dates, numbers and codes.
const FIXED: &[&str] = &[
    "patient=p1",
    "patient=Patient/p2",
    "subject=p1",
    "patient=p1,p2",
    "subject:Patient=p1",
    "patient=Group/p1",
    "code:missing=true",
    "code:missing=false",
    "date:missing=true",
    "value-string:missing=true",
    "encounter=e1",
    "encounter=Encounter/e1,Encounter/e2",
    "encounter:missing=true",
    "encounter=https://x.example.org/Encounter/e1",
    "status=final",
    "status:not=final",
    "_id=o0,o1",
    "_id=|o2",
    "_id=s|o2",
    "_lastUpdated=ge2023-11-14",
    "_lastUpdated=lt2023-11-14T22:13:20.000Z",
    "value-quantity:missing=true",
    "component-code-value-quantity:missing=true",
    "code-value-string=a$aa",
    "code-value-string=s1|a$unu,b$B",
    "_profile=urn:p/a",
    "_profile:below=urn:p/a",
    "_profile:above=urn:p/a/b/c",
    "_profile:missing=true",
    "combo-code:text=alp",
    "combo-code:text=be,x",
    "identifier:of-type=s1|a|7",
    "identifier:of-type=s1|a|8",
    "performer:identifier=9",
    "performer:identifier=s2|9,x",
    "performer:identifier=s1|9",
];

fn criterion() -> impl Strategy<Value = String> {
    let prefixes = vec!["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];
    let days = vec![
        "2024",
        "2024-01",
        "2024-01-02",
        "2024-01-03",
        "2024-01-02T10:00:00Z",
    ];
    prop_oneof![
        measured(),
        select(FIXED).prop_map(str::to_owned),
        (select(prefixes), select(days)).prop_map(|(p, d)| format!("date={p}{d}")),
        (
            select(vec!["code", "code:not", "combo-code"]),
            vec(select(vec!["a", "b", "s1|a", "|b", "s2|", "x"]), 1..3)
        )
            .prop_map(|(name, values)| format!("{name}={}", values.join(","))),
        (
            select(vec![
                "value-string",
                "value-string:contains",
                "value-string:exact"
            ]),
            select(vec![
                "a",
                "A",
                "aa%25",
                "u",
                "%C3%9Cn%C3%BC",
                "_x",
                "b",
                "%25"
            ])
        )
            .prop_map(|(name, value)| format!("{name}={value}")),
    ]
}

async fn check(store: &Store, tenant: &str, values: &[Value], searches: &[Vec<String>]) {
    let mut drafts = Vec::new();
    for (n, value) in values.iter().enumerate() {
        let mut value = value.clone();
        value["id"] = json!(format!("o{n}"));
        value["meta"]["lastUpdated"] = json!("2023-11-14T22:13:20Z");
        drafts.push(draft(&value));
    }
    let steps = drafts
        .iter()
        .flat_map(|d| resource::create(tenant, d))
        .collect();
    put(store, steps).await.expect("created");
    let access = system(tenant);
    for criteria in searches {
        let text = criteria.join("&");
        let pairs: Vec<_> = url::form_urlencoded::parse(text.as_bytes())
            .into_owned()
            .collect();
        let query = SearchQuery::parse("Observation", &pairs, Handling::Strict)
            .expect("a search")
            .0;
        let page = store.view(&access).search(&query).await.expect("a page");
        let mut found: Vec<_> = page.matches.iter().map(|m| m.key.id.to_string()).collect();
        let matching = drafts.iter().filter(|d| query.matches(&d.entries));
        let mut wanted: Vec<_> = matching.map(|d| d.key.id.to_string()).collect();
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(found, wanted, "{text} on {}: {values:#?}", store.kind());
    }
}

/// The ids of every page of a search, in order.
async fn paged(store: &Store, access: &Access, text: &str) -> Vec<String> {
    let pairs: Vec<_> = url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect();
    let parsed = SearchQuery::parse("Observation", &pairs, Handling::Strict);
    let mut query = parsed.expect("a search").0;
    let mut out = Vec::new();
    loop {
        let page = store.view(access).search(&query).await.expect("a page");
        out.extend(page.matches.iter().map(|m| m.key.id.to_string()));
        match page.next {
            Some(next) => query.page.after = Some(next),
            None => return out,
        }
    }
}

/// The order of the database is that of the interpreter in memory.
async fn check_sorted(store: &Store, tenant: &str, values: &[Value], keys: &[&str]) {
    let access = system(tenant);
    for sign in ["", "-"] {
        let mixed = keys.iter().enumerate();
        let signed = mixed.map(|(i, key)| match i {
            0 => format!("{sign}{key}"),
            _ => (*key).to_owned(),
        });
        let text = format!("_sort={}", signed.collect::<Vec<_>>().join(","));
        let pairs: Vec<_> = url::form_urlencoded::parse(text.as_bytes())
            .into_owned()
            .collect();
        let query = SearchQuery::parse("Observation", &pairs, Handling::Strict)
            .expect("a search")
            .0;
        let mut wanted: Vec<_> = values
            .iter()
            .enumerate()
            .map(|(n, value)| {
                let mut value = value.clone();
                value["meta"]["lastUpdated"] = json!("2023-11-14T22:13:20Z");
                (format!("o{n}"), extract("Observation", &value))
            })
            .collect();
        wanted.sort_by(|(a, of_a), (b, of_b)| {
            query.sort.compare("Observation", (a, of_a), (b, of_b))
        });
        let wanted: Vec<_> = wanted.into_iter().map(|(id, _)| id).collect();
        let found = paged(store, &access, &text).await;
        assert_eq!(found, wanted, "{text} on {}: {values:#?}", store.kind());
    }
}

/// Pages of two are the parts of one page, and the opposite order is its reverse, but for what has several values: its
/// least one counts going up, its greatest going down.
async fn check_order(store: &Store, tenant: &str, keys: &[&str]) {
    let access = system(tenant);
    let up = keys.join(",");
    let down: Vec<_> = keys.iter().map(|key| format!("-{key}")).collect();
    let whole = paged(store, &access, &format!("_sort={up}")).await;
    let parts = paged(store, &access, &format!("_sort={up}&_count=2")).await;
    assert_eq!(whole, parts, "{up} on {}", store.kind());
    let mut reverse = paged(
        store,
        &access,
        &format!("_sort={}&_count=3", down.join(",")),
    )
    .await;
    reverse.reverse();
    if keys.contains(&"code") {
        reverse.sort_unstable();
        let mut all = whole.clone();
        all.sort_unstable();
        assert_eq!(all, reverse, "-{up} on {}", store.kind());
        return;
    }
    assert_eq!(whole, reverse, "-{up} on {}", store.kind());
}

#[test]
fn sql_and_memory_find_the_same() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let stores = runtime.block_on(stores("agreement"));
    let count = Cell::new(0);
    let keys = vec![
        "value-quantity",
        "value-string",
        "date",
        "value-date",
        "code",
        "encounter",
        "status",
        "_lastUpdated",
        "patient",
        "_profile",
    ];
    let strategy = (
        vec(observation(), 1..8),
        vec(vec(criterion(), 1..4), 1..12),
        subsequence(keys, 1..4),
    );
    let config = Config {
        cases: 64,
        failure_persistence: None,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&strategy, |(values, searches, keys)| {
        count.set(count.get() + 1);
        let tenant = format!("case-{}", count.get());
        for store in &stores {
            runtime.block_on(check(store, &tenant, &values, &searches));
            runtime.block_on(check_order(store, &tenant, &keys));
            runtime.block_on(check_sorted(store, &tenant, &values, &keys));
        }
        Ok(())
    });
    for store in stores {
        runtime.block_on(store.end());
    }
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
