//! Who sees which AuditEvents.

use kap_fhir::access::Role;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::script::Party;
use serde_json::Value;

use super::{PARTNER, PRACTICE, client};
use crate::app::sample;
use crate::app::{Db, TestApp};
use crate::both;
use crate::fhir_door::{FIRST, get, text};

both!(who_sees_which_events, events_are_searched);

fn entries(set: &Value) -> Vec<Value> {
    let all = set["entry"].as_array().into_iter().flatten();
    all.map(|entry| entry["resource"].clone()).collect()
}

fn organization(event: &Value) -> &str {
    let agents = event["agent"].as_array().into_iter().flatten();
    let mut named = agents.filter_map(|agent| agent["who"]["reference"].as_str());
    named.next().unwrap_or_default()
}

async fn patient(caller: &Caller) -> String {
    let set = get(caller, "/fhir/Patient").await.expect(200);
    text(&set["entry"][0]["resource"]["id"]).to_owned()
}

async fn who_sees_which_events(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    let id = patient(app.as_party(Party::Practice)).await;
    let (officer, _) = client(
        &app,
        ("officer", PRACTICE, Role::PrivacyOfficer),
        "system/AuditEvent.rs",
    )
    .await;
    let (other, _) = client(
        &app,
        ("other", "org-other", Role::PrivacyOfficer),
        "system/AuditEvent.rs",
    )
    .await;
    let search = format!("/fhir/AuditEvent?patient={id}&_count=1000");

    let all = entries(&get(&officer, &search).await.expect(200));
    let of_partner = format!("Organization/{PARTNER}");
    let of_practice = format!("Organization/{PRACTICE}");
    assert!(all.iter().any(|event| organization(event) == of_partner));
    assert!(all.iter().any(|event| organization(event) == of_practice));
    for event in &all {
        let entities = event["entity"].as_array().into_iter().flatten();
        let mut whats = entities.filter_map(|e| e["what"]["reference"].as_str());
        assert!(whats.any(|what| what == format!("Patient/{id}")), "{event}");
    }
    let newest = &all[0];
    let read = get(
        &officer,
        &format!("/fhir/AuditEvent/{}", text(&newest["id"])),
    )
    .await;
    assert_eq!(read.expect(200), *newest);

    // The partner: what its own clients did, and nothing else.
    let partner = app.as_party(Party::Partner);
    let own = entries(&get(partner, &search).await.expect(200));
    assert!(!own.is_empty() && own.iter().all(|event| organization(event) == of_partner));
    let of_others = all
        .iter()
        .find(|event| organization(event) == of_practice)
        .expect("one");
    let hidden = get(
        partner,
        &format!("/fhir/AuditEvent/{}", text(&of_others["id"])),
    )
    .await;
    let missing = get(partner, "/fhir/AuditEvent/0193-missing").await;
    assert_eq!((hidden.status, &hidden.text), (404, &missing.text));

    // Another practice's officer sees nothing of this one; roles without the right are told so.
    assert!(entries(&get(&other, &search).await.expect(200)).is_empty());
    for party in [Party::Practice, Party::Ehr, Party::Pharmacy] {
        let caller = app.as_party(party);
        assert_eq!(get(caller, &search).await.status, 403, "{party:?}");
        assert_eq!(
            get(caller, "/fhir/AuditEvent/x").await.status,
            403,
            "{party:?}"
        );
    }

    // What a stranger asked for in vain is seen by the officer of the practice whose record it is.
    let (nosy, _) = client(
        &app,
        ("nosy", "org-other", Role::PracticeTherapist),
        "system/*.cruds",
    )
    .await;
    let set = get(app.as_party(Party::Practice), "/fhir/Encounter?_count=1").await;
    let encounter = text(&set.expect(200)["entry"][0]["resource"]["id"]).to_owned();
    assert_eq!(
        get(&nosy, &format!("/fhir/Encounter/{encounter}"))
            .await
            .status,
        404
    );
    let tried = format!("/fhir/AuditEvent?entity=Encounter/{encounter}&outcome=4");
    let seen = entries(&get(&officer, &tried).await.expect(200));
    assert_eq!(seen.len(), 1);
    assert_eq!(organization(&seen[0]), "Organization/org-other");
    assert!(entries(&get(partner, &tried).await.expect(200)).is_empty());

    // Looking into the audit is in the audit.
    let again = entries(&get(&officer, &search).await.expect(200));
    let by_officer = again
        .iter()
        .filter(|e| e["agent"][0]["who"]["identifier"]["value"] == "officer");
    assert_eq!(by_officer.count(), 2, "a search and a read");
    app.stop().await;
}

async fn events_are_searched(db: Db) {
    let (episode, _) = sample(FIRST);
    let (app, _) = TestApp::played(db, &episode).await;
    let id = patient(app.as_party(Party::Practice)).await;
    let (officer, _) = client(
        &app,
        ("officer", PRACTICE, Role::PrivacyOfficer),
        "system/AuditEvent.rs",
    )
    .await;
    let count = async |query: &str| {
        let set = get(&officer, &format!("/fhir/AuditEvent?_count=1000&{query}")).await;
        entries(&set.expect(200)).len()
    };
    // Each search adds an event of its own, so it is the creates that are counted.
    let creates = count(&format!("patient=Patient/{id}&subtype=create")).await;
    assert!(creates > 50, "{creates}");
    for (query, expected) in [
        ("date=2026-11-22", creates),
        ("date=lt2026-11-22", 0),
        ("date=gt2026-11-22", 0),
        ("date=ge2026-11-22T12:00:00Z&date=le2026-11-23", creates),
        ("date=ne2026-11-22", 0),
        ("action=C", creates),
        ("action=R", 0),
        ("outcome=0", creates),
        ("outcome=4,8", 0),
        ("type=rest", creates),
    ] {
        let found = count(&format!("patient={id}&subtype=create&{query}")).await;
        assert_eq!(found, expected, "{query}");
    }
    let of = |agent| format!("patient={id}&subtype=create&agent=Organization/{agent}");
    let (practice, partner) = (count(&of(PRACTICE)).await, count(&of(PARTNER)).await);
    assert!(practice > 0 && partner > 0, "{practice} {partner}");
    assert!(practice + partner <= creates);
    assert_eq!(count("date=2026-11-22&type=110113&outcome=8").await, 0);
    assert!(count(&format!("date=2026-11-22&entity=Patient/{id}")).await > creates);
    for wrong in [
        "outcome=0",
        "_count=5",
        "date=2026-11-22&agent:missing=true",
        "date=never",
    ] {
        let refused = get(&officer, &format!("/fhir/AuditEvent?{wrong}")).await;
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.text);
    }

    // Pages hang together, in the order of time, whatever is written meanwhile.
    let mut path = format!("/fhir/AuditEvent?patient={id}&date=2026-11-22&_sort=date&_count=7");
    let mut seen: Vec<String> = vec![];
    loop {
        let set = get(&officer, &path).await.expect(200);
        seen.extend(
            entries(&set)
                .iter()
                .map(|event| text(&event["id"]).to_owned()),
        );
        let links = set["link"].as_array().into_iter().flatten();
        let next = links
            .filter(|link| link["relation"] == "next")
            .find_map(|l| l["url"].as_str());
        match next {
            Some(url) => path = url.replace(&app.base, ""),
            None => break,
        }
        assert!(seen.len() < 10_000);
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(seen, sorted);
    assert!(seen.len() > creates);

    // It is written by the service alone.
    let body = serde_json::json!({
        "resourceType": "AuditEvent",
        "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
        "recorded": "2026-07-18T10:03:00Z",
        "agent": [{"requestor": true}],
        "source": {"observer": {"display": "elsewhere"}},
    });
    let made = crate::fhir_door::post(&officer, "/fhir/AuditEvent", &body).await;
    assert_eq!(made.status, 403);
    app.stop().await;
}
