//! Notifications: how long after its commit an event arrives, how many arrive in a second, and how a backlog drains.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use kap_fhir::error::{Error, Result};
use reqwest::Method;
use serde_json::{Value, json};

use crate::figures::memory;
use crate::hook::{Arrived, endpoints};

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

impl Measured {
    async fn send(
        &self,
        http: &reqwest::Client,
        method: Method,
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
        self.send(http, Method::POST, "/fhir/Subscription", &body)
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

/// Subscriptions that have shaken hands.
struct Listening<'a> {
    of: &'a Measured,
    http: reqwest::Client,
    all: Arc<Arrived>,
    made: Vec<Value>,
}

impl<'a> Listening<'a> {
    /// So many, each to the documents of a patient of its own (`spread`) or of all.
    async fn begin(of: &'a Measured, subscriptions: usize, spread: bool) -> Result<Self> {
        let all = Arc::new(Arrived::default());
        let http = kap_fhir::demo::http()?;
        let mut made = vec![];
        let urls = endpoints(&all, subscriptions).await?;
        for (n, url) in urls.iter().enumerate() {
            let patient = spread.then(|| &*of.patients[n]);
            made.push(of.subscribe(&http, url, patient).await?);
        }
        until("handshakes", Duration::from_mins(1), async || {
            Ok(all.calls.load(Ordering::SeqCst) >= subscriptions)
        })
        .await?;
        // What was seeded waits to be numbered: a first document comes after all of it.
        let heard = if spread { 1 } else { subscriptions };
        let document = of.document(0);
        let path = "/fhir/DocumentReference";
        of.send(&http, Method::POST, path, &document).await?;
        until("a first event", Duration::from_mins(5), async || {
            Ok(all.calls.load(Ordering::SeqCst) >= subscriptions + heard)
        })
        .await?;
        all.calls.store(0, Ordering::SeqCst);
        all.events.store(0, Ordering::SeqCst);
        Ok(Self {
            of,
            http,
            all,
            made,
        })
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        self.of.send(&self.http, method, path, body).await
    }

    /// Writes so many documents in a second, for so many seconds: the id of each and when its commit was told.
    async fn write(&self, events: usize, seconds: u64) -> Result<Vec<(String, Instant)>> {
        let begun = Instant::now();
        let pause = Duration::from_secs_f64(1.0 / events as f64);
        let mut writes = tokio::task::JoinSet::new();
        for n in 0..events * seconds as usize {
            tokio::time::sleep_until((begun + pause * n as u32).into()).await;
            let (of, http) = (self.of.clone(), self.http.clone());
            // Of the patients that are listened to.
            let document = of.document(n % self.made.len());
            writes.spawn(async move {
                let path = "/fhir/DocumentReference";
                let made = of.send(&http, Method::POST, path, &document).await?;
                Ok::<_, Error>((id(&made), Instant::now()))
            });
        }
        let mut committed = vec![];
        while let Some(one) = writes.join_next().await {
            committed.push(one.map_err(Error::internal)??);
        }
        Ok(committed)
    }

    /// Milliseconds from each commit to each of its arrivals, ascending.
    fn late(&self, committed: &[(String, Instant)]) -> Vec<f64> {
        let times = self
            .all
            .times
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let of = |(id, at): &(String, Instant)| {
            let all = times.get(id).into_iter().flatten();
            all.map(|told| told.saturating_duration_since(*at).as_secs_f64() * 1000.0)
                .collect::<Vec<f64>>()
        };
        let mut late: Vec<f64> = committed.iter().flat_map(of).collect();
        late.sort_by(f64::total_cmp);
        late
    }

    /// Changes each, so that it begins anew with a handshake.
    async fn anew(&self, beat: u32) -> Result<()> {
        for one in &self.made {
            let path = format!("/fhir/Subscription/{}", id(one));
            let mut now = self.send(Method::GET, &path, &Value::Null).await?;
            now["status"] = json!("requested");
            let url = format!("{EXTENSION}heartbeat-period");
            let extension = json!([{ "url": url, "valueUnsignedInt": beat }]);
            now["channel"]["extension"] = extension;
            self.send(Method::PUT, &path, &now).await?;
        }
        Ok(())
    }

    /// Puts each in error: what happens meanwhile has its numbers and waits.
    async fn fail(&self) -> Result<()> {
        self.all.refuses.store(true, Ordering::SeqCst);
        self.anew(3600).await?;
        until("errors", Duration::from_mins(2), async || {
            let path = "/fhir/Subscription?status=error&_summary=count";
            let found = self.send(Method::GET, path, &Value::Null).await?;
            Ok(found["total"] == self.made.len())
        })
        .await
    }

    /// Writes documents in bundles; how many.
    async fn fill(&self, events: usize) -> Result<usize> {
        let bundles: Vec<usize> = (0..events / TOGETHER).collect();
        for some in bundles.chunks(4) {
            let sent = some.iter().map(|_| async {
                let request = json!({ "method": "POST", "url": "DocumentReference" });
                let entry = |n| json!({ "resource": self.of.document(n), "request": request });
                let entries: Vec<Value> = (0..TOGETHER).map(entry).collect();
                let body = json!({ "resourceType": "Bundle", "type": "batch", "entry": entries });
                self.send(Method::POST, "/fhir", &body).await
            });
            for done in join_all(sent).await {
                done?;
            }
        }
        Ok(bundles.len() * TOGETHER)
    }

    async fn end(self) -> Result<()> {
        for one in &self.made {
            let path = format!("/fhir/Subscription/{}", id(one));
            self.send(Method::DELETE, &path, &Value::Null).await?;
        }
        Ok(())
    }
}

fn id(resource: &Value) -> String {
    resource["id"].as_str().unwrap_or_default().to_owned()
}

/// The head of what [`stream`] prints.
pub const HEAD: &str = "\n| | subscriptions | events/s | told | told/s | p50 ms | p95 ms | p99 ms | max ms | calls | astray | MB |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|";

/// `events` documents a second for `seconds`, with `subscriptions` that each hear of one patient's or of all.
pub async fn stream(
    of: &Measured,
    (subscriptions, spread): (usize, bool),
    (events, seconds): (usize, u64),
) -> Result<()> {
    let own = Listening::begin(of, subscriptions, spread).await?;
    let begun = Instant::now();
    let committed = own.write(events, seconds).await?;
    let wrote = begun.elapsed().as_secs_f64();
    let wanted = committed.len() * if spread { 1 } else { subscriptions };
    until("every event", Duration::from_mins(5), async || {
        Ok(own.all.told() >= wanted)
    })
    .await?;
    let took = begun.elapsed().as_secs_f64();
    let late = own.late(&committed);
    let place = |part: f64| late[((late.len() - 1) as f64 * part) as usize];
    let who = if spread { "one hears" } else { "all hear" };
    println!(
        "| {who} each event | {subscriptions} | {:.0} | {} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {} | {} | {:.0} |",
        committed.len() as f64 / wrote,
        late.len(),
        late.len() as f64 / took,
        place(0.5),
        place(0.95),
        place(0.99),
        place(1.0),
        own.all.calls.load(Ordering::SeqCst),
        own.all.astray.load(Ordering::SeqCst),
        memory(of.pid),
    );
    own.end().await
}

/// `events` that wait for `subscriptions` of which nobody answers, and drain once they do.
pub async fn backlog(of: &Measured, subscriptions: usize, events: usize) -> Result<()> {
    let own = Listening::begin(of, subscriptions, false).await?;
    own.fail().await?;
    let begun = Instant::now();
    let wanted = own.fill(events).await? * subscriptions;
    let (wrote, before) = (begun.elapsed().as_secs_f64(), memory(of.pid));
    own.all.refuses.store(false, Ordering::SeqCst);
    let begun = Instant::now();
    own.anew(7200).await?;
    let mut most = before;
    until("the backlog", Duration::from_mins(15), async || {
        most = most.max(memory(of.pid));
        Ok(own.all.told() >= wanted)
    })
    .await?;
    let took = begun.elapsed().as_secs_f64();
    println!(
        "backlog: {events} events written in {wrote:.0} s; {wanted} told to {subscriptions} in {took:.1} s ({:.0}/s, {} calls, \
         {} astray); memory {before:.0} MB before, {most:.0} MB at most, {:.0} MB after",
        wanted as f64 / took,
        own.all.calls.load(Ordering::SeqCst),
        own.all.astray.load(Ordering::SeqCst),
        memory(of.pid),
    );
    own.end().await
}
