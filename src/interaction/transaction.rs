//! FHIR R4 transaction: <https://hl7.org/fhir/R4/http.html#transaction>. All or nothing.

mod response;

use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;

use self::response::response;
use super::at_hand::AtHand;
use super::audit;
use super::capability::TYPES;
use super::condition::{TRIES, any_met, existing, matching};
use super::write::{Incoming, seen, unmoved, write};
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::audit::Kind as Act;
use crate::error::{Error, Kind, Result};
use crate::fhir::json::{self, Members};
use crate::fhir::resource::{Key, Resource, Stored, version};
use crate::fhir::rewrite::strings;
use crate::fhir::search::SearchQuery;
use crate::kap::base::Id;

const MOST: usize = 200;
/// Most different conditional references: each is a search.
const MOST_ASKED: usize = 50;

/// One entry as it was sent.
struct Entry<'a> {
    full_url: Option<String>,
    resource: &'a str,
    kind: String,
    /// The id to update; `None` for a create.
    update: Option<Id>,
    if_match: Option<i64>,
    if_none_exist: Option<String>,
}

/// What becomes of an entry.
enum Fate {
    /// Written under this key, over this version, unless something meets the criteria.
    Write(Key, Option<i64>, Option<SearchQuery>),
    /// `ifNoneExist` found this one.
    Exists(Stored),
}

impl Fate {
    const fn key(&self) -> &Key {
        match self {
            Self::Write(key, ..) => key,
            Self::Exists(row) => &row.key,
        }
    }

    const fn unless(&self) -> Option<&SearchQuery> {
        match self {
            Self::Write(_, _, unless) => unless.as_ref(),
            Self::Exists(_) => None,
        }
    }
}

/// What the answer shows of each entry beside its place and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Nothing,
    Resources,
}

/// Runs a transaction bundle and answers with its `transaction-response`.
///
/// # Errors
/// The first entry that is wrong, with its index in `expression`; nothing is stored then.
pub async fn transaction(app: &App, access: &Access, bytes: &[u8], shown: Shown) -> Result<String> {
    let entries = entries(bytes)?;
    let base = app.fhir_base();
    let mut tries = 0;
    loop {
        tries += 1;
        let replaced = replaced(app, access, &entries).await?;
        let (fates, mut names) = fates(app, access, &entries, &replaced).await?;
        by_criteria(app, access, &entries, &mut names).await?;
        let incoming = incoming(&base, &entries, &fates, &names, &replaced)?;
        if incoming.is_empty() {
            audit::note(access, access.event(Act::Transaction));
            found(access, &fates);
            return Ok(response(&base, &fates, &[], shown));
        }
        let asked = fates.iter().filter_map(Fate::unless);
        match write(app, access, "fhir transaction", incoming).await {
            Ok(stored) => {
                found(access, &fates);
                return Ok(response(&base, &fates, &stored, shown));
            }
            Err(_) if tries < TRIES && any_met(app, access, asked).await? => {}
            Err(error) => return Err(error),
        }
    }
}

/// Notes what `ifNoneExist` found: the answer tells of it.
fn found(access: &Access, fates: &[Fate]) {
    for fate in fates {
        if let Fate::Exists(row) = fate {
            audit::shown(access, Act::Read, row);
        }
    }
}

/// What becomes of each entry, and what the names mean that entries have within the bundle.
async fn fates(
    app: &App,
    access: &Access,
    entries: &[Entry<'_>],
    replaced: &AtHand,
) -> Result<(Vec<Fate>, HashMap<String, String>)> {
    let mut fates: Vec<Fate> = Vec::with_capacity(entries.len());
    let mut names = HashMap::new();
    let mut asked = HashSet::new();
    for (i, entry) in entries.iter().enumerate() {
        let fate = fate(app, access, entry, replaced).await;
        let fate = fate.map_err(|e| within(e, i))?;
        if fate
            .unless()
            .is_some_and(|query| !asked.insert(query.identity()))
        {
            let text =
                "Two entries have the same ifNoneExist: one of them would be in the other's way.";
            let error = Error::new(Kind::Unprocessable, text).at(".request.ifNoneExist");
            return Err(within(error, i));
        }
        let key = fate.key();
        if let Some(url) = &entry.full_url
            && names.insert(url.clone(), key.to_string()).is_some()
        {
            let error = invalid("Two entries have the same fullUrl.").at(".fullUrl");
            return Err(within(error, i));
        }
        fates.push(fate);
    }
    Ok((fates, names))
}

/// What the updates replace, as far as the caller sees it.
async fn replaced(app: &App, access: &Access, entries: &[Entry<'_>]) -> Result<AtHand> {
    let key = |entry: &Entry<'_>| Some(Key::new(&entry.kind, entry.update.clone()?));
    let keys: Vec<Key> = entries.iter().filter_map(key).collect();
    let rows = app.store.view(access).find(&keys).await?;
    Ok(rows.into_iter().map(|row| (row.key.clone(), row)).collect())
}

/// Adds to `names` what the conditional references (`Type?criteria`) mean that have exactly one match among what the
/// caller sees.
async fn by_criteria(
    app: &App,
    access: &Access,
    entries: &[Entry<'_>],
    names: &mut HashMap<String, String>,
) -> Result<()> {
    let mut asked = HashSet::new();
    for (i, entry) in entries.iter().enumerate() {
        let mut found = Vec::new();
        let _ = strings(entry.resource, |member, text| {
            let kind = text.split_once('?').map(|(kind, _)| kind);
            let conditional = kind.is_some_and(|kind| TYPES.contains(&kind));
            if conditional && member == "reference" && asked.insert(text.to_owned()) {
                found.push(text.to_owned());
            }
            None
        });
        if asked.len() > MOST_ASKED {
            let text = format!("A transaction has at most {MOST_ASKED} conditional references.");
            return Err(within(Error::new(Kind::TooLarge, text), i));
        }
        for text in found {
            let (kind, criteria) = text.split_once('?').unwrap_or_default();
            let (_, rows) = matching(app, access, kind, criteria)
                .await
                .map_err(|e| within(e, i))?;
            if let [row] = &rows[..] {
                names.insert(text, row.key.to_string());
            }
        }
    }
    Ok(())
}

fn incoming(
    base: &str,
    entries: &[Entry<'_>],
    fates: &[Fate],
    names: &HashMap<String, String>,
    replaced: &AtHand,
) -> Result<Vec<Incoming>> {
    let mut out: Vec<Incoming> = Vec::new();
    let mut keys = HashSet::new();
    for (i, (entry, fate)) in entries.iter().zip(fates).enumerate() {
        let Fate::Write(key, seen, unless) = fate else {
            continue;
        };
        let resource = named(entry, key, names).and_then(|r| r.relative_to(base));
        let resource = resource.map_err(|e| within(e, i))?;
        if !keys.insert(key) {
            let error = invalid("Two entries write the same resource.").at(".request.url");
            return Err(within(error, i));
        }
        if let Some(old) = replaced.get(key) {
            unmoved(old, &resource).map_err(|e| within(e, i))?;
        }
        out.push(Incoming {
            resource,
            seen: *seen,
            entry: Some(i),
            unless: unless.clone(),
        });
    }
    Ok(out)
}

fn invalid(text: &str) -> Error {
    Error::new(Kind::Invalid, text).issue_code("structure")
}

/// Says in which entry the error stands.
fn within(mut error: Error, entry: usize) -> Error {
    for issue in &mut error.issues {
        let at = issue.at.take();
        issue.at = Some(match at.as_deref() {
            None => format!("Bundle.entry[{entry}]"),
            Some(at) if at.starts_with("Bundle") => at.to_owned(),
            // A place in the entry beside its resource, such as `.request.url`.
            Some(at) if at.starts_with('.') => format!("Bundle.entry[{entry}]{at}"),
            // A path from the resource's type on, such as `Task.for`; or one element, such as `id`.
            Some(at) => {
                let below = at.split_once('.').map_or(at, |(_, below)| below);
                format!("Bundle.entry[{entry}].resource.{below}")
            }
        });
    }
    error
}

fn entries(bytes: &[u8]) -> Result<Vec<Entry<'_>>> {
    let value = json::parse(bytes)?;
    let is =
        |name: &str, expected: &str| value.get(name).and_then(|v| v.as_str()) == Some(expected);
    if !is("resourceType", "Bundle") {
        return Err(invalid("POST to the base takes a Bundle.").at("resourceType"));
    }
    if !is("type", "transaction") {
        return Err(invalid("The Bundle must be of type transaction.").at("Bundle.type"));
    }
    let text = std::str::from_utf8(bytes).map_err(Error::internal)?;
    let members = Members::of(text).map_err(Error::internal)?;
    let list: Vec<&RawValue> = match members.get("entry") {
        None => vec![],
        Some(raw) => serde_json::from_str(raw)
            .map_err(|_| invalid("Bundle.entry is a list.").at("Bundle.entry"))?,
    };
    if list.len() > MOST {
        return Err(Error::new(
            Kind::TooLarge,
            format!("A transaction has at most {MOST} entries."),
        ));
    }
    list.iter()
        .enumerate()
        .map(|(i, raw)| entry(raw.get()).map_err(|e| within(e, i)))
        .collect()
}

fn entry(text: &str) -> Result<Entry<'_>> {
    let members = Members::of(text).map_err(|_| invalid("An entry is an object."))?;
    let string = |raw: Option<&str>| raw.and_then(|r| serde_json::from_str::<String>(r).ok());
    let request = members
        .get("request")
        .ok_or_else(|| invalid("An entry of a transaction has a request.").at(".request"))?;
    let request =
        Members::of(request).map_err(|_| invalid("The request is an object.").at(".request"))?;
    let method = string(request.get("method")).unwrap_or_default();
    let url = string(request.get("url")).unwrap_or_default();
    let resource = members
        .get("resource")
        .ok_or_else(|| invalid("This entry needs a resource.").at(".resource"))?;
    let (kind, id) = match url.split_once('/') {
        Some((kind, id)) => (kind.to_owned(), Some(id.to_owned())),
        None => (url, None),
    };
    let update = match (method.as_str(), id) {
        ("POST", None) => None,
        ("PUT", Some(id)) => Some(Id::new(id).ok_or_else(Error::not_found)?),
        ("POST" | "PUT", _) => {
            return Err(invalid("POST goes to Type, PUT to Type/id.").at(".request.url"));
        }
        _ => {
            let text = "A transaction here takes POST and PUT entries.";
            let error = Error::new(Kind::Unprocessable, text).issue_code("not-supported");
            return Err(error.at(".request.method"));
        }
    };
    if !TYPES.contains(&kind.as_str()) {
        return Err(Error::new(
            Kind::Unprocessable,
            "This service has no resources of that type.",
        )
        .issue_code("not-supported")
        .at(".request.url"));
    }
    let if_match = match string(request.get("ifMatch")) {
        None => None,
        Some(etag) => Some(version(&etag).ok_or_else(|| {
            invalid("ifMatch is an ETag such as W/\"3\".").at(".request.ifMatch")
        })?),
    };
    let if_none_exist = string(request.get("ifNoneExist"));
    Ok(Entry {
        full_url: string(members.get("fullUrl")),
        resource,
        kind,
        update,
        if_match,
        if_none_exist,
    })
}

async fn fate(app: &App, access: &Access, entry: &Entry<'_>, replaced: &AtHand) -> Result<Fate> {
    if let Some(id) = &entry.update {
        access.allow(Interaction::Update, &entry.kind)?;
        let key = Key::new(&entry.kind, id.clone());
        let old = replaced.get(&key).ok_or_else(Error::not_found)?;
        seen(old, entry.if_match).map_err(|e| e.at(".request.ifMatch"))?;
        return Ok(Fate::Write(
            key,
            Some(entry.if_match.unwrap_or(old.version)),
            None,
        ));
    }
    access.allow(Interaction::Create, &entry.kind)?;
    let mut unless = None;
    if let Some(criteria) = &entry.if_none_exist {
        let found = existing(app, access, &entry.kind, criteria).await;
        let (query, found) = found.map_err(|e| e.at(".request.ifNoneExist"))?;
        if let Some(row) = found {
            return Ok(Fate::Exists(row));
        }
        unless = Some(query);
    }
    let id = Id::new(app.clock.uuid().to_string()).unwrap_or_default();
    Ok(Fate::Write(Key::new(&entry.kind, id), None, unless))
}

/// The entry's resource with its own id and with the references to other entries filled in
/// (<https://hl7.org/fhir/R4/bundle.html#references>).
fn named(entry: &Entry<'_>, key: &Key, names: &HashMap<String, String>) -> Result<Resource> {
    // A relative reference means the entry of that name below the URL that this entry has on its own server.
    let root = entry.full_url.as_deref().and_then(|url| {
        let (rest, _) = url.rsplit_once('/')?;
        Some(rest.rsplit_once('/')?.0)
    });
    let text = strings(entry.resource, |member, text| {
        let beside = || names.get(&format!("{}/{text}", root?));
        match member {
            // An identifier may well be the same urn: it stays what it is.
            "value" => None,
            "reference" => names.get(text).or_else(beside).cloned(),
            _ => names.get(text).cloned(),
        }
    });
    let url_id = entry.update.as_ref();
    Resource::received(text.as_bytes(), Some(&entry.kind), url_id, || {
        key.id.clone()
    })
}
