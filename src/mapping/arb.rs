//! Random facts for property tests: a seed gives one value, so that a failure can be repeated.

mod consultation;
mod decision;
mod medication;
mod people;

use crate::kap::base::{Coding, Day, Decimal, Id, Instant, Quantity};

/// `few` cases, or as many as `PROPTEST_CASES` asks for.
pub fn cases(few: u32) -> proptest::test_runner::Config {
    const UNASKED: u32 = 256;
    let asked = proptest::test_runner::Config::default();
    match asked.cases {
        UNASKED => proptest::test_runner::Config::with_cases(few),
        _ => asked,
    }
}

/// A source of random values (SplitMix64).
#[derive(Debug)]
pub struct Gen(u64);

impl Gen {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn flip(&mut self) -> bool {
        self.below(2) == 0
    }

    pub fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.flip().then(|| make(self))
    }

    pub fn many<T>(&mut self, min: u64, max: u64, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let n = min + self.below(max - min + 1);
        (0..n).map(|_| make(self)).collect()
    }

    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        let n = u64::try_from(all.len()).unwrap_or(1);
        all[usize::try_from(self.below(n)).unwrap_or(0)]
    }

    fn letters(&mut self, alphabet: &str, min: u64, max: u64) -> String {
        let all: Vec<char> = alphabet.chars().collect();
        self.many(min, max, |g| g.one_of(&all))
            .into_iter()
            .collect()
    }

    /// Words with everything that markup and JSON must escape.
    pub fn text(&mut self) -> String {
        self.letters("abcXYZ 019<>&\"'\\/äß–{}\n", 1, 24)
    }

    pub fn word(&mut self) -> String {
        self.letters("abcdefghij-", 1, 12)
    }

    /// No other one of this source: a number that does not come again is a part of it.
    pub fn id(&mut self) -> Id {
        let text = format!("r{:x}{}", self.next(), self.letters("abcXYZ019-.", 0, 47));
        Id::new(text).unwrap_or_default()
    }

    pub fn small(&mut self) -> u32 {
        u32::try_from(self.below(400)).unwrap_or(0)
    }

    pub fn positive(&mut self) -> u32 {
        self.small() + 1
    }

    pub fn int(&mut self) -> i64 {
        i64::try_from(self.below(2_000_000)).unwrap_or(0) - 1_000_000
    }

    /// At most 15 digits (what a JSON number keeps), without trailing zeros (which it does not keep).
    pub fn decimal(&mut self) -> Decimal {
        let digits = i64::try_from(self.below(2_000_000_000_000)).unwrap_or(0) - 1_000_000_000_000;
        let scale = u32::try_from(self.below(9)).unwrap_or(0);
        Decimal(rust_decimal::Decimal::new(digits, scale).normalize())
    }

    pub fn instant(&mut self) -> Instant {
        let seconds = i64::try_from(self.below(3_000_000_000)).unwrap_or(0);
        let quarters = i32::try_from(self.below(96)).unwrap_or(0) - 47;
        let nanos = if self.flip() {
            0
        } else {
            self.below(1000) * 1_000_000
        };
        let offset =
            time::UtcOffset::from_whole_seconds(quarters * 900).unwrap_or(time::UtcOffset::UTC);
        let utc = time::OffsetDateTime::from_unix_timestamp(seconds)
            .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
        let nanos = i64::try_from(nanos).unwrap_or(0);
        Instant((utc + time::Duration::nanoseconds(nanos)).to_offset(offset))
    }

    pub fn day(&mut self) -> Day {
        Day(self.instant().0.date())
    }

    pub fn coding(&mut self) -> Coding {
        Coding {
            system: format!("http://example.org/{}", self.word()),
            code: self.word(),
            display: self.maybe(Self::text),
        }
    }

    /// With its code: a unit without one comes back with it (but for lozenges).
    pub fn quantity(&mut self) -> Quantity {
        let (unit, system, code) = if self.flip() {
            ("lozenge", None, None)
        } else {
            ("mg", Some("http://unitsofmeasure.org"), Some("mg"))
        };
        Quantity {
            value: self.decimal(),
            unit: unit.to_owned(),
            system: system.map(str::to_owned),
            code: code.map(str::to_owned),
        }
    }
}
