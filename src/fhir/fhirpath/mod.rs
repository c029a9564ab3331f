//! FHIRPath (<http://hl7.org/fhirpath/N1/>) over JSON, as far as rules, paths and profiles need it. Read once, then
//! evaluated as often as wanted; pure.

mod eval;
mod functions;
mod lex;
mod parse;
mod strings;
mod temporal;
mod value;

#[cfg(test)]
mod tests;

pub use self::eval::{Context, Fault};
pub use self::parse::{Expr, Function, Literal, Op};
pub use self::value::{Item, Node};

/// An expression that was read.
#[derive(Debug)]
pub struct Expression {
    root: Expr,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// What cannot be read, or a function that is not known here, as a sentence.
    pub fn new(text: &str) -> Result<Self, String> {
        parse::parse(text).map(|root| Self { root })
    }

    /// The expression as it was read.
    #[must_use]
    pub const fn tree(&self) -> &Expr {
        &self.root
    }

    /// All that it finds at `node`.
    ///
    /// # Errors
    /// Where the expression does not fit what is there, such as a comparison of several values.
    pub fn evaluate<'a>(
        &'a self,
        node: Node<'a>,
        context: &Context<'a>,
    ) -> Result<Vec<Item<'a>>, Fault> {
        eval::begin();
        eval::eval(&self.root, &[Item::Node(node)], context)
    }

    /// What it says of `node`: true, false, or nothing.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate), and where it finds several values.
    pub fn holds<'a>(
        &'a self,
        node: Node<'a>,
        context: &Context<'a>,
    ) -> Result<Option<bool>, Fault> {
        value::truth(&self.evaluate(node, context)?)
    }
}
