//! Makes rows out of events: when, by which instance, under which id.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::{Builder, Uuid};

use super::event::{Event, Row};
use crate::clock::Clock;
use crate::error::{Error, Result};

/// Bits at the end of an id that are the same in all of one instance.
const OWN: u32 = 42;

/// Stamps events. One per instance of the service.
#[derive(Debug)]
pub struct Recorder {
    clock: Clock,
    source: Arc<str>,
    /// What ends the ids of this instance: 42 bits that no other one is likely to have.
    own: u64,
    /// How many ids there were.
    made: AtomicU32,
    answered: AtomicU64,
}

impl Recorder {
    /// A recorder under a name of its own.
    ///
    /// # Errors
    /// When the machine has no randomness to give.
    pub fn new(clock: Clock) -> Result<Self> {
        let name: [u8; 6] = clock.secret().map_err(Error::internal)?;
        let own: [u8; 8] = clock.secret().map_err(Error::internal)?;
        let source = format!(
            "{}@{}",
            env!("CARGO_PKG_VERSION"),
            URL_SAFE_NO_PAD.encode(name)
        );
        Ok(Self {
            clock,
            source: source.into(),
            own: u64::from_be_bytes(own) & (u64::MAX >> (64 - OWN)),
            made: AtomicU32::new(0),
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

    /// A UUID of version 7 with a counter (RFC 9562 §6.2, method 1): those of one millisecond are in order too. The
    /// clock's own ids count up in tests; an event must not take one of them away from a record.
    fn id(&self, at: i64) -> Uuid {
        let n = u64::from(self.made.fetch_add(1, Ordering::Relaxed));
        let (high, low) = (n >> 20, n & 0xf_ffff);
        let mut end = [0; 10];
        end[..2].copy_from_slice(&high.to_be_bytes()[6..]);
        end[2..].copy_from_slice(&(low << OWN | self.own).to_be_bytes());
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
            for _ in 0..20 {
                let row = recorder.row(Event::new(Kind::Read));
                assert!(row.id > last, "{} {last}", row.id);
                last = row.id;
            }
            clock.advance(time::Duration::milliseconds(1));
            last = text(first_id(clock.millis()));
        }
    }

    #[test]
    fn ids_of_two_instances_differ_and_a_counter_fills_its_bits() {
        let clock = Clock::fixed(time::macros::datetime!(2026-11-22 12:00:00 UTC));
        let [a, b] = [(); 2].map(|()| Recorder::new(clock.clone()).expect("recorder"));
        a.made.store(u32::MAX, Ordering::Relaxed);
        let last = a.id(1).as_u128();
        assert_eq!(last >> 42 & 0xf_ffff, 0xf_ffff, "{last:x}");
        assert_eq!(last >> 64 & 0xffff, 0x7fff, "{last:x}");
        assert_eq!(a.id(1).get_version_num(), 7);
        assert_ne!(
            a.id(1).as_u128() & 0xffff_ffff,
            b.id(1).as_u128() & 0xffff_ffff
        );
    }
}
