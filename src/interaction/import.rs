//! Moving a practice in: resources of another system become records here, through the same rules as what a client sends.
//!
//! Ids are made of the source's name and the resource's own id there, so that references can be written anew before what they
//! name is stored, and so that an import that is run again, or goes on after it was broken off, stores nothing twice.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::definitions;
use super::pointers::Pointers;
use super::write::{Incoming, OPENED_ELSEWHERE, create};
use crate::access::{Access, Caller, Role, Scopes};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::reference::local;
use crate::fhir::resource::{Key, Resource};
use crate::fhir::rewrite::strings;
use crate::kap::Id;

/// What ids are made under.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b61_705f_696d_706f_8274_0000_0000_0001);

/// In what order types are stored: what others refer to comes first.
const ORDER: [&[&str]; 3] = [
    &["Organization", "Practitioner", "Medication", "Endpoint"],
    &["PractitionerRole", "Patient"],
    &[
        "RelatedPerson",
        "Encounter",
        "Condition",
        "AllergyIntolerance",
    ],
];

/// How many rounds of types there are.
pub const ROUNDS: usize = ORDER.len() + 1;

/// The round in which a type is stored.
#[must_use]
pub fn round(kind: &str) -> usize {
    let found = ORDER.iter().position(|kinds| kinds.contains(&kind));
    found.unwrap_or(ORDER.len())
}

/// What became of a resource.
#[derive(Debug)]
pub enum Outcome {
    /// It was stored; in a dry run, it could be read.
    New,
    /// It was there already.
    Known,
    Refused(Error),
}

/// An import into the record of one practice.
#[derive(Debug)]
pub struct Import<'a> {
    app: &'a App,
    access: Access,
    source: String,
    /// What references say, and what they will say.
    named: HashMap<String, Key>,
}

/// The beginning of a resource.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    resource_type: String,
    id: Option<String>,
}

impl<'a> Import<'a> {
    /// An import for the practice `organization` from the system that is called `source`.
    ///
    /// # Errors
    /// `Internal` where the service cannot name itself.
    pub fn new(app: &'a App, organization: Id, source: &str) -> Result<Self> {
        let caller = Caller {
            client: "import".into(),
            organization,
            role: Role::PracticeTherapist,
            scopes: Scopes::parse("system/*.cruds").map_err(|e| Error::internal(e.to_string()))?,
            purpose: "TREAT".into(),
            token: "-".into(),
        };
        let access = Access::of(app.tenant.clone(), caller, app.clock.millis());
        Ok(Self {
            app,
            access: access.under(app.disclosure),
            source: source.to_owned(),
            named: HashMap::new(),
        })
    }

    /// Takes note of a resource: it can be referred to from now on. Gives its type.
    ///
    /// # Errors
    /// `Invalid` where it is no resource.
    pub fn learn(&mut self, text: &str, full_url: Option<&str>) -> Result<Arc<str>> {
        let (key, own) = self.key(text, full_url)?;
        let kind = key.kind.clone();
        if let Some(url) = full_url {
            self.named.insert(url.to_owned(), key.clone());
        }
        if let Some(own) = own {
            self.named.insert(own, key);
        }
        Ok(kind)
    }

    /// The key that it will have, and how references of its source name it.
    fn key(&self, text: &str, full_url: Option<&str>) -> Result<(Key, Option<String>)> {
        let head: Head = serde_json::from_str(text).map_err(|cause| {
            let text = "This is no FHIR resource in JSON.";
            Error::new(Kind::Invalid, text)
                .issue_code("structure")
                .because(cause)
        })?;
        let own = head.id.map(|id| format!("{}/{id}", head.resource_type));
        let seed = match (&own, full_url) {
            (Some(own), _) => own.clone(),
            (None, Some(url)) => url.to_owned(),
            // The same text is the same resource.
            (None, None) => format!("{:x?}", Sha256::digest(text)),
        };
        let name = format!("{}\n{}\n{seed}", self.organization(), self.source);
        let id = Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string();
        let id = Id::new(id).ok_or_else(|| Error::internal("a UUID that is no id"))?;
        Ok((Key::new(&head.resource_type, id), own))
    }

    fn organization(&self) -> &str {
        self.access.caller().map_or("", |c| c.organization.as_str())
    }

    /// What a reference says here; `None` where it names nothing that is imported.
    fn here(&self, said: &str) -> Option<String> {
        let found = self.named.get(said).map(ToString::to_string);
        found.or_else(|| {
            // Without its version, or without the address of its server.
            let plain = said.split("/_history/").next()?;
            let mut steps = plain.rsplitn(3, '/');
            let (id, kind) = (steps.next()?, steps.next()?);
            let key = format!("{kind}/{id}");
            local(&key)?;
            self.named.get(&key).map(ToString::to_string)
        })
    }

    /// Stores a resource, unless it is there; in a dry run it is only read.
    pub async fn take(&self, text: &str, full_url: Option<&str>, dry: bool) -> Outcome {
        match self.taken(text, full_url, dry).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Refused(error),
        }
    }

    async fn taken(&self, text: &str, full_url: Option<&str>, dry: bool) -> Result<Outcome> {
        let (key, _) = self.key(text, full_url)?;
        let view = self.app.store.view(&self.access);
        if view.lookup(&key).await?.is_some() {
            return Ok(Outcome::Known);
        }
        let again = strings(text, |member, said| {
            self.here(said).filter(|_| member == "reference")
        });
        let id = key.id.clone();
        let resource = Resource::received(again.as_bytes(), None, None, || id)?;
        if &*key.kind == OPENED_ELSEWHERE {
            let text = "An episode of care is not imported, because more than one record makes it: open it with POST \
                /kap/v1/episodes, then import the records of its time, which become those of the patient's open episode. \
                Courses that ended before are told by their other records.";
            let error = Error::new(Kind::Unprocessable, text).issue_code("not-supported");
            return Err(error.at(OPENED_ELSEWHERE));
        }
        if dry {
            self.resolves(&resource).await?;
            return Ok(Outcome::New);
        }
        create(self.app, &self.access, resource, None).await?;
        Ok(Outcome::New)
    }
}

impl Import<'_> {
    /// Whether each reference names something: a resource that is imported too, a record that is there, or what is elsewhere.
    /// Whether it may be named there is asked when it is stored.
    async fn resolves(&self, resource: &Resource) -> Result<()> {
        let imported: HashSet<&Key> = self.named.values().collect();
        let incoming = [Incoming {
            resource: resource.clone(),
            seen: None,
            entry: None,
            unless: None,
        }];
        let pointers = Pointers::of(&incoming, &self.app.fhir_base());
        let mut there = HashSet::new();
        for key in pointers.keys() {
            let known = imported.contains(key)
                || definitions::read(&key.kind, key.id.as_str()).is_ok()
                || self.app.store.view(&self.access).has(key).await?;
            if known {
                there.insert(key.clone());
            }
        }
        pointers.resolve(&incoming, &|key| there.contains(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_refer_to_comes_first() {
        assert!(round("Organization") < round("PractitionerRole"));
        assert!(round("Patient") < round("Encounter"));
        assert!(round("Encounter") < round("Observation"));
        assert_eq!(round("Observation"), ROUNDS - 1);
    }
}
