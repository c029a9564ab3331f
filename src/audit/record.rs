//! Makes rows out of events: when, by which instance, under which id.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use super::event::{Event, Row};
use crate::clock::Clock;
use crate::error::{Error, Result};

/// Stamps events. One per instance of the service.
#[derive(Debug)]
pub struct Recorder {
    clock: Clock,
    source: Arc<str>,
    /// What the random part of ids is made from.
    seed: [u8; 32],
    /// How many ids there were.
    made: AtomicU64,
    answered: AtomicU64,
}

impl Recorder {
    /// A recorder under a name of its own.
    ///
    /// # Errors
    /// When the machine has no randomness to give.
    pub fn new(clock: Clock) -> Result<Self> {
        let name: [u8; 6] = clock.secret().map_err(Error::internal)?;
        let seed: [u8; 32] = clock.secret().map_err(Error::internal)?;
        let source = format!(
            "{}@{}",
            env!("CARGO_PKG_VERSION"),
            URL_SAFE_NO_PAD.encode(name)
        );
        Ok(Self {
            clock,
            source: source.into(),
            seed,
            made: AtomicU64::new(0),
            answered: AtomicU64::new(0),
        })
    }

    /// The event as it is kept, from now.
    #[must_use]
    pub fn row(&self, event: Event) -> Row {
        let at = self.clock.millis();
        Row {
            id: text(self.id(at)),
            at,
            source: self.source.clone(),
            event,
        }
    }

    /// A UUID of version 7. Its random part is a hash of a secret and a count: the system need not be asked each time, and
    /// nobody learns from two ids how many events were between them. The clock's own ids count up in tests; an event must
    /// not take one of them away from a record.
    fn id(&self, at: i64) -> Uuid {
        let count = self.made.fetch_add(1, Ordering::Relaxed);
        let hash = Sha256::new()
            .chain_update(self.seed)
            .chain_update(count.to_be_bytes())
            .finalize();
        let mut end = [0; 10];
        end.copy_from_slice(&hash[..10]);
        let millis = u64::try_from(at).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &end).into_uuid()
    }

    /// Every event as it is kept.
    pub fn rows(&self, events: impl IntoIterator<Item = Event>) -> Vec<Row> {
        events.into_iter().map(|event| self.row(event)).collect()
    }

    /// Version of the program and name of this instance.
    #[must_use]
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// Counts a request of a known client, which must leave an event.
    pub fn count(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// How many requests of known clients there were.
    #[must_use]
    pub fn counted(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}

/// The first id of an instant: rows from then on have greater ones.
#[must_use]
pub fn first_id(at: i64) -> Uuid {
    let millis = u64::try_from(at).unwrap_or_default();
    Uuid::from_u128(u128::from(millis & 0xffff_ffff_ffff) << 80)
}

/// An id as it is kept.
#[must_use]
pub fn text(id: Uuid) -> Arc<str> {
    let mut buffer = Uuid::encode_buffer();
    Arc::from(&*id.hyphenated().encode_lower(&mut buffer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Kind;

    #[test]
    fn ids_sort_by_time() {
        let clock = Clock::fixed(time::macros::datetime!(2026-11-22 12:00:00 UTC));
        let recorder = Recorder::new(clock.clone()).expect("recorder");
        let mut last = text(first_id(clock.millis()));
        for _ in 0..100 {
            let row = recorder.row(Event::new(Kind::Read));
            assert!(row.id > last, "{} {last}", row.id);
            clock.advance(time::Duration::milliseconds(1));
            last = text(first_id(clock.millis()));
        }
    }

    #[test]
    fn no_two_ids_are_the_same_and_none_tells_a_count() {
        let clock = Clock::fixed(time::macros::datetime!(2026-11-22 12:00:00 UTC));
        let [a, b] = [(); 2].map(|()| Recorder::new(clock.clone()).expect("recorder"));
        let ids: Vec<Uuid> = (0..500).flat_map(|_| [a.id(1), b.id(1)]).collect();
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
        assert!(!ids.is_sorted());
        let ends = ids.iter().map(|id| id.as_u128() & 0xff_ffff);
        assert!(ends.collect::<std::collections::BTreeSet<_>>().len() > 900);
    }
}
