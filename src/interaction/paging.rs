//! Lists that are told page by page. A cursor leaves sealed, and comes back to its own list alone: of the same client, by
//! the same criteria, within minutes (security reference §2.4).

use serde_json::{Value, json};

use crate::access::Access;
use crate::app::App;
use crate::error::{Error, Result};
use crate::fhir::search::{After, SearchQuery, SortValue};

/// A row as it is sealed: a JSON array of its id and the values of the keys.
fn written(last: &After) -> Vec<u8> {
    let keys = last.keys.iter().map(|key| match key {
        SortValue::Missing => Value::Null,
        SortValue::Number(n) => json!(n),
        SortValue::Text(text) => json!(text),
    });
    let all: Vec<Value> = [json!(last.id)].into_iter().chain(keys).collect();
    Value::Array(all).to_string().into_bytes()
}

fn read(row: &[u8]) -> Option<After> {
    let all: Vec<Value> = serde_json::from_slice(row).ok()?;
    let (id, keys) = all.split_first()?;
    let key = |value: &Value| match value {
        Value::Null => Some(SortValue::Missing),
        Value::String(text) => Some(SortValue::Text(text.clone())),
        _ => value.as_i64().map(SortValue::Number),
    };
    Some(After {
        keys: keys.iter().map(key).collect::<Option<_>>()?,
        id: id.as_str()?.to_owned(),
    })
}

/// A list of one client.
#[derive(Debug)]
pub struct Pages<'a> {
    app: &'a App,
    access: &'a Access,
    list: String,
}

impl<'a> Pages<'a> {
    /// The pages of the list that these words describe, criteria and all.
    #[must_use]
    pub const fn of(app: &'a App, access: &'a Access, list: String) -> Self {
        Self { app, access, list }
    }

    /// The pages of a search, whose cursor is opened where it came with one.
    ///
    /// # Errors
    /// As [`Pages::after`].
    pub fn of_search(app: &'a App, access: &'a Access, query: &mut SearchQuery) -> Result<Self> {
        let pages = Self::of(app, access, query.identity());
        query.page.after = pages.after(query.page.cursor.as_deref())?;
        Ok(pages)
    }

    fn bond(&self) -> [&str; 3] {
        let client = self.access.caller().map_or("", |c| &c.client);
        [self.access.tenant(), client, &self.list]
    }

    /// The row after which a page begins.
    ///
    /// # Errors
    /// `Invalid` for a cursor of another client or list, or one that was changed; `Gone` for one whose time is over.
    pub fn after(&self, cursor: Option<&str>) -> Result<Option<After>> {
        let Some(cursor) = cursor else {
            return Ok(None);
        };
        let keys = self.app.sealing.key()?.cursors();
        let row = keys.open(&self.app.clock, &self.bond(), cursor)?;
        let after = read(&row).ok_or_else(|| Error::internal("a cursor of another kind"))?;
        Ok(Some(after))
    }

    /// The cursor of the page after `last`; none where that is the last row of the list.
    ///
    /// # Errors
    /// `Internal` where the crypto provider fails.
    pub fn cursor(&self, last: Option<&After>) -> Result<Option<String>> {
        let Some(last) = last else {
            return Ok(None);
        };
        let keys = self.app.sealing.key()?.cursors();
        let cursor = keys.seal(&self.app.clock, &self.bond(), &written(last))?;
        Ok(Some(cursor))
    }

    /// The search for the page after `last`, as a link tells it; none where there are no more.
    ///
    /// # Errors
    /// As [`Pages::cursor`].
    pub fn next(&self, query: &SearchQuery, last: Option<&After>) -> Result<Option<String>> {
        let cursor = self.cursor(last)?;
        Ok(cursor.map(|cursor| {
            let mut next = query.clone();
            next.page.cursor = Some(cursor);
            next.print()
        }))
    }
}
