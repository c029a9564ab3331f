//! A service of the demonstration: a folder with its database, its clients and their keys.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Account, notes, set_up};
use crate::app::App;
use crate::auth::seal::SealingKey;
use crate::delivery::files::Files;
use crate::error::{Error, Kind, Result};
use crate::kap::Episode;
use crate::{cli, server};

/// A service of the demonstration.
#[derive(Debug)]
pub struct Service {
    pub(super) app: App,
    pub(super) base: String,
    pub(super) logins: Vec<Account>,
    pub(super) running: server::Running,
}

impl Service {
    /// Starts one with a database and clients of its own.
    pub(super) async fn begin(at: SocketAddr, folder: &Path, episode: &Episode) -> Result<Self> {
        let database = fresh(folder)?;
        let listener = server::bind(at).await?;
        let base = format!("http://{}", listener.local_addr().map_err(Error::internal)?);
        let url = format!("sqlite:{}", database.display());
        let app = cli::app(&url, "default", &base, None, 4).await?;
        let app = app.sealed_with(SealingKey::generate()?);
        app.exports.keep_in(Files::below(folder.join("exports")));
        app.sends.allow_local();
        notes::make_keys(&app, folder).await?;
        let logins = set_up(&app, episode).await?;
        write_clients(folder, &base, &logins)?;
        let running = server::start(app.clone(), listener, 256)?;
        println!("kap-fhir demo at {base}, data in {}", folder.display());
        Ok(Self {
            app,
            base,
            logins,
            running,
        })
    }
}

/// The database's path in a folder whose earlier demo, if any, is cleared away.
fn fresh(folder: &Path) -> Result<PathBuf> {
    let failed = |e: std::io::Error| {
        Error::new(
            Kind::Invalid,
            format!("The folder {} cannot be used.", folder.display()),
        )
        .because(e)
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let database = folder.join("kap.db");
    if database.exists() && !folder.join("clients.json").exists() {
        let text = format!(
            "{} holds a database that no demo made. Choose another --data-dir.",
            folder.display()
        );
        return Err(Error::new(Kind::Invalid, text));
    }
    // What lies beside the old database belongs to it: the new one would take in the journal of its audit.
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with("kap.db") {
            std::fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    let exports = folder.join("exports");
    if exports.exists() && folder.join("clients.json").exists() {
        std::fs::remove_dir_all(exports).map_err(failed)?;
    }
    Ok(database)
}

/// Writes each client's id, scopes and private key, readable by the owner only.
fn write_clients(folder: &Path, base: &str, logins: &[Account]) -> Result<()> {
    let entries: Vec<Value> = logins
        .iter()
        .map(|login| {
            Ok(json!({
                "client_id": login.client,
                "role": login.role,
                "organization": login.organization,
                "scope": login.scope,
                "fhir_base": format!("{base}/fhir"),
                "token_url": format!("{base}/auth/token"),
                "jwk": login.key.private_jwk()?,
            }))
        })
        .collect::<Result<_>>()?;
    let text = serde_json::to_string_pretty(&entries).map_err(Error::internal)?;
    let path = folder.join("clients.json");
    std::fs::write(&path, text).map_err(Error::internal)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_demo_keeps_nothing_of_the_one_before() {
        let folder = std::env::temp_dir().join(format!("kap-fresh-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("exports")).expect("folder");
        for name in [
            "kap.db",
            "kap.db-wal",
            "kap.db-audit-0a",
            "kap.db-audit-0b",
            "clients.json",
            "private-keys.json",
        ] {
            std::fs::write(folder.join(name), "x").expect("file");
        }
        fresh(&folder).expect("cleared");
        let mut left: Vec<String> = std::fs::read_dir(&folder)
            .expect("folder")
            .map(|entry| entry.expect("entry").file_name().to_string_lossy().into())
            .collect();
        left.sort();
        assert_eq!(left, ["clients.json", "private-keys.json"]);
        // A database that no demo made is nobody's to clear away.
        std::fs::remove_file(folder.join("clients.json")).expect("removed");
        std::fs::write(folder.join("kap.db"), "x").expect("file");
        assert!(fresh(&folder).is_err() && folder.join("kap.db").exists());
    }
}
