//! What the practice's API shows: episodes, their numbers, what is due.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::{Key, Stored};
use crate::fhir::search::{Handling, SearchQuery};
use crate::interaction::audit;
use crate::interaction::document::document;
use crate::interaction::paging::Pages;
use crate::interaction::reading::load;
use crate::interaction::retelling::retell;
use crate::kap::base::{Day, Instant};
use crate::kap::people::OrganizationType;
use crate::kap::{Episode, Id, Phase};
use crate::mapping;
use crate::mapping::summary::Document;
use crate::store::episode::Head;
use crate::store::view::EpisodeFilter;

use super::answer;

/// How much of an episode is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    #[serde(default)]
    view: Extent,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Extent {
    Summary,
    #[default]
    Full,
}

/// Which episodes are listed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    phase: Option<Phase>,
    /// Something is due on or before this day.
    due: Option<Day>,
    patient: Option<Id>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Which organizations are listed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    #[serde(rename = "type")]
    kind: Option<OrganizationType>,
}

/// The instant for which something is computed; now where absent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    at: Option<Instant>,
}

/// Which summary document is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    doc: Letter,
    session: Option<Id>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum Letter {
    A,
    B,
    C,
    D,
    E,
    F,
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    items: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

fn now(app: &App) -> Instant {
    Instant(app.clock.now())
}

/// An episode as it is shown.
#[derive(Debug)]
pub struct Shown {
    pub version: i64,
    pub body: Value,
    /// The caller sees everything of it.
    pub whole: bool,
}

/// The episode with its version.
pub async fn episode(app: &App, access: &Access, id: &Id, view: &View) -> Result<Shown> {
    let loaded = load(app, access, id).await?;
    audit::episode(access, &loaded.episode, "episode");
    Ok(Shown {
        version: loaded.version,
        whole: access.sees_all_of(&loaded.episode.organizations.practice.id),
        body: shown(app, loaded.episode, view.view),
    })
}

fn shown(app: &App, mut episode: Episode, extent: Extent) -> Value {
    let at = now(app);
    compute_statuses(&mut episode, at);
    let derived = episode.derived(at, &app.policy);
    let mut out = json!({ "apiVersion": "kap.v1", "resource": "Episode", "asOf": at });
    let whole = json!(episode);
    let summary = [
        "episodeId",
        "businessIdentifiers",
        "version",
        "synthetic",
        "phase",
        "phaseHistory",
        "organizations",
        "patient",
        "careTeam",
    ];
    for (name, value) in whole.as_object().into_iter().flatten() {
        if matches!(extent, Extent::Full) || summary.contains(&name.as_str()) {
            out[name] = value.clone();
        }
    }
    out["derived"] = json!(derived);
    out
}

/// Episodes, the latest changed first.
pub async fn episodes(app: &App, access: &Access, list: &List) -> Result<Page<Value>> {
    let (heads, next) = heads(app, access, "episodes", list).await?;
    audit::listed(access, heads.iter().map(|head| &head.patient));
    let items = heads.iter().map(|head| {
        let mut item = json!({
            "episodeId": head.episode,
            "version": head.version,
            "phase": head.phase,
            "patientId": head.patient,
            "updatedAt": moment(head.updated_at),
        });
        if let Some(day) = &head.due_day {
            item["dueDay"] = json!(day);
        }
        item
    });
    Ok(Page {
        items: items.collect(),
        next,
    })
}

fn moment(millis: i64) -> Option<String> {
    let at =
        time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok()?;
    Some(crate::fhir::resource::instant(at))
}

/// A page of the list `name`, and the cursor of the next one.
async fn heads(
    app: &App,
    access: &Access,
    name: &str,
    list: &List,
) -> Result<(Vec<Head>, Option<String>)> {
    let limit = list.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Error::new(Kind::Invalid, "The limit is 1 to 200.").at("limit"));
    }
    let filter = EpisodeFilter {
        phases: list.phase.iter().map(|p| p.code().to_owned()).collect(),
        patient: list.patient.clone(),
        due_before: list.due.map(|day| day.plus_days(1)),
        ..EpisodeFilter::default()
    };
    let pages = Pages::of(app, access, format!("{name} {filter:?}"));
    let after = pages.after(list.cursor.as_deref())?;
    let view = app.store.view(access);
    let page = view.episodes(&filter, limit, after.as_ref()).await?;
    let next = pages.cursor(page.next.as_ref())?;
    Ok((page.heads, next))
}

/// What is due in the listed episodes, the most pressing first within the page.
pub async fn worklist(app: &App, access: &Access, list: &List) -> Result<Page<Value>> {
    let (heads, next) = heads(app, access, "worklist", list).await?;
    audit::listed(access, heads.iter().map(|head| &head.patient));
    let at = now(app);
    let mut items = Vec::new();
    for head in &heads {
        let loaded = load(app, access, &head.episode).await?;
        let work = loaded.episode.worklist(at, &app.policy);
        items.extend(work.into_iter().map(|item| (head.episode.clone(), item)));
    }
    items.sort_by_key(|(_, item)| (item.risk, item.due_by));
    let shown = items.into_iter().map(|(episode, item)| {
        let mut value = json!(item);
        value["episodeId"] = json!(episode);
        value
    });
    Ok(Page {
        items: shown.collect(),
        next,
    })
}

/// The organizations of the directory.
pub async fn organizations(
    app: &App,
    access: &Access,
    directory: &Directory,
) -> Result<Page<Value>> {
    // An organization and its Endpoint are one entry.
    let parameters = [("_count", "1000"), ("_include", "Organization:endpoint")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (query, _) = SearchQuery::parse("Organization", &parameters, Handling::Strict)?;
    let found = app.store.view(access).search(&query).await?;
    let found = || found.matches.iter().chain(&found.included);
    audit::searched(access, found());
    let values: Vec<(Key, Value)> = found()
        .filter_map(|row| row.value().map(|value| (row.key.clone(), value)))
        .collect();
    let items = mapping::register::organizations(&values)
        .into_iter()
        .filter(|o| directory.kind.is_none_or(|kind| o.kind == kind))
        .map(|o| json!(o));
    Ok(Page {
        items: items.collect(),
        next: None,
    })
}

/// What happened, in order.
pub async fn timeline(app: &App, access: &Access, id: &Id) -> Result<Value> {
    let loaded = load(app, access, id).await?;
    audit::episode(access, &loaded.episode, "timeline");
    Ok(json!({ "episodeId": id, "version": loaded.version, "items": loaded.episode.timeline() }))
}

/// Doses against scores.
pub async fn trends(app: &App, access: &Access, id: &Id) -> Result<Value> {
    let loaded = load(app, access, id).await?;
    audit::episode(access, &loaded.episode, "trends");
    Ok(
        json!({ "episodeId": id, "sessions": loaded.episode.trends(), "outcomes": loaded.episode.outcome_trend(&app.policy) }),
    )
}

/// One record of the episode.
pub async fn record(app: &App, access: &Access, id: &Id, record: &Id) -> Result<Value> {
    let mut episode = load(app, access, id).await?.episode;
    audit::episode(access, &episode, &format!("record {record}"));
    compute_statuses(&mut episode, now(app));
    match answer::record(&episode, record) {
        Value::Null => Err(Error::not_found()),
        found => Ok(found),
    }
}

/// Whether dosing may start in this session, and everything that stands against it.
pub async fn readiness(
    app: &App,
    access: &Access,
    id: &Id,
    session: &Id,
    moment: &Moment,
) -> Result<Value> {
    let episode = load(app, access, id).await?.episode;
    audit::episode(access, &episode, &format!("readiness {session}"));
    let at = moment.at.unwrap_or_else(|| now(app));
    let readiness = episode.readiness(session, at, &app.policy)?;
    Ok(json!(readiness))
}

/// A summary document (a FHIR document bundle).
pub async fn summary(app: &App, access: &Access, id: &Id, asked: &Summary) -> Result<String> {
    // Whoever cannot see the episode learns nothing of its documents.
    let episode = load(app, access, id).await?.episode;
    let of_session = || {
        asked.session.clone().ok_or_else(|| {
            Error::new(Kind::Invalid, "This document needs `session`.").at("session")
        })
    };
    let document_kind = match asked.doc {
        Letter::A => Document::latest_referral(&episode).ok_or_else(Error::not_found)?,
        Letter::B => Document::latest_clearance(&episode).ok_or_else(Error::not_found)?,
        Letter::C => Document::Dosing {
            session: of_session()?,
        },
        Letter::D => Document::Integration {
            session: of_session()?,
        },
        Letter::E => Document::FollowUp {
            session: of_session()?,
        },
        Letter::F => Document::Episode,
    };
    let own = document_kind.id(&episode);
    let key = Key::new("Composition", own);
    document(app, access, &key).await
}

/// Every resource of the episode that the caller may see, as a collection bundle.
pub async fn export(app: &App, access: &Access, id: &Id) -> Result<String> {
    let record = app
        .store
        .view(access)
        .episode(id)
        .await?
        .ok_or_else(Error::not_found)?;
    let header = |row: &&Stored| &*row.key.kind == "EpisodeOfCare";
    let header = record.resources.iter().find(header);
    if let Some(row) = header.or(record.resources.first()) {
        audit::document(access, row, "$export-episode");
    }
    let base = app.fhir_base();
    let resources = retell(app, access, record.resources).await?;
    let mut out = String::from(r#"{"resourceType":"Bundle","type":"collection","entry":["#);
    let mut first = true;
    for row in &resources {
        let Some(body) = row
            .body
            .as_ref()
            .filter(|_| access.allow(Interaction::Read, &row.key.kind).is_ok())
        else {
            continue;
        };
        let comma = if first { "" } else { "," };
        first = false;
        let _ = write!(
            out,
            r#"{comma}{{"fullUrl":"{base}/{}","resource":{body}}}"#,
            row.key
        );
    }
    out.push_str("]}");
    Ok(out)
}

/// What a clearance is on a day is computed, never stored.
fn compute_statuses(episode: &mut Episode, at: Instant) {
    let statuses: Vec<_> = episode
        .clearances
        .iter()
        .map(|c| episode.clearance_status(c, at))
        .collect();
    for (clearance, status) in episode.clearances.iter_mut().zip(statuses) {
        clearance.status = Some(status);
    }
}
