//! The order of a search's matches, and where in it a page ends (<https://hl7.org/fhir/R4/search.html#sort>).

use std::cmp::Ordering;

use crate::fhir::decimal::whole;
use crate::fhir::index::{IndexEntry, IndexValue};
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

impl Sort {
    /// Which of two resources of this type comes first, each by its id and the values that it is found by.
    #[must_use]
    pub fn compare(
        &self,
        kind: &str,
        a: (&str, &[IndexEntry]),
        b: (&str, &[IndexEntry]),
    ) -> Ordering {
        let keys = self.0.iter().map(|key| {
            let (a, b) = (key.value(kind, a), key.value(kind, b));
            // What is missing comes after all values.
            let order = (a.is_none(), a).cmp(&(b.is_none(), b));
            key.direction.apply(order)
        });
        let by_id = self.direction().apply(a.0.cmp(b.0));
        keys.fold(Ordering::Equal, Ordering::then).then(by_id)
    }
}

impl Direction {
    const fn apply(self, order: Ordering) -> Ordering {
        match self {
            Self::Up => order,
            Self::Down => order.reverse(),
        }
    }
}

impl SortKey {
    /// The value of the key, as a text that sorts like it.
    fn value(&self, kind: &str, (id, entries): (&str, &[IndexEntry])) -> Option<String> {
        let (name, target) = match self.by {
            SortBy::Id => return Some(id.to_owned()),
            SortBy::Updated => ("_lastUpdated", None),
            SortBy::Date => (parameter::sort_date(kind)?, None),
            SortBy::Parameter(parameter) => (parameter.indexed, parameter.target),
        };
        let own = entries.iter().filter(|e| e.param == name);
        let values = own.filter_map(|e| match &e.value {
            IndexValue::Token { code, .. } => Some(code.clone()),
            IndexValue::Date(interval) => Some(whole(interval.lo)),
            IndexValue::Text { folded, .. } => Some(folded.clone()),
            IndexValue::Reference { kind, id } => target
                .is_none_or(|t| t == kind)
                .then(|| format!("{kind}/{id}")),
            IndexValue::Quantity(measure) => Some(measure.base_lo.clone()),
            IndexValue::Pair { .. } => None,
        });
        // Of the type's own date a record has one place.
        match (self.by, self.direction) {
            (SortBy::Date, _) | (_, Direction::Up) => values.min(),
            (_, Direction::Down) => values.max(),
        }
    }

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
