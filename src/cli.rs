//! The command line: serve · demo · organization · client · label · import · audit · private · token · health.

mod audit;
mod client;
mod database;
mod import;
mod label;
mod organization;
mod partner;
mod private;
mod subscription;

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use clap::{Parser, Subcommand};

use crate::access::Disclosure;
use crate::app::{App, Parts, Sealing, Turns};
use crate::auth::{Auth, PlainHttp, Settings};
use crate::clock::Clock;
use crate::config::Config;
use crate::delivery::Sends;
use crate::error::{Error, Kind, Result};
use crate::interaction::export::Exports;
use crate::interaction::job::{Leases, Wake};
use crate::interaction::private_note::keys::unlock;
use crate::interaction::reading::Readings;
use crate::interaction::{reindex, upgrade};
use crate::kap::policy::Policy;
use crate::private::Keys;
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
    Organization(organization::OrganizationCommand),
    /// Clients: the programs that may call the API.
    #[command(subcommand)]
    Client(client::ClientCommand),
    /// Keys of private notes.
    #[command(subcommand)]
    Private(private::PrivateCommand),
    /// What subscribers are told.
    #[command(subcommand)]
    Subscription(subscription::SubscriptionCommand),
    /// Systems of partners with which episodes are kept in agreement.
    #[command(subcommand)]
    Partner(partner::PartnerCommand),
    /// Security labels of records.
    #[command(subcommand)]
    Label(label::LabelCommand),
    /// Move a practice's records in, from NDJSON files and Bundles: exit code 3 if some were refused.
    Import(import::ImportArgs),
    /// The audit: who did what, and the proof that nothing of it was changed.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Get an access token as a client, for trying things out.
    Token(demo::token::TokenArgs),
    /// Ask a running service whether it is ready: exit code 0 or 1.
    Health {
        /// Base URL of the service.
        #[arg(long, env = "KAP_HEALTH_URL", default_value = "http://127.0.0.1:8080")]
        url: String,
    },
}

/// Runs the program. The exit code is 0 on success, 1 on failure, 2 where the words are wrong, and 3 where an import refused
/// some of its resources.
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
        Ok(code) => code,
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

async fn dispatch(command: Command) -> Result<ExitCode> {
    match command {
        Command::Serve(config) => serve(config).await,
        Command::Demo(demo) => demo::run(demo).await,
        Command::Organization(command) => organization::run(command).await,
        Command::Client(command) => client::run(command).await,
        Command::Private(command) => private::run(command).await,
        Command::Subscription(command) => subscription::run(command).await,
        Command::Partner(command) => partner::run(command).await,
        Command::Label(command) => label::run(command).await,
        Command::Import(args) => return import::run(args).await,
        Command::Audit(command) => audit::run(command).await,
        Command::Token(args) => demo::token::run(args).await,
        Command::Health { url } => health(&url).await,
    }?;
    Ok(ExitCode::SUCCESS)
}

/// What the operator chose; there is no default to fall back on.
fn disclosure(choice: Option<&str>) -> Result<Disclosure> {
    let text = "Give --disclosure, what is told where no consent speaks: consent-required (nothing but what a consent \
        names) or federal-baseline (treatment as 45 CFR 164.506 allows it). The choice is the operator's and depends on the state.";
    let known = choice.and_then(Disclosure::from_code);
    known.ok_or_else(|| Error::new(Kind::Invalid, text))
}

async fn serve(config: Config) -> Result<()> {
    let telemetry = telemetry::start(&config.log, config.otlp_endpoint.as_deref())?;
    let key = audit::key(config.audit_key.as_deref())?;
    let disclosure = disclosure(config.disclosure.as_deref())?;
    let (ring, source) = private::ring(&config)?;
    let listener = server::bind(config.listen).await?;
    let bound = listener.local_addr().map_err(Error::internal)?;
    let base = config.public_base(bound);
    let store = open(&config.database_url, config.pool).await?;
    let policy = config.policy.as_deref();
    let app = under(
        disclosure,
        store,
        Clock::system(),
        &config.tenant,
        &base,
        policy,
    )?
    .sealed_with(key);
    if config.emergency_access {
        app.auth.allow_emergencies();
        tracing::warn!("emergency access is on: registered clients may break the glass");
    }
    if config.local_endpoints {
        app.sends.allow_local();
        tracing::warn!("endpoints of subscriptions may be on this machine: for trials only");
    }
    keep_exports(&app, &config).await?;
    app.exports.at_most(config.export_file_size);
    audit::migrated(&app).await?;
    unlock(&app, ring, Some(source)).await?;
    reindex::prepare(&app).await?;
    let upgraded = upgrade::run(&app).await?;
    tracing::info!(%disclosure, upgraded, "who is told what where no consent speaks");
    let stop = server::signal()?;
    let running = server::start(app.clone(), listener, config.max_connections)?;
    tracing::info!(address = %running.addr, base, database = app.store.kind(), "serving");
    stop.await;
    tracing::info!("stopping");
    running.stop().await;
    app.store.close().await;
    telemetry.shutdown();
    Ok(())
}

/// Says where exports are kept. A store that does not answer now may do so when it is needed.
async fn keep_exports(app: &App, config: &Config) -> Result<()> {
    let files = config.exports()?;
    if let Err(error) = files.reach().await {
        let cause = error.cause.as_ref().map(ToString::to_string);
        tracing::warn!(cause, "the store for exports cannot be reached");
    }
    app.exports.keep_in(files);
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
    let store = open(database_url, pool).await?;
    let app = assemble(store, Clock::system(), tenant, base, policy)?;
    audit::migrated(&app).await?;
    Ok(app)
}

async fn open(database_url: &str, pool: usize) -> Result<Arc<Store>> {
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
    Ok(Arc::new(Store::open(database_url, options).await?))
}

/// The service over an open store, under the stricter choice of what is told where no consent speaks.
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
    let strict = Disclosure::ConsentRequired;
    under(strict, store, clock, tenant, base, policy)
}

/// As [`assemble`], under this choice.
///
/// # Errors
/// Where policy or crypto cannot be used.
pub fn under(
    disclosure: Disclosure,
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
    let recorder = auth.recorder().clone();
    Ok(App::new(Parts {
        base: base.into(),
        tenant: tenant.into(),
        clock,
        store,
        auth,
        policy,
        private: Keys::default(),
        disclosure,
        metrics: Metrics::new(),
        turns: Turns::default(),
        readings: Readings::default(),
        recorder,
        sealing: Sealing::default(),
        exports: Exports::default(),
        wake: Wake::default(),
        leases: Leases::default(),
        sends: Sends::default(),
        statement: OnceLock::new(),
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

async fn health(url: &str) -> Result<()> {
    let answer = demo::http()?.get(format!("{url}/readyz")).send().await;
    match answer {
        Ok(response) if response.status().is_success() => Ok(()),
        _ => Err(Error::new(Kind::Unavailable, "The service is not ready.")),
    }
}
