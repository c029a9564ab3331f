//! SMART scopes, version 2 and 1 (<https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html>):
//! how they are read, printed and intersected, and what they let a client do.
//!
//! Only `system/` scopes: the clients are services, there is no user and no launched patient.

mod letters;
mod narrowing;

use std::fmt;
use std::sync::Arc;

pub use letters::{Interaction, Letters};
pub use narrowing::{Criterion, Narrowing, Token};

/// Longest scope text that is read, in bytes.
const MAX_BYTES: usize = 4096;
/// Most scopes in one text.
const MAX_SCOPES: usize = 100;
/// The one scope that is about no resource.
const INTROSPECT: &str = "system/$introspect";

/// The version of SMART in which a scope was asked for and is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    V1,
    V2,
}

/// The resources that a scope speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Any,
    One(Arc<str>),
}

/// A scope over resources: `system/Observation.rs?category=vital-signs`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct DataScope {
    kind: Kind,
    letters: Letters,
    form: Form,
    narrowed: Narrowing,
}

/// One scope.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Scope {
    Data(DataScope),
    Introspect,
}

/// The scopes of a token or a registration.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Scopes(Arc<Vec<Scope>>);

/// Why a text is no list of scopes that this service knows. Its text names the scope and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeError(String);

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScopeError {}

impl Scopes {
    /// Reads scopes separated by spaces; each must be one that this service knows.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let mut scopes = Self::default();
        for word in words(text)? {
            scopes.push(Scope::parse(word).map_err(|why| {
                ScopeError(format!("The scope '{}' {why}.", word.escape_default()))
            })?);
        }
        Ok(scopes)
    }

    /// Reads the scopes that a client asks for and passes over those that this service does not know
    /// (an authorization server may grant less than was asked for).
    pub fn requested(text: &str) -> Result<Self, ScopeError> {
        let mut scopes = Self::default();
        words(text)?
            .filter_map(|word| Scope::parse(word).ok())
            .for_each(|s| scopes.push(s));
        Ok(scopes)
    }

    /// What of these, the scopes asked for, `registered` covers. A wildcard is granted as the registered list, what is
    /// narrowed on either side stays so, and a scope asked for in the words of SMART v1 is answered so.
    #[must_use]
    pub fn granted(&self, registered: &Self) -> Self {
        let mut granted = Self::default();
        for asked in self.0.iter() {
            registered
                .0
                .iter()
                .filter_map(|have| asked.and(have))
                .for_each(|s| granted.push(s));
        }
        granted
    }

    /// Whether one of the scopes covers `interaction` on `kind`, be it on some of its records alone.
    #[must_use]
    pub fn allow(&self, interaction: Interaction, kind: &str) -> bool {
        self.of(kind).any(|s| s.letters.has(interaction))
    }

    /// Whether one of the scopes covers `interaction` on every record of `kind`.
    #[must_use]
    pub fn allow_all(&self, interaction: Interaction, kind: &str) -> bool {
        let mut whole = self.of(kind).filter(|s| s.narrowed.is_empty());
        whole.any(|s| s.letters.has(interaction))
    }

    /// The narrowings of which a record of `kind` must meet one where somebody does `interaction` with it; `None` where
    /// nothing is narrowed. What is looked at for the sake of another interaction is narrowed as that one is.
    #[must_use]
    pub fn narrowed(&self, interaction: Interaction, kind: &str) -> Option<Vec<&Narrowing>> {
        let mut all: Vec<&DataScope> = self.of(kind).collect();
        if all.iter().any(|s| s.letters.has(interaction)) {
            all.retain(|s| s.letters.has(interaction));
        }
        let narrowed = !all.is_empty() && all.iter().all(|s| !s.narrowed.is_empty());
        narrowed.then(|| all.into_iter().map(|s| &s.narrowed).collect())
    }

    /// Whether any scope is narrowed.
    #[must_use]
    pub fn any_narrowed(&self) -> bool {
        self.data().any(|s| !s.narrowed.is_empty())
    }

    /// The scopes that speak of `kind`.
    fn of(&self, kind: &str) -> impl Iterator<Item = &DataScope> {
        self.data()
            .filter(move |s| (s.kind == Kind::Any || s.names(kind)) && s.narrowed.applies(kind))
    }

    /// Whether the client may ask what other clients' tokens are worth (RFC 7662).
    #[must_use]
    pub fn may_introspect(&self) -> bool {
        self.0.contains(&Scope::Introspect)
    }

    /// Whether there is no scope.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The resource types that are named, each with its letters; wildcards are not among them.
    pub fn named(&self) -> impl Iterator<Item = (&str, Letters)> {
        self.data().filter_map(|s| match &s.kind {
            Kind::One(kind) => Some((kind.as_ref(), s.letters)),
            Kind::Any => None,
        })
    }

    fn data(&self) -> impl Iterator<Item = &DataScope> {
        self.0.iter().filter_map(|s| match s {
            Scope::Data(data) => Some(data),
            Scope::Introspect => None,
        })
    }

    /// Adds a scope; letters of one type in one form become one scope.
    fn push(&mut self, scope: Scope) {
        let scopes = Arc::make_mut(&mut self.0);
        if let Scope::Data(new) = &scope {
            let same = scopes.iter_mut().find_map(|old| match old {
                Scope::Data(old) if old.merges_with(new) => Some(old),
                _ => None,
            });
            if let Some(old) = same {
                old.letters = old.letters.or(new.letters);
                return;
            }
        }
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, scope) in self.0.iter().enumerate() {
            let gap = if i == 0 { "" } else { " " };
            match scope {
                Scope::Data(data) => write!(f, "{gap}{data}")?,
                Scope::Introspect => write!(f, "{gap}{INTROSPECT}")?,
            }
        }
        Ok(())
    }
}

impl Scope {
    fn parse(word: &str) -> Result<Self, &'static str> {
        if word == INTROSPECT {
            return Ok(Self::Introspect);
        }
        let rest = word
            .strip_prefix("system/")
            .ok_or("is not a 'system/' scope")?;
        let (access, query) = match rest.split_once('?') {
            Some((access, query)) => (access, Some(query)),
            None => (rest, None),
        };
        let (kind, suffix) = access
            .split_once('.')
            .ok_or("has no letters after its type")?;
        let (letters, form) = suffix_of(suffix)?;
        if query.is_some() && form == Form::V1 {
            return Err("narrows a SMART v1 scope, which only v2 scopes can");
        }
        let scope = DataScope {
            kind: kind_of(kind)?,
            letters,
            form,
            narrowed: query.map_or(Ok(Narrowing::default()), Narrowing::parse)?,
        };
        if scope.is_empty() {
            return Err("is narrowed by a parameter that its type does not have");
        }
        Ok(Self::Data(scope))
    }

    fn and(&self, registered: &Self) -> Option<Self> {
        match (self, registered) {
            (Self::Data(asked), Self::Data(have)) => asked.and(have).map(Self::Data),
            (Self::Introspect, Self::Introspect) => Some(Self::Introspect),
            _ => None,
        }
    }
}

impl DataScope {
    fn names(&self, kind: &str) -> bool {
        matches!(&self.kind, Kind::One(own) if **own == *kind)
    }

    fn merges_with(&self, other: &Self) -> bool {
        self.kind == other.kind && self.form == other.form && self.narrowed == other.narrowed
    }

    fn and(&self, registered: &Self) -> Option<Self> {
        let kind = match (&self.kind, &registered.kind) {
            (Kind::Any, kind) | (kind, Kind::Any) => kind.clone(),
            (asked, have) => (asked == have).then(|| asked.clone())?,
        };
        let both = Self {
            kind,
            letters: self.letters.and(registered.letters),
            form: self.form,
            narrowed: self.narrowed.and(&registered.narrowed),
        };
        let form = if both.narrowed.is_empty() {
            self.form
        } else {
            Form::V2
        };
        (!both.letters.is_empty() && !both.is_empty()).then_some(Self { form, ..both })
    }

    /// Whether no record can meet what it is narrowed by.
    fn is_empty(&self) -> bool {
        matches!(&self.kind, Kind::One(kind) if !self.narrowed.applies(kind))
    }
}

impl fmt::Display for DataScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Any => f.write_str("system/*.")?,
            Kind::One(kind) => write!(f, "system/{kind}.")?,
        }
        match (self.form, self.letters) {
            (Form::V1, Letters::READ) => f.write_str("read")?,
            (Form::V1, Letters::WRITE) => f.write_str("write")?,
            (Form::V1, Letters::ALL) => f.write_str("*")?,
            // A part of what v1 asked for has no v1 word.
            (_, letters) => write!(f, "{letters}")?,
        }
        if !self.narrowed.is_empty() {
            write!(f, "?{}", self.narrowed)?;
        }
        Ok(())
    }
}

/// The words of a scope text, within the limits.
fn words(text: &str) -> Result<impl Iterator<Item = &str>, ScopeError> {
    let legal = |b: u8| b == b' ' || (b.is_ascii_graphic() && b != b'"' && b != b'\\');
    if text.len() > MAX_BYTES {
        return Err(ScopeError(format!(
            "The scopes are longer than {MAX_BYTES} bytes."
        )));
    }
    if !text.bytes().all(legal) {
        let rule = "Scopes are printable ASCII without quotation marks and backslashes, separated by spaces.";
        return Err(ScopeError(rule.into()));
    }
    let words = || text.split(' ').filter(|word| !word.is_empty());
    if words().count() > MAX_SCOPES {
        return Err(ScopeError(format!(
            "There are more than {MAX_SCOPES} scopes."
        )));
    }
    Ok(words())
}

fn suffix_of(suffix: &str) -> Result<(Letters, Form), &'static str> {
    match suffix {
        "read" => Ok((Letters::READ, Form::V1)),
        "write" => Ok((Letters::WRITE, Form::V1)),
        "*" => Ok((Letters::ALL, Form::V1)),
        letters => Letters::parse(letters)
            .map(|letters| (letters, Form::V2))
            .ok_or("must end in letters of 'cruds' in that order, or in 'read', 'write' or '*'"),
    }
}

fn kind_of(kind: &str) -> Result<Kind, &'static str> {
    let name = kind.starts_with(|c: char| c.is_ascii_uppercase())
        && kind.len() <= 64
        && kind.bytes().all(|b| b.is_ascii_alphabetic());
    match kind {
        "*" => Ok(Kind::Any),
        _ if name => Ok(Kind::One(kind.into())),
        _ => Err("must name a resource type or '*'"),
    }
}

#[cfg(test)]
mod tests;
