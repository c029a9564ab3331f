//! FHIR R4 transaction: <https://hl7.org/fhir/R4/http.html#transaction>. All or nothing.

pub mod entry;
mod fate;
pub mod read;
pub mod response;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use self::entry::{Entry, Style, Target, invalid, within};
use self::fate::{Fate, fates};
use self::response::{Answer, response};
use super::audit;
use super::capability::TYPES;
use super::condition::{TRIES, any_met, matching};
use super::conditional::same_id;
use super::delete::{self, raced};
use super::patch::{Patch, patched};
use super::write::{Incoming, unmoved, write_and_delete};
use crate::access::Access;
use crate::app::App;
use crate::audit::Kind as Act;
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::{Key, Resource, Stored};
use crate::fhir::rewrite::strings;

/// Most different conditional references: each is a search.
const MOST_ASKED: usize = 50;

/// What the answer shows of each entry beside its place and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    Nothing,
    Resources,
}

/// Runs a bundle of requests: a transaction, or a batch, and answers with its response.
///
/// # Errors
/// `Invalid` where it is none; of a transaction the first entry that is wrong, with its index in `expression`; nothing is
/// stored then.
pub async fn bundle(app: &App, access: &Access, bytes: &[u8], shown: Shown) -> Result<String> {
    let (style, list) = entry::bundle(bytes)?;
    if style == Style::Batch {
        return Ok(super::batch::batch(app, access, &list, shown).await);
    }
    let entries = list.iter().enumerate();
    let entries: Vec<Entry<'_>> = entries
        .map(|(i, text)| Entry::read(text).map_err(|e| within(e, i)))
        .collect::<Result<_>>()?;
    transaction(app, access, &entries, shown).await
}

/// Deletions, creates, updates and patches are one write; what is read is read after it.
async fn transaction(
    app: &App,
    access: &Access,
    entries: &[Entry<'_>],
    shown: Shown,
) -> Result<String> {
    let mut tries = 0;
    loop {
        tries += 1;
        let (fates, mut names) = fates(app, access, entries).await?;
        by_criteria(app, access, entries, &mut names).await?;
        let (incoming, gone) = writes(app, entries, &fates, &names)?;
        if !incoming.is_empty() || !gone.is_empty() {
            readable(app, access, entries, &gone).await?;
        }
        if incoming.is_empty() && gone.is_empty() {
            audit::note(access, access.event(Act::Transaction));
            return answered(app, access, entries, (&fates, &[]), shown).await;
        }
        let asked = fates.iter().filter_map(Fate::unless);
        match write_and_delete(app, access, "fhir transaction", incoming, gone).await {
            Ok(stored) => return answered(app, access, entries, (&fates, &stored), shown).await,
            Err(_) if tries < TRIES && any_met(app, access, asked).await? => {}
            Err(error) if raced(&error) && tries < delete::TRIES && is_blind(entries, &fates) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether no entry rests on a version that its sender saw.
fn is_blind(entries: &[Entry<'_>], fates: &[Fate]) -> bool {
    let updates = fates.iter().any(|fate| matches!(fate, Fate::Update(_)));
    !updates && entries.iter().all(|entry| entry.if_match.is_none())
}

/// Whether what is to be read can be, before anything is stored: a read that fails fails the whole
/// (<https://hl7.org/fhir/R4/http.html#trules>).
async fn readable(
    app: &App,
    access: &Access,
    entries: &[Entry<'_>],
    gone: &[Stored],
) -> Result<()> {
    let beforehand = access.beforehand();
    for (i, entry) in entries.iter().enumerate() {
        if entry.target != Target::Url {
            continue;
        }
        let path = entry.url.split('?').next().unwrap_or_default();
        if gone.iter().any(|row| path == row.key.to_string()) {
            let text = "This transaction deletes the record that this entry reads.";
            return Err(of_read(Error::new(Kind::Gone, text), i));
        }
        let read = read::told(app, &beforehand, entry).await;
        read.map_err(|error| of_read(error, i))?;
    }
    Ok(())
}

/// The error, said of the URL of an entry that reads.
fn of_read(mut error: Error, entry: usize) -> Error {
    for issue in &mut error.issues {
        issue.at = Some(".request.url".to_owned());
    }
    within(error, entry)
}

async fn answered(
    app: &App,
    access: &Access,
    entries: &[Entry<'_>],
    (fates, stored): (&[Fate], &[Stored]),
    shown: Shown,
) -> Result<String> {
    let base = app.fhir_base();
    let find = |key: &Key| {
        let row = stored.iter().find(|row| row.key == *key);
        row.ok_or_else(|| Error::internal("a transaction without one of its records"))
    };
    let mut answers = Vec::with_capacity(fates.len());
    for (i, (entry, fate)) in entries.iter().zip(fates).enumerate() {
        answers.push(match fate {
            Fate::Create(key, _) => Answer::stored(&base, find(key)?, "201 Created", shown),
            Fate::Update(row) | Fate::Patch(row) => {
                Answer::stored(&base, find(&row.key)?, "200 OK", shown)
            }
            Fate::Exists(row) => {
                audit::shown(access, Act::Read, row);
                Answer::stored(&base, row, "200 OK", shown)
            }
            Fate::Delete(row) => Answer::deleted(find(&row.key)?),
            Fate::Gone(row) => Answer::deleted(row),
            // What was stored stays stored, even where it changed what its own sender may read.
            Fate::Read => match read::told(app, access, entry).await {
                Ok(told) => Answer::told(&base, &told, entry.method == entry::Method::Get),
                Err(error) if stored.is_empty() => return Err(of_read(error, i)),
                Err(error) => super::batch::refused(access, entry, &error),
            },
        });
    }
    Ok(response(Style::Transaction, &answers))
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
        let _ = strings(entry.resource.unwrap_or_default(), |member, text| {
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

/// What is stored, and what is deleted.
fn writes(
    app: &App,
    entries: &[Entry<'_>],
    fates: &[Fate],
    names: &HashMap<String, String>,
) -> Result<(Vec<Incoming>, Vec<Stored>)> {
    let base = app.fhir_base();
    let (mut incoming, mut gone) = (Vec::new(), Vec::new());
    for (i, (entry, fate)) in entries.iter().zip(fates).enumerate() {
        let resource = match fate {
            Fate::Create(key, _) => named(entry, key, names).and_then(|r| r.relative_to(&base)),
            Fate::Update(old) => update(&base, entry, old, names),
            Fate::Patch(old) => patch(&base, entry, old, names),
            Fate::Delete(old) => {
                gone.push(old.clone());
                continue;
            }
            Fate::Gone(_) | Fate::Exists(_) | Fate::Read => continue,
        };
        let seen = match fate {
            Fate::Update(old) | Fate::Patch(old) => Some(entry.if_match.unwrap_or(old.version)),
            _ => None,
        };
        incoming.push(Incoming {
            resource: resource.map_err(|e| within(e, i))?,
            seen,
            entry: Some(i),
            unless: fate.unless().cloned(),
        });
    }
    Ok((incoming, gone))
}

fn update(
    base: &str,
    entry: &Entry<'_>,
    old: &Stored,
    names: &HashMap<String, String>,
) -> Result<Resource> {
    if let Target::Where(_) = entry.target {
        same_id(entry.resource.unwrap_or_default(), old)?;
    }
    let resource = named(entry, &old.key, names)?.relative_to(base)?;
    unmoved(old, &resource)?;
    Ok(resource)
}

fn patch(
    base: &str,
    entry: &Entry<'_>,
    old: &Stored,
    names: &HashMap<String, String>,
) -> Result<Resource> {
    let (is_json, text) = patch_text(entry)?;
    let text = filled(entry, &text, names);
    let patch = if is_json {
        Patch::Json(text.as_bytes())
    } else {
        Patch::FhirPath(text.as_bytes())
    };
    patched(base, old, patch)
}

/// The patch of an entry, and whether it is a JSON Patch: a Parameters resource is a FHIRPath Patch, a Binary holds a JSON
/// Patch.
///
/// # Errors
/// `Invalid` where it is neither.
pub fn patch_text<'a>(entry: &Entry<'a>) -> Result<(bool, Cow<'a, str>)> {
    let text = entry.resource.unwrap_or_default();
    let value: serde_json::Value = serde_json::from_str(text).map_err(Error::internal)?;
    if value["resourceType"] == "Parameters" {
        return Ok((false, Cow::Borrowed(text)));
    }
    let is_patch = value["contentType"] == "application/json-patch+json";
    let bytes = value["data"]
        .as_str()
        .and_then(|data| STANDARD.decode(data).ok());
    let bytes = bytes.filter(|_| is_patch && value["resourceType"] == "Binary");
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(|text| (true, Cow::Owned(text))).ok_or_else(|| {
        let text = "A PATCH entry holds a Parameters resource, or a Binary of type \
                    application/json-patch+json with the patch in base64.";
        invalid(text).at(".resource")
    })
}

/// The entry's resource with its own id and with the references to other entries filled in
/// (<https://hl7.org/fhir/R4/bundle.html#references>).
fn named(entry: &Entry<'_>, key: &Key, names: &HashMap<String, String>) -> Result<Resource> {
    let text = filled(entry, entry.resource.unwrap_or_default(), names);
    Resource::received(text.as_bytes(), Some(&entry.kind), entry.id(), || {
        key.id.clone()
    })
}

fn filled<'t>(entry: &Entry<'_>, text: &'t str, names: &HashMap<String, String>) -> Cow<'t, str> {
    // A relative reference means the entry of that name below the URL that this entry has on its own server.
    let root = entry.full_url.as_deref().and_then(|url| {
        let (rest, _) = url.rsplit_once('/')?;
        Some(rest.rsplit_once('/')?.0)
    });
    strings(text, |member, text| {
        let beside = || names.get(&format!("{}/{text}", root?));
        match member {
            // An identifier may well be the same urn: it stays what it is.
            "value" => None,
            "reference" => names.get(text).or_else(beside).cloned(),
            _ => names.get(text).cloned(),
        }
    })
}
