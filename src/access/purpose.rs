//! Purposes of use, codes of HL7 v3 ActReason, as bits.

use super::mask::mask;

/// A set of purposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Purposes(i64);

const TREAT: i64 = 1;
const COC: i64 = 1 << 1;
const ETREAT: i64 = 1 << 2;
const BTG: i64 = 1 << 3;
const HPAYMT: i64 = 1 << 4;
const HOPERAT: i64 = 1 << 5;
const CAREMGT: i64 = 1 << 6;
const PATSFTY: i64 = 1 << 7;
const PATRQT: i64 = 1 << 8;
const HRESCH: i64 = 1 << 9;
const PUBHLTH: i64 = 1 << 10;

/// Each code, its own bit, and what else who names it means (the code system's hierarchy). The bits are stored: never
/// renumber one. Nobody means to break the glass without saying so.
#[rustfmt::skip]
const CODES: &[(&str, i64, i64)] = &[
    ("TREAT", TREAT, COC | ETREAT), ("COC", COC, 0), ("ETREAT", ETREAT, 0), ("BTG", BTG, 0), ("HPAYMT", HPAYMT, 0),
    ("HOPERAT", HOPERAT, CAREMGT | PATSFTY), ("CAREMGT", CAREMGT, 0), ("PATSFTY", PATSFTY, 0), ("PATRQT", PATRQT, 0),
    ("HRESCH", HRESCH, 0), ("PUBHLTH", PUBHLTH, 0),
];

mask!(Purposes);

impl Purposes {
    pub const NONE: Self = Self(0);
    /// Every purpose but to break the glass.
    pub const ALL: Self = Self(((1 << 11) - 1) & !BTG);
    /// Every purpose, that one too: for what is denied.
    pub const WHATEVER: Self = Self((1 << 11) - 1);

    /// What is denied where these are: whoever may not treat may not do so by breaking the glass.
    #[must_use]
    pub const fn denied(self) -> Self {
        if self.meets(Self(TREAT | ETREAT)) {
            self.or(Self(BTG))
        } else {
            self
        }
    }

    /// What a caller's purpose is; none where the code is not known.
    #[must_use]
    pub fn own(code: &str) -> Self {
        let known = CODES.iter().find(|(name, ..)| *name == code);
        Self(known.map_or(0, |(_, own, _)| *own))
    }

    /// What a consent means that names `code`; `None` where the code is not known.
    #[must_use]
    pub fn named(code: &str) -> Option<Self> {
        let known = CODES.iter().find(|(name, ..)| *name == code);
        known.map(|(_, own, also)| Self(own | also))
    }
}
