//! The key file: read strictly, written so that it is never half there nor open to others.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::ring::Ring;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};

/// Largest key file, bytes.
const LARGEST: u64 = 64 * 1024;
/// Permission bits of everybody but the owner.
const OTHERS: u32 = 0o077;

/// Reads the key file. It must be its owner's alone: who can read it can open the notes.
///
/// # Errors
/// `Invalid` where it is missing, open to others, or no key file.
pub fn read(path: &Path) -> Result<Ring> {
    let mut file = File::open(path).map_err(|e| refuse(path, "cannot be read").because(e))?;
    let about = file
        .metadata()
        .map_err(|e| refuse(path, "cannot be read").because(e))?;
    if !about.is_file() || about.len() > LARGEST {
        return Err(refuse(path, "is no file of keys"));
    }
    if about.mode() & OTHERS != 0 {
        let why = "is open to others than its owner: chmod 600 it, and make new keys if somebody may have read it";
        return Err(refuse(path, why));
    }
    let mut text = Zeroizing::new(String::with_capacity(65_536));
    file.read_to_string(&mut text)
        .map_err(|e| refuse(path, "cannot be read").because(e))?;
    Ring::parse(&text)
}

/// Writes a key file where there is none.
///
/// # Errors
/// `Invalid` where there is one, or none can be written.
pub fn create(path: &Path, ring: &Ring) -> Result<()> {
    let failed = |e: std::io::Error| refuse(path, "cannot be made").because(e);
    write(path, ring).map_err(failed)
}

/// Adds a new key to a key file and makes it the active one. Of runs at once each waits for the one before: no key that
/// was added is lost, for a service may have sealed with it already.
///
/// # Errors
/// `Invalid` where the file cannot be read or replaced, or is full.
pub fn rotate(path: &Path, clock: &Clock) -> Result<Ring> {
    let failed = |e: std::io::Error| refuse(path, "cannot be replaced").because(e);
    // The file itself is another one after each run, its folder is the same; closing it unlocks it.
    let folder = folder(path).map_err(failed)?;
    folder.lock().map_err(failed)?;
    let mut ring = read(path)?;
    ring.rotate(clock)?;
    replace(path, &ring)?;
    Ok(ring)
}

/// Puts another text into a key file: the old one or the new one is there at every instant.
fn replace(path: &Path, ring: &Ring) -> Result<()> {
    let failed = |e: std::io::Error| refuse(path, "cannot be replaced").because(e);
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = Path::new(&beside);
    // One that was left behind by a run that was broken off.
    let _ = std::fs::remove_file(beside);
    write(beside, ring).map_err(failed)?;
    std::fs::rename(beside, path).map_err(failed)?;
    sync_folder(path).map_err(failed)
}

fn write(path: &Path, ring: &Ring) -> std::io::Result<()> {
    let text = ring.print().map_err(std::io::Error::other)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    sync_folder(path)
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    folder(path)?.sync_all()
}

/// The folder that a file is in.
fn folder(path: &Path) -> std::io::Result<File> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))
}

fn refuse(path: &Path, why: &str) -> Error {
    let text = format!("The file of private keys {} {why}.", path.display());
    Error::new(Kind::Invalid, text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_file_is_its_owners_alone_and_never_overwritten() {
        let folder = std::env::temp_dir().join(format!("kap-keys-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("folder");
        let path = folder.join("keys.json");
        let ring = Ring::generate(&Clock::system()).expect("ring");
        create(&path, &ring).expect("made");
        let mode = |path: &Path| std::fs::metadata(path).expect("file").mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(read(&path).expect("read").active(), ring.active());
        assert!(create(&path, &ring).is_err(), "there is one");
        let first = ring.active().to_owned();
        // A run that was broken off left this.
        std::fs::write(folder.join("keys.json.new"), "half").expect("written");
        let ring = rotate(&path, &Clock::system()).expect("rotated");
        let again = read(&path).expect("read");
        assert!(again.has(&first) && again.active() == ring.active());
        assert_eq!(mode(&path), 0o600);
        // Ten at once add ten keys.
        std::thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| rotate(&path, &Clock::system()).expect("rotated"));
            }
        });
        let text = read(&path).expect("read").print().expect("text");
        assert_eq!(text.matches("\"id\"").count(), 12);
        for open in [0o640, 0o604, 0o620, 0o601] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(open)).expect("mode");
            let said = read(&path).expect_err("open to others").to_string();
            assert!(said.contains("chmod 600"), "{open:o}: {said}");
        }
        assert!(read(&folder).is_err() && read(&folder.join("none")).is_err());
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
