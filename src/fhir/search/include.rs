//! What comes along with the matches (<https://hl7.org/fhir/R4/search.html#revinclude>).

use super::SearchQuery;
use super::parse::{Hidden, invalid};
use crate::error::{Error, Result};
use crate::fhir::parameter::{self, Parameter, ParameterKind};
use crate::fhir::targets;

/// What the events of the audit name does not come along, nor do they.
const APART: &str = "AuditEvent";

/// What comes along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    pub way: Way,
    /// Whether it is asked of what came along as well.
    pub iterate: bool,
    /// The references that are followed, by the type that holds them.
    pub from: Vec<From>,
    /// Only those to resources of this type.
    pub target: Option<&'static str>,
    /// As received.
    value: String,
}

/// In which direction references are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `_include`: from the matches.
    Forward,
    /// `_revinclude`: to the matches.
    Reverse,
}

/// References of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct From {
    pub kind: &'static str,
    /// The parameters that name them.
    pub params: Vec<Followed>,
}

/// References that a parameter names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    /// The name under which they are indexed.
    pub indexed: &'static str,
    /// Only those to resources of this type: what the parameter is about.
    pub target: Option<&'static str>,
}

impl SearchQuery {
    /// Takes `_include` or `_revinclude`; `false` where it is another parameter. The matches are of the types `among`.
    pub(super) fn accompany(
        &mut self,
        name: &str,
        value: &str,
        among: &[&'static str],
        hidden: Hidden<'_>,
    ) -> Result<bool> {
        let (base, modifier) = name.split_once(':').map_or((name, ""), |(b, m)| (b, m));
        let way = match base {
            "_include" => Way::Forward,
            "_revinclude" => Way::Reverse,
            _ => return Ok(false),
        };
        if !matches!(modifier, "" | "iterate") {
            return Err(invalid(format!(
                "{base} has the modifier ':iterate' alone."
            )));
        }
        let include = read(way, modifier == "iterate", value, among, hidden);
        let include = include.ok_or_else(|| refuse(base))?;
        if !self.include.contains(&include) {
            self.include.push(include);
        }
        Ok(true)
    }
}

fn refuse(name: &str) -> Error {
    invalid(format!(
        "{name} is written Type:parameter, with a reference parameter, Type:* or *."
    ))
}

fn read(
    way: Way,
    iterate: bool,
    value: &str,
    among: &[&'static str],
    hidden: Hidden<'_>,
) -> Option<Include> {
    let anywhere = iterate || way == Way::Reverse;
    let holds = |kind: &&'static str| *kind != APART && (anywhere || among.contains(kind));
    let mut parts = value.splitn(3, ':');
    let (source, name) = (parts.next()?, parts.next());
    let target = match parts.next() {
        None => None,
        Some(target) => Some(parameter::kinds().find(|k| *k == target)?),
    };
    let mut kinds: Vec<&'static str> = parameter::kinds().filter(holds).collect();
    kinds.sort_unstable();
    let (mut from, mut only) = (Vec::new(), target);
    match (source, name) {
        ("*", None) => from.extend(kinds.into_iter().map(|kind| every(kind, hidden))),
        (_, Some(name)) => {
            let kind = kinds.into_iter().find(|k| *k == source)?;
            if name == "*" {
                from.push(every(kind, hidden));
            } else {
                let parameter = parameter::find(kind, name).filter(|p| is_one(kind, p, hidden))?;
                only = target.or(parameter.target);
                let params = vec![followed(parameter)];
                from.push(From { kind, params });
            }
        }
        _ => return None,
    }
    let reaches = |target: &'static str| iterate || among.contains(&target);
    if way == Way::Reverse && !only.is_none_or(reaches) {
        return None;
    }
    Some(Include {
        way,
        iterate,
        from,
        target,
        value: value.to_owned(),
    })
}

fn is_one(kind: &str, parameter: &Parameter, hidden: Hidden<'_>) -> bool {
    parameter.kind == ParameterKind::Reference && !hidden(kind, parameter)
}

/// Every reference of a type that a parameter names.
fn every(kind: &'static str, hidden: Hidden<'_>) -> From {
    let all = parameter::of(kind).into_iter().flatten();
    let own = all.filter(|p| p.name == p.indexed && is_one(kind, p, hidden));
    let params = own.map(followed).collect();
    From { kind, params }
}

fn followed(parameter: &Parameter) -> Followed {
    Followed {
        indexed: parameter.indexed,
        target: parameter.target,
    }
}

impl Include {
    pub(super) fn print(&self) -> (String, String) {
        let name = match self.way {
            Way::Forward => "_include",
            Way::Reverse => "_revinclude",
        };
        let modifier = if self.iterate { ":iterate" } else { "" };
        (format!("{name}{modifier}"), self.value.clone())
    }

    /// Whether something may come along with a resource of type `kind`.
    #[must_use]
    pub fn asks(&self, kind: &str) -> bool {
        match self.way {
            Way::Forward => self.from.iter().any(|from| from.kind == kind),
            Way::Reverse => {
                let wanted = self.target.is_none_or(|target| target == kind);
                wanted && self.from.iter().any(|from| from.may_refer_to(kind))
            }
        }
    }
}

impl From {
    /// Those of its references that lead to resources of type `kind`, as far as the parameters say.
    pub fn to(&self, kind: &str) -> impl Iterator<Item = &Followed> {
        let params = self.params.iter();
        params.filter(move |p| p.target.is_none_or(|target| target == kind))
    }

    fn may_refer_to(&self, kind: &str) -> bool {
        let mut all = self.to(kind);
        all.any(|p| {
            let parameter = parameter::find(self.kind, p.indexed);
            parameter.is_some_and(|it| targets::of(self.kind, it).contains(&kind))
        })
    }
}
