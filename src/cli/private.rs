//! `kap-fhir private`: the keys of private notes.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::database::Database;
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::interaction::private_note::keys;
use crate::private::{Ring, file};

/// What can be done with the keys of private notes.
#[derive(Debug, Subcommand)]
pub enum PrivateCommand {
    /// Make a file with a new key. Keep a copy apart from the backups of the database: without it the notes are lost.
    Keygen {
        /// The file to make.
        #[arg(long)]
        out: PathBuf,
    },
    /// Add a new key to the file: what is written from now on is sealed with it.
    Rotate {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        keys: KeyFile,
    },
    /// Wrap the data keys of all notes with the newest key, so that older ones can be destroyed. The service may be
    /// running; a run that was broken off is run again.
    Rewrap {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        keys: KeyFile,
    },
    /// Give the notes that one client of a practice stored to another one, which takes its place.
    HandOver {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        keys: KeyFile,
        /// Id of the client that stored them.
        #[arg(long)]
        from: String,
        /// Id of the client that is to have them.
        #[arg(long)]
        to: String,
    },
}

/// The key file.
#[derive(Args, Debug)]
pub struct KeyFile {
    /// The file of keys, of `kap-fhir private keygen`.
    #[arg(long = "private-keys", env = "KAP_PRIVATE_KEYS")]
    path: PathBuf,
}

impl KeyFile {
    /// Lets the service use the keys of the file.
    ///
    /// # Errors
    /// Where the file cannot be used, or lacks a key that the database needs.
    pub async fn hold(&self, app: &App) -> Result<()> {
        keys::unlock(app, file::read(&self.path)?, None).await
    }
}

/// Does what was asked.
///
/// # Errors
/// Where file or database cannot be used, or the file lacks a key that notes need.
pub async fn run(command: PrivateCommand) -> Result<()> {
    match command {
        PrivateCommand::Keygen { out } => {
            let ring = Ring::generate(&Clock::system())?;
            file::create(&out, &ring)?;
            println!("{} has the key {}", out.display(), ring.active());
            Ok(())
        }
        PrivateCommand::Rotate { database, keys } => rotate(&database, &keys).await,
        PrivateCommand::Rewrap { database, keys } => rewrap(&database, &keys).await,
        PrivateCommand::HandOver {
            database,
            keys,
            from,
            to,
        } => {
            let app = unlocked(&database, &keys).await?;
            let count = keys::hand_over(&app, &from, &to).await?;
            println!("{count} versions of notes are handed over from {from} to {to}");
            app.store.close().await;
            Ok(())
        }
    }
}

async fn rotate(database: &Database, keys: &KeyFile) -> Result<()> {
    // Before the file is touched: what cannot be recorded is not done.
    let app = database.open().await?;
    let ring = file::rotate(&keys.path, &Clock::system())?;
    let (path, active) = (keys.path.display(), ring.active());
    keys::rotated(&app, active).await?;
    println!(
        "{path} has the new key {active}; put it where every process reads it, then run `kap-fhir private rewrap`"
    );
    app.store.close().await;
    Ok(())
}

async fn rewrap(database: &Database, keys: &KeyFile) -> Result<()> {
    let app = unlocked(database, keys).await?;
    let done = keys::rewrap(&app).await?;
    println!("{} data keys were wrapped anew", done.count);
    println!("needed by this database: {}", done.needed.join(" "));
    app.store.close().await;
    Ok(())
}

async fn unlocked(database: &Database, keys: &KeyFile) -> Result<App> {
    let ring = file::read(&keys.path)?;
    let app = database.open().await?;
    keys::unlock(&app, ring, None).await?;
    Ok(app)
}

/// The ring that the service is to be started with, and its file.
///
/// # Errors
/// `Invalid` where there is no file, or one that cannot be used.
pub fn ring(config: &Config) -> Result<(Ring, PathBuf)> {
    let Some(path) = &config.private_keys else {
        let text = "Private notes need keys: make a file with `kap-fhir private keygen --out FILE`, and name it with \
                    --private-keys FILE or KAP_PRIVATE_KEYS.";
        return Err(Error::new(Kind::Invalid, text));
    };
    let ring = file::read(path)?;
    if is_beside(path, &config.database_url) {
        tracing::warn!(
            "the file of private keys lies beside the database: who takes the folder has both"
        );
    }
    Ok((ring, path.clone()))
}

fn is_beside(keys: &Path, database_url: &str) -> bool {
    let Some(database) = database_url.strip_prefix("sqlite:") else {
        return false;
    };
    let folder = |path: &Path| {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        folder.unwrap_or(Path::new(".")).canonicalize().ok()
    };
    folder(keys).is_some_and(|own| folder(Path::new(database)) == Some(own))
}
