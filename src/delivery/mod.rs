//! What leaves the service other than in an answer.

pub mod files;
