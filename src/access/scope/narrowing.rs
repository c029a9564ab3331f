//! How a scope is narrowed by search parameters: `?category=http://…|vital-signs&status=final`. All of its criteria
//! must hold of a record, each by one of the record's own values.

use std::fmt;
use std::sync::Arc;

use crate::fhir::parameter::{self, ParameterKind};

/// The parameters by which a scope may be narrowed.
const PARAMETERS: [&str; 5] = ["category", "code", "status", "_security", "_tag"];
/// The audit trail is no part of the record and has none of these parameters.
const NEVER: &str = "AuditEvent";
/// Longest value in bytes: values are compared no further.
const MAX_VALUE: usize = 512;

/// A value by which a record is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// The name under which it is indexed.
    pub param: &'a str,
    /// Empty where there is none.
    pub system: &'a str,
    pub code: &'a str,
}

/// One parameter and its value, read as a token search is: `code`, `system|code`, `|code` or `system|`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Criterion {
    name: Arc<str>,
    /// `None` for a code of whatever system.
    system: Option<Arc<str>>,
    /// `None` for every code of the system.
    code: Option<Arc<str>>,
}

/// Criteria that must all hold, also those of one parameter, as in a search; none at all for a scope that is not
/// narrowed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Narrowing(Vec<Criterion>);

impl Criterion {
    fn parse(pair: &str) -> Result<Self, &'static str> {
        let (name, value) = pair
            .split_once('=')
            .ok_or("has a parameter without a value")?;
        if !PARAMETERS.contains(&name) {
            return Err("may only be narrowed by category, code, status, _security or _tag");
        }
        if value.is_empty() || value.contains([',', '=', '?', '%']) {
            return Err("must give its parameter exactly one value, written as it is");
        }
        if value.len() > MAX_VALUE {
            return Err("has a value that is too long");
        }
        let some = |text: &str| Some(Arc::from(text)).filter(|t: &Arc<str>| !t.is_empty());
        let (system, code) = match value.split_once('|') {
            None => (None, some(value)),
            Some((system, code)) if !code.contains('|') => (Some(system.into()), some(code)),
            Some(_) => return Err("writes a value that is neither code, system|code nor system|"),
        };
        if code.is_none() && system.as_deref().is_none_or(str::is_empty) {
            return Err("must give its parameter exactly one value, written as it is");
        }
        Ok(Self {
            name: name.into(),
            system,
            code,
        })
    }

    /// The system that is asked for; empty for none, `None` for any.
    #[must_use]
    pub fn system(&self) -> Option<&str> {
        self.system.as_deref()
    }

    /// The code that is asked for; `None` for any.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The name under which records of type `kind` have the parameter; `None` where they have none.
    #[must_use]
    pub fn param(&self, kind: &str) -> Option<&'static str> {
        let found = parameter::find(kind, &self.name).filter(|_| kind != NEVER);
        let found = found.filter(|p| matches!(p.kind, ParameterKind::Token | ParameterKind::Uri));
        found.map(|p| p.indexed)
    }

    fn met(&self, kind: &str, tokens: &[Token<'_>]) -> bool {
        let Some(param) = self.param(kind) else {
            return false;
        };
        tokens.iter().any(|t| {
            t.param == param
                && self.system().is_none_or(|system| system == t.system)
                && self.code().is_none_or(|code| code == t.code)
        })
    }

    /// Whether whatever meets `other` meets this one too.
    fn includes(&self, other: &Self) -> bool {
        self.name == other.name
            && (self.system.is_none() || self.system == other.system)
            && (self.code.is_none() || self.code == other.code)
    }
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.name)?;
        if let Some(system) = &self.system {
            write!(f, "{system}|")?;
        }
        f.write_str(self.code().unwrap_or_default())
    }
}

impl Narrowing {
    pub(super) fn parse(query: &str) -> Result<Self, &'static str> {
        query
            .split('&')
            .map(Criterion::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The criteria, all of which must hold.
    pub fn criteria(&self) -> impl Iterator<Item = &Criterion> {
        self.0.iter()
    }

    /// Whether records of type `kind` have every parameter that is named.
    #[must_use]
    pub fn applies(&self, kind: &str) -> bool {
        self.0.iter().all(|c| c.param(kind).is_some())
    }

    /// Whether a record of type `kind` that is found by `tokens` meets every criterion.
    #[must_use]
    pub fn met(&self, kind: &str, tokens: &[Token<'_>]) -> bool {
        self.0.iter().all(|c| c.met(kind, tokens))
    }

    /// Both together, without what follows from the rest.
    pub(super) fn and(&self, other: &Self) -> Self {
        let mut all = self.0.clone();
        for one in &other.0 {
            if !all.iter().any(|own| one.includes(own)) {
                all.retain(|own| !own.includes(one));
                all.push(one.clone());
            }
        }
        Self(all)
    }
}

impl fmt::Display for Narrowing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, criterion) in self.0.iter().enumerate() {
            write!(f, "{}{criterion}", if i == 0 { "" } else { "&" })?;
        }
        Ok(())
    }
}
