//! The workers that send notifications (security reference §4.3, steps C to E).
//!
//! A subscription is taken by a lease with a fence; its events are sent one notification after another, in order; after each
//! the counter moves on, guarded by the fence. A crash at any step repeats the same notification with the same id and loses
//! nothing. No call is made inside a transaction.

mod told;

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::backoff;
use super::hosts::Room;
use super::send::{self, Call, Sent};
use super::settle::{self, Next};
use super::signature;
use crate::app::App;
use crate::error::{Error, Result};
use crate::interaction::subscription::notice::{Notice, NoticeKind, Told};
use crate::interaction::subscription::state::Agreed;
use crate::interaction::subscription::{alarm, keys, listener, sequence, state};
use crate::store::audit;
use crate::store::sql::{Conflict, Step};
use crate::store::subscription::{
    self as rows, Attempt, Content, NEVER, Settled, State, Subscription,
};

/// Calls at once.
const MOST: usize = 64;
/// How often is looked for what others put there.
const LOOK: Duration = Duration::from_millis(500);
/// How long a worker that is not heard of keeps a subscription, milliseconds.
const LEASE: i64 = 10_000;
/// How often it is heard of while a call takes its time.
const BEAT: Duration = Duration::from_secs(3);
/// How long calls that are under way may take when the service stops.
const DRAIN: Duration = Duration::from_secs(20);

/// Gives numbers to what is put into the outbox, until the service stops.
pub async fn number(app: App, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        if let Err(error) = alarm::pass(&app).await {
            complain(&error, "alerts cannot be looked at; it is tried again");
        }
        match sequence::pass(&app).await {
            Ok(0) => {}
            Ok(_) => continue,
            Err(error) => complain(&error, "events cannot be numbered; it is tried again"),
        }
        tokio::select! {
            () = app.sends.sequencer.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
            _ = stopped.changed() => {}
        }
    }
}

/// Sends what is to be sent, until the service stops; calls under way are waited for.
pub async fn work(app: App, mut stopped: watch::Receiver<bool>) {
    let mut calls = JoinSet::new();
    if app.store.kind() == "sqlite" {
        // One process uses the file: what another one held, it died with.
        let free = rows::free_all(&app.tenant);
        if let Err(error) = write(&app, "free subscriptions", vec![free]).await {
            complain(&error, "leases of before are waited for");
        }
    }
    while !*stopped.borrow() {
        if let Err(error) = begin(&app, &mut calls).await {
            complain(&error, "no subscription can be taken; it is tried again");
        }
        tokio::select! {
            () = app.sends.courier.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
            Some(_) = calls.join_next() => {}
            _ = stopped.changed() => {}
        }
        while calls.try_join_next().is_some() {}
    }
    let all = async { while calls.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(DRAIN, all).await;
}

fn complain(error: &Error, what: &str) {
    let cause = error.cause.as_ref().map(ToString::to_string);
    tracing::warn!(kind = ?error.kind, cause, "{what}");
}

/// Takes the subscriptions that are due, as many as there is room for, and begins to serve each.
async fn begin(app: &App, calls: &mut JoinSet<()>) -> Result<()> {
    let room = MOST.saturating_sub(calls.len());
    if room == 0 {
        return Ok(());
    }
    let now = app.clock.millis();
    let most = i64::try_from(room).unwrap_or(i64::MAX);
    let lease_from = app.leases.now(app);
    let full = app.sends.hosts.full();
    let due = app
        .store
        .subscriptions_due(&app.tenant, (now, lease_from), &full, most)
        .await?;
    for s in due {
        if calls.len() >= MOST {
            break;
        }
        let Some(room) = app.sends.hosts.enter(&s.host) else {
            continue;
        };
        let app = app.clone();
        calls.spawn(async move {
            if let Err(error) = serve(&app, s, room).await {
                complain(&error, "a subscription cannot be served; it is tried again");
            }
        });
    }
    Ok(())
}

/// Takes a subscription and sends its next notification.
async fn serve(app: &App, mut s: Subscription, _room: Room) -> Result<()> {
    let from = app.leases.now(app);
    if s.tried <= s.acked {
        // What is sent again is the same again, whatever has happened since.
        s.tried = s.numbered.min(s.acked + s.most);
    }
    let take = rows::take(&app.tenant, &s, from, from + LEASE);
    if write(app, "take subscription", vec![take]).await?.is_err() {
        return Ok(());
    }
    s.fence += 1;
    if let Err(error) = step(app, &s).await {
        // It is not the subscriber's fault: the lease is given back, and it is begun anew in a while.
        let later = Settled {
            due_at: app.clock.millis() + 2_000,
            more_at: app.clock.millis() + 2_000,
            ..as_it_is(&s)
        };
        let back = rows::settle(&app.tenant, &s, s.state, &later);
        let _ = write(app, "give subscription back", vec![back]).await?;
        return Err(error);
    }
    app.sends.wake_courier();
    Ok(())
}

async fn write(
    app: &App,
    name: &'static str,
    steps: Vec<Step>,
) -> Result<std::result::Result<(), Conflict>> {
    app.store.write(name, steps).await
}

fn as_it_is(s: &Subscription) -> Settled {
    Settled {
        acked: s.acked,
        due_at: s.due_at,
        more_at: s.due_at,
        attempt: s.attempt,
        failing_since: s.failing_since,
        told_at: s.told_at,
        lease_until: 0,
    }
}

/// Sends one notification and notes what became of it.
async fn step(app: &App, s: &Subscription) -> Result<()> {
    let now = app.clock.millis();
    if s.ends_at <= now {
        return close(app, s, "ended").await;
    }
    let Some(access) = listener::access(app, s).await? else {
        return close(app, s, "client").await;
    };
    if !matches!(s.state, State::Requested | State::Active) {
        // Nothing is to be sent: it is not looked for again.
        return rest(app, s, NEVER).await;
    }
    let Some(s) = &registered(app, s).await? else {
        return close(app, s, "not-registered").await;
    };
    let told = told::told(app, s, &access).await?;
    if s.state == State::Active && told.all.is_empty() && rows::rests_until(s, s.told_at) > now {
        return rest(app, s, rows::rests_until(s, s.told_at)).await;
    }
    let (kind, at) = match (s.state, &*told.all) {
        (State::Requested, _) => (NoticeKind::Handshake, s.changed_at),
        (_, []) => (NoticeKind::Heartbeat, s.told_at.max(s.changed_at)),
        (_, [.., last]) => (NoticeKind::Events, last.event.at),
    };
    // As of the last event that it tells: the same however often it is sent.
    let numbered = told.all.last().map_or(s.numbered, |t| t.event.n);
    let counted = Subscription {
        numbered,
        ..s.clone()
    };
    let base = app.fhir_base();
    let notice = Notice {
        base: &base,
        of: &counted,
        state: s.state,
        kind,
        told: &told.all,
        at,
    };
    if s.content == Content::FullResource && !told.events.is_empty() {
        // What holds records leaves no sooner than its trace is kept.
        crate::interaction::audit::append(app, told.events.clone()).await?;
    }
    let Some(sent) = held(app, s, call(app, s, &notice)).await? else {
        return Ok(());
    };
    let last = told.all.last().map(|t| t.event.n);
    let next = settle::after(s, &sent, last, (app.clock.millis(), backoff::chance(app)?));
    let mut steps: Vec<Step> = told
        .withheld
        .iter()
        .map(|n| rows::withhold(&app.tenant, &s.id, *n))
        .collect();
    if s.content != Content::FullResource && may_have_arrived(s, &sent) {
        steps.extend(audit::steps(&app.tenant, app.recorder.rows(told.events)));
    }
    note(app, s, &notice, (&sent, next), steps).await
}

/// Whether the receiver may know now what it did not know before: each is noted once where nothing answers.
fn may_have_arrived(s: &Subscription, sent: &Sent) -> bool {
    sent.meaning == send::Meaning::Arrived || (sent.status == 0 && s.attempt == 0)
}

/// The call, with the lease renewed beside it; `None` where the subscription was lost meanwhile.
async fn held(
    app: &App,
    s: &Subscription,
    call: impl Future<Output = Result<Sent>>,
) -> Result<Option<Sent>> {
    tokio::pin!(call);
    loop {
        tokio::select! {
            sent = &mut call => return sent.map(Some),
            () = tokio::time::sleep(BEAT) => {
                let beat = rows::beat(&app.tenant, s, app.leases.now(app) + LEASE);
                if write(app, "keep subscription", vec![beat]).await?.is_err() {
                    return Ok(None);
                }
            }
        }
    }
}

/// Lets go of a subscription that has nothing to send before `until`.
async fn rest(app: &App, s: &Subscription, until: i64) -> Result<()> {
    let more_at = match s.state {
        State::Active => app.clock.millis(),
        _ => NEVER,
    };
    // Where numbers are left without an event, their events were kept too long ago.
    let acked = match s.state {
        State::Active => s.tried.max(s.acked),
        _ => s.acked,
    };
    let rest = Settled {
        acked,
        due_at: until,
        more_at,
        ..as_it_is(s)
    };
    let step = rows::settle(&app.tenant, s, s.state, &rest);
    write(app, "rest subscription", vec![step]).await.map(drop)
}

/// The subscription, where its client may still be called there; whole records are sent as long as that is agreed on.
async fn registered(app: &App, s: &Subscription) -> Result<Option<Subscription>> {
    let mut s = s.clone();
    // Of what may not be called, the call itself says why.
    if let Ok(url) = app.sends.judge(&s.endpoint) {
        match state::agreed(app, &s.client, &url).await? {
            None => return Ok(None),
            Some(Agreed::Names) if s.content == Content::FullResource => {
                s.content = Content::IdOnly;
            }
            Some(_) => {}
        }
    }
    Ok(Some(s))
}

/// Ends a subscription for a reason that is not an answer's.
async fn close(app: &App, s: &Subscription, reason: &'static str) -> Result<()> {
    let to = Settled {
        due_at: NEVER,
        more_at: NEVER,
        ..as_it_is(s)
    };
    let state = if reason == "not-registered" {
        State::Error
    } else {
        State::Off
    };
    let s = Subscription {
        reason: reason.into(),
        ..s.clone()
    };
    let step = rows::settle(&app.tenant, &s, state, &to);
    state::set(app, &s, state, reason, vec![step])
        .await
        .map(drop)
}

async fn call(app: &App, s: &Subscription, notice: &Notice<'_>) -> Result<Sent> {
    let body = notice.body();
    let keys = keys::signing(app, &s.client).await?;
    let seconds = app.clock.millis() / 1000;
    let mut headers = state::opened(app, s).await?;
    let signed = signature::headers(&keys, &notice.id(), seconds, &body);
    headers.extend(signed.map(|(name, value)| (name.to_owned(), value)));
    let call = Call {
        endpoint: &s.endpoint,
        timeout: s.timeout,
        media: &s.payload,
        headers,
        body,
    };
    let sent = send::send(&app.sends, &app.clock, call).await?;
    let took = Duration::from_millis(u64::try_from(sent.millis).unwrap_or_default());
    app.metrics.delivery(notice.kind.code(), sent.status, took);
    Ok(sent)
}

/// Notes what became of a notification.
async fn note(
    app: &App,
    s: &Subscription,
    notice: &Notice<'_>,
    (sent, next): (&Sent, Next),
    mut steps: Vec<Step>,
) -> Result<()> {
    let number = |told: Option<&Told>| told.map_or(0, |t| t.event.n);
    let attempt = Attempt {
        at: app.clock.millis(),
        fence: s.fence,
        kind: notice.kind.code().into(),
        first: number(notice.told.first()),
        last: number(notice.told.last()),
        attempt: s.attempt + 1,
        status: sent.status,
        failure: failure(sent).into(),
        millis: sent.millis,
    };
    let after = Subscription {
        state: next.state,
        reason: next.reason.into(),
        acked: next.settled.acked,
        attempt: next.settled.attempt,
        failing_since: next.settled.failing_since,
        told_at: next.settled.told_at,
        ..s.clone()
    };
    let settle = rows::settle(&app.tenant, &after, next.state, &next.settled);
    steps.push(rows::attempted(&app.tenant, &s.id, &attempt));
    steps.push(settle);
    if next.state == s.state {
        return write(app, "settle notification", steps).await.map(drop);
    }
    if next.state != State::Active {
        let (subscription, reason) = (s.id.as_str(), next.reason);
        tracing::warn!(subscription, reason, "a subscription ends");
    }
    state::set(app, &after, next.state, next.reason, steps)
        .await
        .map(drop)
}

fn failure(sent: &Sent) -> &'static str {
    match sent.meaning {
        send::Meaning::Arrived => "",
        send::Meaning::Failed { why, .. } => why,
        send::Meaning::Gone => "gone",
        send::Meaning::Blocked => "blocked",
    }
}
