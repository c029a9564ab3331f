//! The receivers that the project gives to integrators, in Python and JavaScript, against a service that runs. The one in Rust
//! is what all of these tests judge by.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use kap_fhir::demo::player::Caller;
use reqwest::Method;
use serde_json::{Value, json};

use crate::app::Db;
use crate::both;
use crate::crash::{Place, practice};
use crate::fhir_door::{only, post, text};
use crate::idempotency::beginning;
use crate::program::free_address;

both!(receivers_take_what_is_genuine_and_refuse_the_rest);

/// A receiver that runs; killed when dropped.
struct Running {
    child: Child,
    lines: Receiver<String>,
    port: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "scripts/test names the interpreters of this run"
)]
fn interpreter(variable: &str, otherwise: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| otherwise.to_owned())
}

impl Running {
    fn start(interpreter: &str, file: &str, base: &str) -> Self {
        let path = format!("{}/tests/receivers/{file}", env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(interpreter)
            .args([&path, "0"])
            .env("KAP_BASE", base)
            .stdout(Stdio::piped())
            .spawn()
            .expect("run scripts/test, which finds node and Python");
        let out = BufReader::new(child.stdout.take().expect("its words"));
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        let mut running = Self {
            child,
            lines,
            port: String::new(),
        };
        let said = running.next();
        running.port = said.replace("listening ", "");
        running
    }

    /// What it says next.
    fn next(&self) -> String {
        let patience = Duration::from_secs(30);
        self.lines.recv_timeout(patience).expect("a word of it")
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }
}

async fn receivers_take_what_is_genuine_and_refuse_the_rest(db: Db) {
    let address = free_address();
    let base = format!("http://{address}");
    let (place, accounts) = Place::new(db, &base).await;
    let program = place.program_with(&address, &["--local-endpoints"]).await;
    let caller = practice(&base, &accounts).await;
    let mut body = kap_fhir::demo::script::script(&beginning())[0].body.clone();
    body.as_object_mut().map(|o| o.remove("at"));
    let opened = caller
        .send(Method::POST, "/kap/v1/episodes", Some((&body, "open")))
        .await;
    assert_eq!(opened.expect("answer").status, 201);
    let patient = text(&only(&caller, "/fhir/Patient").await["id"]).to_owned();
    let all = [
        Running::start(&interpreter("KAP_TEST_NODE", "node"), "receiver.mjs", &base),
        Running::start(
            &interpreter("KAP_TEST_PYTHON", "python3"),
            "receiver.py",
            &base,
        ),
    ];
    for running in &all {
        let ask = json!({ "topic": "kap-document-available", "url": running.url() });
        let request = caller.http.post(format!("{base}/kap/v1/webhooks"));
        let answer = request.bearer_auth(&caller.token).json(&ask).send().await;
        assert_eq!(answer.expect("answer").status(), 201);
        // Its first key is made with the first webhook: the receiver read none before, and reads the set again.
        assert_eq!(running.next(), "took handshake -");
    }
    let document = json!({ "resourceType": "DocumentReference", "status": "current",
        "subject": { "reference": format!("Patient/{patient}") },
        "content": [{ "attachment": { "contentType": "text/plain", "title": "a letter" } }] });
    post(&caller, "/fhir/DocumentReference", &document)
        .await
        .expect(201);
    for running in &all {
        assert_eq!(running.next(), "took kap-document-available 1");
        forged(&caller, &running.url()).await;
        assert_eq!(running.next(), "refused");
    }
    drop(program);
}

/// A call that nobody signed.
async fn forged(caller: &Caller, url: &str) {
    let body: Value = json!({ "type": "kap-document-available", "data": { "number": 2 } });
    let now = kap_fhir::clock::Clock::system().millis() / 1000;
    let request = caller.http.post(url).header("webhook-id", "kap_x_2_2");
    let request = request.header("webhook-timestamp", now.to_string());
    let request = request.header("webhook-signature", "v1a,AAAA");
    let answer = request.json(&body).send().await.expect("answer");
    assert_eq!(answer.status(), 401);
}
