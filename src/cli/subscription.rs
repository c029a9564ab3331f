//! `kap-fhir subscription`: what subscribers are told, for the operator.

use clap::Subcommand;

use super::database::{Database, bad};
use super::private::KeyFile;
use crate::error::Result;
use crate::interaction::subscription::{keys, operate};
use crate::kap::Id;

/// What can be done with subscriptions.
#[derive(Debug, Subcommand)]
pub enum SubscriptionCommand {
    /// List them: id, state, reason, client, topic, numbers of the last event and of the last that arrived, host.
    List {
        #[command(flatten)]
        database: Database,
    },
    /// Show what became of the latest calls of one.
    Show {
        #[command(flatten)]
        database: Database,
        #[arg(long)]
        id: String,
    },
    /// Tell events once more, after a handshake. Receivers know them by their ids.
    Replay {
        #[command(flatten)]
        database: Database,
        #[arg(long)]
        id: String,
        /// Number of the first event to tell.
        #[arg(long)]
        from: i64,
    },
    /// Sign notifications to a client with a new key; the old one signs beside it for seven days.
    RotateKeys {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        keys: KeyFile,
        /// Id of the client.
        #[arg(long)]
        client: String,
    },
}

/// Does what was asked.
///
/// # Errors
/// Where a word is wrong or the database cannot be used.
pub async fn run(command: SubscriptionCommand) -> Result<()> {
    match command {
        SubscriptionCommand::List { database } => {
            let app = database.open().await?;
            for s in operate::list(&app).await? {
                let columns = [
                    s.id.as_str(),
                    s.state.code(),
                    &s.reason,
                    &s.client,
                    &s.topic,
                    &s.numbered.to_string(),
                    &s.acked.to_string(),
                    &s.host,
                ];
                println!("{}", columns.join("\t"));
            }
            app.store.close().await;
            Ok(())
        }
        SubscriptionCommand::Show { database, id } => {
            let app = database.open().await?;
            let (s, attempts) = operate::show(&app, &named(&id)?).await?;
            println!(
                "{} of {}: {} {}, {} events, {} arrived",
                s.id, s.client, s.state, s.reason, s.numbered, s.acked
            );
            for a in attempts {
                let status = a.status.to_string();
                let span = format!("{}-{}", a.first, a.last);
                let took = format!("{} ms", a.millis);
                let columns = [&*a.kind, &span, &status, &*a.failure, &took];
                println!("{}", columns.join("\t"));
            }
            app.store.close().await;
            Ok(())
        }
        SubscriptionCommand::Replay { database, id, from } => {
            let app = database.open().await?;
            operate::replay(&app, &named(&id)?, from).await?;
            println!("events from {from} on are told once more");
            app.store.close().await;
            Ok(())
        }
        SubscriptionCommand::RotateKeys {
            database,
            keys: file,
            client,
        } => {
            let app = database.open().await?;
            file.hold(&app).await?;
            let kid = keys::rotate(&app, &client).await?;
            println!("notifications to {client} are signed with {kid} too");
            app.store.close().await;
            Ok(())
        }
    }
}

fn named(id: &str) -> Result<Id> {
    Id::new(id).ok_or_else(|| bad("id", id))
}
