//! Two services that exchange one course: the practice's and its partner's. Each has its own database, clients and keys; the
//! one logs in at the other as any partner's system does.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::Account;
use super::player::{Caller, Play};
use super::script::Party;
use super::service::Service;
use crate::app::App;
use crate::auth::client::{ClientSpec, Keys, Purpose};
use crate::error::{Error, Kind, Result};
use crate::interaction::partner::{self as exchange, New, keys, query};
use crate::mapping::exchange::Flow;

/// What the partner's system is called at the practice's service, and the practice's at the partner's.
const PARTNER: &str = "partner";
const PRACTICE: &str = "practice";

/// How long both may take to tell each other everything.
const PATIENCE: Duration = Duration::from_mins(1);

/// One of two services.
#[derive(Clone, Copy, Debug)]
pub struct Side<'s> {
    pub app: &'s App,
    /// Where it is, without a path.
    pub base: &'s str,
    pub logins: &'s [Account],
}

impl<'s> From<&'s Service> for Side<'s> {
    fn from(of: &'s Service) -> Self {
        Self {
            app: &of.app,
            base: &of.base,
            logins: &of.logins,
        }
    }
}

/// Makes them known to each other: each tells what is its own to tell.
///
/// # Errors
/// Where a party has no client, or as those of [`exchange::add`].
pub async fn introduce(practice: Side<'_>, partner: Side<'_>) -> Result<()> {
    let told = [Flow::Referral, Flow::Sessions, Flow::Documents];
    tells(practice, partner, Party::Partner, PARTNER, &told).await?;
    let told = [
        Flow::Clearance,
        Flow::Prescriptions,
        Flow::Dispenses,
        Flow::Sessions,
    ];
    tells(partner, practice, Party::Practice, PRACTICE, &told).await
}

/// `here` tells `there`, which is the system of `party`.
async fn tells(
    here: Side<'_>,
    there: Side<'_>,
    party: Party,
    name: &str,
    sends: &[Flow],
) -> Result<()> {
    let client_there = format!("from-{name}");
    let new = New {
        id: name.into(),
        client: account(here, party)?.client.into(),
        base: format!("{}/fhir", there.base),
        client_there: client_there.clone(),
        token_url: String::new(),
        scopes: "system/*.cruds".into(),
        sends: sends.to_vec(),
        receives: vec![],
        every: 5,
    };
    exchange::add(here.app, new).await?;
    // Who comes from here is, there, the party that is at home here.
    let home = if party == Party::Partner {
        Party::Practice
    } else {
        Party::Partner
    };
    let as_there = account(there, home)?;
    let spec = ClientSpec {
        id: Some(client_there),
        name: format!("the service that knows this one as {name}"),
        organization: as_there.organization.clone(),
        role: as_there.role,
        scopes: "system/*.cruds".into(),
        purposes: vec![Purpose::Treatment],
        keys: Keys::Set(keys::published(here.app, Some(name)).await?.to_string()),
    };
    there.app.auth.register(spec).await?;
    Ok(())
}

fn account(side: Side<'_>, party: Party) -> Result<&Account> {
    let found = side.logins.iter().find(|a| a.party == party);
    found.ok_or_else(|| Error::internal("a party without a client"))
}

/// The episode as the practice's client sees it at a service; `None` where it is not there.
async fn shown(caller: &Caller, episode: &str) -> Result<Option<Value>> {
    let path = format!("/kap/v1/episodes/{episode}");
    let reply = caller.send(Method::GET, &path, None).await?;
    Ok((reply.status == 200).then_some(reply.body))
}

/// Whether all of the episode was sent from a service to the partner `name`.
async fn told(app: &App, caller: &Caller, name: &str, episode: &str) -> Result<bool> {
    let Some(now) = shown(caller, episode).await? else {
        return Ok(false);
    };
    let all = query::episodes(app, name).await?;
    let own = all.iter().find(|e| e.episode == episode);
    Ok(own.is_some_and(|e| e.doing.reason.is_none() && now["version"] == e.sent))
}

/// Whether both have told each other everything of an episode; what was not referred yet is not told. `callers` are the
/// practice's at its own service and at the partner's.
///
/// # Errors
/// Where a service does not answer.
pub async fn agree(
    practice: Side<'_>,
    partner: Side<'_>,
    callers: [&Caller; 2],
    episode: &str,
) -> Result<bool> {
    let own = shown(callers[0], episode).await?;
    if own.is_none_or(|e| !e["referrals"][0].is_object()) {
        return Ok(true);
    }
    Ok(told(practice.app, callers[0], PARTNER, episode).await?
        && told(partner.app, callers[1], PRACTICE, episode).await?)
}

/// Plays what is left, each party at its own service: who is next waits until both services agree.
pub(super) async fn perform(
    play: &mut Play,
    (practice, partner): (&Service, &Service),
    callers: [&Caller; 2],
) -> Result<()> {
    let mut last = None;
    loop {
        let next = play.next_step().map(|step| step.party);
        if last.is_some() && next != last {
            let began = tokio::time::Instant::now();
            let episode = play.played.episode.clone();
            loop {
                match agree(practice.into(), partner.into(), callers, &episode).await {
                    Ok(true) => break,
                    // A connection that was kept may be closed while it is used: it is asked again.
                    Err(error) if error.kind != Kind::Unavailable => return Err(error),
                    _ => {}
                }
                if began.elapsed() > PATIENCE {
                    let text = "The two services do not agree: see kap-fhir partner status.";
                    return Err(Error::new(Kind::Unavailable, text));
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            println!(
                "            both services agree after {} ms",
                began.elapsed().as_millis()
            );
        }
        if next.is_none() {
            return Ok(());
        }
        last = next;
        play.one(super::tell).await?;
    }
}

/// What both services say of the episode.
pub(super) async fn compare(callers: [&Caller; 2], episode: &str) -> Result<()> {
    for (caller, whose) in callers.into_iter().zip(["The practice's", "The partner's"]) {
        let now = shown(caller, episode).await?.unwrap_or_default();
        let count = |part: &str| now[part].as_array().map_or(0, Vec::len);
        println!(
            "{whose} service at {} says: phase {}, {} clearances, {} prescriptions, {} sessions, {} findings.",
            caller.base,
            now["phase"],
            count("clearances"),
            count("prescriptions"),
            count("sessions"),
            count("detectedIssues"),
        );
    }
    Ok(())
}
