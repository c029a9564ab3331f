//! The names of elements. What their values must be is said by [`super::validate`].

pub use super::definitions::element;

use super::definitions::named;

/// The type of the element `member` of the type `of`, and whether it is a list; `None` where there is no such element.
#[must_use]
pub fn child(of: &str, member: &str) -> Option<(&'static str, bool)> {
    let (element, kind) = named(of)?.json(member)?;
    Some((kind.name, element.list))
}
