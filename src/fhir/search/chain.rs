//! Criteria on other records: of what a match refers to (`subject:Patient.name=`), of what refers to it (`_has:`)
//! (<https://hl7.org/fhir/R4/search.html#chaining>).

use super::parse::{Hidden, invalid, printable, said_of};
use super::{IndexEntry, IndexValue, SearchQuery};
use crate::error::{Error, Result};
use crate::fhir::parameter::{self, Parameter, ParameterKind};
use crate::fhir::resource::Key;
use crate::fhir::targets;

/// A criterion on other records.
#[derive(Clone, Debug)]
pub struct Chain {
    pub way: Way,
    /// What one of the others must meet: a search for each type that they may be of.
    pub others: Vec<SearchQuery>,
    /// Name and value, as received.
    pub(super) raw: (String, String),
}

/// How the others are found.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// The match refers to them by this parameter.
    To(&'static Parameter),
    /// They refer to the match by this parameter.
    From(&'static Parameter),
}

/// How many more steps may be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    links: u8,
    has: u8,
}

impl Reach {
    pub(super) const WHOLE: Self = Self { links: 2, has: 1 };
}

/// What is not found by the index of the records.
const APART: [&str; 2] = ["AuditEvent", "Questionnaire"];
/// Chains of one search at most.
const MAX_CHAINS: usize = 4;
/// Types that the others may be of, where none is named.
const MAX_TYPES: usize = 8;

impl SearchQuery {
    /// Takes a criterion, on other records or on the matches themselves; `false` where there is none of that name.
    pub(super) fn criterion(
        &mut self,
        name: &str,
        value: &str,
        hidden: Hidden<'_>,
        reach: Reach,
    ) -> Result<bool> {
        let raw = (name.to_owned(), value.to_owned());
        let chain = if let Some(rest) = name.strip_prefix("_has:") {
            self.has(rest, value, hidden, reach)?
        } else if let Some((link, rest)) = name.split_once('.') {
            self.link(link, (rest, value), hidden, reach)?
        } else {
            return self.filter(name, value, hidden);
        };
        let Some((way, others)) = chain else {
            return Ok(false);
        };
        if self.chains.len() == MAX_CHAINS {
            return Err(invalid(format!(
                "At most {MAX_CHAINS} criteria on other records are allowed."
            )));
        }
        self.chains.push(Chain { way, others, raw });
        Ok(true)
    }

    fn link(
        &self,
        link: &str,
        (rest, value): (&str, &str),
        hidden: Hidden<'_>,
        reach: Reach,
    ) -> Result<Option<(Way, Vec<Self>)>> {
        let (name, wanted) = link.split_once(':').map_or((link, ""), |(n, t)| (n, t));
        let found = parameter::find(self.kind, name).filter(|p| !hidden(self.kind, p));
        let Some(parameter) = found.filter(|_| !APART.contains(&self.kind)) else {
            return Ok(None);
        };
        if parameter.kind != ParameterKind::Reference {
            return Err(invalid(format!(
                "'{name}' is no reference: nothing can be asked of what stands there."
            )));
        }
        let Some(links) = reach.links.checked_sub(1) else {
            return Err(invalid("A chain has at most two links."));
        };
        let kinds = if wanted.is_empty() {
            targets::of(self.kind, parameter)
        } else {
            let named = parameter::kinds().find(|k| *k == wanted);
            let named = named.filter(|k| parameter.target.is_none_or(|t| t == *k));
            let refuse = || {
                let wanted = printable(wanted);
                invalid(format!("'{name}' refers to nothing of type '{wanted}'."))
            };
            vec![named.ok_or_else(refuse)?]
        };
        let others = others(&kinds, (rest, value), hidden, Reach { links, ..reach })?;
        if others.len() > MAX_TYPES {
            return Err(invalid(format!(
                "'{name}' may refer to many types: name one of them, as in {name}:Type."
            )));
        }
        Ok((!others.is_empty()).then_some((Way::To(parameter), others)))
    }

    fn has(
        &self,
        rest: &str,
        value: &str,
        hidden: Hidden<'_>,
        reach: Reach,
    ) -> Result<Option<(Way, Vec<Self>)>> {
        let mut parts = rest.splitn(3, ':');
        let (Some(kind), Some(name), Some(rest)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid(
                "_has is written _has:Type:parameter:criterion, with a reference parameter.",
            ));
        };
        let kind = parameter::kinds().find(|k| *k == kind && !APART.contains(k));
        let Some(kind) = kind.filter(|_| !APART.contains(&self.kind)) else {
            return Ok(None);
        };
        let found = parameter::find(kind, name).filter(|p| p.kind == ParameterKind::Reference);
        let Some(parameter) = found.filter(|p| !hidden(kind, p)) else {
            return Ok(None);
        };
        let Some(has) = reach.has.checked_sub(1) else {
            return Err(invalid("_has stands once in a criterion."));
        };
        let others = others(&[kind], (rest, value), hidden, Reach { has, ..reach })?;
        Ok((!others.is_empty()).then_some((Way::From(parameter), others)))
    }
}

/// The criterion as a search of each type that has it. What is wrong with it is said where no type has it.
fn others(
    kinds: &[&'static str],
    (name, value): (&str, &str),
    hidden: Hidden<'_>,
    reach: Reach,
) -> Result<Vec<SearchQuery>> {
    let (mut out, mut fault) = (Vec::new(), None);
    for kind in kinds.iter().filter(|kind| !APART.contains(kind)) {
        let mut query = SearchQuery::blank(kind);
        match query.criterion(name, value, hidden, reach) {
            Ok(true) => out.push(query),
            Ok(false) => {}
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    match fault {
        Some(fault) if out.is_empty() => Err(fault),
        _ => Ok(out),
    }
}

impl Chain {
    /// The fault of a link, said of the whole criterion.
    #[must_use]
    pub fn said(&self, mut error: Error) -> Error {
        for issue in &mut error.issues {
            issue.at = Some(said_of(&self.raw.0));
        }
        error
    }

    /// Whether `own` with these values meets it, `all` being the records that there are.
    pub(super) fn matches(
        &self,
        own: &Key,
        entries: &[IndexEntry],
        all: &[(Key, Vec<IndexEntry>)],
    ) -> bool {
        let meets = |key: &Key, entries: &[IndexEntry]| {
            let mut asked = self.others.iter().filter(|o| *o.kind == *key.kind);
            asked.any(|other| other.matches_among(key, entries, all))
        };
        let refers = |parameter: &Parameter, from: &[IndexEntry], to: &Key| {
            parameter.target.is_none_or(|target| *target == *to.kind)
                && from.iter().any(|e| match &e.value {
                    IndexValue::Reference { kind, id } => {
                        e.param == parameter.indexed
                            && **kind == *to.kind
                            && **id == *to.id.as_str()
                    }
                    _ => false,
                })
        };
        all.iter().any(|(key, values)| {
            let linked = match self.way {
                Way::To(parameter) => refers(parameter, entries, key),
                Way::From(parameter) => refers(parameter, values, own),
            };
            linked && meets(key, values)
        })
    }
}
