//! Keeps partners' systems in agreement: sends what changed here, fetches what changed there.
//!
//! What is to be sent is found by comparing versions, not by remembering events: an episode of a version that was not sent
//! yet is read, what differs from what was sent is sent, and the version is noted. A crash at any step does the same again;
//! creates are conditional and updates name what they replace, so nothing is there twice.

mod ability;
mod answer;
mod bundle;
mod login;
mod page;
mod pull;
mod push;
mod remote;
mod trouble;

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::backoff;
pub(super) use ability::Kept;
use remote::Remote;
use trouble::{Failure, Trouble};

use crate::app::App;
use crate::error::{Error, Result};
use crate::interaction::partner::access;
use crate::store::partner::work::{self, Work};
use crate::store::partner::{self as rows, Partner, Standing};
use crate::store::sql::Step;

/// How often is looked for what other replicas wrote.
const LOOK: Duration = Duration::from_secs(1);
/// How long a worker that is not heard of keeps its work, milliseconds.
const LEASE: i64 = 10_000;
/// How often it is heard of.
const BEAT: Duration = Duration::from_secs(3);
/// How often every episode is compared, milliseconds; between, those that changed lately are.
const WHOLE: i64 = 10 * 60 * 1000;
/// Episodes that are sent to a partner before others are looked at.
const EACH: i64 = 20;
/// How long a server that does not answer is left alone at most, milliseconds: what it did not take of one episode may be
/// that episode's, and others wait.
const REST: i64 = 30_000;
/// How long work that is under way may take when the service stops.
const DRAIN: Duration = Duration::from_secs(10);

/// Exchanges with every partner, until the service stops.
pub async fn work(app: App, mut stopped: watch::Receiver<bool>) {
    let mut calls = JoinSet::new();
    let mut busy: Vec<(std::sync::Arc<str>, bool)> = vec![];
    let mut compared = 0;
    while !*stopped.borrow() {
        let now = app.clock.millis();
        let horizon = if now - compared >= WHOLE {
            0
        } else {
            compared - WHOLE
        };
        match app.store.partners(&app.tenant).await {
            Ok(all) => {
                for partner in all.into_iter().filter(|p| !p.disabled) {
                    // One that is new is told of everything at once.
                    let horizon = if partner.created_at >= compared - WHOLE {
                        0
                    } else {
                        horizon
                    };
                    begin(&app, &mut calls, &mut busy, (&partner, horizon));
                }
                if horizon == 0 {
                    compared = now;
                }
            }
            Err(error) => complain(&error, "partners cannot be read; it is tried again"),
        }
        tokio::select! {
            () = app.sends.partner.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
            _ = stopped.changed() => {}
        }
        while let Some(done) = calls.try_join_next() {
            match done {
                Ok(done) => busy.retain(|other| *other != done),
                Err(_) => busy.clear(),
            }
        }
    }
    let all = async { while calls.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN, all).await;
}

/// Begins what is to be done with a partner, unless this process is at it: sending, and fetching.
fn begin(
    app: &App,
    calls: &mut JoinSet<(std::sync::Arc<str>, bool)>,
    busy: &mut Vec<(std::sync::Arc<str>, bool)>,
    (partner, horizon): (&Partner, i64),
) {
    let due = partner.standing.due_at <= app.clock.millis();
    for (fetch, wanted) in [
        (
            false,
            !partner.sends.is_empty() && !app.sends.partners.rests(partner, app.clock.millis()),
        ),
        (true, !partner.receives.is_empty() && due),
    ] {
        let name = (partner.id.clone(), fetch);
        if !wanted || busy.contains(&name) {
            continue;
        }
        busy.push(name.clone());
        let (app, partner) = (app.clone(), partner.clone());
        calls.spawn(async move {
            let done = if fetch {
                Box::pin(fetched(&app, partner)).await
            } else {
                sent(&app, &partner, horizon).await
            };
            if let Err(error) = done {
                complain(&error, "the exchange with a partner is tried again");
            }
            name
        });
    }
}

fn complain(error: &Error, what: &str) {
    let cause = error.cause.as_ref().map(ToString::to_string);
    tracing::warn!(kind = ?error.kind, cause, "{what}");
}

/// Sends the episodes that are due.
async fn sent(app: &App, partner: &Partner, horizon: i64) -> Result<()> {
    let access = access(app, partner).await?;
    noted(app, partner, access.is_some()).await?;
    let Some(access) = access else {
        return Ok(());
    };
    let Some(organization) = access.caller().map(|c| c.organization.clone()) else {
        return Ok(());
    };
    loop {
        let (now, lease) = (app.clock.millis(), app.leases.now(app));
        let of = (partner, organization.as_str());
        let due = app
            .store
            .episodes_to_send(&app.tenant, of, horizon, (now, lease), EACH)
            .await?;
        let whole = i64::try_from(due.len()).is_ok_and(|n| n == EACH);
        let mut was_unsure = false;
        for one in due {
            let went = send(app, partner, one).await?;
            let until = match went {
                Went::On => {
                    was_unsure = false;
                    app.sends.partners.answers(partner);
                    continue;
                }
                Went::Passed => continue,
                // It may be this episode alone: the next one tells.
                Went::Unsure if !was_unsure => {
                    was_unsure = true;
                    continue;
                }
                Went::Unsure => {
                    let pause =
                        backoff::pause(app.sends.partners.silent(partner), backoff::chance(app)?);
                    app.clock.millis() + pause.min(REST)
                }
                Went::Nowhere(until) => until,
            };
            app.sends.partners.rest(partner, until);
            return Ok(());
        }
        if !whole {
            return Ok(());
        }
        // What it may see is judged anew: consents change while much is sent.
    }
}

/// Notes whether the partner's client here may be used, where nobody fetches, who would.
async fn noted(app: &App, partner: &Partner, is_known: bool) -> Result<()> {
    let is_noted = *partner.standing.reason == *Failure::Client.code();
    if !partner.receives.is_empty() || is_noted != is_known {
        return Ok(());
    }
    let from = app.leases.now(app);
    let take = rows::take(&app.tenant, partner, (from, from + LEASE));
    if app.store.write("take partner", vec![take]).await?.is_err() {
        return Ok(());
    }
    let mut partner = partner.clone();
    partner.standing.fence += 1;
    let to = if is_known {
        Standing {
            ok_at: app.clock.millis(),
            ..Standing::default()
        }
    } else {
        failed(app, &partner.standing, &Failure::Client.trouble(""))?
    };
    let step = rows::settle(&app.tenant, &partner, &partner.since, &to);
    let _ = app.store.write("settle partner", vec![step]).await?;
    Ok(())
}

/// Whether the next one has a chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Went {
    /// The server answered.
    On,
    /// It was not asked.
    Passed,
    /// The server does not answer, or not for this one.
    Unsure,
    /// It takes nothing before then.
    Nowhere(i64),
}

impl Went {
    /// After this failure.
    fn after(trouble: &Trouble, now: i64) -> Self {
        match trouble.failure {
            Failure::Refused | Failure::Stale | Failure::NotFhir => Self::On,
            Failure::Unheard | Failure::Unauthorized | Failure::Broken | Failure::Here => {
                Self::Unsure
            }
            Failure::Busy | Failure::Blocked | Failure::Client => {
                Self::Nowhere(now + trouble.after.unwrap_or(REST))
            }
        }
    }
}

/// Sends an episode, unless another replica has it.
async fn send(app: &App, partner: &Partner, mut one: Work) -> Result<Went> {
    let from = app.leases.now(app);
    let take = work::take(&app.tenant, &partner.id, &one, (from, from + LEASE));
    if app.store.write("take episode", vec![take]).await?.is_err() {
        return Ok(Went::Passed);
    }
    one.standing.fence += 1;
    let Some(access) = access(app, partner).await? else {
        let trouble = Failure::Client.trouble("");
        let to = failed(app, &one.standing, &trouble)?;
        let step = work::settle(&app.tenant, &partner.id, &one, one.sent, &to);
        let _ = app.store.write("settle episode", vec![step]).await?;
        return Ok(Went::after(&trouble, app.clock.millis()));
    };
    let begun = app.clock.millis();
    let remote = Remote { app, partner };
    let beat = || work::beat(&app.tenant, &partner.id, &one, app.leases.now(app) + LEASE);
    let push = push::push(&remote, &access, &one);
    let Some(done) = held(app, beat, push).await? else {
        return Ok(Went::Passed);
    };
    let now = app.clock.millis();
    let (sent, to, went) = match done {
        Ok(pushed) => {
            let said = pushed.as_ref().map(|p| p.said.clone()).unwrap_or_default();
            // A change since it was read is looked at sooner.
            let (again, ok_at) = match &pushed {
                Some(_) => (0, now),
                None => (now + WHOLE, begun),
            };
            let told = pushed.as_ref().is_some_and(|p| p.told);
            let in_doubt = one.standing.attempt.max(i64::from(one.in_doubt));
            let to = Standing {
                due_at: again,
                said: said.into(),
                ok_at,
                // What a try may have done stays in doubt until something is told again.
                attempt: if told { 0 } else { in_doubt },
                ..Standing::default()
            };
            // What it sees nothing of may become visible without a change: a consent begins.
            let version = pushed.map_or(one.sent, |pushed| pushed.version);
            let went = if told { Went::On } else { Went::Passed };
            (version, to, went)
        }
        Err(trouble) => {
            let code = trouble.failure.code();
            let partner = &*partner.id;
            tracing::warn!(partner, code, said = trouble.said, "an episode is not sent");
            let to = failed(app, &one.standing, &trouble)?;
            let went = Went::after(&trouble, now);
            (one.sent, to, went)
        }
    };
    if to.failing_since > 0 {
        app.sends.partners.forget(partner);
    }
    let step = work::settle(&app.tenant, &partner.id, &one, sent, &to);
    let _ = app.store.write("settle episode", vec![step]).await?;
    Ok(went)
}

/// Fetches what changed there, unless another replica does.
async fn fetched(app: &App, mut partner: Partner) -> Result<()> {
    let from = app.leases.now(app);
    let take = rows::take(&app.tenant, &partner, (from, from + LEASE));
    if app.store.write("take partner", vec![take]).await?.is_err() {
        return Ok(());
    }
    partner.standing.fence += 1;
    let partner = &partner;
    let done = match access(app, partner).await? {
        None => Some(Err(Failure::Client.trouble(""))),
        Some(access) => {
            let remote = Remote { app, partner };
            let beat = || rows::beat(&app.tenant, partner, app.leases.now(app) + LEASE);
            Box::pin(held(app, beat, pull::pull(&remote, &access))).await?
        }
    };
    let Some(done) = done else {
        return Ok(());
    };
    let now = app.clock.millis();
    let (since, said, trouble) = match done {
        Ok(pulled) => (pulled.since, pulled.said, pulled.trouble),
        Err(trouble) => (partner.since.to_string(), String::new(), Some(trouble)),
    };
    let to = match trouble {
        None => Standing {
            due_at: now + partner.every,
            said: said.into(),
            ok_at: now,
            ..Standing::default()
        },
        Some(trouble) => {
            let (id, code) = (&*partner.id, trouble.failure.code());
            let said = &trouble.said;
            tracing::warn!(
                partner = id,
                code,
                said,
                "not all is fetched from a partner"
            );
            app.sends.partners.forget(partner);
            let mut to = failed(app, &partner.standing, &trouble)?;
            if trouble.failure.is_of_one_question() {
                // What it gives is fetched as often as it is to be.
                to.due_at = to.due_at.min(now + partner.every);
            }
            to
        }
    };
    let step = rows::settle(&app.tenant, partner, &since, &to);
    let _ = app.store.write("settle partner", vec![step]).await?;
    Ok(())
}

/// The work, with the lease renewed beside it; `None` where it was lost meanwhile.
async fn held<T>(
    app: &App,
    beat: impl Fn() -> Step,
    work: impl Future<Output = std::result::Result<T, Trouble>>,
) -> Result<Option<std::result::Result<T, Trouble>>> {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(Some(done)),
            () = tokio::time::sleep(BEAT) => {
                if app.store.write("keep partner", vec![beat()]).await?.is_err() {
                    return Ok(None);
                }
            }
        }
    }
}

/// How work stands that failed: it is tried again in a while that grows, with full jitter, for ever.
fn failed(app: &App, was: &Standing, trouble: &Trouble) -> Result<Standing> {
    let pause = backoff::pause(was.attempt, backoff::chance(app)?);
    let now = app.clock.millis();
    let since = if was.failing_since > 0 {
        was.failing_since
    } else {
        now
    };
    Ok(Standing {
        due_at: now + trouble.after.map_or(pause, |after| after.max(pause)),
        attempt: was.attempt + 1,
        failing_since: since,
        reason: trouble.failure.code().into(),
        said: trouble.said.as_str().into(),
        ok_at: was.ok_at,
        fence: was.fence,
    })
}
