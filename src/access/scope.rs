//! SMART scopes, version 2 and 1 (<https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html>).

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

/// The scopes of a token or a registration.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Scopes;

impl Scopes {
    /// Whether one of the scopes covers `interaction` on `kind`.
    #[must_use]
    pub fn allow(&self, _interaction: Interaction, _kind: &str) -> bool {
        false
    }
}
