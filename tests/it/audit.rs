//! The audit: every request leaves a trace, nothing leaves without one, and what was changed afterwards is found.

use kap_fhir::access::Role;
use kap_fhir::auth::client::{ClientSpec, Keys, Purpose};
use kap_fhir::auth::key::PrivateKey;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::token::Login;
use kap_fhir::kap::Id;

use crate::app::TestApp;
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

/// A logged-in client.
pub async fn client(
    app: &TestApp,
    (name, organization, role): (&'static str, &str, Role),
    scope: &'static str,
) -> (Caller, PrivateKey) {
    let key = PrivateKey::generate().expect("key");
    let spec = ClientSpec {
        id: Some(name.to_owned()),
        name: name.to_owned(),
        organization: Id::new(organization).expect("id"),
        role,
        scopes: scope.to_owned(),
        purpose: Purpose::Treatment,
        keys: Keys::Set(key.public_set().to_string()),
    };
    app.app.auth.register(spec).await.expect("client");
    let http = kap_fhir::demo::http().expect("http");
    let login = Login {
        base: &app.base,
        client: name,
        scope,
    };
    let token = login.token(&http, &key, &app.app.clock).await;
    let caller = Caller {
        http,
        base: app.base.clone(),
        token: token.expect("token"),
    };
    (caller, key)
}

/// Columns of the rows of one request, in the order of the table.
pub async fn rows_of(app: &TestApp, request: &str, columns: &str) -> Rows {
    let sql = format!("SELECT {columns} FROM audit WHERE request = '{request}' ORDER BY id");
    app.place().rows(&sql).await
}
