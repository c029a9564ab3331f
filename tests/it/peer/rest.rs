//! Single interactions.

use std::collections::HashMap;

use serde_json::Value;

use super::State;
use super::habits::{Habits, Support};
use super::reference::References;
use super::reply::{Refusal, Reply};
use super::store::{Key, Store, Version};
use super::{search, transaction};

/// A request, by itself or as the entry of a batch.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    /// Below the base, without slashes around it.
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) body: Option<Value>,
    /// The body as it came.
    pub(super) form: &'a str,
    pub(super) if_match: Option<&'a str>,
    pub(super) if_none_exist: Option<&'a str>,
    pub(super) prefer: &'a str,
}

/// Does what is asked.
pub(super) fn interact(state: &mut State, call: &Call<'_>) -> Result<Reply, Refusal> {
    let path: Vec<&str> = call
        .path
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    if let Some(kind) = path.first() {
        has(&state.habits, kind)?;
    }
    match (call.method, path.as_slice()) {
        ("POST", []) => transaction::bundle(state, call),
        ("GET", []) => {
            let name = call.query.strip_prefix("_getpages=");
            let wrong = || Refusal::not_supported("there is no search of all types");
            search::next(state, name.ok_or_else(wrong)?)
        }
        ("GET", [kind]) => search::search(state, kind, call.query),
        ("POST", [kind, "_search"]) => search::search(state, kind, call.form),
        ("GET", [kind, id]) => read(state, kind, id, None),
        ("GET", [kind, id, "_history", number]) => read(state, kind, id, Some(number)),
        ("POST", [kind]) => create(state, kind, call),
        ("PUT", [kind]) => update_where(state, kind, call),
        ("PUT", [kind, id]) => {
            let key = ((*kind).to_owned(), (*id).to_owned());
            update(state, &key, call)
        }
        (method, _) => {
            let text = format!("{method} is not done here");
            Err(Refusal::new(405, "not-supported", text))
        }
    }
}

/// Whether the server has such resources.
pub(super) fn has(habits: &Habits, kind: &str) -> Result<(), Refusal> {
    if habits.kinds.iter().any(|k| k == kind) {
        return Ok(());
    }
    let text = format!("unknown resource type {kind}");
    Err(Refusal::new(404, "not-supported", text))
}

/// The resource of a body, which must be of this type.
pub(super) fn of_type(body: Option<&Value>, kind: &str) -> Result<Value, Refusal> {
    let resource = body.ok_or_else(|| Refusal::invalid("there is no resource"))?;
    if resource["resourceType"] == kind {
        return Ok(resource.clone());
    }
    Err(Refusal::invalid(format!("this is not a {kind}")))
}

/// Whether the newest version may be written over: it is there, and it is the one that is meant.
pub(super) fn may_update(store: &Store, key: &Key, if_match: Option<&str>) -> Result<(), Refusal> {
    let (kind, id) = key;
    if store.versions(key).is_empty() {
        let text = format!("{kind}/{id} does not exist, and clients give no ids here");
        return Err(Refusal::new(405, "not-supported", text));
    }
    let current = store.current(key).map(Version::etag);
    match if_match {
        Some(tag) if current.as_deref() != Some(tag) => {
            let text = format!("{kind}/{id} is at {current:?}, not at {tag}");
            Err(Refusal::new(412, "conflict", text))
        }
        _ => Ok(()),
    }
}

/// What `If-None-Exist` finds; none where another one is to be made.
pub(super) fn existing(
    state: &State,
    kind: &str,
    criteria: Option<&str>,
) -> Result<Option<Key>, Refusal> {
    let Some(criteria) = criteria else {
        return Ok(None);
    };
    match state.habits.conditional_create {
        Support::Yes => {}
        Support::Ignored => return Ok(None),
        Support::Refused => return Err(Refusal::not_supported("no conditional create")),
    }
    let criteria = criteria.split_once('?').map_or(criteria, |(_, c)| c);
    one(search::criteria(
        &state.store,
        &state.base(),
        kind,
        criteria,
    )?)
}

/// What `PUT Type?criteria` finds.
pub(super) fn to_update(state: &State, kind: &str, criteria: &str) -> Result<Option<Key>, Refusal> {
    if state.habits.conditional_update != Support::Yes {
        return Err(Refusal::not_supported("no conditional update"));
    }
    one(search::criteria(
        &state.store,
        &state.base(),
        kind,
        criteria,
    )?)
}

fn one(mut found: Vec<Key>) -> Result<Option<Key>, Refusal> {
    if found.len() > 1 {
        let text = format!("{} resources match", found.len());
        return Err(Refusal::new(412, "multiple-matches", text));
    }
    Ok(found.pop())
}

fn read(state: &State, kind: &str, id: &str, number: Option<&str>) -> Result<Reply, Refusal> {
    let key = (kind.to_owned(), id.to_owned());
    let versions = state.store.versions(&key);
    let version = match number {
        Some(number) => versions.iter().find(|v| v.number.to_string() == number),
        None => versions.last(),
    };
    let missing = || {
        Refusal::new(
            404,
            "not-found",
            format!("resource {kind}/{id} is not known"),
        )
    };
    let version = version.ok_or_else(missing)?;
    let deleted = || Refusal::new(410, "deleted", format!("resource {kind}/{id} was deleted"));
    let resource = version.resource.clone().ok_or_else(deleted)?;
    Ok(Reply::new(200, resource).with("etag", version.etag()))
}

fn create(state: &mut State, kind: &str, call: &Call<'_>) -> Result<Reply, Refusal> {
    let resource = of_type(call.body.as_ref(), kind)?;
    if let Some(found) = existing(state, kind, call.if_none_exist)? {
        return Ok(written(state, &found, 200, call.prefer));
    }
    let id = state.store.new_id(state.habits.ids);
    let key = (kind.to_owned(), id);
    write(state, &key, resource)?;
    Ok(written(state, &key, 201, call.prefer))
}

fn update(state: &mut State, key: &Key, call: &Call<'_>) -> Result<Reply, Refusal> {
    let resource = of_type(call.body.as_ref(), &key.0)?;
    if resource["id"] != key.1.as_str() {
        return Err(Refusal::invalid("the id is not that of the URL"));
    }
    may_update(&state.store, key, call.if_match)?;
    write(state, key, resource)?;
    Ok(written(state, key, 200, call.prefer))
}

fn update_where(state: &mut State, kind: &str, call: &Call<'_>) -> Result<Reply, Refusal> {
    let Some(key) = to_update(state, kind, call.query)? else {
        let call = Call {
            if_none_exist: None,
            body: call.body.clone(),
            ..*call
        };
        return create(state, kind, &call);
    };
    let mut resource = of_type(call.body.as_ref(), kind)?;
    if !resource["id"].is_null() && resource["id"] != key.1.as_str() {
        return Err(Refusal::invalid("the id is not that of the match"));
    }
    may_update(&state.store, &key, call.if_match)?;
    resource["id"] = key.1.clone().into();
    write(state, &key, resource)?;
    Ok(written(state, &key, 200, call.prefer))
}

fn write(state: &mut State, key: &Key, mut resource: Value) -> Result<(), Refusal> {
    // Criteria are for transactions; who does not know them does not see them here either.
    let conditional = match state.habits.conditional_references {
        Support::Ignored => Support::Ignored,
        Support::Yes | Support::Refused => Support::Refused,
    };
    let references = References {
        links: &HashMap::new(),
        from: None,
        store: &state.store,
        base: &state.base(),
        conditional,
        dangling: state.habits.dangling,
    };
    references.resolve("", &mut resource)?;
    let at = state.tick();
    state.store.write(&state.habits, key, resource, at);
    Ok(())
}

/// The answer to what was written, or found instead.
fn written(state: &State, key: &Key, status: u16, prefer: &str) -> Reply {
    let (kind, id) = key;
    let version = state.store.current(key).expect("it was written");
    let url = format!("{}/{kind}/{id}/_history/{}", state.base(), version.number);
    let body = if prefer.contains("return=minimal") {
        None
    } else {
        version.resource.clone()
    };
    Reply {
        status,
        headers: vec![("etag", version.etag()), ("location", url)],
        body,
    }
}
