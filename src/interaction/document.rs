//! `Composition/{id}/$document`: <https://hl7.org/fhir/R4/composition-operation-document.html>.

use std::collections::HashSet;

use super::audit;
use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Error, Result};
use crate::fhir::reference::{local, references};
use crate::fhir::resource::Key;
use crate::kap::base::Instant;
use crate::mapping::summary;

/// The document bundle of a composition, made of what the caller may see and of nothing else.
///
/// # Errors
/// `Forbidden` by role or scope; `NotFound` where the composition is missing or hidden.
pub async fn document(app: &App, access: &Access, key: &Key) -> Result<String> {
    access.allow(Interaction::Read, &key.kind)?;
    let view = app.store.view(access);
    let composition = view.read(key).await?;
    let value = composition.value().ok_or_else(Error::not_found)?;
    audit::document(access, &composition, "$document");
    let base = app.fhir_base();
    let mut wanted: Vec<Key> = references(&key.kind, &value)
        .iter()
        .filter_map(|f| local(&f.text))
        .collect();
    let mut seen: HashSet<Key> = HashSet::from([key.clone()]);
    let mut resources = Vec::new();
    // What the reader sees of the whole episode: the sections are written from it.
    if let Some(episode) = &composition.episode {
        for row in view
            .episode(episode)
            .await?
            .into_iter()
            .flat_map(|e| e.resources)
        {
            if access.allow(Interaction::Read, &row.key.kind).is_ok()
                && seen.insert(row.key.clone())
            {
                resources.extend(
                    row.value()
                        .zip(row.body.clone())
                        .map(|(value, body)| (row.key, value, body)),
                );
            }
        }
    }
    // What the composition names, and from there on the people and organizations behind it.
    while !wanted.is_empty() {
        let mut next = Vec::new();
        for key in wanted.drain(..) {
            if !seen.insert(key.clone()) || access.allow(Interaction::Read, &key.kind).is_err() {
                continue;
            }
            let Some(row) = view.lookup(&key).await? else {
                continue;
            };
            let (Some(value), Some(body)) = (row.value(), row.body.clone()) else {
                continue;
            };
            let people = references(&key.kind, &value);
            next.extend(
                people
                    .iter()
                    .filter_map(|f| local(&f.text))
                    .filter(|k| is_directory(&k.kind)),
            );
            resources.push((key, value, body));
        }
        wanted = next;
    }
    let now = Instant(app.clock.now());
    let identifier = format!("urn:uuid:{}", app.clock.uuid());
    summary::document(&value, &resources, &base, now, &identifier)
}

fn is_directory(kind: &str) -> bool {
    matches!(
        kind,
        "Practitioner" | "PractitionerRole" | "Organization" | "Medication" | "Endpoint"
    )
}
