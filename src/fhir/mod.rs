//! The language of FHIR. Pure: no I/O, no clock, no word of the practice.

pub mod bundle;
pub mod canonicals;
pub mod compare;
pub mod compartment;
pub mod index;
pub mod interval;
pub mod json;
pub mod merge;
pub mod narrative;
pub mod outcome;
pub mod parameter;
pub mod pare;
pub mod pretty;
pub mod primitive;
pub mod reference;
pub mod resource;
pub mod rewrite;
pub mod search;
pub mod security;
pub mod shape;
pub mod structure;
pub mod targets;
