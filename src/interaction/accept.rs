//! Taking in what came as FHIR: the rules of the practice's commands, asked of the facts that the resources state.

use std::collections::HashMap;

use serde_json::Value;

use super::at_hand::AtHand;
use super::consent::{self, Door};
use super::practice::documents;
use super::reading::Loaded;
use super::write::Incoming;
use crate::error::{Error, Issue, Kind as ErrorKind, Result};
use crate::fhir::index;
use crate::fhir::resource::Key;
use crate::kap::act::Context;
use crate::kap::referral::TaskStatus;
use crate::kap::{Episode, Fact, Id, Instant, Kind};
use crate::mapping::exchange::is_copy;
use crate::mapping::marks::may_be_plain;
use crate::mapping::{self, Reading};

/// Applies the facts that `incoming` states to `episode`. Gives the id of the first resource. `base` is the URL of this API.
///
/// # Errors
/// What the rules refuse, said of the sender's own elements.
pub fn accept(
    incoming: &[Incoming],
    at_hand: &AtHand,
    episode: &mut Episode,
    loaded: &Loaded,
    (ctx, base): (&Context<'_>, &str),
) -> Result<Id> {
    of_this_patient(incoming, loaded)?;
    let reading = reading(incoming, at_hand, loaded);
    let entry = |key: &Key| entry_of(incoming, key);
    let unreadable: Vec<Issue> = reading
        .unreadable
        .iter()
        .filter_map(|(key, issue)| Some((entry(key)?, issue)))
        .filter(|(one, _)| !may_be_plain(&one.resource.key.kind, &one.resource.value))
        .map(|(one, issue)| one.place(issue.clone()))
        .collect();
    if !unreadable.is_empty() {
        return Err(Error::with_issues(ErrorKind::Unprocessable, unreadable));
    }
    nothing_vanishes(incoming, &reading, loaded)?;
    let known = loaded.episode.facts();
    let known: HashMap<(Kind, &Id), &Fact> = known.iter().map(|f| (f.key(), f)).collect();
    let mut stated: Vec<(Fact, &Incoming)> = reading
        .facts
        .into_iter()
        .filter_map(|(fact, from)| Some((fact, from.iter().find_map(entry)?)))
        .filter(|(fact, _)| known.get(&fact.key()) != Some(&fact))
        .collect();
    stated.sort_by_key(|(fact, _)| (rank(fact.key().0), taken_at(fact)));
    let mut courses = loaded.values.iter();
    let is_copied = courses.any(|(key, v)| &*key.kind == "EpisodeOfCare" && is_copy(v, base));
    for (fact, from) in stated {
        let kind = fact.key().0;
        if decided_already(&fact, episode) {
            continue;
        }
        if let Fact::Consent(consent) = &fact {
            let known = |id: &Id| at_hand.contains_key(&Key::new("Organization", id.clone()));
            consent::check(consent, episode, known, Door::Fhir)
                .map_err(|error| from.refused(error, kind))?;
        }
        let copied = is_copied && matches!(fact, Fact::Checklist { .. });
        // What was stored says whose it is: an update makes no copy of a record.
        let key = &from.resource.key;
        let said = loaded.value(key).unwrap_or(&from.resource.value);
        let done = if copied || is_copy(said, base) {
            episode.accept_copy(fact, ctx)
        } else {
            episode.accept(fact, ctx)
        };
        done.map_err(|error| from.refused(error, kind))?;
    }
    none_is_due(incoming, &loaded.episode, episode)?;
    let first = incoming.first().map(|i| i.resource.key.id.clone());
    Ok(first.unwrap_or_default())
}

/// A document of this service's is not sent along with what it has to be written anew for.
fn none_is_due(incoming: &[Incoming], before: &Episode, after: &Episode) -> Result<()> {
    let due = |one: &&Incoming| documents::is_due(before, after, &one.resource.key);
    let Some(one) = incoming.iter().find(due) else {
        return Ok(());
    };
    let text = "This service writes this document from the episode, and writes it anew for what is sent with it: leave it out.";
    let issue = Issue {
        text: text.into(),
        ..Issue::default()
    };
    Err(Error::with_issues(
        ErrorKind::Unprocessable,
        vec![one.place(issue)],
    ))
}

/// The one of `incoming` that has this key.
#[must_use]
pub fn entry_of<'i>(incoming: &'i [Incoming], key: &Key) -> Option<&'i Incoming> {
    incoming.iter().find(|one| one.resource.key == *key)
}

/// What everything at hand and the incoming resources say together.
fn reading(incoming: &[Incoming], at_hand: &AtHand, loaded: &Loaded) -> Reading {
    let mut values = loaded.values.clone();
    for (key, row) in at_hand {
        if !loaded.stored.contains_key(key)
            && let Some(value) = row.value()
        {
            values.push((key.clone(), value));
        }
    }
    for Incoming { resource, .. } in incoming {
        match values.iter_mut().find(|(key, _)| *key == resource.key) {
            Some((_, value)) => *value = with_history(value, &resource.value),
            None => values.push((resource.key.clone(), resource.value.clone())),
        }
    }
    mapping::from_fhir(&values)
}

/// A Task as received, with the steps that the stored one remembers: they are no sender's to write or to leave out.
fn with_history(old: &Value, new: &Value) -> Value {
    let mut value = new.clone();
    if new["resourceType"] != "Task" {
        return value;
    }
    let url = mapping::codes::structure("kap-task-event");
    let is_step = |x: &Value| x["url"] == url.as_str();
    let all = |of: &Value| of["extension"].as_array().cloned().unwrap_or_default();
    let mut extensions = all(new);
    extensions.retain(|x| !is_step(x));
    extensions.extend(all(old).into_iter().filter(is_step));
    if !extensions.is_empty() {
        value["extension"] = Value::Array(extensions);
    }
    value
}

/// A decision in the same transaction has completed the referral before its Task says so.
fn decided_already(fact: &Fact, episode: &Episode) -> bool {
    let Fact::Referral(stated) = fact else {
        return false;
    };
    let now = episode.referrals.iter().find(|r| r.id == stated.id);
    stated.task_status() == TaskStatus::Completed
        && now.is_some_and(|r| r.task_status() == TaskStatus::Completed)
}

/// A record of this episode is a record of its patient.
fn of_this_patient(incoming: &[Incoming], loaded: &Loaded) -> Result<()> {
    for one in incoming {
        let key = &one.resource.key;
        let (patient, _) = index::compartment(&key.kind, &one.resource.value);
        if patient.is_some_and(|id| id != loaded.episode.patient.id) {
            let issue = Issue {
                code: Some("value"),
                text: "This is not the patient of the episode.".into(),
                at: Some(format!("{}.subject", key.kind)),
                ..Issue::default()
            };
            let issues = vec![one.place(issue)];
            return Err(Error::with_issues(ErrorKind::Unprocessable, issues));
        }
    }
    Ok(())
}

/// An update may change what a record says, never make it say something else or nothing.
fn nothing_vanishes(incoming: &[Incoming], reading: &Reading, loaded: &Loaded) -> Result<()> {
    if incoming.iter().all(|i| i.seen.is_none()) {
        return Ok(());
    }
    let before = mapping::from_fhir(&loaded.values);
    for (fact, from) in &before.facts {
        let Some(one) = incoming
            .iter()
            .find(|i| from.first() == Some(&i.resource.key))
        else {
            continue;
        };
        if !reading.facts.iter().any(|(f, _)| f.key() == fact.key()) {
            let text = "The update would make this record cease to be what it is. A record is taken \
                        back by the status entered-in-error.";
            let issue = Issue {
                text: text.into(),
                at: Some(one.resource.key.kind.to_string()),
                ..Issue::default()
            };
            let issues = vec![one.place(issue)];
            return Err(Error::with_issues(ErrorKind::Unprocessable, issues));
        }
    }
    Ok(())
}

/// When a dose was given: each is judged by those before it.
const fn taken_at(fact: &Fact) -> Option<Instant> {
    match fact {
        Fact::Dose { dose, .. } => Some(dose.at),
        _ => None,
    }
}

/// What others rest on comes first: a clearance rests on its evaluation session, a dispense on its prescription.
fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Header | Kind::Patient => 0,
        // What is owed or was found already is not owed or found again by what follows from a session.
        Kind::Member | Kind::RelatedPerson | Kind::FollowUp | Kind::Issue => 1,
        Kind::Session => 2,
        Kind::Clearance => 4,
        Kind::Prescription => 5,
        // Units are counted against the ledger.
        Kind::Dispense | Kind::Inventory => 6,
        // A dose is judged by what was known before it, a discharge by the doses and readings.
        Kind::Dose => 8,
        Kind::Discharge => 9,
        _ => 7,
    }
}
