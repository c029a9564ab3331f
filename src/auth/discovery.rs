//! What the authorization server says of itself: SMART configuration
//! (<https://hl7.org/fhir/smart-app-launch/conformance.html>) and RFC 8414 metadata.

use serde_json::{Value, json};

use super::Auth;
use super::jose::Signing;
use crate::access::role;

impl Auth {
    /// `{fhir-base}/.well-known/smart-configuration`: public, `application/json` whatever was asked for.
    #[must_use]
    pub fn smart_configuration(&self) -> Value {
        let mut document = self.common();
        document["capabilities"] = json!([
            "client-confidential-asymmetric",
            "permission-v1",
            "permission-v2"
        ]);
        document
    }

    /// `/.well-known/oauth-authorization-server` of the issuer (RFC 8414).
    #[must_use]
    pub fn oauth_authorization_server(&self) -> Value {
        let mut document = self.common();
        document["issuer"] = json!(self.settings.issuer);
        document["response_types_supported"] = json!([]);
        document
    }

    fn common(&self) -> Value {
        let methods = json!(["private_key_jwt"]);
        json!({
            "token_endpoint": self.settings.token_url,
            "token_endpoint_auth_methods_supported": methods,
            "token_endpoint_auth_signing_alg_values_supported": Signing::NAMES,
            "grant_types_supported": ["client_credentials"],
            "scopes_supported": scopes(),
            "introspection_endpoint": self.settings.introspection_url,
            "revocation_endpoint": self.settings.revocation_url,
            "revocation_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_signing_alg_values_supported": Signing::NAMES,
            // Required even of a server without an authorization endpoint (SMART 2.2 conformance).
            "code_challenge_methods_supported": ["S256"],
        })
    }
}

/// The scopes that some client could be granted.
fn scopes() -> Vec<String> {
    let named = role::every_kind().map(|(kind, letters)| format!("system/{kind}.{letters}"));
    let wild = ["system/*.cruds", "system/*.rs", "system/$introspect"];
    wild.into_iter().map(str::to_owned).chain(named).collect()
}
