//! Which events a subscriber may be told of now, and how much of each.

use std::collections::HashMap;

use super::listener::may_read;
use super::notice::Focus;
use crate::access::{Access, Labels};
use crate::app::App;
use crate::error::{Kind, Result};
use crate::fhir::resource::{Key, Stored};
use crate::mapping::topic;
use crate::store::subscription::{Content, Subscription};

/// How much of a record is told.
#[must_use]
pub fn focus(s: &Subscription, row: &Stored) -> Focus {
    // An alert holds no record, whatever was asked for before that was so.
    let alert = topic::named(&s.topic).is_some_and(|topic| topic.alert);
    match (s.content, &row.body) {
        (Content::FullResource, _) if alert => Focus::Named,
        (Content::Empty, _) => Focus::Withheld,
        // Records of Part 2 programmes are fetched, with their notice.
        (Content::FullResource, Some(body))
            if !Labels::from_bits(row.labels).meets(Labels::PART2) =>
        {
            Focus::Whole(body.clone())
        }
        _ => Focus::Named,
    }
}

/// The versions among `wanted` that `access` sees, as it sees them. A version is seen where its record is seen now too:
/// what was hidden since stays hidden.
///
/// # Errors
/// Those of the store.
pub async fn visible(
    app: &App,
    access: &Access,
    wanted: &[(Key, i64)],
) -> Result<HashMap<(Key, i64), Stored>> {
    let view = app.store.view(access);
    let readable = wanted.iter().filter(|(key, _)| may_read(access, &key.kind));
    let readable: Vec<&(Key, i64)> = readable.collect();
    let mut keys: Vec<Key> = readable.iter().map(|(key, _)| key.clone()).collect();
    keys.sort();
    keys.dedup();
    let mut out = HashMap::with_capacity(readable.len());
    for row in view.find(&keys).await? {
        out.insert((row.key.clone(), row.version), row);
    }
    let (mut seen, now) = (HashMap::with_capacity(readable.len()), out);
    for (key, version) in readable {
        let place = (key.clone(), *version);
        if let Some(row) = now.get(&place) {
            seen.insert(place, row.clone());
            continue;
        }
        match view.vread(key, *version).await {
            Ok(row) => {
                seen.insert(place, row);
            }
            Err(error) if matches!(error.kind, Kind::NotFound | Kind::Gone) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(seen)
}
