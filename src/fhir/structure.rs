//! The names of elements. What their values must be is said by [`super::validate`].

pub use super::definitions::element;
