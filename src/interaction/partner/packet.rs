//! What of an episode is sent to a partner.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::flows;
use crate::access::{Access, Labels};
use crate::app::App;
use crate::audit::event::Kind as Act;
use crate::error::Result;
use crate::fhir::resource::{Key, Stored};
use crate::kap::Id;
use crate::mapping::exchange::{self, digest, flow, is_shared, rank};
use crate::store::partner::Partner;

/// A record that is sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub row: Stored,
    pub text: Arc<str>,
    pub value: Value,
    /// Digest of what it says.
    pub digest: String,
    /// Whether the partner wrote it: of such, only where its workflow stands is sent.
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
    pub around: HashMap<Key, Value>,
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
    let mut records: BTreeMap<(usize, Key), Outgoing> = BTreeMap::new();
    let mut rest: HashMap<Key, Outgoing> = HashMap::new();
    for row in record.resources {
        let (Some(text), Some(value)) = (row.body.clone(), row.value()) else {
            continue;
        };
        let key = row.key.clone();
        let theirs = organization.as_ref() == Some(&row.author);
        let one = Outgoing {
            digest: digest(&value),
            theirs,
            text,
            row,
            value,
        };
        // Records of Part 2 programmes are fetched, with their notice.
        let open = !Labels::from_bits(one.row.labels).meets(Labels::PART2);
        let asked = flow(&key.kind, &one.value).is_some_and(|of| wanted.contains(&of));
        let moves = is_shared(&key.kind) && wanted.iter().any(|f| exchange::moves(*f));
        if open && ((asked && !theirs) || (moves && flow(&key.kind, &one.value).is_some())) {
            records.insert((rank(&key.kind), key), one);
        } else {
            rest.insert(key, one);
        }
    }
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
    Ok(Some(Packet {
        version: record.version,
        records: records.into_values().collect(),
        around: rest
            .into_iter()
            .map(|(key, one)| (key, one.value))
            .collect(),
    }))
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
