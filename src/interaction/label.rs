//! Labelling what is stored: the rule of `access::label`, told whether the patient was a minor at the event.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::commit::{Change, Changes};
use super::write::Incoming;
use crate::access::label::{self, Labelled, Labelling, Past, Subject};
use crate::access::{Access, Classes, Labels, class};
use crate::app::App;
use crate::error::{Error, Issue, Kind, Result};
use crate::fhir::index::{self, IndexValue};
use crate::fhir::parameter;
use crate::fhir::resource::{Key, Resource};
use crate::kap::base::{Day, Instant};
use crate::kap::calendar::Calendar;
use crate::kap::{Episode, Id};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// What must be known of a patient to tell whether an event was a minor's.
#[derive(Clone, Debug)]
pub struct About {
    pub patient: Id,
    birth: Option<Day>,
    /// The day that counts where a record tells no day of its own.
    otherwise: Day,
    /// The practice's.
    calendar: Calendar,
}

impl About {
    /// What an episode tells of its patient.
    #[must_use]
    pub fn of(episode: &Episode, now: Instant) -> Self {
        let calendar = episode.calendar();
        let began = episode.phase_history.first().map_or(now, |p| p.from);
        Self {
            patient: episode.patient.id.clone(),
            birth: Some(episode.patient.birth_date),
            otherwise: calendar.day(began),
            calendar,
        }
    }

    /// An unknown age is taken for a minor's: absence never grants.
    fn subject(&self, kind: &str, resource: &Resource) -> Subject {
        let Some(birth) = self.birth else {
            return Subject::Minor;
        };
        let day = day(kind, resource, &self.calendar).unwrap_or(self.otherwise);
        if label::is_minor(birth, day) {
            Subject::Minor
        } else {
            Subject::Adult
        }
    }
}

/// The day of the event that a resource tells: its first value of the date by which the type is sorted.
fn day(kind: &str, resource: &Resource, calendar: &Calendar) -> Option<Day> {
    // A person is no event: its date is the day of birth, on which everybody was a minor.
    let name = parameter::sort_date(kind).filter(|name| *name != "birthdate")?;
    let dates = index::extract(kind, &resource.value).into_iter();
    let dates = dates.filter_map(|entry| match entry.value {
        IndexValue::Date(interval) if entry.param == name => Some((interval.lo, interval.hi)),
        _ => None,
    });
    let (from, to) = dates.min()?;
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(from) * 1_000_000).ok()?;
    // What was written as a day is that day, in whatever zone.
    if from.rem_euclid(DAY) == 0 && to.saturating_sub(from) >= DAY {
        return Some(Day(at.date()));
    }
    Some(calendar.day(Instant(at)))
}

/// What was before a change.
fn past(change: &Change) -> Past {
    let Some(over) = &change.over else {
        return Past::default();
    };
    let lowered = Labels::from_bits(over.lowered);
    Past {
        labels: Labels::from_bits(over.labels),
        lowered,
        news: if lowered.is_empty() {
            Labels::NONE
        } else {
            // Where the body is not at hand, everything is new.
            let before = over.value().unwrap_or_default();
            label::of_news(&before, &change.resource.value)
        },
    }
}

/// The patients of a set of changes.
#[derive(Debug, Default)]
pub struct Ages(HashMap<Id, About>);

impl Ages {
    /// What is known of every patient whose records `set` holds.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn of(app: &App, access: &Access, set: &Changes) -> Result<Self> {
        let mut known = HashMap::new();
        if let Some(about) = &set.about {
            known.insert(about.patient.clone(), about.clone());
        }
        for change in &set.changes {
            let key = &change.resource.key;
            let (Some(patient), _) = index::compartment(&key.kind, &change.resource.value) else {
                continue;
            };
            if let Entry::Vacant(place) = known.entry(patient) {
                let patient = place.key();
                let mut sent = set.changes.iter().map(|c| &c.resource);
                let sent = sent.find(|r| &*r.key.kind == "Patient" && r.key.id == *patient);
                let sent = sent.map(|r| &r.value);
                let about = About::look_up(app, access, patient, &change.owner, sent).await?;
                place.insert(about);
            }
        }
        Ok(Self(known))
    }

    /// How what a change stores is labelled.
    ///
    /// # Errors
    /// `Unprocessable` for a psychotherapy note.
    pub fn labelled(&self, change: &Change) -> Result<Labelled> {
        self.label(&change.resource, past(change), change.labelling)
    }

    /// The labels and the class of a record that was never labelled.
    ///
    /// # Errors
    /// As [`Ages::labelled`].
    pub fn judged(&self, resource: &Resource) -> Result<(Labels, Classes)> {
        let labels = self
            .label(resource, Past::default(), Labelling::Sent)?
            .labels;
        let kind = &resource.key.kind;
        Ok((labels, class::of(kind, &resource.value, labels)))
    }

    fn label(&self, resource: &Resource, past: Past, labelling: Labelling) -> Result<Labelled> {
        let kind = &resource.key.kind;
        let (patient, _) = index::compartment(kind, &resource.value);
        let about = patient.and_then(|id| self.0.get(&id));
        let subject = about.map_or(Subject::Adult, |about| about.subject(kind, resource));
        label::label(kind, &resource.value, subject, past, labelling).map_err(|_| {
            let text = "A psychotherapy note has no FHIR form: it is not stored here.";
            Error::new(Kind::Unprocessable, text)
        })
    }
}

impl From<About> for Ages {
    fn from(about: About) -> Self {
        Self(HashMap::from([(about.patient.clone(), about)]))
    }
}

impl About {
    /// What the store, or the Patient `sent` in the same request, tells of a patient outside any episode.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn look_up(
        app: &App,
        access: &Access,
        patient: &Id,
        owner: &Id,
        sent: Option<&serde_json::Value>,
    ) -> Result<Self> {
        let whole = Access::system(
            app.tenant.clone(),
            "labels need the patient's age",
            access.now(),
        );
        let view = app.store.view(&whole);
        let stored = match sent {
            Some(_) => None,
            None => view.lookup(&Key::new("Patient", patient.clone())).await?,
        };
        let stored = stored.and_then(|row| row.value());
        let birth = sent.or(stored.as_ref()).map(|v| v["birthDate"].clone());
        let birth = birth.and_then(|b| b.as_str()?.parse().ok());
        let practice = super::practice::open::organization(app, &whole, owner).await?;
        let calendar = practice.as_ref().map(Calendar::of).unwrap_or_default();
        Ok(Self {
            patient: patient.clone(),
            birth,
            otherwise: calendar.day(Instant(app.clock.now())),
            calendar,
        })
    }

    /// The same, for a record that was written at `at` (milliseconds since 1970).
    #[must_use]
    pub fn at(mut self, at: i64) -> Self {
        let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000);
        if let Ok(at) = at {
            self.otherwise = self.calendar.day(Instant(at));
        }
        self
    }
}

/// Labels that cannot be enforced are refused, and so is what is only a part of a record.
///
/// # Errors
/// `Unprocessable` with each label, said of the sender's own body.
pub fn check(incoming: &[Incoming]) -> Result<()> {
    let mut issues: Vec<Issue> = Vec::new();
    for one in incoming {
        let key = &one.resource.key;
        let refused = label::refused(&key.kind, &one.resource.value);
        issues.extend(refused.into_iter().map(|issue| one.place(issue)));
        if let Some(list) = label::partial(&one.resource.value) {
            let text = "This body says that it is a part of the record (SUBSETTED, REDACTED): send all of it.";
            issues.push(one.place(Issue {
                text: text.into(),
                at: Some(format!("{}.meta.{list}", key.kind)),
                ..Issue::default()
            }));
        }
    }
    if issues.is_empty() {
        return Ok(());
    }
    Err(Error::with_issues(Kind::Unprocessable, issues))
}
