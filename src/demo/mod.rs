//! The demonstration: a local service with generated keys on which a sample episode is played through the API, by
//! practice, partner and pharmacy, and then read by an EHR. Nothing is switched off: every party logs in as usual.

pub mod notes;
pub mod player;
pub mod script;
mod service;
pub mod token;
pub mod two;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::access::Role;
use crate::app::App;
use crate::auth::client::{ClientSpec, Keys, Purpose};
use crate::auth::key::PrivateKey;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::interaction::directory::put_organization;
use crate::kap::people::{Organization, OrganizationType};
use crate::kap::{Episode, Id, lift};
use crate::{server, telemetry};
use clap::Args;

use player::{Caller, Play, Played, Reply};
use script::{Party, Step};
use service::Service;
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
    /// Address of a second service, the partner's: each party plays at its own, and the two exchange the course.
    #[arg(long, value_name = "ADDRESS")]
    partner: Option<SocketAddr>,
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
    let addresses = std::iter::once(demo.listen).chain(demo.partner);
    if !addresses.into_iter().all(|at| at.ip().is_loopback()) {
        return Err(Error::new(
            Kind::Invalid,
            "The demo listens on a loopback address only.",
        ));
    }
    let _telemetry = telemetry::start("warn", None)?;
    let episode = lift::lift(SAMPLE)?.episode;
    let own = Service::begin(demo.listen, &demo.data_dir, &episode).await?;
    let partner = match demo.partner {
        Some(at) => {
            let folder = demo.data_dir.join("partner");
            Some(Service::begin(at, &folder, &episode).await?)
        }
        None => None,
    };
    println!();
    let mut callers = log_in(&own.base, &own.logins, &Clock::system()).await?;
    let played = if let Some(partner) = &partner {
        together(&own, partner, &mut callers, &episode).await?
    } else {
        perform(&episode, &callers).await?
    };
    tour::show(&callers, &played).await?;
    if !demo.exit {
        println!(
            "\nServing on {} until Ctrl-C. A fresh token: kap-fhir token --client demo-ehr",
            own.base
        );
        server::signal()?.await;
    }
    for service in std::iter::once(own).chain(partner) {
        service.running.stop().await;
        service.app.store.close().await;
    }
    Ok(())
}

/// Plays across two services; partner and pharmacy are at home at the partner's.
async fn together(
    own: &Service,
    partner: &Service,
    callers: &mut HashMap<Party, Caller>,
    episode: &Episode,
) -> Result<Played> {
    two::introduce(own.into(), partner.into()).await?;
    let mut there = log_in(&partner.base, &partner.logins, &Clock::system()).await?;
    for party in [Party::Partner, Party::Pharmacy] {
        if let Some(caller) = there.remove(&party) {
            callers.insert(party, caller);
        }
    }
    let absent = || Error::internal("a party without a token");
    let here = callers.get(&Party::Practice).ok_or_else(absent)?;
    let both = [here, there.get(&Party::Practice).ok_or_else(absent)?];
    let run = Clock::system().uuid().to_string();
    let notes = notes::of_file(SAMPLE, episode)?;
    let mut play = Play::of(script::with_notes(episode, notes), callers, &run);
    two::perform(&mut play, (own, partner), both).await?;
    let played = play.played;
    println!();
    two::compare(both, &played.episode).await?;
    Ok(played)
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
    play.rest(tell).await?;
    Ok(play.played)
}

/// Prints a step: when, who, what, the phase after it and what was flagged.
fn tell(step: &Step, reply: &Reply) {
    let what = step.path.rsplit("{episode}").next().unwrap_or(step.path);
    let phase = reply.body["phase"].as_str().unwrap_or_default();
    let flags = reply.body["flags"].as_array().into_iter().flatten();
    let flags: Vec<&str> = flags.filter_map(|f| f["ruleId"].as_str()).collect();
    let flagged = if flags.is_empty() {
        String::new()
    } else {
        format!("  flagged: {}", flags.join(", "))
    };
    let party = format!("{:?}", step.party);
    println!("{}  {party:<9} {what:<44} {phase}{flagged}", step.at);
}

mod tour;
