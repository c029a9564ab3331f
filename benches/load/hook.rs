//! The endpoints of subscribers, each on a loopback address of its own: the service makes few calls to one host at once.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use kap_fhir::error::{Error, Result};
use serde::Deserialize;

/// What arrived.
#[derive(Debug, Default)]
pub struct Arrived {
    /// When each document was told, by its id.
    pub times: Mutex<HashMap<String, Vec<Instant>>>,
    /// The last number of each subscription.
    last: Mutex<HashMap<usize, i64>>,
    pub events: AtomicUsize,
    pub calls: AtomicUsize,
    /// Events that were not the next one.
    pub astray: AtomicUsize,
    pub refuses: AtomicBool,
}

#[derive(Deserialize)]
struct Set {
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    resource: Option<Status>,
}

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    parameter: Vec<Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    name: String,
    #[serde(default)]
    part: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    name: String,
    #[serde(rename = "valueString")]
    text: Option<String>,
    #[serde(rename = "valueReference")]
    reference: Option<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    reference: String,
}

async fn hook(State(all): State<Arc<Arrived>>, Path(of): Path<usize>, body: Bytes) -> StatusCode {
    let now = Instant::now();
    if all.refuses.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let Ok(set) = serde_json::from_slice::<Set>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    all.calls.fetch_add(1, Ordering::SeqCst);
    let status = set.entry.into_iter().next().and_then(|e| e.resource);
    let told = status.into_iter().flat_map(|s| s.parameter);
    for event in told.filter(|p| p.name == "notification-event") {
        all.event(of, &event, now);
    }
    StatusCode::OK
}

impl Arrived {
    fn event(&self, of: usize, event: &Parameter, now: Instant) {
        let part = |name: &str| event.part.iter().find(|p| p.name == name);
        let number = part("event-number").and_then(|p| p.text.as_ref()?.parse().ok());
        let number: i64 = number.unwrap_or_default();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.entry(of).or_default();
        if number != *last + 1 {
            self.astray.fetch_add(1, Ordering::SeqCst);
        }
        *last = number.max(*last);
        let focus = part("focus").and_then(|p| Some(&p.reference.as_ref()?.reference));
        if let Some((_, id)) = focus.and_then(|url| url.rsplit_once('/')) {
            let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
            times.entry(id.to_owned()).or_default().push(now);
        }
        self.events.fetch_add(1, Ordering::SeqCst);
    }

    /// Events that arrived.
    pub fn told(&self) -> usize {
        self.events.load(Ordering::SeqCst)
    }
}

/// Endpoints of subscribers, each on a host of its own: their URLs.
pub async fn endpoints(all: &Arc<Arrived>, count: usize) -> Result<Vec<String>> {
    let mut urls = vec![];
    for n in 0..count {
        let host = Ipv4Addr::new(
            127,
            1,
            u8::try_from(n / 250).unwrap_or(255),
            (n % 250) as u8 + 1,
        );
        let listener = tokio::net::TcpListener::bind(SocketAddr::from((host, 0))).await;
        let listener = listener.map_err(Error::internal)?;
        let address = listener.local_addr().map_err(Error::internal)?;
        let router = Router::new()
            .route("/{of}", post(hook))
            .with_state(all.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "the server of a bench ends with it"
        )]
        tokio::spawn(async move { axum::serve(listener, router).await });
        urls.push(format!("http://{address}/{n}"));
    }
    Ok(urls)
}
