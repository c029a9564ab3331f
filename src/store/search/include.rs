//! What comes along with the matches of a search.

use std::collections::{BTreeMap, HashSet};

use crate::access::Interaction;
use crate::error::Result;
use crate::fhir::resource::{Key, Stored};
use crate::fhir::search::{Followed, From, Include, IncludeWay};
use crate::store::filter::{Builder, Of, visible};
use crate::store::view::{COLUMNS, View};

/// Included resources per page at most.
const MAX: usize = 1000;
/// Steps from the matches at most.
const DEPTH: usize = 2;
/// Ids per statement: few sizes, so that the statements stay prepared.
const SIZES: [usize; 5] = [1, 10, 50, 200, 1001];

/// A limit of what comes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// There are more resources than may come along.
    Number,
    /// What came along last was not asked any more.
    Depth,
}

impl Limit {
    /// What is said of it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Number => {
                "At most 1,000 resources come along with a page: some that were asked for are left out. Ask for fewer matches per page."
            }
            Self::Depth => {
                "What comes along is followed two steps from the matches: what would be further away was not looked for."
            }
        }
    }
}

impl View<'_> {
    /// The included resources; types that the caller may not read are left out, as are hidden resources.
    pub(super) async fn included(
        &self,
        includes: &[Include],
        matches: &[Stored],
    ) -> Result<(Vec<Stored>, Vec<Limit>)> {
        let mut out: Vec<Stored> = Vec::new();
        if matches.is_empty() || includes.is_empty() {
            return Ok((out, Vec::new()));
        }
        let mut seen: HashSet<Key> = matches.iter().map(|m| m.key.clone()).collect();
        let mut fresh: Vec<Key> = matches.iter().map(|m| m.key.clone()).collect();
        for step in 0..DEPTH {
            let asking = std::mem::take(&mut fresh);
            let asking = by_kind(&asking);
            for include in includes.iter().filter(|i| step == 0 || i.iterate) {
                for b in self.asked(include, &asking) {
                    for row in &self.store.read(b.sql()).await? {
                        let found = self.told(row)?;
                        let kind = &found.key.kind;
                        let readable = self.access.allow(Interaction::Read, kind).is_ok();
                        if !readable || !seen.insert(found.key.clone()) {
                            continue;
                        }
                        if out.len() == MAX {
                            return Ok((out, vec![Limit::Number]));
                        }
                        fresh.push(found.key.clone());
                        out.push(found);
                    }
                }
            }
        }
        let mut asking = includes.iter().filter(|include| include.iterate);
        let further = asking.any(|include| fresh.iter().any(|key| include.asks(&key.kind)));
        Ok((out, if further { vec![Limit::Depth] } else { vec![] }))
    }

    /// The statements that find what comes along with `fresh`.
    pub(in crate::store) fn asked(
        &self,
        include: &Include,
        fresh: &BTreeMap<&str, Vec<&str>>,
    ) -> Vec<Builder> {
        let mut out = Vec::new();
        match include.way {
            IncludeWay::Forward => {
                for from in &include.from {
                    if let Some(ids) = fresh.get(from.kind).filter(|_| !from.params.is_empty()) {
                        out.push(self.forward(from, include.target, ids));
                    }
                }
            }
            IncludeWay::Reverse => {
                for (kind, ids) in fresh {
                    let wanted = include.target.is_none_or(|target| target == *kind);
                    let read = |from: &&From| {
                        let may = self.access.allow(Interaction::Read, from.kind).is_ok();
                        may && from.to(kind).next().is_some()
                    };
                    let from: Vec<&From> = include.from.iter().filter(read).collect();
                    if wanted && !from.is_empty() {
                        out.push(self.reverse(&from, kind, ids));
                    }
                }
            }
        }
        out
    }

    // Both select the type as an expression: SQLite would else walk all references in the order of a key, to tell doubles.
    fn forward(&self, from: &From, target: Option<&str>, among: &[&str]) -> Builder {
        let mut b = Builder::default();
        b.push("SELECT ").push(COLUMNS);
        b.push(" FROM (SELECT DISTINCT x.target_type || '' AS type, x.target_id AS id FROM index_reference x WHERE x.tenant = ");
        b.bind(self.access.tenant());
        of(&mut b, from.kind, from.params.iter());
        if let Some(target) = target {
            b.push(" AND x.target_type = ").bind(target);
        }
        ids(&mut b, "x.id", among);
        self.found(b)
    }

    fn reverse(&self, from: &[&From], kind: &str, among: &[&str]) -> Builder {
        let mut b = Builder::default();
        b.push("SELECT ").push(COLUMNS);

        b.push(" FROM (SELECT DISTINCT x.type || '' AS type, x.id FROM index_reference x WHERE x.tenant = ");
        b.bind(self.access.tenant());
        if let [from] = from {
            of(&mut b, from.kind, from.to(kind));
        } else {
            for (i, from) in from.iter().enumerate() {
                b.push(if i == 0 { " AND ((1 = 1" } else { " OR (1 = 1" });
                of(&mut b, from.kind, from.to(kind));
                b.push(")");
            }
            b.push(")");
        }
        b.push(" AND x.target_type = ").bind(kind.to_owned());
        ids(&mut b, "x.target_id", among);
        self.found(b)
    }

    /// Adds what of the keys found is there and visible.
    fn found(&self, mut b: Builder) -> Builder {
        b.push(") k JOIN resource r ON r.tenant = ")
            .bind(self.access.tenant());
        b.push(" AND r.type = k.type AND r.id = k.id WHERE r.deleted = 0");
        visible(&mut b, self.access, "r", Of::Readable);
        let limit = i64::try_from(MAX).unwrap_or(i64::MAX) + 1;
        b.push(" ORDER BY r.type, r.id LIMIT ").bind(limit);
        b
    }
}

/// Adds ` AND …` for those references of `kind` that are followed.
fn of<'a>(b: &mut Builder, kind: &'static str, params: impl Iterator<Item = &'a Followed>) {
    b.push(" AND x.type = ").bind(kind);
    let (some, any): (Vec<&Followed>, Vec<&Followed>) = params.partition(|p| p.target.is_some());
    b.push(" AND (");
    if let [one] = &*any {
        b.push("x.param = ").bind(one.indexed);
    } else if !any.is_empty() {
        b.push("x.param IN (");
        for (i, one) in any.iter().enumerate() {
            b.push(if i == 0 { "" } else { ", " }).bind(one.indexed);
        }
        b.push(")");
    }
    for (i, one) in some.iter().enumerate() {
        b.push(if i == 0 && any.is_empty() { "" } else { " OR " });
        b.push("x.param = ").bind(one.indexed);
        if let Some(target) = one.target {
            b.push(" AND x.target_type = ").bind(target);
        }
    }
    b.push(")");
}

/// The ids by their types.
fn by_kind(keys: &[Key]) -> BTreeMap<&str, Vec<&str>> {
    let mut out: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for key in keys {
        out.entry(&key.kind).or_default().push(key.id.as_str());
    }
    out
}

/// Adds ` AND column IN (…)` with these ids, the last one repeated up to the size.
fn ids(b: &mut Builder, column: &str, among: &[&str]) {
    let size = SIZES
        .into_iter()
        .find(|s| *s >= among.len())
        .unwrap_or(among.len());
    b.push(" AND ").push(column).push(" IN (");
    for i in 0..size {
        if let Some(one) = among.get(i).or(among.last()) {
            b.push(if i == 0 { "" } else { ", " }).bind(*one);
        }
    }
    b.push(")");
}
