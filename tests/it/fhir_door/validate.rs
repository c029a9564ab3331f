//! `$validate`, and what a write says of a resource that is not what it should be.

use serde_json::{Value, json};

use super::world::World;
use super::{STRUCTURE, get, post};
use crate::app::Db;
use crate::both;

both!(
    a_resource_is_judged,
    a_record_is_judged,
    a_write_is_told_all
);

fn issues(outcome: &Value) -> Vec<(String, String, String)> {
    let all = outcome["issue"].as_array().into_iter().flatten();
    all.map(|issue| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (
            text(&issue["severity"]),
            text(&issue["code"]),
            text(&issue["expression"][0]),
        )
    })
    .collect()
}

fn errors(outcome: &Value) -> Vec<String> {
    let all = issues(outcome).into_iter();
    all.filter(|(severity, ..)| severity == "error")
        .map(|(_, code, at)| format!("{code} {at}"))
        .collect()
}

async fn a_resource_is_judged(db: Db) {
    let w = World::new(db).await;
    let path = "/fhir/Observation/$validate";
    let good = json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"}});
    let told = post(w.practice(), path, &good).await.expect(200);
    assert_eq!(errors(&told), [""; 0], "{told}");
    assert!(
        issues(&told)
            .iter()
            .any(|(severity, ..)| severity == "warning"),
        "no narrative: {told}"
    );

    let bad = json!({"resourceType": "Observation", "status": "foo", "code": {"text": "x"}, "colour": "red",
        "encounter": {"reference": "Patient/1"}, "valueQuantity": {"value": 1, "code": "mg"}});
    let all = [
        "code-invalid Observation.status",
        "structure Observation.colour",
        "value Observation.encounter",
        "invariant Observation.value",
    ];
    let told = post(w.practice(), path, &bad).await.expect(200);
    assert_eq!(errors(&told), all, "{told}");
    let within = json!({"resourceType": "Parameters", "parameter": [
        {"name": "mode", "valueCode": "create"}, {"name": "resource", "resource": bad}]});
    let told = post(w.practice(), path, &within).await.expect(200);
    assert_eq!(errors(&told), all, "{told}");

    // By a profile that it does not claim, and by one that nobody knows.
    let asked = format!("{path}?profile={STRUCTURE}/kap-session-vital-sign");
    let told = post(w.practice(), &asked, &good).await.expect(200);
    assert!(
        errors(&told).contains(&"required Observation.encounter".to_owned()),
        "{told}"
    );
    let told = post(
        w.practice(),
        &format!("{path}?profile=http://elsewhere/p"),
        &good,
    )
    .await
    .expect(200);
    assert_eq!(errors(&told), ["not-supported Observation"]);

    // Of another type, no resource, no known mode, no such type.
    let other = json!({"resourceType": "Patient"});
    let told = post(w.practice(), path, &other).await.expect(200);
    assert_eq!(errors(&told), ["structure resourceType"]);
    assert_eq!(
        post(w.practice(), &format!("{path}?mode=think"), &good)
            .await
            .status,
        400
    );
    let nothing = json!({"resourceType": "Parameters", "parameter": [{"name": "mode", "valueCode": "create"}]});
    assert_eq!(post(w.practice(), path, &nothing).await.status, 400);
    assert_eq!(
        post(w.practice(), "/fhir/Martian/$validate", &good)
            .await
            .status,
        404
    );
    // Nothing was stored, and who may not create is not told of a creation.
    assert_eq!(
        post(w.partner(), "/fhir/AuditEvent/$validate?mode=create", &good)
            .await
            .status,
        403
    );
    w.app.stop().await;
}

async fn a_record_is_judged(db: Db) {
    let w = World::new(db).await;
    let own = w.first("Encounter", &w.own).await;
    let path = format!("/fhir/{own}/$validate");
    let told = get(w.practice(), &path).await.expect(200);
    assert_eq!(errors(&told), [""; 0], "{told}");
    let mut record = get(w.practice(), &format!("/fhir/{own}")).await.expect(200);
    record["status"] = json!("done");
    let told = post(w.practice(), &path, &record).await.expect(200);
    assert_eq!(errors(&told), ["code-invalid Encounter.status"], "{told}");
    record["id"] = json!("another");
    let told = post(w.practice(), &path, &record).await.expect(200);
    assert!(
        errors(&told).contains(&"structure Encounter.id".to_owned()),
        "{told}"
    );
    // What is hidden looks as what is not there.
    assert_eq!(
        get(w.practice(), "/fhir/Encounter/nothing/$validate")
            .await
            .status,
        404
    );
    w.app.stop().await;
}

async fn a_write_is_told_all(db: Db) {
    let w = World::new(db).await;
    let own = w.first("Encounter", &w.own).await;
    let condition = w.first("Condition", &w.own).await;
    let reading = |encounter: &str| {
        json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"},
            "subject": {"reference": format!("Patient/{}", super::world::patient(&w.own))},
            "encounter": {"reference": encounter}})
    };
    // An encounter that is none is told of as such, not as a record that is missing.
    let refused = post(w.practice(), "/fhir/Observation", &reading(&condition)).await;
    assert_eq!(
        (refused.status, refused.expression().as_str()),
        (422, "Observation.encounter"),
        "{}",
        refused.text
    );
    let mut claims = reading(&own);
    claims["meta"] = json!({"profile": [format!("{STRUCTURE}/kap-session-vital-sign")]});
    claims["status"] = json!("foo");
    let path = "/fhir/Observation/$validate";
    let told = errors(&post(w.practice(), path, &claims).await.expect(200));
    for wanted in [
        "code-invalid Observation.status",
        "required Observation.category",
        "required Observation.effective",
    ] {
        assert!(told.contains(&wanted.to_owned()), "{wanted}: {told:?}");
    }
    claims["meta"] = json!({"profile": [format!("{STRUCTURE}/kap-nothing")]});
    claims["status"] = json!("final");
    let told = errors(&post(w.practice(), path, &claims).await.expect(200));
    assert_eq!(told, ["value Observation.meta.profile[0]"]);
    w.app.stop().await;
}
