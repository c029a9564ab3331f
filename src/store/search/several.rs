//! A search of several types at once: the searches of each, put in one order.

use super::condition::Found;
use super::{Page, View};
use crate::error::Result;
use crate::fhir::search::{After, Direction, SearchQuery, SortBy, SortKey, Total};
use crate::store::filter::Builder;
use crate::store::view::{COLUMNS, WIDTH};

/// Between id and type in the position of a row: neither can hold it.
const MARK: char = '/';

impl View<'_> {
    /// A page of the visible matches of all `queries`, which are alike but for their types.
    ///
    /// # Errors
    /// As [`View::search`].
    pub async fn search_all(&self, queries: &[SearchQuery]) -> Result<Page> {
        let first = match queries {
            [] => return Ok(Page::default()),
            [one] if one.among.is_empty() => return self.search(one).await,
            [first, ..] => first,
        };
        for query in queries {
            self.store.answers(query)?;
        }
        let count = first.page.count;
        let total = match first.page.total {
            Total::None if count > 0 => None,
            _ => Some(self.count_all(queries).await?),
        };
        let mut page = Page {
            total,
            ..Page::default()
        };
        if count == 0 {
            return Ok(page);
        }
        let rows = self.store.read(self.page_of_all(queries).sql()).await?;
        let more = rows.len() > count as usize;
        let rows = &rows[..rows.len().min(count as usize)];
        let matches = rows.iter().map(|row| self.told(row));
        page.matches = matches.collect::<Result<_>>()?;
        let last = rows.last().filter(|_| more);
        page.next = last.map(|r| {
            let id = format!("{}{MARK}{}", r.text(1), r.text(0));
            After::number(r.int(WIDTH), id)
        });
        (page.included, page.limits) = self.included(&first.include, &page.matches).await?;
        Ok(page)
    }

    async fn count_all(&self, queries: &[SearchQuery]) -> Result<i64> {
        let mut b = Builder::default();
        b.push("SELECT COUNT(*) FROM (");
        for (i, query) in queries.iter().enumerate() {
            b.push(if i == 0 { "" } else { " UNION ALL " });
            b.push("SELECT r.id");
            self.matching(&mut b, query);
        }
        b.push(") k");
        let rows = self.store.read(b.sql()).await?;
        Ok(rows.first().map_or(0, |row| row.int(0)))
    }

    pub(in crate::store) fn page_of_all(&self, queries: &[SearchQuery]) -> Builder {
        let mut b = Builder::default();
        let order = queries.first().map_or("", |query| order(query).1);
        let sorted = |b: &mut Builder| {
            b.push(" ORDER BY k.value").push(order);
            b.push(", k.id").push(order).push(", k.type").push(order);
        };
        b.push("SELECT ").push(COLUMNS);
        b.push(", k.value FROM (SELECT k.type, k.id, k.value FROM (");
        for (i, query) in queries.iter().enumerate() {
            b.push(if i == 0 { "" } else { " UNION ALL " });
            self.keys(&mut b, query);
        }
        b.push(") k");
        sorted(&mut b);
        b.push(" LIMIT ");
        let count = queries.first().map_or(0, |query| query.page.count);
        b.bind(i64::from(count) + 1);
        b.push(") k JOIN resource r ON r.tenant = ")
            .bind(self.access.tenant());
        b.push(" AND r.type = k.type AND r.id = k.id");
        sorted(&mut b);
        b
    }

    /// Selects the keys of one type's part of the page.
    fn keys(&self, b: &mut Builder, query: &SearchQuery) {
        let (value, order, beyond) = order(query);
        b.push("SELECT * FROM (SELECT r.type, r.id, ");
        b.push(value).push(" AS value");
        let column = match (value, self.matching(b, query)) {
            ("0", _) => None,
            // The sign keeps the database from walking the whole type in this order.
            (_, Found::ByFilter | Found::OfPatient) => Some("+r.at"),
            (_, Found::InOrder) => Some(value),
        };
        if let Some((after, (id, kind))) = query
            .page
            .after
            .as_ref()
            .and_then(|after| Some((after, after.id.split_once(MARK)?)))
        {
            b.push(" AND (");
            if let Some(column) = column {
                b.push(column).push(", r.id, r.type) ").push(beyond);
                b.push(" (").bind(after.value()).push(", ");
            } else {
                b.push("r.id, r.type) ").push(beyond).push(" (");
            }
            b.bind(id).push(", ").bind(kind).push(")");
        }
        b.push(" ORDER BY ");
        if let Some(column) = column {
            b.push(column).push(order).push(", ");
        }
        b.push("r.id").push(order).push(" LIMIT ");
        b.bind(i64::from(query.page.count) + 1).push(") part");
    }
}

/// What the rows are sorted by, in which order, and how what comes later compares.
fn order(query: &SearchQuery) -> (&'static str, &'static str, &'static str) {
    let (value, direction) = match query.sort.0.as_slice() {
        [
            SortKey {
                by: SortBy::Updated,
                direction,
            },
        ] => ("r.at", *direction),
        _ => ("0", Direction::Up),
    };
    match direction {
        Direction::Up => (value, "", ">"),
        Direction::Down => (value, " DESC", "<"),
    }
}
