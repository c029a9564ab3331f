//! Searches: a few parameters, pages with opaque links.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Date, Duration, OffsetDateTime, PrimitiveDateTime, Time};
use url::form_urlencoded;

use super::habits::Support;
use super::reply::{Refusal, Reply};
use super::store::{Key, Store, Version};
use super::{State, capability};

/// What is left of a search after a page.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    keys: Vec<Key>,
    total: usize,
    size: usize,
}

/// What a resource must be.
#[derive(Debug)]
enum Filter {
    Id(Vec<String>),
    /// System, where one is asked for, and value.
    Identifier(Vec<(Option<String>, String)>),
    /// System, where one is asked for, and code of a type.
    Type(Vec<(Option<String>, String)>),
    /// Elements, and what one of them must be.
    Refers(&'static [&'static str], Vec<String>),
    /// Not before the first, before the second.
    Updated(Option<OffsetDateTime>, Option<OffsetDateTime>),
}

/// The elements that `patient` and `subject` are about.
const SUBJECT: &[&str] = &["subject", "patient", "for", "beneficiary"];

impl Filter {
    /// None where there is no such parameter.
    fn read(name: &str, value: &str, base: &str) -> Result<Option<Self>, Refusal> {
        let values = || value.split(',').map(ToOwned::to_owned);
        let target = |value: String| {
            let own = value.strip_prefix(base).unwrap_or(&value);
            let own = own.trim_start_matches('/');
            match (own.contains('/'), name) {
                (false, "patient") => format!("Patient/{own}"),
                _ => own.to_owned(),
            }
        };
        let token = |value: String| match value.split_once('|') {
            Some((system, value)) => (Some(system.to_owned()), value.to_owned()),
            None => (None, value),
        };
        Ok(Some(match name {
            "_id" => Self::Id(values().collect()),
            "identifier" => Self::Identifier(values().map(token).collect()),
            "type" => Self::Type(values().map(token).collect()),
            "patient" | "subject" => Self::Refers(SUBJECT, values().map(target).collect()),
            "_lastUpdated" => updated(value)?,
            _ => return Ok(None),
        }))
    }

    fn matches(&self, id: &str, version: &Version) -> bool {
        let Some(resource) = &version.resource else {
            return false;
        };
        match self {
            Self::Id(ids) => ids.iter().any(|i| i == id),
            Self::Identifier(tokens) => {
                let of = &resource["identifier"];
                let has = |token| match of.as_array() {
                    Some(all) => all.iter().any(|identifier| is(identifier, token)),
                    None => is(of, token),
                };
                tokens.iter().any(has)
            }
            Self::Type(tokens) => {
                let types = resource["type"].as_array().into_iter().flatten();
                let mut codings = types.flat_map(|t| t["coding"].as_array().into_iter().flatten());
                codings.any(|coding| {
                    let is = |(system, code): &(Option<String>, String)| {
                        coding["code"] == *code
                            && system.as_ref().is_none_or(|s| coding["system"] == *s)
                    };
                    tokens.iter().any(is)
                })
            }
            Self::Refers(elements, targets) => elements.iter().any(|element| {
                let target = resource[element]["reference"].as_str();
                target.is_some_and(|target| targets.iter().any(|t| t == target))
            }),
            Self::Updated(from, until) => {
                from.is_none_or(|from| version.at >= from)
                    && until.is_none_or(|until| version.at < until)
            }
        }
    }
}

fn is(identifier: &Value, (system, value): &(Option<String>, String)) -> bool {
    let its = |name: &str| identifier[name].as_str().unwrap_or_default();
    let right_system = system.as_ref().is_none_or(|s| s == its("system"));
    right_system
        && (value.is_empty() && system.is_some() || value == its("value"))
        && !identifier.is_null()
}

/// A date or an instant is a span, by how much of it is said.
fn updated(text: &str) -> Result<Filter, Refusal> {
    let (prefix, text) = match text.find(|c: char| c.is_ascii_digit()) {
        Some(digit) => text.split_at(digit),
        None => ("", text),
    };
    let wrong = || Refusal::invalid(format!("_lastUpdated: {text} is not a date"));
    let (from, width) = if text.len() == 10 {
        let day = time::macros::format_description!("[year]-[month]-[day]");
        let day = Date::parse(text, day).map_err(|_| wrong())?;
        let start = PrimitiveDateTime::new(day, Time::MIDNIGHT).assume_utc();
        (start, Duration::DAY)
    } else {
        let width = if text.contains('.') {
            Duration::MILLISECOND
        } else {
            Duration::SECOND
        };
        let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| wrong())?;
        (at, width)
    };
    let until = from + width;
    let (from, until) = match prefix {
        "" | "eq" => (Some(from), Some(until)),
        "ge" => (Some(from), None),
        "gt" | "sa" => (Some(until), None),
        "le" => (None, Some(until)),
        "lt" | "eb" => (None, Some(from)),
        _ => return Err(wrong()),
    };
    Ok(Filter::Updated(from, until))
}

/// The resources that match all the filters, in the order in which they were made.
fn matching(store: &Store, kind: &str, filters: &[Filter]) -> Vec<Key> {
    let mut keys = store.keys(kind);
    let identified = filters.iter().any(|f| matches!(f, Filter::Identifier(_)));
    if identified && store.blind.iter().any(|blind| blind == kind) {
        return vec![];
    }
    keys.retain(|key| {
        let current = store.current(key);
        current.is_some_and(|version| filters.iter().all(|f| f.matches(&key.1, version)))
    });
    keys
}

/// The resources that meet the criteria of a conditional interaction: every parameter must be known.
pub(super) fn criteria(
    store: &Store,
    base: &str,
    kind: &str,
    query: &str,
) -> Result<Vec<Key>, Refusal> {
    let mut filters = vec![];
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let filter = Filter::read(&name, &value, base)?;
        let filter = filter.filter(|_| capability::finds(kind, &name));
        let unknown = || Refusal::not_supported(format!("no criterion {name} for {kind}"));
        filters.push(filter.ok_or_else(unknown)?);
    }
    if filters.is_empty() {
        return Err(Refusal::invalid("there are no criteria"));
    }
    Ok(matching(store, kind, &filters))
}

/// Searches a type.
pub(super) fn search(state: &mut State, kind: &str, query: &str) -> Result<Reply, Refusal> {
    let base = state.base();
    let mut filters = vec![];
    let mut used = form_urlencoded::Serializer::new(String::new());
    let mut size = state.habits.page;
    let mut sort = String::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let support = match &*name {
            _ if !capability::finds(kind, &name) => state.habits.unknown,
            "_count" | "_id" | "identifier" | "patient" | "subject" | "type" => Support::Yes,
            "_lastUpdated" => state.habits.last_updated,
            "_sort" => state.habits.sort,
            "_format" => Support::Ignored,
            _ => match state.habits.unknown {
                Support::Refused => Support::Refused,
                _ => Support::Ignored,
            },
        };
        match support {
            Support::Yes if capability::finds(kind, &name) => used.append_pair(&name, &value),
            Support::Yes | Support::Ignored => continue,
            Support::Refused => {
                let text = format!("no parameter {name} for {kind}");
                return Err(Refusal::not_supported(text));
            }
        };
        match (&*name, &*value) {
            ("_count", count) => {
                let wrong = |_| Refusal::invalid("_count is not a number");
                size = size.min(count.parse::<usize>().map_err(wrong)?);
            }
            ("_sort", "_lastUpdated" | "-_lastUpdated") => sort = value.into_owned(),
            ("_sort", _) => return Err(Refusal::not_supported(format!("no order by {value}"))),
            _ => filters.extend(Filter::read(&name, &value, &base)?),
        }
    }
    let mut keys = matching(&state.store, kind, &filters);
    keys.sort_by_key(|key| state.store.current(key).map(|version| version.at));
    if sort != "_lastUpdated" {
        keys.reverse();
    }
    let link = format!("{base}/{kind}?{}", used.finish());
    let total = keys.len();
    Ok(page(state, Rest { keys, total, size }, &link))
}

/// Gives what a `next` link stands for.
pub(super) fn next(state: &mut State, name: &str) -> Result<Reply, Refusal> {
    let rest = state.pages.get(name).cloned();
    let gone = || Refusal::new(410, "expired", "this search is not known any more");
    let link = format!("{}/?_getpages={name}", state.base());
    Ok(page(state, rest.ok_or_else(gone)?, &link))
}

fn page(state: &mut State, mut rest: Rest, own: &str) -> Reply {
    let base = state.base();
    let left = rest.keys.split_off(rest.size.min(rest.keys.len()));
    let mut links = vec![json!({ "relation": "self", "url": own })];
    if !left.is_empty() && rest.size > 0 {
        let name = state.name();
        let url = format!("{base}/?_getpages={name}");
        links.push(json!({ "relation": "next", "url": url }));
        let left = Rest { keys: left, ..rest };
        state.pages.insert(name, left);
    }
    let entry = |key: &Key| {
        let resource = &state.store.current(key)?.resource;
        let full_url = format!("{base}/{}/{}", key.0, key.1);
        let search = json!({ "mode": "match" });
        Some(json!({ "fullUrl": full_url, "resource": resource, "search": search }))
    };
    let entries: Vec<Value> = rest.keys.iter().filter_map(entry).collect();
    let mut bundle = json!({
        "resourceType": "Bundle", "id": state.name(), "type": "searchset",
        "total": rest.total, "link": links,
    });
    if !entries.is_empty() {
        bundle["entry"] = json!(entries);
    }
    Reply::new(200, bundle)
}
