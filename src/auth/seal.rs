//! The key that seals the audit: Ed25519, in a file of its own (PKCS#8, PEM), so that whoever can write to the database
//! cannot sign.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use aws_lc_rs::encoding::AsBigEndian as _;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::cursor::CursorKey;
use super::digest;
use crate::error::{Error, Kind, Result};

/// Largest key file, bytes.
const LARGEST: u64 = 4096;
/// Permission bits of everybody but the owner.
const OTHERS: u32 = 0o077;
/// What stands before the 32 bytes of an Ed25519 public key in a SubjectPublicKeyInfo (RFC 8410 §4).
const PUBLIC: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// A key that seals.
pub struct SealingKey {
    pair: Ed25519KeyPair,
    id: String,
    cursors: CursorKey,
}

/// The public half of a key: what tells a seal from a forged one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealCheck {
    id: String,
    point: Vec<u8>,
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id)
    }
}

impl SealingKey {
    /// Makes a key.
    ///
    /// # Errors
    /// When the crypto provider fails.
    pub fn generate() -> Result<Self> {
        let pair = Ed25519KeyPair::generate().map_err(Error::internal)?;
        Self::of(pair)
    }

    fn of(pair: Ed25519KeyPair) -> Result<Self> {
        let seed = pair.seed().and_then(|seed| seed.as_be_bytes());
        let seed = seed.map_err(Error::internal)?;
        Ok(Self {
            id: digest(pair.public_key().as_ref()),
            cursors: CursorKey::following(seed.as_ref()),
            pair,
        })
    }

    /// What cursors are sealed with: it follows from this key, and says nothing of it.
    #[must_use]
    pub const fn cursors(&self) -> &CursorKey {
        &self.cursors
    }

    /// Reads a key file. It must be its owner's alone: who can read it can seal.
    ///
    /// # Errors
    /// `Invalid` where it is missing, open to others or no Ed25519 key.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |e: std::io::Error| refuse(path, "cannot be read").because(e);
        let about = std::fs::metadata(path).map_err(failed)?;
        if !about.is_file() || about.len() > LARGEST {
            return Err(refuse(path, "is no key file"));
        }
        if about.mode() & OTHERS != 0 {
            let why = "is open to others than its owner: chmod 600 it, and make a new key if somebody may have read it";
            return Err(refuse(path, why));
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let key = parse(&text, "PRIVATE KEY").and_then(|der| Ed25519KeyPair::from_pkcs8(&der).ok());
        let key = key.ok_or_else(|| refuse(path, "is no Ed25519 key (PKCS#8, PEM)"))?;
        Self::of(key)
    }

    /// Writes the key to a file that is not there yet, readable by its owner alone; the public half beside it, as `.pub`.
    ///
    /// # Errors
    /// `Invalid` where there is one already, or none can be written.
    pub fn create(&self, path: &Path) -> Result<()> {
        let document = self.pair.to_pkcs8v1().map_err(Error::internal)?;
        let private = print(document.as_ref(), "PRIVATE KEY");
        write(path, 0o600, &private)?;
        let mut beside = path.as_os_str().to_owned();
        beside.push(".pub");
        let public = [&PUBLIC[..], self.pair.public_key().as_ref()].concat();
        write(Path::new(&beside), 0o644, &print(&public, "PUBLIC KEY"))
    }

    /// Names the key: SHA-256 of its public half, base64url.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Signs; base64url.
    ///
    /// # Errors
    /// When the crypto provider fails.
    pub fn sign(&self, message: &[u8]) -> Result<String> {
        let signature = self.pair.try_sign(message).map_err(Error::internal)?;
        Ok(URL_SAFE_NO_PAD.encode(signature))
    }

    /// The public half.
    #[must_use]
    pub fn check(&self) -> SealCheck {
        SealCheck {
            id: self.id.clone(),
            point: self.pair.public_key().as_ref().to_vec(),
        }
    }
}

impl SealCheck {
    /// Reads the public half from a key file or from the `.pub` beside it.
    ///
    /// # Errors
    /// `Invalid` where the file is neither.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = |e: std::io::Error| refuse(path, "cannot be read").because(e);
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let Some(der) = parse(&text, "PUBLIC KEY") else {
            return SealingKey::read(path).map(|key| key.check());
        };
        let point = der.strip_prefix(&PUBLIC).filter(|point| point.len() == 32);
        let point = point.ok_or_else(|| refuse(path, "is no Ed25519 public key"))?;
        Ok(Self {
            id: digest(point),
            point: point.to_vec(),
        })
    }

    /// Names the key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether `signature` (base64url) is this key's.
    #[must_use]
    pub fn holds(&self, message: &[u8], signature: &str) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.point);
        let bytes = URL_SAFE_NO_PAD.decode(signature);
        bytes.is_ok_and(|bytes| key.verify(message, &bytes).is_ok())
    }
}

fn refuse(path: &Path, why: &str) -> Error {
    let text = format!("The audit key {} {why}.", path.display());
    Error::new(Kind::Invalid, text)
}

fn write(path: &Path, mode: u32, text: &str) -> Result<()> {
    let failed = |e: std::io::Error| refuse(path, "cannot be made").because(e);
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(failed)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed)
}

/// PEM (RFC 7468).
fn print(der: &[u8], label: &str) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

fn parse(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let packed: String = body.split_whitespace().collect();
    STANDARD.decode(packed).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn path(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("kap-seal-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("folder");
        folder.join("audit.pem")
    }

    #[test]
    fn a_key_is_read_as_it_was_written_and_checks_its_own_seals_only() {
        let path = path("round");
        let key = SealingKey::generate().expect("key");
        key.create(&path).expect("written");
        let again = SealingKey::read(&path).expect("read");
        assert_eq!(again.id(), key.id());
        let seal = again.sign(b"head").expect("signed");
        let public = path.with_file_name("audit.pem.pub");
        for check in [
            SealCheck::read(&path).expect("private"),
            SealCheck::read(&public).expect("public"),
        ] {
            assert_eq!(check, key.check());
            assert!(check.holds(b"head", &seal));
            assert!(!check.holds(b"heap", &seal) && !check.holds(b"head", "AAAA"));
        }
        let other = SealingKey::generate().expect("key");
        assert!(!other.check().holds(b"head", &seal));
        assert!(key.create(&path).is_err(), "a key is never overwritten");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let path = path("open");
        SealingKey::generate()
            .and_then(|key| key.create(&path))
            .expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("mode");
        let error = SealingKey::read(&path).expect_err("refused");
        assert!(error.issues[0].text.contains("open to others"), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("mode");
        std::fs::write(
            &path,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        )
        .expect("written");
        assert!(SealingKey::read(&path).is_err());
    }
}
