//! The way to an element, kept on the stack: it is written out only where there is something to say.

use std::fmt;

/// A way from the resource down.
#[derive(Clone, Copy, Debug)]
pub enum Path<'p> {
    Root(&'p str),
    Member(&'p Path<'p>, &'p str),
    At(&'p Path<'p>, usize),
    /// The extension of that definition, be it there or not.
    Extension(&'p Path<'p>, &'p str),
}

impl<'p> Path<'p> {
    /// The member of that name.
    #[must_use]
    pub const fn member(&'p self, name: &'p str) -> Self {
        Self::Member(self, name)
    }

    /// The item of that number.
    #[must_use]
    pub const fn at(&'p self, index: usize) -> Self {
        Self::At(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(name) => f.write_str(name),
            Self::Member(above, name) => write!(f, "{above}.{name}"),
            Self::At(above, index) => write!(f, "{above}[{index}]"),
            Self::Extension(above, url) => write!(f, "{above}.extension('{url}')"),
        }
    }
}
