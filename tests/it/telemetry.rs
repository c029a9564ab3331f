//! Traces leave as OTLP with the caller's trace id; the log has one line per request and no path.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::Uri;

use crate::app::audit_key;
use crate::app::tempdir::Folder;
use crate::program::keys;

pub type Seen = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A collector that keeps what it is sent.
pub async fn collector() -> (String, Seen) {
    let seen = Seen::default();
    let take = |State(seen): State<Seen>, uri: Uri, body: Bytes| async move {
        seen.lock()
            .expect("lock")
            .push((uri.path().to_owned(), body.to_vec()));
    };
    let router = axum::Router::new().fallback(take).with_state(seen.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("bind");
    let url = format!("http://{}", listener.local_addr().expect("address"));
    #[expect(
        clippy::disallowed_methods,
        reason = "the collector lives as long as its test"
    )]
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, seen)
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    listener.local_addr().expect("address").port()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_leave_and_nothing_of_the_path_is_logged() {
    let (collector, seen) = collector().await;
    let folder = Folder::new();
    let port = free_port();
    let mut service = Command::new(env!("CARGO_BIN_EXE_kap-fhir"))
        .args([
            "serve",
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--otlp-endpoint",
            &collector,
        ])
        .env("KAP_AUDIT_KEY", audit_key(folder.path()))
        .env("KAP_DISCLOSURE", "consent-required")
        .env(
            "DATABASE_URL",
            format!("sqlite:{}", folder.path().join("kap.db").display()),
        )
        .env("KAP_PRIVATE_KEYS", keys(folder.path()))
        .stderr(Stdio::piped())
        .spawn()
        .expect("the service starts");
    let http = kap_fhir::demo::http().expect("client");
    let base = format!("http://127.0.0.1:{port}");
    for _ in 0..200 {
        if http
            .get(format!("{base}/readyz"))
            .send()
            .await
            .is_ok_and(|r| r.status() == 200)
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let answer = http
        .get(format!("{base}/fhir/Patient/ZZPHI-7f3a"))
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .send()
        .await
        .expect("answer");
    assert_eq!(answer.status(), 401);
    assert!(answer.headers().contains_key("x-request-id"));
    let stopped = Command::new("kill")
        .args(["-TERM", &service.id().to_string()])
        .status();
    assert!(stopped.expect("kill").success());
    let mut log = String::new();
    let mut stderr = service.stderr.take().expect("stderr");
    std::io::Read::read_to_string(&mut stderr, &mut log).expect("log");
    assert!(service.wait().expect("end").success(), "{log}");
    let sent = seen.lock().expect("lock").clone();
    let id: Vec<u8> = (0..16)
        .map(|i| u8::from_str_radix(&trace[2 * i..2 * i + 2], 16).expect("hex"))
        .collect();
    let has = |body: &[u8], what: &[u8]| body.windows(what.len()).any(|w| w == what);
    assert!(
        sent.iter()
            .any(|(path, body)| path == "/v1/traces" && has(body, &id)),
        "no trace arrived"
    );
    assert!(
        sent.iter().any(|(path, _)| path == "/v1/metrics"),
        "no metrics arrived"
    );
    assert!(
        sent.iter().all(|(_, body)| !has(body, b"ZZPHI")),
        "a path was exported"
    );
    let line = log
        .lines()
        .find(|l| l.contains("/fhir/{type}/{id}"))
        .expect("a line for the request");
    assert!(
        line.contains("\"status\":401") && line.contains("request_id"),
        "{line}"
    );
    assert!(!log.contains("ZZPHI"), "{log}");
}
