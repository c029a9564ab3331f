//! All resources of a type that a client sees, some at a time: what a bulk export takes.

use super::condition;
use crate::access::Interaction;
use crate::error::Result;
use crate::fhir::resource::{Key, Stored};
use crate::fhir::search::SearchQuery;
use crate::kap::base::Id;
use crate::store::filter::{Builder, Of, visible};
use crate::store::since::since;
use crate::store::view::{COLUMNS, View};

/// Keys per statement of [`View::hidden_among`].
const KEYS: usize = 200;

/// Whose records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Those of patients, and those of nobody.
    All,
    /// Those of patients alone.
    Patients,
    /// Those of these patients.
    Of(Vec<Id>),
    /// Those of the members of this Group.
    Members(Id),
    /// Those of the members of this Group among these patients.
    MembersOf(Id, Vec<Id>),
}

/// Whether records are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Being {
    Present,
    /// Of what is deleted no filter can be asked: what it was found by is gone with it.
    Deleted,
}

/// Which resources of one type.
#[derive(Clone, Debug)]
pub struct Portion {
    pub kind: &'static str,
    pub being: Being,
    pub whose: Whose,
    /// What was written, or opened to the caller, at this instant or later (milliseconds since 1970). What is deleted was
    /// deleted then.
    pub since: Option<i64>,
    /// What meets the filters of one of these searches; everything where there is none.
    pub any: Vec<SearchQuery>,
}

impl View<'_> {
    /// At most `count` of the resources, in the order of their ids, those after `after`.
    ///
    /// # Errors
    /// Those of the store; `Unavailable` where a filter's parameter is not yet indexed for every record.
    pub async fn exported(
        &self,
        portion: &Portion,
        count: u32,
        after: &str,
    ) -> Result<Vec<Stored>> {
        for query in &portion.any {
            self.store.answers(query)?;
        }
        let statement = self.of_export(portion, count, after);
        let rows = self.store.read(statement.sql()).await?;
        rows.iter().map(|row| self.told(row)).collect()
    }

    /// The statement of [`View::exported`].
    pub(in crate::store) fn of_export(
        &self,
        portion: &Portion,
        count: u32,
        after: &str,
    ) -> Builder {
        let mut b = Builder::default();
        b.push("SELECT ").push(COLUMNS);
        b.push(" FROM resource r WHERE r.type = ")
            .bind(portion.kind);
        b.push(being(portion.being));
        b.push(" AND r.id > ").bind(after);
        visible(
            &mut b,
            self.access,
            "r",
            Of::One(portion.kind, Interaction::Read),
        );
        self.whose(&mut b, &portion.whose);
        match (portion.since, portion.being) {
            (Some(from), Being::Present) => since(&mut b, self.access, "r", from),
            (Some(from), Being::Deleted) => drop(b.push(" AND r.at >= ").bind(from)),
            (None, _) => {}
        }
        if !portion.any.is_empty() && portion.being == Being::Present {
            b.push(" AND (");
            for (i, query) in portion.any.iter().enumerate() {
                b.push(if i == 0 { "(1 = 1" } else { " OR (1 = 1" });
                let led = !query.chains.is_empty();
                let found = condition::narrow(&mut b, self.access.tenant(), query, led);
                self.chained(&mut b, query, found);
                b.push(")");
            }
            b.push(")");
        }
        b.push(" ORDER BY r.id LIMIT ").bind(i64::from(count));
        b
    }

    fn whose(&self, b: &mut Builder, whose: &Whose) {
        match whose {
            Whose::All => {}
            Whose::Patients => drop(b.push(" AND r.patient <> ''")),
            Whose::Of(patients) => of(b, patients),
            Whose::Members(group) => self.members(b, group),
            Whose::MembersOf(group, patients) => {
                of(b, patients);
                self.members(b, group);
            }
        }
    }

    fn members(&self, b: &mut Builder, group: &Id) {
        b.push(
            " AND r.patient <> '' AND EXISTS (SELECT 1 FROM index_reference m WHERE m.tenant = ",
        );
        b.bind(self.access.tenant());
        b.push(" AND m.type = 'Group' AND m.id = ")
            .bind(group.as_str());
        b.push(" AND m.param = 'member' AND m.target_type = 'Patient' AND m.target_id = r.patient LIMIT 1)");
    }

    /// Whether one of the resources of this type with these ids is there (or deleted), and hidden.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn hidden_among(&self, kind: &str, was: Being, ids: &[&str]) -> Result<bool> {
        for ids in ids.chunks(KEYS) {
            let mut b = Builder::default();
            b.push("SELECT 1 FROM resource r WHERE r.tenant = ");
            b.bind(self.access.tenant());
            b.push(" AND r.type = ").bind(kind).push(being(was));
            b.push(" AND r.id IN (");
            // The last one is repeated, so that there is one statement.
            for i in 0..KEYS {
                let id = ids.get(i).or(ids.last()).copied().unwrap_or_default();
                b.push(if i == 0 { "" } else { ", " }).bind(id);
            }
            b.push(") AND NOT (1 = 1");
            visible(&mut b, self.access, "r", Of::One(kind, Interaction::Read));
            b.push(") LIMIT 1");
            if !self.store.read(b.sql()).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a resource is there for the caller to see.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn has(&self, key: &Key) -> Result<bool> {
        Ok(self.sees(std::slice::from_ref(key)).await?.contains(key))
    }
}

const fn being(being: Being) -> &'static str {
    match being {
        Being::Present => " AND r.deleted = 0",
        Being::Deleted => " AND r.deleted = 1",
    }
}

/// Adds that it is of one of these patients.
fn of(b: &mut Builder, patients: &[Id]) {
    b.push(" AND r.patient <> '' AND r.patient IN (''");
    for patient in patients {
        b.push(", ").bind(patient.as_str());
    }
    b.push(")");
}
