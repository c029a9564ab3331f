//! Interactions and the letters that stand for them in a scope.

use std::fmt;

/// The five letters of a SMART v2 scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interaction {
    Create,
    Read,
    Update,
    Delete,
    Search,
}

impl Interaction {
    /// Every interaction, in the order of its letters in a scope: `cruds`.
    pub const ALL: [Self; 5] = [
        Self::Create,
        Self::Read,
        Self::Update,
        Self::Delete,
        Self::Search,
    ];

    /// The interaction's letter in a scope.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Create => 'c',
            Self::Read => 'r',
            Self::Update => 'u',
            Self::Delete => 'd',
            Self::Search => 's',
        }
    }
}

impl fmt::Display for Interaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Search => "search",
        })
    }
}

/// A set of interactions, written as an in-order part of `cruds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Letters(pub(super) u8);

impl Letters {
    pub(super) const READ: Self = Self(0b1_0010);
    pub(super) const WRITE: Self = Self(0b0_1101);
    pub(super) const ALL: Self = Self(0b1_1111);

    /// The letters of `text`; `None` unless it is a non-empty, in-order part of `cruds`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = Interaction::ALL.iter();
        let mut letters = Self::default();
        for c in text.chars() {
            letters = letters.with(*rest.find(|i| i.letter() == c)?);
        }
        (!letters.is_empty()).then_some(letters)
    }

    /// These letters and that of `interaction`.
    #[must_use]
    pub const fn with(self, interaction: Interaction) -> Self {
        Self(self.0 | 1 << interaction as u8)
    }

    /// Whether the letter of `interaction` is one of these.
    #[must_use]
    pub const fn has(self, interaction: Interaction) -> bool {
        self.0 & (1 << interaction as u8) != 0
    }

    /// The letters that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The letters of either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there is no letter.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The interactions, in order.
    pub fn interactions(self) -> impl Iterator<Item = Interaction> {
        Interaction::ALL.into_iter().filter(move |i| self.has(*i))
    }
}

impl fmt::Display for Letters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.interactions()
            .try_for_each(|i| write!(f, "{}", i.letter()))
    }
}
