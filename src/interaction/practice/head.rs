//! What lists show of an episode.

use crate::kap::Episode;
use crate::mapping;
use crate::store::episode::Head;

/// The list entry of `episode`, written at `at` (milliseconds since 1970).
#[must_use]
pub fn of(episode: &Episode, at: i64) -> Head {
    Head {
        episode: episode.episode_id.clone(),
        patient: episode.patient.id.clone(),
        owner: episode.organizations.practice.id.clone(),
        version: episode.version,
        phase: episode.phase.code().to_owned(),
        status: mapping::register::status(episode),
        due_day: episode.next_day_due().map(|day| day.to_string()),
        updated_at: at,
    }
}
