//! The house rules that a machine can check: which folder may know which, where each dependency lives, how long files are.

use std::path::{Path, PathBuf};

/// Each folder of `src/` and the crate's modules that it may name. `kap` may use `error`, `fhir` the id of `kap`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("kap", &["error", "kap"]),
    ("fhir", &["error", "fhir", "kap::base"]),
    ("audit", &["audit", "clock", "error", "fhir", "kap::base"]),
    (
        "access",
        &["access", "audit", "error", "fhir::parameter", "kap::base"],
    ),
    ("net", &["error", "net"]),
    // What is told to whom is decided in `interaction`; the workers that call are here.
    (
        "delivery",
        &[
            "access",
            "app",
            "audit",
            "auth::jose",
            "clock",
            "delivery",
            "error",
            "fhir",
            "interaction",
            "kap",
            "mapping::exchange",
            "mapping::topic",
            "net",
            "store",
        ],
    ),
    (
        "mapping",
        &[
            "access::Labels",
            "access::label",
            "error",
            "fhir",
            "kap",
            "mapping",
        ],
    ),
    (
        "store",
        &["access", "audit", "error", "fhir", "kap::base", "store"],
    ),
    (
        "auth",
        &[
            "access",
            "audit",
            "auth",
            "clock",
            "error",
            "kap::base",
            "net",
            "store",
        ],
    ),
    (
        "interaction",
        &[
            "access",
            "app",
            "audit",
            "auth::key",
            "delivery",
            "error",
            "fhir",
            "interaction",
            "kap",
            "mapping",
            "private",
            "store",
        ],
    ),
    (
        "http",
        &[
            "access",
            "app",
            "audit",
            "auth",
            "delivery",
            "error",
            "fhir",
            "http",
            "interaction",
            "kap",
            "private",
        ],
    ),
    // What is private knows the words of the practice, and nothing that could carry them away.
    (
        "private",
        &["clock", "error", "kap::base", "kap::preparation", "private"],
    ),
];

/// Who may name what is private, beside its own folder. No way leads from here into a resource, a view of the record
/// or a log.
const PRIVATE: &[&str] = &[
    "app.rs",
    "cli.rs",
    "cli/private.rs",
    // The key file, for the secrets of subscribers and of partners that its keys seal as well.
    "cli/partner.rs",
    "cli/subscription.rs",
    "demo/notes.rs",
    "http/private_note.rs",
    "interaction/private_note/",
    // The ring, to seal those secrets anew.
    "interaction/partner/keys.rs",
    "interaction/subscription/secrets.rs",
];

/// The words that lay a private note open, and the only files that may say them.
const LAID_OPEN: &[(&str, &[&str])] = &[
    (".reveal()", &["private/note.rs"]),
    ("Private::reveal", &["private/note.rs"]),
    (".to_seal()", &["private/ring.rs"]),
    (".told_to_its_originator(", &["http/private_note.rs"]),
];

/// Each dependency and the places that may name it.
const HOMES: &[(&str, &[&str])] = &[
    ("axum", &["http/", "server.rs"]),
    ("rusqlite", &["store/driver"]),
    ("tokio_postgres", &["store/driver"]),
    ("deadpool_postgres", &["store/driver"]),
    ("fhir_sdk", &["mapping/"]),
    ("reqwest", &["auth/jwks.rs", "net/", "delivery/", "demo/"]),
    ("object_store", &["delivery/files/bucket.rs"]),
    ("flate2", &["http/fhir/gzip.rs"]),
    ("jsonwebtoken", &["auth/jose"]),
    // Signatures are of auth, randomness of the clock; the cipher is of private notes and of cursors, in a file each.
    ("aws_lc_rs::aead", &["auth/cursor.rs", "private/cipher.rs"]),
    (
        "zeroize",
        &[
            "private/",
            "interaction/subscription/",
            "interaction/partner/",
        ],
    ),
    ("opentelemetry", &["telemetry.rs", "http/layer.rs"]),
    ("jiff", &["kap/calendar.rs", "mapping/"]),
];

/// Most lines of a file.
const LONG: usize = 400;

fn sources() -> Vec<(String, String)> {
    let found = files("src");
    assert!(found.len() > 50, "the sources were not found");
    found
}

/// The Rust files below a folder of the repository, with their texts.
fn files(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut out = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path: PathBuf = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path
                    .strip_prefix(&root)
                    .expect("below the root")
                    .display()
                    .to_string();
                out.push((name, std::fs::read_to_string(&path).expect("a text")));
            }
        }
    }
    assert!(!out.is_empty(), "there is nothing below {folder}");
    out
}

/// The code without comments and without its unit tests.
fn code(text: &str) -> String {
    let code = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    code.lines()
        .filter(|l| !l.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn is_test(name: &str) -> bool {
    name.contains("tests") || name.contains("/arb")
}

#[test]
fn each_folder_knows_only_what_it_may() {
    let mut wrong = Vec::new();
    for (name, text) in sources().iter().filter(|(name, _)| !is_test(name)) {
        let Some((_, may)) = MAY_USE
            .iter()
            .find(|(folder, _)| name.starts_with(&format!("{folder}/")))
        else {
            continue;
        };
        for (n, line) in code(text).lines().enumerate() {
            for used in line.split("crate::").skip(1) {
                let path: String = used
                    .chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':')
                    .collect();
                if !may
                    .iter()
                    .any(|m| path == *m || path.starts_with(&format!("{m}::")))
                {
                    wrong.push(format!("{name}:{}: crate::{path}", n + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_dependency_has_one_home() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        for (dependency, homes) in HOMES {
            let uses = code(&text).lines().any(|l| {
                l.contains(&format!("{dependency}::")) || l.contains(&format!("use {dependency}"))
            });
            if uses && !homes.iter().any(|home| name.starts_with(home)) {
                wrong.push(format!("{name} names {dependency}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_private_has_few_readers() {
    let mut wrong = Vec::new();
    let mut seen = Vec::new();
    for (name, text) in sources() {
        let code = code(&text);
        let named = ["private::", "crate::private", "super::private"];
        let names = named.iter().any(|word| code.contains(word));
        let may = |homes: &[&str]| homes.iter().any(|home| name.starts_with(home));
        if names && !name.starts_with("private/") && !may(PRIVATE) {
            wrong.push(format!("{name} names what is private"));
        }
        for (word, homes) in LAID_OPEN {
            if code.contains(word) {
                seen.push(*word);
                if !may(homes) {
                    wrong.push(format!("{name} says {word}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unseen: Vec<_> = LAID_OPEN
        .iter()
        .filter(|(word, _)| !seen.contains(word))
        .collect();
    assert!(unseen.is_empty(), "nothing says {unseen:?} any more");
}

#[test]
fn files_are_short_enough_to_read() {
    let mut wrong = Vec::new();
    for (name, text) in sources().into_iter().chain(files("tests")) {
        let lines = text.lines().count();
        if lines > LONG {
            wrong.push(format!("{name}: {lines} lines, at most {LONG}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_left_to_do_later_or_switched_off() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        for word in ["todo!(", "unimplemented!(", "dbg!(", "#[ignore", "#[allow("] {
            if code(&text).contains(word) {
                wrong.push(format!("{name}: {word}"));
            }
        }
        if code(&text).contains(".unwrap()") {
            wrong.push(format!("{name}: .unwrap()"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
