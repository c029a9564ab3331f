use super::*;
use crate::kap::base::Id;
use crate::store::outbox::Why;
use crate::store::subscription::NEVER;

fn subscription(payload: &str, content: Content) -> Subscription {
    Subscription {
        id: Id::new("9f").expect("id"),
        client: "c".into(),
        owner: "o".into(),
        role: "partner-prescriber".into(),
        scopes: "".into(),
        purpose: "TREAT".into(),
        topic: "kap-prescription".into(),
        state: State::Active,
        reason: "".into(),
        filters: "".into(),
        endpoint: "https://ehr.example.org/hook".into(),
        host: "ehr.example.org".into(),
        payload: payload.into(),
        content,
        most: 20,
        timeout: 20_000,
        heartbeat: 0,
        ends_at: NEVER,
        ring: "".into(),
        secret: "".into(),
        numbered: 23,
        acked: 22,
        due_at: 0,
        attempt: 0,
        failing_since: 0,
        told_at: 0,
        begun: true,
        tried: 0,
        fence: 1,
        changed_at: 0,
    }
}

fn told(n: i64, id: &str, version: i64, focus: Focus) -> Told {
    Told {
        event: Event {
            n,
            key: Key::new("MedicationRequest", Id::new(id).expect("id")),
            version,
            why: Why::Changed,
            at: 1_000 + n,
        },
        focus,
    }
}

fn body(s: &Subscription, kind: NoticeKind, told: &[Told]) -> Value {
    let notice = Notice {
        base: "https://kap.example.org/fhir",
        of: s,
        state: s.state,
        kind,
        told,
        at: 5_000,
    };
    let text = notice.body();
    assert_eq!(text, notice.body(), "the same bytes");
    assert!(!notice.id().contains('.'));
    serde_json::from_str(&text).expect("json")
}

fn parameter<'v>(body: &'v Value, name: &str) -> Vec<&'v Value> {
    let all = body["entry"][0]["resource"]["parameter"].as_array();
    let all = all.into_iter().flatten();
    all.filter(|p| p["name"] == name).collect()
}

#[test]
fn an_event_names_its_record_in_the_shape_of_the_guide() {
    let s = subscription("application/fhir+json", Content::IdOnly);
    let body = body(&s, NoticeKind::Events, &[told(23, "b1", 2, Focus::Named)]);
    assert_eq!(
        (&body["type"], &body["resourceType"]),
        (&json!("history"), &json!("Bundle"))
    );
    let first = &body["entry"][0];
    assert_eq!(
        first["request"]["url"],
        "https://kap.example.org/fhir/Subscription/9f/$status"
    );
    assert_eq!(first["response"]["status"], "200");
    assert_eq!(
        first["fullUrl"],
        format!("urn:uuid:{}", first["resource"]["id"].as_str().expect("id"))
    );
    assert_eq!(
        parameter(&body, "topic")[0]["valueCanonical"],
        "https://kap-interop.example.org/fhir/SubscriptionTopic/kap-prescription"
    );
    assert_eq!(
        parameter(&body, "events-since-subscription-start")[0]["valueString"],
        "23"
    );
    assert_eq!(
        parameter(&body, "notification-event")[0]["part"],
        json!([
            { "name": "event-number", "valueString": "23" },
            { "name": "timestamp", "valueInstant": "1970-01-01T00:00:01.023Z" },
            { "name": "focus", "valueReference": { "reference": "https://kap.example.org/fhir/MedicationRequest/b1" } },
        ])
    );
    assert_eq!(
        body["entry"][1],
        json!({ "fullUrl": "https://kap.example.org/fhir/MedicationRequest/b1",
            "request": { "method": "PUT", "url": "MedicationRequest/b1" }, "response": { "status": "200" } })
    );
}

#[test]
fn an_empty_one_names_nothing() {
    let s = subscription("application/fhir+json", Content::Empty);
    let body = body(
        &s,
        NoticeKind::Events,
        &[told(23, "b1", 1, Focus::Withheld)],
    );
    assert!(parameter(&body, "topic").is_empty());
    assert_eq!(body["entry"].as_array().map(Vec::len), Some(1));
    assert!(!body.to_string().contains("b1"));
}

#[test]
fn a_record_stands_once_and_keeps_its_bytes() {
    let s = subscription("application/fhir+json", Content::FullResource);
    let whole = |text: &str| Focus::Whole(text.into());
    let told = [
        told(22, "b1", 1, whole("{\"x\":1.10}")),
        told(23, "b1", 2, whole("{\"x\":1.20}")),
    ];
    let notice = Notice {
        base: "https://h/fhir",
        of: &s,
        state: s.state,
        kind: NoticeKind::Events,
        told: &told,
        at: 0,
    };
    let text = notice.body();
    assert!(
        text.contains("{\"x\":1.20}") && !text.contains("1.10"),
        "{text}"
    );
    assert_eq!(notice.id(), "kap_9f_22_23");
}

#[test]
fn a_handshake_counts_no_event() {
    let s = Subscription {
        state: State::Requested,
        numbered: 0,
        ..subscription("application/fhir+json", Content::IdOnly)
    };
    let body = body(&s, NoticeKind::Handshake, &[]);
    assert_eq!(parameter(&body, "type")[0]["valueCode"], "handshake");
    assert_eq!(parameter(&body, "status")[0]["valueCode"], "requested");
    assert_eq!(
        parameter(&body, "events-since-subscription-start")[0]["valueString"],
        "0"
    );
    assert!(parameter(&body, "notification-event").is_empty());
}

#[test]
fn a_plain_event_needs_no_word_of_fhir_to_be_read() {
    let s = subscription("application/json", Content::IdOnly);
    let told = [told(23, "b1", 2, Focus::Named)];
    let body = body(&s, NoticeKind::Events, &told);
    assert_eq!(
        body,
        json!({ "type": "kap-prescription", "timestamp": "1970-01-01T00:00:01.023Z", "data": {
            "subscription": "9f", "number": 23, "reason": "changed", "resourceType": "MedicationRequest", "id": "b1",
            "version": "2", "url": "https://kap.example.org/fhir/MedicationRequest/b1" } })
    );
}
