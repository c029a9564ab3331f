//! `kap-fhir partner`: the systems of partners with which episodes are kept in agreement.

use clap::{Args, Subcommand};

use super::database::{Database, bad};
use super::private::KeyFile;
use crate::app::App;
use crate::error::Result;
use crate::interaction::partner::query::{self, Doing, Sending};
use crate::interaction::partner::{self, New, keys};
use crate::mapping::exchange::Flow;

/// What can be done with partners' systems.
#[derive(Debug, Subcommand)]
pub enum PartnerCommand {
    /// Add one, and print the key with which this service logs in there: a JWK set for the partner to register. It is
    /// published at `/.well-known/jwks.json` too.
    Add(AddArgs),
    /// Print the public keys of one.
    Keys(Named),
    /// Log in there with a new key; the old one is published for a day more.
    RotateKeys {
        #[command(flatten)]
        named: Named,
        #[command(flatten)]
        keys: KeyFile,
    },
    /// Show how the exchange stands: each partner, or one with its episodes and what waits for review.
    Status {
        #[command(flatten)]
        database: Database,
        #[arg(long)]
        id: Option<String>,
    },
    /// Say where that server gives tokens; without a URL it says so itself, for a place on its own host.
    Tokens {
        #[command(flatten)]
        named: Named,
        #[arg(long, default_value = "")]
        token_url: String,
    },
    /// Send and fetch at once what is to be.
    Hurry(Named),
    /// A record of theirs that waits for review waits no more: somebody has seen to it.
    Settle {
        #[command(flatten)]
        named: Named,
        /// What it is there: `Type/id`.
        #[arg(long)]
        reference: String,
    },
    /// Speak no more with one.
    Disable(Named),
    /// Speak with one again.
    Enable(Named),
}

/// A partner's system.
#[derive(Args, Debug)]
pub struct Named {
    #[command(flatten)]
    database: Database,
    #[arg(long)]
    id: String,
}

/// A partner's system as it is described.
#[derive(Args, Debug)]
pub struct AddArgs {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    keys: KeyFile,
    /// The partner's client here: what it may see is sent, and what is fetched is written as it.
    #[arg(long)]
    client: String,
    /// Base URL of the partner's FHIR API.
    #[arg(long)]
    base: String,
    /// The id of this service as a client there. Without, it does not log in.
    #[arg(long, default_value = "")]
    client_there: String,
    /// Where that server gives tokens. Without, it says so itself, and is believed for a place on its own host.
    #[arg(long, default_value = "")]
    token_url: String,
    /// The scopes that are asked for there.
    #[arg(long, default_value = "system/*.crus")]
    scopes: String,
    /// What is sent: `referral`, `sessions`, `documents`, `clearance`, `prescriptions`, `dispenses`.
    #[arg(long, value_delimiter = ',')]
    send: Vec<String>,
    /// What is fetched: `referral` (where it stands), `clearance`, `prescriptions`, `dispenses`.
    #[arg(long, value_delimiter = ',')]
    fetch: Vec<String>,
    /// Seconds between two fetches.
    #[arg(long, default_value_t = 900)]
    every: i64,
    /// The partner's system is on this machine: a demonstration.
    #[arg(long)]
    local: bool,
}

/// Does what was asked.
///
/// # Errors
/// Where a word is wrong or the database cannot be used.
pub async fn run(command: PartnerCommand) -> Result<()> {
    match command {
        PartnerCommand::Add(args) => add(args).await,
        PartnerCommand::Keys(named) => {
            let app = named.database.open().await?;
            print_keys(&app, &named.id).await?;
            closed(&app).await
        }
        PartnerCommand::RotateKeys { named, keys: file } => {
            let app = named.database.open().await?;
            file.hold(&app).await?;
            keys::rotate(&app, &named.id).await?;
            print_keys(&app, &named.id).await?;
            closed(&app).await
        }
        PartnerCommand::Status { database, id } => {
            let app = database.open().await?;
            status(&app, id.as_deref()).await?;
            closed(&app).await
        }
        PartnerCommand::Tokens { named, token_url } => {
            let app = named.database.open().await?;
            partner::set_token_url(&app, &named.id, &token_url).await?;
            closed(&app).await
        }
        PartnerCommand::Hurry(named) => {
            let app = named.database.open().await?;
            partner::hurry(&app, &named.id).await?;
            closed(&app).await
        }
        PartnerCommand::Settle { named, reference } => {
            let of = reference.split_once('/');
            let of = of.ok_or_else(|| bad("reference", &reference))?;
            let app = named.database.open().await?;
            query::settle(&app, &named.id, of).await?;
            closed(&app).await
        }
        PartnerCommand::Disable(named) => set_disabled(&named, true).await,
        PartnerCommand::Enable(named) => set_disabled(&named, false).await,
    }
}

async fn closed(app: &App) -> Result<()> {
    app.store.close().await;
    Ok(())
}

async fn set_disabled(named: &Named, disabled: bool) -> Result<()> {
    let app = named.database.open().await?;
    partner::set_disabled(&app, &named.id, disabled).await?;
    closed(&app).await
}

fn flows(words: &[String]) -> Result<Vec<Flow>> {
    let flow = |word: &String| Flow::from_code(word).ok_or_else(|| bad("flow", word));
    words.iter().map(flow).collect()
}

async fn add(args: AddArgs) -> Result<()> {
    let new = New {
        sends: flows(&args.send)?,
        receives: flows(&args.fetch)?,
        id: args.named.id,
        client: args.client,
        base: args.base,
        client_there: args.client_there,
        token_url: args.token_url,
        scopes: args.scopes,
        every: args.every,
    };
    let app = args.named.database.open().await?;
    if args.local {
        app.sends.allow_local();
    }
    args.keys.hold(&app).await?;
    let made = partner::add(&app, new).await?;
    print_keys(&app, &made.id).await?;
    closed(&app).await
}

async fn print_keys(app: &App, id: &str) -> Result<()> {
    println!("{}", keys::published(app, Some(id)).await?);
    Ok(())
}

async fn status(app: &App, id: Option<&str>) -> Result<()> {
    for s in query::states(app).await? {
        if id.is_some_and(|id| id != s.id) {
            continue;
        }
        let sending = told_of(&s.sending);
        let reviews = format!("{} to review", s.reviews);
        let columns = [
            &*s.id,
            s.status,
            &*s.base,
            &sending,
            &told(&s.fetching),
            &reviews,
        ];
        println!("{}", columns.join("\t"));
    }
    let Some(id) = id else { return Ok(()) };
    for one in query::episodes(app, id).await? {
        println!(
            "episode {}\tversion {} of {}\t{}",
            one.episode,
            one.sent,
            one.version,
            told(&one.doing)
        );
    }
    for one in query::reviews(app, id).await? {
        let answered = if one.answered {
            "answered"
        } else {
            "not answered"
        };
        println!(
            "review {}\t{answered}\t{}\t{}",
            one.reference, one.since, one.reason
        );
    }
    Ok(())
}

fn told_of(sending: &Sending) -> String {
    let since = |at: &Option<String>| {
        at.as_ref()
            .map_or(String::new(), |at| format!(" since {at}"))
    };
    format!(
        "{} episodes sent, {} waiting{}, {} failing{}",
        sending.episodes,
        sending.waiting,
        since(&sending.waiting_since),
        sending.failing,
        since(&sending.failing_since)
    )
}

fn told(doing: &Doing) -> String {
    let since = doing.failing_since.as_deref().unwrap_or_default();
    let detail = doing.detail.as_deref().unwrap_or_default();
    match (&doing.reason, &doing.last_success_at) {
        (Some(reason), _) => {
            let count = doing.attempts;
            format!("{reason} since {since}, {count} attempts: {detail}")
        }
        (None, Some(at)) => format!("at {at} {detail}").trim_end().to_owned(),
        (None, None) => "not yet".into(),
    }
}
