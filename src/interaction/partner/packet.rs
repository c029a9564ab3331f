//! What of an episode is sent to a partner.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::flows;
use crate::access::{Access, Labels};
use crate::app::App;
use crate::audit::event::Kind as Act;
use crate::error::Result;
use crate::fhir::resource::{Key, Stored};
use crate::kap::Id;
use crate::mapping::exchange::{self, digest, flow, is_added_to, is_shared, rank};
use crate::store::partner::Partner;

/// A record that is sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub row: Stored,
    pub text: Arc<str>,
    pub value: Value,
    /// Digest of what it says.
    pub digest: String,
    /// Whether the partner wrote it: of such, what this side has to say of it is sent.
    pub theirs: bool,
}

impl Outgoing {
    /// Its name here.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.row.key
    }
}

/// What of an episode is sent.
#[derive(Debug)]
pub struct Packet {
    /// The version of the episode that it was read at.
    pub version: i64,
    /// In the order in which they are sent.
    pub records: Vec<Outgoing>,
    /// What else the partner sees of it: records that those name.
    pub around: HashMap<Key, Outgoing>,
}

/// Types that come along where a record that is sent names them.
const ALONG: &[&str] = &[
    "Encounter",
    "Medication",
    "Practitioner",
    "PractitionerRole",
];

/// What of the episode is sent to the partner now; `None` where it sees nothing of it.
///
/// # Errors
/// Those of the store.
pub async fn packet(
    app: &App,
    access: &Access,
    partner: &Partner,
    episode: &Id,
) -> Result<Option<Packet>> {
    let Some(record) = app.store.view(access).episode(episode).await? else {
        return Ok(None);
    };
    let wanted = flows(&partner.sends);
    let organization = access.caller().map(|c| c.organization.clone());
    let mut records = Ranked::new();
    let mut rest: HashMap<Key, Outgoing> = HashMap::new();
    for row in record.resources {
        let Some(one) = outgoing(row, organization.as_ref()) else {
            continue;
        };
        let (key, theirs) = (one.key().clone(), one.theirs);
        // Records of Part 2 programmes are fetched, with their notice.
        let open = !Labels::from_bits(one.row.labels).meets(Labels::PART2);
        let asked = flow(&key.kind, &one.value).is_some_and(|of| wanted.contains(&of));
        let moves = is_shared(&key.kind) && wanted.iter().any(|f| exchange::moves(*f));
        let added = theirs && is_added_to(&key.kind) && one.row.version > 1;
        let told = (asked && !theirs) || (moves && flow(&key.kind, &one.value).is_some()) || added;
        if open && told {
            records.insert((rank(&key.kind), key), one);
        } else {
            rest.insert(key, one);
        }
    }
    without_sessions_ahead(app, &mut records);
    with_what_they_name(app, &mut records, &mut rest);
    let directory = records.values().flat_map(|one| named(app, one));
    let directory = directory.filter(|key| &*key.kind == "Organization" && !rest.contains_key(key));
    let directory: BTreeSet<Key> = directory.collect();
    let directory: Vec<Key> = directory.into_iter().collect();
    for row in app.store.view(access).find(&directory).await? {
        if let Some(one) = outgoing(row, organization.as_ref()) {
            rest.insert(one.key().clone(), one);
        }
    }
    Ok(Some(Packet {
        version: record.version,
        records: records.into_values().collect(),
        around: rest,
    }))
}

/// Records by the order in which they are sent.
type Ranked = BTreeMap<(usize, Key), Outgoing>;

/// Results are told of a session, not its steps: what is ahead or under way is the practice's to manage. Where a finding or an
/// adverse event tells of it, all that was recorded so far goes along: by that alone can it be judged.
fn without_sessions_ahead(app: &App, records: &mut Ranked) {
    let base = app.fhir_base();
    let session = |one: &Outgoing| exchange::within(&one.value, &base);
    let told: BTreeSet<Key> = records
        .values()
        .filter(|one| exchange::is_told_at_once(&one.key().kind))
        .flat_map(|one| named(app, one))
        .collect();
    let told: BTreeSet<Key> = records
        .values()
        .filter(|one| told.contains(one.key()))
        .map(|one| session(one).unwrap_or_else(|| one.key().clone()))
        .collect();
    let ahead: BTreeSet<Key> = records
        .values()
        .filter(|one| exchange::is_ahead(&one.key().kind, &one.value) && !told.contains(one.key()))
        .map(|one| one.key().clone())
        .collect();
    let waits = |one: &Outgoing| {
        ahead.contains(one.key()) || session(one).is_some_and(|session| ahead.contains(&session))
    };
    records.retain(|_, one| !waits(one));
}

/// Takes along who and what the records name and a reader needs.
fn with_what_they_name(app: &App, records: &mut Ranked, rest: &mut HashMap<Key, Outgoing>) {
    loop {
        let named = records.values().flat_map(|one| named(app, one));
        let along = |key: &Key| {
            let one = rest.get(key);
            let open = one.is_some_and(|one| {
                let part2 = Labels::from_bits(one.row.labels).meets(Labels::PART2);
                !one.theirs && !part2
            });
            open && ALONG.contains(&&*key.kind)
        };
        let more: Vec<Key> = named.filter(along).collect();
        if more.is_empty() {
            break;
        }
        for key in more {
            if let Some(one) = rest.remove(&key) {
                records.insert((rank(&key.kind), key), one);
            }
        }
    }
}

fn outgoing(row: Stored, organization: Option<&Id>) -> Option<Outgoing> {
    let (text, value) = (row.body.clone()?, row.value()?);
    Some(Outgoing {
        digest: digest(&value),
        theirs: organization == Some(&row.author),
        text,
        row,
        value,
    })
}

/// What a record names.
#[must_use]
pub fn named(app: &App, one: &Outgoing) -> Vec<Key> {
    exchange::named(&one.value, &app.fhir_base())
}

/// Notes in the audit what is about to leave: no sooner than its trace is kept.
///
/// # Errors
/// Those of the store.
pub async fn noted<'a>(
    app: &App,
    access: &Access,
    partner: &Partner,
    records: impl Iterator<Item = &'a Outgoing>,
) -> Result<()> {
    let event = |one: &Outgoing| {
        let key = one.key();
        let event = access.event(Act::Notify);
        let event = event.target(&key.kind, key.id.as_str(), Some(one.row.version));
        let event = event.detail(format!("partner {}", partner.id));
        event.patient(one.row.patient.as_ref().map(Id::as_str))
    };
    let events: Vec<_> = records.map(event).collect();
    if events.is_empty() {
        return Ok(());
    }
    crate::interaction::audit::append(app, events).await
}
