//! The events that a subscriber is told next, each under what it may see at this moment.

use crate::access::Access;
use crate::app::App;
use crate::audit::event::{Event as Act, Kind, Outcome};
use crate::error::Result;
use crate::interaction::subscription::notice::{Focus, Told};
use crate::interaction::subscription::{focus, visible};
use crate::kap::Id;
use crate::store::subscription::{Content, State, Subscription};

/// What is told, and what the audit notes of it.
pub(super) struct ToTell {
    pub(super) all: Vec<Told>,
    pub(super) events: Vec<Act>,
    /// The numbers of those that are told by their number alone.
    pub(super) withheld: Vec<i64>,
}

/// The events to tell next, each under what the subscriber may see now.
pub(super) async fn told(app: &App, s: &Subscription, access: &Access) -> Result<ToTell> {
    let mut out = ToTell {
        all: vec![],
        events: vec![],
        withheld: vec![],
    };
    if s.state != State::Active {
        return Ok(out);
    }
    let span = (s.acked + 1, s.tried);
    let events = app
        .store
        .events_of(&app.tenant, &s.id, span, s.most)
        .await?;
    let wanted: Vec<_> = events.iter().map(|e| (e.key.clone(), e.version)).collect();
    let seen = visible(app, access, &wanted).await?;
    for event in events {
        let row = seen.get(&(event.key.clone(), event.version));
        let kind = if row.is_some() {
            Kind::Notify
        } else {
            Kind::Withhold
        };
        let mut act = access
            .event(kind)
            .target(&event.key.kind, event.key.id.as_str(), Some(event.version))
            .detail(format!("subscription {} event {}", s.id, event.n));
        // No token asked for it.
        act.who.token = None;
        act = match row {
            Some(row) => act.patient(row.patient.as_ref().map(Id::as_str)),
            None => act.failed(Outcome::Serious, "not-visible"),
        };
        if row.is_none() || s.content != Content::Empty {
            out.events.push(act);
        }
        if row.is_none() {
            out.withheld.push(event.n);
        }
        let focus = row.map_or(Focus::Withheld, |row| focus(s, row));
        out.all.push(Told { event, focus });
    }
    Ok(out)
}
