//! The sequencer: gives what waits in the outbox the next number of each subscription that it matches.
//!
//! Any number of replicas may do it at once and none leads. What one of them takes, it takes in one transaction: the counter
//! of each subscription, guarded by what it was; the events; the rows of the outbox, each guarded by being there. Who loses
//! the race begins anew.

use std::collections::HashMap;
use std::sync::Arc;

use super::revealed::revealed;
use super::{listener, visible};
use crate::access::Access;
use crate::app::App;
use crate::error::{Error, Kind, Result};
use crate::fhir::index::{self, IndexEntry};
use crate::fhir::resource::{Key, Stored};
use crate::fhir::search::{Handling, SearchQuery, pairs};
use crate::interaction::criteria;
use crate::store::outbox::{self, Happening, Waiting, Why};
use crate::store::subscription::{Event, State, Subscription, number};

/// Rows of the outbox that are taken at once.
const BATCH: i64 = 100;
/// Events that are given numbers at once: a transaction is not endless.
const EVENTS: usize = 5_000;

/// A filter as a search of this client: `Type?criteria`.
///
/// # Errors
/// Those of a search with these criteria.
pub fn filter(app: &App, access: &Access, text: &str) -> Result<SearchQuery> {
    let invalid = || Error::new(Kind::Invalid, "A filter is written Type?parameter=value.");
    let (kind, query) = text.split_once('?').ok_or_else(invalid)?;
    let (query, _) = criteria::parse(access, kind, &pairs(query)?, Handling::Strict)?;
    Ok(query.relative_to(&app.fhir_base()))
}

/// A subscription with what its subscriber may see now.
pub(super) struct Listening<'a> {
    pub(super) of: &'a Subscription,
    pub(super) access: Arc<Access>,
    filters: Vec<SearchQuery>,
}

impl Listening<'_> {
    /// The same for subscriptions of one client under the same scopes.
    fn who(&self) -> usize {
        Arc::as_ptr(&self.access).addr()
    }

    /// Whether a record with these values is one that is asked for: each filter of its type holds, and where there are
    /// filters, one is of its type.
    pub(super) fn asks_for(&self, kind: &str, entries: &[IndexEntry]) -> bool {
        let mut own = self.filters.iter().filter(|f| f.kind == kind).peekable();
        let named = own.peek().is_some() || self.filters.is_empty();
        named && own.all(|f| f.matches(entries))
    }
}

/// One who may see something, by what decides it.
type Principal = (Arc<str>, Arc<str>, Arc<str>);

/// Gives numbers to some of what waits; how many rows of the outbox were taken, or whose turn it was not.
///
/// # Errors
/// Those of the store.
pub async fn pass(app: &App) -> Result<usize> {
    // First what waits, then who listens: whoever listened when a row was written is seen.
    let waiting = app.store.waiting(&app.tenant, BATCH).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let all = app.store.subscriptions(&app.tenant).await?;
    let listening = listening(app, &all).await?;
    let records = Records::read(app, &waiting).await?;
    let mut taken = vec![];
    let mut numbered: HashMap<usize, Vec<Event>> = HashMap::new();
    let seen = seen(app, &listening, &waiting, &records).await?;
    for one in &waiting {
        if numbered.values().map(Vec::len).sum::<usize>() > EVENTS {
            break;
        }
        for (at, listener) in listening.iter().enumerate() {
            let happened = match one.what.why {
                Why::Visible => {
                    let mut fresh = revealed(app, listener, &one.what).await?;
                    let own = numbered.get(&at);
                    let here = |what: &Happening| {
                        let same = |key: &Key, version| *key == what.key && version == what.version;
                        let told =
                            own.is_some_and(|all| all.iter().any(|e| same(&e.key, e.version)));
                        let waits = |w: &&Waiting| {
                            w.what.why != Why::Visible && *w.what.topic == *what.topic
                        };
                        let mut waits = waiting.iter().filter(waits);
                        told || waits.any(|w| same(&w.what.key, w.what.version))
                    };
                    // What is told as a change in this very pass is not told twice.
                    fresh.retain(|what| !here(what));
                    fresh
                }
                Why::Changed | Why::Due | Why::Escalated => {
                    let told =
                        records.matches(listener, &one.what) && seen.contains(&(at, one.seq));
                    told.then(|| one.what.clone()).into_iter().collect()
                }
            };
            let own = numbered.entry(at).or_default();
            for what in happened {
                let last = own.last().map_or(listener.of.numbered, |e| e.n);
                own.push(Event::of(last + 1, &what));
            }
        }
        taken.push(one);
    }
    let now = app.clock.millis();
    let mut steps = vec![];
    // Subscriptions are in the order of their ids: all sequencers take their rows in one order.
    for (at, listener) in listening.iter().enumerate() {
        let own = numbered.remove(&at).unwrap_or_default();
        steps.extend(number(&app.tenant, listener.of, &own, now));
    }
    steps.extend(taken.iter().map(|one| outbox::taken(&app.tenant, one)));
    match app.store.write("number events", steps).await? {
        Ok(()) => app.sends.wake_courier(),
        Err(conflict) => app.metrics.conflict(conflict.guard),
    }
    Ok(taken.len())
}

/// Those who are to be told something: in error too, for what happens meanwhile is told when they are well again.
async fn listening<'a>(app: &App, all: &'a [Subscription]) -> Result<Vec<Listening<'a>>> {
    let mut known: HashMap<Principal, Option<Arc<Access>>> = HashMap::new();
    let mut out = vec![];
    for s in all {
        // What happens before a first handshake is nobody's; what happens before another one is told after it.
        let counts = match s.state {
            State::Active | State::Error => true,
            State::Requested => s.begun,
            State::Off => false,
        };
        if !counts {
            continue;
        }
        let who = (s.client.clone(), s.scopes.clone(), s.purpose.clone());
        let access = if let Some(access) = known.get(&who) {
            access.clone()
        } else {
            let access = match listener::access(app, s).await {
                Ok(access) => access.map(Arc::new),
                // One that cannot be read keeps no other from its events.
                Err(error) if error.kind == Kind::Internal => {
                    let cause = error.cause.as_ref().map(ToString::to_string);
                    tracing::error!(
                        subscription = s.id.as_str(),
                        cause,
                        "a subscription cannot be read"
                    );
                    None
                }
                Err(error) => return Err(error),
            };
            known.insert(who, access.clone());
            access
        };
        let Some(access) = access else { continue };
        let texts = s.filters.lines();
        let filters: Result<Vec<_>> = texts.map(|text| filter(app, &access, text)).collect();
        // What the client may not search by any more tells it nothing.
        let Ok(filters) = filters else {
            tracing::warn!(
                subscription = s.id.as_str(),
                "a filter cannot be read any more"
            );
            continue;
        };
        out.push(Listening {
            of: s,
            access,
            filters,
        });
    }
    Ok(out)
}

/// The versions that are spoken of, with what they are found by.
struct Records(HashMap<(Key, i64), Vec<IndexEntry>>);

impl Records {
    async fn read(app: &App, waiting: &[Waiting]) -> Result<Self> {
        let reason = "numbers for events";
        let access = Access::system(app.tenant.clone(), reason, app.clock.millis());
        let changed = waiting.iter().filter(|one| one.what.why != Why::Visible);
        let wanted: Vec<(Key, i64)> = changed
            .map(|one| (one.what.key.clone(), one.what.version))
            .collect();
        let rows = visible(app, &access, &wanted).await?;
        let found = |(place, row): ((Key, i64), Stored)| {
            let value = row.value().unwrap_or_default();
            let entries = index::extract(&place.0.kind, &value);
            (place, entries)
        };
        Ok(Self(rows.into_iter().map(found).collect()))
    }

    /// Whether this subscriber asks for what happened; nothing is told of a version that was taken out since.
    fn matches(&self, listener: &Listening<'_>, what: &Happening) -> bool {
        let entries = self.0.get(&(what.key.clone(), what.version));
        *listener.of.topic == *what.topic
            && entries.is_some_and(|entries| listener.asks_for(&what.key.kind, entries))
    }
}

/// Which of the rows each listener may see: pairs of its place and the row's number.
async fn seen(
    app: &App,
    listening: &[Listening<'_>],
    waiting: &[Waiting],
    records: &Records,
) -> Result<std::collections::HashSet<(usize, i64)>> {
    // Subscriptions of one client see the same: it is asked for once.
    let mut asked: HashMap<usize, Vec<(Key, i64)>> = HashMap::new();
    let mut pairs = vec![];
    for (at, listener) in listening.iter().enumerate() {
        for one in waiting {
            if one.what.why != Why::Visible && records.matches(listener, &one.what) {
                let place = (one.what.key.clone(), one.what.version);
                asked.entry(listener.who()).or_default().push(place.clone());
                pairs.push((at, one.seq, place));
            }
        }
    }
    let mut may: HashMap<usize, HashMap<(Key, i64), Stored>> = HashMap::new();
    for listener in listening {
        let who = listener.who();
        if let Some(wanted) = asked.remove(&who) {
            may.insert(who, visible(app, &listener.access, &wanted).await?);
        }
    }
    let sees = |at: usize, place: &(Key, i64)| {
        let row = may
            .get(&listening[at].who())
            .and_then(|rows| rows.get(place));
        row.is_some_and(|row| {
            // What is cut out of its view cannot be asked by a filter either.
            let cut = row
                .redacted
                .is_some()
                .then(|| row.value().unwrap_or_default());
            let kind = &place.0.kind;
            cut.is_none_or(|value| listening[at].asks_for(kind, &index::extract(kind, &value)))
        })
    };
    let pairs = pairs.into_iter().filter(|(at, _, place)| sees(*at, place));
    Ok(pairs.map(|(at, seq, _)| (at, seq)).collect())
}
