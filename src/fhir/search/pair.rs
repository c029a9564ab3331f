//! What is asked of URIs and of values that stand together.

use super::{DateTest, ReferenceTest, Token};
use crate::fhir::index::IndexValue;
use crate::fhir::quantity::QuantityTest;

/// How a URI is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UriMatch {
    /// It is this one.
    Whole,
    /// It is this one or one below it in its hierarchy (`:below`).
    Below,
}

/// A value with one that stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairTest {
    pub first: Token,
    pub second: Part,
}

/// What is asked of the second value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Token(Token),
    Date(DateTest),
    /// The beginning of folded text.
    Text(String),
    Reference(ReferenceTest),
    Quantity(QuantityTest),
}

impl UriMatch {
    /// What the URIs below `wanted` begin with.
    #[must_use]
    pub fn stem(wanted: &str) -> String {
        format!("{}/", wanted.trim_end_matches('/'))
    }

    pub(super) fn matches(self, wanted: &str, text: &str) -> bool {
        wanted == text || (self == Self::Below && text.starts_with(&Self::stem(wanted)))
    }
}

impl PairTest {
    pub(super) fn matches(&self, value: &IndexValue) -> bool {
        let IndexValue::Pair {
            system,
            code,
            second,
        } = value
        else {
            return false;
        };
        let Token {
            system: of,
            code: named,
        } = &self.first;
        of.as_ref().is_none_or(|own| own == system)
            && named.as_ref().is_none_or(|own| own == code)
            && self.second.matches(second)
    }

    pub(super) fn widen(&mut self, now: i64) {
        if let Part::Date(date) = &mut self.second {
            date.widen(now);
        }
    }
}

impl Part {
    fn matches(&self, value: &IndexValue) -> bool {
        match (self, value) {
            (Self::Token(token), _) => token.matches(value),
            (Self::Reference(reference), _) => reference.matches(value),
            (Self::Date(date), IndexValue::Date(own)) => date.matches(*own),
            (Self::Text(wanted), IndexValue::Text { folded, .. }) => folded.starts_with(wanted),
            (Self::Quantity(quantity), IndexValue::Quantity(own)) => quantity.matches(own),
            _ => false,
        }
    }
}
