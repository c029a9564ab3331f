//! When something that failed is tried again.

use crate::app::App;
use crate::error::{Error, Result};

/// The bound of a first failure's pause, that of a second one, and the longest, milliseconds.
const AT_ONCE: i64 = 1_000;
const FIRST: i64 = 5_000;
const LONGEST: i64 = 60 * 60 * 1000;

/// Milliseconds until the next attempt, after so many that failed before this one: any time below a bound that grows, and
/// ends at an hour (full jitter), but some. `chance` is 0 to 1,000,000.
pub(super) fn pause(failed: i64, chance: i64) -> i64 {
    let bound = match failed {
        0 => AT_ONCE,
        n => FIRST.saturating_mul(3_i64.saturating_pow(u32::try_from(n - 1).unwrap_or(u32::MAX))),
    };
    (bound.min(LONGEST) * chance / 1_000_000).max(1)
}

/// 0 to 1,000,000, by chance.
pub(super) fn chance(app: &App) -> Result<i64> {
    let bytes: [u8; 4] = app.clock.secret().map_err(Error::internal)?;
    Ok(i64::from(u32::from_be_bytes(bytes)) % 1_000_001)
}
