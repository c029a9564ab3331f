//! The practice's commands over HTTP-free types: what the JSON API does.

pub mod actor;
pub mod answer;
pub mod command;
pub mod documents;
pub mod party;
pub mod provenance;
pub mod query;
