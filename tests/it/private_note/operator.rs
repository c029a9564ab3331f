//! The program as its operator meets it: nothing goes without the keys, and they can be changed at any time.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use kap_fhir::cli::assemble;
use kap_fhir::clock::Clock;
use kap_fhir::demo::set_up;
use kap_fhir::interaction::private_note::keys::unlock;
use kap_fhir::private::file;
use serde_json::Value;

use super::bare;
use super::bed::{Bed, two_therapists};
use super::keys::copy;
use crate::app::tempdir::Folder;
use crate::app::{Db, store};
use crate::both;
use crate::program::{Program, command, free_address, keys, run, seal};
use crate::raw::Place;
use crate::wire::Ask;

both!(
    the_program_does_not_start_without_its_keys,
    a_rewrap_that_is_killed_is_run_again,
);

/// A database with the parties of an episode, for a program at `address`.
async fn place(db: Db, address: &str) -> Place {
    let (store, place) = store(db).await;
    let base = format!("http://{address}");
    let app = assemble(store, Clock::system(), "default", &base, None).expect("app");
    set_up(&app, &two_therapists()).await.expect("parties");
    app.store.close().await;
    place
}

async fn the_program_does_not_start_without_its_keys(db: Db) {
    let folder = Folder::new();
    let address = free_address();
    let database = place(db, &address).await;
    let url = database.url();
    let refused = |words: &[&str], says: &str| {
        let mut all = vec!["serve", "--listen", "127.0.0.1:0"];
        all.extend(words);
        let done = command(&all)
            .env("DATABASE_URL", &url)
            .env("KAP_AUDIT_KEY", seal(folder.path()))
            .env("KAP_DISCLOSURE", "consent-required")
            .output()
            .expect("the program runs");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains(says), "{said}");
    };
    refused(&[], "kap-fhir private keygen");
    let path = folder.path().join("own.json").display().to_string();
    refused(&["--private-keys", &path], "cannot be read");
    let made = run(&["private", "keygen", "--out", &path], &url);
    assert!(made.status.success(), "{made:?}");
    let again = run(&["private", "keygen", "--out", &path], &url);
    assert!(!again.status.success(), "a key file is never overwritten");
    let program = Program::serve(&address, &url, folder.path(), &["--private-keys", &path]).await;
    program.stop();
    // The database knows the key by now: neither another one nor a missing one will do.
    let other = keys(folder.path()).display().to_string();
    refused(
        &["--private-keys", &other],
        "which the file of private keys lacks",
    );
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&path, open).expect("mode");
    refused(&["--private-keys", &path], "chmod 600");
    let closed = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, closed).expect("mode");
    // A new key is added and the old one taken out before `rewrap`.
    let first = file::read(Path::new(&path))
        .expect("ring")
        .active()
        .to_owned();
    let rotated = run(&["private", "rotate", "--private-keys", &path], &url);
    assert!(rotated.status.success(), "{rotated:?}");
    let text = std::fs::read_to_string(&path).expect("key file");
    let mut cut: Value = serde_json::from_str(&text).expect("JSON");
    let keys = cut["keys"].as_array_mut().expect("keys");
    keys.retain(|key| key["id"] != first.as_str());
    std::fs::write(&path, cut.to_string()).expect("written");
    let says = format!("sealed with the key {first}, which the file of private keys lacks");
    refused(&["--private-keys", &path], &says);
    for text in ["", "{}", "\0"] {
        std::fs::write(&path, text).expect("written");
        refused(&["--private-keys", &path], "is not JSON of the form");
    }
    // The whole file again, and all is well.
    std::fs::write(&path, text).expect("written");
    Program::serve(&address, &url, folder.path(), &["--private-keys", &path])
        .await
        .stop();
}

const NOTES: usize = 1200;

async fn a_rewrap_that_is_killed_is_run_again(db: Db) {
    let folder = Folder::new();
    let bed = Bed::new(db).await;
    let path = folder.path().join("keys.json");
    file::create(&path, &copy(&bed.app.app)).expect("key file");
    let note = bed.note("kept");
    let write = async |_| {
        Ask::json(bare(&bed.all()), &note)
            .send(bed.own())
            .await
            .status
    };
    let taken: Vec<u16> = stream::iter(0..NOTES)
        .map(write)
        .buffer_unordered(16)
        .collect()
        .await;
    assert!(taken.iter().all(|status| *status == 201));
    let mut halfway = false;
    for _ in 0..10 {
        halfway |= killed_halfway(bed.place(), &path).await;
        if halfway {
            break;
        }
    }
    assert!(halfway, "no run was caught in the middle");
    let ring = file::read(&path).expect("ring");
    let (newest, shown) = (ring.active().to_owned(), path.display().to_string());
    let done = run(
        &["private", "rewrap", "--private-keys", &shown],
        &bed.place().url(),
    );
    assert!(done.status.success(), "{done:?}");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(
        said.contains(&format!("needed by this database: {newest}\n")),
        "{said}"
    );
    unlock(&bed.app.app, ring, None).await.expect("unlocked");
    let known = bed
        .place()
        .column("SELECT DISTINCT key FROM private_note")
        .await;
    assert_eq!(known, [newest]);
    let ids = bed.place().column("SELECT id FROM private_note").await;
    assert_eq!(ids.len(), NOTES);
    let reads = ids
        .iter()
        .step_by(10)
        .map(async |id| Ask::get(bed.one(id)).send(bed.own()).await);
    for read in join_all(reads).await {
        assert_eq!(read.json()["text"], "kept", "{}", read.text);
    }
    bed.end().await;
}

/// Rotates the keys and kills the wrapping with `kill -9` when some of it is done. Whether it was caught.
async fn killed_halfway(database: &Place, path: &Path) -> bool {
    let shown = path.display().to_string();
    let rotated = run(
        &["private", "rotate", "--private-keys", &shown],
        &database.url(),
    );
    assert!(rotated.status.success(), "{rotated:?}");
    let active = file::read(path).expect("ring").active().to_owned();
    let mut program = command(&["private", "rewrap", "--private-keys", &shown])
        .env("DATABASE_URL", database.url())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    let count = format!("SELECT CAST(COUNT(*) AS TEXT) FROM private_note WHERE key = '{active}'");
    let done = async || {
        database.column(&count).await[0]
            .parse::<usize>()
            .expect("a count")
    };
    while program.try_wait().expect("state").is_none() && done().await == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let _ = program.kill();
    program.wait().expect("gone");
    (1..NOTES).contains(&done().await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_has_keys_of_its_own() {
    let folder = Folder::new();
    let data = folder.path().join("demo");
    let shown = data.display().to_string();
    let address = free_address();
    for round in ["first", "again"] {
        let words = ["demo", "--exit", "--listen", &address, "--data-dir", &shown];
        let done = run(&words, "");
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{round}: {said} {done:?}");
        assert!(
            said.contains("private notes are sealed: 7 of them"),
            "{said}"
        );
        assert!(said.contains("hears 404"), "{said}");
        assert!(file::read(&data.join("private-keys.json")).is_ok());
    }
}
