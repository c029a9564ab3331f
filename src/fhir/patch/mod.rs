//! Patches of a resource's text (<https://hl7.org/fhir/R4/http.html#patch>): what a patch does not name stays byte for byte.

pub mod fhirpath;
pub mod json;
mod path;
mod tree;

use crate::error::{Error, Kind};

/// Most operations of one patch.
const MOST: usize = 200;
/// Most bytes that a resource may grow to.
const LARGEST: usize = 2 * 1024 * 1024;

/// A patch that cannot be read.
fn unreadable(text: &str, at: impl Into<String>) -> Error {
    let error = Error::new(Kind::Invalid, text).issue_code("structure");
    error.at(at)
}

/// A patch that does not fit the resource.
fn misfit(text: &str, at: impl Into<String>) -> Error {
    let error = Error::new(Kind::Unprocessable, text).issue_code("processing");
    error.at(at)
}

fn checked_size(text: String) -> crate::error::Result<String> {
    if text.len() <= LARGEST {
        return Ok(text);
    }
    let said = format!("The patched resource would be larger than {LARGEST} bytes.");
    Err(Error::new(Kind::TooLarge, said))
}
