use serde_json::json;

use super::*;

fn whole() -> Value {
    json!({
        "resourceType": "Subscription", "status": "requested", "reason": "sync",
        "criteria": "https://kap-interop.example.org/fhir/SubscriptionTopic/kap-prescription",
        "_criteria": { "extension": [{ "url": format!("{BACKPORT}filter-criteria"),
            "valueString": "MedicationRequest?patient=Patient/1" }] },
        "channel": {
            "type": "rest-hook", "endpoint": "https://ehr.example.org/hook",
            "payload": "application/fhir+json",
            "_payload": { "extension": [{ "url": format!("{BACKPORT}payload-content"), "valueCode": "empty" }] },
            "header": ["Authorization: Bearer x"],
            "extension": [
                { "url": format!("{BACKPORT}heartbeat-period"), "valueUnsignedInt": 60 },
                { "url": format!("{BACKPORT}timeout"), "valueUnsignedInt": 10 },
                { "url": format!("{BACKPORT}max-count"), "valuePositiveInt": 5 },
            ],
        },
    })
}

#[test]
fn all_of_it_is_read() {
    let asked = read(&whole(), 0).expect("read");
    assert_eq!(
        (asked.topic, asked.content),
        ("kap-prescription", Content::Empty)
    );
    assert_eq!(
        (asked.most, asked.timeout, asked.heartbeat),
        (5, 10_000, 60_000)
    );
    assert_eq!(asked.headers, [("Authorization".into(), "Bearer x".into())]);
    assert_eq!(asked.filters, ["MedicationRequest?patient=Patient/1"]);
    assert_eq!((asked.ends_at, asked.off), (NEVER, Off::No));
}

/// A place, what is put there, and where it is told.
const CASES: &str = r#"
/criteria | "Observation?code=1" | criteria
/_criteria/extension/0/valueString | "Task?owner=x" | criteria.extension[0].value
/_criteria/extension/0/valueString | "MedicationRequest?code=x" | criteria.extension[0].value
/_criteria/extension/0/valueString | "MedicationRequest" | criteria.extension[0].value
/_criteria/extension/0/valueString | "MedicationRequest?patient=a\nMedicationRequest?status=b" | criteria.extension[0].value
/_criteria/extension/0/url | "http://hl7.org/fhir/5.0/x" | criteria.extension[0].url
/channel/type | "websocket" | channel.type
/channel/payload | "text/plain" | channel.payload
/channel/_payload/extension/0/valueCode | "all" | channel.payload.extension[0]
/channel/extension/0/valueUnsignedInt | 59 | channel.extension[0].value
/channel/extension/1/valueUnsignedInt | 31 | channel.extension[1].value
/channel/extension/2/valuePositiveInt | 101 | channel.extension[2].value
/channel/extension/2/url | "http://x" | channel.extension[2].url
/channel/header/0 | "Host: x" | channel.header[0]
/channel/header/0 | "A: b\r\nC: d" | channel.header[0]
/channel/header/0 | "webhook-id: 1" | channel.header[0]
/channel/header/0 | "no colon" | channel.header[0]
"#;

#[test]
fn each_thing_that_is_not_done_is_told_at_its_place() {
    for line in CASES.lines().filter(|line| !line.is_empty()) {
        let mut parts = line.split(" | ");
        let mut part = || parts.next().expect("a part");
        let (place, bad, at) = (part(), part(), format!("Subscription.{}", part()));
        let mut value = whole();
        *value.pointer_mut(place).expect(place) = serde_json::from_str(bad).expect("json");
        let error = read(&value, 0).expect_err(place);
        let places: Vec<_> = error
            .issues
            .iter()
            .filter_map(|i| i.at.as_deref())
            .collect();
        assert_eq!(places, [at], "{line}");
    }
    let none = read(&json!({}), 0).expect_err("nothing");
    assert_eq!(none.issues.len(), 3);
}
