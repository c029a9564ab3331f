//! JSON Patch (RFC 6902) on text.

use serde_json::Value;
use serde_json::value::RawValue;

use super::tree::Tree;
use super::{MOST, checked_size, misfit, unreadable};
use crate::error::Result;
use crate::fhir::json::{Members, parse};

/// `text` after every operation of `patch`, or after none.
///
/// # Errors
/// `Invalid` for a patch that is none; `Unprocessable` where it does not fit the resource, a `test` that fails among them,
/// with a JSON pointer into the patch.
pub fn apply(text: &str, patch: &[u8]) -> Result<String> {
    let value = parse(patch)?;
    let list = value.as_array().map_or(0, Vec::len);
    if !value.is_array() || list > MOST {
        let text = format!("A JSON Patch is a list of at most {MOST} operations.");
        return Err(unreadable(&text, ""));
    }
    let patch = std::str::from_utf8(patch).unwrap_or_default();
    let list: Vec<&RawValue> = serde_json::from_str(patch).unwrap_or_default();
    let mut tree = Tree::of(text);
    for (n, raw) in list.iter().enumerate() {
        let operation = Operation::read(raw.get(), n)?;
        operation.run(&mut tree, n)?;
        // Copies of copies grow fast.
        if operation.op == "copy" {
            checked_size(tree.text())?;
        }
    }
    checked_size(tree.text())
}

struct Operation {
    op: String,
    path: Vec<String>,
    from: Vec<String>,
    value: Option<String>,
}

impl Operation {
    fn read(text: &str, n: usize) -> Result<Self> {
        let members = Members::of(text);
        let members =
            members.map_err(|_| unreadable("An operation is an object.", format!("/{n}")))?;
        let string = |name: &str| {
            let raw = members.get(name)?;
            serde_json::from_str::<String>(raw).ok()
        };
        let op = string("op").unwrap_or_default();
        let needs_value = matches!(&*op, "add" | "replace" | "test");
        let needs_from = matches!(&*op, "move" | "copy");
        if !needs_value && !needs_from && op != "remove" {
            let text = "op is one of add, remove, replace, move, copy, test.";
            return Err(unreadable(text, format!("/{n}/op")));
        }
        let place = |name: &str| {
            string(name).and_then(|text| pointer(&text)).ok_or_else(|| {
                let text = format!("{name} is a JSON Pointer such as /name/0/given.");
                unreadable(&text, format!("/{n}/{name}"))
            })
        };
        let value = members.get("value").map(str::to_owned);
        if needs_value && value.is_none() {
            let text = "This operation needs a value.";
            return Err(unreadable(text, format!("/{n}/value")));
        }
        Ok(Self {
            path: place("path")?,
            from: if needs_from { place("from")? } else { vec![] },
            op,
            value,
        })
    }

    fn run(&self, tree: &mut Tree, n: usize) -> Result<()> {
        let missing = |name: &str| {
            misfit(
                "The resource has nothing at this place.",
                format!("/{n}/{name}"),
            )
        };
        let value = || Tree::of(self.value.as_deref().unwrap_or("null"));
        match &*self.op {
            "add" => tree.add(&self.path, value()).ok_or_else(|| missing("path")),
            "remove" => tree
                .take(&self.path)
                .map(drop)
                .ok_or_else(|| missing("path")),
            "replace" => {
                let old = tree.below(&self.path).ok_or_else(|| missing("path"))?;
                *old = value();
                Ok(())
            }
            "test" => {
                let found = tree.below(&self.path).ok_or_else(|| missing("path"))?;
                let found: Option<Value> = serde_json::from_str(&found.text()).ok();
                let wanted: Option<Value> = serde_json::from_str(&value().text()).ok();
                if found
                    .zip(wanted)
                    .is_some_and(|(found, wanted)| equal(&found, &wanted))
                {
                    return Ok(());
                }
                Err(misfit(
                    "The test failed: another value stands there.",
                    format!("/{n}/value"),
                ))
            }
            _ => self
                .carry(tree)
                .ok_or_else(|| missing("from"))?
                .then_some(())
                .ok_or_else(|| missing("path")),
        }
    }

    /// Moves or copies; `None` where `from` is not there, `false` where `path` is no place.
    fn carry(&self, tree: &mut Tree) -> Option<bool> {
        let moves = self.op == "move";
        if moves && self.path.len() > self.from.len() && self.path.starts_with(&self.from) {
            return Some(false);
        }
        let value = tree.below(&self.from)?.clone();
        if moves {
            if self.path == self.from {
                return Some(true);
            }
            tree.take(&self.from)?;
        }
        Some(tree.add(&self.path, value).is_some())
    }
}

/// The steps of a JSON Pointer (RFC 6901).
fn pointer(text: &str) -> Option<Vec<String>> {
    if text.is_empty() {
        return Some(vec![]);
    }
    let steps = text.strip_prefix('/')?.split('/');
    steps
        .map(|step| {
            let escaped = step.split('~').skip(1);
            let sound = escaped.into_iter().all(|rest| rest.starts_with(['0', '1']));
            sound.then(|| step.replace("~1", "/").replace("~0", "~"))
        })
        .collect()
}

/// Equality of RFC 6902 §4.6: numbers by value, objects whatever their order.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| equal(x, y))
        }
        (Value::Object(x), Value::Object(y)) => {
            let same = |(name, x): (&String, &Value)| y.get(name).is_some_and(|y| equal(x, y));
            x.len() == y.len() && x.iter().all(same)
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    const TEXT: &str = r#"{"a": 1.10 ,"b":[ 1,2 ],"c":{"d":"x","e/f":{"g~h": 2.50}}}"#;

    fn done(patch: &str) -> String {
        apply(TEXT, patch.as_bytes()).expect(patch)
    }

    fn refused(patch: &str) -> (Kind, String) {
        let error = apply(TEXT, patch.as_bytes()).expect_err(patch);
        (error.kind, error.issues[0].at.clone().unwrap_or_default())
    }

    #[test]
    fn each_operation_changes_its_place_and_no_other_byte() {
        for (patch, expected) in [
            ("[]", TEXT),
            (
                r#"[{"op":"add","path":"/z","value": 3.0}]"#,
                r#"{"a":1.10,"b":[ 1,2 ],"c":{"d":"x","e/f":{"g~h": 2.50}},"z":3.0}"#,
            ),
            (
                r#"[{"op":"add","path":"/a","value":[]}]"#,
                r#"{"a":[],"b":[ 1,2 ],"c":{"d":"x","e/f":{"g~h": 2.50}}}"#,
            ),
            (
                r#"[{"op":"add","path":"/b/1","value":9}]"#,
                r#"{"a":1.10,"b":[1,9,2],"c":{"d":"x","e/f":{"g~h": 2.50}}}"#,
            ),
            (
                r#"[{"op":"add","path":"/b/-","value":9}]"#,
                r#"{"a":1.10,"b":[1,2,9],"c":{"d":"x","e/f":{"g~h": 2.50}}}"#,
            ),
            (
                r#"[{"op":"remove","path":"/c/e~1f"}]"#,
                r#"{"a":1.10,"b":[ 1,2 ],"c":{"d":"x"}}"#,
            ),
            (
                r#"[{"op":"replace","path":"/c/e~1f/g~0h","value":7.0}]"#,
                r#"{"a":1.10,"b":[ 1,2 ],"c":{"d":"x","e/f":{"g~h":7.0}}}"#,
            ),
            (
                r#"[{"op":"move","from":"/a","path":"/c/d"}]"#,
                r#"{"b":[ 1,2 ],"c":{"d":1.10,"e/f":{"g~h": 2.50}}}"#,
            ),
            (
                r#"[{"op":"copy","from":"/a","path":"/b/0"}]"#,
                r#"{"a":1.10,"b":[1.10,1,2],"c":{"d":"x","e/f":{"g~h": 2.50}}}"#,
            ),
            (
                r#"[{"op":"test","path":"/a","value":1.1},{"op":"remove","path":"/c"}]"#,
                r#"{"a":1.10,"b":[ 1,2 ]}"#,
            ),
            // What loses all it has goes with it.
            (
                r#"[{"op":"remove","path":"/b/0"},{"op":"remove","path":"/b/0"}]"#,
                r#"{"a":1.10,"c":{"d":"x","e/f":{"g~h": 2.50}}}"#,
            ),
            (
                r#"[{"op":"replace","path":"","value":{"n":1}}]"#,
                r#"{"n":1}"#,
            ),
        ] {
            assert_eq!(done(patch), expected, "{patch}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_place() {
        for (patch, at) in [
            (r#"[{"op":"remove","path":"/x"}]"#, "/0/path"),
            (r#"[{"op":"remove","path":""}]"#, "/0/path"),
            (r#"[{"op":"replace","path":"/x","value":1}]"#, "/0/path"),
            (r#"[{"op":"add","path":"/x/y","value":1}]"#, "/0/path"),
            (r#"[{"op":"add","path":"/b/3","value":1}]"#, "/0/path"),
            (r#"[{"op":"add","path":"/b/01","value":1}]"#, "/0/path"),
            (r#"[{"op":"remove","path":"/b/-"}]"#, "/0/path"),
            (r#"[{"op":"copy","from":"/x","path":"/y"}]"#, "/0/from"),
            (r#"[{"op":"move","from":"/c","path":"/c/d"}]"#, "/0/path"),
            (
                r#"[{"op":"test","path":"/a","value":1.1},{"op":"test","path":"/a","value":2}]"#,
                "/1/value",
            ),
            (r#"[{"op":"test","path":"/a","value":"1.10"}]"#, "/0/value"),
            (r#"[{"op":"test","path":"/q","value":null}]"#, "/0/path"),
        ] {
            assert_eq!(
                refused(patch),
                (Kind::Unprocessable, at.to_owned()),
                "{patch}"
            );
        }
        for (patch, at) in [
            ("{}", ""),
            ("[7]", "/0"),
            (r#"[{"op":"merge","path":"/a"}]"#, "/0/op"),
            (r#"[{"path":"/a"}]"#, "/0/op"),
            (r#"[{"op":"add","path":"/a"}]"#, "/0/value"),
            (r#"[{"op":"add","path":"a","value":1}]"#, "/0/path"),
            (r#"[{"op":"add","path":"/a~2","value":1}]"#, "/0/path"),
            (r#"[{"op":"add","value":1}]"#, "/0/path"),
            (r#"[{"op":"move","path":"/a"}]"#, "/0/from"),
        ] {
            assert_eq!(refused(patch), (Kind::Invalid, at.to_owned()), "{patch}");
        }
    }

    #[test]
    fn copies_of_copies_end() {
        let copy = |n: usize| format!(r#"{{"op":"copy","from":"","path":"/x{n}"}}"#);
        let all: Vec<String> = (0..60).map(copy).collect();
        let patch = format!("[{}]", all.join(","));
        assert_eq!(refused(&patch).0, Kind::TooLarge);
    }
}
