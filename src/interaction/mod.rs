//! What a caller can do: one file per FHIR interaction, and the commands of the practice.
//!
//! Every change goes through [`commit`], everything that leaves is read through a `View`.

pub mod commit;
pub mod episode;
pub mod read;
pub mod search;
pub mod write;
pub mod transaction;
pub mod directory;
pub mod document;
pub mod capability;
pub mod practice;
