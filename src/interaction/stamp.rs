//! The members of `meta` that the store sets, and resources compared without them.

use serde_json::Value;

/// `value` without the members of `meta` that the store sets.
pub fn without_stamp(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(meta) = value.get_mut("meta").and_then(Value::as_object_mut) {
        meta.shift_remove("versionId");
        meta.shift_remove("lastUpdated");
        if meta.is_empty() {
            value.as_object_mut().map(|o| o.shift_remove("meta"));
        }
    }
    value
}

/// As [`without_stamp`] of `stored` compared with `built`, without the copy.
pub fn says_the_same(stored: &Value, built: &Value) -> bool {
    let (Some(stored), Some(built)) = (stored.as_object(), built.as_object()) else {
        return false;
    };
    let meta = |name: &&str| *name != "versionId" && *name != "lastUpdated";
    let said = |object: Option<&Value>| {
        let members = object.and_then(Value::as_object).into_iter().flatten();
        members.map(|(n, _)| n.as_str()).filter(meta).count()
    };
    let (old_meta, new_meta) = (stored.get("meta"), built.get("meta"));
    let same_meta = said(old_meta) == said(new_meta)
        && new_meta
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .all(|(name, value)| {
                !meta(&name.as_str()) || old_meta.and_then(|m| m.get(name)) == Some(value)
            });
    let rest = |object: &serde_json::Map<String, Value>| {
        object.len() - usize::from(object.contains_key("meta"))
    };
    same_meta
        && rest(stored) == rest(built)
        && built
            .iter()
            .all(|(name, value)| name == "meta" || stored.get(name) == Some(value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_stamp_makes_no_difference_and_all_else_does() {
        let stamp = json!({"versionId": "3", "lastUpdated": "2026-01-01T00:00:00.000Z"});
        let mut full = stamp.clone();
        full["profile"] = json!(["p"]);
        let of = |meta: Option<&Value>, x: i64| {
            let mut value = json!({"id": "a", "x": x});
            if let Some(meta) = meta {
                value["meta"] = meta.clone();
            }
            value
        };
        let stored = [of(Some(&full), 1), of(Some(&stamp), 1), of(None, 1)];
        let built = [
            of(Some(&json!({"profile": ["p"]})), 1),
            of(Some(&json!({"profile": ["q"]})), 1),
            of(Some(&json!({"profile": ["p"], "tag": []})), 1),
            of(None, 1),
            of(None, 2),
            json!({"id": "a"}),
            json!({"id": "a", "x": 1, "y": 1}),
            json!([]),
        ];
        for stored in &stored {
            for built in &built {
                let same = without_stamp(stored) == *built;
                assert_eq!(says_the_same(stored, built), same, "{stored} {built}");
            }
        }
        assert!(says_the_same(&stored[0], &built[0]) && says_the_same(&stored[1], &built[3]));
    }
}
