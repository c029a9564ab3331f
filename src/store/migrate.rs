//! The schema's versions: forward only, each with a checksum; what a database has must be a beginning of
//! what the program knows.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};

/// A step of the schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct Migration {
    pub version: i64,
    pub name: &'static str,
    text: &'static str,
}

/// A step that a database has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Applied {
    pub version: i64,
    pub checksum: String,
}

/// Every step, in order.
pub(super) const ALL: &[Migration] = &[
    Migration {
        version: 1,
        name: "records",
        text: include_str!("migrations/0001_records.sql"),
    },
    Migration {
        version: 2,
        name: "identity",
        text: include_str!("migrations/0002_identity.sql"),
    },
    Migration {
        version: 3,
        name: "episode order",
        text: include_str!("migrations/0003_episode_order.sql"),
    },
    Migration {
        version: 4,
        name: "audit",
        text: include_str!("migrations/0004_audit.sql"),
    },
    Migration {
        version: 5,
        name: "access",
        text: include_str!("migrations/0005_access.sql"),
    },
    Migration {
        version: 6,
        name: "private",
        text: include_str!("migrations/0006_private.sql"),
    },
    Migration {
        version: 7,
        name: "shared keys",
        text: include_str!("migrations/0007_shared_key.sql"),
    },
    Migration {
        version: 8,
        name: "lowered",
        text: include_str!("migrations/0008_lowered.sql"),
    },
    Migration {
        version: 9,
        name: "index",
        text: include_str!("migrations/0009_index.sql"),
    },
    Migration {
        version: 10,
        name: "history",
        text: include_str!("migrations/0010_history.sql"),
    },
    Migration {
        version: 11,
        name: "jobs",
        text: include_str!("migrations/0011_jobs.sql"),
    },
    Migration {
        version: 12,
        name: "patient date",
        text: include_str!("migrations/0012_patient_date.sql"),
    },
    Migration {
        version: 13,
        name: "subscriptions",
        text: include_str!("migrations/0013_subscription.sql"),
    },
    Migration {
        version: 14,
        name: "partners",
        text: include_str!("migrations/0014_partner.sql"),
    },
    Migration {
        version: 15,
        name: "told",
        text: include_str!("migrations/0015_told.sql"),
    },
];

/// The table that tells which steps were taken.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_version (
  version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)";
pub(super) const APPLIED: &str = "SELECT version, checksum FROM schema_version ORDER BY version";
pub(super) const RECORD: &str =
    "INSERT INTO schema_version (version, name, checksum) VALUES ($1, $2, $3)";

impl Migration {
    /// SHA-256 of the text, in base64url.
    pub fn checksum(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.text))
    }

    /// Number and name.
    pub fn title(&self) -> String {
        format!("{} {}", self.version, self.name)
    }

    /// The statements in a database's own words: each pair is a word and what stands for it.
    pub fn statements(&self, words: &[(&str, &str)]) -> String {
        words
            .iter()
            .fold(self.text.to_owned(), |text, (word, own)| {
                text.replace(word, own)
            })
    }
}

/// The steps that are left to take.
///
/// # Errors
/// `Unavailable` where the database was made by a newer or another program.
pub(super) fn pending(
    known: &'static [Migration],
    applied: &[Applied],
) -> Result<&'static [Migration]> {
    if let Some(newest) = applied.get(known.len()) {
        let text = format!(
            "The database has schema version {}; this program knows {} at most.",
            newest.version,
            known.len()
        );
        return Err(Error::new(Kind::Unavailable, text));
    }
    for (known, applied) in known.iter().zip(applied) {
        if known.version != applied.version || known.checksum() != applied.checksum {
            let text = format!(
                "Schema version {} of the database is not the one this program knows.",
                applied.version
            );
            return Err(Error::new(Kind::Unavailable, text));
        }
    }
    Ok(&known[applied.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(version: i64, checksum: &str) -> Applied {
        Applied {
            version,
            checksum: checksum.to_owned(),
        }
    }

    #[test]
    fn versions_count_up_from_one() {
        assert!(ALL.iter().zip(1..).all(|(m, n)| m.version == n));
    }

    #[test]
    fn only_a_beginning_of_what_is_known_is_accepted() {
        let own = applied(1, &ALL[0].checksum());
        assert_eq!(pending(ALL, &[]).expect("empty").len(), ALL.len());
        assert_eq!(
            pending(ALL, std::slice::from_ref(&own))
                .expect("first")
                .len(),
            ALL.len() - 1
        );
        assert!(pending(ALL, &[applied(1, "other")]).is_err());
        let mut newer: Vec<_> = ALL
            .iter()
            .map(|m| applied(m.version, &m.checksum()))
            .collect();
        newer.push(applied(i64::try_from(ALL.len()).expect("few") + 1, "newer"));
        assert!(pending(ALL, &newer).is_err());
    }
}
