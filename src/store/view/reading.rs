//! Reading whole episodes: their records, those of the patient and the directory, and what such a reading rests on.

use std::collections::HashMap;

use super::{COLUMNS_WITHOUT_BODY, HEADER, HEADS, View, WIDTH, id, wanted};
use crate::access::Interaction;
use crate::error::Result;
use crate::fhir::resource::{Key, Stored};
use crate::kap::base::Id;
use crate::store::filter::{Builder, Of, visible};

/// An episode with everything that its reading needs.
#[derive(Clone, Debug)]
pub struct EpisodeRecord {
    /// The episode's version; a later write guarded by it fails if anything changed since.
    pub version: i64,
    /// When it changed last, milliseconds since 1970.
    pub at: i64,
    /// The current resources of the episode, those of the patient as a whole, and the directory resources
    /// that they refer to.
    pub resources: Vec<Stored>,
}

/// What a reading of an episode rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ground {
    /// The episode's version.
    pub version: i64,
    /// The records of the patient as a whole and of the directory, with their versions.
    pub beside: HashMap<Key, i64>,
}

/// Which resources of an episode come with their bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bodies<'t> {
    All,
    /// All but those of these types.
    Without(&'t [&'t str]),
}

impl View<'_> {
    /// An episode with its resources, in one round trip and one state of the store; `None` where it does not
    /// exist or nothing of it is visible.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn episode(&self, episode: &Id) -> Result<Option<EpisodeRecord>> {
        self.episode_with(episode, Bodies::All).await
    }

    /// As [`View::episode`], with the bodies that are asked for.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn episode_with(
        &self,
        episode: &Id,
        bodies: Bodies<'_>,
    ) -> Result<Option<EpisodeRecord>> {
        let statement = self.of_episode(episode, bodies);
        let rows = self.store.read(statement.sql()).await?;
        let Some(first) = rows.first() else {
            return Ok(None);
        };
        let (version, at) = (first.int(WIDTH), first.int(WIDTH + 1));
        let resources = rows
            .iter()
            .map(|row| self.told(row))
            .collect::<Result<_>>()?;
        Ok(Some(EpisodeRecord {
            version,
            at,
            resources,
        }))
    }

    /// What a reading of the episode of `patient` that names `named` of the directory rests on; `None` where the episode
    /// is missing or hidden.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn ground(
        &self,
        episode: &Id,
        patient: &Id,
        named: &[Key],
    ) -> Result<Option<Ground>> {
        let statement = self.of_ground(episode, patient, named);
        let rows = self.store.read(statement.sql()).await?;
        let mut beside = HashMap::with_capacity(rows.len());
        let mut version = None;
        for row in &rows {
            let key = Key::new(&row.text(0), id(row, 1)?);
            if key.id == *episode && &*key.kind == "EpisodeOfCare" {
                version = Some(row.int(2));
            } else {
                beside.insert(key, row.int(2));
            }
        }
        Ok(version.map(|version| Ground { version, beside }))
    }

    /// The statement of [`View::ground`].
    pub(in crate::store) fn of_ground(&self, episode: &Id, patient: &Id, named: &[Key]) -> Builder {
        let mut b = Builder::default();
        if !named.is_empty() {
            wanted(&mut b, named);
        }
        b.push(" SELECT 'EpisodeOfCare' AS type, h.episode AS id, h.version ");
        b.push(HEADS)
            .push(" WHERE h.episode = ")
            .bind(episode.as_str());
        visible(&mut b, self.access, "r", Of::One(HEADER, Interaction::Read));
        b.push(" UNION ALL SELECT r.type, r.id, r.version FROM resource r WHERE r.patient = ");
        b.bind(patient.as_str());
        b.push(" AND r.patient <> '' AND r.episode = '' AND r.deleted = 0");
        b.push(" AND r.type IN ('Patient', 'Condition', 'AllergyIntolerance', 'RelatedPerson')");
        visible(&mut b, self.access, "r", Of::Readable);
        if !named.is_empty() {
            b.push(" UNION ALL SELECT r.type, r.id, r.version FROM wanted k CROSS JOIN resource r");
            b.push(" WHERE r.type = k.type AND r.id = k.id AND r.deleted = 0");
            visible(&mut b, self.access, "r", Of::Readable);
        }
        b
    }

    /// The statement of [`View::episode_with`].
    pub(in crate::store) fn of_episode(&self, episode: &Id, bodies: Bodies<'_>) -> Builder {
        let mut b = Builder::default();
        b.push("WITH head AS (SELECT h.tenant, h.episode, h.patient, h.version, h.updated_at ");
        b.push(HEADS)
            .push(" WHERE h.episode = ")
            .bind(episode.as_str());
        visible(&mut b, self.access, "r", Of::One(HEADER, Interaction::Read));
        b.push(EPISODE_KEYS)
            .push("SELECT ")
            .push(COLUMNS_WITHOUT_BODY);
        match bodies {
            Bodies::All => drop(b.push(", r.body")),
            Bodies::Without(kinds) => {
                b.push(", CASE WHEN r.type IN (");
                for (i, kind) in kinds.iter().enumerate() {
                    b.push(if i == 0 { "" } else { ", " }).bind(*kind);
                }
                b.push(") THEN NULL ELSE r.body END");
            }
        }
        b.push(", h.version, h.updated_at FROM head h CROSS JOIN found k CROSS JOIN resource r ");
        b.push("WHERE r.tenant = h.tenant AND r.type = k.type AND r.id = k.id AND r.deleted = 0");
        visible(&mut b, self.access, "r", Of::Readable);
        b
    }
}

/// The keys of an episode's resources: its own, those of the patient as a whole, and the directory resources
/// that these refer to, directly or through a PractitionerRole. Every `CROSS JOIN` is for SQLite, which keeps
/// to its order; it would otherwise walk all resources and references of the tenant.
const EPISODE_KEYS: &str = "), own AS (\
    SELECT r.type, r.id FROM head h JOIN resource r ON r.tenant = h.tenant AND r.episode = h.episode \
      AND r.episode <> '' AND r.deleted = 0 \
    UNION ALL SELECT r.type, r.id FROM head h JOIN resource r ON r.tenant = h.tenant \
      AND r.patient = h.patient AND r.patient <> '' AND r.episode = '' AND r.deleted = 0 \
      AND r.type IN ('Patient', 'Condition', 'AllergyIntolerance', 'RelatedPerson')\
  ), named AS (\
    SELECT DISTINCT x.target_type AS type, x.target_id AS id FROM head h CROSS JOIN own o \
      CROSS JOIN index_reference x WHERE x.tenant = h.tenant AND x.type = o.type AND x.id = o.id \
      AND x.target_type IN ('Organization', 'Practitioner', 'PractitionerRole', 'Medication', 'Endpoint')\
  ), found AS (\
    SELECT type, id FROM own UNION SELECT type, id FROM named \
    UNION SELECT x.target_type, x.target_id FROM head h CROSS JOIN named n \
      CROSS JOIN index_reference x WHERE x.tenant = h.tenant AND x.type = n.type AND x.id = n.id \
      AND n.type IN ('PractitionerRole', 'Organization') \
      AND x.target_type IN ('Organization', 'Practitioner', 'Endpoint')\
  ) ";

/// Whether an episode names records of this type beside its own and its patient's.
#[must_use]
pub fn is_directory(kind: &str) -> bool {
    matches!(
        kind,
        "Organization" | "Practitioner" | "PractitionerRole" | "Medication" | "Endpoint"
    )
}
