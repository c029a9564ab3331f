//! FHIR R4 batch: <https://hl7.org/fhir/R4/http.html#transaction>. Each entry by itself, as if it had come alone.

use std::time::{Duration, Instant};

use super::audit::note;
use super::conditional;
use super::delete::delete;
use super::patch::{Patch, patch};
use super::transaction::Shown;
use super::transaction::entry::{Entry, Method, Style, Target, invalid};
use super::transaction::read;
use super::transaction::response::{Answer, response};
use super::write::{Created, create, update};
use crate::access::Access;
use crate::app::App;
use crate::audit::Kind as Act;
use crate::audit::event::{Outcome, Target as Of};
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::{Key, Resource, Stored};
use crate::kap::base::Id;

/// So long entries are begun: the answer must tell of all that was done before the request's own time is over.
const LONGEST: Duration = Duration::from_secs(45);

/// Runs each entry, in the order in which they stand: none sees the names of the others, none undoes another.
pub async fn batch(app: &App, access: &Access, entries: &[&str], shown: Shown) -> String {
    let started = Instant::now();
    note(access, access.event(Act::Batch));
    let mut answers = Vec::with_capacity(entries.len());
    for text in entries {
        let entry = match Entry::read(text) {
            Ok(entry) => entry,
            Err(error) => {
                answers.push(Answer::refused(&error));
                continue;
            }
        };
        let done = if started.elapsed() < LONGEST {
            run(app, access, &entry, shown).await
        } else {
            let text = "The batch took too long to come to this entry. Send it again.";
            Err(Error::new(Kind::Unavailable, text))
        };
        answers.push(done.unwrap_or_else(|error| refused(access, &entry, &error)));
    }
    response(Style::Batch, &answers)
}

/// What is told of an entry that was refused, which the audit is told too.
#[must_use]
pub fn refused(access: &Access, entry: &Entry<'_>, error: &Error) -> Answer {
    let kind = match entry.method {
        Method::Get | Method::Head if entry.url.contains("_history") => Act::History,
        Method::Get | Method::Head if !entry.url.contains('/') => Act::Search,
        Method::Get | Method::Head => Act::Read,
        Method::Post => Act::Create,
        Method::Put | Method::Patch => Act::Update,
        Method::Delete => Act::Delete,
    };
    let code = error.code.unwrap_or(error.kind.wire().1);
    let mut event = access.event(kind);
    if super::capability::TYPES.contains(&&*entry.kind) {
        event.target = Some(Of {
            kind: entry.kind.as_str().into(),
            id: entry.id().map(|id| id.as_str().into()),
            version: None,
        });
    }
    let (outcome, reason) = (
        Outcome::of_status(error.status()),
        format!("{} {code}", error.status()),
    );
    note(access, event.failed(outcome, reason));
    if error.status() >= 500 {
        let cause = error
            .cause
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(kind = ?error.kind, cause, "an entry of a bundle");
    }
    Answer::refused(error)
}

async fn run(app: &App, access: &Access, entry: &Entry<'_>, shown: Shown) -> Result<Answer> {
    let base = app.fhir_base();
    let stored = |row, status| Answer::stored(&base, row, status, shown);
    let bytes = entry.resource.unwrap_or_default().as_bytes();
    let key = |id: &Id| Key::new(&entry.kind, id.clone());
    Ok(match (entry.method, &entry.target) {
        (Method::Put, Target::Id(id)) => {
            let resource = Resource::received(bytes, Some(&entry.kind), Some(id), Id::default)?;
            let row = update(app, access, resource, entry.if_match).await?;
            stored(&row, "200 OK")
        }
        (Method::Put, Target::Where(criteria)) => {
            let asked = (&*entry.kind, &**criteria);
            match conditional::update(app, access, asked, bytes, entry.if_match).await? {
                Created::New(row) => stored(&row, "201 Created"),
                Created::Known(row) => stored(&row, "200 OK"),
            }
        }
        (Method::Patch, _) => stored(&patched(app, access, entry).await?, "200 OK"),
        (Method::Delete, Target::Where(criteria)) => {
            let asked = (&*entry.kind, &**criteria);
            Answer::deleted(&conditional::delete(app, access, asked, entry.if_match).await?)
        }
        (Method::Delete, Target::Id(id)) => {
            Answer::deleted(&delete(app, access, &key(id), entry.if_match).await?)
        }
        (Method::Get | Method::Head, _) => {
            let told = read::told(app, access, entry).await?;
            Answer::told(&base, &told, entry.method == Method::Get)
        }
        _ => {
            let fresh = || Id::new(app.clock.uuid().to_string()).unwrap_or_default();
            let resource = Resource::received(bytes, Some(&entry.kind), None, fresh)?;
            match create(app, access, resource, entry.if_none_exist.as_deref()).await? {
                Created::New(row) => stored(&row, "201 Created"),
                Created::Known(row) => stored(&row, "200 OK"),
            }
        }
    })
}

async fn patched(app: &App, access: &Access, entry: &Entry<'_>) -> Result<Stored> {
    let (is_json, text) = super::transaction::patch_text(entry)?;
    let body = if is_json {
        Patch::Json(text.as_bytes())
    } else {
        Patch::FhirPath(text.as_bytes())
    };
    match &entry.target {
        Target::Id(id) => {
            let key = Key::new(&entry.kind, id.clone());
            patch(app, access, &key, body, entry.if_match).await
        }
        Target::Where(criteria) => {
            let asked = (&*entry.kind, &**criteria);
            conditional::patch(app, access, asked, body, entry.if_match).await
        }
        _ => Err(invalid("PATCH goes to Type/id or Type?criteria.").at(".request.url")),
    }
}
