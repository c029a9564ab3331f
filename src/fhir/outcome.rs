//! `OperationOutcome` (<https://hl7.org/fhir/R4/operationoutcome.html>): what an error looks like on FHIR paths.

use serde_json::{Value, json};

use crate::error::Error;

/// The outcome of an error: every issue with severity, code, text and, where known, `expression`.
#[must_use]
pub fn outcome(error: &Error) -> Value {
    let issues: Vec<Value> = error
        .issues
        .iter()
        .map(|issue| {
            let severity = if error.status() >= 500 {
                "fatal"
            } else {
                "error"
            };
            let mut out = json!({
                "severity": severity,
                "code": issue.code.unwrap_or(error.kind.wire().1),
                "diagnostics": issue.text,
            });
            if issue.rule.is_some() || error.code.is_some() {
                let text = issue.rule.as_deref().or(error.code).unwrap_or_default();
                out["details"] = json!({ "text": text });
            }
            if let Some(at) = &issue.at {
                out["expression"] = json!([at]);
            }
            out
        })
        .collect();
    json!({ "resourceType": "OperationOutcome", "issue": issues })
}
