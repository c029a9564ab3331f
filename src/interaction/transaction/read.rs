//! Reads among the entries of a bundle.

use super::entry::{Entry, invalid};
use crate::access::Access;
use crate::app::App;
use crate::audit::Kind as Act;
use crate::error::{Error, Kind, Result};
use crate::fhir::interval::Interval;
use crate::fhir::resource::{Key, Stored, number, version};
use crate::fhir::search::{Handling, pairs};
use crate::interaction::capability::TYPES;
use crate::interaction::criteria::shape;
use crate::interaction::history::{Of, history};
use crate::interaction::{across, audit, definitions, read, search};
use crate::kap::base::Id;

/// What a read gave.
#[derive(Debug)]
pub enum Told {
    Row(Stored),
    /// The caller has this version.
    Unchanged(Stored),
    /// A bundle, or one of the project's own definitions.
    Text(String),
}

/// Reads what the entry's URL names: a record, a version, a search or a history.
///
/// # Errors
/// As the interaction of its own.
pub async fn told(app: &App, access: &Access, entry: &Entry<'_>) -> Result<Told> {
    let (path, query) = entry.url.split_once('?').unwrap_or((&entry.url, ""));
    let steps: Vec<&str> = path.split('/').collect();
    let parameters = || pairs(query);
    let kind = *steps.first().unwrap_or(&"");
    if kind != "_history" && !TYPES.contains(&kind) && steps.len() < 2 {
        return Err(unknown());
    }
    let lenient = Handling::Lenient;
    let text = match steps[..] {
        ["_history"] => history(app, access, Of::System, &parameters()?, lenient).await?,
        [kind] => search::search(app, access, kind, &parameters()?, lenient).await?,
        [kind, "_history"] => history(app, access, Of::Type(kind), &parameters()?, lenient).await?,
        [kind, id] => return one(app, access, entry, (kind, id), &parameters()?).await,
        [kind, id, "_history"] => {
            let key = key(kind, id)?;
            history(app, access, Of::Instance(&key), &parameters()?, lenient).await?
        }
        [kind, id, "_history", n] => {
            let n = number(n).ok_or_else(Error::not_found)?;
            let key = key(kind, id)?;
            let shape = shape(access, kind, &parameters()?)?;
            let row = read::vread(app, access, &key, n).await?;
            return Ok(compared(entry, shape.told(row, true)?));
        }
        [kind, id, within] if within == "*" || TYPES.contains(&within) => {
            let asked = (&*parameters()?, lenient);
            across::compartment(app, access, &key(kind, id)?, within, asked).await?
        }
        _ => {
            let text = "GET goes to Type?…, Type/id, Type/id/_history/version, or a history.";
            return Err(invalid(text).at(".request.url"));
        }
    };
    Ok(Told::Text(text))
}

async fn one(
    app: &App,
    access: &Access,
    entry: &Entry<'_>,
    (kind, id): (&str, &str),
    parameters: &[(String, String)],
) -> Result<Told> {
    if let Ok(text) = definitions::read(kind, id) {
        let event = access.event(Act::Read).target(kind, id, None);
        let part = shape(access, kind, parameters)?.of(kind, true, text)?;
        audit::note(access, event);
        return Ok(Told::Text(part.unwrap_or_else(|| text.to_owned())));
    }
    let key = key(kind, id)?;
    let shape = shape(access, kind, parameters)?;
    let row = read::read(app, access, &key).await?;
    Ok(compared(entry, shape.told(row, true)?))
}

fn key(kind: &str, id: &str) -> Result<Key> {
    if !TYPES.contains(&kind) {
        return Err(unknown());
    }
    Ok(Key::new(kind, Id::new(id).ok_or_else(Error::not_found)?))
}

fn unknown() -> Error {
    let text = "This service has no resources of that type.";
    Error::new(Kind::NotFound, text).issue_code("not-supported")
}

/// What `ifNoneMatch` and `ifModifiedSince` spare the caller. Of a part of a record nothing is told by its version.
fn compared(entry: &Entry<'_>, row: Stored) -> Told {
    let known = match (&entry.if_none_match, &entry.if_modified_since) {
        (Some(etag), _) => etag == "*" || version(etag) == Some(row.version),
        (None, Some(since)) => since.parse::<Interval>().is_ok_and(|i| row.at < i.hi),
        (None, None) => false,
    };
    if known && row.redacted.is_none() {
        Told::Unchanged(row)
    } else {
        Told::Row(row)
    }
}
