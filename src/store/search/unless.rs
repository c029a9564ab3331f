//! What must not be there when something is stored (`If-None-Exist`): asked again in the write itself, so that of two
//! who ask at once one alone creates (<https://hl7.org/fhir/R4/http.html#ccreate>).

use crate::fhir::search::SearchQuery;
use crate::store::held::held;
use crate::store::sql::Step;
use crate::store::view::View;

/// The guard of [`View::unless`]: by now a resource meets the criteria.
pub const CRITERIA_MET: &str = "criteria met";

impl View<'_> {
    /// Steps of a write that fail, guarded by [`CRITERIA_MET`], where something visible meets `query`. Whoever asks the same at
    /// the same time waits until this write is through. `at` is in milliseconds since 1970.
    #[must_use]
    pub fn unless(&self, query: &SearchQuery, at: i64) -> Vec<Step> {
        let tenant = self.access.tenant();
        // Of whichever client: another's is there as soon as it is seen.
        let name = format!("{tenant} {}", query.identity());
        held(tenant, &name, CRITERIA_MET, at, |b| {
            b.push("NOT EXISTS (SELECT 1");
            self.matching(b, query);
            b.push(")");
        })
    }
}
