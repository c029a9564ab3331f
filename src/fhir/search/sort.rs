//! The order of a search's matches, and where in it a page ends (<https://hl7.org/fhir/R4/search.html#sort>).

use crate::fhir::parameter::{self, Parameter};

/// `_sort`: the keys in turn, then the id. No key orders by id alone.
#[derive(Clone, Debug, Default)]
pub struct Sort(pub Vec<SortKey>);

/// One key of the order. A resource without a value comes last going up and first going down.
#[derive(Clone, Copy, Debug)]
pub struct SortKey {
    pub by: SortBy,
    pub direction: Direction,
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub enum SortBy {
    Id,
    Updated,
    /// The date of the type.
    Date,
    /// The least value of the parameter going up, the greatest going down.
    Parameter(&'static Parameter),
}

/// Ascending or descending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

/// The value of a key in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortValue {
    Missing,
    Number(i64),
    Text(String),
}

/// The last row of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// The value of each key of the order.
    pub keys: Vec<SortValue>,
    pub id: String,
}

impl After {
    /// The row `id` of a list that is ordered by one number.
    #[must_use]
    pub fn number(value: i64, id: impl Into<String>) -> Self {
        Self {
            keys: vec![SortValue::Number(value)],
            id: id.into(),
        }
    }

    /// The number by which the list is ordered; 0 where it is not ordered by one.
    #[must_use]
    pub fn value(&self) -> i64 {
        match self.keys.first() {
            Some(SortValue::Number(n)) => *n,
            _ => 0,
        }
    }
}

impl Sort {
    pub(super) fn print(&self, kind: &str) -> Option<String> {
        let keys: Vec<String> = self.0.iter().map(|key| key.print(kind)).collect();
        (!keys.is_empty()).then(|| keys.join(","))
    }

    /// The direction of the ids among rows that are equal: that of the first key, so that the opposite order is exactly
    /// the reverse.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.0.first().map_or(Direction::Up, |key| key.direction)
    }
}

impl SortKey {
    fn print(&self, kind: &str) -> String {
        let name = match self.by {
            SortBy::Id => "_id",
            SortBy::Updated => "_lastUpdated",
            SortBy::Date => parameter::sort_date(kind).unwrap_or_default(),
            SortBy::Parameter(parameter) => parameter.name,
        };
        match self.direction {
            Direction::Up => name.to_owned(),
            Direction::Down => format!("-{name}"),
        }
    }
}
