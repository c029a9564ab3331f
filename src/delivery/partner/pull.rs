//! Fetches from a partner's server what changed there since the last time, with an overlap, and takes it in. What does not fit
//! is kept for review and answered; it keeps nothing else back.

mod named;
mod since;

use std::collections::{BTreeMap, HashMap, HashSet};

use reqwest::Method;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::ability::Abilities;
use super::answer;
use super::bundle;
use super::page::{Page, next as next_page};
use super::remote::{Ask, Remote};
use super::trouble::{Failure, Trouble};
use crate::access::Access;
use crate::error::Error;
use crate::fhir::resource::Key;
use crate::interaction::partner::flows;
use crate::interaction::partner::receive;
use crate::kap::Id;
use crate::mapping::exchange::{self, digest, fetched, is_shared, standing};
use crate::store::partner::link::{self, Link};
use crate::store::partner::review::{self, Review};

/// Pages of one type at most: what is left is fetched the next time.
const PAGES: usize = 1000;
/// Records that wait for review and are tried again each time, those first that were not for the longest time.
const AGAIN: i64 = 200;
/// Types that are taken in where a record names them.
const TAKEN_ALONG: &[&str] = &[
    "Encounter",
    "Medication",
    "Practitioner",
    "PractitionerRole",
];
/// How far the people whom a record names are followed.
const DEPTH: usize = 3;

/// What became of fetching.
#[derive(Debug)]
pub(super) struct Pulled {
    /// The newest change that was looked at.
    pub(super) since: String,
    /// What the server does not offer.
    pub(super) said: String,
    /// What was not fetched; the rest was.
    pub(super) trouble: Option<Trouble>,
}

/// A record of theirs.
struct Theirs<'t> {
    kind: &'t str,
    id: &'t str,
    text: &'t str,
    value: &'t Value,
}

/// Fetches and takes in.
pub(super) async fn pull(remote: &Remote<'_>, access: &Access) -> Result<Pulled, Trouble> {
    let abilities = remote.abilities().await?;
    let mut pull = Pull {
        remote,
        access,
        newest: words(&remote.partner.since),
        waiting: HashMap::new(),
        known: HashMap::new(),
        depth: 0,
        held: None,
        begun: remote.app.clock.now(),
    };
    pull.waiting().await?;
    let mut kinds: Vec<&str> = flows(&remote.partner.receives)
        .into_iter()
        .flat_map(|flow| fetched(flow).iter().copied())
        .collect();
    // What names a visit takes it along: visits that nothing names come last, and keep nothing back.
    kinds.sort_by_key(|kind| (exchange::narrowed(kind).is_some(), exchange::rank(kind)));
    let (mut missing, mut trouble, mut was_silent) = (vec![], None::<Trouble>, false);
    for kind in kinds {
        let narrowed = exchange::narrowed(kind);
        // Everybody's visits are not asked for to pick some.
        let narrow = narrowed
            .as_ref()
            .is_none_or(|(name, _)| abilities.finds(kind, name));
        if !narrow || !abilities.can(kind, "search-type") {
            missing.push(kind);
            continue;
        }
        let done = pull.kind(kind, &abilities).await;
        let (held, is_whole) = (pull.held.take(), done.is_ok());
        let Some(refused) = done.err().or(held) else {
            continue;
        };
        // What was not looked at whole is looked at again from where it was.
        pull.go_back(kind);
        let (partner, code) = (&*remote.partner.id, refused.failure.code());
        tracing::warn!(partner, kind, code, "a type is not fetched");
        // One type that is not given keeps no other back; a server that does not answer is not asked for all.
        let silent = refused.failure == Failure::Unheard;
        if !is_alone(refused.failure) && (!silent || was_silent) {
            return Ok(pull.done(&missing, Some(refused)));
        }
        was_silent |= silent;
        if narrowed.is_some() && !is_whole && refused.failure.is_of_one_question() {
            missing.push(kind);
        } else {
            trouble.get_or_insert(refused);
        }
    }
    // What needed something that came with it has it by now.
    pull.waiting().await?;
    let done = match pull.again().await {
        Ok(()) => answer::answer(remote, &abilities).await,
        failed => failed,
    };
    if let Err(refused) = done {
        trouble.get_or_insert(refused);
    }
    Ok(pull.done(&missing, trouble))
}

/// The newest change of each type: the words of `since` are `Type=instant`.
fn words(since: &str) -> BTreeMap<String, String> {
    let words = since.split(' ').filter_map(|word| word.split_once('='));
    words
        .map(|(kind, at)| (kind.to_owned(), at.to_owned()))
        .collect()
}

/// Whether the server may well give other types: it did not give this one, or leads elsewhere with it.
const fn is_alone(failure: Failure) -> bool {
    failure.is_of_one_question() || matches!(failure, Failure::Blocked)
}

/// What is news of a record: of what both write, where it stands.
fn news(kind: &str, value: &Value) -> String {
    if is_shared(kind) {
        digest(&standing(value))
    } else {
        digest(value)
    }
}

fn at(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

struct Pull<'a> {
    remote: &'a Remote<'a>,
    access: &'a Access,
    /// The newest change of each type that was looked at.
    newest: BTreeMap<String, String>,
    /// What waits for review, by its name there, with the digest of what came.
    waiting: HashMap<(String, String), String>,
    /// What records there are here, as far as it was asked.
    known: HashMap<(String, String), Option<Key>>,
    depth: usize,
    /// What stood against looking at a record: whose it is could not be read.
    held: Option<Trouble>,
    /// When it was begun, by the clock here.
    begun: OffsetDateTime,
}

impl Pull<'_> {
    async fn kind(&mut self, kind: &str, abilities: &Abilities) -> Result<(), Trouble> {
        self.begun = self.remote.app.clock.now();
        let mut url = self.first(kind, abilities);
        let mut seen = HashSet::new();
        for _ in 0..PAGES {
            let reply = self.remote.call(Method::GET, &url, Ask::default()).await?;
            if reply.status != 200 {
                return Err(Trouble::refused(&reply));
            }
            let page: Page = serde_json::from_str(&reply.text)
                .map_err(|_| Failure::NotFhir.trouble("a page of a search is no Bundle"))?;
            for entry in &page.entry {
                if let Some(resource) = &entry.resource {
                    self.one(kind, resource.get()).await?;
                }
            }
            let next = page.link.into_iter().find(|link| link.relation == "next");
            let Some(next) = next.map(|link| link.url) else {
                return Ok(());
            };
            url = next_page(&self.remote.partner.base, &next)?;
            if !seen.insert(url.clone()) {
                return Err(Failure::NotFhir.trouble("a search leads in a circle"));
            }
        }
        Ok(())
    }

    /// Takes one record in, unless it came before.
    async fn one(&mut self, wanted: &str, text: &str) -> Result<(), Trouble> {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Ok(());
        };
        let (kind, id) = (&value["resourceType"], &value["id"]);
        let (Some(kind), Some(id)) = (kind.as_str(), id.as_str()) else {
            return Ok(());
        };
        if kind != wanted {
            return Ok(());
        }
        if Id::new(id).is_none() {
            return Ok(());
        }
        let updated = value["meta"]["lastUpdated"].as_str().unwrap_or_default();
        let newest = self.newest.get(kind).and_then(|newest| at(newest));
        if at(updated) > newest && at(updated) <= Some(self.begun) {
            self.newest.insert(kind.to_owned(), updated.to_owned());
        }
        if self.is_own_answer(&value) {
            return Ok(());
        }
        let theirs = Theirs {
            kind,
            id,
            text,
            value: &value,
        };
        let waits = self.waiting.get(&(kind.to_owned(), id.to_owned()));
        if waits.is_some_and(|known| *known == news(kind, &value)) {
            return Ok(());
        }
        match self.take(&theirs).await {
            // It is looked at again the next time; those that follow are looked at now.
            Err(trouble) if trouble.failure.is_of_one_question() => {
                self.held.get_or_insert(trouble);
                Ok(())
            }
            done => done,
        }
    }

    /// Whether it is what this service answered there.
    fn is_own_answer(&self, value: &Value) -> bool {
        let own = format!(
            "{}/partner/{}/",
            self.remote.app.base, self.remote.partner.id
        );
        exchange::identifiers(value)
            .iter()
            .any(|(_, named)| named.starts_with(&own))
    }

    /// Looks up what waits for review.
    async fn waiting(&mut self) -> Result<(), Trouble> {
        let (app, partner) = (self.remote.app, &self.remote.partner.id);
        let all = app.store.reviews_named(&app.tenant, partner).await?;
        let named = |[kind, there, digest]: &[std::sync::Arc<str>; 3]| {
            ((kind.to_string(), there.to_string()), digest.to_string())
        };
        self.waiting = all.iter().map(named).collect();
        Ok(())
    }

    /// What waited is tried again: what it needs may have come meanwhile. What is tried now has its turn after the others.
    async fn again(&mut self) -> Result<(), Trouble> {
        let (app, partner) = (self.remote.app, &self.remote.partner.id);
        let (store, tenant, now) = (&app.store, &app.tenant, app.clock.millis());
        let all = store.reviews_to_try(tenant, partner, AGAIN).await?;
        let tried = all.iter().map(|r| review::tried(tenant, partner, r, now));
        let _ = store.write("partner review", tried.collect()).await?;
        for review in &all {
            let Ok(value) = serde_json::from_str::<Value>(&review.body) else {
                continue;
            };
            let theirs = Theirs {
                kind: &review.kind,
                id: &review.there,
                text: &review.body,
                value: &value,
            };
            match self.take(&theirs).await {
                // It goes on waiting.
                Err(trouble) if trouble.failure.is_of_one_question() => {}
                done => done?,
            }
        }
        Ok(())
    }

    /// The patient here whom a record is about.
    async fn patient(&mut self, theirs: &Theirs<'_>) -> Result<Option<Key>, Trouble> {
        let about = if theirs.kind == "Task" {
            "for"
        } else {
            "subject"
        };
        let about = serde_json::json!({ "of": theirs.value[about] });
        let named = exchange::named(&about, &self.remote.partner.base);
        match named.first() {
            Some(key) if &*key.kind == "Patient" => self.here(&key.kind, key.id.as_str()).await,
            _ => Ok(None),
        }
    }

    async fn take(&mut self, theirs: &Theirs<'_>) -> Result<(), Trouble> {
        let (app, partner) = (self.remote.app, self.remote.partner);
        let (kind, id) = (theirs.kind, theirs.id);
        let mark = news(kind, theirs.value);
        let link = app.store.linked(&app.tenant, &partner.id, kind, id).await?;
        let waits = self.waiting.contains_key(&(kind.to_owned(), id.to_owned()));
        let is_mark = |link: &Link| *link.received == *mark || *link.sent == *mark;
        // What is known here goes on whatever becomes of it; what is not is taken once it is what is looked for.
        let is_none = link.is_none() && !exchange::is_taken(kind, theirs.value);
        if is_none || link.as_ref().is_some_and(is_mark) {
            if waits {
                let fits = review::fits(&app.tenant, &partner.id, (kind, id), app.clock.millis());
                let _ = app.store.write("partner review", vec![fits]).await?;
            }
            return Ok(());
        }
        // Records of patients who are none of ours are none of ours to keep.
        let Some(patient) = self.patient(theirs).await? else {
            return Ok(());
        };
        let taken = match self.received(theirs).await? {
            Ok(one) => receive::take(app, self.access, partner, &one, link.as_ref()).await,
            Err(error) => Err(error),
        };
        match taken {
            Ok(None) => Ok(()),
            Ok(Some(taken)) => {
                let key = taken.key();
                let new = Link {
                    there: id.into(),
                    version: bundle::version("", theirs.value).into(),
                    sent: link.map(|link| link.sent).unwrap_or_default(),
                    received: mark.into(),
                    key: key.clone(),
                };
                let now = app.clock.millis();
                let steps = vec![
                    link::put(&app.tenant, &partner.id, &new),
                    review::fits(&app.tenant, &partner.id, (kind, id), now),
                ];
                let _ = app.store.write("partner links", steps).await?;
                self.known
                    .insert((kind.to_owned(), id.to_owned()), Some(key));
                Ok(())
            }
            Err(error) if receive::is_refused(&error) => {
                let review = review(theirs, &patient, &error, app.clock.millis());
                Ok(receive::keep(app, partner, &review).await?)
            }
            Err(error) => Err(error.into()),
        }
    }
}

fn review(theirs: &Theirs<'_>, patient: &Key, error: &Error, at: i64) -> Review {
    Review {
        kind: theirs.kind.into(),
        there: theirs.id.into(),
        digest: news(theirs.kind, theirs.value).into(),
        patient: patient.id.as_str().into(),
        at,
        reason: receive::reason(error).into(),
        body: theirs.text.into(),
        answered: false,
        settled_at: 0,
    }
}
