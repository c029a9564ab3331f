//! Bundles: transactions, all or nothing, and batches.

use std::collections::{BTreeSet, HashMap};

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::State;
use super::habits::Support;
use super::reference::{References, base_of};
use super::reply::{Refusal, Reply};
use super::rest::{self, Call};
use super::store::{Key, Store, instant};

/// What an entry asks for.
#[derive(Debug)]
struct Entry<'a> {
    full_url: Option<&'a str>,
    method: &'a str,
    /// Below the base, without its query.
    path: &'a str,
    query: &'a str,
    request: &'a Value,
    resource: Option<&'a Value>,
}

/// What becomes of an entry.
#[derive(Debug)]
enum Plan {
    /// It is there already.
    Found(Key),
    Create(Key),
    Update(Key),
    Read,
}

/// `POST /`.
pub(super) fn bundle(state: &mut State, call: &Call<'_>) -> Result<Reply, Refusal> {
    let none = Value::Null;
    let bundle = rest::of_type(call.body.as_ref(), "Bundle")?;
    let kind = bundle["type"].as_str().unwrap_or_default();
    let base = state.base();
    let entries = bundle["entry"].as_array().map_or(&[][..], Vec::as_slice);
    let read = |(n, entry)| read(entry, &base, &none).map_err(|r: Refusal| r.of_entry(n));
    let entries: Vec<Entry<'_>> = entries
        .iter()
        .enumerate()
        .map(read)
        .collect::<Result<_, _>>()?;
    let kind = match (kind, state.habits.transactions) {
        ("transaction" | "batch", Support::Refused) => {
            return Err(Refusal::new(405, "not-supported", "no bundles are taken"));
        }
        ("transaction", Support::Yes) => "transaction",
        ("transaction" | "batch", _) => "batch",
        _ => {
            return Err(Refusal::invalid(format!(
                "a Bundle of type {kind} is not taken"
            )));
        }
    };
    let answers = match kind {
        "transaction" => transact(state, &entries, call.prefer)?,
        _ => batch(state, &entries),
    };
    let name = state.name();
    let reply = json!({
        "resourceType": "Bundle", "id": name, "type": format!("{kind}-response"),
        "link": [{ "relation": "self", "url": base }], "entry": answers,
    });
    Ok(Reply::new(200, reply))
}

fn read<'a>(entry: &'a Value, base: &str, none: &'a Value) -> Result<Entry<'a>, Refusal> {
    let request = entry.get("request").unwrap_or(none);
    let (Some(method), Some(url)) = (request["method"].as_str(), request["url"].as_str()) else {
        return Err(Refusal::invalid("the entry has no request"));
    };
    let url = url
        .strip_prefix(base)
        .unwrap_or(url)
        .trim_start_matches('/');
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    Ok(Entry {
        full_url: entry["fullUrl"].as_str(),
        method,
        path,
        query,
        request,
        resource: entry.get("resource"),
    })
}

impl<'a> Entry<'a> {
    fn call(&self) -> Call<'a> {
        Call {
            method: self.method,
            path: self.path,
            query: self.query,
            body: self.resource.cloned(),
            form: "",
            if_match: self.request["ifMatch"].as_str(),
            if_none_exist: self.request["ifNoneExist"].as_str(),
            prefer: "",
        }
    }
}

fn batch(state: &mut State, entries: &[Entry<'_>]) -> Vec<Value> {
    let each = entries.iter().map(|entry| {
        if entry.path.is_empty() {
            return answer(Refusal::invalid("a bundle in a bundle").into());
        }
        answer(rest::interact(state, &entry.call()).unwrap_or_else(Reply::from))
    });
    each.collect()
}

/// An answer as an entry.
fn answer(reply: Reply) -> Value {
    let status = StatusCode::from_u16(reply.status).expect("a status");
    let mut response = json!({ "status": status.to_string() });
    for name in ["location", "etag"] {
        if let Some(value) = reply.header(name) {
            response[name] = json!(value);
        }
    }
    match reply.body {
        Some(body) if reply.status >= 400 => {
            response["outcome"] = body;
            json!({ "response": response })
        }
        Some(body) => json!({ "resource": body, "response": response }),
        None => json!({ "response": response }),
    }
}

fn transact(state: &mut State, entries: &[Entry<'_>], prefer: &str) -> Result<Vec<Value>, Refusal> {
    let mut draft = state.store.clone();
    let plans = each(entries, |entry| plan(state, &mut draft, entry))?;
    let links = links(entries, &plans)?;
    let at = state.now() + state.habits.tick;
    let mut keys = BTreeSet::new();
    for (n, (entry, plan)) in entries.iter().zip(&plans).enumerate() {
        let (Plan::Create(key) | Plan::Update(key), Some(resource)) = (plan, entry.resource) else {
            continue;
        };
        if !keys.insert(key) {
            let text = format!("{}/{} is written twice", key.0, key.1);
            return Err(Refusal::invalid(text).of_entry(n));
        }
        draft.write(&state.habits, key, resource.clone(), at);
    }
    for (n, (entry, plan)) in entries.iter().zip(&plans).enumerate() {
        if let Plan::Create(key) | Plan::Update(key) = plan {
            let settled = settled(state, &draft, &links, entry, key);
            let settled = settled.map_err(|refusal| refusal.of_entry(n))?;
            draft.amend(key, settled);
        }
    }
    let before = std::mem::replace(&mut state.store, draft);
    let answers: Result<Vec<Value>, Refusal> = entries
        .iter()
        .zip(&plans)
        .enumerate()
        .map(|(n, (entry, plan))| outcome(state, entry, plan, prefer).map_err(|r| r.of_entry(n)))
        .collect();
    match &answers {
        Ok(_) if !keys.is_empty() => {
            state.tick();
        }
        Ok(_) => {}
        Err(_) => state.store = before,
    }
    answers
}

fn each<T>(
    entries: &[Entry<'_>],
    mut f: impl FnMut(&Entry<'_>) -> Result<T, Refusal>,
) -> Result<Vec<T>, Refusal> {
    let each = entries.iter().enumerate();
    each.map(|(n, entry)| f(entry).map_err(|refusal| refusal.of_entry(n)))
        .collect()
}

fn plan(state: &State, draft: &mut Store, entry: &Entry<'_>) -> Result<Plan, Refusal> {
    let path: Vec<&str> = entry.path.split('/').collect();
    let kind = path.first().copied().unwrap_or_default();
    rest::has(&state.habits, kind)?;
    let mut new = || (kind.to_owned(), draft.new_id(state.habits.ids));
    match (entry.method, path.as_slice()) {
        ("POST", [kind]) => {
            rest::of_type(entry.resource, kind)?;
            let criteria = entry.request["ifNoneExist"].as_str();
            let found = rest::existing(state, kind, criteria)?;
            Ok(found.map_or_else(|| Plan::Create(new()), Plan::Found))
        }
        ("PUT", [kind]) => {
            let resource = rest::of_type(entry.resource, kind)?;
            let Some(key) = rest::to_update(state, kind, entry.query)? else {
                return Ok(Plan::Create(new()));
            };
            if !resource["id"].is_null() && resource["id"] != key.1.as_str() {
                return Err(Refusal::invalid("the id is not that of the match"));
            }
            rest::may_update(&state.store, &key, entry.request["ifMatch"].as_str())?;
            Ok(Plan::Update(key))
        }
        ("PUT", [kind, id]) => {
            let resource = rest::of_type(entry.resource, kind)?;
            if resource["id"] != *id {
                return Err(Refusal::invalid("the id is not that of the URL"));
            }
            let key = ((*kind).to_owned(), (*id).to_owned());
            rest::may_update(&state.store, &key, entry.request["ifMatch"].as_str())?;
            Ok(Plan::Update(key))
        }
        ("GET", _) => Ok(Plan::Read),
        (method, _) => {
            let text = format!("{method} is not done here");
            Err(Refusal::new(405, "not-supported", text))
        }
    }
}

/// `Type/id` by full URL.
fn links(entries: &[Entry<'_>], plans: &[Plan]) -> Result<HashMap<String, String>, Refusal> {
    let mut links = HashMap::new();
    for (n, (entry, plan)) in entries.iter().zip(plans).enumerate() {
        let (Plan::Found(key) | Plan::Create(key) | Plan::Update(key)) = plan else {
            continue;
        };
        let Some(full_url) = entry.full_url else {
            continue;
        };
        let twice = links.insert(full_url.to_owned(), format!("{}/{}", key.0, key.1));
        if twice.is_some() {
            let text = format!("{full_url} is there twice");
            return Err(Refusal::invalid(text).of_entry(n));
        }
    }
    Ok(links)
}

/// A resource of the draft with its references as they are here.
fn settled(
    state: &State,
    draft: &Store,
    links: &HashMap<String, String>,
    entry: &Entry<'_>,
    key: &Key,
) -> Result<Value, Refusal> {
    let written = draft.current(key).and_then(|v| v.resource.clone());
    let mut resource = written.unwrap_or_default();
    let references = References {
        links,
        from: entry.full_url.and_then(base_of),
        store: draft,
        base: &state.base(),
        conditional: state.habits.conditional_references,
        dangling: state.habits.dangling,
    };
    references.resolve("", &mut resource)?;
    Ok(resource)
}

fn outcome(
    state: &mut State,
    entry: &Entry<'_>,
    plan: &Plan,
    prefer: &str,
) -> Result<Value, Refusal> {
    let (key, status) = match plan {
        Plan::Read => {
            return Ok(answer(rest::interact(state, &entry.call())?));
        }
        Plan::Create(key) => (key, "201 Created"),
        Plan::Found(key) | Plan::Update(key) => (key, "200 OK"),
    };
    let version = state.store.current(key).expect("it was written");
    let base = if state.habits.absolute {
        format!("{}/", state.base())
    } else {
        String::new()
    };
    let location = format!("{base}{}/{}/_history/{}", key.0, key.1, version.number);
    let mut answer = json!({ "response": {
        "status": status, "location": location, "etag": version.etag(),
        "lastModified": instant(version.at),
    } });
    if prefer.contains("return=representation") {
        answer["resource"] = json!(version.resource);
    }
    Ok(answer)
}
