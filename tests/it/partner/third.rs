//! A partner whose system is a FHIR server of another kind: its staff write there what they decide and send, and the
//! practice works here. Behind the gate stands the stand-in, or the program that `scripts/partner` names.

use std::collections::HashMap;
use std::time::Duration;

use kap_fhir::demo::log_in;
use kap_fhir::demo::player::{Play, Reply};
use kap_fhir::demo::script::{Party, Step};
use kap_fhir::kap::Episode;
use serde_json::{Value, json};

use self::records::{Records, Third};
use self::staff::Staff;
use super::{exchanged, join, server};
use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{FIRST, get, normal, text};
use crate::peer::{Does, Fault, Habits, Peer};
use crate::scenarios::SECOND;

mod records;
mod staff;

both!(
    a_whole_course_is_played_with_a_server_of_another_kind,
    an_adverse_event_reaches_a_server_of_another_kind,
);

/// Types that the stand-in has beside its usual ones.
const MORE: [&str; 5] = [
    "AllergyIntolerance",
    "AdverseEvent",
    "DetectedIssue",
    "MedicationDispense",
    "MedicationStatement",
];

/// What goes wrong on the way, one after the other at each turn; `post` is how a transaction is asked for.
fn faults(post: &'static str) -> [Fault; 4] {
    [
        Fault::new(Does::DoAndCut).on(post),
        Fault::new(Does::Cut).times(2),
        Fault::new(Does::Answer {
            status: 429,
            retry_after: Some("1"),
        }),
        Fault::new(Does::DoAndCut).times(3).on("GET *"),
    ]
}

/// The gate of the partner's server, and the server where it is another program.
async fn gate(app: &TestApp) -> (Peer, Option<Third>) {
    let mut habits = Habits::default();
    habits.kinds.extend(MORE.map(ToOwned::to_owned));
    let peer = server(app, habits).await;
    let third = Third::start(peer.address()).await;
    if let Some(third) = &third {
        peer.set(|habits| {
            habits.public = Some(third.public());
            habits.behind = Some(third.address);
        });
    }
    (peer, third)
}

/// What the partner and its pharmacy write into their own system. All else they say here: findings, holds and what was
/// reported are ours.
const THEIRS: [&str; 5] = [
    "referrals",
    "sessions",
    "clearances",
    "prescriptions",
    "dispenses",
];

/// The part of an episode that a step is about.
fn part(step: &Step) -> &'static str {
    step.path.split('/').nth(5).unwrap_or_default()
}

fn elsewhere(step: &Step) -> bool {
    matches!(step.party, Party::Partner | Party::Pharmacy) && THEIRS.contains(&part(step))
}

async fn shown(play: &Play) -> Value {
    let path = format!("/kap/v1/episodes/{}", play.played.episode);
    get(&play.callers[&Party::Practice], &path)
        .await
        .expect(200)
}

fn items<'v>(shown: &'v Value, part: &str) -> impl Iterator<Item = &'v Value> {
    shown[part].as_array().into_iter().flatten()
}

/// What became here of a step that was done there.
fn outcome(step: &Step, shown: &Value, names: &HashMap<String, String>) -> Reply {
    let new = |one: &&Value| !names.values().any(|id| one["id"] == id.as_str());
    let part = part(step);
    let flags: Vec<&Value> = items(shown, "detectedIssues").filter(new).collect();
    // Several of their sessions may have come at once.
    let all = items(shown, part).filter(|_| part != "sessions");
    let id = { all }.find(new).map(|one| &one["id"]);
    let body = json!({ "phase": shown["phase"], "id": id, "flags": flags });
    Reply { status: 200, body }
}

async fn a_whole_course_is_played_with_a_server_of_another_kind(db: Db) {
    with_third(db, FIRST).await;
}

async fn an_adverse_event_reaches_a_server_of_another_kind(db: Db) {
    with_third(db, SECOND.text).await;
}

/// Plays a sample, as one service has it and with the partner elsewhere.
async fn with_third(db: Db, text: &str) {
    let episode: Episode = sample(text).0;
    let together = TestApp::start(db, &episode).await;
    let practice = TestApp::start(db, &episode).await;
    let (peer, mut third) = gate(&practice).await;
    join(&practice, &peer).await;
    let mut staff = Staff::new(&together, Records::of(&peer, third.as_ref()));
    let post = if third.is_some() {
        "POST /fhir/r4"
    } else {
        "POST /"
    };
    let mut whole = Play::new(&episode, &together.callers, "third");
    let mut play = Play::new(&episode, &practice.callers, "third");
    let mut faults = faults(post).into_iter().cycle();
    let mut turns = 0;
    let mut known = true;
    while let Some(step) = play.next_step().cloned() {
        if !elsewhere(&step) {
            whole.one(|_, _| {}).await.expect("a step");
            play.one(|_, _| {}).await.expect("the same step");
            known = false;
            continue;
        }
        if !known {
            // They decide with all of it before them.
            turns += 1;
            peer.fail(faults.next().expect("a fault"));
            match third.as_mut() {
                Some(third) if turns % 3 == 0 => {
                    third.kill();
                    // It is called while it is away.
                    let later = tokio::time::sleep(Duration::from_millis(300));
                    let again = async {
                        later.await;
                        third.again().await;
                    };
                    tokio::join!(exchanged(&practice), again);
                }
                _ => drop(exchanged(&practice).await),
            }
            known = true;
        }
        staff.news().await;
        whole.one(|_, _| {}).await.expect("a step");
        let news = staff.news().await;
        if staff.write(&news).await {
            peer.fail(faults.next().expect("a fault"));
            // The first may have begun before they wrote.
            exchanged(&practice).await;
            let now = exchanged(&practice).await;
            assert_eq!(now.reviews, 0, "{step:?} {}", super::told(&practice).await);
        }
        let clock = &practice.app.clock;
        let callers = log_in(&practice.base, &practice.logins, clock).await;
        play.callers = callers.expect("tokens");
        let reply = outcome(&step, &shown(&play).await, &play.played.names);
        play.done_elsewhere(&reply);
    }
    exchanged(&practice).await;
    // The last change may have come while that was under way.
    exchanged(&practice).await;
    compare(&whole, &mut play).await;
    let records = Records::of(&peer, third.as_ref());
    doses(&play, &records).await;
    let before = identities(&records).await;
    exchanged(&practice).await;
    assert_eq!(identities(&records).await, before, "nothing is told twice");
    let events = records.all("AdverseEvent").await.len();
    assert_eq!(events, episode.adverse_events.len());
    let lost = peer
        .asked()
        .iter()
        .filter(|one| one.lost && one.what() == post)
        .count();
    assert!(lost > 0, "an answer was lost");
    let through = peer
        .asked()
        .iter()
        .any(|one| one.path.contains("?patient="));
    assert!(through, "and what it did was looked for");
    practice.stop().await;
    together.stop().await;
    if let Some(third) = third.take() {
        third.end().await;
    }
}

/// The names that the story has, where an id stands.
fn named(value: &Value, names: &HashMap<String, String>) -> Value {
    match value {
        Value::String(id) => {
            let name = names.iter().find(|(_, own)| *own == id);
            json!(name.map_or(id, |(name, _)| name))
        }
        Value::Array(all) => all.iter().map(|one| named(one, names)).collect(),
        Value::Object(members) => {
            let all = members.iter().map(|(k, v)| (k.clone(), named(v, names)));
            Value::Object(all.collect())
        }
        other => other.clone(),
    }
}

/// What a server of another kind has no place for: who at the partner's moved the Task and said what of it on the way, and
/// what they measured and wrote in their own meetings.
fn told(mut shown: Value) -> Value {
    let without = |value: &mut Value, names: &[&str]| {
        let members = value.as_object_mut().expect("an object");
        members.retain(|name, _| !names.contains(&name.as_str()));
    };
    without(&mut shown, &["asOf"]);
    // A finding that the story does not name has an id of its own.
    let flags = shown["derived"]["openFlags"].as_array_mut();
    flags
        .expect("flags")
        .retain(|flag| text(flag).contains(':'));
    for referral in shown["referrals"].as_array_mut().into_iter().flatten() {
        let events = referral["taskEvents"].as_array_mut();
        let events = events.expect("events");
        // Where they skip a state, it is gone through.
        events.retain(|event| event["businessStatus"].is_string());
        for event in events {
            without(event, &["by", "note"]);
        }
    }
    for session in shown["sessions"].as_array_mut().into_iter().flatten() {
        if text(&session["type"]).starts_with("medical-") {
            without(session, &["vitals", "bodyWeight", "clinicalSummary"]);
        }
    }
    shown
}

/// The practice has what it would have had everybody worked here.
async fn compare(whole: &Play, play: &mut Play) {
    let (want, have) = (shown(whole).await, shown(play).await);
    // Where a session of theirs is one that the story names, by when it was.
    for (name, id) in &whole.played.names {
        let of = |shown: &Value, is: &dyn Fn(&Value) -> bool| {
            items(shown, "sessions").find(|s| is(s)).cloned()
        };
        let Some(there) = of(&want, &|s| s["id"] == id.as_str()) else {
            continue;
        };
        let here = of(&have, &|s| s["start"] == there["start"]).expect("each session came");
        play.played
            .names
            .insert(name.clone(), text(&here["id"]).to_owned());
    }
    let of = |shown: &Value, play: &Play| told(normal(&named(shown, &play.played.names)));
    let (want, have) = (of(&want, whole), of(&have, play));
    let mut differ = vec![];
    for (part, want) in want.as_object().expect("an episode") {
        if have[part] != *want {
            differ.push(format!("{part}\n  {want}\n  {}", have[part]));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// Every dose is there as it is here, to the milligram, and no other.
async fn doses(play: &Play, records: &Records<'_>) {
    let partner = &play.callers[&Party::Partner];
    let here = get(partner, "/fhir/MedicationAdministration?_count=100")
        .await
        .expect(200);
    let told = |d: &Value| {
        [
            &d["status"],
            &d["effectiveDateTime"],
            &d["dosage"]["dose"],
            &d["dosage"]["route"],
        ]
        .map(Clone::clone)
    };
    let mut want: Vec<_> = items(&here, "entry")
        .map(|e| told(&e["resource"]))
        .collect();
    let mut have: Vec<_> = records
        .all("MedicationAdministration")
        .await
        .iter()
        .map(told)
        .collect();
    for all in [&mut want, &mut have] {
        all.sort_by_key(|[_, at, ..]| at.to_string());
    }
    assert!(want.len() > 2, "{want:?}");
    assert_eq!(have, want);
}

/// What each record there is called, of each type; no two are called the same.
async fn identities(records: &Records<'_>) -> Vec<(String, Vec<String>)> {
    let mut all = vec![];
    for kind in Habits::default()
        .kinds
        .iter()
        .map(String::as_str)
        .chain(MORE)
    {
        let found = records.all(kind).await;
        let mut names: Vec<String> = found.iter().map(|r| r["identifier"].to_string()).collect();
        names.sort();
        let named = names.iter().filter(|name| name.contains("value"));
        let (mut twice, count) = (named.clone().collect::<Vec<_>>(), named.count());
        twice.dedup();
        assert_eq!(twice.len(), count, "{kind}: {names:#?}");
        all.push((kind.to_owned(), names));
    }
    all
}
