//! The language of FHIR. Pure: no I/O, no clock, no word of the practice.

pub mod resource;
