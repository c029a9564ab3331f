//! Compares what a file tells with what the service shows.

use serde_json::{Map, Value};

/// A path at which the two may differ, and why. `*` stands for any one record of a list, `+` at the end for a record
/// that only the service has.
pub type Allowed = (&'static str, &'static str);

/// What only the service shows, at the top.
const ENVELOPE: &[&str] = &["apiVersion", "resource", "asOf", "derived"];

/// Where the two differ though nothing allows it.
pub fn differences(told: &Value, shown: &Value, allowed: &[Allowed]) -> Vec<String> {
    let mut shown = shown.clone();
    if let Some(members) = shown.as_object_mut() {
        members.retain(|name, _| !ENVELOPE.contains(&name.as_str()));
    }
    let mut out = vec![];
    walk(told, &shown, "", "", &mut out);
    out.retain(|(pattern, _)| !allowed.iter().any(|(path, _)| path == pattern));
    out.into_iter().map(|(_, text)| text).collect()
}

/// Notes each difference with its pattern and its text.
fn walk(told: &Value, shown: &Value, pattern: &str, at: &str, out: &mut Vec<(String, String)>) {
    match (told, shown) {
        (Value::Object(a), Value::Object(b)) => members(a, b, pattern, at, out),
        (Value::Array(a), Value::Array(b)) if records(a) && records(b) => {
            records_by_key(a, b, pattern, at, out);
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (n, (a, b)) in a.iter().zip(b).enumerate() {
                walk(a, b, &format!("{pattern}/*"), &format!("{at}/{n}"), out);
            }
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => {}
        (a, b) if a == b => {}
        (a, b) => out.push((pattern.to_owned(), format!("{at}: told {a}, shown {b}"))),
    }
}

fn members(
    a: &Map<String, Value>,
    b: &Map<String, Value>,
    pattern: &str,
    at: &str,
    out: &mut Vec<(String, String)>,
) {
    let names = a.keys().chain(b.keys().filter(|k| !a.contains_key(*k)));
    for name in names {
        let (x, y) = (
            a.get(name).unwrap_or(&Value::Null),
            b.get(name).unwrap_or(&Value::Null),
        );
        walk(
            x,
            y,
            &format!("{pattern}/{name}"),
            &format!("{at}/{name}"),
            out,
        );
    }
}

fn records(items: &[Value]) -> bool {
    items.iter().all(|item| key(item).is_some())
}

/// What makes two records the same: what the rules make has no name in the script and goes by its nature.
fn key(item: &Value) -> Option<String> {
    let text = |name: &str| item[name].as_str().map(str::to_owned);
    match (text("kind"), text("anchor")) {
        (Some(kind), Some(anchor)) => Some(format!("{kind} of {anchor}")),
        _ => text("id"),
    }
}

fn records_by_key(
    a: &[Value],
    b: &[Value],
    pattern: &str,
    at: &str,
    out: &mut Vec<(String, String)>,
) {
    for told in a {
        let name = key(told).unwrap_or_default();
        match b.iter().find(|shown| key(shown) == key(told)) {
            Some(shown) => record(told, shown, pattern, &format!("{at}/{name}"), out),
            None => out.push((format!("{pattern}/-"), format!("{at}: {told} is not shown"))),
        }
    }
    for shown in b {
        if !a.iter().any(|told| key(told) == key(shown)) {
            let text = format!("{at}: {shown} is shown and was not told");
            out.push((format!("{pattern}/+"), text));
        }
    }
}

/// A follow-up that the rules made has the service's id.
fn record(told: &Value, shown: &Value, pattern: &str, at: &str, out: &mut Vec<(String, String)>) {
    let mut told = told.clone();
    if told["anchor"].is_string() {
        told["id"] = shown["id"].clone();
    }
    walk(&told, shown, &format!("{pattern}/*"), at, out);
}

/// Everything that `told` says is shown, to the last member; the service may say more.
pub fn covers(told: &Value, shown: &Value, at: &str) {
    match (told, shown) {
        (Value::Object(told), Value::Object(_)) => {
            for (name, value) in told {
                covers(value, &shown[name], &format!("{at}/{name}"));
            }
        }
        (Value::Array(told), Value::Array(list)) => {
            assert_eq!(
                told.len(),
                list.len(),
                "{at}: told {told:?}, shown {list:?}"
            );
            for (n, (a, b)) in told.iter().zip(list).enumerate() {
                covers(a, b, &format!("{at}/{n}"));
            }
        }
        (Value::Number(a), Value::Number(b)) => assert_eq!(a.as_f64(), b.as_f64(), "{at}"),
        _ => assert_eq!(told, shown, "{at}"),
    }
}

/// Keys of the records that only the second list has.
pub fn keys_beyond(told: &Value, shown: &Value) -> Vec<String> {
    let keys = |list: &Value| -> Vec<String> {
        list.as_array()
            .into_iter()
            .flatten()
            .filter_map(key)
            .collect()
    };
    let known = keys(told);
    let mut all = keys(shown);
    all.retain(|key| !known.contains(key));
    all
}
