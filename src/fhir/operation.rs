//! What an operation is asked with: a query, or a body of type Parameters (<https://hl7.org/fhir/R4/parameters.html>).

use serde_json::Value;

use super::validate;
use crate::error::{Error, Kind, Result};

/// The parameters of a body.
///
/// # Errors
/// `Invalid` where the body is no Parameters.
pub fn parameters(body: &Value) -> Result<&[Value]> {
    if body["resourceType"] != "Parameters" {
        let text = "The body of an operation is a resource of type Parameters.";
        return Err(invalid(text, "resourceType").issue_code("structure"));
    }
    Ok(body["parameter"].as_array().map_or(&[], Vec::as_slice))
}

/// The parameters of a body as pairs, the way a query has them: codes, dates, numbers and booleans as text, a Coding as
/// `system|code`, a Reference as what it refers to.
///
/// # Errors
/// `Invalid` where the body is no Parameters, or a parameter has no value that a query could have; as [`validate::check`]
/// where something else is wrong with it.
pub fn pairs(body: &Value) -> Result<Vec<(String, String)>> {
    let asked = parameters(body)?
        .iter()
        .enumerate()
        .map(|(n, one)| {
            let at = format!("Parameters.parameter[{n}]");
            let name = one["name"].as_str();
            let name = name.ok_or_else(|| {
                invalid("A parameter has a name.", &format!("{at}.name")).issue_code("required")
            })?;
            let text = "This parameter has no value that the operation can read.";
            let value = value(one).ok_or_else(|| invalid(text, &at).issue_code("value"))?;
            Ok((name.to_owned(), value))
        })
        .collect::<Result<_>>()?;
    validate::check(body)?;
    Ok(asked)
}

fn invalid(text: &str, at: &str) -> Error {
    Error::new(Kind::Invalid, text).at(at)
}

fn value(parameter: &Value) -> Option<String> {
    let members = parameter.as_object()?;
    let mut values = members.iter().filter(|(name, _)| name.starts_with("value"));
    let (_, value) = values.next()?;
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Object(_) => {
            let text = |name: &str| value[name].as_str();
            let coding = |coding: &Value| {
                let code = coding["code"].as_str()?;
                Some(match coding["system"].as_str() {
                    Some(system) => format!("{system}|{code}"),
                    None => code.to_owned(),
                })
            };
            text("reference")
                .map(str::to_owned)
                .or_else(|| coding(value))
                .or_else(|| coding(&value["coding"][0]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_says_what_a_query_says() {
        let body = json!({ "resourceType": "Parameters", "parameter": [
            { "name": "_type", "valueString": "Patient,Task" },
            { "name": "_count", "valueInteger": 5 },
            { "name": "on-demand", "valueBoolean": false },
            { "name": "patient", "valueReference": { "reference": "Patient/p" } },
            { "name": "type", "valueCodeableConcept": { "coding": [{ "system": "http://loinc.org", "code": "34133-9" }] } },
            { "name": "type", "valueCoding": { "code": "x" } },
        ]});
        let pairs = pairs(&body).expect("pairs");
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(
            pairs,
            [
                "_type=Patient,Task",
                "_count=5",
                "on-demand=false",
                "patient=Patient/p",
                "type=http://loinc.org|34133-9",
                "type=x"
            ]
        );
    }

    #[test]
    fn what_no_query_could_say_is_refused_where_it_stands() {
        let at = |body: Value| {
            let error = super::pairs(&body).expect_err("refused");
            error.issues[0].at.clone().unwrap_or_default()
        };
        assert_eq!(at(json!({ "resourceType": "Patient" })), "resourceType");
        let one = |parameter: Value| json!({ "resourceType": "Parameters", "parameter": [{ "name": "a", "valueId": "b" }, parameter] });
        assert_eq!(
            at(one(json!({ "valueId": "b" }))),
            "Parameters.parameter[1].name"
        );
        assert_eq!(
            at(one(json!({ "name": "b", "part": [] }))),
            "Parameters.parameter[1]"
        );
        assert_eq!(
            at(one(
                json!({ "name": "b", "valuePeriod": { "start": "2026" } })
            )),
            "Parameters.parameter[1]"
        );
    }
}
