//! The command line: serve · demo · organization · client · token · health.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};

use crate::access::Role;
use crate::app::{App, Parts, Turns};
use crate::auth::client::{ClientSpec, Keys, Purpose};
use crate::auth::{Auth, PlainHttp, Settings};
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::interaction::directory;
use crate::interaction::reading::Readings;
use crate::kap::Id;
use crate::kap::people::{Organization, OrganizationType};
use crate::kap::policy::Policy;
use crate::store::{Options, Store};
use crate::telemetry::{self, Metrics};
use crate::{demo, server};

/// FHIR R4 interoperability service for ketamine-assisted psychotherapy.
#[derive(Debug, Parser)]
#[command(name = "kap-fhir", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API.
    Serve(Config),
    /// Play a sample episode on a fresh local service, then keep serving.
    Demo(demo::Demo),
    /// Organizations of the directory.
    #[command(subcommand)]
    Organization(OrganizationCommand),
    /// Clients: the programs that may call the API.
    #[command(subcommand)]
    Client(ClientCommand),
    /// Get an access token as a client, for trying things out.
    Token(demo::token::TokenArgs),
    /// Ask a running service whether it is ready: exit code 0 or 1.
    Health {
        /// Base URL of the service.
        #[arg(long, env = "KAP_HEALTH_URL", default_value = "http://127.0.0.1:8080")]
        url: String,
    },
}

#[derive(Args, Debug)]
struct Database {
    /// `sqlite:PATH` or `postgres://…`.
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite:kap-data/kap.db")]
    database_url: String,
    /// The practice network.
    #[arg(long, env = "KAP_TENANT", default_value = "default")]
    tenant: String,
}

#[derive(Debug, Subcommand)]
enum OrganizationCommand {
    /// Add an organization, or replace its entry.
    Add {
        #[command(flatten)]
        database: Database,
        /// Id, such as `harbor-practice`.
        #[arg(long)]
        id: String,
        #[arg(long)]
        name: String,
        /// `psychotherapy-practice`, `clinic`, `remote-prescribing-partner`, `compounding-pharmacy`, `external-provider`.
        #[arg(long = "type")]
        kind: String,
        /// National Provider Identifier.
        #[arg(long)]
        npi: Option<String>,
        /// IANA time zone; a practice needs one.
        #[arg(long)]
        timezone: Option<String>,
        /// Base URL of the organization's own FHIR server.
        #[arg(long)]
        endpoint: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum ClientCommand {
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
        /// File with the client's public JWK set.
        #[arg(long, conflicts_with = "jwks_url")]
        jwks: Option<PathBuf>,
        /// Where the client publishes its JWK set.
        #[arg(long)]
        jwks_url: Option<String>,
    },
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

/// Runs the program. The exit code is 0 on success, 1 on failure, 2 where the words are wrong.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else {
        eprintln!("kap-fhir: the runtime cannot start");
        return ExitCode::FAILURE;
    };
    match runtime.block_on(dispatch(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for issue in &error.issues {
                eprintln!("kap-fhir: {}", issue.text);
            }
            if let Some(cause) = &error.cause {
                eprintln!("kap-fhir: because {cause}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(command: Command) -> Result<()> {
    match command {
        Command::Serve(config) => serve(config).await,
        Command::Demo(demo) => demo::run(demo).await,
        Command::Organization(command) => organization(command).await,
        Command::Client(command) => client(command).await,
        Command::Token(args) => demo::token::run(args).await,
        Command::Health { url } => health(&url).await,
    }
}

async fn serve(config: Config) -> Result<()> {
    let telemetry = telemetry::start(&config.log, config.otlp_endpoint.as_deref())?;
    let listener = server::bind(config.listen).await?;
    let bound = listener.local_addr().map_err(Error::internal)?;
    let base = config.public_base(bound);
    let app = app(
        &config.database_url,
        &config.tenant,
        &base,
        config.policy.as_deref(),
        config.pool,
    )
    .await?;
    let running = server::start(app.clone(), listener, config.max_connections)?;
    tracing::info!(address = %running.addr, base, database = app.store.kind(), "serving");
    server::signal().await;
    tracing::info!("stopping");
    running.stop().await;
    app.store.close().await;
    telemetry.shutdown();
    Ok(())
}

/// Opens the database and puts the service together.
///
/// # Errors
/// Where database, policy or crypto cannot be used.
pub async fn app(
    database_url: &str,
    tenant: &str,
    base: &str,
    policy: Option<&Path>,
    pool: usize,
) -> Result<App> {
    if let Some(folder) = database_url
        .strip_prefix("sqlite:")
        .and_then(|path| Path::new(path).parent())
    {
        std::fs::create_dir_all(folder).map_err(|e| unreadable(folder, e))?;
    }
    let options = Options {
        readers: pool,
        connections: pool.max(8),
        ..Options::default()
    };
    let store = Arc::new(Store::open(database_url, options).await?);
    assemble(store, Clock::system(), tenant, base, policy)
}

/// The service over an open store.
///
/// # Errors
/// Where policy or crypto cannot be used.
pub fn assemble(
    store: Arc<Store>,
    clock: Clock,
    tenant: &str,
    base: &str,
    policy: Option<&Path>,
) -> Result<App> {
    let policy = match policy {
        Some(path) => {
            Policy::parse(&std::fs::read_to_string(path).map_err(|e| unreadable(path, e))?)?
        }
        None => Policy::shipped(),
    };
    let auth = Auth::new(store.clone(), clock.clone(), settings(tenant, base))?;
    Ok(App::new(Parts {
        base: base.into(),
        tenant: tenant.into(),
        clock,
        store,
        auth,
        policy,
        metrics: Metrics::new(),
        turns: Turns::default(),
        readings: Readings::default(),
    }))
}

fn unreadable(path: &Path, cause: std::io::Error) -> Error {
    Error::new(
        Kind::Invalid,
        format!("The file {} cannot be read.", path.display()),
    )
    .because(cause)
}

fn settings(tenant: &str, base: &str) -> Settings {
    Settings {
        tenant: tenant.into(),
        issuer: base.to_owned(),
        token_url: format!("{base}/auth/token"),
        introspection_url: format!("{base}/auth/introspect"),
        revocation_url: format!("{base}/auth/revoke"),
        fhir_base: format!("{base}/fhir"),
        plain_http: PlainHttp::Never,
    }
}

async fn open(database: &Database) -> Result<App> {
    app(
        &database.database_url,
        &database.tenant,
        "http://127.0.0.1",
        None,
        1,
    )
    .await
}

async fn organization(command: OrganizationCommand) -> Result<()> {
    let OrganizationCommand::Add {
        database,
        id,
        name,
        kind,
        npi,
        timezone,
        endpoint,
    } = command;
    let kind = OrganizationType::from_code(&kind).ok_or_else(|| bad("type", &kind))?;
    let id = Id::new(id.clone()).ok_or_else(|| bad("id", &id))?;
    let organization = Organization {
        id,
        name,
        npi,
        kind,
        endpoint,
        timezone,
        taxonomy: None,
    };
    let app = open(&database).await?;
    directory::put_organization(&app, &organization).await?;
    println!("organization {} is in the directory", organization.id);
    app.store.close().await;
    Ok(())
}

fn bad(what: &str, given: &str) -> Error {
    Error::new(
        Kind::Invalid,
        format!("`{given}` is no {what} that this program knows."),
    )
}

async fn client(command: ClientCommand) -> Result<()> {
    match command {
        ClientCommand::Add {
            database,
            id,
            name,
            organization,
            role,
            scopes,
            jwks,
            jwks_url,
        } => {
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
                purpose: Purpose::Treatment,
                keys,
            };
            add_client(&open(&database).await?, spec).await
        }
        ClientCommand::List { database } => list_clients(&open(&database).await?).await,
        ClientCommand::Disable { database, id } => open(&database).await?.auth.disable(&id).await,
        ClientCommand::Enable { database, id } => open(&database).await?.auth.enable(&id).await,
    }
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

async fn add_client(app: &App, spec: ClientSpec) -> Result<()> {
    if !directory::has(app, &spec.organization).await? {
        let text = format!(
            "The organization {} is not in the directory: add it first.",
            spec.organization
        );
        return Err(Error::new(Kind::Invalid, text));
    }
    let client = app.auth.register(spec).await?;
    let (id, role, of) = (&client.id, client.role, &client.organization);
    println!(
        "client {id} is registered: {role} of {of}, {}",
        client.scopes
    );
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
        println!(
            "{}\t{state}\t{}\t{}\t{}",
            client.id, client.role, client.organization, client.scopes
        );
    }
    app.store.close().await;
    Ok(())
}

async fn health(url: &str) -> Result<()> {
    let answer = demo::http()?.get(format!("{url}/readyz")).send().await;
    match answer {
        Ok(response) if response.status().is_success() => Ok(()),
        _ => Err(Error::new(Kind::Unavailable, "The service is not ready.")),
    }
}
