//! Opening an episode.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::Outcome;
use super::command::{Answered, Request, answered, client, fingerprint, replay};
use super::{actor, grants, head, party, provenance};
use crate::access::Labels;
use crate::access::label::Labelling;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::{Key, Resource, Stored};
use crate::interaction::commit::{Change, Changes, commit, lost};
use crate::interaction::episode::DIRECTORY;
use crate::interaction::foreign::same;
use crate::interaction::label::About;
use crate::kap::act::{Actor, Context, OpenEpisode, Side};
use crate::kap::base::Instant;
use crate::kap::people::{Organization, OrganizationType, Organizations};
use crate::kap::{Episode, Id, Phase};
use crate::mapping;
use crate::store;
use crate::store::sql::Step;
use crate::store::view::EpisodeFilter;

/// How often an opening is tried again that met another write: it asks for no version, so nobody can be overtaken.
const TRIES: u32 = 8;

/// Opens an episode of the caller's practice.
///
/// # Errors
/// What the rules refuse; `Unprocessable` where an organization is not in the directory.
pub async fn open(
    app: &App,
    access: &Access,
    body: OpenEpisode,
    request: &Request<'_>,
) -> Result<Answered> {
    let client = client(access)?;
    let print = fingerprint("episodes", "open", request.body);
    let mut tries = TRIES;
    loop {
        if let Some(done) = replay(app, access, &client, request, &print).await? {
            return Ok(done);
        }
        let (episode, outcome, set) = prepared(app, access, body.clone(), request, &print).await?;
        match commit(app, access, "open episode", set).await? {
            Ok(_) => return answered(app, access, &episode, outcome, false).await,
            // The same request, sent twice at once, or another opening that has people in common with this one.
            Err(conflict) if tries == 0 => return Err(lost(conflict)),
            Err(_) => tries -= 1,
        }
    }
}

/// The episode, its answer, and what is written for it.
async fn prepared(
    app: &App,
    access: &Access,
    body: OpenEpisode,
    request: &Request<'_>,
    print: &str,
) -> Result<(Episode, Outcome, Changes)> {
    let client = client(access)?;
    let organizations = organizations(app, access, &body).await?;
    let seed = format!("{client}|{}", request.key);
    let practice = &organizations.practice.id;
    let ids = |taken: &[Id]| own_ids(access.tenant(), (practice, taken), &seed, body.clone());
    let taken = of_others(app, access, practice, &ids(&[]).0).await?;
    let (body, names) = ids(&taken);
    let twins = open_episodes(app, access, &body.patient.id, &organizations.practice.id).await?;
    let episode = opened(app, access, &seed, body, organizations, &twins)?;
    let mut set = changes(app, access, &episode).await?;
    set.steps = opening(app, access, &episode, twins.len());
    let flags = episode.detected_issues.iter().map(|i| i.id.clone());
    let resources = set.changes.iter().map(|c| c.resource.key.to_string());
    let outcome = Outcome {
        status: request.status,
        episode: episode.episode_id.clone(),
        record: episode.episode_id.clone(),
        version: 1,
        flags: flags.collect(),
        resources: resources.collect(),
        names,
    };
    set.steps.extend(store::idempotency::record(
        access.tenant(),
        &client,
        &request.key,
        &outcome.keep(print),
        app.clock.millis(),
    ));
    Ok((episode, outcome, set))
}

fn opened(
    app: &App,
    access: &Access,
    seed: &str,
    body: OpenEpisode,
    organizations: Organizations,
    twins: &[Id],
) -> Result<Episode> {
    let ids = actor::ids(access.tenant(), seed);
    let caller = access.caller().ok_or_else(Error::not_found)?;
    let actor = Actor {
        organization: caller.organization.clone(),
        side: if caller.role.is_of_practice() {
            Side::Practice
        } else {
            Side::External
        },
        prescriber: false,
        admin: false,
    };
    let ctx = Context {
        now: Instant(app.clock.now()),
        policy: &app.policy,
        actor: &actor,
        ids: &ids,
    };
    let mut episode = Episode::open(body, organizations, &ctx)?;
    episode.flag_duplicates(twins, &ctx);
    episode.version = 1;
    Ok(episode)
}

/// The open episodes of a patient at a practice. The service asks by itself: what the caller's scopes hide is a second
/// course of the same treatment all the same.
///
/// # Errors
/// Those of the store.
pub async fn open_episodes(
    app: &App,
    access: &Access,
    patient: &Id,
    practice: &Id,
) -> Result<Vec<Id>> {
    let reason = "a second course of treatment is flagged";
    let whole = Access::system(app.tenant.clone(), reason, access.now());
    let filter = EpisodeFilter {
        phases: open_phases(),
        patient: Some(patient.clone()),
        ..EpisodeFilter::default()
    };
    let found = app.store.view(&whole).episodes(&filter, 50, None).await?;
    let own = found.heads.into_iter().filter(|h| h.owner == *practice);
    Ok(own.map(|head| head.episode).collect())
}

fn open_phases() -> BTreeSet<String> {
    let open = Phase::ALL.iter().filter(|phase| !phase.is_terminal());
    open.map(|phase| phase.code().to_owned()).collect()
}

/// The ids among those of the people of `body` under which another organization keeps somebody: a record from another
/// service keeps its id.
async fn of_others(
    app: &App,
    access: &Access,
    practice: &Id,
    body: &OpenEpisode,
) -> Result<Vec<Id>> {
    let mut keys = vec![Key::new("Patient", body.patient.id.clone())];
    let members = body.care_team.iter();
    keys.extend(members.map(|member| Key::new("Practitioner", member.id.clone())));
    let reason = "nobody is taken for the person of another organization";
    let whole = Access::system(app.tenant.clone(), reason, access.now());
    let found = app.store.view(&whole).find(&keys).await?;
    let others = found.into_iter().filter(|row| row.owner != *practice);
    Ok(others.map(|row| row.key.id).collect())
}

/// Ids in the body are local names that the service replaces by its own. People keep theirs across the episodes of a
/// practice: a patient by identifier, a clinician by NPI, organization and role.
fn own_ids(
    tenant: &str,
    (practice, taken): (&Id, &[Id]),
    seed: &str,
    mut body: OpenEpisode,
) -> (OpenEpisode, BTreeMap<Id, Id>) {
    let stable = actor::ids(tenant, &format!("people|{practice}"));
    let fresh = actor::ids(tenant, seed);
    let lasting = |name: &str| {
        let own = stable(name);
        if taken.contains(&own) {
            fresh(name)
        } else {
            own
        }
    };
    let mut names: BTreeMap<Id, Id> = BTreeMap::new();
    let mut give = |id: &mut Id, own: Id| {
        if !id.is_unset() {
            names.insert(id.clone(), own.clone());
        }
        *id = own;
    };
    let identity = body
        .patient
        .identifiers
        .first()
        .map(|i| format!("patient|{}|{}", i.system, i.value));
    let patient = identity.map_or_else(|| fresh("patient"), |name| lasting(&name));
    give(&mut body.patient.id, patient);
    for (n, member) in body.care_team.iter_mut().enumerate() {
        let own = match &member.npi {
            Some(npi) => lasting(&format!(
                "member|{npi}|{}|{}",
                member.organization_id, member.role
            )),
            None => fresh(&format!("member-{n}")),
        };
        give(&mut member.id, own);
    }
    for (n, person) in body.related_persons.iter_mut().enumerate() {
        give(&mut person.id, fresh(&format!("related-person-{n}")));
    }
    let authorities = body
        .related_persons
        .iter_mut()
        .map(|p| &mut p.legal_authority);
    let verifiers = authorities.flatten().filter_map(|a| a.verified_by.as_mut());
    for id in verifiers.chain([&mut body.by]) {
        if let Some(own) = names.get(id) {
            *id = own.clone();
        }
    }
    (body, names)
}

/// The practice of the caller, and partner and pharmacy as the body names them, all from the directory.
async fn organizations(app: &App, access: &Access, body: &OpenEpisode) -> Result<Organizations> {
    let caller = access.caller().ok_or_else(Error::not_found)?;
    let named = |pointer: &str| {
        let text = "There is no such organization in the directory.";
        Error::new(Kind::Unprocessable, text).at(pointer)
    };
    let practice = organization(app, access, &caller.organization).await?;
    let practice = practice.ok_or_else(|| named("/organizations/practice"))?;
    let partner = organization(app, access, &body.partner_id)
        .await?
        .ok_or_else(|| named("/partnerId"))?;
    if !matches!(
        partner.kind,
        OrganizationType::Partner | OrganizationType::Clinic
    ) {
        let text = "This organization is no medical partner.";
        return Err(Error::new(Kind::Unprocessable, text).at("/partnerId"));
    }
    let pharmacy = match &body.pharmacy_id {
        Some(id) => Some(
            organization(app, access, id)
                .await?
                .ok_or_else(|| named("/pharmacyId"))?,
        ),
        None => None,
    };
    for (n, member) in body.care_team.iter().enumerate() {
        if organization(app, access, &member.organization_id)
            .await?
            .is_none()
        {
            return Err(named(&format!("/careTeam/{n}/organizationId")));
        }
    }
    Ok(Organizations {
        practice,
        partner,
        pharmacy,
    })
}

/// An organization of the directory, with its Endpoint: where it is reached tells where its people are.
pub async fn organization(app: &App, access: &Access, id: &Id) -> Result<Option<Organization>> {
    let view = app.store.view(access);
    let key = Key::new("Organization", id.clone());
    let row = view.lookup(&key).await?;
    let Some(value) = row.and_then(|row| row.value()) else {
        return Ok(None);
    };
    let endpoints = mapping::register::endpoints(&value);
    let mut values = vec![(key, value)];
    for key in endpoints {
        let row = view.lookup(&key).await?;
        values.extend(row.and_then(|row| row.value()).map(|value| (key, value)));
    }
    Ok(mapping::register::organizations(&values).pop())
}

async fn changes(app: &App, access: &Access, episode: &Episode) -> Result<Changes> {
    let owner = &episode.organizations.practice.id;
    let mut resources: Vec<Resource> = Vec::new();
    for fact in episode.facts() {
        for resource in mapping::to_fhir(&fact, episode) {
            match resources.iter_mut().find(|r| r.key == resource.key) {
                Some(twin) => *twin = resource,
                None => resources.push(resource),
            }
        }
    }
    let mut set = Changes::default();
    let reason = "people keep their records across episodes";
    let whole = Access::system(app.tenant.clone(), reason, access.now());
    for resource in resources {
        let over = app.store.view(&whole).lookup(&resource.key).await?;
        if over
            .as_ref()
            .is_some_and(|old| keeps(old, &resource, owner))
        {
            continue;
        }
        let episode_id = Some(episode.episode_id.clone());
        let opens = resource.key.id == episode.episode_id;
        set.changes.push(Change {
            resource,
            over,
            owner: owner.clone(),
            author: owner.clone(),
            class: None,
            episode: episode_id,
            by_caller: opens.then_some(Interaction::Create),
            labelling: Labelling::Built(Labels::NONE),
        });
    }
    let about = About::of(episode, Instant(app.clock.now()));
    let told = provenance::of(app, access, episode, &about, &set.changes)?;
    set.changes.extend(told);
    set.about = Some(about);
    Ok(set)
}

/// The rows beside the resources of a new episode, where its patient has `twins` other open ones at the practice.
#[must_use]
pub fn opening(app: &App, access: &Access, episode: &Episode, twins: usize) -> Vec<Step> {
    let (tenant, now) = (access.tenant(), app.clock.millis());
    let course = (&episode.patient.id, &episode.organizations.practice.id);
    let known = i64::try_from(twins).unwrap_or_default();
    // Of two that open at once, the second must know of the first to flag it: asked before this one is there.
    let mut steps = store::episode::courses(tenant, course, &open_phases(), known, now);
    steps.extend(store::episode::open(tenant, &head::of(episode, now)));
    steps.extend(party::steps(tenant, episode));
    steps.extend(grants::steps(tenant, episode));
    steps
}

/// Whether the stored version stays: it says the same, or it is another organization's entry of the directory.
fn keeps(old: &Stored, new: &Resource, owner: &Id) -> bool {
    old.owner != *owner || DIRECTORY.contains(&&*new.key.kind) || same(old, new)
}
