//! One row, one episode, one write at a time.

use kap_fhir::demo::player::Caller;
use reqwest::Method;
use serde_json::{Value, json};

use super::super::bench::Client;
use super::super::dice::Dice;
use super::super::oracle::Row;
use super::super::rows::may;
use super::{Round, Tally, gather};
use crate::fhir_door::{call, get, post, text};

/// A client and a row, anew each time.
fn pick<'r>(round: &'r Round<'_>, dice: &mut Dice) -> (&'r Client, &'r Caller, &'r Row) {
    let (client, caller) = *dice.one(&round.callers);
    (client, caller, dice.one(round.rows))
}

/// Read and vread of rows chosen at random.
pub async fn read(round: &Round<'_>, dice: &mut Dice, n: usize) -> Tally {
    let asks = (0..n)
        .map(|_| pick(round, dice))
        .map(|(client, caller, row)| async {
            let mut tally = Tally::default();
            let expected = match (
                may(client.role.code(), 'r', &row.kind),
                round.expected(client, row),
            ) {
                (false, _) => 403,
                (true, true) => 200,
                (true, false) => 404,
            };
            let path = format!("/fhir/{}/{}", row.kind, row.id);
            for (way, path) in [
                ("read", path.clone()),
                ("vread", format!("{path}/_history/1")),
            ] {
                let status = get(caller, &path).await.status;
                let words = || format!("{status}: {}", round.words(client, row, way));
                tally.judge(status == expected, words);
            }
            tally
        });
    gather(asks.collect()).await
}

/// The practice's API: lists and single episodes are shown to whom the EpisodeOfCare is.
pub async fn episodes(round: &Round<'_>, dice: &mut Dice, n: usize) -> Tally {
    let headers: Vec<&Row> = round
        .rows
        .iter()
        .filter(|r| r.kind == "EpisodeOfCare")
        .collect();
    let mut asks = vec![];
    for (client, caller) in &round.callers {
        asks.push(lists(round, client, caller, &headers));
    }
    let mut sum = gather(asks).await;
    let asks = (0..n).map(|_| {
        let (client, caller) = *dice.one(&round.callers);
        (client, caller, *dice.one(&headers))
    });
    let asks = asks.map(|(client, caller, row)| episode(round, client, caller, row));
    sum.add(gather(asks.collect()).await);
    sum
}

async fn lists(round: &Round<'_>, client: &Client, caller: &Caller, headers: &[&Row]) -> Tally {
    let mut tally = Tally::default();
    if !may(client.role.code(), 's', "EpisodeOfCare") {
        let status = get(caller, "/kap/v1/episodes").await.status;
        tally.judge(status == 403, || {
            format!("{} lists episodes: {status}", client.name)
        });
        return tally;
    }
    let mut listed = vec![];
    let mut next = Some(String::new());
    while let Some(cursor) = next {
        let page = get(caller, &format!("/kap/v1/episodes?limit=50{cursor}"))
            .await
            .expect(200);
        let items = page["items"].as_array().cloned().unwrap_or_default();
        listed.extend(items.iter().map(|item| text(&item["episodeId"]).to_owned()));
        next = page["next"]
            .as_str()
            .map(|cursor| format!("&cursor={cursor}"));
    }
    for row in headers {
        let right = round.expected(client, row) == listed.contains(&row.id);
        tally.judge(right, || round.words(client, row, "list"));
    }
    tally
}

async fn episode(round: &Round<'_>, client: &Client, caller: &Caller, row: &Row) -> Tally {
    let mut tally = Tally::default();
    let answer = get(caller, &format!("/kap/v1/episodes/{}", row.id)).await;
    let role = may(client.role.code(), 'r', "EpisodeOfCare");
    let expected = match (role, round.expected(client, row)) {
        (false, _) => 403,
        (true, true) => 200,
        (true, false) => 404,
    };
    let status = answer.status;
    tally.judge(status == expected, || {
        format!("{status}: {}", round.words(client, row, "JSON"))
    });
    if status != 200 {
        return tally;
    }
    // The records within are those that are shown as resources.
    let shown = answer.json();
    for (list, kind) in [
        ("consents", "Consent"),
        ("problems", "Condition"),
        ("allergies", "AllergyIntolerance"),
    ] {
        let ids = shown[list].as_array().into_iter().flatten();
        let ids: Vec<&str> = ids.map(|x| text(&x["id"])).collect();
        let own = |r: &&Row| r.kind == kind && r.patient == row.patient;
        for of in round.rows.iter().filter(own) {
            let hidden = !may(client.role.code(), 'r', kind) || !round.expected(client, of);
            let right = !hidden || !ids.contains(&of.id.as_str());
            tally.judge(right, || round.words(client, of, "JSON within"));
        }
    }
    tally
}

/// Updates of rows and creates for patients: who is not shown them cannot tell them from what is not there.
pub async fn written(round: &Round<'_>, dice: &mut Dice, n: usize) -> Tally {
    let puts: Vec<_> = (0..n)
        .map(|_| {
            let (client, caller) = *dice.one(&round.callers);
            put(round, client, caller, dice.below(round.rows.len()))
        })
        .collect();
    let mut sum = gather(puts).await;
    let patients: Vec<&Row> = round.rows.iter().filter(|r| r.kind == "Patient").collect();
    let posts: Vec<_> = (0..n)
        .map(|_| {
            let (client, caller) = *dice.one(&round.callers);
            (client, caller, *dice.one(&patients))
        })
        .collect();
    let posts = posts
        .into_iter()
        .map(|(c, caller, row)| message(round, c, caller, row));
    sum.add(gather(posts.collect()).await);
    sum
}

async fn put(round: &Round<'_>, client: &Client, caller: &Caller, n: usize) -> Tally {
    let mut tally = Tally::default();
    let row = &round.rows[n];
    let send = async |id: &str| {
        let mut body = round.values[n].clone();
        body["id"] = json!(id);
        let body = body.to_string();
        let path = format!("/fhir/{}/{id}", row.kind);
        let stale = [("If-Match", "W/\"77\"")];
        call(caller, Method::PUT, &path, &stale, Some(body)).await
    };
    let (answer, missing) = (send(&row.id).await, send("nobody").await);
    let right = if !may(client.role.code(), 'u', &row.kind) {
        answer.status == 403 && answer.text == missing.text
    } else if round.expected(client, row) {
        answer.status != 404
    } else {
        answer.status == 404 && answer.text == missing.text
    };
    let status = answer.status;
    tally.judge(right, || {
        format!(
            "{status} {}: {}",
            answer.text,
            round.words(client, row, "update")
        )
    });
    tally
}

async fn message(round: &Round<'_>, client: &Client, caller: &Caller, patient: &Row) -> Tally {
    let mut tally = Tally::default();
    let send = async |id: &str| {
        let body = json!({ "resourceType": "Communication", "status": "completed", "subject": { "reference": format!("Patient/{id}") } });
        post(caller, "/fhir/Communication", &body).await
    };
    let (answer, missing) = (send(&patient.id).await, send("nobody").await);
    let right = if !may(client.role.code(), 'c', "Communication") {
        answer.status == 403 && answer.text == missing.text
    } else if round.expected(client, patient) {
        !unresolved(&answer.json())
    } else {
        answer.status == 422 && answer.text == missing.text
    };
    let status = answer.status;
    tally.judge(right, || {
        format!(
            "{status} {}: {}",
            answer.text,
            round.words(client, patient, "create")
        )
    });
    tally
}

/// Whether the answer says that the subject cannot be found.
fn unresolved(answer: &Value) -> bool {
    let issues = answer["issue"].as_array().into_iter().flatten();
    let mut places = issues.filter(|i| i["code"] == "not-found");
    places.any(|i| i["expression"][0] == "Communication.subject")
}
