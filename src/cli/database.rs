//! What the commands that change the database share.

use clap::Args;

use super::app;
use crate::app::App;
use crate::error::{Error, Kind, Result};

/// The database and the tenant that a command is about.
#[derive(Args, Debug)]
pub struct Database {
    /// `sqlite:PATH` or `postgres://…`.
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite:kap-data/kap.db")]
    database_url: String,
    /// The practice network.
    #[arg(long, env = "KAP_TENANT", default_value = "default")]
    tenant: String,
}

impl Database {
    /// The service over this database.
    ///
    /// # Errors
    /// Where the database cannot be used.
    pub async fn open(&self) -> Result<App> {
        app(
            &self.database_url,
            &self.tenant,
            "http://127.0.0.1",
            None,
            1,
        )
        .await
    }
}

/// A word that names nothing.
pub fn bad(what: &str, given: &str) -> Error {
    Error::new(
        Kind::Invalid,
        format!("`{given}` is no {what} that this program knows."),
    )
}
