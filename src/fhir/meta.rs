//! Profiles, tags and security labels as sets (<https://hl7.org/fhir/R4/resource.html#Meta>): put together, taken apart, and
//! written into the text of a resource, everything else byte for byte.

use serde_json::{Map, Value, json};

use super::json::Members;

/// The lists of a `meta` that are sets.
pub const LISTS: [&str; 3] = ["profile", "security", "tag"];

/// Whether two entries of such a list are the same: profiles by their URL, codings by system and code.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::String(a), Value::String(b)) => a == b,
        (a, b) => a["system"] == b["system"] && a["code"] == b["code"],
    }
}

fn list<'v>(meta: &'v Value, name: &str) -> &'v [Value] {
    meta[name].as_array().map_or(&[], Vec::as_slice)
}

/// The lists of `meta` with what `more` has beside it.
#[must_use]
pub fn with(meta: &Value, more: &Value) -> Value {
    let mut out = Map::new();
    for name in LISTS {
        let mut all = list(meta, name).to_vec();
        for one in list(more, name) {
            if !all.iter().any(|own| same(own, one)) {
                all.push(one.clone());
            }
        }
        out.insert(name.to_owned(), Value::Array(all));
    }
    Value::Object(out)
}

/// The lists of `meta` without what `less` has.
#[must_use]
pub fn without(meta: &Value, less: &Value) -> Value {
    let mut out = Map::new();
    for name in LISTS {
        let gone = |one: &&Value| !list(less, name).iter().any(|other| same(other, one));
        let kept = list(meta, name).iter().filter(gone).cloned();
        out.insert(name.to_owned(), Value::Array(kept.collect()));
    }
    Value::Object(out)
}

/// Whether the two have the same entries in their lists.
#[must_use]
pub fn alike(a: &Value, b: &Value) -> bool {
    LISTS.iter().all(|name| list(a, name) == list(b, name))
}

/// The text of a resource with these lists.
///
/// # Errors
/// Where `text` is no JSON object.
pub fn written(text: &str, lists: &Value) -> serde_json::Result<String> {
    let members = Members::of(text)?;
    let old = Members::of(members.get("meta").unwrap_or("{}"))?;
    let meta = object(&old, lists)?;
    let mut out = Vec::with_capacity(members.0.len() + 1);
    let mut seen = false;
    for (name, raw) in &members.0 {
        seen |= name == "meta";
        let raw = if name == "meta" { &*meta } else { raw.get() };
        out.push(format!("{}:{raw}", json!(name)));
    }
    if !seen {
        out.push(format!("\"meta\":{meta}"));
    }
    Ok(format!("{{{}}}", out.join(",")))
}

fn object(old: &Members<'_>, lists: &Value) -> serde_json::Result<String> {
    let kept = old.0.iter().filter(|(name, _)| !LISTS.contains(&&**name));
    let mut out: Vec<String> = kept
        .map(|(name, raw)| format!("{}:{}", json!(name), raw.get()))
        .collect();
    for name in LISTS {
        let all = list(lists, name);
        if !all.is_empty() {
            out.push(format!("\"{name}\":{}", serde_json::to_string(all)?));
        }
    }
    Ok(format!("{{{}}}", out.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_told_apart_by_what_they_are_and_not_by_what_is_said_of_them() {
        let tag = |code: &str, display: &str| json!({ "system": "urn:s", "code": code, "display": display });
        let meta = json!({ "versionId": "3", "profile": ["p"], "tag": [tag("a", "A")] });
        let more = json!({ "profile": ["p", "q"], "tag": [tag("a", "other"), tag("b", "B")] });
        let both = with(&meta, &more);
        assert_eq!(both["profile"], json!(["p", "q"]));
        assert_eq!(both["tag"], json!([tag("a", "A"), tag("b", "B")]));
        assert!(alike(&with(&both, &more), &both));
        let less = without(
            &both,
            &json!({ "tag": [tag("a", "whatever")], "profile": ["x"] }),
        );
        assert_eq!(less["tag"], json!([tag("b", "B")]));
        assert_eq!(less["profile"], json!(["p", "q"]));
        assert!(!alike(&less, &both));
        // The same code of another system, or of none, is another one.
        let other = json!({ "tag": [{ "code": "b" }, { "system": "urn:t", "code": "b" }] });
        assert!(alike(&without(&both, &other), &both));
    }

    #[test]
    fn the_rest_of_the_text_stays_as_it_was() {
        let text = r#"{"resourceType":"Basic", "meta": {"source":"urn:x" ,"tag":[{"code":"a"}]},"x": 1.10}"#;
        let lists = json!({ "tag": [], "profile": ["p"] });
        let after = written(text, &lists).expect("json");
        assert_eq!(
            after,
            r#"{"resourceType":"Basic","meta":{"source":"urn:x","profile":["p"]},"x":1.10}"#
        );
        let none = written(r#"{"resourceType":"Basic"}"#, &lists).expect("json");
        assert_eq!(none, r#"{"resourceType":"Basic","meta":{"profile":["p"]}}"#);
    }
}
