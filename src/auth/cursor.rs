//! Cursors, sealed (security reference §2.4): AES-256-GCM, so that a client learns nothing of where a page ended, can
//! change nothing, and comes back with it to its own list alone.
//!
//! Their keys follow (HKDF-SHA256) from the key that seals the audit: every replica has that one, and the operator has no
//! further secret to keep. Each day has a key, because random nonces bear no more than 2³² texts each.
//!
//! A cursor is base64url of: one byte of format, the day (4 bytes), the nonce (12), and sealed with its tag (16) the
//! instant at which it was given (8) and what tells the last row.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Clock;
use crate::error::{Error, Kind, Result};

/// Minutes for which a cursor is good.
pub const CURSOR_MINUTES: i64 = 10;

const FORMAT: u8 = 2;
/// Bytes of format and day.
const HEAD: usize = 5;
const NONCE: usize = 12;
/// Milliseconds of a minute.
const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

/// What the keys of all days follow from.
pub struct CursorKey(Prk);

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey(…)")
    }
}

impl CursorKey {
    pub(super) fn following(secret: &[u8]) -> Self {
        Self(Salt::new(HKDF_SHA256, b"kap-fhir cursors").extract(secret))
    }

    fn of_day(&self, day: &[u8]) -> std::result::Result<LessSafeKey, Unspecified> {
        let info = [day];
        let key = self.0.expand(&info, &AES_256_GCM)?;
        Ok(LessSafeKey::new(UnboundKey::from(key)))
    }

    /// The cursor of a page that ended with this row. It is good for the list that `bond` names, whole.
    ///
    /// # Errors
    /// `Internal` where the crypto provider fails.
    pub fn seal(&self, clock: &Clock, bond: &[&str], row: &[u8]) -> Result<String> {
        let now = clock.millis();
        let day = u32::try_from(now.div_euclid(DAY)).map_err(Error::internal)?;
        let mut text = vec![FORMAT];
        text.extend(day.to_be_bytes());
        let mut sealed = now.to_be_bytes().to_vec();
        sealed.extend(row);
        let key = self.of_day(&text[1..]).map_err(Error::internal)?;
        let nonce: [u8; NONCE] = clock.secret().map_err(Error::internal)?;
        let bond = Aad::from(bound(&text, bond));
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bond, &mut sealed)
            .map_err(Error::internal)?;
        text.extend(nonce);
        text.extend(sealed);
        Ok(URL_SAFE_NO_PAD.encode(text))
    }

    /// The row after which the page of this cursor begins.
    ///
    /// # Errors
    /// `Invalid` where it is no cursor of the list that `bond` names, or was changed; `Gone` where its time is over.
    pub fn open(&self, clock: &Clock, bond: &[&str], cursor: &str) -> Result<Vec<u8>> {
        let (at, row) = self.opened(bond, cursor).ok_or_else(|| {
            let text = "This cursor is none of this client and this list, or it was changed.";
            Error::new(Kind::Invalid, text).issue_code("value")
        })?;
        if clock.millis() - at > CURSOR_MINUTES * MINUTE {
            let text = format!(
                "This cursor has expired: it was good for {CURSOR_MINUTES} minutes. Begin again with the first page."
            );
            // Of FHIR's types `expired` is of a login and `deleted` of a record: neither is what happened.
            let gone = Error::new(Kind::Gone, text).issue_code("processing");
            return Err(gone.code("cursor-expired"));
        }
        Ok(row)
    }

    fn opened(&self, bond: &[&str], cursor: &str) -> Option<(i64, Vec<u8>)> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE)?;
        if head[0] != FORMAT {
            return None;
        }
        let key = self.of_day(&head[1..]).ok()?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let bond = Aad::from(bound(head, bond));
        let plain = key.open_in_place(nonce, bond, &mut sealed).ok()?;
        let (at, row) = plain.split_first_chunk()?;
        Some((i64::from_be_bytes(*at), row.to_vec()))
    }
}

/// Each part goes in with its length, so that no two lists of parts are the same bytes.
fn bound(head: &[u8], parts: &[&str]) -> Vec<u8> {
    let mut bytes = head.to_vec();
    for part in parts {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::*;

    const LIST: &[&str] = &["tenant", "client", "Observation?code=x"];

    fn key(byte: u8) -> CursorKey {
        CursorKey::following(&[byte; 32])
    }

    /// A minute before a new day begins.
    fn clock() -> Clock {
        Clock::fixed(datetime!(2026-11-22 23:59:00 UTC))
    }

    fn kind(key: &CursorKey, clock: &Clock, bond: &[&str], cursor: &str) -> Kind {
        key.open(clock, bond, cursor).expect_err("refused").kind
    }

    #[test]
    fn a_cursor_is_of_one_list_and_one_key() {
        let clock = clock();
        let cursor = key(1).seal(&clock, LIST, b"-5 a.b-c").expect("sealed");
        let opened = key(1).open(&clock, LIST, &cursor).expect("opened");
        assert_eq!(opened, b"-5 a.b-c");
        for other in [
            &["tenant", "client", "Observation?code=y"][..],
            &["tenant", "another", "Observation?code=x"],
            &["tenants", "client", "Observation?code=x"],
            &["tenant", "clientO", "bservation?code=x"],
            &["tenant", "client"],
            &["tenant", "client", "Observation?code=x", ""],
        ] {
            assert_eq!(kind(&key(1), &clock, other, &cursor), Kind::Invalid);
        }
        assert_eq!(kind(&key(2), &clock, LIST, &cursor), Kind::Invalid);
        assert_ne!(
            cursor,
            key(1).seal(&clock, LIST, b"-5 a.b-c").expect("sealed")
        );
    }

    #[test]
    fn no_bit_of_it_can_be_changed() {
        let clock = clock();
        let cursor = key(1).seal(&clock, LIST, b"7 row").expect("sealed");
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).expect("base64url");
        for at in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            let changed = URL_SAFE_NO_PAD.encode(&bytes);
            assert_eq!(kind(&key(1), &clock, LIST, &changed), Kind::Invalid, "{at}");
        }
        for length in 0..bytes.len() {
            let short = URL_SAFE_NO_PAD.encode(&bytes[..length]);
            let refused = kind(&key(1), &clock, LIST, &short);
            assert_eq!(refused, Kind::Invalid, "{length} bytes");
        }
        let padded = format!("{cursor}=");
        for text in ["", "x", "rubbish!", "\u{e9}", &padded] {
            assert_eq!(kind(&key(1), &clock, LIST, text), Kind::Invalid, "{text}");
        }
    }

    #[test]
    fn it_says_nothing_of_the_row() {
        let id = "0f0be0c4-6c3c-53b0-9f2b-2f4a3c1f6b11";
        let value: i64 = 1_795_348_800_000;
        let row = format!("{value} {id}");
        let cursor = key(1).seal(&clock(), LIST, row.as_bytes()).expect("sealed");
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).expect("base64url");
        let holds = |part: &[u8]| bytes.windows(part.len()).any(|w| w == part);
        for part in [
            id.as_bytes(),
            &id.as_bytes()[..8],
            &id.as_bytes()[28..],
            &value.to_be_bytes()[3..],
            value.to_string().as_bytes(),
            b"Observation",
            b"client",
        ] {
            assert!(!holds(part), "{part:?}");
        }
    }

    #[test]
    fn it_is_good_for_ten_minutes_over_midnight_too() {
        let clock = clock();
        let cursor = key(1).seal(&clock, LIST, b"7 row").expect("sealed");
        clock.advance(Duration::minutes(CURSOR_MINUTES));
        assert!(key(1).open(&clock, LIST, &cursor).is_ok());
        clock.advance(Duration::milliseconds(1));
        let expired = key(1).open(&clock, LIST, &cursor).expect_err("expired");
        assert_eq!(expired.kind, Kind::Gone);
        assert_eq!(expired.issues[0].code, Some("processing"));
        clock.advance(Duration::days(40));
        assert_eq!(kind(&key(1), &clock, LIST, &cursor), Kind::Gone);
        // Whose it is not, is told nothing of its age.
        assert_eq!(kind(&key(1), &clock, &["x"], &cursor), Kind::Invalid);
    }
}
