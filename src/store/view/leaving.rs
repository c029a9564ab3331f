//! What leaves the store for a caller: rows of which the caller sees a part are cut here, whichever statement found them.

use std::collections::HashSet;
use std::sync::Arc;

use super::{View, id, stored, wanted};
use crate::access::redact::{self, Cuts, Element};
use crate::access::{Access, Labels};
use crate::error::{Error, Result};
use crate::fhir::json::Members;
use crate::fhir::pare::{Place, pared};
use crate::fhir::resource::{Key, Stored, Whole};
use crate::fhir::security::marked;
use crate::store::filter::{Builder, Of, visible};
use crate::store::sql::Row;

/// A document for a reader, written from what the reader sees of the record.
#[derive(Debug)]
pub enum Retold {
    /// The reader sees all that it speaks of.
    Whole,
    /// It had to be written again.
    Again(String),
}

impl View<'_> {
    /// The row as the caller may see it.
    pub(in crate::store) fn told(&self, row: &Row) -> Result<Stored> {
        self.seen(stored(row)?)
    }

    /// A record that was just written, as the caller may see it.
    ///
    /// # Errors
    /// `Internal` where what is stored is no JSON.
    pub fn seen(&self, row: Stored) -> Result<Stored> {
        seen(self.access, row)
    }

    /// A document as the caller may see it, now that it was written for this reader.
    ///
    /// # Errors
    /// `Internal` where it is no JSON.
    pub fn retold(&self, row: Stored, document: Retold) -> Result<Stored> {
        let Some(Whole(whole)) = row.redacted.clone() else {
            return Ok(row);
        };
        let again = matches!(document, Retold::Again(_));
        let text: Arc<str> = match document {
            Retold::Whole => whole.clone(),
            Retold::Again(text) => text.into(),
        };
        let cuts = cuts(self.access, &row).and_then(Cuts::of_retold);
        let part = cuts.map(|cuts| cut(&cuts, &text)).transpose();
        let (body, redacted) = match part.map_err(Error::internal)?.flatten() {
            Some(part) => (part.into(), Some(Whole(whole))),
            None if again => {
                let text = marked(&text, &redact::mark()).map_err(Error::internal)?;
                (text.into(), Some(Whole(whole)))
            }
            None => (text, None),
        };
        Ok(Stored {
            body: Some(body),
            redacted,
            ..row
        })
    }

    /// Whether a record that the caller sees refers to `key`, by what its type is found by: but for those `silent` ones,
    /// and for what is told of writes (Provenance), which names what was.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn names(&self, key: &Key, silent: &[Key]) -> Result<bool> {
        let mut b = Builder::default();
        b.push("SELECT DISTINCT r.type, r.id FROM index_reference s CROSS JOIN resource r WHERE s.tenant = ");
        b.bind(self.access.tenant()).push(" AND s.target_id = ");
        b.bind(key.id.as_str()).push(" AND s.target_type = ");
        b.bind(key.kind.clone());
        b.push(" AND r.tenant = s.tenant AND r.type = s.type AND r.id = s.id AND r.deleted = 0");
        b.push(" AND r.type <> 'Provenance' AND NOT (r.type = ");
        b.bind(key.kind.clone()).push(" AND r.id = ");
        b.bind(key.id.as_str()).push(")");
        visible(&mut b, self.access, "r", Of::Readable);
        let most = i64::try_from(silent.len()).map_err(Error::internal)?;
        b.push(" LIMIT ").bind(most + 1);
        for row in self.store.read(b.sql()).await? {
            if !silent.contains(&Key::new(&row.text(0), id(&row, 1)?)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Which of `keys` the caller sees.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn sees(&self, keys: &[Key]) -> Result<HashSet<Key>> {
        let mut out = HashSet::with_capacity(keys.len());
        for keys in keys.chunks(super::SIZES.last().copied().unwrap_or(1)) {
            let mut b = Builder::default();
            wanted(&mut b, keys);
            b.push(" SELECT r.type, r.id FROM wanted k CROSS JOIN resource r");
            b.push(" WHERE r.type = k.type AND r.id = k.id AND r.deleted = 0");
            visible(&mut b, self.access, "r", Of::Readable);
            for row in self.store.read(b.sql()).await? {
                out.insert(Key::new(&row.text(0), id(&row, 1)?));
            }
        }
        Ok(out)
    }
}

/// A record as `access` sees it.
///
/// # Errors
/// `Internal` where what is stored is no JSON.
pub fn seen(access: &Access, row: Stored) -> Result<Stored> {
    let cuts = cuts(access, &row);
    let Some((cuts, whole)) = cuts.zip(row.body.clone()) else {
        return Ok(row);
    };
    let part = cut(&cuts, &whole).map_err(Error::internal)?;
    drop(cuts);
    Ok(match part {
        None => row,
        Some(part) => Stored {
            body: Some(part.into()),
            redacted: Some(Whole(whole)),
            ..row
        },
    })
}

fn cuts<'r>(access: &'r Access, row: &'r Stored) -> Option<Cuts<'r>> {
    let labels = Labels::from_bits(row.labels);
    redact::cuts(access, &row.key.kind, &row.owner, &row.author, labels)
}

/// The text without what is left out, marked as a part; `None` where nothing is.
fn cut(cuts: &Cuts<'_>, text: &str) -> serde_json::Result<Option<String>> {
    let Some(part) = pared(text, &|place| asked(place, |e| cuts.drops(e)))? else {
        return Ok(None);
    };
    let silent = pared(&part, &|place| asked(place, |e| cuts.betrays(e)))?;
    let part = silent.unwrap_or(part);
    let kept = contained(&part)?;
    let mut gone = contained(text)?;
    gone.retain(|id| !kept.contains(id));
    let loose = pared(&part, &|place| !gone.is_empty() && names(place, &gone))?;
    marked(&loose.unwrap_or(part), &redact::mark()).map(Some)
}

fn asked(place: &Place<'_>, ask: impl Fn(&Element<'_>) -> bool) -> bool {
    let among = place.among;
    let beside = |name: &str| among.get(name);
    ask(&Element {
        path: place.path,
        text: place.text,
        beside: &beside,
        link: place.link,
    })
}

/// The ids of the contained resources, as references name them.
fn contained(text: &str) -> serde_json::Result<Vec<String>> {
    let members = Members::of(text)?;
    let list = members.get("contained").unwrap_or("[]");
    let list: Vec<serde_json::Value> = serde_json::from_str(list)?;
    let ids = list.iter().filter_map(|one| one["id"].as_str());
    Ok(ids.map(|id| format!("#{id}")).collect())
}

/// Whether the element is a reference to one of these.
fn names(place: &Place<'_>, contained: &[String]) -> bool {
    let reference = Members::of(place.text).ok();
    let reference = reference.and_then(|members| Some(members.get("reference")?.to_owned()));
    let reference = reference.and_then(|raw| serde_json::from_str::<String>(&raw).ok());
    reference.is_some_and(|text| contained.contains(&text))
}
