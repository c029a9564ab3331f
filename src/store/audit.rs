//! The audit in the database: rows and batches, both only ever added.
//!
//! A row goes in with the change that it is about ([`steps`]), or by itself before an answer leaves ([`Store::append`]).

mod element;
mod emergency;
pub(crate) mod query;
mod seal;

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use super::Store;
use super::sql::{Row as Columns, Step, Value};
use crate::audit::{Event, Kind, Outcome, Row, Target, Who};
use crate::error::{Error, Result};

/// The columns, in the order of [`Line`] and [`row`].
const COLUMNS: [&str; 19] = [
    "tenant",
    "id",
    "at",
    "source",
    "kind",
    "outcome",
    "reason",
    "client",
    "organization",
    "role",
    "token",
    "purpose",
    "peer",
    "request",
    "patient",
    "detail",
    "target_type",
    "target_id",
    "target_version",
];

/// What every insertion of rows begins with.
pub(super) const INSERT: &str = "INSERT INTO audit (";

/// A row as the table has it.
pub(super) type Line = [Value; COLUMNS.len()];

/// Rows per statement: few sizes, so that the statements stay prepared.
const SIZES: [usize; 4] = [64, 16, 4, 1];

/// The insertions, one per size.
static INSERTS: LazyLock<[String; 4]> = LazyLock::new(|| {
    SIZES.map(|rows| {
        let mut text = format!("{INSERT}{}) VALUES ", COLUMNS.join(", "));
        for n in 0..rows * COLUMNS.len() {
            let mark = match (n, n % COLUMNS.len()) {
                (0, _) => "(",
                (_, 0) => "), (",
                _ => ", ",
            };
            // Writing to a string cannot fail.
            let _ = write!(text, "{mark}${}", n + 1);
        }
        text.push(')');
        text
    })
});

/// The statement that adds one row.
pub(super) fn one() -> &'static str {
    &INSERTS[SIZES.len() - 1]
}

/// The statement that adds one row where it is missing.
pub(super) fn one_more() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| format!("{} ON CONFLICT DO NOTHING", one()));
    &TEXT
}

/// The statements that add these rows.
pub(super) fn insert(lines: Vec<Line>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut left = lines.len();
    let mut lines = lines.into_iter();
    while left > 0 {
        let fits = SIZES.iter().position(|size| *size <= left);
        let size = fits.unwrap_or(SIZES.len() - 1);
        let text: &'static str = &INSERTS[size];
        steps.push(Step::any(
            text,
            lines.by_ref().take(SIZES[size]).flatten().collect(),
        ));
        left -= SIZES[size];
    }
    steps
}

/// The statements that add rows in the transaction of what they are about.
#[must_use]
pub(crate) fn steps(tenant: &str, rows: Vec<Row>) -> Vec<Step> {
    insert(lines(&Arc::from(tenant), rows))
}

fn lines(tenant: &Arc<str>, rows: Vec<Row>) -> Vec<Line> {
    rows.into_iter().map(|row| line(tenant, row)).collect()
}

fn line(tenant: &Arc<str>, row: Row) -> Line {
    let Row {
        id,
        at,
        source,
        event,
    } = row;
    let who = event.who;
    let (kind, target, version) = match event.target {
        Some(target) => (Some(target.kind), target.id, target.version),
        None => (None, None, None),
    };
    [
        tenant.clone().into(),
        id.into(),
        at.into(),
        source.into(),
        event.kind.code().into(),
        event.outcome.code().into(),
        event.reason.into(),
        who.client.into(),
        who.organization.into(),
        who.role.into(),
        who.token.into(),
        who.purpose.into(),
        event.peer.into(),
        event.request.into(),
        event.patient.into(),
        event.detail.into(),
        kind.into(),
        target.into(),
        version.into(),
    ]
}

/// A row from the columns [`COLUMNS`].
fn row(columns: &Columns) -> Result<Row> {
    let broken = || Error::internal("a row of the audit cannot be read");
    let event = Event {
        kind: Kind::from_code(&columns.text(4)).ok_or_else(broken)?,
        outcome: Outcome::of(columns.int(5)),
        reason: columns.opt_text(6),
        who: Who {
            client: columns.opt_text(7),
            organization: columns.opt_text(8),
            role: columns.opt_text(9),
            token: columns.opt_text(10),
            purpose: columns.opt_text(11),
        },
        peer: columns.opt_text(12),
        request: columns.opt_text(13),
        patient: columns.opt_text(14),
        detail: columns.opt_text(15),
        target: columns.opt_text(16).map(|kind| Target {
            kind,
            id: columns.opt_text(17),
            version: columns.opt_int(18),
        }),
    };
    Ok(Row {
        id: columns.text(1),
        at: columns.int(2),
        source: columns.text(3),
        event,
    })
}

impl Store {
    /// Records rows that are about no change. They survive a crash of this program at once, and a power cut from the next
    /// change or seal on (a second at most). Searches find them ([`Store::settled`]).
    ///
    /// # Errors
    /// `Unavailable` where they cannot be added: then nothing of what they are about may leave.
    pub(crate) async fn append(&self, tenant: &Arc<str>, rows: Vec<Row>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.driver.append(lines(tenant, rows)).await
    }

    /// Waits until every row that was appended can be found.
    ///
    /// # Errors
    /// `Unavailable` where the database does not take them.
    pub async fn settled(&self) -> Result<()> {
        self.driver.flush().await
    }
}
