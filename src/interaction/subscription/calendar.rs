//! What the calendar makes news of: a follow-up that is due soon or overdue, a clearance or a consent that has expired, what
//! is seen from now on because a consent begins.

use crate::access::Access;
use crate::app::App;
use crate::error::Result;
use crate::mapping::topic::{self, is_active, is_open_follow_up, is_standing_clearance};
use crate::store::calendar::{self, Come, Looked};
use crate::store::outbox::{self, Happening, Why};
use crate::store::partner::work;

const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;
/// A follow-up is told so long before its day ends, milliseconds.
const AHEAD: i64 = 7 * DAY;
/// Days that passed longer ago than this are no news any more.
const PAST: i64 = 30 * DAY;
/// A day ends so much later in the last time zone than in UTC: what is over is over for whoever stated the day.
const OVER: i64 = 12 * HOUR;

/// Which days are news of which topic, and of which records they are.
struct News {
    topic: &'static str,
    why: Why,
    /// What is told of a record, so that it is told once.
    what: &'static str,
    is: fn(&serde_json::Value) -> bool,
}

/// A consent opened what was closed: its time came.
const OPENED: News = News {
    topic: "",
    why: Why::Visible,
    what: "opened",
    is: is_active,
};

fn news(now: i64) -> [(News, Looked); 4] {
    let due = |topic, what, is| News {
        topic,
        why: Why::Due,
        what,
        is,
    };
    let of = |kind, param, what, after, until| Looked {
        kind,
        param,
        what,
        after,
        until,
    };
    let over = |kind, param, what| of(kind, param, what, now - PAST, now - OVER);
    [
        (
            due(topic::FOLLOW_UP_DUE, "due", is_open_follow_up),
            of("Task", "due", "due", now, now + AHEAD),
        ),
        (
            due(topic::FOLLOW_UP_DUE, "overdue", is_open_follow_up),
            over("Task", "due", "overdue"),
        ),
        (
            due(topic::CLEARANCE, "expired", is_standing_clearance),
            over("ClinicalImpression", "valid-until", "expired"),
        ),
        (
            due(topic::CONSENT, "expired", is_active),
            over("Consent", "period", "expired"),
        ),
    ]
}

/// Puts what the calendar made news of into the outbox.
///
/// # Errors
/// Those of the store.
pub async fn pass(app: &App) -> Result<()> {
    let now = app.clock.millis();
    for (news, looked) in news(now) {
        for come in app.store.come(&app.tenant, looked).await? {
            tell(app, &news, &come, now).await?;
        }
    }
    let span = (now - PAST, now);
    for come in app.store.opened(&app.tenant, OPENED.what, span).await? {
        tell(app, &OPENED, &come, now).await?;
    }
    Ok(())
}

async fn tell(app: &App, news: &News, come: &Come, now: i64) -> Result<()> {
    let access = Access::system(app.tenant.clone(), "the calendar", now);
    let row = app.store.view(&access).lookup(&come.key).await?;
    let value = row.and_then(|row| row.value()).unwrap_or_default();
    let mut steps = vec![calendar::told(&app.tenant, come, news.what)];
    if (news.is)(&value) {
        let told = Happening {
            topic: news.topic.into(),
            key: come.key.clone(),
            version: come.version,
            why: news.why,
            at: now,
        };
        steps.push(outbox::put(&app.tenant, &told));
        if news.why == Why::Visible {
            steps.push(work::anew(&app.tenant, &come.key));
        }
    }
    // Where another replica was first, it told the same.
    if app.store.write("tell day", steps).await?.is_ok() {
        app.sends.wake_sequencer();
    }
    Ok(())
}
