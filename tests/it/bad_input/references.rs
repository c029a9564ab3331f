//! Ids that are another practice's, that nothing has, or that cannot be ids; paths and queries that are none.

use kap_fhir::access::Role;
use kap_fhir::demo::player::Played;
use kap_fhir::demo::script::{Party, script};
use kap_fhir::interaction::directory::put_organization;
use kap_fhir::kap::{Episode, Id};
use serde_json::{Value, json};

use super::{Case, PAST, SAMPLE, World, dose};
use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::client::client;
use crate::wire::Ask;

both!(bad_references);

#[rustfmt::skip]
async fn bad_references(db: Db) {
    let w = World::new(db).await;
    let (e, doses) = (&w.e, w.session("doses"));
    let (other, theirs) = other_practice(&w.app).await;
    let step = json!({ "by": w.id("prac-ther-01") });
    let own = w.played.episode.as_str();
    let at = |path: &str| format!("/kap/v1/episodes/{path}");
    let mut cases = vec![
        Case("their episode", Ask::get(at(&other)), 404, "not-found", ""),
        Case("their timeline", Ask::get(at(&format!("{other}/timeline"))), 404, "not-found", ""),
        Case("their export", Ask::get(at(&format!("{other}/$export-episode"))), 404, "not-found", ""),
        Case("their phase", Ask::json(at(&format!("{other}/commands/start-consultation")), &step), 404, "not-found", ""),
        Case("no episode", Ask::json(at("nowhere/commands/start-consultation"), &step), 404, "not-found", ""),
        Case("no record", Ask::get(format!("{e}/records/nothing")), 404, "not-found", ""),
        Case("no session", Ask::post(format!("{e}/sessions/nothing/doses"), dose(PAST, "")), 404, "not-found", ""),
        Case("no readiness", Ask::get(format!("{e}/sessions/nothing/readiness")), 404, "not-found", ""),
    ];
    for (name, id) in &theirs {
        let stranger = json!({ "by": id });
        cases.extend([
            Case("their record", Ask::get(format!("{e}/records/{id}")), 404, "not-found", ""),
            Case("their session", Ask::post(format!("{e}/sessions/{id}/doses"), dose(PAST, "")), 404, "not-found", ""),
            Case("their witness", Ask::post(&doses, dose(PAST, &format!(r#","witnessId":"{id}""#))), 422, "business-rule", "/witnessId"),
            Case("their receiver", Ask::json(format!("{e}/communications"), &message(&w.played, id)), 422, "business-rule", "/to/0"),
            Case("their goal", Ask { method: "PUT", ..Ask::json(format!("{e}/plan"), &plan(id)) }, 422, "business-rule", "/goalIds/0"),
            Case("their member", Ask::json(format!("{e}/commands/hold"), &stranger), 422, "business-rule", "/by"),
        ]);
        assert!(!name.is_empty());
    }
    for id in [
        ".",
        "..",
        "%2e",
        "%2e%2e",
        "%2E%2E",
        "%00",
        "a%2fb",
        "%20",
        "a_b",
        &"x".repeat(65),
    ] {
        cases.extend([
            Case("bad episode", Ask::get(at(id)), 404, "not-found", ""),
            Case("bad record", Ask::get(format!("{e}/records/{id}")), 404, "not-found", ""),
            Case("bad session", Ask::post(format!("{e}/sessions/{id}/doses"), dose(PAST, "")), 404, "not-found", ""),
        ]);
    }
    cases.extend([
        Case("no UTF-8", Ask::get(at("%ff")), 400, "invalid", ""),
        Case("no path", Ask::get("/kap/v2/episodes"), 404, "not-found", ""),
        Case("no path below", Ask::get(format!("{e}/nothing")), 404, "not-found", ""),
        Case("trailing slash", Ask::get(format!("{e}/")), 404, "not-found", ""),
        Case("other case", Ask::get(format!("/kap/v1/Episodes/{own}")), 404, "not-found", ""),
        Case("delete", Ask::new("DELETE", e), 405, "not-supported", ""),
        Case("get a command", Ask::get(&doses), 405, "not-supported", ""),
        Case("put a command", Ask::new("PUT", &doses), 405, "not-supported", ""),
        Case("a method of their own", Ask::new("BREW", e), 405, "not-supported", ""),
    ]);
    cases.extend(bad_queries(&w));
    w.refuses(Party::Practice, cases).await;
    w.app.stop().await;
}

fn message(played: &Played, to: &str) -> Value {
    json!({ "at": PAST, "from": played.names["prac-ther-01"], "to": [to], "topic": "care" })
}

fn plan(goal: &str) -> Value {
    json!({ "status": "active", "goalIds": [goal] })
}

#[rustfmt::skip]
fn bad_queries(w: &World) -> Vec<Case> {
    let e = &w.e;
    let list = |query: &str| Ask::get(format!("/kap/v1/episodes?{query}"));
    vec![
        Case("limit 0", list("limit=0"), 400, "invalid", "limit"),
        Case("limit 201", list("limit=201"), 400, "invalid", "limit"),
        Case("limit below", list("limit=-1"), 400, "invalid", ""),
        Case("limit in words", list("limit=ten"), 400, "invalid", ""),
        Case("limit twice", list("limit=1&limit=2"), 400, "invalid", ""),
        Case("no phase", list("phase=asleep"), 400, "invalid", ""),
        Case("no day", list("due=2026-13-01"), 400, "invalid", ""),
        Case("bad patient", list("patient=.."), 400, "invalid", ""),
        Case("bad cursor", list("cursor=abc"), 400, "invalid", ""),
        Case("unknown parameter", list("color=red"), 400, "invalid", ""),
        Case("worklist limit", Ask::get("/kap/v1/worklist?limit=0"), 400, "invalid", "limit"),
        Case("no type", Ask::get("/kap/v1/organizations?type=bakery"), 400, "invalid", ""),
        Case("no view", Ask::get(format!("{e}?view=all")), 400, "invalid", ""),
        Case("no document", Ask::get(format!("{e}/summary")), 400, "invalid", ""),
        Case("document G", Ask::get(format!("{e}/summary?doc=G")), 400, "invalid", ""),
        Case("session left out", Ask::get(format!("{e}/summary?doc=C")), 400, "invalid", "session"),
        Case("no such session", Ask::get(format!("{e}/summary?doc=C&session=nothing")), 404, "not-found", ""),
        Case("no moment", Ask::get(w.session("readiness?at=noon")), 400, "invalid", ""),
        Case("no dosing session", Ask::get(format!("{e}/sessions/{}/readiness", w.id("ses-0001"))), 409, "state-conflict", ""),
    ]
}

/// Another practice with an episode of its own: the episode's id, and its records by name.
async fn other_practice(app: &TestApp) -> (String, Vec<(String, String)>) {
    let (mut episode, _) = sample(SAMPLE);
    let first = move_practice(&mut episode);
    put_organization(&app.app, &episode.organizations.practice)
        .await
        .expect("organization");
    let caller = client(
        app,
        "other-practice",
        episode.organizations.practice.id.as_str(),
        Role::PracticeTherapist,
        "system/*.cruds",
    )
    .await;
    let opened = Ask::json("/kap/v1/episodes", &first(&episode))
        .send(&caller)
        .await;
    assert_eq!(opened.status, 201, "{}", opened.text);
    let body = opened.json();
    let names = body["names"].as_object().expect("names");
    let names = names
        .iter()
        .map(|(k, v)| (k.clone(), v.as_str().expect("id").to_owned()));
    (
        body["episodeId"].as_str().expect("id").to_owned(),
        names.collect(),
    )
}

/// Gives the episode to another practice, its own clinicians with it.
fn move_practice(episode: &mut Episode) -> impl Fn(&Episode) -> Value + use<> {
    let new = Id::new("org-practice-02").expect("id");
    let old = std::mem::replace(&mut episode.organizations.practice.id, new.clone());
    for member in episode
        .care_team
        .iter_mut()
        .filter(|m| m.organization_id == old)
    {
        member.organization_id = new.clone();
    }
    |episode| script(episode)[0].body.clone()
}
