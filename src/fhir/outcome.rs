//! `OperationOutcome` (<https://hl7.org/fhir/R4/operationoutcome.html>): what an error looks like on FHIR paths.

use serde_json::{Value, json};

use super::definitions::{Severity, element};
use super::validate::Found;
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
                out["expression"] = json!([path(at)]);
            }
            out
        })
        .collect();
    json!({ "resourceType": "OperationOutcome", "issue": issues })
}

/// The outcome of a judgement: each thing that was found, with its own severity.
#[must_use]
pub fn found(all: &[Found]) -> Value {
    let issues: Vec<Value> = all
        .iter()
        .map(|one| {
            let severity = match one.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Information => "information",
            };
            let mut out = json!({
                "severity": severity,
                "code": one.issue.code.unwrap_or("invalid"),
                "diagnostics": one.issue.text,
            });
            if let Some(rule) = &one.issue.rule {
                out["details"] = json!({ "text": rule });
            }
            if let Some(at) = &one.issue.at {
                out["expression"] = json!([path(at)]);
            }
            out
        })
        .collect();
    json!({ "resourceType": "OperationOutcome", "issue": issues })
}

/// The outcome of what went well, for those who want no more than that.
#[must_use]
pub fn done() -> Value {
    let text = "Stored. The headers say where and in which version.";
    let issue = json!({ "severity": "information", "code": "informational", "diagnostics": text });
    json!({ "resourceType": "OperationOutcome", "issue": [issue] })
}

/// A JSON pointer (from the parser) as a path; a FHIRPath with its choice elements as FHIRPath knows them.
fn path(at: &str) -> String {
    let Some(pointer) = at.strip_prefix('/') else {
        let steps = at.split('.').map(|step| {
            let (name, index) = step.find('[').map_or((step, ""), |n| step.split_at(n));
            format!("{}{index}", element(name))
        });
        return steps.collect::<Vec<_>>().join(".");
    };
    let mut out = String::new();
    for step in pointer.split('/') {
        let name = step.replace("~1", "/").replace("~0", "~");
        if !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()) {
            out = format!("{out}[{name}]");
        } else if out.is_empty() {
            out = name;
        } else {
            out = format!("{out}.{}", element(&name));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_becomes_a_path() {
        assert_eq!(path("/name/0/given/1"), "name[0].given[1]");
        assert_eq!(path("/extension/0/valueDecimal"), "extension[0].value");
        for (at, is) in [
            ("Patient.name[0]", "Patient.name[0]"),
            ("Observation.valueQuantity.code", "Observation.value.code"),
            ("Task.input[2].valueReference", "Task.input[2].value"),
            (
                "X.extension('https://h/valueCode').value",
                "X.extension('https://h/valueCode').value",
            ),
        ] {
            assert_eq!(path(at), is);
        }
    }
}
