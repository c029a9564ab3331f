//! FHIR R4 create and update: <https://hl7.org/fhir/R4/http.html#create>, <https://hl7.org/fhir/R4/http.html#update>.
//!
//! A resource of an episode goes through the same rules as the practice's command for it.

use std::collections::HashMap;

use super::accept::accept;
use super::at_hand::{self, AtHand, directory_stays, kept_by, not_ours};
use super::audit::shown;
use super::commit::{Change, Changes, commit, lost};
use super::episode::{Ask, Received, change};
use super::pointers::{Home, Pointers};
use super::reading::Loaded;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::audit::Kind as Act;
use crate::error::{Error, Issue, Kind as ErrorKind, Result};
use crate::fhir::index;
use crate::fhir::reference::local;
use crate::fhir::resource::{Key, Resource, Stored};
use crate::fhir::search::{Handling, SearchQuery, Total, pairs};
use crate::kap::act::Context;
use crate::kap::{Episode, Id, Kind, Phase};
use crate::mapping::expression::{expression, full};
use crate::store::view::EpisodeFilter;

/// Types that may stand outside any episode: the directory, and what belongs to the patient as a whole.
const FREE: &[&str] = &[
    "AllergyIntolerance",
    "Condition",
    "Endpoint",
    "Medication",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "RelatedPerson",
];

/// The type that no client creates as FHIR.
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
        resource,
        seen: None,
        entry: None,
        unless: query,
    };
    one(write(app, access, "fhir create", vec![incoming]).await?).map(Created::New)
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

/// An update never moves a record to another patient or episode.
///
/// # Errors
/// `Unprocessable` where it does.
pub fn unmoved(old: &Stored, new: &Resource) -> Result<()> {
    let (patient, episode) = index::compartment(&new.key.kind, &new.value);
    // A type without a patient of its own is of the patient of its episode.
    let own = index::tells_patient(&new.key.kind);
    if (old.patient == patient || !own) && (episode.is_none() || old.episode == episode) {
        return Ok(());
    }
    let text = "An update cannot move a record to another patient or episode.";
    Err(Error::new(ErrorKind::Unprocessable, text).at(format!("{}.subject", new.key.kind)))
}

/// The criteria of a conditional create, and the one resource that meets them
/// (<https://hl7.org/fhir/R4/http.html#ccreate>).
///
/// # Errors
/// `PreconditionFailed` where there are no criteria or several resources meet them.
pub async fn existing(
    app: &App,
    access: &Access,
    kind: &str,
    criteria: &str,
) -> Result<(SearchQuery, Option<Stored>)> {
    let (query, mut matches) = matching(app, access, kind, criteria).await?;
    if query.filters.is_empty() {
        let text = "A conditional create needs a criterion.";
        return Err(Error::new(ErrorKind::PreconditionFailed, text));
    }
    if matches.len() > 1 {
        let text = "More than one resource meets the criteria of the conditional create.";
        return Err(Error::new(ErrorKind::PreconditionFailed, text).issue_code("multiple-matches"));
    }
    Ok((query, matches.pop()))
}

/// The criteria as a search, and what of `kind` meets them: two resources at most, which is one too many.
///
/// # Errors
/// `Forbidden` by role or scope; `Invalid` for criteria that cannot be read.
pub async fn matching(
    app: &App,
    access: &Access,
    kind: &str,
    criteria: &str,
) -> Result<(SearchQuery, Vec<Stored>)> {
    access.allow(Interaction::Search, kind)?;
    let parameters = pairs(criteria.trim_start_matches('?'))?;
    let (query, _) = SearchQuery::parse(kind, &parameters, Handling::Strict)?;
    let mut query = query.relative_to(&app.fhir_base());
    // How many to show, and what beside them, is no question here.
    query.page.count = 2;
    (query.page.cursor, query.page.total) = (None, Total::None);
    query.include.clear();
    let matches = app.store.view(access).search(&query).await?.matches;
    Ok((query, matches))
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
    super::label::check(&incoming)?;
    super::consent::check_shapes(&incoming)?;
    no_opening(&incoming)?;
    let pointers = Pointers::of(&incoming, &app.fhir_base());
    let at_hand = at_hand::read(app, access, &incoming, &pointers).await?;
    let home = home(app, access, &incoming, &at_hand).await;
    let known = home.as_ref().ok().and_then(Option::as_ref);
    pointers.check(&incoming, &at_hand, known)?;
    not_ours(&incoming, &at_hand)?;
    directory_stays(access, &incoming, &at_hand)?;
    let keys: Vec<Key> = incoming.iter().map(|i| i.resource.key.clone()).collect();
    let stored = match home? {
        Some(Home { episode: id, .. }) => {
            let received = |one: &Incoming| Received {
                resource: one.resource.clone(),
                seen: one.seen,
                over: at_hand.get(&one.resource.key).cloned(),
            };
            let ask = Ask {
                name,
                received: incoming.iter().map(received).collect(),
                seed: app.clock.uuid().to_string(),
                ..Ask::default()
            };
            let rule = |episode: &mut Episode, loaded: &Loaded, ctx: &Context<'_>| {
                accept(&incoming, &at_hand, episode, loaded, ctx)
            };
            change(app, access, &id, &ask, rule, |_| vec![])
                .await?
                .stored
        }
        None => plain(app, access, name, incoming, &at_hand).await?,
    };
    let find = |key: &Key| stored.iter().find(|row| row.key == *key).cloned();
    Ok(keys.iter().filter_map(find).collect())
}

/// An episode begins with more than its EpisodeOfCare: organizations, team, problems.
fn no_opening(incoming: &[Incoming]) -> Result<()> {
    let opens = |one: &&Incoming| one.seen.is_none() && &*one.resource.key.kind == OPENED_ELSEWHERE;
    let Some(one) = incoming.iter().find(opens) else {
        return Ok(());
    };
    let text =
        "An episode is opened through POST /kap/v1/episodes; as FHIR it is read and updated.";
    let error = Error::new(ErrorKind::Unprocessable, text).issue_code("not-supported");
    Err(one.refused(error, Kind::Header))
}

/// The one episode that these resources hang off, if any.
async fn home(
    app: &App,
    access: &Access,
    incoming: &[Incoming],
    at_hand: &AtHand,
) -> Result<Option<Home>> {
    let mut found: Option<Home> = None;
    let mut open: HashMap<Id, Option<Id>> = HashMap::new();
    let mut homeless = None;
    for one in incoming {
        let (patient, said) = index::compartment(&one.resource.key.kind, &one.resource.value);
        let mut home = said
            .map(|episode| of_episode(episode, at_hand))
            .or_else(|| implied(&one.resource, at_hand));
        if let (None, Some(patient)) = (&home, patient) {
            if !open.contains_key(&patient) {
                let episode = open_episode(app, access, &patient).await?;
                open.insert(patient.clone(), episode);
            }
            let episode = open.get(&patient).cloned().flatten();
            home = episode.map(|episode| Home {
                episode,
                patient: Some(patient),
            });
        }
        match (&found, home) {
            (_, None) if FREE.contains(&&*one.resource.key.kind) => {}
            (_, None) => homeless = Some(one),
            (None, home) => found = home,
            (Some(known), Some(other)) if known.episode == other.episode => {}
            _ => {
                let text = "A transaction changes one episode at a time.";
                return Err(one.refused(Error::new(ErrorKind::Unprocessable, text), Kind::Header));
            }
        }
    }
    match (found, homeless) {
        (None, Some(one)) => Err(one.refused(without_episode(&one.resource), Kind::Header)),
        (found, _) => Ok(found),
    }
}

/// The episode that a resource names, and its patient where the caller sees the episode.
fn of_episode(episode: Id, at_hand: &AtHand) -> Home {
    let header = at_hand.get(&Key::new("EpisodeOfCare", episode.clone()));
    Home {
        episode,
        patient: header.and_then(|row| row.patient.clone()),
    }
}

fn without_episode(resource: &Resource) -> Error {
    let kind = &resource.key.kind;
    let text = "This record says neither by itself nor by its patient of which episode it is.";
    let at = "extension('http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare').value";
    Error::new(ErrorKind::Unprocessable, text)
        .issue_code("required")
        .at(format!("{kind}.{at}"))
}

/// The episode of the version that is replaced, or of the encounter in which the record was made.
fn implied(resource: &Resource, at_hand: &AtHand) -> Option<Home> {
    let of = |row: &Stored| {
        Some(Home {
            episode: row.episode.clone()?,
            patient: row.patient.clone(),
        })
    };
    if let Some(old) = at_hand.get(&resource.key) {
        return of(old);
    }
    ["encounter", "context"].iter().find_map(|name| {
        let text = resource.value[*name]["reference"].as_str()?;
        of(at_hand.get(&local(text)?)?)
    })
}

/// The patient's episode that has not ended, if the caller sees one.
async fn open_episode(app: &App, access: &Access, patient: &Id) -> Result<Option<Id>> {
    let filter = EpisodeFilter {
        patient: Some(patient.clone()),
        ..EpisodeFilter::default()
    };
    let found = app.store.view(access).episodes(&filter, 50, None).await?;
    let open = |phase: &str| Phase::from_code(phase).is_some_and(|p| !p.is_terminal());
    Ok(found
        .heads
        .into_iter()
        .find(|head| open(&head.phase))
        .map(|head| head.episode))
}

/// Resources outside any episode: the directory, and a patient without an episode.
async fn plain(
    app: &App,
    access: &Access,
    name: &'static str,
    incoming: Vec<Incoming>,
    at_hand: &AtHand,
) -> Result<Vec<Stored>> {
    let owner = access
        .caller()
        .map(|c| c.organization.clone())
        .ok_or_else(Error::not_found)?;
    let mut set = Changes::default();
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
        set.changes.push(Change {
            resource: one.resource,
            over,
            owner: owner.clone(),
            author: owner.clone(),
            class: None,
            episode: None,
        });
    }
    commit(app, access, name, set).await?.map_err(lost)
}
