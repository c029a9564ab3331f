//! A transaction that opens an episode: a practice tells its partner's service how its episode stands
//! (<https://hl7.org/fhir/R4/http.html#transaction>).
//!
//! What it states happened elsewhere, so the rules of the commands are not asked of it; but all of it must be read, and be
//! of this episode.

use super::accept::entry_of;
use super::at_hand::{self, AtHand};
use super::commit::{Change, Changes, commit, lost};
use super::condition;
use super::consent::{self, Door};
use super::episode::{DIRECTORY, with_context};
use super::home::{self, Home};
use super::label::{About, Ages};
use super::practice::open::{self as beginning, open_episodes};
use super::practice::provenance as written;
use super::projection;
use super::provenance;
use super::write::{Incoming, OPENED_ELSEWHERE};
use crate::access::label::Labelling;
use crate::access::{Access, Interaction, Labels};
use crate::app::App;
use crate::error::{Error, Issue, Kind as ErrorKind, Result};
use crate::fhir::index;
use crate::fhir::resource::{Key, Resource, Stored};
use crate::kap::base::Instant;
use crate::kap::people::OrganizationType;
use crate::kap::{Episode, Fact, Id, Kind};
use crate::mapping::marks::may_be_plain;
use crate::mapping::{self, Reading};

/// The one entry of these that opens an episode, if one does.
///
/// # Errors
/// `Unprocessable` where it stands alone, where two do, or where the transaction also changes what is there.
pub fn opening<'i>(incoming: &'i [Incoming], gone: &[Stored]) -> Result<Option<&'i Incoming>> {
    let opens = |one: &&Incoming| one.seen.is_none() && &*one.resource.key.kind == OPENED_ELSEWHERE;
    let mut all = incoming.iter().filter(opens);
    let Some(one) = all.next() else {
        return Ok(None);
    };
    if one.entry.is_none() {
        let text = "An episode is opened through POST /kap/v1/episodes, or by a transaction that brings its EpisodeOfCare \
                    with all that it rests on; as FHIR it is read and updated.";
        let error = Error::new(ErrorKind::Unprocessable, text).issue_code("not-supported");
        return Err(one.refused(error, Kind::Header));
    }
    if let Some(second) = all.next() {
        return Err(refused(second, "", "A transaction opens one episode."));
    }
    let text = "A transaction that opens an episode creates and changes nothing else: send what changes after it.";
    if let Some(change) = incoming.iter().find(|other| other.seen.is_some()) {
        return Err(refused(change, "", text));
    }
    if gone.is_empty() {
        return Ok(Some(one));
    }
    Err(refused(one, "", text))
}

/// What the opened episode is called.
#[must_use]
pub fn home(one: &Incoming) -> Home {
    let (patient, _) = index::compartment(OPENED_ELSEWHERE, &one.resource.value);
    Home {
        episode: one.resource.key.id.clone(),
        patient,
    }
}

/// Opens the episode that `incoming` states, and stores all of it as it came.
///
/// # Errors
/// `Forbidden` for another practice; `Unprocessable` with what cannot be read or is of something else; `Conflict`.
pub async fn open(
    app: &App,
    access: &Access,
    name: &'static str,
    (home, incoming): (&Home, Vec<Incoming>),
    at_hand: &AtHand,
) -> Result<Vec<Stored>> {
    of_this_episode(&incoming, home, at_hand)?;
    let steps = condition::steps(app, access, &incoming);
    let (told, incoming) = provenance::apart(access, incoming, at_hand)?;
    let directory = at_hand::followed(app, access, at_hand).await?;
    let mut episode = stated(access, home, &incoming, &directory)?;
    let twins = open_episodes(
        app,
        access,
        &episode.patient.id,
        &episode.organizations.practice.id,
    )
    .await?;
    let seed = app.clock.uuid().to_string();
    let before = episode.clone();
    with_context(app, access, &before, &seed, |ctx| {
        episode.flag_duplicates(&twins, ctx);
        Ok(())
    })?;
    episode.version = 1;
    let mut set = changes(app, access, &episode, incoming).await?;
    let about = About::of(&episode, Instant(app.clock.now()));
    let tell = written::of(app, access, &episode, &about, &set.changes)?;
    set.changes.extend(tell);
    (set.about, set.told) = (Some(about), told);
    set.steps = beginning::opening(app, access, &episode, twins.len());
    set.steps.extend(steps);
    commit(app, access, name, set).await?.map_err(lost)
}

/// Whether each resource is of the patient and of the episode, or of the directory.
fn of_this_episode(incoming: &[Incoming], home: &Home, at_hand: &AtHand) -> Result<()> {
    for one in incoming.iter().filter(|one| !provenance::is_one(one)) {
        let Resource { key, value, .. } = &one.resource;
        let (patient, episode) = index::compartment(&key.kind, value);
        let within = home::implied(&one.resource, at_hand).map(|home| home.episode);
        if patient.is_some() && patient != home.patient {
            let text = "This is not the patient of the episode that the transaction opens.";
            let at = ["subject", "patient"]
                .iter()
                .find(|at| !value[**at].is_null());
            let at = at.map_or_else(String::new, |at| format!(".{at}"));
            return Err(refused(one, &at, text));
        }
        let other = |id: &Id| *id != home.episode;
        if episode.as_ref().is_some_and(other) || within.as_ref().is_some_and(other) {
            let text =
                "This is a record of another episode than the one that the transaction opens.";
            return Err(refused(one, "", text));
        }
        if patient.is_none() && episode.is_none() && !home::free(&key.kind) {
            return Err(one.refused(home::without_episode(&one.resource), Kind::Header));
        }
    }
    Ok(())
}

/// The episode that the resources state, together with what is known of the people that they name.
fn stated(
    access: &Access,
    home: &Home,
    incoming: &[Incoming],
    directory: &AtHand,
) -> Result<Episode> {
    let known = directory.iter().filter(|(key, _)| home::free(&key.kind));
    let known = known.filter_map(|(key, row)| Some((key.clone(), row.value()?)));
    let sent = incoming.iter().map(|one| &one.resource);
    let sent = sent.map(|resource| (resource.key.clone(), resource.value.clone()));
    let values: Vec<_> = known.chain(sent).collect();
    let Reading { facts, unreadable } = mapping::from_fhir(&values);
    let unreadable: Vec<Issue> = unreadable
        .iter()
        .filter_map(|(key, issue)| Some((entry_of(incoming, key)?, issue)))
        .filter(|(one, _)| !may_be_plain(&one.resource.key.kind, &one.resource.value))
        .map(|(one, issue)| one.place(issue.clone()))
        .collect();
    if !unreadable.is_empty() {
        return Err(Error::with_issues(ErrorKind::Unprocessable, unreadable));
    }
    let header = Key::new(OPENED_ELSEWHERE, home.episode.clone());
    let header = entry_of(incoming, &header).ok_or_else(Error::not_found)?;
    let folded = Episode::fold(facts.iter().map(|(fact, _)| fact.clone()).collect());
    let states = |kind: Kind| facts.iter().any(|(fact, _)| fact.key().0 == kind);
    let Some(episode) = folded else {
        return Err(if states(Kind::Header) {
            let text = "The transaction holds no patient for the episode.";
            refused(header, ".patient", text)
        } else {
            let text =
                "An EpisodeOfCare that opens an episode claims the profile kap-episode-of-care.";
            refused(header, "", text)
        });
    };
    by_its_practice(access, &episode, header, directory)?;
    keeps_all(&episode, &facts, incoming)?;
    for (fact, from) in &facts {
        if let (Fact::Consent(consent), Some(one)) =
            (fact, from.iter().find_map(|k| entry_of(incoming, k)))
        {
            let known = |id: &Id| directory.contains_key(&Key::new("Organization", id.clone()));
            consent::check(consent, &episode, known, Door::Fhir)
                .map_err(|error| one.refused(error, Kind::Consent))?;
        }
    }
    Ok(episode)
}

/// The practice that sends it is the episode's, its partner is one, and its patient is the practice's own.
fn by_its_practice(
    access: &Access,
    episode: &Episode,
    header: &Incoming,
    directory: &AtHand,
) -> Result<()> {
    let caller = access.caller().ok_or_else(Error::not_found)?;
    let (practice, partner) = (
        &episode.organizations.practice,
        &episode.organizations.partner,
    );
    if !caller.role.is_of_practice() || practice.id != caller.organization {
        let text = "An episode is opened by the practice whose it is (managingOrganization).";
        let error = Error::new(ErrorKind::Forbidden, text).code("not-permitted");
        return Err(placed(error, header, ".managingOrganization"));
    }
    let listed = |id: &Id| directory.contains_key(&Key::new("Organization", id.clone()));
    if !listed(&practice.id) {
        let text = "There is no such organization in the directory.";
        return Err(refused(header, ".managingOrganization", text));
    }
    let is_partner = matches!(
        partner.kind,
        OrganizationType::Partner | OrganizationType::Clinic
    );
    if !listed(&partner.id) || !is_partner {
        let text = "This organization is no medical partner of the directory.";
        return Err(refused(
            header,
            ".extension('kap-partner-organization')",
            text,
        ));
    }
    let patient = directory.get(&Key::new("Patient", episode.patient.id.clone()));
    if patient.is_some_and(|row| row.owner != practice.id) {
        let text = "The record of this patient is another organization's.";
        return Err(refused(header, ".patient", text));
    }
    Ok(())
}

/// Whether the episode has a place for each fact that was sent: a part without its session has none.
fn keeps_all(episode: &Episode, facts: &[(Fact, Vec<Key>)], incoming: &[Incoming]) -> Result<()> {
    let kept = episode.facts();
    for (fact, from) in facts {
        let Some(one) = from.iter().find_map(|key| entry_of(incoming, key)) else {
            continue;
        };
        if !kept.iter().any(|own| own.key() == fact.key()) {
            let text = "This record is a part of one that the transaction does not hold, or one of two that stand for the same.";
            return Err(refused(one, "", text));
        }
    }
    Ok(())
}

/// The received resources as they came, and beside them what the service makes of the facts that they state.
async fn changes(
    app: &App,
    access: &Access,
    episode: &Episode,
    incoming: Vec<Incoming>,
) -> Result<Changes> {
    let owner = &episode.organizations.practice.id;
    let writer = access.caller().map_or(owner, |caller| &caller.organization);
    let make = |resource: Resource, by_caller, labelling| Change {
        resource,
        over: None,
        owner: owner.clone(),
        author: writer.clone(),
        class: None,
        episode: Some(episode.episode_id.clone()),
        by_caller,
        labelling,
    };
    let received = incoming.into_iter().map(|one| one.resource);
    let mut changes: Vec<Change> = received
        .map(|resource| make(resource, Some(Interaction::Create), Labelling::Sent))
        .collect();
    let mut made: Vec<Resource> = Vec::new();
    for fact in episode.facts() {
        for resource in mapping::to_fhir(&fact, episode) {
            let sent = changes
                .iter()
                .any(|change| change.resource.key == resource.key);
            match made.iter_mut().find(|twin| twin.key == resource.key) {
                _ if sent || DIRECTORY.contains(&&*resource.key.kind) => {}
                Some(twin) => *twin = resource,
                None => made.push(resource),
            }
        }
    }
    let keys: Vec<Key> = made.iter().map(|resource| resource.key.clone()).collect();
    let reason = "what is there already is not made again";
    let whole = Access::system(app.tenant.clone(), reason, access.now());
    let taken = app.store.view(&whole).taken(&keys).await?;
    made.retain(|resource| !taken.contains(&resource.key));
    let built = || Labelling::Built(Labels::NONE);
    changes.extend(
        made.into_iter()
            .map(|resource| make(resource, None, built())),
    );
    let about = About::of(episode, Instant(app.clock.now()));
    projection::share(&Ages::from(about), |_| None, &mut changes)?;
    Ok(Changes {
        changes,
        ..Changes::default()
    })
}

fn refused(one: &Incoming, below: &str, text: &str) -> Error {
    placed(Error::new(ErrorKind::Unprocessable, text), one, below)
}

/// The error, said of the element `below` the resource.
fn placed(mut error: Error, one: &Incoming, below: &str) -> Error {
    for issue in &mut error.issues {
        issue.at = Some(format!("{}{below}", one.resource.key.kind));
        *issue = one.place(std::mem::take(issue));
    }
    error
}
