//! What incoming resources refer to: records of this patient, the directory, each other, and nothing else of this service
//! (<https://hl7.org/fhir/R4/references.html>).

use std::collections::{HashMap, HashSet};

use super::at_hand::AtHand;
use super::definitions;
use super::home::Home;
use super::provenance;
use super::write::Incoming;
use crate::error::{Error, Issue, Kind as ErrorKind, Result};
use crate::fhir::index;
use crate::fhir::reference::{Found, Target, references, target};
use crate::fhir::resource::{Key, Resource, Stored};
use crate::kap::Id;

/// Types that describe organizations, staff, products and forms: anyone may refer to them where they are of no patient.
const DIRECTORY: &[&str] = &[
    "Endpoint",
    "HealthcareService",
    "Location",
    "Medication",
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Questionnaire",
];
/// Most references of one answer.
const MOST: usize = 200;

/// A reference, and the incoming resource in which it stands.
#[derive(Debug)]
struct Pointer {
    from: usize,
    found: Found,
    target: Target,
}

/// Every literal reference of the incoming resources.
#[derive(Debug)]
pub struct Pointers(Vec<Pointer>);

impl Pointers {
    /// Reads them; `base` is the URL of this server's FHIR API.
    #[must_use]
    pub fn of(incoming: &[Incoming], base: &str) -> Self {
        let mut all = Vec::new();
        for (from, one) in incoming.iter().enumerate() {
            for found in references(&one.resource.key.kind, &one.resource.value) {
                let target = target(&found.text, base);
                all.push(Pointer {
                    from,
                    found,
                    target,
                });
            }
        }
        Self(all)
    }

    /// The resources of this server that are referred to.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.iter().filter_map(|pointer| match &pointer.target {
            Target::Here(key) => Some(key),
            _ => None,
        })
    }

    /// Whether each reference names what the resource may speak of. What the stored version says already may stay.
    ///
    /// # Errors
    /// `Unprocessable` with every reference that does not. What is missing, what the caller does not see and what is
    /// another patient's are one answer.
    pub fn check(
        &self,
        incoming: &[Incoming],
        at_hand: &AtHand,
        home: Option<&Home>,
    ) -> Result<()> {
        let own: HashMap<&Key, &Resource> = incoming
            .iter()
            .map(|i| (&i.resource.key, &i.resource))
            .collect();
        let scopes: Vec<Scope> = incoming
            .iter()
            .map(|i| Scope::of(i, at_hand, home))
            .collect();
        let faults = self.0.iter().filter_map(|pointer| {
            let (one, scope) = (&incoming[pointer.from], &scopes[pointer.from]);
            // What is contained is of this version alone.
            let is_outside = !matches!(pointer.target, Target::Contained(_));
            if is_outside && scope.said.contains(&pointer.found.text) {
                return None;
            }
            let there = |key: &Key| {
                own.contains_key(key)
                    || at_hand.get(key).is_some_and(|row| scope.holds(row))
                    || definitions::read(&key.kind, key.id.as_str()).is_ok()
            };
            pointer.fault(one, &there)
        });
        refuse(faults.collect())
    }

    /// Whether each reference names something that `there` knows, whosever it is.
    ///
    /// # Errors
    /// As [`Pointers::check`].
    pub fn resolve(&self, incoming: &[Incoming], there: &dyn Fn(&Key) -> bool) -> Result<()> {
        let faults = self.0.iter();
        let faults = faults.filter_map(|pointer| pointer.fault(&incoming[pointer.from], there));
        refuse(faults.collect())
    }
}

fn refuse(mut issues: Vec<Issue>) -> Result<()> {
    if issues.is_empty() {
        return Ok(());
    }
    issues.truncate(MOST);
    Err(Error::with_issues(ErrorKind::Unprocessable, issues))
}

impl Pointer {
    /// What is wrong with it, where of the records of this server those are meant that are `there`.
    fn fault(&self, one: &Incoming, there: &dyn Fn(&Key) -> bool) -> Option<Issue> {
        let said = self.found.kind.as_deref();
        let fault = match &self.target {
            Target::Contained(id) => contained(&one.resource, id, said),
            Target::Here(key) => {
                let other = said.is_some_and(|said| said != &*key.kind);
                (!there(key)).then_some(RECORD).or(other.then_some(TYPE))
            }
            Target::Elsewhere => None,
            Target::Urn => Some(URN),
            Target::Nothing => Some(FORM),
        };
        fault.map(|fault| one.place(issue(fault, self.found.at.clone())))
    }
}

/// An issue's type and text. The form of a reference is the sender's own and may be named; what the store holds may not.
type Fault = (&'static str, &'static str);

const RECORD: Fault = (
    "not-found",
    "Reference not resolvable: it names no record that this client sees and that is of this patient or of the directory.",
);
const URN: Fault = (
    "not-found",
    "Reference not resolvable: a urn names an entry of the same transaction by its fullUrl, and no entry has this one.",
);
const CONTAINED: Fault = (
    "not-found",
    "Reference not resolvable: the resource contains no resource of this id.",
);
const FORM: Fault = (
    "value",
    "Reference not resolvable: it is written Type/id, Type/id/_history/version, #id or as an absolute http(s) URL; \
     Type?criteria, in a transaction alone, must have exactly one match.",
);
const TYPE: Fault = (
    "value",
    "The type of the reference is not the type of what it names.",
);

fn issue((code, text): Fault, at: String) -> Issue {
    Issue {
        code: Some(code),
        text: text.to_owned(),
        at: Some(at),
        ..Issue::default()
    }
}

/// What is wrong with a reference to the contained resource `id`, or to the resource itself where `id` is empty.
fn contained(resource: &Resource, id: &str, said: Option<&str>) -> Option<Fault> {
    let mut all = resource.value["contained"].as_array().into_iter().flatten();
    let named = match id {
        "" => Some(&resource.value),
        id => all.find(|inner| inner["id"] == id),
    };
    let Some(named) = named else {
        return Some(CONTAINED);
    };
    said.is_some_and(|said| named["resourceType"] != said)
        .then_some(TYPE)
}

/// What one incoming resource may refer to.
#[derive(Debug)]
struct Scope {
    episode: Option<Id>,
    patient: Option<Id>,
    /// What the version that it replaces refers to.
    said: HashSet<String>,
    /// It is a Group, whose members are patients.
    roster: bool,
}

impl Scope {
    fn of(one: &Incoming, at_hand: &AtHand, home: Option<&Home>) -> Self {
        let Resource { key, value, .. } = &one.resource;
        let (patient, _) = index::compartment(&key.kind, value);
        let told = provenance::about(one, at_hand);
        let old = at_hand.get(key).and_then(Stored::value);
        let said = old.map(|old| references(&key.kind, &old));
        // The directory is everyone's to read: it speaks of no patient.
        let home = home.filter(|_| patient.is_some() || !DIRECTORY.contains(&&*key.kind));
        // What is of another patient is stored beside the episode and knows nothing of it.
        let other =
            |home: &&Home| home.patient.is_some() && patient.is_some() && home.patient != patient;
        let home = home.filter(|home| !other(home));
        // A Provenance is where its targets are, whatever else the transaction is of.
        let (episode, patient) = match (told, home) {
            (Some(row), _) => (row.episode.clone(), row.patient.clone()),
            (None, Some(home)) => (Some(home.episode.clone()), home.patient.clone()),
            (None, None) => (None, patient),
        };
        Self {
            episode,
            patient,
            said: said.into_iter().flatten().map(|found| found.text).collect(),
            roster: &*key.kind == "Group",
        }
    }

    fn holds(&self, row: &Stored) -> bool {
        match &row.patient {
            Some(_) if self.roster => &*row.key.kind == "Patient",
            Some(patient) => Some(patient) == self.patient.as_ref(),
            None => {
                DIRECTORY.contains(&&*row.key.kind)
                    || (row.episode.is_some() && row.episode == self.episode)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn id(text: &str) -> Id {
        Id::new(text).expect("an id")
    }

    fn message(about: &str) -> Value {
        json!({"resourceType": "Communication", "id": "m", "status": "completed", "subject": {"reference": "Patient/p"},
            "about": [{"reference": about}]})
    }

    fn row(kind: &str, name: &str, value: &Value) -> (Key, Stored) {
        let key = Key::new(kind, id(name));
        let row = Stored {
            key: key.clone(),
            version: 1,
            at: 0,
            patient: Some(id("p")),
            episode: None,
            owner: id("o"),
            author: id("o"),
            labels: 0,
            lowered: 0,
            body: Some(value.to_string().into()),
            redacted: None,
        };
        (key, row)
    }

    #[test]
    fn what_the_stored_version_refers_to_may_stay_though_it_is_hidden_by_now() {
        let value = message("Observation/hidden");
        let text = value.to_string();
        let resource = Resource::received(text.as_bytes(), None, Some(&id("m")), Id::default);
        let incoming = [Incoming {
            resource: resource.expect("a resource"),
            seen: Some(1),
            entry: None,
            unless: None,
        }];
        let check = |old: &Value| {
            let at_hand: AtHand = [
                row("Communication", "m", old),
                row("Patient", "p", &json!({})),
            ]
            .into();
            Pointers::of(&incoming, "https://h/fhir").check(&incoming, &at_hand, None)
        };
        assert!(check(&value).is_ok());
        let error = check(&message("Observation/seen")).expect_err("a new reference");
        assert_eq!(error.issues.len(), 1);
        assert_eq!(
            error.issues[0].at.as_deref(),
            Some("Communication.about[0]")
        );
    }
}
