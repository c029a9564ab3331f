//! Criteria on other records, and compartments, as conditions on the resource `r`. The others are found under the access
//! predicate of their own type: what the caller does not see meets nothing, and nothing meets by it.

use super::condition::{self, Found};
use crate::access::Interaction;
use crate::fhir::search::{Chain, SearchQuery, Way};
use crate::store::filter::{Builder, Of, visible};
use crate::store::view::View;

/// Around a list of ids that is found once, by itself: PostgreSQL would otherwise put the tables of all steps into one
/// join, in an order of its own guessing, or find the list anew for each row.
const ONCE: [&str; 2] = [
    " IN (WITH ids AS MATERIALIZED (",
    ") SELECT ids.id FROM ids)",
];

impl View<'_> {
    /// Adds ` AND …` for each chain of `query`. The first one drives where nothing else does.
    pub(super) fn chained(&self, b: &mut Builder, query: &SearchQuery, found: Found) -> Found {
        let mut found = found;
        for chain in &query.chains {
            if found == Found::InOrder {
                self.drive(b, query.kind, chain);
                found = Found::ByFilter;
            } else {
                self.probe(b, query.kind, chain);
            }
        }
        found
    }

    /// Adds that `r` is in the compartment.
    pub(super) fn within(&self, b: &mut Builder, query: &SearchQuery, found: Found) -> Found {
        let Some(within) = &query.within else {
            return found;
        };
        b.push(" AND r.id").push(ONCE[0]);
        b.push("SELECT x.id FROM index_reference x WHERE x.tenant = ");
        b.bind(self.access.tenant()).push(" AND x.type = ");
        b.bind(query.kind).push(" AND x.target_id = ");
        b.bind(within.id.as_str())
            .push(" AND x.target_type = ")
            .bind(within.of);
        b.push(" AND x.param IN (''");
        for parameter in &within.parameters {
            b.push(", ").bind(parameter.indexed);
        }
        b.push(")");
        if within.own {
            b.push(" UNION ALL SELECT o.id FROM resource o WHERE o.tenant = ");
            b.bind(self.access.tenant()).push(" AND o.type = ");
            b.bind(query.kind).push(" AND o.id = ");
            b.bind(within.id.as_str()).push(" AND o.type = ");
            b.bind(within.of);
        }
        b.push(ONCE[1]);
        Found::ByFilter
    }

    /// Adds that `r` is among what the chain leads to, beginning at its other end.
    fn drive(&self, b: &mut Builder, kind: &'static str, chain: &Chain) {
        b.push(" AND r.id").push(ONCE[0]);
        for (i, other) in chain.others.iter().enumerate() {
            b.push(if i == 0 { "" } else { " UNION ALL " });
            let (from, parameter, to, own, far) = match chain.way {
                Way::To(parameter) => (kind, parameter, other.kind, "x.id", "x.target_id"),
                Way::From(parameter) => (other.kind, parameter, kind, "x.target_id", "x.id"),
            };
            b.push("SELECT ").push(own);
            b.push(" AS id FROM index_reference x WHERE x.tenant = ");
            b.bind(self.access.tenant())
                .push(" AND x.type = ")
                .bind(from);
            b.push(" AND x.param = ").bind(parameter.indexed);
            b.push(" AND x.target_type = ").bind(to);
            b.push(" AND ").push(far).push(ONCE[0]);
            b.push("SELECT r.id");
            self.matching(b, other);
            b.push(ONCE[1]);
        }
        b.push(ONCE[1]);
    }

    /// Adds that one of the others is at the end of the chain from `r`.
    fn probe(&self, b: &mut Builder, kind: &'static str, chain: &Chain) {
        b.push(" AND (");
        for (i, other) in chain.others.iter().enumerate() {
            b.push(if i == 0 { "" } else { " OR " });
            b.push("EXISTS (SELECT 1 FROM index_reference x WHERE x.tenant = r.tenant");
            let far = match chain.way {
                Way::To(parameter) => {
                    b.push(" AND x.type = r.type AND x.id = r.id AND x.param = ");
                    b.bind(parameter.indexed).push(" AND x.target_type = ");
                    b.bind(other.kind);
                    "x.target_id"
                }
                Way::From(parameter) => {
                    b.push(" AND x.target_id = r.id AND x.type = ")
                        .bind(other.kind);
                    b.push(" AND x.param = ").bind(parameter.indexed);
                    b.push(" AND x.target_type = ").bind(kind);
                    "x.id"
                }
            };
            b.push(" AND EXISTS (SELECT 1 FROM resource r WHERE r.type = ");
            b.bind(other.kind).push(" AND r.id = ").push(far);
            b.push(" AND r.deleted = 0");
            let of = Of::One(other.kind, Interaction::Search);
            visible(b, self.access, "r", of);
            condition::ask(b, other);
            for next in &other.chains {
                self.probe(b, other.kind, next);
            }
            // OFFSET keeps PostgreSQL from turning the look at one row into a join with all that the values match.
            b.push(" LIMIT 1 OFFSET 0) LIMIT 1 OFFSET 0)");
        }
        b.push(")");
    }
}
