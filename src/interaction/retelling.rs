//! Documents for readers who do not see all that they speak of: written again from what the reader sees.
//!
//! The store leaves out of such a Composition everything that could tell more (`access::redact`); here it is filled in
//! again. What cannot be written again stays empty.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use crate::access::{Access, Interaction};
use crate::app::App;
use crate::error::{Kind, Result};
use crate::fhir::reference::{local, references};
use crate::fhir::resource::{Key, Stored};
use crate::kap::Id;
use crate::mapping::summary;
use crate::store::view::{Retold, View, is_directory};

/// A resource that the reader sees: key, parsed, exact text.
pub type Shown = (Key, Value, Arc<str>);

/// What the reader sees of the episodes of some documents, read once.
#[derive(Debug, Default)]
pub struct Sight(HashMap<Id, Vec<Shown>>);

/// The rows with the documents among them as this reader may read them.
///
/// # Errors
/// Those of the store.
pub async fn retell(app: &App, access: &Access, rows: Vec<Stored>) -> Result<Vec<Stored>> {
    let documents = rows.iter().filter(|row| is_cut_document(row));
    let asked: Vec<Key> = documents.flat_map(|row| named(&whole(row))).collect();
    if !rows.iter().any(is_cut_document) {
        return Ok(rows);
    }
    let view = app.store.view(access);
    let seen = view.sees(&asked).await?;
    let mut sight = Sight::default();
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        if !is_cut_document(&row) {
            out.push(row);
            continue;
        }
        let value = whole(&row);
        let keys = named(&value);
        let complete = summary::names_only_own(&value) && keys.iter().all(|key| seen.contains(key));
        let told = if complete {
            Some(Retold::Whole)
        } else {
            let shown = sight.of(app, access, &row, &value).await?;
            again(&value, &shown)?
        };
        out.push(match told {
            Some(told) => view.retold(row, told)?,
            None => row,
        });
    }
    Ok(out)
}

/// One row, as [`retell`].
///
/// # Errors
/// Those of the store.
pub async fn retell_one(app: &App, access: &Access, row: Stored) -> Result<Stored> {
    let mut rows = retell(app, access, vec![row]).await?;
    Ok(rows.swap_remove(0))
}

/// What one document becomes; `None` where too little is visible to write any of it.
fn again(value: &Value, shown: &[Shown]) -> Result<Option<Retold>> {
    match summary::retold(value, shown) {
        Ok(None) => Ok(Some(Retold::Whole)),
        Ok(Some(written)) => Ok(Some(Retold::Again(written.to_string()))),
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_cut_document(row: &Stored) -> bool {
    &*row.key.kind == "Composition" && row.redacted.is_some()
}

/// The document before anything was cut.
#[must_use]
pub fn whole(row: &Stored) -> Value {
    let text = row.redacted.as_ref().map(|whole| &whole.0);
    let text = text.or(row.body.as_ref());
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

fn named(document: &Value) -> Vec<Key> {
    let found = references("Composition", document);
    found.iter().filter_map(|f| local(&f.text)).collect()
}

impl Sight {
    /// What the reader sees of a document's episode and of what else it names, and the people and organizations behind
    /// that.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn of(
        &mut self,
        app: &App,
        access: &Access,
        row: &Stored,
        document: &Value,
    ) -> Result<Vec<Shown>> {
        let view = app.store.view(access);
        let mut out = match &row.episode {
            Some(episode) => self.episode(&view, access, episode).await?,
            None => vec![],
        };
        let mut seen: HashSet<Key> = out.iter().map(|(key, ..)| key.clone()).collect();
        out.retain(|(key, ..)| *key != row.key);
        seen.insert(row.key.clone());
        let mut wanted = named(document);
        while !wanted.is_empty() {
            let mut next = Vec::new();
            for key in wanted.drain(..) {
                if !seen.insert(key.clone()) || access.allow(Interaction::Read, &key.kind).is_err()
                {
                    continue;
                }
                let found = view.lookup(&key).await?.and_then(shown);
                let Some((key, value, body)) = found else {
                    continue;
                };
                let people = references(&key.kind, &value);
                let people = people.iter().filter_map(|f| local(&f.text));
                next.extend(people.filter(|k| is_directory(&k.kind)));
                out.push((key, value, body));
            }
            wanted = next;
        }
        Ok(out)
    }

    async fn episode(
        &mut self,
        view: &View<'_>,
        access: &Access,
        episode: &Id,
    ) -> Result<Vec<Shown>> {
        if let Some(known) = self.0.get(episode) {
            return Ok(known.clone());
        }
        let rows = view.episode(episode).await?;
        let rows = rows.into_iter().flat_map(|e| e.resources);
        let readable = |row: &Stored| access.allow(Interaction::Read, &row.key.kind).is_ok();
        let found: Vec<Shown> = rows.filter(readable).filter_map(shown).collect();
        self.0.insert(episode.clone(), found.clone());
        Ok(found)
    }
}

fn shown(row: Stored) -> Option<Shown> {
    let value = row.value()?;
    Some((row.key, value, row.body?))
}

#[cfg(test)]
mod tests;
