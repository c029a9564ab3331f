//! Logging in as a client: the SMART Backend Services flow, with a private key.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use crate::auth::jose;
use crate::auth::key::PrivateKey;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};

/// Arguments of `kap-fhir token`.
#[derive(Args, Debug)]
pub struct TokenArgs {
    /// Base URL of the service.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: String,
    /// `clients.json` of the demo (see `kap-fhir demo`).
    #[arg(long, default_value = "kap-demo/clients.json")]
    clients: PathBuf,
    /// Client id in that file.
    #[arg(long)]
    client: String,
    /// Scopes; all of the client's where absent.
    #[arg(long)]
    scope: Option<String>,
}

/// Prints an access token.
///
/// # Errors
/// Where the file has no such client, or the service refuses.
pub async fn run(args: TokenArgs) -> Result<()> {
    let text = std::fs::read_to_string(&args.clients).map_err(|e| {
        Error::new(
            Kind::Invalid,
            format!("{} cannot be read.", args.clients.display()),
        )
        .because(e)
    })?;
    let clients: Value = serde_json::from_str(&text).map_err(Error::internal)?;
    let found = clients
        .as_array()
        .into_iter()
        .flatten()
        .find(|c| c["client_id"] == args.client.as_str());
    let entry =
        found.ok_or_else(|| Error::new(Kind::Invalid, "There is no such client in the file."))?;
    let key = PrivateKey::from_jwk(&entry["jwk"].to_string())?;
    let scope = args
        .scope
        .as_deref()
        .or(entry["scope"].as_str())
        .unwrap_or_default();
    let login = Login {
        base: &args.url,
        client: &args.client,
        scope,
    };
    println!(
        "{}",
        login.token(&super::http()?, &key, &Clock::system()).await?
    );
    Ok(())
}

/// What a client asks the token endpoint for.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    pub base: &'a str,
    pub client: &'a str,
    pub scope: &'a str,
}

impl Login<'_> {
    /// An access token.
    ///
    /// # Errors
    /// `Unauthenticated` with the server's own words.
    pub async fn token(
        &self,
        http: &reqwest::Client,
        key: &PrivateKey,
        clock: &Clock,
    ) -> Result<String> {
        let url = format!("{}/auth/token", self.base);
        let assertion = jose::client_assertion(key, self.client, &url, clock, 120)?;
        let form = [
            ("grant_type", "client_credentials"),
            ("scope", self.scope),
            (
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            ),
            ("client_assertion", &assertion),
        ];
        let answer: Value = http
            .post(&url)
            .form(&form)
            .send()
            .await
            .map_err(away)?
            .json()
            .await
            .map_err(Error::internal)?;
        match answer["access_token"].as_str() {
            Some(token) => Ok(token.to_owned()),
            None => Err(Error::new(
                Kind::Unauthenticated,
                format!("No token: {answer}"),
            )),
        }
    }
}

/// The service could not be reached.
#[must_use]
pub fn away(cause: reqwest::Error) -> Error {
    Error::new(Kind::Unavailable, "The service cannot be reached.").because(cause.without_url())
}
