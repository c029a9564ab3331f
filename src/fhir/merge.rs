//! A change of ours laid over a resource that another system wrote: what we do not model stays as it is.

use serde_json::{Map, Value};

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
}
