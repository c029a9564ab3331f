//! Episodes as lists show them, their version, and the organizations that take part in them.

use std::collections::BTreeSet;

use super::held::held;
use super::sql::{Step, Value};
use crate::kap::base::Id;

/// The guard of [`bump`] and [`touch`]: the episode is not of the expected version.
pub const VERSION: &str = "episode version";
/// The guard of [`open`]: there is an episode of that id already.
pub const EXISTS: &str = "episode exists";
/// The guard of [`courses`]: the patient has another number of episodes.
pub const COURSES: &str = "episodes of the patient";

/// What lists show of an episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub episode: Id,
    pub patient: Id,
    /// The practice.
    pub owner: Id,
    /// Grows by one with every change of the episode or of what hangs off it; 1 when opened.
    pub version: i64,
    /// Code of `kap-episode-phase`.
    pub phase: String,
    /// Status of the EpisodeOfCare.
    pub status: String,
    /// The day by which something is to be done, `YYYY-MM-DD`.
    pub due_day: Option<String>,
    /// Milliseconds since 1970.
    pub updated_at: i64,
}

/// An organization's part in an episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    pub organization: Id,
    /// What it is to the episode, such as `partner`.
    pub role: String,
    /// Milliseconds since 1970.
    pub valid_from: i64,
    /// `None` while there is no end to it.
    pub valid_to: Option<i64>,
}

/// Opens an episode, guarded by [`EXISTS`].
#[must_use]
pub fn open(tenant: &str, head: &Head) -> Vec<Step> {
    const TEXT: &str = "INSERT INTO episode_head (tenant, episode, patient, owner, version, phase, status, \
        due_day, updated_at, granted) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1) ON CONFLICT DO NOTHING";
    vec![Step::one(EXISTS, TEXT, columns(tenant, head))]
}

/// Steps that fail, guarded by [`COURSES`], unless the patient has `known` episodes at `owner` in one of `phases` (codes). Who
/// opens one of the same patient at the same time waits. `at` is in milliseconds since 1970.
#[must_use]
pub fn courses(
    tenant: &str,
    (patient, owner): (&Id, &Id),
    phases: &BTreeSet<String>,
    known: i64,
    at: i64,
) -> Vec<Step> {
    let name = format!("courses of {patient} at {owner}");
    held(tenant, &name, COURSES, at, |b| {
        b.push("(SELECT COUNT(*) FROM episode_head h WHERE h.tenant = ");
        b.bind(tenant)
            .push(" AND h.patient = ")
            .bind(patient.as_str());
        b.push(" AND h.owner = ").bind(owner.as_str());
        b.push(" AND h.phase IN (");
        for (i, phase) in phases.iter().enumerate() {
            b.push(if i == 0 { "" } else { ", " }).bind(&**phase);
        }
        b.push(")) = ").bind(known);
    })
}

/// Gives an episode its next version and what lists show of it, guarded by [`VERSION`].
#[must_use]
pub fn bump(tenant: &str, head: &Head, expected_version: i64) -> Vec<Step> {
    const TEXT: &str = "UPDATE episode_head SET patient = $3, owner = $4, version = $5, phase = $6, \
        status = $7, due_day = $8, updated_at = $9 WHERE tenant = $1 AND episode = $2 AND version = $10";
    let mut args = columns(tenant, head);
    args.push(expected_version.into());
    vec![Step::one(VERSION, TEXT, args)]
}

/// Gives an episode its next version and leaves the rest of the head as it is, guarded by [`VERSION`].
#[must_use]
pub fn touch(tenant: &str, episode: &Id, expected_version: i64, at: i64) -> Vec<Step> {
    const TEXT: &str = "UPDATE episode_head SET version = version + 1, updated_at = $4 \
        WHERE tenant = $1 AND episode = $2 AND version = $3";
    let args = vec![
        tenant.into(),
        episode.as_str().into(),
        expected_version.into(),
        at.into(),
    ];
    vec![Step::one(VERSION, TEXT, args)]
}

/// Replaces the parties of an episode. Each pair of organization and role has one entry per start.
#[must_use]
pub fn set_parties(tenant: &str, episode: &Id, patient: &Id, parties: &[Party]) -> Vec<Step> {
    const CLEAR: &str = "DELETE FROM episode_party WHERE tenant = $1 AND episode = $2";
    const ADD: &str = "INSERT INTO episode_party (tenant, episode, patient, org, role, valid_from, valid_to) \
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let mut steps = vec![Step::any(
        CLEAR,
        vec![tenant.into(), episode.as_str().into()],
    )];
    steps.extend(parties.iter().map(|party| {
        let args = vec![
            tenant.into(),
            episode.as_str().into(),
            patient.as_str().into(),
            party.organization.as_str().into(),
            party.role.as_str().into(),
            party.valid_from.into(),
            party.valid_to.unwrap_or(i64::MAX).into(),
        ];
        Step::any(ADD, args)
    }));
    steps
}

fn columns(tenant: &str, head: &Head) -> Vec<Value> {
    vec![
        tenant.into(),
        head.episode.as_str().into(),
        head.patient.as_str().into(),
        head.owner.as_str().into(),
        head.version.into(),
        head.phase.as_str().into(),
        head.status.as_str().into(),
        head.due_day.as_deref().into(),
        head.updated_at.into(),
    ]
}
