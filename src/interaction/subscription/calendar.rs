//! What the calendar makes news of: a follow-up that is due soon or overdue, a clearance or a consent that has expired, what
//! is seen from now on because a consent begins.

use crate::access::Access;
use crate::app::App;
use crate::error::Result;
use crate::mapping::topic::{self, is_active, is_open_follow_up, is_standing_clearance};
use crate::store::calendar::{self, Come, Edge, Looked};
use crate::store::outbox::{self, Happening, Why};
use crate::store::partner::work;

const DAY: i64 = 24 * 60 * 60 * 1000;
/// A follow-up is told so long before its day ends, milliseconds.
const AHEAD: i64 = 7 * DAY;
/// Days that passed longer ago than this are no news any more.
const PAST: i64 = 30 * DAY;

/// Which days are news of which topic, and of which records they are.
struct News {
    topic: &'static str,
    why: Why,
    looked: Looked,
    is: fn(&serde_json::Value) -> bool,
}

fn news(now: i64) -> [News; 5] {
    let past = |kind, param, what, edge| Looked {
        kind,
        param,
        what,
        edge,
        after: now - PAST,
        until: now,
    };
    let soon = Looked {
        after: now,
        until: now + AHEAD,
        ..past("Task", "due", "due", Edge::End)
    };
    let due = |topic, looked, is| News {
        topic,
        why: Why::Due,
        looked,
        is,
    };
    let task = past("Task", "due", "overdue", Edge::End);
    let clearance = past("ClinicalImpression", "valid-until", "expired", Edge::End);
    let ends = past("Consent", "period", "expired", Edge::End);
    [
        due(topic::FOLLOW_UP_DUE, soon, is_open_follow_up),
        due(topic::FOLLOW_UP_DUE, task, is_open_follow_up),
        due(topic::CLEARANCE, clearance, is_standing_clearance),
        due(topic::CONSENT, ends, is_active),
        News {
            topic: "",
            why: Why::Visible,
            looked: past("Consent", "period", "begun", Edge::Begin),
            is: is_active,
        },
    ]
}

/// Puts what the calendar made news of into the outbox.
///
/// # Errors
/// Those of the store.
pub async fn pass(app: &App) -> Result<()> {
    let now = app.clock.millis();
    for news in news(now) {
        for come in app.store.come(&app.tenant, news.looked).await? {
            tell(app, &news, &come, now).await?;
        }
    }
    Ok(())
}

async fn tell(app: &App, news: &News, come: &Come, now: i64) -> Result<()> {
    let access = Access::system(app.tenant.clone(), "the calendar", now);
    let row = app.store.view(&access).lookup(&come.key).await?;
    let value = row.and_then(|row| row.value()).unwrap_or_default();
    let mut steps = vec![calendar::told(&app.tenant, come, news.looked.what)];
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
