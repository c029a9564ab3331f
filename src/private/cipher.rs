//! AES-256-GCM over texts for the database; the home of `aws_lc_rs::aead`.
//!
//! A sealed text is base64url of: one byte of format, the nonce (12 bytes, random), the ciphertext, the tag (16 bytes).
//! Each key seals one text, but for the key that wraps keys: it may wrap 2³² of them before nonces could meet.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

const FORMAT: u8 = 1;
const NONCE: usize = 12;
const TAG: usize = 16;

/// A key of 256 bits; its memory is cleared when it is dropped.
pub(super) type KeyBytes = Zeroizing<[u8; 32]>;

/// What a sealed text is bound to: it opens only where all of it is the same again, in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bond(Vec<u8>);

impl Bond {
    /// Each part goes in with its length, so that no two lists of parts are the same bytes.
    pub(super) fn of(parts: &[&str]) -> Self {
        let mut bytes = b"kap1".to_vec();
        for part in parts {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        Self(bytes)
    }
}

/// Seals `plain` with `key`.
///
/// # Errors
/// `Internal` where the crypto provider fails.
pub(super) fn seal(key: &KeyBytes, bond: &Bond, plain: &[u8]) -> Result<String> {
    let failed = |_| Error::internal("the crypto provider cannot seal");
    let key = RandomizedNonceKey::new(&AES_256_GCM, &**key).map_err(failed)?;
    // With room for the tag: growing would leave a copy of the plain text behind.
    let mut text = Vec::with_capacity(plain.len() + TAG);
    text.extend_from_slice(plain);
    let nonce = key
        .seal_in_place_append_tag(Aad::from(&bond.0), &mut text)
        .map_err(failed)?;
    let mut sealed = Vec::with_capacity(1 + NONCE + text.len());
    sealed.push(FORMAT);
    sealed.extend_from_slice(nonce.as_ref());
    sealed.extend(text);
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// Opens a text that [`seal`] made with this key and bond; `None` where it was made otherwise or changed since.
pub(super) fn open(key: &KeyBytes, bond: &Bond, sealed: &str) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let (format, rest) = bytes.split_first()?;
    let (nonce, text) = rest.split_at_checked(NONCE)?;
    if *format != FORMAT {
        return None;
    }
    let key = RandomizedNonceKey::new(&AES_256_GCM, &**key).ok()?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut plain = Zeroizing::new(text.to_vec());
    let length = key
        .open_in_place(nonce, Aad::from(&bond.0), &mut plain)
        .ok()?
        .len();
    plain.truncate(length);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> KeyBytes {
        Zeroizing::new([byte; 32])
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_and_bond_alone() {
        let bond = Bond::of(&["a", "bc"]);
        for plain in [&b""[..], b"x", &[7; 5000]] {
            let sealed = seal(&key(1), &bond, plain).expect("sealed");
            let opened = open(&key(1), &bond, &sealed).expect("opened");
            assert_eq!(*opened, plain);
            assert!(open(&key(2), &bond, &sealed).is_none());
            assert!(open(&key(1), &Bond::of(&["ab", "c"]), &sealed).is_none());
            assert!(open(&key(1), &Bond::of(&["a", "bc", ""]), &sealed).is_none());
        }
    }

    #[test]
    fn the_same_text_is_never_sealed_the_same() {
        let seal = || seal(&key(1), &Bond::of(&[]), b"the same").expect("sealed");
        assert_ne!(seal(), seal());
    }

    #[test]
    fn no_bit_can_be_changed() {
        let bond = Bond::of(&["x"]);
        let sealed = seal(&key(1), &bond, b"words").expect("sealed");
        let bytes = URL_SAFE_NO_PAD.decode(&sealed).expect("base64url");
        for at in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            let changed = URL_SAFE_NO_PAD.encode(&bytes);
            assert!(open(&key(1), &bond, &changed).is_none(), "bit {at}");
        }
        for length in 0..bytes.len() {
            let short = URL_SAFE_NO_PAD.encode(&bytes[..length]);
            assert!(open(&key(1), &bond, &short).is_none(), "{length} bytes");
        }
    }
}
