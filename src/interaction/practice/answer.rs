//! What a command's answer shows: the record, the new flags, the resources that were written.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Result};
use crate::fhir::resource::Key;
use crate::kap::{Episode, Fact, Id};
use crate::mapping;
use crate::store::idempotency::Answer;

/// What a command did: ids only, so that it can be kept without a copy of clinical data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub status: u16,
    pub episode: Id,
    /// The record created or changed.
    pub record: Id,
    /// The episode's version after the command.
    pub version: i64,
    /// New detected issues.
    pub flags: Vec<Id>,
    /// The FHIR resources written, `Type/id`.
    pub resources: Vec<String>,
    /// Of an opening: the ids that the body used, and the service's own for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<Id, Id>,
}

impl Outcome {
    /// The row that keeps it under its idempotency key.
    #[must_use]
    pub fn keep(&self, fingerprint: &str) -> Answer {
        Answer {
            request: fingerprint.into(),
            status: self.status.into(),
            headers: json!(self).to_string().into(),
            body: None,
        }
    }

    /// Reads it back.
    ///
    /// # Errors
    /// `Internal` where the row is not one of [`Outcome::keep`].
    pub fn kept(row: &Answer) -> Result<Self> {
        serde_json::from_str(&row.headers).map_err(Error::internal)
    }
}

/// Ids of the issues that `after` has and `before` had not.
#[must_use]
pub fn new_flags(before: &Episode, after: &Episode) -> Vec<Id> {
    let known = |id: &Id| before.detected_issues.iter().any(|i| i.id == *id);
    after
        .detected_issues
        .iter()
        .map(|i| i.id.clone())
        .filter(|id| !known(id))
        .collect()
}

/// The body of an answer: of what the command did, that which the caller sees. New flags are shown to those who may
/// read issues.
///
/// # Errors
/// Where the store fails.
pub async fn body(
    app: &App,
    access: &Access,
    episode: &Episode,
    outcome: &Outcome,
) -> Result<Value> {
    let seen = Seen::of(app, access, episode, outcome).await?;
    let may = access.allow(Interaction::Read, "DetectedIssue").is_ok();
    let new = episode
        .detected_issues
        .iter()
        .filter(|i| may && outcome.flags.contains(&i.id))
        .filter(|i| seen.has(&Key::new("DetectedIssue", i.id.clone())));
    let flags: Vec<_> = new.collect();
    let resources = outcome.resources.iter().filter(|name| {
        let key = key(name);
        key.is_some_and(|key| seen.has(&key))
    });
    let own = record_key(episode, &outcome.record);
    let record = if own.is_none_or(|key| seen.has(&key)) {
        record(episode, &outcome.record)
    } else {
        Value::Null
    };
    let mut body = json!({
        "id": outcome.record,
        "episodeId": outcome.episode,
        "version": outcome.version,
        "record": record,
        "flags": flags,
        "resources": resources.collect::<Vec<_>>(),
    });
    if seen.has(&Key::new("EpisodeOfCare", outcome.episode.clone())) {
        body["phase"] = json!(episode.phase);
    }
    if !outcome.names.is_empty() {
        body["names"] = json!(outcome.names);
    }
    Ok(body)
}

/// What of a command's doings the caller sees.
enum Seen {
    All,
    These(HashSet<Key>),
}

impl Seen {
    async fn of(app: &App, access: &Access, episode: &Episode, outcome: &Outcome) -> Result<Self> {
        if access.sees_all_of(&episode.organizations.practice.id) {
            return Ok(Self::All);
        }
        let flags = outcome.flags.iter();
        let flags = flags.map(|id| Key::new("DetectedIssue", id.clone()));
        let written = outcome.resources.iter().filter_map(|name| key(name));
        let header = Key::new("EpisodeOfCare", outcome.episode.clone());
        let own = record_key(episode, &outcome.record);
        let asked: Vec<Key> = flags.chain(written).chain([header]).chain(own).collect();
        let found = app.store.view(access).find(&asked).await?;
        Ok(Self::These(found.into_iter().map(|row| row.key).collect()))
    }

    fn has(&self, key: &Key) -> bool {
        match self {
            Self::All => true,
            Self::These(keys) => keys.contains(key),
        }
    }
}

/// The resource of a record; `None` where it is none of its own.
fn record_key(episode: &Episode, id: &Id) -> Option<Key> {
    if *id == episode.episode_id {
        return Some(Key::new("EpisodeOfCare", id.clone()));
    }
    let facts = episode.facts();
    let fact = facts.iter().find(|fact| fact.key().1 == id)?;
    let first = mapping::to_fhir(fact, episode).into_iter().next();
    first.map(|resource| resource.key)
}

fn key(name: &str) -> Option<Key> {
    let (kind, id) = name.split_once('/')?;
    Some(Key::new(kind, Id::new(id)?))
}

/// A record of the episode by its id; a part of a session says which session. `null` where there is none.
#[must_use]
pub fn record(episode: &Episode, id: &Id) -> Value {
    if *id == episode.episode_id {
        return json!({ "phase": episode.phase, "phaseHistory": episode.phase_history });
    }
    if let Some(session) = episode.sessions.iter().find(|s| s.id == *id) {
        return json!(session);
    }
    episode
        .facts()
        .into_iter()
        .find(|fact| fact.key().1 == id)
        .map_or(Value::Null, |fact| content(&fact))
}

fn content(fact: &Fact) -> Value {
    let part = |session: &Id, mut value: Value| {
        value["sessionId"] = json!(session);
        value
    };
    match fact {
        Fact::Header(_) => Value::Null,
        Fact::Patient(x) => json!(x),
        Fact::Member(x) => json!(x),
        Fact::RelatedPerson(x) => json!(x),
        Fact::Problem(x) => json!(x),
        Fact::Allergy(x) => json!(x),
        Fact::HomeMedicine(x) => json!(x),
        Fact::Consent(x) => json!(x),
        Fact::Referral(x) => json!(x),
        Fact::Screening(x) => json!(x),
        Fact::Issue(x) => json!(x),
        Fact::Clearance(x) => json!(x),
        Fact::Plan(x) => json!(x),
        Fact::Intention(x) => json!(x),
        Fact::Prescription(x) => json!(x),
        Fact::Dispense(x) => json!(x),
        Fact::Inventory(x) => json!(x),
        Fact::Session(x) => json!(x),
        Fact::Vitals { session, vitals } => part(session, json!(vitals)),
        Fact::Dose { session, dose } => part(session, json!(dose)),
        Fact::Checklist { session, checklist } => part(session, json!(checklist)),
        Fact::Effects { session, effects } => part(session, json!(effects)),
        Fact::SideEffect { session, effect } => part(session, json!(effect)),
        Fact::Discharge { session, discharge } => part(session, json!(discharge)),
        Fact::Integration {
            session,
            integration,
        } => part(session, json!(integration)),
        Fact::Outcome(x) => json!(x),
        Fact::AdverseEvent(x) => json!(x),
        Fact::FollowUp(x) => json!(x),
        Fact::Communication(x) => json!(x),
    }
}
