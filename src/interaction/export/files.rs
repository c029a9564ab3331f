//! The files of an export, given to the client that asked for it: what is in them is asked anew when they are taken.

use std::collections::BTreeMap;

use super::run::{BESIDE, DELETED};
use super::{Order, status};
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::audit::Kind as Act;
use crate::delivery::files::{Reader, Span};
use crate::error::{Error, Kind, Result};
use crate::interaction::audit::note;
use crate::interaction::job::write;
use crate::store::Being;
use crate::store::job::{File, Job, forget_file};

/// A file of an export, or a part of it. Every patient's data in it is audited: as a disclosure where another organization
/// keeps it.
///
/// # Errors
/// `NotFound` where there is no such file of this client's; `Forbidden` where the token says less than that of the kick-off;
/// `Gone` where something in it is not the client's to see any more: the file is removed then.
pub async fn file(app: &App, access: &Access, id: &str, name: &str, span: Span) -> Result<Reader> {
    let (job, order) = status::own(app, access, id).await?;
    let files = app.store.job_files(&app.tenant, id).await?;
    let file = files.into_iter().find(|file| *file.name == *name);
    let file = file.ok_or_else(status::missing)?;
    same_sight(access, &order, &file.kind)?;
    let kept = app.exports.some()?;
    let beside = format!("{name}{BESIDE}");
    let index = kept.open(id, &beside, Span::Whole).await?;
    let index = index.ok_or_else(status::missing)?.text().await?;
    let lines = || index.lines().filter_map(Line::of);
    let ids: Vec<&str> = lines().map(|line| line.id).collect();
    let view = app.store.view(access);
    if view.hidden_among(&file.kind, being(&file), &ids).await? {
        remove(app, &job, &file).await?;
        let text = "Something in this file is not this client's to see any more: it is removed. Begin another export.";
        return Err(Error::new(Kind::Gone, text).issue_code("suppressed"));
    }
    let reader = kept.open(id, name, span).await?;
    let reader = reader.ok_or_else(status::missing)?;
    disclosed(access, &job, &file, lines());
    Ok(reader)
}

/// Whether a file tells of what there is or of what was deleted.
#[must_use]
pub fn being(file: &File) -> Being {
    if file.name.starts_with(DELETED) {
        Being::Deleted
    } else {
        Being::Present
    }
}

/// What stands beside a file of one of its resources.
struct Line<'t> {
    id: &'t str,
    patient: Option<&'t str>,
    own: bool,
}

impl<'t> Line<'t> {
    fn of(text: &'t str) -> Option<Self> {
        let mut words = text.split('\t');
        let (id, patient, whose) = (words.next()?, words.next()?, words.next()?);
        Some(Self {
            id,
            patient: (patient != "-").then_some(patient),
            own: whose == "own",
        })
    }
}

/// The token of now sees what that of the kick-off saw: the same purpose, and no narrower scope.
fn same_sight(access: &Access, order: &Order, kind: &str) -> Result<()> {
    access.allow(Interaction::Read, kind)?;
    let then = order.caller()?;
    let now = access.caller().ok_or_else(Error::not_found)?;
    let narrowed = now.scopes.narrowed(Interaction::Read, kind);
    let as_then = narrowed.is_none() || narrowed == then.scopes.narrowed(Interaction::Read, kind);
    if now.organization == then.organization
        && now.role == then.role
        && now.purpose == then.purpose
        && as_then
    {
        return Ok(());
    }
    let text = "The files of an export are taken with a token of the same purpose and scopes as that which began it.";
    Err(Error::new(Kind::Forbidden, text).code("insufficient-scope"))
}

fn disclosed<'t>(access: &Access, job: &Job, file: &File, lines: impl Iterator<Item = Line<'t>>) {
    let mut patients: BTreeMap<&str, bool> = BTreeMap::new();
    for line in lines {
        if let Some(patient) = line.patient {
            *patients.entry(patient).or_insert(true) &= line.own;
        }
    }
    let what = format!("$export {}: {}", job.id, file.kind);
    if patients.is_empty() {
        let event = access.event(Act::Operation).target("export", &job.id, None);
        note(access, event.detail(what));
        return;
    }
    for (patient, own) in patients {
        let kind = if own { Act::Read } else { Act::Disclose };
        let event = access.event(kind).target("Patient", patient, None);
        note(access, event.patient(Some(patient)).detail(what.as_str()));
    }
}

async fn remove(app: &App, job: &Job, file: &File) -> Result<()> {
    let step = forget_file(&app.tenant, &job.id, &file.name);
    write(app, vec![step]).await?;
    let files = app.exports.some()?;
    files.remove_file(&job.id, &file.name).await?;
    files
        .remove_file(&job.id, &format!("{}{BESIDE}", file.name))
        .await
}
