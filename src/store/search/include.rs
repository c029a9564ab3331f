//! What comes along with the matches of a search.

use std::collections::HashSet;

use crate::access::Interaction;
use crate::error::{Error, Kind, Result};
use crate::fhir::parameter;
use crate::fhir::resource::{Key, Stored};
use crate::fhir::search::{Include, SearchQuery};
use crate::store::filter::{Builder, Of, visible};
use crate::store::view::{COLUMNS, View};

/// Included resources per page at most.
const MAX: usize = 5000;
/// Ids per statement: few sizes, so that the statements stay prepared.
const SIZES: [usize; 5] = [1, 10, 50, 200, 1001];

impl View<'_> {
    /// The included resources; types that the caller may not read are left out, as are hidden resources.
    pub(super) async fn included(
        &self,
        query: &SearchQuery,
        matches: &[Stored],
    ) -> Result<Vec<Stored>> {
        let mut out = Vec::new();
        if matches.is_empty() || query.include.is_empty() {
            return Ok(out);
        }
        let mut seen: HashSet<Key> = matches.iter().map(|m| m.key.clone()).collect();
        for include in &query.include {
            let Some(b) = self.include(query.kind, include, matches) else {
                continue;
            };
            let rows = self.store.read(b.sql()).await?;
            for found in rows.iter().map(|row| self.told(row)) {
                let found = found?;
                let readable = self
                    .access
                    .allow(Interaction::Read, &found.key.kind)
                    .is_ok();
                if readable && seen.insert(found.key.clone()) {
                    out.push(found);
                }
            }
            if out.len() > MAX || rows.len() > MAX {
                let text =
                    "The page has too many included resources; ask for fewer matches per page.";
                return Err(Error::new(Kind::TooLarge, text).issue_code("too-costly"));
            }
        }
        Ok(out)
    }

    fn include(&self, of: &str, include: &Include, matches: &[Stored]) -> Option<Builder> {
        let mut b = Builder::default();
        b.push("SELECT ")
            .push(COLUMNS)
            .push(" FROM (SELECT DISTINCT ");
        match include {
            Include::Forward { parameter, target } => {
                let parameter = parameter::find(of, parameter)?;
                b.push("x.target_type AS type, x.target_id AS id FROM index_reference x WHERE x.tenant = ");
                b.bind(self.access.tenant()).push(" AND x.type = ").bind(of);
                b.push(" AND x.param = ").bind(parameter.indexed);
                if let Some(target) = target {
                    b.push(" AND x.target_type = ").bind(*target);
                }
                ids(&mut b, "x.id", matches);
            }
            Include::Reverse { kind, parameter } => {
                let parameter = parameter::find(kind, parameter)?;
                b.push("x.type, x.id FROM index_reference x WHERE x.tenant = ");
                b.bind(self.access.tenant())
                    .push(" AND x.type = ")
                    .bind(*kind);
                b.push(" AND x.param = ").bind(parameter.indexed);
                b.push(" AND x.target_type = ").bind(of);
                ids(&mut b, "x.target_id", matches);
            }
        }
        b.push(") k JOIN resource r ON r.tenant = ")
            .bind(self.access.tenant());
        b.push(" AND r.type = k.type AND r.id = k.id WHERE r.deleted = 0");
        visible(&mut b, self.access, "r", Of::Readable);
        let limit = i64::try_from(MAX).unwrap_or(i64::MAX) + 1;
        b.push(" ORDER BY r.type, r.id LIMIT ").bind(limit);
        Some(b)
    }
}

/// Adds ` AND column IN (…)` with the ids of the matches, the last one repeated up to the size.
fn ids(b: &mut Builder, column: &str, matches: &[Stored]) {
    let size = SIZES
        .into_iter()
        .find(|s| *s >= matches.len())
        .unwrap_or(matches.len());
    b.push(" AND ").push(column).push(" IN (");
    for i in 0..size {
        if let Some(one) = matches.get(i).or(matches.last()) {
            b.push(if i == 0 { "" } else { ", " })
                .bind(one.key.id.as_str());
        }
    }
    b.push(")");
}
