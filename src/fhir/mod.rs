//! The language of FHIR. Pure: no I/O, no clock, no word of the practice.

pub mod bundle;
pub mod json;
pub mod merge;
pub mod outcome;
pub mod reference;
pub mod resource;
