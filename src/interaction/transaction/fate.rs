//! What becomes of each entry of a transaction, before anything is done.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::entry::{Entry, Method, Target, invalid, within};
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::reference::relative;
use crate::fhir::resource::{Key, Stored};
use crate::fhir::search::SearchQuery;
use crate::interaction::condition::{existing, one};
use crate::interaction::write::seen;
use crate::kap::base::Id;

/// What becomes of an entry.
#[derive(Debug)]
pub enum Fate {
    /// Stored under this key, unless something meets the criteria.
    Create(Key, Option<SearchQuery>),
    /// The next version of this one.
    Update(Stored),
    Patch(Stored),
    Delete(Stored),
    /// Deleted before.
    Gone(Stored),
    /// `ifNoneExist` found this one.
    Exists(Stored),
    Read,
}

impl Fate {
    /// What the entry is about.
    pub const fn key(&self) -> Option<&Key> {
        match self {
            Self::Create(key, _) => Some(key),
            Self::Update(row)
            | Self::Patch(row)
            | Self::Delete(row)
            | Self::Gone(row)
            | Self::Exists(row) => Some(&row.key),
            Self::Read => None,
        }
    }

    pub const fn unless(&self) -> Option<&SearchQuery> {
        match self {
            Self::Create(_, unless) => unless.as_ref(),
            _ => None,
        }
    }
}

/// The fate of every entry, and what the names mean that entries have within the bundle.
///
/// # Errors
/// The first entry that is wrong, with its index in `expression`.
pub async fn fates(
    app: &App,
    access: &Access,
    entries: &[Entry<'_>],
) -> Result<(Vec<Fate>, HashMap<String, String>)> {
    let mut fates: Vec<Fate> = Vec::with_capacity(entries.len());
    let mut names = HashMap::new();
    let mut asked = HashMap::new();
    let mut changed = HashMap::new();
    let old = replaced(app, access, entries).await?;
    let mut own = names_kept(app, access, entries).await?;
    for (i, entry) in entries.iter().enumerate() {
        let fate = fate(app, access, entry, (&old, own[i].take())).await;
        let fate = fate.map_err(|e| within(e, i))?;
        let unless = fate.unless().map(SearchQuery::identity);
        if let Some(other) = unless.and_then(|query| asked.insert(query, i)) {
            let text = format!(
                "Bundle.entry[{other}] has the same condition: one of the two would be in the other's way."
            );
            let place = match entry.method {
                Method::Put => ".request.url",
                _ => ".request.ifNoneExist",
            };
            let error = Error::new(Kind::Unprocessable, text).at(place);
            return Err(within(error, i));
        }
        let own = fate.key().filter(|_| !matches!(fate, Fate::Exists(_)));
        if let Some(other) = own.and_then(|key| changed.insert(key.clone(), i)) {
            let text = format!("Bundle.entry[{other}] writes the same resource.");
            return Err(within(invalid(&text).at(".request.url"), i));
        }
        if let (Some(url), Some(key), Method::Post | Method::Put) =
            (&entry.full_url, fate.key(), entry.method)
            && names.insert(url.clone(), key.to_string()).is_some()
        {
            let error = invalid("Two entries have the same fullUrl.").at(".fullUrl");
            return Err(within(error, i));
        }
        fates.push(fate);
    }
    Ok((fates, names))
}

/// The records that entries name by their ids, as far as the caller sees them.
async fn replaced(
    app: &App,
    access: &Access,
    entries: &[Entry<'_>],
) -> Result<HashMap<Key, Stored>> {
    let key = |entry: &Entry<'_>| Some(Key::new(&entry.kind, entry.id()?.clone()));
    let keys: Vec<Key> = entries.iter().filter_map(key).collect();
    let rows = app.store.view(access).find(&keys).await?;
    Ok(rows.into_iter().map(|row| (row.key.clone(), row)).collect())
}

async fn fate(
    app: &App,
    access: &Access,
    entry: &Entry<'_>,
    (old, own): (&HashMap<Key, Stored>, Option<Key>),
) -> Result<Fate> {
    let (interaction, make): (Interaction, fn(Stored) -> Fate) = match entry.method {
        Method::Get | Method::Head => return Ok(Fate::Read),
        Method::Post => return create(app, access, entry, own).await,
        Method::Put => (Interaction::Update, Fate::Update),
        Method::Patch => (Interaction::Update, Fate::Patch),
        Method::Delete => (Interaction::Delete, Fate::Delete),
    };
    access.allow(interaction, &entry.kind)?;
    let (row, query) = match &entry.target {
        Target::Id(id) => {
            let key = Key::new(&entry.kind, id.clone());
            (old.get(&key).cloned(), None)
        }
        Target::Where(criteria) => {
            let found = one(app, access, &entry.kind, criteria).await;
            let (query, row) = found.map_err(|e| e.at(".request.url"))?;
            (row, Some(query))
        }
        Target::Type | Target::Url => (None, None),
    };
    if let Some(row) = row {
        seen(&row, entry.if_match).map_err(|e| e.at(".request.ifMatch"))?;
        return Ok(make(row));
    }
    if let (Method::Put, Some(query)) = (entry.method, query) {
        access.allow(Interaction::Create, &entry.kind)?;
        return Ok(Fate::Create(fresh(app, &entry.kind), Some(query)));
    }
    if let (Method::Delete, Some(id)) = (entry.method, entry.id()) {
        let key = Key::new(&entry.kind, id.clone());
        let row = app.store.view(access).lookup(&key).await?;
        return row.map(Fate::Gone).ok_or_else(Error::not_found);
    }
    Err(Error::not_found())
}

async fn create(app: &App, access: &Access, entry: &Entry<'_>, own: Option<Key>) -> Result<Fate> {
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
    let key = own.unwrap_or_else(|| fresh(app, &entry.kind));
    Ok(Fate::Create(key, unless))
}

/// The key under which each new resource is known where it comes from, if it can have the same here: facts name each
/// other by ids that stand in extensions as text.
async fn names_kept(app: &App, access: &Access, entries: &[Entry<'_>]) -> Result<Vec<Option<Key>>> {
    let base = app.fhir_base();
    let mut seen = HashSet::new();
    let mut keys: Vec<Option<Key>> = entries
        .iter()
        .map(|entry| name_kept(entry, &base).filter(|key| seen.insert(key.clone())))
        .collect();
    let asked: Vec<Key> = keys.iter().flatten().cloned().collect();
    let reason = "a new record takes no id that is another's";
    let whole = Access::system(app.tenant.clone(), reason, access.now());
    let taken = app.store.view(&whole).taken(&asked).await?;
    for key in &mut keys {
        key.take_if(|key| taken.contains(key));
    }
    Ok(keys)
}

/// Type and id at the end of the entry's URL on another server, where the id begins with a UUID: such an id is nobody
/// else's.
fn name_kept(entry: &Entry<'_>, base: &str) -> Option<Key> {
    let url = entry.full_url.as_deref()?;
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let (rest, id) = url.rsplit_once('/')?;
    let (server, kind) = rest.rsplit_once('/')?;
    let is_uuid = |text: &str| text.len() == 36 && Uuid::try_parse(text).is_ok();
    let fits = entry.method == Method::Post
        && is_web
        && server.contains("://")
        && kind == entry.kind
        && id.get(..36).is_some_and(is_uuid)
        && relative(url, base).is_none();
    let id = Id::new(id).filter(|_| fits)?;
    Some(Key::new(kind, id))
}

fn fresh(app: &App, kind: &str) -> Key {
    Key::new(
        kind,
        Id::new(app.clock.uuid().to_string()).unwrap_or_default(),
    )
}
