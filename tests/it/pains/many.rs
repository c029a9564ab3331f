//! Searches with many values, over many pages, and by what there is not.

use futures_util::future::join_all;
use kap_fhir::demo::player::Caller;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::Db;
use crate::both;
use crate::fhir_door::world::{World, patient};
use crate::fhir_door::{Answer, call, get, text};
use crate::search::{ids, observation, stored};

both!(
    many_values_find_what_each_of_them_finds,
    nothing_is_counted_that_nobody_asked_for,
    pages_end_where_the_matches_end,
    a_link_is_as_short_as_its_search,
    a_parameter_that_there_is_not_is_told_or_refused,
);

async fn made(w: &World, codes: &[&str]) -> Vec<String> {
    let all = codes.iter().map(async |code| {
        let body = observation(patient(&w.own), code, &json!({}));
        stored(w.practice(), &body).await
    });
    join_all(all).await
}

fn sorted(mut all: Vec<String>) -> Vec<String> {
    all.sort();
    all
}

/// A hundred and thirteen values, plain, in a chain and behind `_has`.
async fn many_values_find_what_each_of_them_finds(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let made = made(&w, &["many-0", "many-56", "many-112", "other"]).await;
    let list = |system: &str| {
        let all: Vec<String> = (0..113).map(|n| format!("{system}many-{n}")).collect();
        all.join(",")
    };
    let wanted = sorted(made[..3].to_vec());
    for system in ["", "urn:test|"] {
        let path = format!("/fhir/Observation?code={}", list(system));
        assert_eq!(sorted(ids(practice, &path).await), wanted);
        let of_one = format!("{path}&patient=Patient/{}", patient(&w.own));
        assert_eq!(sorted(ids(practice, &of_one).await), wanted);
    }
    let path = format!("/fhir/Patient?_has:Observation:patient:code={}", list(""));
    assert_eq!(ids(practice, &path).await, [patient(&w.own)]);
    let person = get(practice, &format!("/fhir/Patient/{}", patient(&w.own))).await;
    let person = person.expect(200);
    let number = &person["identifier"][0];
    let own = format!("{}|{}", text(&number["system"]), text(&number["value"]));
    let nobody: Vec<String> = (0..112).map(|n| format!("urn:nobody|{n}")).collect();
    for values in [
        format!("urn:nobody|1,{own}"),
        format!("{},{own}", nobody.join(",")),
    ] {
        let path = format!("/fhir/Observation?patient.identifier={values}&code=many-0,many-56");
        assert_eq!(
            sorted(ids(practice, &path).await),
            sorted(made[..2].to_vec())
        );
    }
    w.app.stop().await;
}

/// A total is a count over all matches: it is made where it is asked for, and is right then.
async fn nothing_is_counted_that_nobody_asked_for(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    made(&w, &["counted"; 3]).await;
    for path in [
        "/fhir/Observation?code=counted",
        "/fhir/Observation?_count=2",
        "/fhir/Patient",
    ] {
        let set = get(practice, path).await.expect(200);
        assert!(set.get("total").is_none(), "{path}: {set}");
    }
    let path = "/fhir/Observation?code=counted&_count=1&_total=accurate";
    assert_eq!(get(practice, path).await.expect(200)["total"], 3);
    w.app.stop().await;
}

/// The pages of a search: the ids of each, and each page's next link.
async fn pages(caller: &Caller, path: &str) -> Vec<(Vec<String>, Option<String>)> {
    let (mut out, mut path) = (Vec::new(), Some(path.to_owned()));
    while let Some(now) = path {
        let set = get(caller, &now).await.expect(200);
        let entries = set["entry"].as_array().into_iter().flatten();
        let own = entries.map(|e| text(&e["resource"]["id"]).to_owned());
        let own = own.collect();
        let links = set["link"].as_array().into_iter().flatten();
        let mut next = links.filter(|l| l["relation"] == "next");
        let next = next.next().map(|l| text(&l["url"]).to_owned());
        path = next
            .as_deref()
            .and_then(|url| url.strip_prefix(&*caller.base))
            .map(str::to_owned);
        assert_eq!(path.is_some(), next.is_some());
        out.push((own, next));
        assert!(out.len() < 50, "the pages do not end");
    }
    out
}

/// No page is empty, none repeats another, whether the matches fill the pages or not, and however equal they are.
async fn pages_end_where_the_matches_end(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let made = sorted(made(&w, &["paged"; 6]).await);
    for sort in [
        "",
        "&_sort=date",
        "&_sort=-date",
        "&_sort=code,-value-quantity",
        "&_sort=-_lastUpdated",
    ] {
        for count in 1..=7 {
            let path = format!("/fhir/Observation?code=paged&_count={count}{sort}");
            let pages = pages(practice, &path).await;
            let full = 6_usize.div_ceil(count);
            assert_eq!(pages.len(), full, "{path}");
            assert!(pages.iter().all(|(own, _)| !own.is_empty()), "{path}");
            let links: Vec<&String> = pages.iter().filter_map(|(_, next)| next.as_ref()).collect();
            assert!(
                links
                    .iter()
                    .enumerate()
                    .all(|(n, link)| !links[..n].contains(link))
            );
            let all = pages.into_iter().flat_map(|(own, _)| own).collect();
            assert_eq!(sorted(all), made, "{path}");
        }
    }
    w.app.stop().await;
}

/// What a page ended with is no part of its link's length, and a link of any length that a search may have is followed.
async fn a_link_is_as_short_as_its_search(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    for n in 0..2 {
        let long = json!({ "valueString": format!("{n}{}", "long ".repeat(2000)) });
        let body = observation(patient(&w.own), "long", &long);
        stored(practice, &body).await;
    }
    let short = pages(
        practice,
        "/fhir/Observation?code=long&_count=1&_sort=value-string",
    )
    .await;
    let link = short[0].1.as_deref().expect("a second page");
    assert!(link.len() < 2048, "{} bytes: {link}", link.len());
    let many: Vec<String> = (0..200).map(|n| format!("urn:test|{n:020}")).collect();
    let path = format!("/fhir/Observation?code=long,{}&_count=1", many.join(","));
    assert!(path.len() > 5000);
    let whole = pages(practice, &path).await;
    assert_eq!(whole.len(), 2);
    assert!(whole[0].1.as_deref().is_some_and(|link| link.len() > 4096));
    w.app.stop().await;
}

/// Lenient: the answer says what was left out, in an outcome and by its self link. Strict: there is no answer.
async fn a_parameter_that_there_is_not_is_told_or_refused(db: Db) {
    let w = World::new(db).await;
    let practice = w.practice();
    let made = made(&w, &["known", "other"]).await;
    let path = "/fhir/Observation?code=known&colour=red&status:shade=dark";
    let ask = async |path: &str, handling: &str| -> Answer {
        call(practice, Method::GET, path, &[("Prefer", handling)], None).await
    };
    // A modifier that there is not is refused in either handling (R4 3.1.1.4.4.2: servers SHALL reject it).
    let refused = ask(path, "handling=lenient").await;
    assert_eq!(
        (refused.status, &*refused.expression()),
        (400, "http.status:shade")
    );
    let path = "/fhir/Observation?code=known&colour=red";
    let set = ask(path, "handling=lenient").await.expect(200);
    let entries = set["entry"].as_array().expect("entries");
    let of_mode = |mode: &str| -> Vec<&Value> {
        let own = entries.iter().filter(|e| e["search"]["mode"] == mode);
        own.map(|e| &e["resource"]).collect()
    };
    let matches: Vec<&str> = of_mode("match")
        .into_iter()
        .map(|r| text(&r["id"]))
        .collect();
    assert_eq!(matches, [&*made[0]]);
    let outcome = of_mode("outcome");
    assert_eq!(outcome.len(), 1, "{set}");
    assert!(outcome[0]["issue"].to_string().contains("colour"), "{set}");
    let links = set["link"].as_array().expect("links");
    let own = links
        .iter()
        .find(|l| l["relation"] == "self")
        .expect("a self link");
    let own = text(&own["url"]);
    assert!(
        own.contains("code=known") && !own.contains("colour"),
        "{own}"
    );
    let refused = ask(path, "handling=strict").await;
    assert_eq!(
        (refused.status, &*refused.expression()),
        (400, "http.colour")
    );
    w.app.stop().await;
}
