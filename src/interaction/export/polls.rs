//! How often a client asks how far its export is: now and then more quickly than it was told to is its own affair, but not for
//! ever (<https://hl7.org/fhir/uv/bulkdata/STU2/export.html#bulk-data-status-request>).

use quick_cache::sync::Cache;

use crate::error::{Error, Kind, Result};

/// Questions at once.
const AT_ONCE: i64 = 10;
/// After so long there may be one more, milliseconds.
const EVERY: i64 = 1_000;
/// Exports that are counted at once: more than there can be at work.
const EXPORTS: usize = 256;

/// The questions of late. Each replica counts those that it hears.
#[derive(Debug)]
pub struct Polls(Cache<String, i64>);

impl Default for Polls {
    fn default() -> Self {
        Self(Cache::new(EXPORTS))
    }
}

impl Polls {
    /// Counts one more at `now`, milliseconds since 1970.
    ///
    /// # Errors
    /// `TooMany` where there were too many of late.
    pub fn count(&self, export: &str, now: i64) -> Result<()> {
        // The instant at which all that was asked is paid for, one question after the other.
        let paid = self.0.get(export).unwrap_or(now).max(now);
        if paid - now > (AT_ONCE - 1) * EVERY {
            let text = "The state of this export was asked for too often: ask again after the seconds of Retry-After.";
            return Err(Error::new(Kind::TooMany, text));
        }
        self.0.insert(export.to_owned(), paid + EVERY);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_too_often_waits() {
        let polls = Polls::default();
        for _ in 0..AT_ONCE {
            polls.count("a", 1_000).expect("one more");
        }
        assert!(polls.count("a", 1_000).is_err());
        polls.count("b", 1_000).expect("another export");
        assert!(polls.count("a", 1_999).is_err());
        polls.count("a", 2_000).expect("one a second");
        assert!(polls.count("a", 2_000).is_err());
        for second in 3..60 {
            polls.count("a", second * 1_000).expect("as it was told");
        }
        for _ in 0..AT_ONCE {
            polls.count("a", 99_000).expect("it rested");
        }
        assert!(polls.count("a", 99_000).is_err());
    }
}
