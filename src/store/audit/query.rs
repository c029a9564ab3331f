//! Rows as they are shown: to a privacy officer those about the own organization's patients and records and those of its
//! clients, to others those of their own clients.

use super::{COLUMNS, element, row};
use crate::access::{Access, Role};
use crate::audit::record::{first_id, text};
use crate::audit::{Kind, Row, balp};
use crate::error::{Error, Kind as ErrorKind, Result};
use crate::fhir::search::{
    After, DateTest, Direction, Filter, Prefix, ReferenceTest, SearchQuery, SortBy, SortKey, Test,
    Token,
};
use crate::kap::base::Id;
use crate::store::Store;
use crate::store::filter::Builder;

/// A page of rows.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub rows: Vec<Row>,
    /// The last row, if there are more.
    pub next: Option<After>,
}

/// Which disclosures are told.
#[derive(Clone, Debug)]
pub(crate) struct Disclosed<'a> {
    pub patient: &'a Id,
    /// The organization that keeps the patient's record: what it reads itself is no disclosure.
    pub owner: &'a Id,
    /// Milliseconds since 1970.
    pub since: i64,
}

/// Kinds of events in which data leaves.
pub(super) const OUTGOING: [Kind; 6] = [
    Kind::Read,
    Kind::Vread,
    Kind::History,
    Kind::Search,
    Kind::Disclose,
    Kind::Notify,
];

fn last(row: &Row) -> After {
    After::number(row.at, row.id.to_string())
}

pub(super) fn select() -> Builder {
    let mut b = Builder::default();
    b.push("SELECT ");
    for (i, column) in COLUMNS.iter().enumerate() {
        b.push(if i == 0 { "a." } else { ", a." }).push(column);
    }
    b.push(" FROM audit a WHERE a.tenant = ");
    b
}

impl Store {
    /// The row with this id, if `access` may see it.
    pub(crate) async fn audit_row(&self, access: &Access, id: &Id) -> Result<Option<Row>> {
        self.settled().await?;
        let mut b = select();
        b.bind(access.tenant())
            .push(" AND a.id = ")
            .bind(id.as_str());
        visible(&mut b, access);
        let rows = self.read(b.sql()).await?;
        rows.first().map(row).transpose()
    }

    /// A page of the rows that `access` may see, in the order of time.
    ///
    /// # Errors
    /// `Invalid` for a criterion that rows cannot be asked for.
    pub(crate) async fn audit_search(&self, access: &Access, query: &SearchQuery) -> Result<Rows> {
        self.settled().await?;
        let mut b = select();
        b.bind(access.tenant());
        visible(&mut b, access);
        for filter in &query.filters {
            narrow(&mut b, filter)?;
        }
        // Newest first, where nothing else is asked for.
        let down = match query.sort.0[..] {
            [] => true,
            [
                SortKey {
                    by: SortBy::Date | SortBy::Updated | SortBy::Id,
                    direction,
                },
            ] => direction == Direction::Down,
            _ => {
                let text = "AuditEvents are sorted by date, _lastUpdated or _id alone.";
                let error = Error::new(ErrorKind::Invalid, text);
                return Err(error.issue_code("not-supported").at("http._sort"));
            }
        };
        let (beyond, order) = if down { ("<", " DESC") } else { (">", "") };
        if let Some(after) = &query.page.after {
            b.push(" AND a.id ").push(beyond).push(" ");
            b.bind(after.id.as_str());
        }
        let count = query.page.count as usize;
        b.push(" ORDER BY a.id").push(order).push(" LIMIT ");
        b.bind(i64::from(query.page.count) + 1);
        let found = self.read(b.sql()).await?;
        let mut rows = found.iter().map(row).collect::<Result<Vec<_>>>()?;
        let more = rows.len() > count;
        rows.truncate(count);
        let next = rows.last().filter(|_| more).map(last);
        Ok(Rows { rows, next })
    }

    /// A page of what left to other organizations, oldest first.
    pub(crate) async fn audit_disclosed(
        &self,
        tenant: &str,
        asked: &Disclosed<'_>,
        count: u32,
        after: Option<&After>,
    ) -> Result<Rows> {
        self.settled().await?;
        let mut b = select();
        b.bind(tenant)
            .push(" AND a.patient IS NOT NULL AND a.patient = ");
        b.bind(asked.patient.as_str())
            .push(" AND a.id >= ")
            .bind(text(first_id(asked.since)));
        b.push(" AND a.outcome = 0 AND a.organization <> ")
            .bind(asked.owner.as_str());
        b.push(" AND a.kind IN ");
        list(&mut b, OUTGOING.iter().map(|kind| kind.code()));
        if let Some(after) = after {
            b.push(" AND a.id > ").bind(after.id.as_str());
        }
        b.push(" ORDER BY a.id LIMIT ").bind(i64::from(count) + 1);
        let found = self.read(b.sql()).await?;
        let mut rows = found.iter().map(row).collect::<Result<Vec<_>>>()?;
        let more = rows.len() > count as usize;
        rows.truncate(count as usize);
        let next = rows.last().filter(|_| more).map(last);
        Ok(Rows { rows, next })
    }
}

/// Adds ` AND (…)`: the rows that `access` may see.
fn visible(b: &mut Builder, access: &Access) {
    let Some(caller) = access.caller() else {
        return;
    };
    let organization = caller.organization.as_str();
    b.push(" AND (a.organization = ").bind(organization);
    if caller.role == Role::PrivacyOfficer {
        b.push(" OR EXISTS (SELECT 1 FROM resource r WHERE r.tenant = a.tenant AND r.type = 'Patient' ");
        b.push("AND r.id = a.patient AND r.owner = ")
            .bind(organization)
            .push(")");
        // What was asked for in vain names no patient.
        b.push(" OR EXISTS (SELECT 1 FROM resource r WHERE r.tenant = a.tenant AND r.type = a.target_type ");
        b.push("AND r.id = a.target_id AND r.owner = ")
            .bind(organization)
            .push(")");
        // Whoever broke the glass could look at the patients of every organization of the network.
        b.push(" OR a.kind = ").bind(Kind::Emergency.code());
    }
    b.push(")");
}

pub(super) fn list<'v>(b: &mut Builder, values: impl Iterator<Item = &'v str>) {
    b.push("(");
    for (i, value) in values.enumerate() {
        b.push(if i == 0 { "" } else { ", " }).bind(value);
    }
    b.push(")");
}

fn narrow(b: &mut Builder, filter: &Filter) -> Result<()> {
    match (filter.parameter.name, &filter.test) {
        ("patient", Test::Reference(any)) => {
            b.push(" AND a.patient IS NOT NULL AND a.patient IN ");
            let of_patient = any.iter().filter(|r| is(r, "Patient"));
            ids(b, of_patient);
        }
        ("agent", Test::Reference(any)) => {
            b.push(" AND a.organization IN ");
            ids(b, any.iter().filter(|r| is(r, "Organization")));
        }
        ("entity", Test::Reference(any)) => entity(b, any),
        ("date" | "_lastUpdated", Test::Date(any)) => dates(b, any),
        ("_id", Test::Token(any)) => {
            b.push(" AND a.id IN ");
            list(b, any.iter().filter_map(|t| t.code.as_deref()));
        }
        ("outcome", Test::Token(any)) => {
            let codes = any.iter().filter_map(|t| t.code.as_deref()?.parse().ok());
            b.push(" AND a.outcome IN (-1");
            codes.for_each(|code: i64| {
                b.push(", ").bind(code);
            });
            b.push(")");
        }
        ("action", Test::Token(any)) => {
            kinds(b, |kind| {
                any.iter()
                    .any(|t| t.code.as_deref() == Some(balp::codes(kind).2))
            });
        }
        ("type", Test::Token(any)) => kinds(b, |kind| coded(any, balp::codes(kind).0)),
        ("subtype", Test::Token(any)) => kinds(b, |kind| coded(any, balp::codes(kind).1)),
        (name, test) => {
            if element::narrow(b, name, test) {
                return Ok(());
            }
            let text = format!("AuditEvents cannot be searched by '{name}' in this way.");
            let error = Error::new(ErrorKind::Invalid, text).issue_code("not-supported");
            return Err(error.at(format!("http.{name}")));
        }
    }
    Ok(())
}

fn is(reference: &ReferenceTest, kind: &str) -> bool {
    reference.kind.as_deref().is_none_or(|own| own == kind)
}

fn ids<'r>(b: &mut Builder, any: impl Iterator<Item = &'r ReferenceTest>) {
    // An empty list is no SQL; no id is empty.
    list(b, any.map(|r| r.id.as_str()).chain([""]));
}

/// The record itself, or the patient whose record it was.
fn entity(b: &mut Builder, any: &[ReferenceTest]) {
    b.push(" AND (1 = 0");
    for reference in any {
        b.push(" OR (a.target_id = ").bind(reference.id.as_str());
        if let Some(kind) = &reference.kind {
            b.push(" AND a.target_type = ").bind(kind.as_str());
        }
        b.push(")");
        if is(reference, "Patient") {
            b.push(" OR (a.patient IS NOT NULL AND a.patient = ")
                .bind(reference.id.as_str())
                .push(")");
        }
    }
    b.push(")");
}

fn coded(any: &[Token], [system, code]: [&str; 2]) -> bool {
    any.iter().any(|token| {
        token.system.as_deref().is_none_or(|own| own == system)
            && token.code.as_deref().is_none_or(|own| own == code)
    })
}

fn kinds(b: &mut Builder, asked: impl Fn(Kind) -> bool) {
    b.push(" AND a.kind IN ");
    let all = Kind::ALL.iter().filter(|kind| asked(**kind));
    list(b, all.map(|kind| kind.code()).chain([""]));
}

/// An event is at one instant, so it lies within a date, before or after all of it. Ids sort by time: the table is read
/// from the first one on.
fn dates(b: &mut Builder, any: &[DateTest]) {
    for (i, DateTest { prefix, date }) in any.iter().enumerate() {
        b.push(if i == 0 { " AND (" } else { " OR " });
        let (lo, hi) = (text(first_id(date.lo)), text(first_id(date.hi)));
        match prefix {
            Prefix::Eq | Prefix::Ap => {
                b.push("(a.id >= ").bind(lo).push(" AND a.id < ");
                b.bind(hi).push(")")
            }
            Prefix::Ne => b.push("a.id < ").bind(lo).push(" OR a.id >= ").bind(hi),
            Prefix::Gt | Prefix::Sa => b.push("a.id >= ").bind(hi),
            Prefix::Ge => b.push("a.id >= ").bind(lo),
            Prefix::Lt | Prefix::Eb => b.push("a.id < ").bind(lo),
            Prefix::Le => b.push("a.id < ").bind(hi),
        };
    }
    if !any.is_empty() {
        b.push(")");
    }
}
