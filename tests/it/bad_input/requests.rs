//! Bodies that cannot be read, content that cannot be, and what the episode is not ready for.

use kap_fhir::demo::script::Party;
use serde_json::{Value, json};

use super::{Case, PAST, World, dose};
use crate::app::Db;
use crate::both;
use crate::wire::Ask;

both!(bad_requests);

#[rustfmt::skip]
async fn bad_requests(db: Db) {
    let w = World::new(db).await;
    let (e, doses, vital) = (&w.e, w.session("doses"), w.session("vitals"));
    let lead = w.id("prac-ther-01").to_owned();
    let step = json!({ "by": lead });
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_dose = dose(PAST, &format!(r#","note":{deep}"#));
    let nul = dose(PAST, r#","note":"a\u0000b""#);
    let no_utf8 = [dose(PAST, r#","note":""#).as_bytes(), b"\xff\xfe\"}"].concat();
    let kpa =
        json!({ "value": 17, "unit": "kPa", "system": "http://unitsofmeasure.org", "code": "kPa" });
    let cases = vec![
        // Reading the body.
        Case("empty body", Ask::post(&doses, ""), 400, "invalid", ""),
        Case("no object", Ask::post(&doses, "[]"), 400, "invalid", ""),
        Case("not JSON", Ask::post(&doses, "at=now"), 400, "invalid", ""),
        Case("two values", Ask::post(&doses, format!("{0}{0}", dose(PAST, ""))), 400, "invalid", ""),
        Case("broken off", Ask::post(&doses, &dose(PAST, "")[..60]), 400, "invalid", ""),
        Case("no UTF-8", Ask::post(&doses, no_utf8), 400, "invalid", ""),
        Case("U+0000", Ask::post(&doses, nul), 400, "invalid", "/note"),
        Case("too deep", Ask::post(&doses, deep_dose), 400, "invalid", deep_pointer()),
        Case("duplicate key", Ask::post(&doses, dose(PAST, r#","doseMg":1"#)), 400, "invalid", "/doseMg"),
        Case("duplicate key within", Ask::post(&doses, dose(PAST, r#","x":{"a":1,"a":2}"#)), 400, "invalid", "/x/a"),
        Case("unknown field", Ask::post(&doses, dose(PAST, r#","doseMG":1"#)), 400, "invalid", "/doseMG"),
        Case("missing field", Ask::post(&doses, "{}"), 400, "invalid", ""),
        Case("no offset", Ask::post(&doses, dose("2026-07-18T10:20:00", "")), 400, "invalid", "/at"),
        Case("no such day", Ask::post(&doses, dose("2026-02-30T10:20:00Z", "")), 400, "invalid", "/at"),
        Case("unknown code", Ask::post(&doses, dose(PAST, "").replace("booster", "extra")), 400, "invalid", "/kind"),
        Case("number as text", Ask::post(&doses, dose(PAST, "").replace(":100", ":\"100\"")), 400, "invalid", "/doseMg"),
        Case("huge number", Ask::post(&doses, dose(PAST, "").replace(":100", ":1e400")), 400, "invalid", ""),
        Case("large number", Ask::post(&doses, dose(PAST, "").replace(":100", ":1e40")), 400, "invalid", "/doseMg"),
        Case("not a number", Ask::post(&doses, dose(PAST, "").replace(":100", ":NaN")), 400, "invalid", ""),
        Case("own id", Ask::post(&doses, dose(PAST, r#","id":"mine""#)), 400, "invalid", "/id"),
        Case("bad reference", Ask::post(&doses, dose(PAST, r#","witnessId":"..""#)), 400, "invalid", "/witnessId"),
        // Content.
        Case("negative dose", Ask::post(&doses, dose(PAST, "").replace(":100", ":-100")), 422, "business-rule", "/doseMg"),
        Case("dose of nothing", Ask::post(&doses, dose(PAST, "").replace(":100", ":0")), 422, "business-rule", "/doseMg"),
        Case("future dose", Ask::post(&doses, dose("2026-11-22T12:30:00Z", "")), 422, "business-rule", "/at"),
        Case("far future", Ask::post(&doses, dose("9999-12-31T23:59:59Z", "")), 422, "business-rule", "/at"),
        Case("unknown unit", Ask::json(&vital, &vitals(&kpa)), 422, "business-rule", "/systolic/unit"),
        Case("negative pressure", Ask::json(&vital, &vitals(&mmhg(&json!(-5)))), 422, "business-rule", "/systolic/value"),
        Case("value as text", Ask::json(&vital, &vitals(&mmhg(&json!("120")))), 400, "invalid", "/systolic/value"),
        Case("a stranger", Ask::json(format!("{e}/commands/hold"), &json!({ "by": "nobody" })), 422, "business-rule", "/by"),
        // State.
        Case("start over", Ask::json(w.session("start"), &step), 409, "state-conflict", ""),
        Case("consult again", Ask::json(format!("{e}/commands/start-consultation"), &step), 409, "state-conflict", ""),
        Case("release without hold", Ask::json(format!("{e}/commands/release"), &step), 409, "state-conflict", ""),
        Case("resume without pause", Ask::json(format!("{e}/commands/resume"), &step), 409, "state-conflict", ""),
        Case("dose beside dosing", Ask::post(format!("{e}/sessions/{}/doses", w.id("ses-0001")), dose(PAST, "")), 409, "state-conflict", ""),
    ];
    w.refuses(Party::Practice, cases).await;
    w.app.stop().await;
}

/// Where the parser stops: 64 levels, of which the body is the first.
fn deep_pointer() -> &'static str {
    const ZEROS: &str = "/note/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0";
    ZEROS
}

fn vitals(systolic: &Value) -> Value {
    json!({ "at": PAST, "timing": "peak", "source": "clinic-device", "systolic": systolic })
}

fn mmhg(value: &Value) -> Value {
    json!({ "value": value, "unit": "mm[Hg]", "system": "http://unitsofmeasure.org", "code": "mm[Hg]" })
}
