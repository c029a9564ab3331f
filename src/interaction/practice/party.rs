//! Which organizations have a part in an episode, from when until when: the relationship without which nobody is told
//! anything. What they are told is another question (`grants`).
//!
//! The practice always; the partner from the first referral; the pharmacy from the first prescription; an outside
//! provider of the care team from the start.

use crate::kap::Episode;
use crate::kap::Id;
use crate::store::episode::{Party, set_parties};
use crate::store::sql::Step;

/// The statements that make the links of the episode what they must be.
#[must_use]
pub fn steps(tenant: &str, episode: &Episode) -> Vec<Step> {
    set_parties(
        tenant,
        &episode.episode_id,
        &episode.patient.id,
        &parties(episode),
    )
}

/// Every organization with a part in the episode.
#[must_use]
pub fn parties(episode: &Episode) -> Vec<Party> {
    let organizations = &episode.organizations;
    let mut out = vec![party(&organizations.practice.id, "practice", 0)];
    if let Some(from) = episode.referrals.iter().map(|r| r.requested_at).min() {
        out.push(party(&organizations.partner.id, "partner", from.millis()));
    }
    let prescribed = episode.prescriptions.iter().map(|p| p.authored_on).min();
    if let (Some(pharmacy), Some(from)) = (&organizations.pharmacy, prescribed) {
        out.push(party(&pharmacy.id, "pharmacy", from.millis()));
    }
    let opened = episode.phase_history.first().map_or(0, |p| p.from.millis());
    for member in &episode.care_team {
        let organization = &member.organization_id;
        let known = [&organizations.practice.id, &organizations.partner.id].contains(&organization);
        if !known && !out.iter().any(|p| p.organization == *organization) {
            out.push(party(organization, "external", opened));
        }
    }
    out
}

fn party(organization: &Id, role: &str, from: i64) -> Party {
    Party {
        organization: organization.clone(),
        role: role.to_owned(),
        valid_from: from,
        valid_to: None,
    }
}
