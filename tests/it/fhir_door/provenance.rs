//! Provenances that clients send: each has the patient, the episode and the readers of what it tells of.

use super::world::{World, patient};
use super::*;
use crate::both;

both!(
    a_provenance_is_of_what_it_tells_of,
    a_provenance_is_seen_where_each_of_its_targets_is,
    a_provenance_of_nothing_or_of_several_patients_is_refused,
    a_provenance_comes_with_what_it_tells_of
);

fn provenance(targets: &[&str]) -> Value {
    let targets: Vec<Value> = targets.iter().map(|t| json!({ "reference": t })).collect();
    json!({ "resourceType": "Provenance", "target": targets, "recorded": "2026-11-01T10:05:00Z",
        "agent": [{ "who": { "display": "Import of the practice's old system" } }] })
}

fn somebody(identifier: &str) -> Value {
    json!({ "resourceType": "Patient", "name": [{ "family": "Rivera" }], "gender": "female", "birthDate": "1980-02-03",
        "identifier": [{ "system": "https://ehr.example.org/mrn", "value": identifier }] })
}

fn pulse(patient: &str) -> Value {
    json!({ "resourceType": "Observation", "status": "final",
        "code": { "coding": [{ "system": "http://loinc.org", "code": "8867-4", "display": "Heart rate" }] },
        "subject": { "reference": patient }, "effectiveDateTime": "2026-11-01T10:00:00Z",
        "valueQuantity": { "value": 72, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min" } })
}

async fn stored(caller: &Caller, resource: &Value) -> String {
    let kind = text(&resource["resourceType"]);
    let made = post(caller, &format!("/fhir/{kind}"), resource).await;
    format!("{kind}/{}", text(&made.expect(201)["id"]))
}

/// Who is told of `target` besides the service's own Provenances.
async fn told(caller: &Caller, target: &str) -> Vec<Value> {
    let set = get(caller, &format!("/fhir/Provenance?target={target}")).await;
    let set = set.expect(200);
    let all = set["entry"].as_array().cloned().unwrap_or_default();
    let all = all.into_iter().map(|mut e| e["resource"].take());
    all.filter(|p| p["agent"][0]["who"]["display"].is_string())
        .collect()
}

async fn a_provenance_is_of_what_it_tells_of(db: Db) {
    let w = World::new(db).await;
    let episode = format!("EpisodeOfCare/{}", w.own.episode);
    let before = get(w.practice(), &format!("/kap/v1/episodes/{}", w.own.episode)).await;
    let impression = w.first("ClinicalImpression", &w.own).await;
    let sent = provenance(&[&impression]);
    let mine = stored(w.partner(), &sent).await;
    for reader in [w.partner(), w.practice()] {
        let found = told(reader, &impression).await;
        assert_eq!(found.len(), 1, "{found:?}");
        let codes = |value: &Value| -> Vec<String> {
            let all = value["meta"]["security"].as_array().into_iter().flatten();
            let all = all.map(|c| text(&c["code"]).to_owned());
            // What marks the sample as a test is no label.
            all.filter(|code| code != "HTEST").collect()
        };
        let of = get(reader, &format!("/fhir/{impression}"))
            .await
            .expect(200);
        assert_eq!(
            codes(&found[0]),
            codes(&of),
            "it bears the labels of its target"
        );
        assert_eq!(found[0]["target"], sent["target"]);
        let path = format!("/fhir/{episode}/$everything?_type=Provenance&_count=250");
        let all = get(reader, &path);
        let all = all.await.expect(200).to_string();
        assert!(
            all.contains(mine.trim_start_matches("Provenance/")),
            "{all}"
        );
    }
    // It states no fact: the episode is what it was.
    let after = get(w.practice(), &format!("/kap/v1/episodes/{}", w.own.episode)).await;
    assert_eq!(before.text, after.text);
    assert_eq!(before.header("etag"), after.header("etag"));
    // What was told stays told.
    let mut next = get(w.partner(), &format!("/fhir/{mine}")).await.expect(200);
    next["recorded"] = json!("2026-11-01T11:00:00Z");
    assert_eq!(put(w.partner(), &next).await.status, 403);
}

async fn a_provenance_is_seen_where_each_of_its_targets_is(db: Db) {
    let w = World::new(db).await;
    let patient = stored(w.practice(), &somebody("SYN-900011")).await;
    let pulse = stored(w.practice(), &pulse(&patient)).await;
    let mine = stored(w.practice(), &provenance(&[&pulse, &patient])).await;
    assert_eq!(told(w.practice(), &pulse).await.len(), 1);
    let back = format!("/fhir/Observation?patient={patient}&_revinclude=Provenance:target");
    let back = get(w.practice(), &back).await.expect(200).to_string();
    assert!(back.contains(&mine), "{back}");
    assert!(told(w.partner(), &pulse).await.is_empty());
    assert_eq!(get(w.partner(), &format!("/fhir/{mine}")).await.status, 404);
    // Who does not see the target learns nothing by telling of it.
    let hidden = post(w.partner(), "/fhir/Provenance", &provenance(&[&pulse])).await;
    let missing = provenance(&["Observation/00000000-0000-4000-8000-000000000000"]);
    let missing = post(w.partner(), "/fhir/Provenance", &missing).await;
    assert_eq!((hidden.status, missing.status), (422, 422));
    assert_eq!(hidden.json()["issue"], missing.json()["issue"]);
}

async fn a_provenance_of_nothing_or_of_several_patients_is_refused(db: Db) {
    let w = World::new(db).await;
    let other = stored(w.practice(), &somebody("SYN-900012")).await;
    let own = format!("Patient/{}", patient(&w.own));
    for targets in [
        &["https://elsewhere.example.org/fhir/Observation/1"][..],
        &[&own, &other],
    ] {
        let answer = post(w.practice(), "/fhir/Provenance", &provenance(targets)).await;
        assert_eq!(answer.status, 422, "{}", answer.text);
        assert!(
            answer.expression().starts_with("Provenance.target"),
            "{}",
            answer.text
        );
    }
}

async fn a_provenance_comes_with_what_it_tells_of(db: Db) {
    let w = World::new(db).await;
    let url = |n: u8| format!("urn:uuid:0b6d8f4e-6c0d-4b8e-9c4a-0b7f9d1f2b{n:02}");
    let entry = |n: u8, resource: Value| {
        json!({ "fullUrl": url(n), "request": { "method": "POST",
        "url": resource["resourceType"] }, "resource": resource })
    };
    let send = |entries: Value| json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
    let own = format!("Patient/{}", patient(&w.own));
    // Of a patient without an episode, and of one who has one.
    for (first, of) in [
        (Some(entry(1, somebody("SYN-900013"))), url(1)),
        (None, own),
    ] {
        let mut entries: Vec<Value> = first.into_iter().collect();
        entries.push(entry(3, provenance(&[&url(2)])));
        entries.push(entry(2, pulse(&of)));
        let answer = post(w.practice(), "/fhir", &send(json!(entries)))
            .await
            .expect(200);
        let last = answer["entry"]
            .as_array()
            .and_then(|all| all.last())
            .cloned();
        let location = last.expect("an answer")["response"]["location"].clone();
        let pulse = text(&location)
            .split("/_history")
            .next()
            .unwrap_or_default()
            .to_owned();
        let pulse = pulse.rsplit("/fhir/").next().unwrap_or_default().to_owned();
        let found = told(w.practice(), &pulse).await;
        assert_eq!(found.len(), 1, "{pulse} {found:?}");
    }
    // It is where its target is, though the rest is of another patient's episode.
    let elsewhere = stored(w.practice(), &somebody("SYN-900015")).await;
    let own = format!("Patient/{}", patient(&w.own));
    let entries = json!([entry(1, pulse(&own)), entry(2, provenance(&[&elsewhere]))]);
    post(w.practice(), "/fhir", &send(entries))
        .await
        .expect(200);
    assert_eq!(told(w.practice(), &elsewhere).await.len(), 1);
    // One that cannot be placed takes the rest with it.
    let strange = provenance(&["https://elsewhere.example.org/fhir/Observation/1"]);
    let entries = json!([entry(1, somebody("SYN-900014")), entry(2, strange)]);
    let answer = post(w.practice(), "/fhir", &send(entries)).await;
    assert_eq!(answer.status, 422, "{}", answer.text);
    assert_eq!(answer.expression(), "Bundle.entry[1].resource.target");
    let none = get(
        w.practice(),
        "/fhir/Patient?identifier=SYN-900014&_total=accurate",
    )
    .await;
    assert_eq!(none.expect(200)["total"], 0);
}
