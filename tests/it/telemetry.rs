//! Traces leave as OTLP with the caller's trace id; the log has one line per request and no path.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::Uri;

use crate::app::tempdir::Folder;
use crate::program::{Program, free_address, keys};

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_leave_and_nothing_of_the_path_is_logged() {
    let (collector, seen) = collector().await;
    let folder = Folder::new();
    let address = free_address();
    let database = format!("sqlite:{}", folder.path().join("kap.db").display());
    let keys = keys(folder.path()).display().to_string();
    let words = ["--otlp-endpoint", &collector, "--private-keys", &keys];
    let service = Program::serve(&address, &database, folder.path(), &words).await;
    let http = kap_fhir::demo::http().expect("client");
    let base = format!("http://{address}");
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let answer = http
        .get(format!("{base}/fhir/Patient/ZZPHI-7f3a"))
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .send()
        .await
        .expect("answer");
    assert_eq!(answer.status(), 401);
    assert!(answer.headers().contains_key("x-request-id"));
    let log = service.stop();
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
