//! The work of an export: file after file, each noted when it is whole. Where the work is broken off, it goes on after the
//! last file that was noted.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Level, Order, elements, filter, is_of_directory};
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::delivery::files::{Files, Writer};
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::{Key, Stored};
use crate::interaction::capability::TYPES;
use crate::interaction::job::{Ended, write};
use crate::interaction::retelling::retell;
use crate::kap::Id;
use crate::store::job::{self, File, Job};
use crate::store::{Being, Portion, Whose};

/// Resources that are in memory at once.
const PAGE: u32 = 500;
/// The end of the name of what stands beside a file: id, patient and owner of each of its resources.
pub const BESIDE: &str = ".index";
/// The beginning of the name of a file that tells what was deleted.
pub const DELETED: &str = "deleted-";

/// How far an export is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Which type comes next: first what there is of each, then, where an instant is given, what was deleted of each since.
    pub kind: usize,
    /// The last id of that type that is in a file.
    pub after: String,
    /// How many files there are.
    pub files: i64,
    /// How many resources are in them.
    pub resources: i64,
}

impl Progress {
    /// As it was noted.
    ///
    /// # Errors
    /// `Internal` where it cannot be read.
    pub fn of(job: &Job) -> Result<Self> {
        if job.progress.is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(&job.progress).map_err(Error::internal)
    }
}

/// Does the work.
///
/// # Errors
/// Those of the store and of the disk; it may be tried again.
pub async fn run(app: &App, job: &Job) -> Result<Ended> {
    let order = Order::parse(&job.payload)?;
    let mut at = Progress::of(job)?;
    while let Some((kind, being)) = order.part(at.kind) {
        // Each file is judged at its own time.
        if let Some(why) = gone(app, &order).await? {
            return Ok(Ended::Failed(why));
        }
        let access = order.access(app)?;
        let known = TYPES.iter().find(|known| **known == kind);
        let portion =
            known.and_then(|kind| portion(app, &access, &order, (kind, being)).transpose());
        let Some(portion) = portion else {
            at.kind += 1;
            at.after.clear();
            continue;
        };
        let file = Making {
            app,
            job,
            order: &order,
            access: &access,
            portion: &portion?,
        };
        if !file.made(&mut at).await? {
            return Ok(Ended::Lost);
        }
    }
    tidied(app, job).await?;
    Ok(Ended::Done)
}

/// Removes what workers that died on the way left beside the files that were noted.
async fn tidied(app: &App, job: &Job) -> Result<()> {
    let Some(files) = app.exports.files() else {
        return Ok(());
    };
    let noted = app.store.job_files(&app.tenant, &job.id).await?;
    let names = noted
        .iter()
        .flat_map(|file| [file.name.to_string(), format!("{}{BESIDE}", file.name)]);
    files.keep_only(&job.id, &names.collect::<Vec<_>>()).await
}

impl Order {
    /// The part of the work of this number.
    fn part(&self, n: usize) -> Option<(&str, Being)> {
        let types = self.kinds.len();
        let (of, being) = match n.checked_sub(types) {
            None => (n, Being::Present),
            Some(of) => (of, Being::Deleted),
        };
        // Without an instant everything is told that there is: nothing that was told before can be gone.
        let asked = being == Being::Present || self.since.is_some();
        let kind = self.kinds.get(of).filter(|_| asked)?;
        Some((kind, being))
    }
}

/// Why the export cannot go on: its client is disabled or is another one by now, or the group is not to be seen.
async fn gone(app: &App, order: &Order) -> Result<Option<&'static str>> {
    let Some(client) = app.store.client(&app.tenant, &order.client).await? else {
        return Ok(Some("forbidden"));
    };
    let same = *client.organization == *order.organization && *client.role == *order.role;
    if client.disabled_at.is_some() || !same {
        return Ok(Some("forbidden"));
    }
    if let Level::Group(group) = &order.level {
        let access = order.access(app)?;
        let id = Id::new(group.as_str()).ok_or_else(Error::not_found)?;
        let key = Key::new("Group", id);
        if !app.store.view(&access).has(&key).await? {
            return Ok(Some("not-found"));
        }
    }
    Ok(None)
}

/// What is to be exported of a type; `None` where it is nothing.
fn portion(
    app: &App,
    access: &Access,
    order: &Order,
    (kind, being): (&'static str, Being),
) -> Result<Option<Portion>> {
    if access.allow(Interaction::Read, kind).is_err() {
        return Ok(None);
    }
    let patients = order.patients.iter().map(|id| Id::new(id.as_str()));
    let patients: Vec<Id> = patients.flatten().collect();
    let whose = match &order.level {
        Level::System => Whose::All,
        // The directory is nobody's, and what patients' records speak of.
        _ if is_of_directory(kind) => Whose::All,
        _ if !patients.is_empty() && order.level == Level::Patient => Whose::Of(patients),
        Level::Patient => Whose::Patients,
        Level::Group(group) => {
            let group = Id::new(group.as_str()).ok_or_else(Error::not_found)?;
            if patients.is_empty() {
                Whose::Members(group)
            } else {
                Whose::MembersOf(group, patients)
            }
        }
    };
    let filters = order.filters.iter().filter(|(of, _)| of == kind);
    let any = filters.map(|(_, query)| filter(app, access, kind, query));
    Ok(Some(Portion {
        kind,
        being,
        whose,
        since: order.since,
        any: any.collect::<Result<_>>()?,
    }))
}

/// A file that is being made.
struct Making<'a> {
    app: &'a App,
    job: &'a Job,
    order: &'a Order,
    access: &'a Access,
    portion: &'a Portion,
}

impl Making<'_> {
    /// Makes one file, or none where nothing is left of the type, and notes it; whether the worker still has the job.
    async fn made(&self, at: &mut Progress) -> Result<bool> {
        let files = self.files()?;
        let n = at.files + 1;
        // A worker that was given up may still write to a file of its own name.
        let of = match self.portion.being {
            Being::Present => "",
            Being::Deleted => DELETED,
        };
        let name = format!("{of}{}-{n}-{}.ndjson", self.portion.kind, self.job.fence);
        let beside = format!("{name}{BESIDE}");
        let mut after = at.after.clone();
        let mut written: Option<(Writer, Writer)> = None;
        let (mut count, mut ended) = (0, false);
        while count < self.app.exports.size() && !ended {
            let room = self.app.exports.size() - count;
            let page = PAGE.min(u32::try_from(room).unwrap_or(PAGE));
            let view = self.app.store.view(self.access);
            let rows = view.exported(self.portion, page, &after).await?;
            ended = rows.len() < page as usize;
            let Some(last) = rows.last() else { break };
            last.key.id.as_str().clone_into(&mut after);
            count += rows.len();
            let (lines, index) = self.lines(rows).await?;
            let mut both = if let Some(both) = written.take() {
                both
            } else {
                let id = &self.job.id;
                let lines = files.create(id, &name).await?;
                (lines, files.create(id, &beside).await?)
            };
            both.0.write(lines.as_bytes()).await?;
            both.1.write(index.as_bytes()).await?;
            written = Some(both);
        }
        let mut steps = Vec::new();
        if let Some((lines, index)) = written {
            lines.finish().await?;
            index.finish().await?;
            at.files = n;
            at.resources += i64::try_from(count).unwrap_or(i64::MAX);
            let file = File {
                name: name.into(),
                kind: self.portion.kind.into(),
                n,
                resources: i64::try_from(count).unwrap_or(i64::MAX),
            };
            steps.push(job::add_file(&self.app.tenant, self.job, &file));
        }
        at.after = after;
        if ended || count == 0 {
            at.kind += 1;
            at.after.clear();
        }
        let progress = serde_json::to_string(at).map_err(Error::internal)?;
        steps.insert(0, job::go_on(&self.app.tenant, self.job, progress));
        write(self.app, steps).await
    }

    fn files(&self) -> Result<&Files> {
        let text = "There is no place for exports.";
        let files = self.app.exports.files();
        files.ok_or_else(|| Error::new(Kind::NotSupported, text))
    }

    /// The resources as the client sees them, one a line, and what is noted of each.
    async fn lines(&self, rows: Vec<Stored>) -> Result<(String, String)> {
        let (mut lines, mut index) = (String::new(), String::new());
        let own = self.access.caller().map(|caller| &caller.organization);
        for row in retell(self.app, self.access, rows).await? {
            if let Some(body) = &row.body {
                let part = elements::only(&row.key.kind, body, &self.order.elements)?;
                let text = part.as_deref().unwrap_or(body);
                // In JSON, line ends stand between tokens alone.
                lines.extend(
                    text.chars()
                        .map(|c| if c == '\n' || c == '\r' { ' ' } else { c }),
                );
            } else {
                lines.push_str(&deletion(&row.key));
            }
            lines.push('\n');
            let patient = row.patient.as_ref().map_or("-", Id::as_str);
            let whose = if own == Some(&row.owner) {
                "own"
            } else {
                "other"
            };
            for word in [row.key.id.as_str(), "\t", patient, "\t", whose, "\n"] {
                index.push_str(word);
            }
        }
        Ok((lines, index))
    }
}

/// A deletion as the specification has it: a transaction that would do the same
/// (<https://hl7.org/fhir/uv/bulkdata/STU2/export.html#response---complete-status>).
fn deletion(key: &Key) -> String {
    let request = json!({ "method": "DELETE", "url": key.to_string() });
    let bundle = json!({
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{ "request": request }],
    });
    bundle.to_string()
}
