//! Whether JSON is a resource of R4 (<https://hl7.org/fhir/R4/validation.html>): its shape, the forms of its values, its
//! codes, what its references may point at, and the rules of the standard. All that is wrong is told at once.

mod binding;
mod path;
mod target;
mod walk;

#[cfg(test)]
mod tests;

use serde_json::Value;

pub use self::path::Path;
use self::walk::Walk;
use super::definitions::Severity;
use crate::error::{Error, Issue, Kind, Result};

/// Most issues of one answer.
pub const MOST: usize = 50;

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
    let mut walk = Walk::new(depth);
    walk.resource(resource);
    walk.found
}

/// Checks a resource that is to be stored.
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
