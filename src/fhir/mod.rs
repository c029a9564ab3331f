//! The language of FHIR. Pure: no I/O, no clock, no word of the practice.

pub mod index;
pub mod interval;
pub mod parameter;
pub mod resource;
pub mod search;
