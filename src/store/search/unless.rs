//! What must not be there when something is stored (`If-None-Exist`): asked again in the write itself, so that of two
//! who ask at once one alone creates (<https://hl7.org/fhir/R4/http.html#ccreate>).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::fhir::search::SearchQuery;
use crate::store::filter::Builder;
use crate::store::sql::{Expect, Step};
use crate::store::view::View;

/// The guard of [`View::unless`]: by now a resource meets the criteria.
pub const CRITERIA_MET: &str = "criteria met";

impl View<'_> {
    /// Steps of a write that fail, guarded by [`CRITERIA_MET`], where something visible meets `query`. Whoever asks the same at
    /// the same time waits until this write is through. `at` is in milliseconds since 1970.
    #[must_use]
    pub fn unless(&self, query: &SearchQuery, at: i64) -> Vec<Step> {
        // The row is a lock: it goes again in the next step, but a second writer of it waits for the end of this write.
        const LOCK: &str = "INSERT INTO idempotency (tenant, client, key, request, status, headers, body, at) \
            VALUES ($1, '', $2, '', 0, '', NULL, $3) ON CONFLICT DO NOTHING";
        let client = self.access.caller().map_or("", |c| &c.client);
        let name = format!("{} {client} {}", self.access.tenant(), query.identity());
        let name = URL_SAFE_NO_PAD.encode(Sha256::digest(name));
        let tenant = self.access.tenant();
        let lock = Step::one(
            CRITERIA_MET,
            LOCK,
            vec![tenant.into(), (&*name).into(), at.into()],
        );
        let mut b = Builder::default();
        b.push("DELETE FROM idempotency WHERE tenant = ")
            .bind(tenant);
        b.push(" AND client = '' AND key = ").bind(&*name);
        b.push(" AND NOT EXISTS (SELECT 1");
        self.matching(&mut b, query);
        b.push(")");
        let check = Step {
            sql: b.sql(),
            expect: Expect::One {
                guard: CRITERIA_MET,
            },
        };
        vec![lock, check]
    }
}
