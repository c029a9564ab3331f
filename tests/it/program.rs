//! The program itself, as an operator runs it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use kap_fhir::clock::Clock;
use kap_fhir::private::{Ring, file};

use crate::app::{audit_key, unique};

/// A running `kap-fhir serve`; killed when dropped.
pub struct Program {
    child: Child,
    /// Where its standard error goes.
    log: PathBuf,
}

/// `kap-fhir` with these words.
pub fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kap-fhir"));
    command.args(words);
    command
}

/// Runs it to its end.
pub fn run(words: &[&str], database: &str) -> Output {
    let mut command = command(words);
    command
        .env("DATABASE_URL", database)
        .output()
        .expect("the program runs")
}

/// An address that is free until the tests end: it is held, and never listened on, so that no other test is given it while
/// the program that listens there is not started yet, or is killed.
pub fn free_address() -> String {
    let held = tokio::net::TcpSocket::new_v4().expect("a socket");
    held.set_reuseaddr(true).expect("shared with the program");
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    held.bind(any).expect("a port");
    let address = held.local_addr().expect("an address").to_string();
    std::mem::forget(held);
    address
}

/// The file in a folder with the key that seals the audit; made once.
pub fn seal(folder: &Path) -> PathBuf {
    let file = folder.join("audit.pem");
    if file.exists() {
        file
    } else {
        audit_key(folder)
    }
}

/// A new file in a folder with a key for private notes.
pub fn keys(folder: &Path) -> PathBuf {
    let path = folder.join(unique("keys"));
    let ring = Ring::generate(&Clock::system()).expect("keys");
    file::create(&path, &ring).expect("key file");
    path
}

impl Program {
    /// Serves at `address` with these further words, until it is ready.
    pub async fn serve(address: &str, database: &str, folder: &Path, more: &[&str]) -> Self {
        let program = Self::begin(address, database, folder, more, "");
        program.ready(&format!("http://{address}")).await;
        program
    }

    /// Begins to serve at `address`. It ends by itself at the place `crash`, where one is named.
    pub fn begin(address: &str, database: &str, folder: &Path, more: &[&str], crash: &str) -> Self {
        let log = folder.join(unique("log"));
        let base = format!("http://{address}");
        let mut words = vec!["serve", "--listen", address];
        if !more.contains(&"--base-url") {
            words.extend(["--base-url", &base]);
        }
        let child = command(&words)
            .args(more)
            .env("DATABASE_URL", database)
            .env("KAP_AUDIT_KEY", seal(folder))
            .env("KAP_DISCLOSURE", "consent-required")
            .env("KAP_CRASH", crash)
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("log"))
            .spawn()
            .expect("the program starts");
        Self { child, log }
    }

    /// Waits until it is ready.
    pub async fn ready(&self, base: &str) {
        let http = kap_fhir::demo::http().expect("client");
        for _ in 0..2400 {
            let answer = http.get(format!("{base}/readyz")).send().await;
            if answer.is_ok_and(|a| a.status().is_success()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the program is not ready: {}", self.said());
    }

    /// Whether it ends by itself within this time.
    pub async fn ends(&mut self, within: Duration) -> bool {
        let begun = std::time::Instant::now();
        loop {
            if self.child.try_wait().expect("a child").is_some() {
                return true;
            }
            if begun.elapsed() >= within {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// What it wrote to standard error so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).expect("log")
    }

    /// The most memory that it had so far, in KiB; `None` where the system does not tell.
    pub fn peak(&self) -> Option<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).ok()?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// Asks it to end, and gives its log.
    pub fn stop(mut self) -> String {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status();
        assert!(asked.expect("kill").success());
        assert!(self.child.wait().expect("end").success(), "{}", self.said());
        self.said()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
