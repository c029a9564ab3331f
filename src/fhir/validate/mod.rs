//! Whether JSON is a resource of R4 (<https://hl7.org/fhir/R4/validation.html>): its shape, the forms of its values, its
//! codes, what its references may point at, and the rules of the standard. All that is wrong is told at once.

mod binding;
mod contained;
mod path;
mod rule;
mod target;
mod walk;

#[cfg(test)]
mod tests;

use serde_json::Value;

pub use self::binding::outside as binding_outside;
pub use self::contained::Contained;
pub use self::path::Path;
pub use self::rule::broken;
pub use self::target::fault as target_fault;
use self::walk::Walk;
use super::definitions::Severity;
use super::profile::OWN;
use crate::error::{Error, Issue, Kind, Result};

/// Most issues of one answer.
pub const MOST: usize = 50;

/// So many findings are enough to stop looking for more.
pub const ENOUGH: usize = 200;

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub severity: Severity,
    /// Whether it is a fault of form: the text cannot be read as what it should be.
    pub form: bool,
    pub issue: Issue,
}

/// How much is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What a resource that is stored must keep.
    Errors,
    /// What should be otherwise as well.
    Warnings,
}

/// All that is found in `resource`, in the order of its elements.
#[must_use]
pub fn findings(resource: &Value, depth: Depth) -> Vec<Found> {
    let mut found = base(resource, depth);
    for (n, url) in claims(resource) {
        if OWN.knows(url) {
            add(&mut found, OWN.judge(url, resource, depth));
        } else if OWN.owns(url) || depth == Depth::Warnings {
            found.push(unknown(resource, n, OWN.owns(url)));
        }
    }
    found
}

/// What the profile at `url` says of `resource` beside the standard and the profiles that it claims.
#[must_use]
pub fn against(url: &str, resource: &Value, depth: Depth) -> Vec<Found> {
    OWN.judge(url, resource, depth)
}

/// Adds what was found, but for what is said of the same place already.
pub fn add(found: &mut Vec<Found>, more: Vec<Found>) {
    for one in more {
        let same = |other: &Found| {
            plain(other.issue.at.as_deref()) == plain(one.issue.at.as_deref())
                && other.issue.code == one.issue.code
                && other.issue.rule == one.issue.rule
                && other.severity == one.severity
        };
        if !found.iter().any(same) {
            found.push(one);
        }
    }
}

/// A place with its elements as FHIRPath knows them.
fn plain(at: Option<&str>) -> String {
    let steps = at.unwrap_or_default().split('.').map(|step| {
        let (name, index) = step.find('[').map_or((step, ""), |n| step.split_at(n));
        format!("{}{index}", super::definitions::element(name))
    });
    steps.collect::<Vec<_>>().join(".")
}

/// The profiles that a resource claims.
fn claims(resource: &Value) -> impl Iterator<Item = (usize, &str)> {
    let all = resource["meta"]["profile"].as_array().into_iter().flatten();
    all.enumerate()
        .filter_map(|(n, url)| Some((n, url.as_str()?)))
}

fn unknown(resource: &Value, n: usize, ours: bool) -> Found {
    let kind = resource["resourceType"].as_str().unwrap_or_default();
    let (severity, code, text) = if ours {
        (Severity::Error, "value", "There is no such profile.")
    } else {
        let text = "This service does not know the profile: nothing was judged by it.";
        (Severity::Warning, "not-supported", text)
    };
    Found {
        severity,
        form: false,
        issue: Issue {
            code: Some(code),
            text: text.into(),
            at: Some(format!("{kind}.meta.profile[{n}]")),
            ..Issue::default()
        },
    }
}

/// What the standard says of it, and our definitions of the extensions and codes in it: all but its profiles.
fn base(resource: &Value, depth: Depth) -> Vec<Found> {
    let mut walk = Walk::new(depth);
    walk.resource(resource);
    let mut found = walk.found;
    add(&mut found, OWN.words(resource, depth));
    found
}

/// Checks a resource that is to be stored, by the standard and by the profiles of ours that it claims: a claim is a
/// promise to whoever reads the record. What happened is recorded without a claim all the same.
///
/// # Errors
/// `Invalid` with every element that is wrong where something is wrong in form, `Unprocessable` where all reads well.
pub fn check(resource: &Value) -> Result<()> {
    refuse(findings(resource, Depth::Errors))
}

/// The findings as a refusal.
///
/// # Errors
/// As [`check`]; warnings refuse nothing.
pub fn refuse(mut found: Vec<Found>) -> Result<()> {
    found.retain(|one| one.severity == Severity::Error);
    if found.is_empty() {
        return Ok(());
    }
    let form = found.iter().any(|one| one.form);
    let kind = if form {
        Kind::Invalid
    } else {
        Kind::Unprocessable
    };
    found.truncate(MOST);
    let issues = found.into_iter().map(|one| one.issue).collect();
    Err(Error::with_issues(kind, issues))
}
