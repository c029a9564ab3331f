//! Where a referral's Task stands, and how it moves (domain reference §3.4).

use serde_json::{Value, json};

/// The part of a Task that its workflow moves (domain reference §3.4).
const MOVES: &[&str] = &["status", "businessStatus", "statusReason", "output"];

/// Where a Task stands.
#[must_use]
pub fn standing(task: &Value) -> Value {
    let codes = |concept: &Value| {
        let all = concept["coding"].as_array().cloned().unwrap_or_default();
        let all = all.iter().map(|c| json!([c["system"], c["code"]]));
        all.collect::<Vec<_>>()
    };
    json!([
        task["status"],
        codes(&task["businessStatus"]),
        task["statusReason"]["text"],
    ])
}

/// The steps of a Task's workflow between two of its states; empty where there are none.
#[must_use]
pub fn between(from: &str, to: &str) -> &'static [&'static str] {
    const WAY: &[&str] = &["requested", "accepted", "in-progress", "completed"];
    let at = |status: &str| WAY.iter().position(|known| *known == status);
    match (at(from), at(to)) {
        (Some(from), Some(to)) if from + 1 < to => &WAY[from + 1..to],
        (Some(0), None) => &WAY[1..2],
        _ => &[],
    }
}

/// Whether the step at which a Task stands is the one who asked's: a withdrawal, or the answer to a question (domain
/// reference §3.4). The others are of the one who was asked.
#[must_use]
pub fn is_of_requester(task: &Value) -> bool {
    let all = task["businessStatus"]["coding"]
        .as_array()
        .into_iter()
        .flatten();
    let mut codes = all.filter_map(|coding| coding["code"].as_str());
    task["status"] == "cancelled" || codes.any(|code| code == "additional-information-sent")
}

/// `task` where `moved` stands, with when it moved. Everything else stays as it is.
#[must_use]
pub fn moved(task: &Value, moved: &Value) -> Value {
    let mut out = task.clone();
    for name in MOVES.iter().chain(&["lastModified"]) {
        match moved.get(*name) {
            Some(value) => out[*name] = value.clone(),
            None => {
                if let Some(all) = out.as_object_mut() {
                    all.shift_remove(*name);
                }
            }
        }
    }
    if let Some(at) = moved["lastModified"]
        .as_str()
        .or(moved["meta"]["lastUpdated"].as_str())
    {
        out["lastModified"] = at.into();
    }
    out
}
