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
    let Some(access) = access(app, partner).await? else {
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
        for one in due {
            if send(app, partner, one).await? == Went::Nowhere {
                return Ok(());
            }
        }
        if !whole {
            return Ok(());
        }
        // What it may see is judged anew: consents change while much is sent.
    }
}

/// Whether the next one has a chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Went {
    On,
    Nowhere,
}

/// Sends an episode, unless another replica has it.
async fn send(app: &App, partner: &Partner, mut one: Work) -> Result<Went> {
    let from = app.leases.now(app);
    let take = work::take(&app.tenant, &partner.id, &one, (from, from + LEASE));
    if app.store.write("take episode", vec![take]).await?.is_err() {
        return Ok(Went::On);
    }
    one.standing.fence += 1;
    let Some(access) = access(app, partner).await? else {
        let trouble = Failure::Client.trouble("");
        let to = failed(app, &one.standing, &trouble)?;
        let step = work::settle(&app.tenant, &partner.id, &one, one.sent, &to);
        let _ = app.store.write("settle episode", vec![step]).await?;
        return Ok(Went::Nowhere);
    };
    let remote = Remote { app, partner };
    let beat = || work::beat(&app.tenant, &partner.id, &one, app.leases.now(app) + LEASE);
    let push = push::push(&remote, &access, &one);
    let Some(done) = held(app, beat, push).await? else {
        return Ok(Went::On);
    };
    let now = app.clock.millis();
    let (sent, to, went) = match done {
        Ok(pushed) => {
            let said = pushed.as_ref().map(|p| p.said.clone()).unwrap_or_default();
            let again = if pushed.is_some() { 0 } else { now + WHOLE };
            let told = pushed.as_ref().is_some_and(|p| p.told);
            let in_doubt = one.standing.attempt.max(i64::from(one.in_doubt));
            let to = Standing {
                due_at: again,
                said: said.into(),
                ok_at: now,
                // What a try may have done stays in doubt until something is told again.
                attempt: if told { 0 } else { in_doubt },
                ..Standing::default()
            };
            // What it sees nothing of may become visible without a change: a consent begins.
            let version = pushed.map_or(one.sent, |pushed| pushed.version);
            (version, to, Went::On)
        }
        Err(trouble) => {
            let code = trouble.failure.code();
            let partner = &*partner.id;
            tracing::warn!(partner, code, said = trouble.said, "an episode is not sent");
            let alone = matches!(
                trouble.failure,
                Failure::Refused | Failure::Stale | Failure::NotFhir
            );
            let went = if alone { Went::On } else { Went::Nowhere };
            (one.sent, failed(app, &one.standing, &trouble)?, went)
        }
    };
    if to.failing_since > 0 {
        app.sends.partners.forget(partner);
    }
    if went == Went::Nowhere {
        app.sends.partners.rest(partner, to.due_at);
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
    let (since, to) = match done {
        Ok(pulled) => {
            let to = Standing {
                due_at: now + partner.every,
                said: pulled.said.into(),
                ok_at: now,
                ..Standing::default()
            };
            (pulled.since, to)
        }
        Err(trouble) => {
            let (id, code) = (&*partner.id, trouble.failure.code());
            tracing::warn!(
                partner = id,
                code,
                said = trouble.said,
                "a partner's server is not fetched from"
            );
            app.sends.partners.forget(partner);
            (
                partner.since.to_string(),
                failed(app, &partner.standing, &trouble)?,
            )
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
