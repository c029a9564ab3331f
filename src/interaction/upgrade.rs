//! Bringing the rows of an older schema up to date, at start: until then nobody but their owner sees them. It may be
//! broken off at any moment and goes on where it was.

use super::label::{About, Ages};
use super::practice::{grants, party};
use super::reading::{Loaded, load_whole};
use crate::access::{Access, Classes, Labels};
use crate::app::App;
use crate::error::Result;
use crate::fhir::index;
use crate::store;
use crate::store::classify::{Unclassified, classify};

/// Labels and classifies every row that is not, and compiles every consent that is not. Gives how many there were.
///
/// # Errors
/// Where the store fails.
pub async fn run(app: &App) -> Result<usize> {
    Ok(classified(app).await? + granted(app).await?)
}

async fn granted(app: &App) -> Result<usize> {
    let access = Access::system(app.tenant.clone(), "upgrade", app.clock.millis());
    let mut done = 0;
    let mut last = String::new();
    loop {
        let found = app.store.ungranted(&app.tenant, &last).await?;
        let Some(end) = found.last() else {
            return Ok(done);
        };
        last = end.to_string();
        for id in &found {
            loop {
                let loaded = match load_whole(app, &access, id).await {
                    Ok(loaded) => loaded,
                    // Nobody but its owner sees such an episode: no consent of it goes unheeded.
                    Err(error) => {
                        tracing::error!(episode = id.as_str(), %error, "its consents cannot be read");
                        break;
                    }
                };
                if grant(app, &loaded).await? {
                    done += 1;
                    break;
                }
            }
        }
    }
}

/// Whether the rows of the episode were written; a change that came in between has to write them anew.
async fn grant(app: &App, loaded: &Loaded) -> Result<bool> {
    let episode = &loaded.episode;
    let id = &episode.episode_id;
    let mut steps = vec![store::consent::granted(&app.tenant, id, loaded.version)];
    steps.extend(party::steps(&app.tenant, episode));
    steps.extend(grants::steps(&app.tenant, episode));
    Ok(app.store.write("grant", steps).await?.is_ok())
}

async fn classified(app: &App) -> Result<usize> {
    let mut done = 0;
    loop {
        let found = app.store.unclassified(&app.tenant).await?;
        if found.is_empty() {
            return Ok(done);
        }
        let mut steps = Vec::with_capacity(found.len());
        for row in &found {
            let (labels, class) = judge(app, row).await?;
            steps.push(classify(&app.tenant, row, labels, class));
        }
        // No step has a guard, so there is no conflict.
        app.store.write("classify", steps).await?.ok();
        done += found.len();
    }
}

async fn judge(app: &App, found: &Unclassified) -> Result<(Labels, Classes)> {
    let row = &found.row;
    let unknown = Labels::R.or(Labels::UNKNOWN);
    let Some(resource) = row.resource() else {
        return Ok((unknown, Classes::OTHER));
    };
    let access = Access::system(app.tenant.clone(), "upgrade", app.clock.millis());
    let (patient, _) = index::compartment(&row.key.kind, &resource.value);
    let ages = match patient {
        Some(patient) => {
            let about = About::look_up(app, &access, &patient, &row.owner, None).await?;
            Ages::from(about.at(row.at))
        }
        None => Ages::default(),
    };
    // A note is none of ours, whatever it says: it stays closed.
    let (labels, class) = ages.judged(&resource).unwrap_or((unknown, Classes::OTHER));
    // The targets of a provenance of then are not of one class: it stays with the practice.
    if &*row.key.kind == "Provenance" {
        return Ok((labels, Classes::OTHER));
    }
    Ok((labels, class))
}
