//! Configuration of the service: command line first, then environment, then default.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::delivery::files::{Files, Place, Secret};
use crate::error::Result;

/// Settings of `kap-fhir serve`.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// Address to listen on.
    #[arg(long, env = "KAP_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Public base URL, without a trailing slash. Links and the token audience use it, never a request header.
    #[arg(long, env = "KAP_BASE_URL")]
    pub base_url: Option<String>,
    /// `sqlite:PATH` or `postgres://…`.
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite:kap-data/kap.db")]
    pub database_url: String,
    /// The practice network whose data this is.
    #[arg(long, env = "KAP_TENANT", default_value = "default")]
    pub tenant: String,
    /// Clinical policy file; the shipped default policy where absent.
    #[arg(long, env = "KAP_POLICY")]
    pub policy: Option<PathBuf>,
    /// The file of keys that private notes are sealed with (`kap-fhir private keygen`); the service does not start
    /// without. Keep it apart from the database.
    #[arg(long, env = "KAP_PRIVATE_KEYS")]
    pub private_keys: Option<PathBuf>,
    /// What is told where no consent speaks, `consent-required` or `federal-baseline`. There is no default: refusing may
    /// be information blocking, telling may break state law. Whoever operates the service must choose.
    #[arg(long, env = "KAP_DISCLOSURE")]
    pub disclosure: Option<String>,
    /// Let clients that are registered for it break the glass in an emergency (purpose `BTG`); off where absent.
    #[arg(long, env = "KAP_EMERGENCY_ACCESS")]
    pub emergency_access: bool,
    /// Let endpoints of subscriptions be on this machine, over plain HTTP and without being registered: for trials. Any client
    /// can have the service call what listens here then.
    #[arg(long, env = "KAP_LOCAL_ENDPOINTS")]
    pub local_endpoints: bool,
    /// File with the private key that seals the audit (`kap-fhir audit keygen` makes one); readable by its owner alone.
    #[arg(long, env = "KAP_AUDIT_KEY")]
    pub audit_key: Option<PathBuf>,
    /// Folder for the files of bulk exports, which hold clinical data, or a bucket (`s3://bucket/prefix`); `exports` beside an
    /// SQLite database, else `kap-data/exports`. Replicas share it.
    #[arg(long, env = "KAP_EXPORTS")]
    pub exports: Option<PathBuf>,
    #[command(flatten)]
    pub s3: S3,
    /// Resources in a file of a bulk export at most.
    #[arg(long, env = "KAP_EXPORT_FILE_SIZE", default_value_t = 20_000)]
    pub export_file_size: usize,
    /// Log filter, such as `info` or `kap_fhir=debug`.
    #[arg(long, env = "KAP_LOG", default_value = "info")]
    pub log: String,
    /// OTLP/HTTP endpoint for traces and metrics, such as `http://127.0.0.1:4318`; off where absent.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
    /// Connections to PostgreSQL, or reader threads on SQLite.
    #[arg(long, env = "KAP_POOL", default_value_t = 4)]
    pub pool: usize,
    /// Most connections at once.
    #[arg(long, env = "KAP_MAX_CONNECTIONS", default_value_t = 4096)]
    pub max_connections: usize,
}

impl Config {
    /// The public base URL without a trailing slash: the configured one, else that of `bound`.
    #[must_use]
    pub fn public_base(&self, bound: SocketAddr) -> String {
        match &self.base_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{bound}"),
        }
    }

    /// The place for the files of bulk exports.
    ///
    /// # Errors
    /// `Invalid` where it is a bucket that cannot be used as it is configured.
    pub fn exports(&self) -> Result<Files> {
        let beside = self.database_url.strip_prefix("sqlite:");
        let beside = beside.and_then(|path| Path::new(path).parent());
        let folder = beside.unwrap_or_else(|| Path::new("kap-data"));
        match &self.exports {
            Some(given) => match given.to_str().filter(|url| url.starts_with("s3:")) {
                Some(url) => Files::of_bucket(self.s3.place(url)?),
                None => Ok(Files::below(given.clone())),
            },
            None => Ok(Files::below(folder.join("exports"))),
        }
    }
}

/// How to come to a bucket of an S3-compatible store.
#[derive(Args, Clone, Debug)]
pub struct S3 {
    /// URL of the S3-compatible store; that of Amazon S3 where absent. https, or http on this machine.
    #[arg(long, env = "KAP_S3_ENDPOINT")]
    pub s3_endpoint: Option<String>,
    /// Region of the bucket.
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1")]
    pub s3_region: String,
    /// Id of the access key; without one the machine's own role is used (instance metadata).
    #[arg(
        long,
        env = "AWS_ACCESS_KEY_ID",
        hide_env_values = true,
        requires = "s3_secret_key"
    )]
    pub s3_access_key: Option<Secret>,
    /// The secret of the access key: give it by the environment, where other users of the machine do not see it.
    #[arg(
        long,
        env = "AWS_SECRET_ACCESS_KEY",
        hide_env_values = true,
        requires = "s3_access_key"
    )]
    pub s3_secret_key: Option<Secret>,
    /// The token of the session that a temporary key is of.
    #[arg(long, env = "AWS_SESSION_TOKEN", hide_env_values = true)]
    pub s3_session_token: Option<Secret>,
}

impl S3 {
    fn place(&self, url: &str) -> Result<Place> {
        Ok(Place {
            endpoint: self.s3_endpoint.clone(),
            keys: self.s3_access_key.clone().zip(self.s3_secret_key.clone()),
            session: self.s3_session_token.clone(),
            ..Place::of(url, &self.s3_region)?
        })
    }
}
