//! The versions of records in the order of time, newest first (<https://hl7.org/fhir/R4/http.html#history>).

use super::{COLUMNS, HISTORY, View, stored};
use crate::access::Interaction;
use crate::error::Result;
use crate::fhir::interval::Interval;
use crate::fhir::resource::{Key, Stored};
use crate::fhir::search::After;
use crate::store::filter::{Builder, Of, visible};

/// Whose versions are told.
#[derive(Clone, Copy, Debug)]
pub enum Versions<'k> {
    /// Those of one record.
    Of(&'k Key),
    /// Those of all records of these types; the caller was asked for each type before.
    OfTypes(&'k [&'static str]),
}

/// Which of the versions, and how many of them at once.
#[derive(Clone, Debug)]
pub struct Span {
    /// Written at this instant or later (`_since`), milliseconds since 1970.
    pub since: Option<i64>,
    /// The present one at some instant of this interval (`_at`).
    pub at: Option<Interval>,
    /// Most versions of a page.
    pub count: u32,
    /// Those that come after this one.
    pub after: Option<After>,
}

/// A page of versions; deletions have no body.
#[derive(Clone, Debug)]
pub struct Past {
    pub versions: Vec<Stored>,
    /// The last of them, if there are more.
    pub next: Option<After>,
}

impl View<'_> {
    /// A page of the visible versions, newest first. Of each both it and the current version must be visible: what was
    /// hidden later stays hidden in its history.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn past(&self, of: Versions<'_>, span: &Span) -> Result<Past> {
        let count = span.count as usize;
        let mut span = span.clone();
        let mut versions = Vec::new();
        loop {
            let rows = self.store.read(self.of_past(of, &span).sql()).await?;
            let is_last = rows.len() <= count;
            for row in &rows {
                let row = stored(row)?;
                span.after = Some(place(of, &row));
                // What versions were found by is not indexed: the body is asked. Pages are filled all the same, or their
                // lengths would tell how many were passed over.
                if self.speaks_of(of, &row) {
                    versions.push(row);
                }
            }
            if is_last || versions.len() > count {
                break;
            }
        }
        let more = versions.len() > count;
        versions.truncate(count);
        let next = versions.last().filter(|_| more).map(|row| place(of, row));
        let versions = versions.into_iter().map(|row| self.seen(row));
        Ok(Past {
            versions: versions.collect::<Result<_>>()?,
            next,
        })
    }

    fn speaks_of(&self, of: Versions<'_>, row: &Stored) -> bool {
        let interaction = match of {
            Versions::Of(_) => Interaction::Read,
            Versions::OfTypes(_) => Interaction::Search,
        };
        let narrowed = self.access.narrowed(interaction, &row.key.kind).is_some();
        !narrowed || self.covers(interaction, row)
    }

    /// The statement of [`View::past`]. Each half is cut to a page of its own, so that none is read whole.
    pub(in crate::store) fn of_past(&self, of: Versions<'_>, span: &Span) -> Builder {
        let mut b = Builder::default();
        b.push("SELECT * FROM (SELECT ").push(COLUMNS);
        b.push(" FROM resource r WHERE 1 = 1");
        named(&mut b, "r", of);
        window(&mut b, "r", of, span);
        visible(&mut b, self.access, "r", whole(of));
        in_order(&mut b, "r", of, span);
        b.push(") present UNION ALL SELECT * FROM (SELECT ")
            .push(HISTORY);
        b.push(
            " FROM resource_history h JOIN resource r ON r.tenant = h.tenant AND r.type = h.type ",
        );
        b.push("AND r.id = h.id WHERE 1 = 1");
        named(&mut b, "h", of);
        window(&mut b, "h", of, span);
        if let Some(at) = &span.at {
            replaced_after(&mut b, at.lo);
        }
        visible(&mut b, self.access, "h", Of::Past);
        visible(&mut b, self.access, "r", whole(of));
        in_order(&mut b, "h", of, span);
        // At, type, id.
        b.push(") replaced ORDER BY 4 DESC, 1 DESC, 2 DESC LIMIT ");
        b.bind(i64::from(span.count) + 1);
        b
    }
}

fn whole(of: Versions<'_>) -> Of<'_> {
    match of {
        Versions::Of(key) => Of::One(&key.kind, Interaction::Read),
        Versions::OfTypes(kinds) => Of::Listed(kinds),
    }
}

fn named(b: &mut Builder, a: &str, of: Versions<'_>) {
    match of {
        Versions::Of(key) => {
            b.push(" AND ").push(a).push(".type = ");
            b.bind(key.kind.clone());
            b.push(" AND ").push(a).push(".id = ").bind(key.id.as_str());
        }
        Versions::OfTypes([kind]) => {
            b.push(" AND ").push(a).push(".type = ").bind(*kind);
        }
        // The access predicate names the types.
        Versions::OfTypes(_) => {}
    }
}

fn window(b: &mut Builder, a: &str, of: Versions<'_>, span: &Span) {
    if let Some(since) = span.since {
        b.push(" AND ").push(a).push(".at >= ").bind(since);
    }
    if let Some(at) = &span.at {
        b.push(" AND ").push(a).push(".at < ").bind(at.hi);
    }
    let Some(after) = &span.after else {
        return;
    };
    if let Versions::Of(_) = of {
        b.push(" AND ")
            .push(a)
            .push(".version < ")
            .bind(after.value());
        return;
    }
    let (kind, id) = after.id.split_once('/').unwrap_or_default();
    for before in [" AND (", ".at, ", ".type, "] {
        b.push(before).push(a);
    }
    b.push(".id) < (").bind(after.value());
    b.push(", ").bind(kind).push(", ").bind(id).push(")");
}

/// Adds that the version after `h` came later than `at`: until then `h` was the present one.
fn replaced_after(b: &mut Builder, at: i64) {
    b.push(" AND ((r.version = h.version + 1 AND r.at > ")
        .bind(at);
    b.push(") OR EXISTS (SELECT 1 FROM resource_history n WHERE n.tenant = h.tenant AND n.type = h.type");
    b.push(" AND n.id = h.id AND n.version = h.version + 1 AND n.at > ")
        .bind(at);
    b.push("))");
}

/// Of one record the order of the versions is that of time, and its key gives it.
fn in_order(b: &mut Builder, a: &str, of: Versions<'_>, span: &Span) {
    let columns: &[&str] = match of {
        Versions::Of(_) => &[".version"],
        Versions::OfTypes(_) => &[".at", ".type", ".id"],
    };
    for (i, column) in columns.iter().enumerate() {
        b.push(if i == 0 { " ORDER BY " } else { ", " });
        b.push(a).push(column).push(" DESC");
    }
    b.push(" LIMIT ").bind(i64::from(span.count) + 1);
}

/// Where a version stands among `of`: no two of a record are of one instant.
fn place(of: Versions<'_>, row: &Stored) -> After {
    let value = match of {
        Versions::Of(_) => row.version,
        Versions::OfTypes(_) => row.at,
    };
    After::number(value, row.key.to_string())
}
