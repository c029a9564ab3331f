//! The whole record of a patient or an episode, page by page, in one statement a page.

use super::{COLUMNS, View};
use crate::error::Result;
use crate::fhir::parameter;
use crate::fhir::resource::{Key, Stored};
use crate::kap::base::Id;
use crate::store::filter::{Builder, Of, visible};
use crate::store::since::since;

/// Whose record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    Patient(Id),
    /// The episode's own records, and those of its patient that hang off no episode.
    Episode {
        episode: Id,
        patient: Id,
    },
}

/// Which part of a record.
#[derive(Clone, Debug)]
pub struct Everything {
    pub record: Record,
    /// These types alone; every type where it is `None`.
    pub kinds: Option<Vec<&'static str>>,
    /// What was written, or opened to the caller, at this instant or later (milliseconds since 1970).
    pub since: Option<i64>,
    /// What happened at this instant or later; what tells no date stays.
    pub start: Option<i64>,
    /// What happened before this instant.
    pub end: Option<i64>,
    /// Reference parameters (type, name of its index) over elements that the caller may not see: whom they name is not told.
    pub hidden: Vec<(&'static str, &'static str)>,
}

/// A page of a record.
#[derive(Debug)]
pub struct Part {
    pub rows: Vec<Stored>,
    /// The last of them, where there are more.
    pub next: Option<Key>,
}

/// Types that belong to the patient as a whole and that an episode's reader needs.
const SHARED: &str = "('Patient', 'Condition', 'AllergyIntolerance', 'RelatedPerson')";
const DIRECTORY: &str =
    "('Organization', 'Practitioner', 'PractitionerRole', 'Medication', 'Endpoint')";

impl View<'_> {
    /// At most `count` resources of the record in the order of type and id, those that come after `after`, with the
    /// directory entries that what is visible of it names.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn everything(
        &self,
        asked: &Everything,
        count: u32,
        after: Option<&Key>,
    ) -> Result<Part> {
        let statement = self.of_everything(asked, count, after);
        let rows = self.store.read(statement.sql()).await?;
        let more = rows.len() > count as usize;
        let rows = &rows[..rows.len().min(count as usize)];
        let rows = rows.iter().map(|row| self.told(row));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        let last = rows.last().filter(|_| more);
        let next = last.map(|row| row.key.clone());
        Ok(Part { rows, next })
    }

    /// The statement of [`View::everything`]. The record is found under the predicate first; what it names of the
    /// directory is asked for by itself. Each `CROSS JOIN` keeps SQLite to the order of the tables.
    pub(in crate::store) fn of_everything(
        &self,
        asked: &Everything,
        count: u32,
        after: Option<&Key>,
    ) -> Builder {
        let mut b = Builder::default();
        b.push("WITH own AS (");
        self.whole_of(&mut b, asked);
        // The limit keeps SQLite from asking of the whole tenant's types what is asked of the record below.
        b.push(" LIMIT 9000000000000000000");
        b.push("), named AS (SELECT DISTINCT x.target_type AS type, x.target_id AS id FROM own o ");
        b.push("CROSS JOIN index_reference x WHERE x.tenant = ");
        b.bind(self.access.tenant());
        b.push(" AND x.type = o.type AND x.id = o.id AND x.target_type IN ");
        b.push(DIRECTORY);
        for (kind, param) in &asked.hidden {
            b.push(" AND NOT (x.type = '").push(kind);
            b.push("' AND x.param = '").push(param).push("')");
        }
        b.push(
            "), found AS (SELECT type, id, 1 AS own FROM own UNION SELECT type, id, 0 FROM named ",
        );
        b.push(
            "UNION SELECT x.target_type, x.target_id, 0 FROM named n CROSS JOIN index_reference x ",
        );
        b.push("WHERE x.tenant = ").bind(self.access.tenant());
        b.push(" AND x.type = n.type AND x.id = n.id AND n.type IN ('PractitionerRole', 'Organization') ");
        b.push("AND x.target_type IN ('Organization', 'Practitioner', 'Endpoint')) SELECT ");
        b.push(COLUMNS);
        b.push(" FROM found k CROSS JOIN resource r WHERE r.tenant = ");
        b.bind(self.access.tenant());
        b.push(" AND r.type = k.type AND r.id = k.id AND r.deleted = 0");
        // Of the record itself it was asked above, in the same state of the store.
        b.push(" AND (k.own = 1 OR (r.patient = ''");
        visible(&mut b, self.access, "r", Of::Readable);
        b.push("))");
        if let Some(kinds) = &asked.kinds {
            one_of(&mut b, kinds);
        }
        if let Some(from) = asked.since {
            since(&mut b, self.access, "r", from);
        }
        if let Some(after) = after {
            b.push(" AND (k.type, k.id) > (").bind(after.kind.clone());
            b.push(", ").bind(after.id.as_str()).push(")");
        }
        b.push(" ORDER BY k.type, k.id LIMIT ")
            .bind(i64::from(count) + 1);
        b
    }

    /// Adds the statement of the keys of the record.
    fn whole_of(&self, b: &mut Builder, asked: &Everything) {
        b.push("SELECT r.type, r.id FROM resource r WHERE ");
        match &asked.record {
            Record::Patient(patient) => {
                b.push("r.patient <> '' AND r.patient = ")
                    .bind(patient.as_str());
                self.part(b, asked);
            }
            Record::Episode { episode, patient } => {
                b.push("r.episode <> '' AND r.episode = ")
                    .bind(episode.as_str());
                self.part(b, asked);
                b.push(" UNION ALL SELECT r.type, r.id FROM resource r WHERE r.patient <> '' AND r.patient = ");
                b.bind(patient.as_str())
                    .push(" AND r.episode = '' AND r.type IN ");
                b.push(SHARED);
                self.part(b, asked);
            }
        }
    }

    fn part(&self, b: &mut Builder, asked: &Everything) {
        b.push(" AND r.deleted = 0");
        visible(b, self.access, "r", Of::Readable);
        care(b, asked.start, asked.end);
    }
}

/// Adds that the types are among these, none of which is of a client's making.
fn one_of(b: &mut Builder, kinds: &[&'static str]) {
    b.push(" AND k.type IN ('")
        .push(&kinds.join("', '"))
        .push("')");
}

/// Adds that it happened between two instants: a period that reaches into the time counts. The patient always does.
fn care(b: &mut Builder, start: Option<i64>, end: Option<i64>) {
    if start.is_none() && end.is_none() {
        return;
    }
    b.push(" AND (r.type = 'Patient' OR (");
    b.push("1 = 1");
    if let Some(end) = end {
        b.push(" AND (r.date < ").bind(end);
        b.push(" OR r.date = ").bind(i64::MAX).push(")");
    }
    if let Some(start) = start {
        b.push(" AND (r.date >= ").bind(start);
        b.push(" OR NOT EXISTS (SELECT 1 FROM index_date x WHERE ");
        dated(b);
        b.push(") OR EXISTS (SELECT 1 FROM index_date x WHERE ");
        dated(b);
        b.push(" AND x.hi > ").bind(start).push("))");
    }
    b.push("))");
}

/// Adds the condition on an `index_date` `x` that it is the date by which the type of `r` is sorted.
fn dated(b: &mut Builder) {
    b.push("x.tenant = r.tenant AND x.type = r.type AND x.id = r.id AND x.param = CASE r.type");
    let mut kinds: Vec<_> = parameter::kinds()
        .filter_map(|kind| Some((kind, parameter::sort_date(kind)?)))
        .collect();
    kinds.sort_unstable();
    for (kind, name) in kinds {
        b.push(" WHEN '")
            .push(kind)
            .push("' THEN '")
            .push(name)
            .push("'");
    }
    b.push(" ELSE '' END");
}
