//! The demonstration: a local service with generated keys on which a sample episode is played through the API, by
//! practice, partner and pharmacy, and then read by an EHR. Nothing is switched off: every party logs in as usual.

pub mod notes;
pub mod player;
pub mod script;
pub mod token;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::access::Role;
use crate::app::App;
use crate::auth::client::{ClientSpec, Keys, Purpose};
use crate::auth::key::PrivateKey;
use crate::auth::seal::SealingKey;
use crate::clock::Clock;
use crate::delivery::files::Files;
use crate::error::{Error, Kind, Result};
use crate::interaction::directory::put_organization;
use crate::kap::people::{Organization, OrganizationType};
use crate::kap::{Episode, Id, lift};
use crate::{cli, server, telemetry};

use player::{Caller, Play, Played};
use script::Party;
use token::Login;

/// The first sample: an adult with depression, remote partner, lozenges, three dosing sessions at home.
pub const SAMPLE: &str = include_str!("../../tests/samples/01-adult-trd-remote-lozenge.json");

/// Arguments of `kap-fhir demo`.
#[derive(Args, Debug)]
pub struct Demo {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Folder for the database and `clients.json`.
    #[arg(long, default_value = "kap-demo")]
    data_dir: PathBuf,
    /// End after the play instead of serving on.
    #[arg(long)]
    exit: bool,
}

/// A client of a party, with its private key.
#[derive(Debug)]
pub struct Account {
    pub party: Party,
    pub client: &'static str,
    pub role: Role,
    pub organization: Id,
    pub scope: &'static str,
    pub key: PrivateKey,
}

/// Runs the demonstration.
///
/// # Errors
/// Where the address or the folder cannot be used, or the service refuses a step.
pub async fn run(demo: Demo) -> Result<()> {
    if !demo.listen.ip().is_loopback() {
        return Err(Error::new(
            Kind::Invalid,
            "The demo listens on a loopback address only.",
        ));
    }
    let _telemetry = telemetry::start("warn", None)?;
    let database = fresh(&demo.data_dir)?;
    let listener = server::bind(demo.listen).await?;
    let base = format!("http://{}", listener.local_addr().map_err(Error::internal)?);
    let app = cli::app(
        &format!("sqlite:{}", database.display()),
        "default",
        &base,
        None,
        4,
    )
    .await?
    .sealed_with(SealingKey::generate()?);
    app.exports
        .keep_in(Files::below(demo.data_dir.join("exports")));
    app.sends.allow_local();
    let episode = lift::lift(SAMPLE)?.episode;
    notes::make_keys(&app, &demo.data_dir).await?;
    let logins = set_up(&app, &episode).await?;
    write_clients(&demo.data_dir, &base, &logins)?;
    let running = server::start(app.clone(), listener, 256)?;
    println!(
        "kap-fhir demo at {base}, data in {}\n",
        demo.data_dir.display()
    );
    let callers = log_in(&base, &logins, &Clock::system()).await?;
    let played = perform(&episode, &callers).await?;
    tour::show(&base, &callers, &played).await?;
    if !demo.exit {
        println!(
            "\nServing on {base} until Ctrl-C. A fresh token: kap-fhir token --client demo-ehr"
        );
        server::signal()?.await;
    }
    running.stop().await;
    app.store.close().await;
    Ok(())
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

/// Registers the organizations of `episode` and one client for each party.
///
/// # Errors
/// Where the store or the crypto provider fails.
pub async fn set_up(app: &App, episode: &Episode) -> Result<Vec<Account>> {
    let organizations = &episode.organizations;
    let mut all = vec![
        organizations.practice.clone(),
        organizations.partner.clone(),
    ];
    all.extend(organizations.pharmacy.clone());
    for member in &episode.care_team {
        if !all.iter().any(|o| o.id == member.organization_id) {
            all.push(outside(&member.organization_id, &member.name));
        }
    }
    for organization in &all {
        put_organization(app, organization).await?;
    }
    let practice = &organizations.practice.id;
    let ehr = all
        .iter()
        .find(|o| o.kind == OrganizationType::External)
        .map_or(practice, |o| &o.id);
    let mut logins = vec![
        login(
            Party::Practice,
            "demo-practice",
            Role::PracticeTherapist,
            practice,
            "system/*.cruds",
        )?,
        login(
            Party::Partner,
            "demo-partner",
            Role::PartnerPrescriber,
            &organizations.partner.id,
            "system/*.cruds",
        )?,
        login(
            Party::Ehr,
            "demo-ehr",
            Role::ExternalEhr,
            ehr,
            "system/*.rs",
        )?,
    ];
    if let Some(pharmacy) = &organizations.pharmacy {
        logins.push(login(
            Party::Pharmacy,
            "demo-pharmacy",
            Role::Pharmacy,
            &pharmacy.id,
            "system/*.cruds",
        )?);
    }
    for login in &logins {
        let spec = ClientSpec {
            id: Some(login.client.to_owned()),
            name: login.client.to_owned(),
            organization: login.organization.clone(),
            role: login.role,
            scopes: login.scope.to_owned(),
            purposes: vec![Purpose::Treatment],
            keys: Keys::Set(login.key.public_set().to_string()),
        };
        app.auth.register(spec).await?;
    }
    Ok(logins)
}

fn outside(id: &Id, member: &str) -> Organization {
    Organization {
        id: id.clone(),
        name: format!("Practice of {member} (SYNTHETIC)"),
        npi: None,
        kind: OrganizationType::External,
        endpoint: None,
        timezone: None,
        taxonomy: None,
    }
}

fn login(
    party: Party,
    client: &'static str,
    role: Role,
    organization: &Id,
    scope: &'static str,
) -> Result<Account> {
    let key = PrivateKey::generate()?;
    Ok(Account {
        party,
        client,
        role,
        organization: organization.clone(),
        scope,
        key,
    })
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

/// An HTTP client for the demonstration and its tests: no redirects, no proxy.
///
/// # Errors
/// Where TLS cannot be set up.
pub fn http() -> Result<reqwest::Client> {
    let none = reqwest::redirect::Policy::none();
    reqwest::Client::builder()
        .redirect(none)
        .no_proxy()
        .build()
        .map_err(Error::internal)
}

/// Every party with a token.
///
/// # Errors
/// Where the service refuses a login.
pub async fn log_in(
    base: &str,
    logins: &[Account],
    clock: &Clock,
) -> Result<HashMap<Party, Caller>> {
    let http = http()?;
    let mut callers = HashMap::new();
    for login in logins {
        let ask = Login {
            base,
            client: login.client,
            scope: login.scope,
        };
        let token = ask.token(&http, &login.key, clock).await?;
        callers.insert(
            login.party,
            Caller {
                http: http.clone(),
                base: base.to_owned(),
                token,
            },
        );
    }
    Ok(callers)
}

async fn perform(episode: &Episode, callers: &HashMap<Party, Caller>) -> Result<Played> {
    let run = Clock::system().uuid().to_string();
    let notes = notes::of_file(SAMPLE, episode)?;
    let mut play = Play::of(script::with_notes(episode, notes), callers, &run);
    play.rest(|step, reply| {
        let what = step.path.rsplit("{episode}").next().unwrap_or(step.path);
        let phase = reply.body["phase"].as_str().unwrap_or_default();
        let flags: Vec<&str> = reply.body["flags"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|f| f["ruleId"].as_str())
            .collect();
        let flagged = if flags.is_empty() {
            String::new()
        } else {
            format!("  flagged: {}", flags.join(", "))
        };
        println!(
            "{}  {:<9} {:<44} {phase}{flagged}",
            step.at,
            format!("{:?}", step.party),
            what
        );
    })
    .await?;
    Ok(play.played)
}

mod tour;

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
