//! The audit: every request leaves a trace, nothing leaves without one, and what was changed afterwards is found.

use kap_fhir::access::Role;
use kap_fhir::auth::key::PrivateKey;
use kap_fhir::demo::player::Caller;

use crate::app::TestApp;
use crate::client::{log_in, register};
use crate::raw::Rows;

mod chain;
mod closed;
mod crash;
mod disclosures;
mod events;
mod kinds;
mod program;
mod replicas;
mod shapes;
mod tokens;

/// The practice of the first sample.
pub const PRACTICE: &str = "org-practice-01";
/// Its partner.
pub const PARTNER: &str = "org-partner-01";

/// A logged-in client, and its key.
pub async fn client(
    app: &TestApp,
    (name, organization, role): (&'static str, &str, Role),
    scope: &'static str,
) -> (Caller, PrivateKey) {
    let key = register(&app.app.auth, name, organization, role, scope).await;
    (log_in(app, name, &key, scope).await, key)
}

/// Columns of the rows of one request, in the order of the table.
pub async fn rows_of(app: &TestApp, request: &str, columns: &str) -> Rows {
    let sql = format!("SELECT {columns} FROM audit WHERE request = '{request}' ORDER BY id");
    app.place().rows(&sql).await
}
