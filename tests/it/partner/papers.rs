//! Documents at a partner's: each is told by what the partner may know, and leads to where it is kept.

use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use serde_json::{Value, json};

use super::alike::{agreed, services};
use super::{exchanged, peer, until};
use crate::app::{Db, TestApp, sample};
use crate::both;
use crate::fhir_door::{get, post, referred, text};
use crate::peer::Habits;
use crate::scenarios::SECOND;

both!(
    a_document_is_told_to_another_service_without_what_is_left_out,
    a_document_elsewhere_leads_back,
    a_document_is_not_sent_along_with_what_it_tells_of
);

/// A paper of the practice's that goes with the referral; its first lines are not the partner's to read.
async fn paper(practice: &Caller) -> Value {
    let patient = get(practice, "/fhir/Patient").await.expect(200);
    let patient = text(&patient["entry"][0]["resource"]["id"]).to_owned();
    let body = json!({ "resourceType": "DocumentReference", "status": "current",
        "identifier": [{ "system": "urn:example:paper", "value": "scan-7" }],
        "text": { "status": "additional", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">Found in the drawer</div>" },
        "type": { "coding": [{ "system": "http://loinc.org", "code": "57143-0" }] },
        "subject": { "reference": format!("Patient/{patient}") },
        "content": [{ "attachment": { "contentType": "text/plain", "title": "Letter of the last clinic", "data": "c2xlZXBz" } }] });
    post(practice, "/fhir/DocumentReference", &body)
        .await
        .expect(201)
}

/// The documents that a client reads.
async fn papers(caller: &Caller) -> Vec<Value> {
    let set = get(caller, "/fhir/DocumentReference?_count=200")
        .await
        .expect(200);
    let all = set["entry"].as_array().into_iter().flatten();
    all.map(|e| e["resource"].clone()).collect()
}

fn named(all: &[Value], system: &str) -> Vec<Value> {
    let of = |one: &&Value| {
        let own = one["identifier"].as_array().into_iter().flatten();
        own.into_iter().any(|i| text(&i["system"]) == system)
    };
    all.iter().filter(of).cloned().collect()
}

fn is_marked(value: &Value) -> bool {
    let labels = value["meta"]["security"].as_array().into_iter().flatten();
    labels.into_iter().any(|label| label["code"] == "REDACTED")
}

async fn a_document_is_told_to_another_service_without_what_is_left_out(db: Db) {
    let mut episode = referred();
    for issue in &mut episode.detected_issues {
        // The partner, who knows of nothing yet, did nothing about it.
        issue.mitigations.clear();
    }
    let (practice, partner) = services(db, &episode).await;
    let played = practice.play(&episode).await;
    let own = practice.as_party(Party::Practice);
    let made = paper(own).await;
    // What is told is what the partner reads here.
    let read = papers(practice.as_party(Party::Partner)).await;
    let mut told = named(&read, "urn:example:paper");
    assert!(told.len() == 1 && is_marked(&told[0]), "{told:#?}");
    let told = told.remove(0);
    agreed(&practice, &partner, &played.episode).await;

    let there = papers(partner.as_party(Party::Partner)).await;
    let arrived = named(&there, "urn:example:paper");
    assert_eq!(arrived.len(), 1, "{there:#?}");
    let arrived = &arrived[0];
    assert_eq!(arrived["content"], told["content"]);
    assert!(
        arrived["text"].is_null() && !is_marked(arrived),
        "{arrived}"
    );
    assert!(!arrived.to_string().contains("drawer"), "{arrived}");
    assert_eq!(read.len(), there.len(), "{read:#?} {there:#?}");

    // A change follows.
    let mut changed = made.clone();
    changed["status"] = json!("superseded");
    crate::fhir_door::put(own, &changed).await.expect(200);
    agreed(&practice, &partner, &played.episode).await;
    let there = papers(partner.as_party(Party::Partner)).await;
    let arrived = named(&there, "urn:example:paper");
    assert_eq!(arrived.len(), 1, "{there:#?}");
    assert_eq!(arrived[0]["status"], "superseded");
    practice.stop().await;
    partner.stop().await;
}

async fn a_document_elsewhere_leads_back(db: Db) {
    let app = TestApp::start(db, &referred()).await;
    let peer = peer(&app, Habits::default()).await;
    app.play(&referred()).await;
    until("the letter is there", || async {
        !peer.all("DocumentReference").is_empty()
    })
    .await;
    exchanged(&app).await;
    let letters = peer.all("DocumentReference");
    assert_eq!(letters.len(), 1, "{letters:#?}");
    let url = text(&letters[0]["content"][0]["attachment"]["url"]);
    let path = url
        .strip_prefix(&app.base)
        .expect("an address of this service");
    let document = get(app.as_party(Party::Partner), path).await.expect(200);
    assert_eq!(document["type"], "document");
    assert_eq!(
        document["entry"][0]["resource"]["type"]["coding"][0]["code"],
        letters[0]["type"]["coding"][0]["code"]
    );
    app.stop().await;
}

/// Each document that the partner reads in the practice's service is in its own: its own words of it, or the way there.
pub async fn lead_somewhere(practice: &TestApp, partner: &TestApp) {
    let (reader, own) = (
        practice.as_party(Party::Partner),
        partner.as_party(Party::Partner),
    );
    let (mut all, mut there) = (papers(reader).await, papers(own).await);
    let id = |one: &Value| text(&one["id"]).to_owned();
    all.sort_by_key(id);
    there.sort_by_key(id);
    assert!(!all.is_empty());
    assert_eq!(
        all.iter().map(id).collect::<Vec<_>>(),
        there.iter().map(id).collect::<Vec<_>>()
    );
    for one in &there {
        let url = text(&one["content"][0]["attachment"]["url"]);
        if let Some(document) = text(&one["id"]).strip_suffix("-ref") {
            let drawn = get(own, &format!("/fhir/Composition/{document}")).await;
            let is_own = !url.starts_with(&practice.base);
            assert_eq!(drawn.status == 200, is_own, "{one}");
        }
        let answer = match url.strip_prefix(&practice.base) {
            Some(path) => get(reader, path).await,
            None => get(own, &format!("/fhir/{url}")).await,
        };
        assert_eq!(answer.expect(200)["type"], "document", "{url}");
    }
}

/// Changes what a session's letter tells of, as if an earlier version of the letter had been made at the partner's before it drew
/// up its own; the letter's entry.
pub async fn as_sent_before(practice: &TestApp) -> String {
    let own = practice.as_party(Party::Practice);
    let (mut event, entry) = told_of(own).await;
    let earlier = format!(
        "UPDATE partner_link SET sent = 'earlier', version = 'W/\"1\"' WHERE type = 'DocumentReference' AND id = '{entry}' RETURNING id"
    );
    assert_eq!(practice.place().cell(&earlier).await, entry);
    event["event"]["text"] = json!("told once more");
    crate::fhir_door::put(own, &event).await.expect(200);
    entry
}

/// That the partner's entry was found to be its own.
pub async fn stays(practice: &TestApp, entry: &str) {
    let sent = format!(
        "SELECT sent FROM partner_link WHERE type = 'DocumentReference' AND id = '{entry}'"
    );
    until("it is known for the partner's own", || async {
        practice.place().cell(&sent).await.is_empty()
    })
    .await;
}

/// An adverse event of a session, and the id of the entry of the letter that tells of it.
async fn told_of(own: &Caller) -> (Value, String) {
    let events = get(own, "/fhir/AdverseEvent").await.expect(200);
    let event = events["entry"][0]["resource"].clone();
    let session = text(&event["encounter"]["reference"]);
    let path = format!("/fhir/DocumentReference?encounter={session}");
    let found = get(own, &path).await.expect(200);
    let entry = text(&found["entry"][0]["resource"]["id"]).to_owned();
    (event, entry)
}

async fn a_document_is_not_sent_along_with_what_it_tells_of(db: Db) {
    let (app, _) = TestApp::played(db, &sample(SECOND.text).0).await;
    let practice = app.as_party(Party::Practice);
    let events = get(practice, "/fhir/AdverseEvent").await.expect(200);
    let mut event = events["entry"][0]["resource"].clone();
    event["event"]["text"] = json!("told once more");
    let session = text(&event["encounter"]["reference"]).to_owned();
    let found = get(
        practice,
        &format!("/fhir/DocumentReference?encounter={session}"),
    )
    .await;
    let document = found.expect(200)["entry"][0]["resource"].clone();
    assert!(document["id"].is_string(), "{event}");
    let put = |one: &Value| {
        let url = format!("{}/{}", text(&one["resourceType"]), text(&one["id"]));
        json!({ "resource": one, "request": { "method": "PUT", "url": url } })
    };
    let bundle = |all: &[&Value]| {
        let all: Vec<Value> = all.iter().map(|one| put(one)).collect();
        json!({ "resourceType": "Bundle", "type": "transaction", "entry": all })
    };
    let refused = post(practice, "/fhir", &bundle(&[&event, &document]))
        .await
        .expect(422);
    assert_eq!(
        refused["issue"][0]["expression"][0], "Bundle.entry[1].resource",
        "{refused}"
    );
    post(practice, "/fhir", &bundle(&[&event]))
        .await
        .expect(200);
    let path = format!("/fhir/DocumentReference/{}", text(&document["id"]));
    let now = get(practice, &path).await.expect(200);
    assert_ne!(
        now["meta"]["versionId"], document["meta"]["versionId"],
        "it is written anew"
    );
    app.stop().await;
}
