//! The wrapper of what a patient said in confidence.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// Something private: it can be read from a request and compared, never printed, logged or serialised.
/// Only the modules beside this one can look inside, to seal it and to answer its originator.
#[derive(PartialEq, Eq)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// What is inside.
    pub(super) const fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[private]")
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Private<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        T::deserialize(d).map(Self)
    }
}

/// Does not compile where the type has one of the traits: then a call would have two candidates.
macro_rules! has_none_of {
    ($type:ty: $($name:ident = $trait:path),+ $(,)?) => {
        const _: () = {
            trait Candidate<Of> {
                const ONE: () = ();
            }
            impl<T: ?Sized> Candidate<()> for T {}
            $(
                struct $name;
                impl<T: ?Sized + $trait> Candidate<$name> for T {}
            )+
            <$type as Candidate<_>>::ONE
        };
    };
}
pub(super) use has_none_of;

has_none_of!(Private<String>: Writes = serde::Serialize, Shows = fmt::Display, Copies = Clone, Looks = std::ops::Deref, Lends = AsRef<str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_shown() {
        let said: Private<String> = serde_json::from_str("\"ZZPRIVATE\"").expect("text");
        assert_eq!(format!("{said:?} {said:#?}"), "[private] [private]");
        assert_eq!(said.reveal(), "ZZPRIVATE");
    }
}
