//! Private notes: stored and read by the clinician who writes them, through the practice's own client; for everybody
//! else there is no such thing.

pub mod bed;
mod file;
mod keys;
mod operator;
mod readers;
mod record;
mod trail;
mod write;

/// The path without its query.
pub fn bare(path: &str) -> String {
    path.split('?').next().unwrap_or_default().to_owned()
}
