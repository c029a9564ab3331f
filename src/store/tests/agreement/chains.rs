//! Criteria on other records.

use super::*;

/// Patients and encounters that observations refer to.
fn others() -> impl Strategy<Value = Vec<Value>> {
    let patient = (
        select(vec!["female", "male", ""]),
        select(vec!["Aa", "B", "Ünü"]),
    );
    let encounter = (
        select(vec!["finished", "planned"]),
        select(vec!["p1", "p2", ""]),
    );
    (vec(patient, 2), vec(encounter, 2)).prop_map(|(patients, encounters)| {
        let mut out = Vec::new();
        for (n, (gender, name)) in patients.iter().enumerate() {
            let mut value = json!({"resourceType": "Patient", "id": format!("p{}", n + 1),
                "name": [{"family": name}]});
            if !gender.is_empty() {
                value["gender"] = json!(gender);
            }
            out.push(value);
        }
        for (n, (status, patient)) in encounters.iter().enumerate() {
            let mut value =
                json!({"resourceType": "Encounter", "id": format!("e{}", n + 1), "status": status});
            if !patient.is_empty() {
                value["subject"] = json!({"reference": format!("Patient/{patient}")});
            }
            out.push(value);
        }
        out
    })
}

fn chained() -> impl Strategy<Value = (&'static str, String)> {
    let observations = vec![
        "patient.gender=female",
        "subject:Patient.name=a",
        "subject.gender:missing=true",
        "subject.gender:not=male",
        "encounter.status=finished",
        "encounter.patient=p1",
        "encounter:Encounter.patient.gender=female",
        "encounter.subject:Patient.name:contains=U",
        "patient._has:Encounter:patient:status=finished",
        "encounter._has:Observation:encounter:code=a",
        "subject._id=p2",
        "encounter._lastUpdated=ge2023-11-14",
    ];
    let patients = vec![
        "_has:Observation:patient:code=a",
        "_has:Observation:subject:status=final",
        "_has:Observation:patient:encounter.status=finished",
        "_has:Encounter:patient:_id=e1",
        "_has:Encounter:patient:_has:Observation:encounter:code=a",
    ];
    let more = prop_oneof![
        Just(String::new()),
        criterion().prop_map(|c| format!("&{c}"))
    ];
    prop_oneof![
        (select(observations), more).prop_map(|(c, more)| ("Observation", format!("{c}{more}"))),
        (
            select(patients),
            select(vec!["", "&gender=female", "&name=a", "&_id=p1,p2"])
        )
            .prop_map(|(c, more)| ("Patient", format!("{c}{more}"))),
    ]
}

async fn check_chains(
    store: &Store,
    tenant: &str,
    values: &[Value],
    searches: &[(&'static str, String)],
) {
    let mut drafts = Vec::new();
    for (n, value) in values.iter().enumerate() {
        let mut value = value.clone();
        if value.get("id").is_none() {
            value["id"] = json!(format!("o{n}"));
        }
        value["meta"] = json!({"lastUpdated": "2023-11-14T22:13:20Z"});
        drafts.push(draft(&value));
    }
    let steps = drafts.iter().flat_map(|d| resource::create(tenant, d));
    put(store, steps.collect()).await.expect("created");
    let all: Vec<_> = drafts
        .iter()
        .map(|d| (d.key.clone(), d.entries.clone()))
        .collect();
    let access = system(tenant);
    for (kind, text) in searches {
        let pairs: Vec<_> = url::form_urlencoded::parse(text.as_bytes())
            .into_owned()
            .collect();
        let Ok((query, _)) = SearchQuery::parse(kind, &pairs, Handling::Strict) else {
            assert_eq!(text.matches("_has").count(), 2, "{text}");
            continue;
        };
        let page = store.view(&access).search(&query).await.expect("a page");
        let mut found: Vec<_> = page.matches.iter().map(|m| m.key.id.to_string()).collect();
        let of_kind = drafts.iter().filter(|d| &*d.key.kind == *kind);
        let matching = of_kind.filter(|d| query.matches_among(&d.key, &d.entries, &all));
        let mut wanted: Vec<_> = matching.map(|d| d.key.id.to_string()).collect();
        found.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(
            found,
            wanted,
            "{kind}?{text} on {}: {values:#?}",
            store.kind()
        );
    }
}

#[test]
fn chains_find_the_same_in_sql_and_in_memory() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let stores = runtime.block_on(stores("chains"));
    let count = Cell::new(0);
    let strategy = (vec(observation(), 1..6), others(), vec(chained(), 1..12));
    let config = Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&strategy, |(values, others, searches)| {
        count.set(count.get() + 1);
        let tenant = format!("case-{}", count.get());
        let all = [values, others].concat();
        for store in &stores {
            runtime.block_on(check_chains(store, &tenant, &all, &searches));
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
