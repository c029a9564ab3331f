//! What the calendar makes news of: a follow-up that is due soon or overdue, a clearance that has expired.

use crate::access::Access;
use crate::app::App;
use crate::error::Result;
use crate::mapping::topic::{self, is_open_follow_up, is_standing_clearance};
use crate::store::calendar::{self, Come, Looked};
use crate::store::outbox::{self, Happening, Why};

const DAY: i64 = 24 * 60 * 60 * 1000;
/// A follow-up is told so long before its day ends, milliseconds.
const AHEAD: i64 = 7 * DAY;
/// Days that passed longer ago than this are no news any more.
const PAST: i64 = 30 * DAY;

/// Which days are news of which topic, and of which records they are.
struct News {
    topic: &'static str,
    looked: Looked,
    is: fn(&serde_json::Value) -> bool,
}

fn news(now: i64) -> [News; 3] {
    let of_task = |what, after, until| Looked {
        kind: "Task",
        param: "due",
        what,
        after,
        until,
    };
    let expired = Looked {
        kind: "ClinicalImpression",
        param: "valid-until",
        what: "expired",
        after: now - PAST,
        until: now,
    };
    let follow_up = |looked| News {
        topic: topic::FOLLOW_UP_DUE,
        looked,
        is: is_open_follow_up,
    };
    [
        follow_up(of_task("due", now, now + AHEAD)),
        follow_up(of_task("overdue", now - PAST, now)),
        News {
            topic: topic::CLEARANCE,
            looked: expired,
            is: is_standing_clearance,
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
            why: Why::Due,
            at: now,
        };
        steps.push(outbox::put(&app.tenant, &told));
    }
    // Where another replica was first, it told the same.
    if app.store.write("tell day", steps).await?.is_ok() {
        app.sends.wake_sequencer();
    }
    Ok(())
}
