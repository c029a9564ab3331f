//! Many writers at the same records.

use super::*;

both!(transactions_in_opposite_order_lose_no_update);

async fn transactions_in_opposite_order_lose_no_update(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let mut paths = vec![];
    for n in 0..4 {
        let mut body = entry(&w, &format!("c{n}"));
        body["category"] = json!([{ "text": "first" }]);
        paths.push(made(practice, &body).await);
    }
    // Beside the episode, records that no episode's version guards.
    for n in 0..2 {
        let body = json!({ "resourceType": "Patient", "name": [{ "family": format!("Other{n}") }], "birthDate": "1980-01-01" });
        let made = post(practice, "/fhir/Patient", &body).await.expect(201);
        paths.push(format!("Patient/{}", text(&made["id"])));
    }
    let run = async |writer: usize| {
        let mut kept = vec![];
        for round in 0..4 {
            let mark = format!("w{writer}r{round}");
            let entries = paths.iter().map(|path| {
                let list = if path.starts_with("Patient") {
                    "/name"
                } else {
                    "/category"
                };
                let patch = match list {
                    "/name" => {
                        json!([{ "op": "add", "path": "/name/-", "value": { "text": mark } }])
                    }
                    _ => json!([{ "op": "add", "path": "/category/-", "value": { "text": mark } }]),
                };
                asks("PATCH", path, Some(binary(&patch)))
            });
            let mut entries: Vec<Value> = entries.collect();
            if writer % 2 == 1 {
                entries.reverse();
            }
            let answer = send(practice, "transaction", &entries).await;
            assert!(
                matches!(answer.status, 200 | 409 | 412),
                "{} {}",
                answer.status,
                answer.text
            );
            if answer.status == 200 {
                kept.push(mark);
            }
        }
        kept
    };
    let all = futures_util::future::join_all((0..8).map(run)).await;
    let mut kept: Vec<String> = all.into_iter().flatten().collect();
    kept.sort();
    assert!(!kept.is_empty());
    for path in &paths {
        let value = get(practice, &format!("/fhir/{path}")).await.expect(200);
        let list = if path.starts_with("Patient") {
            &value["name"]
        } else {
            &value["category"]
        };
        let mut found: Vec<&str> = list
            .as_array()
            .into_iter()
            .flatten()
            .map(|c| text(&c["text"]))
            .filter(|t| t.starts_with('w'))
            .collect();
        found.sort_unstable();
        assert_eq!(
            found, kept,
            "{path}: all that was acknowledged, once, and nothing else"
        );
    }
    w.app.stop().await;
}
