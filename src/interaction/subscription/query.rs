//! How subscriptions stand and what they told: `$status` and `$events` of the Subscriptions R5 Backport
//! (<https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-status.html>,
//! <https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-events.html>).

use super::notice::{Focus, Notice, NoticeKind, Told};
use super::{TYPE, focus, state, visible};
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::audit::Kind as Act;
use crate::error::{Error, Kind, Result};
use crate::fhir::resource::Key;
use crate::interaction::audit::{document, note};
use crate::interaction::operation::{Asked, invalid};
use crate::kap::Id;
use crate::store::subscription::{Content, Event, State, Subscription};

/// The parameters of `$status` of a type.
pub const STATUS: &[&str] = &["id", "status"];
/// The parameters of `$events`.
pub const EVENTS: &[&str] = &["eventsSinceNumber", "eventsUntilNumber", "content"];
/// Events of one answer.
const MOST: i64 = 1000;

/// The row of a subscription of the caller.
///
/// # Errors
/// `NotFound` where it is missing or hidden; `Forbidden` where it is another client's of the organization.
pub async fn seen(app: &App, access: &Access, id: &Id) -> Result<Subscription> {
    access.allow(Interaction::Read, TYPE)?;
    app.store
        .view(access)
        .read(&Key::new(TYPE, id.clone()))
        .await?;
    super::own(app, access, id).await
}

/// How one subscription stands: a searchset of one `Parameters`.
///
/// # Errors
/// `Forbidden` by role or scope; `NotFound`.
pub async fn status(app: &App, access: &Access, id: &Id) -> Result<String> {
    let row = seen(app, access, id).await?;
    let event = access.event(Act::Operation).target(TYPE, id.as_str(), None);
    note(access, event.detail("$status"));
    Ok(searchset(app, &[row]))
}

/// How the caller's subscriptions stand, or those of them that are named, or are of these states.
///
/// # Errors
/// `Forbidden` by role or scope; `Invalid` for a parameter that is wrong.
pub async fn statuses(app: &App, access: &Access, asked: &Asked) -> Result<String> {
    access.allow(Interaction::Search, TYPE)?;
    let client = access.caller().map(|caller| caller.client.clone());
    let client = client.unwrap_or_default();
    let words = |name: &str| -> Vec<String> {
        let values = asked.all(name).flat_map(|value| value.split(','));
        values.map(|word| word.trim().to_owned()).collect()
    };
    let (ids, states) = (words("id"), words("status"));
    if let Some(bad) = states.iter().find(|code| State::from_code(code).is_none()) {
        let text = format!("status is requested, active, error or off, not {bad:?}.");
        return Err(invalid(text));
    }
    let own = app.store.subscriptions_of(&app.tenant, &client).await?;
    let wanted = own.into_iter().filter(|s| {
        let named = ids.is_empty() || ids.iter().any(|id| id == s.id.as_str());
        let stands = states.is_empty() || states.iter().any(|code| code == s.state.code());
        named && stands
    });
    let rows: Vec<Subscription> = wanted.collect();
    let event = access.event(Act::Operation).detail("Subscription/$status");
    note(access, event);
    Ok(searchset(app, &rows))
}

fn searchset(app: &App, rows: &[Subscription]) -> String {
    let base = app.fhir_base();
    let at = app.clock.millis();
    let entries: Vec<String> = rows
        .iter()
        .map(|row| {
            let status = Notice {
                base: &base,
                of: row,
                state: row.state,
                kind: NoticeKind::QueryStatus,
                told: &[],
                at,
            }
            .status();
            let id = status["id"].as_str().unwrap_or_default();
            format!(
                r#"{{"fullUrl":"urn:uuid:{id}","resource":{status},"search":{{"mode":"match"}}}}"#
            )
        })
        .collect();
    let entry = if entries.is_empty() {
        String::new()
    } else {
        format!(r#","entry":[{}]"#, entries.join(","))
    };
    format!(
        r#"{{"resourceType":"Bundle","type":"searchset","total":{}{entry}}}"#,
        rows.len()
    )
}

/// The events of a subscription, or those between two numbers: a notification that was asked for. Who may not see a record
/// any more is told its number alone.
///
/// # Errors
/// As [`status`]; `Invalid` for a parameter that is wrong.
pub async fn events(app: &App, access: &Access, id: &Id, asked: &Asked) -> Result<String> {
    let mut row = seen(app, access, id).await?;
    let number = |name: &str, otherwise: i64| -> Result<i64> {
        let Some(text) = asked.one(name)? else {
            return Ok(otherwise);
        };
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().ok().filter(|_| plain);
        number.ok_or_else(|| invalid(format!("{name} is the number of an event.")))
    };
    let span = (
        number("eventsSinceNumber", 1)?,
        number("eventsUntilNumber", i64::MAX)?,
    );
    if let Some(content) = asked.one("content")? {
        let content = Content::from_code(content)
            .ok_or_else(|| invalid("content is empty, id-only or full-resource."))?;
        let agreed =
            row.content == Content::FullResource && state::sends_records(app, &row).await?;
        if content == Content::FullResource && !agreed {
            let text = "This subscription was made without whole records: fetch them by their ids.";
            return Err(Error::new(Kind::Forbidden, text).code("not-permitted"));
        }
        row.content = content;
    }
    if row.content == Content::FullResource && !state::sends_records(app, &row).await? {
        row.content = Content::IdOnly;
    }
    let found = app.store.events_of(&app.tenant, id, span, MOST).await?;
    let next = next(&row, span, &found);
    let told = told(app, access, &row, found).await?;
    let event = access.event(Act::Operation).target(TYPE, id.as_str(), None);
    note(access, event.detail("$events"));
    let base = app.fhir_base();
    let notice = Notice {
        base: &base,
        of: &row,
        state: row.state,
        kind: NoticeKind::QueryEvent,
        told: &told,
        at: app.clock.millis(),
    };
    Ok(notice.bundle("history", next.as_deref()))
}

/// The query by which the events after these are asked for, where there are more than are told at once.
fn next(row: &Subscription, (_, until): (i64, i64), told: &[Event]) -> Option<String> {
    let last = told.last().map(|event| event.n)?;
    let whole = i64::try_from(told.len()).is_ok_and(|n| n == MOST);
    let content = row.content.code();
    let most = until.min(row.numbered);
    (whole && last < most).then(|| {
        let from = last + 1;
        format!("eventsSinceNumber={from}&eventsUntilNumber={most}&content={content}")
    })
}

/// The events as the caller may see them now.
///
/// # Errors
/// Those of the store.
pub async fn told(
    app: &App,
    access: &Access,
    s: &Subscription,
    events: Vec<Event>,
) -> Result<Vec<Told>> {
    let wanted: Vec<_> = events.iter().map(|e| (e.key.clone(), e.version)).collect();
    let seen = visible(app, access, &wanted).await?;
    let tell = |event: Event| {
        let row = seen.get(&(event.key.clone(), event.version));
        if let Some(row) = row.filter(|_| s.content != Content::Empty) {
            document(access, row, "$events");
        }
        let focus = row.map_or(Focus::Withheld, |row| focus(s, row));
        Told { event, focus }
    };
    Ok(events.into_iter().map(tell).collect())
}

/// An event as plain JSON.
#[must_use]
pub fn plain(base: &str, of: &Subscription, told: &Told) -> serde_json::Value {
    let notice = Notice {
        base,
        of,
        state: of.state,
        kind: NoticeKind::Events,
        told: std::slice::from_ref(told),
        at: told.event.at,
    };
    let mut out = notice.plain();
    out["webhookId"] = serde_json::json!(notice.id());
    out
}
