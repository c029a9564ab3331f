//! A search as SQL. Its interpreter in memory is `SearchQuery::matches`; a property test holds the two together.

mod chain;
mod condition;
mod export;
mod include;
mod labels;
mod order;
mod several;
mod unless;
mod value;

use self::condition::Found;
pub use self::export::{Being, Portion, Whose};
pub use self::include::Limit;
pub use self::unless::CRITERIA_MET;
use super::filter::{Builder, Of, visible};
use super::view::{COLUMNS, View};
use crate::access::Interaction;
use crate::error::Result;
use crate::fhir::resource::Stored;
use crate::fhir::search::{After, Direction, SearchQuery, SortBy, SortKey, Total};

/// A page of a search.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub matches: Vec<Stored>,
    /// What `_include` and `_revinclude` ask for, without the matches themselves.
    pub included: Vec<Stored>,
    /// How many matches there are, where asked.
    pub total: Option<i64>,
    /// The last match, if there are more.
    pub next: Option<After>,
    /// Which limits of what comes along were reached.
    pub limits: Vec<Limit>,
}

impl View<'_> {
    /// A page of the visible matches of `query`. Paging is stable: what is written meanwhile neither moves
    /// a match to another page nor repeats it, as long as its sort value stays.
    ///
    /// # Errors
    /// `TooLarge` where the includes are too many; `Unavailable` where a parameter is not yet indexed for every record.
    pub async fn search(&self, query: &SearchQuery) -> Result<Page> {
        self.store.answers(query)?;
        let count = query.page.count;
        let total = match query.page.total {
            Total::None if count > 0 => None,
            _ => Some(self.count(query).await?),
        };
        if count == 0 {
            return Ok(Page {
                matches: Vec::new(),
                included: Vec::new(),
                total,
                next: None,
                limits: Vec::new(),
            });
        }
        let rows = self.store.read(self.page(query).sql()).await?;
        let more = rows.len() > count as usize;
        let rows = &rows[..rows.len().min(count as usize)];
        let matches = rows.iter().map(|row| self.told(row));
        let matches = matches.collect::<Result<Vec<_>>>()?;
        let last = rows.last().filter(|_| more);
        let next = last.map(|r| order::after(query, r));
        let (included, limits) = self.included(&query.include, &matches).await?;
        Ok(Page {
            matches,
            included,
            total,
            next,
            limits,
        })
    }

    async fn count(&self, query: &SearchQuery) -> Result<i64> {
        let mut b = Builder::default();
        b.push("SELECT COUNT(*)");
        self.matching(&mut b, query);
        Ok(self
            .store
            .read(b.sql())
            .await?
            .first()
            .map_or(0, |row| row.int(0)))
    }

    /// The keys are found and ordered first, so that no body is carried through the sort.
    pub(super) fn page(&self, query: &SearchQuery) -> Builder {
        let (value, direction) = match query.sort.0[..] {
            [] => ("0", Direction::Up),
            [
                SortKey {
                    by: SortBy::Updated,
                    direction,
                },
            ] => ("r.at", direction),
            [
                SortKey {
                    by: SortBy::Date,
                    direction,
                },
            ] => ("r.date", direction),
            _ => return self.ordered(query),
        };
        let (order, beyond) = match direction {
            Direction::Up => ("", ">"),
            Direction::Down => (" DESC", "<"),
        };
        let mut b = Builder::default();
        b.push("SELECT ")
            .push(COLUMNS)
            .push(", k.value FROM (SELECT r.id, ");
        b.push(value).push(" AS value");
        let column = match (value, self.matching(&mut b, query)) {
            ("0", _) => None,
            // The sign keeps the database from walking the whole type in this order.
            ("r.at", Found::ByFilter | Found::OfPatient) => Some("+r.at"),
            (_, Found::ByFilter) => Some("+r.date"),
            (_, Found::InOrder | Found::OfPatient) => Some(value),
        };
        if let Some(after) = &query.page.after {
            b.push(" AND (");
            if let Some(column) = column {
                b.push(column).push(", r.id) ").push(beyond).push(" (");
                b.bind(after.value()).push(", ");
                b.bind(after.id.as_str()).push(")");
            } else {
                b.push("r.id > ").bind(after.id.as_str()).push(")");
            }
        }
        b.push(" ORDER BY ");
        if let Some(column) = column {
            b.push(column).push(order).push(", ");
        }
        b.push("r.id").push(order).push(" LIMIT ");
        b.bind(i64::from(query.page.count) + 1);
        self.with_bodies(&mut b, query);
        b.push("k.value").push(order).push(", k.id").push(order);
        b
    }

    /// Adds `) k JOIN resource r … ORDER BY `: the rows of the keys `k`.
    fn with_bodies(&self, b: &mut Builder, query: &SearchQuery) {
        b.push(") k JOIN resource r ON r.tenant = ")
            .bind(self.access.tenant());
        b.push(" AND r.type = ")
            .bind(query.kind)
            .push(" AND r.id = k.id ORDER BY ");
    }

    /// Adds ` FROM resource r WHERE …`.
    fn matching(&self, b: &mut Builder, query: &SearchQuery) -> Found {
        b.push(" FROM resource r WHERE r.type = ")
            .bind(query.kind)
            .push(" AND r.deleted = 0");
        let of = Of::One(query.kind, Interaction::Search);
        visible(b, self.access, "r", of);
        let led = query.within.is_some() || !query.chains.is_empty();
        let found = condition::narrow(b, self.access.tenant(), query, led);
        let found = self.within(b, query, found);
        self.chained(b, query, found)
    }
}
