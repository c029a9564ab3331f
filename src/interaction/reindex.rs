//! Indexing records anew after an upgrade, while the service runs: it may be broken off at any moment, goes on where it
//! was, and every replica may do it at once. Until it is through, a search by what is not yet indexed for every record
//! is answered by 503.

use crate::app::App;
use crate::error::Result;
use crate::fhir::index;
use crate::fhir::resource::{Key, Stored};
use crate::store::reindex::anew;

/// Looks up what is indexed: to be called before the service answers.
///
/// # Errors
/// Where the store fails.
pub async fn prepare(app: &App) -> Result<()> {
    app.store.look_up_index(&app.tenant).await.map(drop)
}

/// Indexes every record that is not indexed by the present version. Gives how many there were.
///
/// # Errors
/// Where the store fails; what is done stays done.
pub async fn run(app: &App) -> Result<usize> {
    let (mut done, mut last) = (0, None);
    while let Some(count) = some(app, &mut last).await? {
        done += count;
    }
    app.store.index_is_whole(&app.tenant).await?;
    Ok(done)
}

/// Indexes some of them, those after `last`; `None` where there are none left.
///
/// # Errors
/// As [`run`].
pub async fn some(app: &App, last: &mut Option<Key>) -> Result<Option<usize>> {
    let found = app.store.stale(&app.tenant, last.as_ref()).await?;
    let Some(end) = found.last() else {
        return Ok(None);
    };
    *last = Some(end.key.clone());
    let steps = found.iter().flat_map(|row| steps_of(app, row)).collect();
    if app.store.write("reindex", steps).await?.is_err() {
        // One of them was changed meanwhile, which indexed it: the others are done one by one.
        for row in &found {
            app.store.write("reindex", steps_of(app, row)).await?.ok();
        }
    }
    Ok(Some(found.len()))
}

fn steps_of(app: &App, row: &Stored) -> Vec<crate::store::sql::Step> {
    let value = row.value();
    let entries = value.map(|value| index::extract(&row.key.kind, &value));
    anew(&app.tenant, row, &entries.unwrap_or_default())
}
