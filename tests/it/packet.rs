//! Two services agree on an episode: the practice's pushes its referral packet to its medical partner's, as one
//! transaction, and both go on with the same episode.

mod parcel;
mod refusals;
mod stories;

use kap_fhir::demo::player::{Caller, Played, play};
use kap_fhir::demo::script::Party;
use serde_json::{Value, json};

use crate::app::{Db, TestApp};
use crate::both;
use crate::fhir_door::transactions::World;
use crate::fhir_door::{Answer, get, post, referred, text};
use parcel::{Parcel, agreed, shown, statuses};

both!(
    a_packet_opens_the_same_episode_elsewhere,
    a_packet_sent_again_makes_nothing_twice,
    two_packets_at_once_open_one_episode,
    what_a_packet_left_out_is_sent_after_it,
    an_id_that_is_taken_is_given_anew,
    a_second_course_is_flagged,
    nobody_is_taken_for_the_person_of_another_practice,
    the_partner_answers_in_its_own_service,
);

/// The practice's service with a referral, the partner's without any, and the packet between them.
struct Pair {
    practice: TestApp,
    partner: TestApp,
    played: Played,
    parcel: Parcel,
}

impl Pair {
    async fn new(db: Db) -> Self {
        let (practice, played) = TestApp::played(db, &referred()).await;
        let partner = TestApp::start(db, &referred()).await;
        let parcel = Parcel::of(practice.as_party(Party::Partner)).await;
        Self {
            practice,
            partner,
            played,
            parcel,
        }
    }

    /// The practice's client at the partner's service.
    fn sender(&self) -> &Caller {
        self.partner.as_party(Party::Practice)
    }

    async fn push(&self, parcel: &Parcel) -> Answer {
        post(self.sender(), "/fhir", &parcel.bundle()).await
    }

    /// How many records of these types the partner's service holds, as the practice sees them.
    async fn count(&self) -> Vec<u64> {
        let mut out = Vec::new();
        for kind in parcel::KINDS {
            let path = format!("/fhir/{kind}?_count=0&_total=accurate");
            let set = get(self.sender(), &path).await.expect(200);
            out.push(set["total"].as_u64().expect("a total"));
        }
        out
    }

    async fn assert_agreed(&self) {
        let id = &self.played.episode;
        let here = shown(self.practice.as_party(Party::Practice), id).await;
        let there = shown(self.sender(), id).await;
        agreed(&here, &there);
    }

    async fn stop(self) {
        self.practice.stop().await;
        self.partner.stop().await;
    }
}

async fn a_packet_opens_the_same_episode_elsewhere(db: Db) {
    let pair = Pair::new(db).await;
    let answer = pair.push(&pair.parcel).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answered = answer.json();
    assert!(statuses(&answered).iter().all(|s| s == "201"), "{answered}");
    for (sent, made) in pair
        .parcel
        .0
        .iter()
        .zip(answered["entry"].as_array().expect("entries"))
    {
        let id = format!(
            "/{}/{}",
            text(&sent["resource"]["resourceType"]),
            text(&sent["resource"]["id"])
        );
        assert!(text(&made["response"]["location"]).contains(&id), "{made}");
    }
    pair.assert_agreed().await;
    // What is stored is what was sent.
    for sent in pair.parcel.0.iter().map(|entry| &entry["resource"]) {
        let path = format!(
            "/fhir/{}/{}",
            text(&sent["resourceType"]),
            text(&sent["id"])
        );
        let stored = get(pair.sender(), &path).await.expect(200);
        assert_eq!(
            parcel::unstamped(&stored),
            parcel::unstamped(sent),
            "{path}"
        );
    }
    pair.stop().await;
}

async fn a_packet_sent_again_makes_nothing_twice(db: Db) {
    let pair = Pair::new(db).await;
    let first = pair.push(&pair.parcel).await.expect(200);
    let count = pair.count().await;
    let again = pair.push(&pair.parcel).await.expect(200);
    assert!(statuses(&again).iter().all(|s| s == "200"), "{again}");
    for (one, two) in first["entry"]
        .as_array()
        .expect("entries")
        .iter()
        .zip(again["entry"].as_array().expect("entries"))
    {
        assert_eq!(one["response"]["location"], two["response"]["location"]);
    }
    assert_eq!(pair.count().await, count);
    pair.assert_agreed().await;
    pair.stop().await;
}

async fn two_packets_at_once_open_one_episode(db: Db) {
    let pair = Pair::new(db).await;
    let (one, two) = tokio::join!(pair.push(&pair.parcel), pair.push(&pair.parcel));
    let (one, two) = (statuses(&one.expect(200)), statuses(&two.expect(200)));
    for (a, b) in one.iter().zip(&two) {
        assert!(
            (a == "201") != (b == "201"),
            "each entry is made by one of the two: {one:?} {two:?}"
        );
    }
    pair.assert_agreed().await;
    pair.stop().await;
}

async fn what_a_packet_left_out_is_sent_after_it(db: Db) {
    let pair = Pair::new(db).await;
    let later = ["Consent", "AllergyIntolerance"];
    let first = pair.parcel.without(&later);
    assert!(first.0.len() < pair.parcel.0.len());
    pair.push(&first).await.expect(200);
    let whole = pair.push(&pair.parcel).await.expect(200);
    for (sent, status) in pair.parcel.0.iter().zip(statuses(&whole)) {
        let is_late = !first.0.contains(sent);
        assert_eq!(status, if is_late { "201" } else { "200" }, "{sent}");
    }
    pair.assert_agreed().await;
    pair.stop().await;
}

async fn an_id_that_is_taken_is_given_anew(db: Db) {
    let pair = Pair::new(db).await;
    let taken = pair.parcel.first("Condition");
    // Another practice's record has the id of one of the packet's.
    let other = parcel::another_practice(&pair.partner).await;
    let own = json!({ "resourceType": "Patient", "name": [{ "family": "Other" }], "birthDate": "1980-01-01" });
    let entry = |url: &str, resource: Value| json!({ "fullUrl": url, "resource": resource, "request": { "method": "POST", "url": resource["resourceType"] } });
    let squat = json!({ "resourceType": "Condition", "code": { "text": "a cold" }, "clinicalStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active" }] }, "subject": { "reference": "urn:uuid:0b7c3e4e-4a24-4c4e-9d0c-5b1a8f0a0001" } });
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        entry("urn:uuid:0b7c3e4e-4a24-4c4e-9d0c-5b1a8f0a0001", own),
        entry(text(&taken["fullUrl"]), squat),
    ]});
    let made = post(&other, "/fhir", &bundle).await.expect(200);
    let id = text(&taken["resource"]["id"]);
    assert!(
        text(&made["entry"][1]["response"]["location"]).contains(id),
        "{made}"
    );

    let answer = pair.push(&pair.parcel).await.expect(200);
    assert!(statuses(&answer).iter().all(|s| s == "201"), "{answer}");
    let n = pair
        .parcel
        .0
        .iter()
        .position(|e| e["fullUrl"] == taken["fullUrl"])
        .expect("it");
    let location = text(&answer["entry"][n]["response"]["location"]);
    assert!(!location.contains(id), "{location}");
    // What names it names it by its new id.
    let there = shown(pair.sender(), &pair.played.episode).await;
    let problems = there["problems"].as_array().expect("problems");
    let new = problems.iter().find(|p| location.contains(text(&p["id"])));
    assert!(new.is_some(), "{location} {problems:?}");
    let episode = get(
        pair.sender(),
        &format!("/fhir/EpisodeOfCare/{}", pair.played.episode),
    )
    .await
    .expect(200);
    assert!(
        !episode.to_string().contains(&format!("Condition/{id}")),
        "{episode}"
    );
    pair.stop().await;
}

async fn a_second_course_is_flagged(db: Db) {
    let pair = Pair::new(db).await;
    // The partner's service knows another open course of the same patient already.
    let mut other = referred();
    other.business_identifiers.clear();
    let own = play(&other, &pair.partner.callers, "own", |_, _| {}).await;
    let own = own.expect("another episode").episode;
    let answer = pair.push(&pair.parcel).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let there = shown(pair.sender(), &pair.played.episode).await;
    let found = there["detectedIssues"].as_array().into_iter().flatten();
    let twins: Vec<&Value> = found.filter(|i| i["ruleId"] == "KAP-INV-01").collect();
    assert_eq!(twins.len(), 1, "{there}");
    assert!(twins[0].to_string().contains(&own), "{}", twins[0]);
    pair.stop().await;
}

async fn the_partner_answers_in_its_own_service(db: Db) {
    let pair = Pair::new(db).await;
    let by_partner = async || {
        get(pair.partner.as_party(Party::Partner), "/fhir/EpisodeOfCare")
            .await
            .expect(200)
    };
    assert!(by_partner().await.get("entry").is_none());
    pair.push(&pair.parcel).await.expect(200);
    assert_eq!(
        by_partner().await["entry"][0]["resource"]["id"],
        json!(pair.played.episode)
    );
    let Pair {
        practice,
        partner,
        played,
        ..
    } = pair;
    let there = World::over(partner, played.episode).await;
    let answer = post(there.partner(), "/fhir", &there.answer(1)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let record = there.record().await;
    assert_eq!(record["phase"], "cleared");
    assert_eq!(record["prescriptions"].as_array().map(Vec::len), Some(1));
    there.app.stop().await;
    practice.stop().await;
}

async fn nobody_is_taken_for_the_person_of_another_practice(db: Db) {
    let pair = Pair::new(db).await;
    let known = pair.parcel.first("Patient");
    let other = parcel::another_practice(&pair.partner).await;
    let own = json!({ "resourceType": "Patient", "name": [{ "family": "Other" }], "birthDate": "1980-01-01" });
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
        { "fullUrl": known["fullUrl"], "resource": own, "request": { "method": "POST", "url": "Patient" } }] });
    let made = post(&other, "/fhir", &bundle).await.expect(200);
    let id = text(&known["resource"]["id"]);
    assert!(
        text(&made["entry"][0]["response"]["location"]).contains(id),
        "{made}"
    );
    // The practice's own service gives this patient that id: here it is somebody else's.
    let played = pair.partner.play(&referred()).await;
    let there = shown(pair.sender(), &played.episode).await;
    assert_ne!(text(&there["patient"]["id"]), id);
    assert_ne!(there["patient"]["birthDate"], "1980-01-01");
    pair.stop().await;
}
