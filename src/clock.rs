//! Time and randomness: the only place that asks the machine for either.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;
use uuid::Uuid;

/// Tells the time and makes ids. Cloned clocks are one clock.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

/// So many ids in a row begin alike.
const NEAR: u32 = 1024;

/// How the next ids begin, and how many of them still do.
#[derive(Debug, Default)]
struct Beginning {
    bytes: [u8; 4],
    left: u32,
}

#[derive(Debug)]
enum Inner {
    System(Mutex<Beginning>),
    /// Stands still until moved; ids and secrets count up.
    Fixed {
        millis: AtomicI64,
        count: AtomicU64,
    },
}

impl Clock {
    /// The machine's clock and randomness.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(Inner::System(Mutex::default())))
    }

    /// A clock for tests: starts at `start`, stands still, makes the same ids in the same order.
    #[must_use]
    pub fn fixed(start: OffsetDateTime) -> Self {
        let millis = AtomicI64::new(start.unix_timestamp() * 1000);
        Self(Arc::new(Inner::Fixed {
            millis,
            count: AtomicU64::new(0),
        }))
    }

    /// Now, in UTC, to the millisecond.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        let millis = self.millis();
        let whole = OffsetDateTime::from_unix_timestamp(millis.div_euclid(1000));
        whole.unwrap_or(OffsetDateTime::UNIX_EPOCH)
            + time::Duration::milliseconds(millis.rem_euclid(1000))
    }

    /// Milliseconds since 1970.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the home of the machine's clock")]
    pub fn millis(&self) -> i64 {
        match &*self.0 {
            Inner::System(_) => {
                let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
            }
            Inner::Fixed { millis, .. } => millis.load(Ordering::SeqCst),
        }
    }

    /// Moves a fixed clock; a system clock cannot be moved and stays as it is.
    pub fn advance(&self, by: time::Duration) {
        if let Inner::Fixed { millis, .. } = &*self.0 {
            millis.fetch_add(
                i64::try_from(by.whole_milliseconds()).unwrap_or(0),
                Ordering::SeqCst,
            );
        }
    }

    /// A new random id (UUID version 4; counted on a fixed clock). The ids of a while share their first four bytes, which
    /// are random too: what is written together stands together in every index, so that a write touches fewer pages. Of a
    /// record they tell no more than that it was made near another one; 90 bits of each are its own.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the home of randomness")]
    pub fn uuid(&self) -> Uuid {
        match &*self.0 {
            Inner::System(beginning) => {
                let mut bytes = Uuid::new_v4().into_bytes();
                let mut near = beginning.lock().unwrap_or_else(PoisonError::into_inner);
                if near.left == 0 {
                    near.bytes.copy_from_slice(&bytes[..4]);
                    near.left = NEAR;
                }
                near.left -= 1;
                bytes[..4].copy_from_slice(&near.bytes);
                Uuid::from_bytes(bytes)
            }
            Inner::Fixed { count, .. } => {
                let n = count.fetch_add(1, Ordering::SeqCst);
                uuid::Builder::from_random_bytes(u128::from(n).to_be_bytes()).into_uuid()
            }
        }
    }

    /// `N` unpredictable bytes from the crypto provider, on every kind of clock: secrets are never counted.
    ///
    /// # Errors
    /// When the machine has no randomness to give.
    pub fn secret<const N: usize>(&self) -> Result<[u8; N], aws_lc_rs::error::Unspecified> {
        let mut bytes = [0; N];
        aws_lc_rs::rand::fill(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_stand_together_for_a_while_and_are_all_different() {
        let clock = Clock::system();
        let ids: Vec<Uuid> = (0..3 * NEAR).map(|_| clock.uuid()).collect();
        let beginnings: HashSet<[u8; 4]> = ids
            .iter()
            .map(|id| id.into_bytes()[..4].try_into().unwrap_or_default())
            .collect();
        assert_eq!(beginnings.len(), 3);
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
        assert!(ids.iter().all(|id| id.get_version_num() == 4));
    }
}
