//! Sets as the bits of a column: what labels, classes and purposes have in common.

/// Gives a set type of one `i64` its operations.
macro_rules! mask {
    ($set:ty) => {
        impl $set {
            /// The mask as it is stored.
            #[must_use]
            pub const fn bits(self) -> i64 {
                self.0
            }

            /// A stored mask.
            #[must_use]
            pub const fn from_bits(bits: i64) -> Self {
                Self(bits)
            }

            /// Both together.
            #[must_use]
            pub const fn or(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// These without those.
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// Whether they have one in common.
            #[must_use]
            pub const fn meets(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// Whether all of these are among those.
            #[must_use]
            pub const fn within(self, other: Self) -> bool {
                self.0 & !other.0 == 0
            }

            /// Whether there is none.
            #[must_use]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }
        }
    };
}

pub(super) use mask;
