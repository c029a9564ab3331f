//! Clients of a test: registered, and logged in.

use kap_fhir::access::Role;
use kap_fhir::auth::Auth;
use kap_fhir::auth::client::{ClientSpec, Keys, Purpose};
use kap_fhir::auth::key::PrivateKey;
use kap_fhir::demo::player::Caller;
use kap_fhir::demo::token::Login;
use kap_fhir::kap::Id;

use crate::app::TestApp;

/// Registers a client under its name; gives its key.
pub async fn register(
    auth: &Auth,
    name: &str,
    organization: &str,
    role: Role,
    scope: &str,
) -> PrivateKey {
    let key = PrivateKey::generate().expect("key");
    let spec = ClientSpec {
        id: Some(name.to_owned()),
        name: name.to_owned(),
        organization: Id::new(organization).expect("id"),
        role,
        scopes: scope.to_owned(),
        purposes: vec![Purpose::Treatment],
        keys: Keys::Set(key.public_set().to_string()),
    };
    auth.register(spec).await.expect("client");
    key
}

/// The client with a token.
pub async fn log_in(app: &TestApp, name: &str, key: &PrivateKey, scope: &str) -> Caller {
    let http = kap_fhir::demo::http().expect("http");
    let login = Login {
        base: &app.base,
        client: name,
        scope,
    };
    let token = login.token(&http, key, &app.app.clock).await;
    Caller {
        http,
        base: app.base.clone(),
        token: token.expect("token"),
    }
}

/// A logged-in client of an organization.
pub async fn client(
    app: &TestApp,
    name: &str,
    organization: &str,
    role: Role,
    scope: &str,
) -> Caller {
    let key = register(&app.app.auth, name, organization, role, scope).await;
    log_in(app, name, &key, scope).await
}
