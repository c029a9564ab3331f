//! The keys that private notes are sealed with, and the sealing itself.
//!
//! An envelope: each version of a note has a data key of its own, which seals its text; the data key is wrapped with a
//! key of the ring. Changing the ring's key means to wrap data keys anew; no text is touched.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::cipher::{self, Bond, KeyBytes};
use super::note::Note;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};

/// Most keys of a ring.
const MOST: usize = 100;

/// The keys by their ids. One of them is active: what is new is sealed with it.
pub struct Ring {
    active: String,
    keys: Vec<(String, KeyBytes)>,
}

/// Where a version of a note belongs. All of it is authenticated with its seal: a row that is put elsewhere, given to
/// another client, or dated back does not open.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    pub tenant: &'a str,
    pub patient: &'a str,
    pub episode: &'a str,
    pub note: &'a str,
    pub version: i64,
    pub kind: &'a str,
    pub author: &'a str,
    /// Empty where the note is about no session.
    pub session: &'a str,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970.
    pub recorded_at: i64,
    /// The client that stands for the author. It is bound to the data key alone, so that notes can be handed over.
    pub client: &'a str,
}

impl Place<'_> {
    fn bond(&self) -> Bond {
        let numbers = [self.version, self.created_at, self.recorded_at].map(|n| n.to_string());
        let [version, created_at, recorded_at] = &numbers;
        Bond::of(&[
            "note",
            self.tenant,
            self.patient,
            self.episode,
            self.note,
            version,
            self.kind,
            self.author,
            self.session,
            created_at,
            recorded_at,
        ])
    }

    fn key_bond(&self, key: &str) -> Bond {
        let version = self.version.to_string();
        let parts = [
            "data key",
            self.tenant,
            self.note,
            &version,
            self.client,
            key,
        ];
        Bond::of(&parts)
    }
}

/// A version of a note as the database holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Id of the ring's key that wraps the data key.
    pub key: String,
    /// The wrapped data key.
    pub wrapped: String,
    /// The sealed text.
    pub text: String,
}

impl Ring {
    /// A ring of one new key.
    ///
    /// # Errors
    /// `Internal` where the machine has no randomness to give.
    pub fn generate(clock: &Clock) -> Result<Self> {
        let mut ring = Self {
            active: String::new(),
            keys: Vec::new(),
        };
        ring.rotate(clock)?;
        Ok(ring)
    }

    /// Adds a new key and makes it the active one; gives its id.
    ///
    /// # Errors
    /// `Invalid` where the ring is full; `Internal` where the machine has no randomness to give.
    pub fn rotate(&mut self, clock: &Clock) -> Result<&str> {
        if self.keys.len() >= MOST {
            let text = format!("The file has {MOST} keys: take out those that nothing needs.");
            return Err(Error::new(Kind::Invalid, text));
        }
        let bytes = fresh(clock)?;
        let tail: [u8; 4] = clock.secret().map_err(Error::internal)?;
        let tail = u32::from_be_bytes(tail);
        self.active = format!("{}-{tail:08x}", clock.now().date());
        self.keys.push((self.active.clone(), bytes));
        Ok(&self.active)
    }

    /// Id of the active key.
    #[must_use]
    pub fn active(&self) -> &str {
        &self.active
    }

    /// Whether the ring has this key.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.key(key).is_some()
    }

    fn key(&self, id: &str) -> Option<&KeyBytes> {
        let found = self.keys.iter().find(|(own, _)| own == id);
        found.map(|(_, bytes)| bytes)
    }

    fn known(&self, id: &str) -> Result<&KeyBytes> {
        self.key(id)
            .ok_or_else(|| Error::internal("a private note needs a key that is not in the ring"))
    }

    /// Seals a note into its place, with the active key.
    ///
    /// # Errors
    /// `Internal` where the crypto provider fails.
    pub fn seal(&self, clock: &Clock, place: &Place<'_>, note: &Note) -> Result<Sealed> {
        let data_key = fresh(clock)?;
        Ok(Sealed {
            key: self.active.clone(),
            wrapped: self.wrap(place, &data_key)?,
            text: cipher::seal(&data_key, &place.bond(), &note.to_seal()?)?,
        })
    }

    /// Opens a note in its place.
    ///
    /// # Errors
    /// `Internal` where it was sealed into another place, with another key, or changed since.
    pub fn open(&self, place: &Place<'_>, sealed: &Sealed) -> Result<Note> {
        let data_key = self.unwrap(place, sealed)?;
        let text = cipher::open(&data_key, &place.bond(), &sealed.text).ok_or_else(broken)?;
        Note::unsealed(&text)
    }

    /// Wraps the note's data key anew, with the active key and for `client`.
    ///
    /// # Errors
    /// As [`Ring::open`].
    pub fn rewrap(&self, place: &Place<'_>, sealed: &Sealed, client: &str) -> Result<Sealed> {
        let data_key = self.unwrap(place, sealed)?;
        let place = Place { client, ..*place };
        Ok(Sealed {
            key: self.active.clone(),
            wrapped: self.wrap(&place, &data_key)?,
            text: sealed.text.clone(),
        })
    }

    fn wrap(&self, place: &Place<'_>, data_key: &KeyBytes) -> Result<String> {
        let key = self.known(&self.active)?;
        cipher::seal(key, &place.key_bond(&self.active), &data_key[..])
    }

    fn unwrap(&self, place: &Place<'_>, sealed: &Sealed) -> Result<KeyBytes> {
        let key = self.known(&sealed.key)?;
        let bytes = cipher::open(key, &place.key_bond(&sealed.key), &sealed.wrapped);
        let bytes = bytes.ok_or_else(broken)?;
        let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| broken())?;
        Ok(Zeroizing::new(bytes))
    }

    /// A mark of the active key for the database: [`Ring::made`] knows it again.
    ///
    /// # Errors
    /// `Internal` where the crypto provider fails.
    pub fn mark(&self, tenant: &str) -> Result<String> {
        let key = self.known(&self.active)?;
        cipher::seal(key, &mark_bond(tenant, &self.active), b"mark")
    }

    /// Whether this ring's key of that id made the mark.
    #[must_use]
    pub fn made(&self, tenant: &str, key: &str, mark: &str) -> bool {
        let opened = self
            .key(key)
            .and_then(|bytes| cipher::open(bytes, &mark_bond(tenant, key), mark));
        opened.is_some_and(|text| text.as_slice() == b"mark")
    }

    /// Seals a secret of the service itself, such as a subscriber's header: `place` is what it is bound to. Gives the id
    /// of the key and the sealed text.
    ///
    /// # Errors
    /// `Internal` where the crypto provider fails.
    pub fn seal_secret(&self, place: &[&str], secret: &[u8]) -> Result<(String, String)> {
        let key = self.known(&self.active)?;
        let sealed = cipher::seal(key, &secret_bond(place), secret)?;
        Ok((self.active.clone(), sealed))
    }

    /// Opens what [`Ring::seal_secret`] made with the key of that id, in the same place.
    ///
    /// # Errors
    /// `Internal` where the ring has not that key, or the text was made otherwise or changed since.
    pub fn open_secret(
        &self,
        place: &[&str],
        key: &str,
        sealed: &str,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let bytes = self
            .key(key)
            .ok_or_else(|| Error::internal("a secret needs a key that is not in the ring"))?;
        let text = "a secret does not open: its row was changed outside of the service";
        cipher::open(bytes, &secret_bond(place), sealed).ok_or_else(|| Error::internal(text))
    }

    /// Reads the text of a key file.
    ///
    /// # Errors
    /// `Invalid` where it is not one; the error holds nothing of the text.
    pub fn parse(text: &str) -> Result<Self> {
        let file: File = serde_json::from_str(text).map_err(|_| {
            bad("is not JSON of the form {\"active\":ID,\"keys\":[{\"id\":ID,\"key\":KEY}]}")
        })?;
        let mut ring = Self {
            active: file.active,
            keys: Vec::new(),
        };
        if file.keys.len() > MOST {
            return Err(bad("has more than 100 keys"));
        }
        for Entry { id, key } in file.keys {
            let key = Zeroizing::new(key);
            let decoded = URL_SAFE_NO_PAD.decode(key.as_bytes()).map(Zeroizing::new);
            let bytes = decoded
                .ok()
                .and_then(|b| <[u8; 32]>::try_from(b.as_slice()).ok());
            let bytes = bytes.ok_or_else(|| bad("has a key that is not 32 bytes in base64url"))?;
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
            if !(1..=64).contains(&id.len()) || !id.bytes().all(plain) {
                return Err(bad("has a key id that is not 1 to 64 of A-Z a-z 0-9 - ."));
            }
            if ring.has(&id) {
                return Err(bad("has two keys of one id"));
            }
            ring.keys.push((id, Zeroizing::new(bytes)));
        }
        if !ring.has(&ring.active) {
            return Err(bad("names an active key that it does not have"));
        }
        Ok(ring)
    }

    /// The text of a key file. Whoever has it can open the notes.
    ///
    /// # Errors
    /// `Internal` where it cannot be written.
    pub fn print(&self) -> Result<Zeroizing<String>> {
        let file = File {
            active: self.active.clone(),
            keys: self
                .keys
                .iter()
                .map(|(id, bytes)| Entry {
                    id: id.clone(),
                    key: URL_SAFE_NO_PAD.encode(&bytes[..]),
                })
                .collect(),
        };
        let text = serde_json::to_string_pretty(&file);
        let mut text = text.map_err(|_| Error::internal("keys cannot be written"))?;
        text.push('\n');
        Ok(Zeroizing::new(text))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    active: String,
    keys: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    key: String,
}

fn fresh(clock: &Clock) -> Result<KeyBytes> {
    clock.secret().map(Zeroizing::new).map_err(Error::internal)
}

fn secret_bond(place: &[&str]) -> Bond {
    let mut parts = vec!["secret"];
    parts.extend(place);
    Bond::of(&parts)
}

fn mark_bond(tenant: &str, key: &str) -> Bond {
    Bond::of(&["mark", tenant, key])
}

fn bad(why: &str) -> Error {
    Error::new(Kind::Invalid, format!("The file of private keys {why}."))
}

fn broken() -> Error {
    Error::internal("a private note does not open: its row was changed outside of the service")
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.keys.iter().map(|(id, _)| id.as_str()).collect();
        write!(f, "Ring({}, active {})", ids.join(" "), self.active)
    }
}

#[cfg(test)]
mod tests;
