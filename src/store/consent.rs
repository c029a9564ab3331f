//! What consents grant, as rows: written with the episode whose consents they are, asked by the access predicate.

use super::sql::{Step, Value};
use crate::access::consent::Grant;
use crate::kap::base::Id;

/// A row and the consent that it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    pub consent: Id,
    pub grant: Grant,
}

/// Everyone, as the rows say it.
pub(super) const EVERYONE: &str = "*";

/// Replaces the grants of an episode's consents.
#[must_use]
pub fn set_grants(tenant: &str, episode: &Id, patient: &Id, grants: &[Granted]) -> Vec<Step> {
    const CLEAR: &str =
        "DELETE FROM consent_grant WHERE tenant = $1 AND patient = $2 AND episode = $3";
    const ADD: &str = "INSERT INTO consent_grant (tenant, patient, episode, consent, n, org, effect, purposes, \
        classes, labels, valid_from, valid_to, granted_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let whose: [Value; 3] = [
        tenant.into(),
        patient.as_str().into(),
        episode.as_str().into(),
    ];
    let mut steps = vec![Step::any(CLEAR, whose.to_vec())];
    steps.extend(grants.iter().zip(0_i64..).map(|(granted, n)| {
        let grant = &granted.grant;
        let organization = grant.organization.as_ref().map_or(EVERYONE, Id::as_str);
        let mut args = whose.to_vec();
        args.extend([
            granted.consent.as_str().into(),
            n.into(),
            organization.into(),
            (grant.effect as i64).into(),
            grant.purposes.bits().into(),
            grant.classes.bits().into(),
            grant.labels.bits().into(),
            grant.from.into(),
            grant.to.into(),
            grant.granted_at.into(),
        ]);
        Step::any(ADD, args)
    }));
    steps
}

/// Notes that the grants of an episode of an older schema are there, guarded by [`super::episode::VERSION`].
#[must_use]
pub fn granted(tenant: &str, episode: &Id, version: i64) -> Step {
    const TEXT: &str = "UPDATE episode_head SET granted = 1 \
        WHERE tenant = $1 AND episode = $2 AND version = $3";
    let args = vec![tenant.into(), episode.as_str().into(), version.into()];
    Step::one(super::episode::VERSION, TEXT, args)
}
