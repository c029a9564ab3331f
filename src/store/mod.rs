//! The store: SQL lives here only.

pub mod sql;
