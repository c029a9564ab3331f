//! `Patient/{id}/$everything` (<https://hl7.org/fhir/R4/patient-operation-everything.html>) and the same for an
//! EpisodeOfCare: all that the caller sees of it, page by page.

use super::audit;
use super::criteria::hidden;
use super::operation::{Asked, invalid};
use super::paging::Pages;
use super::retelling::retell;
use super::search::tell_ignored;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::bundle::{Mode, Searchset};
use crate::fhir::reference::local;
use crate::fhir::resource::{Key, Stored};
use crate::fhir::search::After;
use crate::store::view::{Everything, Record, is_directory};

/// The parameters that the operation has.
pub const PARAMETERS: &[&str] = &["start", "end", "_since", "_type", "_count", "_cursor"];

/// A page of everything about the Patient or EpisodeOfCare `key`, as a searchset: its own records as matches, the
/// directory entries that these name as included ones. Every page is audited as the reading of that resource, or as its
/// disclosure where another organization keeps it.
///
/// # Errors
/// `Forbidden` by role or scope; `NotFound` where it is missing or hidden; `Gone` where it was deleted or the time of a
/// cursor is over; `Invalid` for a parameter that is wrong.
pub async fn everything(app: &App, access: &Access, key: &Key, asked: &Asked) -> Result<String> {
    access.allow(Interaction::Read, &key.kind)?;
    let part = Everything {
        record: Record::Patient(key.id.clone()),
        kinds: asked.kinds()?,
        since: asked.date("_since")?.map(|at| at.lo),
        start: asked.date("start")?.map(|at| at.lo),
        end: asked.date("end")?.map(|at| at.hi),
        hidden: hidden(access),
    };
    if let (Some(start), Some(end)) = (part.start, part.end)
        && end <= start
    {
        let text = "end is before start: between them there is nothing.";
        return Err(invalid(text).at("http.end"));
    }
    let count = asked.count()?;
    let view = app.store.view(access);
    let row = view.read(key).await?;
    let part = Everything {
        record: record(&row)?,
        ..part
    };
    let base = app.fhir_base();
    let url = format!("{base}/{key}/$everything");
    let list = format!("{key}/$everything?{}", asked.print());
    let pages = Pages::of(app, access, list);
    let after = pages.after(asked.one("_cursor")?)?;
    let after = after.as_ref().and_then(|after| local(&after.id));
    let page = view.everything(&part, count, after.as_ref()).await?;
    audit::document(access, &row, "$everything");
    let last = page.next.map(|key| After::number(0, key.to_string()));
    let query = asked.print();
    let with = |more: &str| {
        let parts = [query.as_str(), more];
        let parts: Vec<&str> = parts.into_iter().filter(|p| !p.is_empty()).collect();
        let mark = if parts.is_empty() { "" } else { "?" };
        format!("{url}{mark}{}", parts.join("&"))
    };
    let mut links = vec![("self", with(""))];
    let next = pages.cursor(last.as_ref())?;
    links.extend(next.map(|cursor| ("next", with(&format!("_cursor={cursor}")))));
    let mut set = Searchset::new(&base, None, &links);
    for row in &retell(app, access, page.rows).await? {
        set.push(row, mode(row));
    }
    tell_ignored(&mut set, &asked.ignored);
    Ok(set.finish())
}

fn mode(row: &Stored) -> Mode {
    if row.patient.is_none() && is_directory(&row.key.kind) {
        Mode::Include
    } else {
        Mode::Match
    }
}

fn record(row: &Stored) -> Result<Record> {
    let id = row.key.id.clone();
    match (&*row.key.kind, &row.patient) {
        ("Patient", _) => Ok(Record::Patient(id)),
        ("EpisodeOfCare", Some(patient)) => Ok(Record::Episode {
            episode: id,
            patient: patient.clone(),
        }),
        _ => {
            let text = "Everything can be asked of a Patient or an EpisodeOfCare.";
            Err(Error::new(Kind::NotFound, text).issue_code("not-supported"))
        }
    }
}
