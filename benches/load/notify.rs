//! Notifications: how long after its commit an event arrives, how many arrive in a second, and how a backlog drains.
//!
//! Each subscription has an endpoint on a loopback address of its own: the service makes few calls to one host at once.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use futures_util::future::join_all;
use kap_fhir::error::{Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::figures::memory;

const TOPIC: &str = "https://kap-interop.example.org/fhir/SubscriptionTopic/kap-document-available";
const EXTENSION: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-";
/// Documents of one transaction while a backlog is made.
const TOGETHER: usize = 200;

/// A service that is measured.
#[derive(Clone, Debug)]
pub struct Measured {
    pub base: String,
    pub token: String,
    pub pid: u32,
    pub patients: Vec<String>,
}

/// What arrived.
#[derive(Debug, Default)]
struct Arrived {
    /// When each document was told, by its id.
    times: Mutex<HashMap<String, Vec<Instant>>>,
    /// The last number of each subscription.
    last: Mutex<HashMap<usize, i64>>,
    events: AtomicUsize,
    calls: AtomicUsize,
    /// Events that were not the next one.
    astray: AtomicUsize,
    refuses: AtomicBool,
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

    fn told(&self) -> usize {
        self.events.load(Ordering::SeqCst)
    }
}

/// Endpoints of subscribers, each on a host of its own: their URLs.
async fn endpoints(all: &Arc<Arrived>, count: usize) -> Result<Vec<String>> {
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
        tokio::spawn(async move { axum::serve(listener, router).await });
        urls.push(format!("http://{address}/{n}"));
    }
    Ok(urls)
}

impl Measured {
    async fn send(
        &self,
        http: &reqwest::Client,
        method: reqwest::Method,
        path: &str,
        body: &Value,
    ) -> Result<Value> {
        let request = http.request(method, format!("{}{path}", self.base));
        let request = request.bearer_auth(&self.token);
        let request = request.header("Content-Type", "application/fhir+json");
        let answer = request
            .body(body.to_string())
            .send()
            .await
            .map_err(Error::internal)?;
        let status = answer.status();
        let text = answer.text().await.map_err(Error::internal)?;
        if !status.is_success() {
            return Err(Error::internal(format!("{path}: {status} {text}")));
        }
        Ok(serde_json::from_str(&text).unwrap_or_default())
    }

    /// A subscription to the documents of one patient, or of all.
    async fn subscribe(
        &self,
        http: &reqwest::Client,
        endpoint: &str,
        of: Option<&str>,
    ) -> Result<Value> {
        let mut body = json!({
            "resourceType": "Subscription", "status": "requested", "reason": "bench", "criteria": TOPIC,
            "channel": { "type": "rest-hook", "endpoint": endpoint, "payload": "application/fhir+json",
                "_payload": { "extension": [{ "url": format!("{EXTENSION}payload-content"), "valueCode": "id-only" }] } },
        });
        if let Some(patient) = of {
            let filter = format!("DocumentReference?patient=Patient/{patient}");
            body["_criteria"] = json!({ "extension": [{ "url": format!("{EXTENSION}filter-criteria"), "valueString": filter }] });
        }
        self.send(http, reqwest::Method::POST, "/fhir/Subscription", &body)
            .await
    }

    fn document(&self, n: usize) -> Value {
        let patient = &self.patients[n % self.patients.len()];
        json!({ "resourceType": "DocumentReference", "status": "current",
            "subject": { "reference": format!("Patient/{patient}") },
            "content": [{ "attachment": { "contentType": "text/plain", "title": "a letter" } }] })
    }
}

async fn until(
    what: &str,
    within: Duration,
    mut done: impl AsyncFnMut() -> Result<bool>,
) -> Result<()> {
    let begun = Instant::now();
    while !done().await? {
        if begun.elapsed() > within {
            return Err(Error::internal(format!("not within {within:?}: {what}")));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// `events` documents a second for `seconds`, with `subscriptions` that each hear of one patient's or of all.
pub async fn stream(
    of: &Measured,
    (subscriptions, spread): (usize, bool),
    (events, seconds): (usize, u64),
) -> Result<()> {
    let all = Arc::new(Arrived::default());
    let http = kap_fhir::demo::http()?;
    let urls = endpoints(&all, subscriptions).await?;
    let mut made = vec![];
    for (n, url) in urls.iter().enumerate() {
        let patient = spread.then(|| &*of.patients[n]);
        made.push(of.subscribe(&http, url, patient).await?);
    }
    until("handshakes", Duration::from_secs(60), async || {
        Ok(all.calls.load(Ordering::SeqCst) >= subscriptions)
    })
    .await?;
    let begun = Instant::now();
    let pause = Duration::from_secs_f64(1.0 / events as f64);
    let total = events * seconds as usize;
    let mut writes = tokio::task::JoinSet::new();
    for n in 0..total {
        tokio::time::sleep_until((begun + pause * n as u32).into()).await;
        let (of, http) = (of.clone(), http.clone());
        // Of the patients that are listened to.
        let document = of.document(n % subscriptions);
        writes.spawn(async move {
            let made = of
                .send(
                    &http,
                    reqwest::Method::POST,
                    "/fhir/DocumentReference",
                    &document,
                )
                .await;
            made.map(|m| {
                (
                    m["id"].as_str().unwrap_or_default().to_owned(),
                    Instant::now(),
                )
            })
        });
    }
    let mut committed = vec![];
    while let Some(one) = writes.join_next().await {
        committed.push(one.map_err(Error::internal)??);
    }
    let wrote = begun.elapsed();
    let wanted = total * if spread { 1 } else { subscriptions };
    until("every event", Duration::from_secs(300), async || {
        Ok(all.told() >= wanted)
    })
    .await?;
    let took = begun.elapsed();
    let times = all.times.lock().unwrap_or_else(PoisonError::into_inner);
    let mut late: Vec<f64> = committed
        .iter()
        .flat_map(|(id, at)| {
            let all = times.get(id).into_iter().flatten();
            all.map(|told| told.saturating_duration_since(*at).as_secs_f64() * 1000.0)
        })
        .collect();
    late.sort_by(f64::total_cmp);
    let place = |part: f64| late[((late.len() - 1) as f64 * part) as usize];
    println!(
        "| {} | {subscriptions} | {:.0} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {} | {} | {:.0} |",
        if spread {
            "one hears each event"
        } else {
            "all hear each event"
        },
        total as f64 / wrote.as_secs_f64(),
        late.len(),
        late.len() as f64 / took.as_secs_f64(),
        place(0.5),
        place(0.95),
        place(0.99),
        place(1.0),
        all.calls.load(Ordering::SeqCst) - subscriptions,
        all.astray.load(Ordering::SeqCst),
        memory(of.pid),
    );
    drop(times);
    for one in made {
        let path = format!(
            "/fhir/Subscription/{}",
            one["id"].as_str().unwrap_or_default()
        );
        of.send(&http, reqwest::Method::DELETE, &path, &Value::Null)
            .await?;
    }
    Ok(())
}

/// The head of what [`stream`] prints.
pub const HEAD: &str = "\n| | subscriptions | events/s | told | told/s | p50 ms | p95 ms | p99 ms | max ms | calls | astray | MB |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

/// `events` that wait for `subscriptions` of which nobody answers, and drain once they do.
pub async fn backlog(of: &Measured, subscriptions: usize, events: usize) -> Result<()> {
    let all = Arc::new(Arrived::default());
    let http = kap_fhir::demo::http()?;
    let mut made = vec![];
    for url in endpoints(&all, subscriptions).await? {
        made.push(of.subscribe(&http, &url, None).await?);
    }
    until("handshakes", Duration::from_secs(60), async || {
        Ok(all.calls.load(Ordering::SeqCst) >= subscriptions)
    })
    .await?;
    // A handshake that fails puts it in error: what happens meanwhile has its numbers and waits.
    all.refuses.store(true, Ordering::SeqCst);
    for one in &made {
        begin(of, &http, one, 3600).await?;
    }
    until("errors", Duration::from_secs(120), async || {
        let path = "/fhir/Subscription?status=error&_summary=count";
        let found = of
            .send(&http, reqwest::Method::GET, path, &Value::Null)
            .await?;
        Ok(found["total"] == subscriptions)
    })
    .await?;
    let begun = Instant::now();
    let bundles: Vec<usize> = (0..events / TOGETHER).collect();
    for some in bundles.chunks(4) {
        let sent = some.iter().map(|_| async {
            let entry = |n| json!({ "resource": of.document(n), "request": { "method": "POST", "url": "DocumentReference" } });
            let entries: Vec<Value> = (0..TOGETHER).map(entry).collect();
            let body = json!({ "resourceType": "Bundle", "type": "batch", "entry": entries });
            of.send(&http, reqwest::Method::POST, "/fhir", &body).await
        });
        for done in join_all(sent).await {
            done?;
        }
    }
    let (wrote, before) = (begun.elapsed(), memory(of.pid));
    all.refuses.store(false, Ordering::SeqCst);
    let begun = Instant::now();
    for one in &made {
        begin(of, &http, one, 7200).await?;
    }
    let mut most = before;
    let wanted = events / TOGETHER * TOGETHER * subscriptions;
    until("the backlog", Duration::from_secs(900), async || {
        most = most.max(memory(of.pid));
        Ok(all.told() >= wanted)
    })
    .await?;
    let took = begun.elapsed().as_secs_f64();
    println!(
        "backlog: {events} events written in {:.0} s; {wanted} told to {subscriptions} in {took:.1} s ({:.0}/s, {} calls, \
         {} astray); memory {before:.0} MB before, {most:.0} MB at most, {:.0} MB after",
        wrote.as_secs_f64(),
        wanted as f64 / took,
        all.calls.load(Ordering::SeqCst) - 2 * subscriptions,
        all.astray.load(Ordering::SeqCst),
        memory(of.pid),
    );
    for one in made {
        let path = format!(
            "/fhir/Subscription/{}",
            one["id"].as_str().unwrap_or_default()
        );
        of.send(&http, reqwest::Method::DELETE, &path, &Value::Null)
            .await?;
    }
    Ok(())
}

/// Begins a subscription anew: it is changed, and shakes hands.
async fn begin(of: &Measured, http: &reqwest::Client, one: &Value, beat: u32) -> Result<()> {
    let path = format!(
        "/fhir/Subscription/{}",
        one["id"].as_str().unwrap_or_default()
    );
    let mut now = of
        .send(http, reqwest::Method::GET, &path, &Value::Null)
        .await?;
    now["status"] = json!("requested");
    now["channel"]["extension"] =
        json!([{ "url": format!("{EXTENSION}heartbeat-period"), "valueUnsignedInt": beat }]);
    of.send(http, reqwest::Method::PUT, &path, &now)
        .await
        .map(drop)
}
