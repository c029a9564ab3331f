//! A change of ours laid over a resource that another system wrote: what we do not model stays as it is.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::json::Members;

/// [`merge`] on text: what stays of `theirs` stays byte for byte, so that `1.10` does not become `1.1`. Gives the text
/// and the same as a value.
///
/// # Errors
/// Where `theirs` is no JSON.
pub fn merge_text(base: &Value, ours: &Value, theirs: &str) -> serde_json::Result<(String, Value)> {
    let value: Value = serde_json::from_str(theirs)?;
    let merged = merge(base, ours, &value);
    Ok((print(&merged, &value, theirs)?, merged))
}

/// `merged` as text, with the text of `theirs` wherever the two are equal.
fn print(merged: &Value, theirs: &Value, text: &str) -> serde_json::Result<String> {
    if merged == theirs {
        return Ok(text.trim().to_owned());
    }
    match (merged, theirs) {
        (Value::Object(merged), Value::Object(theirs)) => {
            let raw = Members::of(text)?;
            let mut parts = Vec::with_capacity(merged.len());
            for (name, value) in merged {
                let printed = match (theirs.get(name), raw.get(name)) {
                    (Some(their), Some(text)) => print(value, their, text)?,
                    _ => value.to_string(),
                };
                parts.push(format!("{}:{printed}", serde_json::to_string(name)?));
            }
            Ok(format!("{{{}}}", parts.join(",")))
        }
        (Value::Array(merged), Value::Array(theirs)) => {
            let raw: Vec<&RawValue> = serde_json::from_str(text)?;
            let twin = |value: &Value| {
                let same = theirs.iter().position(|t| t == value);
                same.or_else(|| {
                    theirs
                        .iter()
                        .position(|t| url(t).is_some() && url(t) == url(value))
                })
            };
            let printed = merged.iter().map(|value| match twin(value) {
                Some(n) => print(value, &theirs[n], raw[n].get()),
                None => Ok(value.to_string()),
            });
            Ok(format!(
                "[{}]",
                printed.collect::<serde_json::Result<Vec<_>>>()?.join(",")
            ))
        }
        _ => Ok(merged.to_string()),
    }
}

/// `theirs` with what changed from `base` to `ours` (both built by us) laid over it.
///
/// Objects are merged member by member; extensions by their `url`; other lists are replaced when we changed them.
#[must_use]
pub fn merge(base: &Value, ours: &Value, theirs: &Value) -> Value {
    match (base, ours, theirs) {
        _ if base == ours => theirs.clone(),
        (Value::Object(base), Value::Object(ours), Value::Object(theirs)) => {
            Value::Object(objects(base, ours, theirs))
        }
        (Value::Array(base), Value::Array(ours), Value::Array(theirs))
            if keyed(base, ours, theirs) =>
        {
            Value::Array(extensions(base, ours, theirs))
        }
        _ => ours.clone(),
    }
}

fn objects(
    base: &Map<String, Value>,
    ours: &Map<String, Value>,
    theirs: &Map<String, Value>,
) -> Map<String, Value> {
    let null = Value::Null;
    let mut out = Map::new();
    for (key, their) in theirs {
        match ours.get(key) {
            Some(our) => {
                out.insert(
                    key.clone(),
                    merge(base.get(key).unwrap_or(&null), our, their),
                );
            }
            // We never had it: it is theirs. We had it and took it out: it goes.
            None if !base.contains_key(key) => {
                out.insert(key.clone(), their.clone());
            }
            None => {}
        }
    }
    for (key, our) in ours {
        if !theirs.contains_key(key) && base.get(key) != Some(our) {
            out.insert(key.clone(), our.clone());
        }
    }
    out
}

fn url(value: &Value) -> Option<&str> {
    value.get("url").and_then(Value::as_str)
}

fn keyed(base: &[Value], ours: &[Value], theirs: &[Value]) -> bool {
    [base, ours, theirs]
        .iter()
        .all(|list| list.iter().all(|item| url(item).is_some()))
}

/// Per `url`: the group is ours if we changed it, else theirs.
fn extensions(base: &[Value], ours: &[Value], theirs: &[Value]) -> Vec<Value> {
    let group = |list: &[Value], of: &str| -> Vec<Value> {
        list.iter()
            .filter(|item| url(item) == Some(of))
            .cloned()
            .collect()
    };
    let mut urls: Vec<&str> = Vec::new();
    for item in theirs.iter().chain(ours) {
        if let Some(u) = url(item).filter(|u| !urls.contains(u)) {
            urls.push(u);
        }
    }
    urls.into_iter()
        .flat_map(|u| {
            let (was, is) = (group(base, u), group(ours, u));
            if was == is { group(theirs, u) } else { is }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn foreign_elements_stay_and_our_change_is_laid_over() {
        let base = json!({"status":"requested","extension":[{"url":"k","v":1}],"note":[1]});
        let ours = json!({"status":"accepted","extension":[{"url":"k","v":1},{"url":"k","v":2}],"note":[1]});
        let theirs = json!({"status":"requested","priority":"asap","extension":[{"url":"x","v":9},{"url":"k","v":1}],"note":[1,5]});
        assert_eq!(
            merge(&base, &ours, &theirs),
            json!({"status":"accepted","priority":"asap","extension":[{"url":"x","v":9},{"url":"k","v":1},{"url":"k","v":2}],"note":[1,5]})
        );
    }

    #[test]
    fn what_we_took_out_goes() {
        let merged = merge(
            &json!({"a":1,"b":2}),
            &json!({"a":1}),
            &json!({"a":1,"b":2,"c":3}),
        );
        assert_eq!(merged, json!({"a":1,"c":3}));
    }

    #[test]
    fn what_stays_keeps_its_bytes() {
        let base = json!({"status": "a", "extension": [{"url": "k", "v": 1.1}]});
        let ours = json!({"status": "b", "extension": [{"url": "k", "v": 1.1}, {"url": "n"}]});
        let theirs = r#"{ "status": "a", "q": {"value": 1.10}, "extension": [ {"url": "x", "v":  2.50}, {"url": "k", "v": 1.100} ] }"#;
        let (text, value) = merge_text(&base, &ours, theirs).expect("json");
        assert_eq!(
            text,
            r#"{"status":"b","q":{"value": 1.10},"extension":[{"url": "x", "v":  2.50},{"url": "k", "v": 1.100},{"url":"n"}]}"#
        );
        assert_eq!(serde_json::from_str::<Value>(&text).expect("json"), value);
    }
}
