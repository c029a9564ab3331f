//! The one way in: a set of changes becomes one durable transaction.
//!
//! FHIR R4 create and update: <https://hl7.org/fhir/R4/http.html#create>.

use std::time::Instant;

use time::OffsetDateTime;

use super::label::{About, Ages};
use super::provenance::Told;
use super::subscription;
use crate::access::label::Labelling;
use crate::access::{Access, Classes, Interaction, Labels, class};
use crate::app::App;
use crate::audit::event::{Event, Kind as Act};
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::{Key, Resource, Stored};
use crate::fhir::{index, security};
use crate::kap::base::Id;
use crate::store;
use crate::store::audit;
use crate::store::resource::Draft;
use crate::store::sql::{Conflict, Step};
use crate::store::view::tokens;

/// Types that belong to the directory or to the patient as a whole, never to one episode.
const SHARED: &[&str] = &[
    "AllergyIntolerance",
    "Condition",
    "Endpoint",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "RelatedPerson",
];

/// A resource to store: new, or over the version that was read.
#[derive(Clone, Debug)]
pub struct Change {
    pub resource: Resource,
    /// The version that this one follows; `None` for a new resource.
    pub over: Option<Stored>,
    /// The organization that owns the record.
    pub owner: Id,
    /// The organization that writes it; later versions keep the author of the first.
    pub author: Id,
    /// What class of data it is, where the resource itself does not say it.
    pub class: Option<Classes>,
    /// The episode, where the resource itself does not say it.
    pub episode: Option<Id>,
    /// What the caller does with it; `None` where the service writes it of its own accord.
    pub by_caller: Option<Interaction>,
    /// Where the labels that it states come from.
    pub labelling: Labelling,
}

/// A set of changes that happen together or not at all.
#[derive(Debug, Default)]
pub struct Changes {
    pub changes: Vec<Change>,
    /// Provenances that a client sent.
    pub told: Vec<Told>,
    /// What is deleted: the present version of each, whole.
    pub gone: Vec<Stored>,
    /// What is known of the patient already; of others it is looked up.
    pub about: Option<About>,
    /// A word for the audit on what was done.
    pub detail: Option<String>,
    /// Guards and rows beside the resources: the episode's version, parties, the idempotency record.
    pub steps: Vec<Step>,
}

/// Stores everything in one transaction. `Err(Conflict)` inside `Ok`: a guard did not hold, nothing was stored.
/// When it returns `Ok(Ok(_))`, the change is durable.
///
/// # Errors
/// Where the store fails.
pub async fn commit(
    app: &App,
    access: &Access,
    name: &'static str,
    set: Changes,
) -> Result<std::result::Result<Vec<Stored>, Conflict>> {
    let started = Instant::now();
    let ages = Ages::of(app, access, &set).await?;
    let about = set.about.as_ref().map(|about| about.patient.clone());
    let mut steps = set.steps;
    let mut drafts = Vec::with_capacity(set.changes.len() + set.gone.len());
    let mut stored = Vec::with_capacity(set.changes.len());
    let mut events = Vec::with_capacity(set.changes.len());
    let mut news = Vec::new();
    for change in set.changes {
        let (asked, over) = (change.by_caller, change.over.clone());
        let labelling = change.labelling;
        let (draft, row) = draft(app, &ages, about.as_ref(), change)?;
        if let Some(interaction) = asked {
            narrowed(access, interaction, &draft, over.as_ref())?;
        }
        let event = changed(access, &draft, labelling);
        events.push(match &set.detail {
            Some(detail) => event.detail(detail.as_str()),
            None => event,
        });
        news.extend(subscription::happenings(&draft, over.as_ref()));
        drafts.push(draft);
        stored.push(row);
    }
    for told in set.told {
        let (change, patient) = told.placed(&drafts)?;
        let (mut draft, mut row) = draft(app, &ages, None, change)?;
        (draft.patient, row.patient) = (patient.clone(), patient);
        narrowed(access, Interaction::Create, &draft, None)?;
        events.push(changed(access, &draft, Labelling::Sent));
        drafts.push(draft);
        stored.push(row);
    }
    for old in set.gone {
        let (draft, row) = deletion(app, &old);
        narrowed(access, Interaction::Delete, &draft, Some(&old))?;
        events.push(changed(access, &draft, Labelling::Sent));
        drafts.push(draft);
        stored.push(row);
    }
    steps.extend(rows(access.tenant(), drafts));
    if events.is_empty() {
        events.push(access.event(Act::Operation).detail(name));
    }
    steps.extend(audit::steps(access.tenant(), app.recorder.rows(events)));
    steps.extend(subscription::steps(access.tenant(), &news));
    let done = app.store.write(name, steps).await?;
    app.metrics.commit(name, started.elapsed());
    if let Err(conflict) = done {
        app.metrics.conflict(conflict.guard);
        return Ok(Err(conflict));
    }
    if let Some(trail) = access.trail() {
        trail.written();
    }
    app.sends.put(news.len());
    app.sends.wake_partners();
    Ok(Ok(stored))
}

/// The steps that store the drafts. All writers take the rows of records in one order, so that none waits for the other.
fn rows(tenant: &str, mut drafts: Vec<Draft>) -> Vec<Step> {
    drafts.sort_by(|a, b| a.key.cmp(&b.key));
    let step = |draft: &Draft| match (draft.version, &draft.body) {
        (1, _) => store::resource::create(tenant, draft),
        (n, Some(_)) => store::resource::update(tenant, draft, n - 1),
        (n, None) => store::resource::delete(tenant, draft, n - 1),
    };
    drafts.iter().flat_map(step).collect()
}

/// Where the caller's scopes are narrowed, what it writes is of what they speak of, and what it replaces was.
///
/// # Errors
/// `Forbidden` where it is not.
fn narrowed(
    access: &Access,
    interaction: Interaction,
    draft: &Draft,
    over: Option<&Stored>,
) -> Result<()> {
    let kind = &draft.key.kind;
    if access.narrowed(interaction, kind).is_none() {
        return Ok(());
    }
    if let Some(over) = over {
        let value = over
            .value()
            .ok_or_else(|| Error::internal("what a narrowed scope replaces has no body"))?;
        access.check(interaction, kind, &tokens(&index::extract(kind, &value)))?;
    }
    if draft.body.is_none() {
        return Ok(());
    }
    access.check(interaction, kind, &tokens(&draft.entries))
}

/// The event of a version that is stored.
fn changed(access: &Access, draft: &Draft, labelling: Labelling) -> Event {
    let kind = match (&draft.body, draft.version) {
        (Some(_), _) if matches!(labelling, Labelling::Lowered(_)) => Act::LabelLower,
        (None, _) => Act::Delete,
        (Some(_), 1) => Act::Create,
        (Some(_), _) => Act::Update,
    };
    let Key { kind: of_type, id } = &draft.key;
    let event = access
        .event(kind)
        .target(of_type, id.as_str(), Some(draft.version));
    event.patient(draft.patient.as_ref().map(Id::as_str))
}

/// What hangs off an episode is of its patient, whether the resource itself says so or not.
fn draft(app: &App, ages: &Ages, about: Option<&Id>, change: Change) -> Result<(Draft, Stored)> {
    let labelled = ages.labelled(&change)?;
    let Change {
        resource,
        over,
        owner,
        author,
        class: given,
        episode,
        by_caller: _,
        labelling: _,
    } = change;
    let class = class::of(&resource.key.kind, &resource.value, labelled.labels);
    let resource = security::relabelled(resource, &labelled.drop, &labelled.add)?;
    let author = over.as_ref().map_or(author, |old| old.author.clone());
    let before = over.as_ref().and_then(|old| old.patient.clone());
    let version = over.as_ref().map_or(1, |old| old.version + 1);
    let at = app
        .clock
        .millis()
        .max(over.as_ref().map_or(0, |old| old.at + 1));
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000)
        .map_err(Error::internal)?;
    let body: std::sync::Arc<str> = resource.stamped(version, moment)?.into();
    let (patient, said) = index::compartment(&resource.key.kind, &resource.value);
    let entries = index::extract(&resource.key.kind, &resource.value);
    let kind = resource.key.kind.clone();
    let episode = said.or(episode).filter(|_| !SHARED.contains(&&*kind));
    let draft = Draft {
        key: resource.key,
        version,
        at,
        patient: patient.or_else(|| about.cloned().or(before).filter(|_| episode.is_some())),
        episode,
        owner,
        author,
        labels: labelled.labels,
        lowered: labelled.lowered,
        class: given.unwrap_or(class),
        body: Some(body),
        entries,
    };
    let row = Stored {
        key: draft.key.clone(),
        version,
        at,
        patient: draft.patient.clone(),
        episode: draft.episode.clone(),
        owner: draft.owner.clone(),
        author: draft.author.clone(),
        labels: draft.labels.bits(),
        lowered: draft.lowered.bits(),
        body: draft.body.clone(),
        redacted: None,
    };
    Ok((draft, row))
}

/// The version that takes a record out: it is of the same patient, episode and class, so that those alone who saw the
/// record learn that it is gone.
fn deletion(app: &App, old: &Stored) -> (Draft, Stored) {
    let labels = Labels::from_bits(old.labels);
    let value = old.value().unwrap_or_default();
    let row = Stored {
        version: old.version + 1,
        at: app.clock.millis().max(old.at + 1),
        body: None,
        ..old.clone()
    };
    let draft = Draft {
        key: row.key.clone(),
        version: row.version,
        at: row.at,
        patient: row.patient.clone(),
        episode: row.episode.clone(),
        owner: row.owner.clone(),
        author: row.author.clone(),
        labels,
        lowered: Labels::from_bits(old.lowered),
        class: class::of(&old.key.kind, &value, labels),
        body: None,
        entries: vec![],
    };
    (draft, row)
}

/// The error of a write that lost a race and could not be tried again.
#[must_use]
pub fn lost(conflict: Conflict) -> Error {
    let text = format!(
        "Another write came first ({}). Read again, then repeat.",
        conflict.guard
    );
    Error::new(Kind::Conflict, text).code("version-conflict")
}
