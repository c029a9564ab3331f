//! `kap-fhir client`: the programs that may call the API.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::database::{Database, bad};
use super::unreadable;
use crate::access::Role;
use crate::app::App;
use crate::auth::client::{ClientSpec, Keys, Purpose};
use crate::error::{Error, Kind, Result};
use crate::interaction::directory;
use crate::interaction::subscription::operate::{self, Permission};
use crate::kap::Id;

/// What can be done with clients.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Register a client.
    Add {
        #[command(flatten)]
        database: Database,
        /// Client id; made up where absent.
        #[arg(long)]
        id: Option<String>,
        #[arg(long)]
        name: String,
        /// The organization that the client acts for.
        #[arg(long)]
        organization: String,
        /// `practice-therapist`, `practice-admin`, `partner-prescriber`, `partner-nurse`, `pharmacy`, `external-ehr`,
        /// `integrator`, `privacy-officer`.
        #[arg(long)]
        role: String,
        /// SMART scopes, separated by spaces.
        #[arg(long)]
        scopes: String,
        /// What it uses data for: `TREAT`, `HPAYMT`, `HOPERAT`, `PATRQT`; beside one of them `BTG`, for a provider whom you
        /// know to treat emergencies. The first is what a token is for that asks for nothing else.
        #[arg(long, value_delimiter = ',', default_value = "TREAT")]
        purposes: Vec<String>,
        /// The service lets clients break the glass: without, none is registered for `BTG`.
        #[arg(long, env = "KAP_EMERGENCY_ACCESS")]
        emergency_access: bool,
        /// File with the client's public JWK set.
        #[arg(long, conflicts_with = "jwks_url")]
        jwks: Option<PathBuf>,
        /// Where the client publishes its JWK set.
        #[arg(long)]
        jwks_url: Option<String>,
        /// Allow a key that another client has too. Whoever has the key can be either of them.
        #[arg(long)]
        shared_key: bool,
    },
    /// Give a client other keys and revoke its tokens.
    Keys {
        #[command(flatten)]
        database: Database,
        #[arg(long)]
        id: String,
        /// File with the client's public JWK set.
        #[arg(long, conflicts_with = "jwks_url")]
        jwks: Option<PathBuf>,
        /// Where the client publishes its JWK set.
        #[arg(long)]
        jwks_url: Option<String>,
    },
    /// Say where a client may be called, such as the endpoint of a subscription: the origin of the URL.
    Origin(OriginArgs),
    /// List the clients.
    List {
        #[command(flatten)]
        database: Database,
    },
    /// Refuse a client from now on and revoke its tokens.
    Disable {
        #[command(flatten)]
        database: Database,
        #[arg(long)]
        id: String,
    },
    /// Let a disabled client in again.
    Enable {
        #[command(flatten)]
        database: Database,
        #[arg(long)]
        id: String,
    },
}

/// Where a client may be called.
#[derive(Args, Debug)]
pub struct OriginArgs {
    #[command(flatten)]
    database: Database,
    #[arg(long)]
    id: String,
    /// Such as `https://ehr.example.org`.
    #[arg(long)]
    url: String,
    /// Whole records may be sent there, not their names alone: an agreement with the receiver covers it.
    #[arg(long)]
    full_resource: bool,
    /// Take it back: nothing is sent there any more.
    #[arg(long, conflicts_with = "full_resource")]
    remove: bool,
}

/// Does what was asked of the clients.
///
/// # Errors
/// Where a word is wrong or the database cannot be used.
pub async fn run(command: ClientCommand) -> Result<()> {
    match command {
        ClientCommand::Add {
            database,
            id,
            name,
            organization,
            role,
            scopes,
            purposes,
            emergency_access,
            jwks,
            jwks_url,
            shared_key,
        } => {
            let purposes = purposes
                .iter()
                .map(|code| purpose(code))
                .collect::<Result<_>>()?;
            let role = Role::from_code(&role).ok_or_else(|| bad("role", &role))?;
            let organization =
                Id::new(organization.clone()).ok_or_else(|| bad("organization", &organization))?;
            let keys = keys(jwks, jwks_url)?;
            let spec = ClientSpec {
                id,
                name,
                organization,
                role,
                scopes,
                purposes,
                keys,
            };
            let app = database.open().await?;
            if emergency_access {
                app.auth.allow_emergencies();
            }
            add_client(&app, spec, shared_key).await
        }
        ClientCommand::Keys {
            database,
            id,
            jwks,
            jwks_url,
        } => {
            let app = database.open().await?;
            app.auth.rotate_keys(&id, keys(jwks, jwks_url)?).await
        }
        ClientCommand::Origin(args) => origin(args).await,
        ClientCommand::List { database } => list_clients(&database.open().await?).await,
        ClientCommand::Disable { database, id } => database.open().await?.auth.disable(&id).await,
        ClientCommand::Enable { database, id } => database.open().await?.auth.enable(&id).await,
    }
}

fn purpose(code: &str) -> Result<Purpose> {
    Purpose::from_code(code).ok_or_else(|| bad("purpose", code))
}

fn keys(jwks: Option<PathBuf>, jwks_url: Option<String>) -> Result<Keys> {
    match (jwks, jwks_url) {
        (Some(path), None) => Ok(Keys::Set(
            std::fs::read_to_string(&path).map_err(|e| unreadable(&path, e))?,
        )),
        (None, Some(url)) => Ok(Keys::Url(url)),
        _ => Err(Error::new(
            Kind::Invalid,
            "Give --jwks FILE or --jwks-url URL.",
        )),
    }
}

async fn add_client(app: &App, spec: ClientSpec, shared_key: bool) -> Result<()> {
    if !directory::has(app, &spec.organization).await? {
        let text = format!(
            "The organization {} is not in the directory: add it first.",
            spec.organization
        );
        return Err(Error::new(Kind::Invalid, text));
    }
    let client = if shared_key {
        app.auth.register_with_shared_key(spec).await?
    } else {
        app.auth.register(spec).await?
    };
    let (id, role, of) = (&client.id, client.role, &client.organization);
    println!(
        "client {id} is registered: {role} of {of}, {}",
        client.scopes
    );
    app.store.close().await;
    Ok(())
}

async fn origin(args: OriginArgs) -> Result<()> {
    let (what, sent) = if args.remove {
        (Permission::Nothing, "is told nothing")
    } else if args.full_resource {
        (Permission::Records, "is sent records")
    } else {
        (Permission::Names, "is told names of records")
    };
    let app = args.database.open().await?;
    let origin = operate::allow(&app, &args.id, &args.url, what).await?;
    println!("client {} {sent} at {origin}", args.id);
    app.store.close().await;
    Ok(())
}

async fn list_clients(app: &App) -> Result<()> {
    for client in app.auth.clients().await? {
        let state = if client.disabled_at.is_some() {
            "disabled"
        } else {
            "active"
        };
        let purposes: Vec<&str> = client.purposes.iter().map(|p| p.code()).collect();
        println!(
            "{}\t{state}\t{}\t{}\t{}\t{}",
            client.id,
            client.role,
            client.organization,
            client.scopes,
            purposes.join(",")
        );
    }
    app.store.close().await;
    Ok(())
}
