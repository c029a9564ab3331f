//! What comes by the clock and by no change: alerts that nobody has acknowledged are told once more (domain reference §9).

use crate::access::Access;
use crate::app::App;
use crate::error::{Kind, Result};
use crate::fhir::resource::Stored;
use crate::mapping::topic::{self, acknowledgements, is_acknowledged};
use crate::store::outbox::{self, Happening, Watched, Why};

const MINUTE: i64 = 60_000;
/// After so long without an acknowledgement an alert is told once more, milliseconds.
pub const FIRST: i64 = 5 * MINUTE;
/// The times after that, from when it was raised; then every half an hour.
const LATER: [i64; 2] = [15 * MINUTE, 30 * MINUTE];
const EVERY: i64 = 30 * MINUTE;
/// After so long it is told less often, for as long as nobody has acknowledged it.
const LONG: i64 = 24 * 60 * MINUTE;
const SELDOM: i64 = 6 * 60 * MINUTE;

/// When an alert is told next that was told `level` times more.
fn next(raised_at: i64, level: i64) -> i64 {
    let step = usize::try_from(level).unwrap_or(usize::MAX);
    let after = match LATER.get(step) {
        Some(after) => *after,
        None => LATER[1] + EVERY * (level - 1),
    };
    let seldom = (after - LONG).max(0) / EVERY;
    raised_at + after.min(LONG) + seldom * SELDOM
}

/// Tells once more what nobody has acknowledged; how many alerts were looked at.
///
/// # Errors
/// Those of the store.
pub async fn pass(app: &App) -> Result<usize> {
    let now = app.clock.millis();
    let due = app.store.watched(&app.tenant, now).await?;
    let mut failed = None;
    for watched in &due {
        // One that fails keeps no other from being looked at.
        if let Err(error) = look(app, watched, now).await {
            failed = Some(error);
        }
    }
    failed.map_or(Ok(due.len()), Err)
}

async fn look(app: &App, watched: &Watched, now: i64) -> Result<()> {
    let access = Access::system(app.tenant.clone(), "alerts", now);
    let row = app.store.view(&access).lookup(&watched.key).await?;
    let open = match row {
        Some(row) if is_open(app, &access, watched, &row).await? => Some(row),
        _ => None,
    };
    let steps = match open {
        None => vec![outbox::unwatch(&app.tenant, watched)],
        Some(row) => {
            tracing::warn!(level = watched.level + 1, "an alert is not acknowledged");
            let told = Happening {
                topic: topic::ALERT.into(),
                key: watched.key.clone(),
                version: row.version,
                why: Why::Escalated,
                at: now,
            };
            let next_at = next(watched.raised_at, watched.level);
            vec![
                outbox::escalate(&app.tenant, watched, next_at),
                outbox::put(&app.tenant, &told),
            ]
        }
    };
    // Where another replica was first, it did the same.
    if app.store.write("escalate alert", steps).await?.is_ok() {
        app.sends.wake_sequencer();
    }
    Ok(())
}

/// Whether somebody must see it still. What was seen before it was raised, or was raised again by becoming worse, was less.
async fn is_open(app: &App, access: &Access, watched: &Watched, row: &Stored) -> Result<bool> {
    let value = row.value().unwrap_or_default();
    if !is_acknowledged(&watched.key.kind, &value) {
        return Ok(true);
    }
    let seen = acknowledgements(&value);
    if seen.is_empty() || value["actuality"] != "actual" {
        return Ok(false);
    }
    let view = app.store.view(access);
    for version in (1..row.version).rev() {
        let old = match view.vread(&watched.key, version).await {
            Err(error) if matches!(error.kind, Kind::Gone | Kind::NotFound) => continue,
            read => read?,
        };
        if old.at < watched.raised_at {
            let before = old.value().unwrap_or_default();
            return Ok(acknowledgements(&before) == seen);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_told_until_somebody_acknowledges_it() {
        let told = (0..60).map(|level| next(0, level) / MINUTE);
        let times: Vec<i64> = std::iter::once(FIRST / MINUTE).chain(told).collect();
        assert_eq!(&times[..6], [5, 15, 30, 60, 90, 120]);
        let day = times.iter().position(|at| *at == 24 * 60);
        let day = day.expect("a day later");
        assert_eq!(times[day + 1] - times[day], 6 * 60);
        assert_eq!(times[day + 2] - times[day + 1], 6 * 60);
        assert!(times.is_sorted());
    }
}
