//! Keys that were used before, and who may not do what.

use kap_fhir::demo::script::Party;
use serde_json::{Value, json};

use super::{Case, PAST, World, dose};
use crate::app::Db;
use crate::both;
use crate::wire::Ask;

both!(keys_and_versions);

#[rustfmt::skip]
async fn keys_and_versions(db: Db) {
    let w = World::new(db).await;
    let doses = w.session("doses");
    let e = &w.e;
    let first = Ask::json(format!("{e}/sessions"), &planned(&w)).with("Idempotency-Key", "plan-1");
    let heard = first.send(w.practice()).await;
    assert_eq!(heard.status, 201, "{}", heard.text);
    let session = heard.json()["id"].as_str().expect("id").to_owned();
    let start = json!({ "by": w.id("prac-ther-01") });
    let cleared = json!({ "decision": "cleared", "decidedBy": w.id("prac-pres-01") });
    let cases = vec![
        Case("other body", Ask { body: planned(&w).to_string().replace("200", "100").into(), ..first.clone() }, 422, "idempotency-key-reused", ""),
        Case("other path", Ask::post(&doses, dose(PAST, "")).with("Idempotency-Key", "plan-1"), 422, "idempotency-key-reused", ""),
        Case("expired clearance", Ask::json(format!("{e}/sessions/{session}/start"), &start), 409, "clearance-expired", ""),
        Case("a therapist clears", Ask::json(format!("{e}/clearances"), &cleared), 403, "not-permitted", ""),
    ];
    w.refuses(Party::Practice, cases).await;
    let deferred = json!({ "decision": "deferred", "decidedBy": w.id("prac-ther-01") });
    let partner = vec![
        Case("a prescriber plans", Ask::json(format!("{e}/sessions"), &planned(&w)), 403, "not-permitted", ""),
        Case("for a therapist", Ask::json(format!("{e}/clearances"), &deferred), 403, "not-permitted", "/decidedBy"),
        Case("cleared for nothing", Ask::json(format!("{e}/clearances"), &cleared), 422, "business-rule", "/validUntil"),
    ];
    w.refuses(Party::Partner, partner).await;
    let pharmacy = vec![Case("a pharmacy doses", Ask::post(&doses, dose(PAST, "")), 403, "not-permitted", "")];
    w.refuses(Party::Pharmacy, pharmacy).await;
    w.app.stop().await;
}

/// A dosing session of today.
fn planned(w: &World) -> Value {
    json!({
        "type": "dosing", "start": "2026-11-22T11:50:00Z", "setting": "in-person", "encounterClass": "AMB",
        "leadId": w.id("prac-ther-01"), "dosing": { "doseLevel": "moderate", "plannedDoseMg": 200 },
    })
}
