//! What the one side adds to a record of the other.

use serde_json::Value;

use super::course::stepped;
use crate::mapping::codes::is_structure;

/// What is said of a condition once it is met.
const MET: [&str; 2] = ["satisfiedAt", "satisfiedBy"];

/// A record of theirs that comes again, with what was added to it here and it does not say: a parcel that arrived, conditions
/// of a clearance that are met. Their system may never have heard of it, and takes nothing back by its silence.
#[must_use]
pub fn completed(kind: &str, theirs: &Value, here: &Value) -> Value {
    let mut out = theirs.clone();
    match kind {
        "MedicationDispense" => {
            if let (None, Some(receiver)) = (theirs.get("receiver"), here.get("receiver")) {
                out["receiver"] = receiver.clone();
            }
        }
        "ClinicalImpression" => {
            let all = out["extension"].as_array_mut().into_iter().flatten();
            for one in all.filter(|one| is_condition(one)) {
                met(one, here);
            }
        }
        "DetectedIssue" => done(&mut out, here),
        "EpisodeOfCare" => stepped(&mut out, here),
        _ => {}
    }
    out
}

/// Adds what was done about a finding and theirs does not say: who did it may be written in another way there.
fn done(out: &mut Value, here: &Value) {
    let own = here["mitigation"].as_array().into_iter().flatten();
    let said = out["mitigation"].as_array().cloned().unwrap_or_default();
    let same = |a: &Value, b: &Value| a["action"] == b["action"] && a["date"] == b["date"];
    let known = |one: &&Value| said.iter().any(|other| same(one, other));
    let more: Vec<Value> = own.filter(|one| !known(one)).cloned().collect();
    if !more.is_empty() {
        out["mitigation"] = said.into_iter().chain(more).collect();
        // A finding is final once something was done about it, and the narrative says what.
        for name in ["status", "text"] {
            if let Some(value) = here.get(name) {
                out[name] = value.clone();
            }
        }
    }
}

fn is_condition(extension: &Value) -> bool {
    let url = extension["url"].as_str().unwrap_or_default();
    is_structure(url, "kap-clearance-condition")
}

fn part<'v>(extension: &'v Value, url: &str) -> Option<&'v Value> {
    let parts = extension["extension"].as_array()?;
    parts.iter().find(|part| part["url"] == url)
}

/// Notes of a condition that it is met, where it is here.
fn met(condition: &mut Value, here: &Value) {
    if part(condition, MET[0]).is_some() {
        return;
    }
    let own = part(condition, "id").cloned();
    let all = here["extension"].as_array().into_iter().flatten();
    let mut all = all.filter(|one| is_condition(one));
    let known = all.find(|one| own.is_some() && part(one, "id") == own.as_ref());
    let said: Vec<Value> = MET
        .iter()
        .filter_map(|url| part(known?, url).cloned())
        .collect();
    if let Some(parts) = condition["extension"].as_array_mut() {
        parts.extend(said);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_added_here_stays_where_theirs_says_nothing_of_it() {
        let url =
            "https://kap-interop.example.org/fhir/StructureDefinition/kap-clearance-condition";
        let condition = |id: &str, met: &[&str]| {
            let at = met
                .iter()
                .map(|at| json!({ "url": "satisfiedAt", "valueDateTime": at }));
            let parts = [json!({ "url": "id", "valueString": id })]
                .into_iter()
                .chain(at);
            json!({ "url": url, "extension": parts.collect::<Vec<_>>() })
        };
        let impression = |all: &[Value]| json!({ "extension": all });
        let theirs = impression(&[condition("a", &[]), condition("b", &["2026-02-02"])]);
        let here = impression(&[
            condition("b", &["2026-01-01"]),
            condition("a", &["2026-01-01"]),
        ]);
        let both = impression(&[
            condition("a", &["2026-01-01"]),
            condition("b", &["2026-02-02"]),
        ]);
        assert_eq!(completed("ClinicalImpression", &theirs, &here), both);
        let own = json!({ "status": "completed" });
        let known = json!({ "receiver": [{ "reference": "Patient/a" }], "note": [] });
        let out = completed("MedicationDispense", &own, &known);
        assert_eq!(
            out,
            json!({ "status": "completed", "receiver": [{ "reference": "Patient/a" }] })
        );
        assert_eq!(completed("MedicationRequest", &own, &known), own);
        let finding = |done: &[&str]| {
            let all = done
                .iter()
                .map(|what| json!({ "action": { "text": what } }));
            json!({ "status": "final", "mitigation": all.collect::<Vec<_>>() })
        };
        let both = completed("DetectedIssue", &finding(&["a"]), &finding(&["b", "a"]));
        assert_eq!(both, finding(&["a", "b"]));
        assert_eq!(completed("DetectedIssue", &own, &known), own);
    }
}
