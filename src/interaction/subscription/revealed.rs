//! What a new consent lets a subscriber see: records that were there before are told then, though nothing of them changed
//! (security reference §2.4 row 18).

use super::listener::may_read;
use super::sequence::Listening;
use crate::access::{Access, policy};
use crate::app::App;
use crate::error::Result;
use crate::fhir::index;
use crate::fhir::resource::Key;
use crate::mapping::topic::{self, Change};
use crate::store::outbox::{Happening, Why};

/// The records of the patient that the subscriber may see now, are of its topic, and were never told to it as they are.
/// `what` is the change of the consent.
///
/// # Errors
/// Those of the store.
pub async fn revealed(
    app: &App,
    listener: &Listening<'_>,
    what: &Happening,
) -> Result<Vec<Happening>> {
    let s = listener.of;
    let Some(topic) = topic::named(&s.topic) else {
        return Ok(vec![]);
    };
    let reason = "whose consent was changed";
    let all = Access::system(app.tenant.clone(), reason, app.clock.millis());
    let consent = app.store.view(&all).lookup(&what.key).await?;
    let Some((patient, owner)) = consent.and_then(|row| Some((row.patient?, row.owner))) else {
        return Ok(vec![]);
    };
    // Its own records were never hidden from it, unless it needs the patient's word for those too.
    let owns = listener
        .access
        .caller()
        .is_some_and(|c| policy::owns(c.role));
    if owns && *owner.as_str() == *s.owner {
        return Ok(vec![]);
    }
    let view = app.store.view(&listener.access);
    let mut out = vec![];
    for (kind, _) in topic.of {
        if !may_read(&listener.access, kind) {
            continue;
        }
        let rows = view.of_patient(kind, &patient).await?;
        let keys: Vec<Key> = rows.iter().map(|row| row.key.clone()).collect();
        let told = app.store.told(&app.tenant, &s.id, (kind, &keys)).await?;
        for row in rows {
            let value = row.value().unwrap_or_default();
            let change = Change {
                kind,
                before: None,
                after: &value,
            };
            let of_topic = topic::told(change).any(|own| own.code == topic.code);
            let entries = index::extract(kind, &value);
            let fresh = !told.contains(&(row.key.clone(), row.version));
            if of_topic && fresh && listener.asks_for(kind, &entries) {
                out.push(Happening {
                    topic: s.topic.clone(),
                    key: row.key.clone(),
                    version: row.version,
                    why: Why::Visible,
                    at: what.at,
                });
            }
        }
    }
    Ok(out)
}
