//! TLS to PostgreSQL: always verified against the platform's roots.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use tokio_postgres::config::{Config, Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::{Error, Kind, Result};

/// How to reach the server: `None` is without TLS. Where the URL does not say `sslmode`, TLS is used
/// unless every host is this machine.
pub(super) fn connector(config: &mut Config) -> Result<Option<MakeRustlsConnect>> {
    match config.get_ssl_mode() {
        SslMode::Disable => return Ok(None),
        SslMode::Prefer if config.get_hosts().iter().all(is_local) => {
            config.ssl_mode(SslMode::Disable);
            return Ok(None);
        }
        _ => config.ssl_mode(SslMode::Require),
    };
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    if roots.add_parsable_certificates(found.certs).0 == 0 {
        let text = "The machine has no root certificates to verify the database server with.";
        return Err(Error::new(Kind::Unavailable, text));
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(MakeRustlsConnect::new(tls)))
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> SslMode {
        let mut config: Config = url.parse().expect("a URL");
        // Without roots on the machine the refusal is as good as the demand for TLS.
        let _ = connector(&mut config);
        config.get_ssl_mode()
    }

    #[test]
    fn only_this_machine_is_reached_without_tls() {
        assert_eq!(mode("postgres://u@127.0.0.1/d"), SslMode::Disable);
        assert_eq!(mode("postgres://u@localhost/d"), SslMode::Disable);
        assert_eq!(mode("postgres://u@db.example.org/d"), SslMode::Require);
        assert_eq!(
            mode("postgres://u@localhost,db.example.org/d"),
            SslMode::Require
        );
        assert_eq!(
            mode("postgres://u@localhost/d?sslmode=require"),
            SslMode::Require
        );
        assert_eq!(
            mode("postgres://u@db.example.org/d?sslmode=disable"),
            SslMode::Disable
        );
    }
}
