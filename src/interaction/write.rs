//! FHIR R4 create and update: <https://hl7.org/fhir/R4/http.html#create>, <https://hl7.org/fhir/R4/http.html#update>.
//!
//! A resource of an episode goes through the same rules as the practice's command for it.

use super::accept::accept;
use super::at_hand::{self, AtHand, directory_stays, kept_by, not_ours};
use super::audit::shown;
use super::commit::{Change, Changes, commit, lost};
use super::condition::{self, TRIES, any_met, existing};
use super::delete;
use super::episode::{Ask, Done, Received, change, does};
use super::home::{Home, home};
use super::opening;
use super::pointers::Pointers;
use super::provenance;
use super::reading::Loaded;
use super::subscription;
use crate::access::label::Labelling;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::audit::Kind as Act;
use crate::error::{Error, Issue, Kind as ErrorKind, Result};
use crate::fhir::index;
use crate::fhir::resource::{Key, Resource, Stored};
use crate::fhir::search::SearchQuery;
use crate::kap::act::Context;
use crate::kap::{Episode, Kind};
use crate::mapping::expression::{expression, full};

/// The type that no client creates by itself.
pub const OPENED_ELSEWHERE: &str = "EpisodeOfCare";

/// A resource on its way in.
#[derive(Debug)]
pub struct Incoming {
    pub resource: Resource,
    /// The version that an update follows; `None` for a create.
    pub seen: Option<i64>,
    /// Its place in the transaction.
    pub entry: Option<usize>,
    /// What must not be there when it is stored (`ifNoneExist`).
    pub unless: Option<SearchQuery>,
}

impl Incoming {
    /// The issue, said of the sender's own body.
    #[must_use]
    pub fn place(&self, mut issue: Issue) -> Issue {
        let kind = &self.resource.key.kind;
        let at = full(issue.at.as_deref().unwrap_or(kind));
        issue.at = Some(match self.entry {
            None => at,
            Some(n) => {
                let below = at.strip_prefix(&**kind).unwrap_or_default();
                format!("Bundle.entry[{n}].resource{below}")
            }
        });
        issue
    }

    /// What the rules say of the record of `kind` that this resource states, said of the resource.
    #[must_use]
    pub fn refused(&self, mut error: Error, kind: Kind) -> Error {
        for issue in &mut error.issues {
            issue.at = Some(expression(
                &self.resource.key.kind,
                kind,
                issue.at.as_deref(),
            ));
            *issue = self.place(std::mem::take(issue));
        }
        error
    }
}

/// What became of a create.
#[derive(Debug)]
pub enum Created {
    New(Stored),
    /// `If-None-Exist` found this one.
    Known(Stored),
}

/// Stores a new resource, unless one meets `unless` (the criteria of `If-None-Exist`).
///
/// # Errors
/// `Forbidden` by role or scope; `Unprocessable` where a reference cannot be resolved or a rule refuses; `Conflict`.
pub async fn create(
    app: &App,
    access: &Access,
    resource: Resource,
    unless: Option<&str>,
) -> Result<Created> {
    access.allow(Interaction::Create, &resource.key.kind)?;
    let resource = resource.relative_to(&app.fhir_base())?;
    let mut tries = 0;
    loop {
        tries += 1;
        let mut query = None;
        if let Some(criteria) = unless {
            let (asked, found) = existing(app, access, &resource.key.kind, criteria).await?;
            if let Some(row) = found {
                shown(access, Act::Read, &row);
                return Ok(Created::Known(row));
            }
            query = Some(asked);
        }
        let incoming = Incoming {
            resource: resource.clone(),
            seen: None,
            entry: None,
            unless: query.clone(),
        };
        match write(app, access, "fhir create", vec![incoming]).await {
            Ok(stored) => return one(stored).map(Created::New),
            Err(_) if tries < TRIES && any_met(app, access, &query).await? => {}
            Err(error) => return Err(error),
        }
    }
}

/// Stores the next version of a resource that exists and is visible.
///
/// # Errors
/// As [`create`]; `NotFound` where it is missing or hidden; `PreconditionFailed` where `seen` is not the present version.
pub async fn update(
    app: &App,
    access: &Access,
    resource: Resource,
    seen: Option<i64>,
) -> Result<Stored> {
    access.allow(Interaction::Update, &resource.key.kind)?;
    let resource = resource.relative_to(&app.fhir_base())?;
    let old = app.store.view(access).read(&resource.key).await?;
    self::seen(&old, seen)?;
    unmoved(&old, &resource)?;
    let incoming = Incoming {
        resource,
        seen: Some(seen.unwrap_or(old.version)),
        entry: None,
        unless: None,
    };
    one(write(app, access, "fhir update", vec![incoming]).await?)
}

fn one(mut stored: Vec<Stored>) -> Result<Stored> {
    if stored.is_empty() {
        return Err(Error::internal("a write without its resource"));
    }
    Ok(stored.swap_remove(0))
}

/// Types that are updated only by whoever says which version was read: two who change a prescription, an agreement or a
/// decision must not overwrite each other unseen.
const GUARDED: &[&str] = &["ClinicalImpression", "Consent", "MedicationRequest"];

/// Whether the update of `old` follows the version that it must follow.
///
/// # Errors
/// `PreconditionFailed` where it names another version; `PreconditionRequired` where it must name one and names none.
pub fn seen(old: &Stored, seen: Option<i64>) -> Result<()> {
    match seen {
        Some(version) if version != old.version => {
            let text = "If-Match names another version than the present one. Read again.";
            Err(Error::new(ErrorKind::PreconditionFailed, text).code("version-conflict"))
        }
        None if GUARDED.contains(&&*old.key.kind) => {
            let text =
                "An update of this type says in If-Match (or ifMatch) which version was read.";
            Err(Error::new(ErrorKind::PreconditionRequired, text))
        }
        _ => Ok(()),
    }
}

/// An update never moves a record to another patient or episode.
///
/// # Errors
/// `Unprocessable` where it does.
pub fn unmoved(old: &Stored, new: &Resource) -> Result<()> {
    if old.redacted.is_some() {
        let text = "You see a part of this record: an update that replaces the whole of it would lose the rest.";
        return Err(Error::new(ErrorKind::Unprocessable, text).at(new.key.kind.to_string()));
    }
    let (patient, episode) = index::compartment(&new.key.kind, &new.value);
    // A type without a patient of its own is of the patient of its episode.
    let own = index::tells_patient(&new.key.kind);
    if (old.patient == patient || !own) && (episode.is_none() || old.episode == episode) {
        return Ok(());
    }
    let text = "An update cannot move a record to another patient or episode.";
    Err(Error::new(ErrorKind::Unprocessable, text).at(format!("{}.subject", new.key.kind)))
}

/// Stores `incoming` in one transaction; answers in the same order.
///
/// # Errors
/// As [`create`] and [`update`].
pub async fn write(
    app: &App,
    access: &Access,
    name: &'static str,
    incoming: Vec<Incoming>,
) -> Result<Vec<Stored>> {
    write_and_delete(app, access, name, incoming, vec![]).await
}

/// Stores `incoming` and deletes `gone` (the present version of each, as the caller sees it) in one transaction; answers
/// with what was stored in the same order, and then with the deletions.
///
/// # Errors
/// As [`create`] and [`update`], and those of [`delete::check`].
pub async fn write_and_delete(
    app: &App,
    access: &Access,
    name: &'static str,
    incoming: Vec<Incoming>,
    gone: Vec<Stored>,
) -> Result<Vec<Stored>> {
    if let Some(done) = subscription::alone(app, access, name, &incoming, &gone).await? {
        return Ok(done);
    }
    super::label::check(&incoming)?;
    super::modifier::check(&incoming)?;
    super::consent::check_shapes(&incoming)?;
    let begins = opening::opening(&incoming, &gone)?.map(opening::home);
    let pointers = Pointers::of(&incoming, &app.fhir_base());
    let at_hand = at_hand::read(app, access, &incoming, &pointers).await?;
    let home = match &begins {
        Some(begins) => Ok(Some(begins.clone())),
        None => home(app, access, &incoming, &at_hand).await,
    };
    let home = home.and_then(|home| delete::home(home, &gone));
    let known = home.as_ref().ok().and_then(Option::as_ref);
    pointers.check(&incoming, &at_hand, known)?;
    not_ours(&incoming, &at_hand)?;
    directory_stays(access, &incoming, &at_hand)?;
    delete::check(app, access, &gone, &incoming, &pointers).await?;
    let keys: Vec<Key> = incoming.iter().map(|i| i.resource.key.clone()).collect();
    let keys: Vec<Key> = keys
        .into_iter()
        .chain(gone.iter().map(|row| row.key.clone()))
        .collect();
    let stored = match home? {
        Some(home) if begins.is_some() => {
            opening::open(app, access, name, (&home, incoming), &at_hand).await?
        }
        Some(home) => within(app, access, name, (&home, incoming, gone), &at_hand).await?,
        None => plain(app, access, name, (incoming, gone), &at_hand).await?,
    };
    let view = app.store.view(access);
    let find = |key: &Key| stored.iter().find(|row| row.key == *key).cloned();
    let written = keys.iter().filter_map(find);
    written.map(|row| view.seen(row)).collect()
}

/// Stores what is of an episode by its rules, and in the same transaction what is of other patients or of none.
async fn within(
    app: &App,
    access: &Access,
    name: &'static str,
    (home, incoming, gone): (&Home, Vec<Incoming>, Vec<Stored>),
    at_hand: &AtHand,
) -> Result<Vec<Stored>> {
    let steps = condition::steps(app, access, &incoming);
    let (told, incoming) = provenance::apart(access, incoming, at_hand)?;
    let (own, beside): (Vec<Incoming>, Vec<Incoming>) =
        incoming.into_iter().partition(|one| is_of(home, one));
    let received = |one: &Incoming| Received {
        resource: one.resource.clone(),
        seen: one.seen,
        over: at_hand.get(&one.resource.key).cloned(),
    };
    let ask = Ask {
        name,
        received: own.iter().map(received).collect(),
        beside: changes(access, beside, at_hand)?,
        told,
        gone,
        seed: app.clock.uuid().to_string(),
        ..Ask::default()
    };
    let base = app.fhir_base();
    let rule = |episode: &mut Episode, loaded: &Loaded, ctx: &Context<'_>| {
        delete::states_nothing(&ask.gone, loaded)?;
        accept(&own, at_hand, episode, loaded, (ctx, &base))
    };
    let conditions = |_: &Done| steps.clone();
    Ok(change(app, access, &home.episode, &ask, rule, conditions)
        .await?
        .stored)
}

/// Whether a resource is taken into the episode: not what is of another patient, outside any episode.
fn is_of(home: &Home, one: &Incoming) -> bool {
    let (patient, episode) = index::compartment(&one.resource.key.kind, &one.resource.value);
    let other = home.patient.is_some() && patient.is_some() && patient != home.patient;
    !other || episode.is_some()
}

/// Resources outside any episode: the directory, and a patient without an episode.
async fn plain(
    app: &App,
    access: &Access,
    name: &'static str,
    (incoming, gone): (Vec<Incoming>, Vec<Stored>),
    at_hand: &AtHand,
) -> Result<Vec<Stored>> {
    let steps = condition::steps(app, access, &incoming);
    let (told, incoming) = provenance::apart(access, incoming, at_hand)?;
    let set = Changes {
        steps,
        told,
        changes: changes(access, incoming, at_hand)?,
        gone,
        ..Changes::default()
    };
    commit(app, access, name, set).await?.map_err(lost)
}

/// The changes that store resources outside any episode.
fn changes(access: &Access, incoming: Vec<Incoming>, at_hand: &AtHand) -> Result<Vec<Change>> {
    let owner = access
        .caller()
        .map(|c| c.organization.clone())
        .ok_or_else(Error::not_found)?;
    let mut out = Vec::with_capacity(incoming.len());
    for one in incoming {
        let over = at_hand.get(&one.resource.key).cloned();
        if let (Some(old), Some(seen)) = (&over, one.seen) {
            kept_by(access, &one, old)?;
            if old.version != seen {
                let text = "If-Match names another version than the present one. Read again.";
                return Err(
                    Error::new(ErrorKind::PreconditionFailed, text).code("version-conflict")
                );
            }
        }
        let by_caller = does(one.seen);
        out.push(Change {
            resource: one.resource,
            over,
            owner: owner.clone(),
            author: owner.clone(),
            class: None,
            episode: None,
            by_caller: Some(by_caller),
            labelling: Labelling::Sent,
        });
    }
    Ok(out)
}
