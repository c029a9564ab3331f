//! Bulk data: FHIR Bulk Data Access 2.0 (<https://hl7.org/fhir/uv/bulkdata/STU2/>).
//!
//! A kick-off makes a job; a worker writes what the client sees into files of one type each; the client asks how far it is
//! and takes the files. All of it under the client's own access: judged anew for every file that is written, and once more
//! when it is taken.

mod elements;
pub mod files;
mod polls;
pub mod run;
pub mod status;

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use self::polls::Polls;
use super::operation::{Asked, invalid};
use crate::access::{Access, Caller, Interaction, Role, Scopes};
use crate::app::App;
use crate::delivery::files::Files;
use crate::error::{Error, Kind, Result};
use crate::fhir::index;
use crate::fhir::resource::Key;
use crate::fhir::search::{Handling, SearchQuery, pairs};
use crate::interaction::capability::TYPES;
use crate::interaction::job::write;
use crate::kap::Id;
use crate::store::job::{self, LIMIT, Most, New};
use crate::store::view::is_directory;

/// The kind of these jobs.
pub const KIND: &str = "export";
/// The parameters of a kick-off.
pub const PARAMETERS: &[&str] = &[
    "_outputFormat",
    "_since",
    "_type",
    "_typeFilter",
    "_elements",
    "patient",
    "includeAssociatedData",
];
/// The forms in which the files can be asked for; they are one.
const FORMATS: &[&str] = &[
    "application/fhir+ndjson",
    "application/ndjson",
    "ndjson",
    // A `+` that was not escaped in a query arrives as a blank.
    "application/fhir ndjson",
];
/// Exports at once (security reference §5.1).
const MOST: Most = Most {
    of_client: 2,
    in_all: 8,
};
/// How long an export is kept, milliseconds: 24 hours.
pub const KEPT: i64 = 24 * 60 * 60 * 1000;
/// Patients that a kick-off may name.
const PATIENTS: usize = 500;
/// Filters that a kick-off may have.
const FILTERS: usize = 50;
/// A change may become visible so long after the instant that it bears, milliseconds: what is new since an export's
/// instant is asked for from here on.
const HORIZON: i64 = 10_000;

/// Where exports are kept.
#[derive(Debug, Default)]
pub struct Exports {
    files: OnceLock<Files>,
    /// Resources per file.
    size: OnceLock<usize>,
    polls: Polls,
}

impl Exports {
    /// Keeps them there (unless another place was said before).
    pub fn keep_in(&self, files: Files) {
        self.files.get_or_init(|| files);
    }

    /// Puts so many resources into a file at most (unless it was said before).
    pub fn at_most(&self, resources: usize) {
        self.size.get_or_init(|| resources.max(1));
    }

    /// Where; `None` where the service keeps none.
    #[must_use]
    pub fn files(&self) -> Option<&Files> {
        self.files.get()
    }

    fn some(&self) -> Result<&Files> {
        let text = "This service makes no exports: it was started without a place for them.";
        self.files()
            .ok_or_else(|| Error::new(Kind::NotSupported, text))
    }

    fn size(&self) -> usize {
        self.size.get().copied().unwrap_or(20_000)
    }
}

/// Whose data is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    System,
    Patient,
    Group(String),
}

/// What is to be done, and for whom: the client as its token said it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    client: String,
    organization: String,
    role: String,
    scopes: String,
    purpose: String,
    token: String,
    /// URL of the kick-off.
    request: String,
    level: Level,
    kinds: Vec<String>,
    /// Milliseconds since 1970.
    since: Option<i64>,
    /// Type and query of each filter.
    filters: Vec<(String, String)>,
    elements: Vec<String>,
    patients: Vec<String>,
}

impl Order {
    fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(Error::internal)
    }

    /// The client of then.
    fn caller(&self) -> Result<Caller> {
        let broken = || Error::internal("an export's client cannot be read");
        Ok(Caller {
            client: self.client.as_str().into(),
            organization: Id::new(&*self.organization).ok_or_else(broken)?,
            role: Role::from_code(&self.role).ok_or_else(broken)?,
            scopes: Scopes::parse(&self.scopes).map_err(|_| broken())?,
            purpose: self.purpose.as_str().into(),
            token: self.token.as_str().into(),
        })
    }

    /// What the client of then may see now.
    fn access(&self, app: &App) -> Result<Access> {
        let access = Access::of(app.tenant.clone(), self.caller()?, app.clock.millis());
        Ok(access.under(app.disclosure))
    }
}

/// Begins an export; gives the URL where its state is told.
///
/// # Errors
/// `Forbidden` by role or scope; `NotFound` where the Group is missing or hidden; `Invalid` for a parameter that is wrong;
/// `TooMany` where there are as many exports as there may be; `NotSupported` where the service keeps no files.
pub async fn kick_off(
    app: &App,
    access: &Access,
    level: Level,
    request: String,
    asked: &Asked,
) -> Result<String> {
    app.exports.some()?;
    let order = order(app, access, level, request, asked)?;
    if let Level::Group(id) = &order.level {
        access.allow(Interaction::Read, "Group")?;
        let id = Id::new(id.as_str()).ok_or_else(Error::not_found)?;
        app.store.view(access).read(&Key::new("Group", id)).await?;
    }
    let id = app.clock.uuid().to_string();
    let at = app.clock.millis();
    let new = New {
        id: &id,
        kind: KIND,
        client: &order.client,
        payload: serde_json::to_string(&order).map_err(Error::internal)?,
        at,
        expires_at: at + KEPT,
    };
    let steps = job::add(&app.tenant, &new, MOST);
    match app.store.write("kick off export", steps).await? {
        Ok(()) => {}
        Err(conflict) if conflict.guard == LIMIT => {
            let text = format!(
                "There are as many exports at work as there may be ({} of one client, {} in all): wait for one, or cancel it.",
                MOST.of_client, MOST.in_all
            );
            return Err(Error::new(Kind::TooMany, text));
        }
        Err(conflict) => return Err(Error::internal(conflict.guard)),
    }
    if let Some(trail) = access.trail() {
        let event = trail.asked(crate::audit::Kind::Operation);
        trail.note(event.target("export", &id, None));
    }
    app.wake.up();
    Ok(format!("{}/$export/{id}", app.fhir_base()))
}

fn order(
    app: &App,
    access: &Access,
    level: Level,
    request: String,
    asked: &Asked,
) -> Result<Order> {
    let caller = access
        .caller()
        .ok_or_else(|| Error::internal("an export that nobody asked for"))?;
    if caller.breaks_glass() {
        let text = "A token for an emergency reads one patient's record, and exports nothing.";
        return Err(Error::new(Kind::Forbidden, text).code("not-permitted"));
    }
    if let Some(format) = asked.one("_outputFormat")?
        && !FORMATS.contains(&format)
    {
        let text = "_outputFormat is application/fhir+ndjson.";
        return Err(invalid(text).issue_code("not-supported"));
    }
    let patients = patients(&level, asked)?;
    Ok(Order {
        client: caller.client.to_string(),
        organization: caller.organization.to_string(),
        role: caller.role.code().to_owned(),
        scopes: caller.scopes.to_string(),
        purpose: caller.purpose.to_string(),
        token: caller.token.to_string(),
        request,
        kinds: kinds(access, &level, asked)?,
        level,
        since: asked.date("_since")?.map(|at| at.lo),
        filters: filters(app, access, asked)?,
        elements: elements::named(asked)?,
        patients,
    })
}

/// The types to export: those that are named, or all that role and scopes allow to read.
fn kinds(access: &Access, level: &Level, asked: &Asked) -> Result<Vec<String>> {
    let named = asked.kinds()?;
    if let Some(kinds) = &named {
        for kind in kinds {
            access.allow(Interaction::Read, kind)?;
        }
    }
    // The audit is asked for by search alone.
    let exported = |kind: &&str| *kind != super::audit::events::TYPE;
    let of_level = |kind: &&str| match level {
        Level::System => true,
        _ => *kind != "Questionnaire" && *kind != "Group",
    };
    let readable = |kind: &&str| access.allow(Interaction::Read, kind).is_ok();
    let all = TYPES.iter().copied();
    let every = || all.filter(of_level).filter(readable).collect();
    let kinds: Vec<&str> = named.unwrap_or_else(every);
    let kinds: Vec<String> = kinds
        .into_iter()
        .filter(exported)
        .map(str::to_owned)
        .collect();
    if kinds.is_empty() {
        let text = "Role and scopes of this client allow to read none of these types.";
        return Err(Error::new(Kind::Forbidden, text).code("insufficient-scope"));
    }
    Ok(kinds)
}

fn patients(level: &Level, asked: &Asked) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for text in asked.all("patient").flat_map(|value| value.split(',')) {
        let id = text.strip_prefix("Patient/").unwrap_or(text);
        let id = Id::new(id.trim()).ok_or_else(|| invalid("patient is a reference Patient/id."))?;
        out.push(id.to_string());
    }
    if *level == Level::System && !out.is_empty() {
        let text = "patient is for the export of patients or of a group.";
        return Err(invalid(text));
    }
    if out.len() > PATIENTS {
        let text = format!("At most {PATIENTS} patients can be named; make a Group of more.");
        return Err(invalid(text).issue_code("too-costly"));
    }
    Ok(out)
}

/// Reads each filter to see that it can be read.
fn filters(app: &App, access: &Access, asked: &Asked) -> Result<Vec<(String, String)>> {
    let mut out = Vec::new();
    for text in asked.all("_typeFilter").flat_map(split) {
        let text = text.trim();
        let (kind, query) = text.split_once('?').ok_or_else(|| {
            invalid("_typeFilter is written Type?criteria, such as Observation?status=final.")
        })?;
        access.allow(Interaction::Read, kind)?;
        filter(app, access, kind, query)?;
        out.push((kind.to_owned(), query.to_owned()));
    }
    if out.len() > FILTERS {
        let text = format!("At most {FILTERS} filters are allowed.");
        return Err(invalid(text).issue_code("too-costly"));
    }
    Ok(out)
}

/// Several filters in one parameter are separated by commas before a type; commas within one separate values.
fn split(text: &str) -> Vec<&str> {
    let (mut out, mut start) = (Vec::new(), 0);
    for (at, _) in text.match_indices(',') {
        let rest = &text[at + 1..];
        let name = rest.split('?').next().unwrap_or_default();
        if rest.contains('?') && TYPES.contains(&name.trim()) {
            out.push(&text[start..at]);
            start = at + 1;
        }
    }
    out.push(&text[start..]);
    out
}

/// A filter as a search; only its criteria count.
fn filter(app: &App, access: &Access, kind: &str, query: &str) -> Result<SearchQuery> {
    let (query, _) = super::criteria::parse(access, kind, &pairs(query)?, Handling::Strict)?;
    Ok(query.relative_to(&app.fhir_base()))
}

/// Whether resources of this type are of no patient and part of everyone's directory.
fn is_of_directory(kind: &str) -> bool {
    is_directory(kind) && !index::tells_patient(kind)
}

/// Ends an export by its client's wish, and removes what it made.
///
/// # Errors
/// `NotFound` where there is none of this client's.
pub async fn cancel(app: &App, access: &Access, id: &str) -> Result<()> {
    let (found, _) = status::own(app, access, id).await?;
    write(
        app,
        vec![job::cancel(&app.tenant, &found.id, app.clock.millis())],
    )
    .await?;
    if let Some(files) = app.exports.files() {
        files.remove(&found.id).await?;
    }
    let event = access.event(crate::audit::Kind::Operation);
    super::audit::note(access, event.target("export", id, None).detail("cancelled"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_told_apart_from_values() {
        assert_eq!(split("Observation?code=a,b"), ["Observation?code=a,b"]);
        assert_eq!(
            split("Observation?code=a,b,Task?status=x,Flag?status=y,z"),
            ["Observation?code=a,b", "Task?status=x", "Flag?status=y,z"]
        );
        assert_eq!(
            split("Observation?code=Task,c"),
            ["Observation?code=Task,c"]
        );
    }
}
