//! Key sets that clients publish at a URL: fetched within limits, kept no longer than they say
//! (<https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html#registering-a-client>).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::guard::{PlainHttp, guard};
use super::jose::Signing;
use super::key::{KeySet, MAX_SET_BYTES};
use crate::clock::Clock;
use crate::error::{Error, Result};

/// How long a set without a word on caching is kept, milliseconds.
const DEFAULT_LIFE: i64 = 300_000;
/// How long any set is kept at most, milliseconds.
const MAX_LIFE: i64 = 24 * 3_600_000;
/// How often an unknown key id may cause a fetch, milliseconds.
const FORCED_EVERY: i64 = 60_000;
/// Failures in a row after which a client's URL is left alone …
const MAX_FAILURES: u32 = 5;
/// … for this long, milliseconds.
const PAUSE: i64 = 30_000;

/// Why there is no key set. For the log: a client learns nothing of it.
type Fault = String;

/// The key sets of all clients that have a URL.
#[derive(Debug)]
pub(super) struct Jwks {
    http: reqwest::Client,
    clock: Clock,
    plain: PlainHttp,
    /// By client id. A client's slot is locked during its fetch: one fetch at a time.
    slots: Mutex<HashMap<Arc<str>, Arc<tokio::sync::Mutex<Slot>>>>,
}

#[derive(Debug, Default)]
struct Slot {
    url: String,
    set: Option<Arc<KeySet>>,
    /// The set may be used before this instant.
    fresh_until: i64,
    /// When the last fetch began.
    fetched_at: i64,
    /// When an unknown key id last caused a fetch.
    forced_at: Option<i64>,
    failures: u32,
    paused_until: i64,
}

impl Jwks {
    pub(super) fn new(clock: Clock, plain: PlainHttp) -> Result<Self> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(3))
            .timeout(Duration::from_secs(5))
            .build()
            .map_err(Error::internal)?;
        Ok(Self {
            http,
            clock,
            plain,
            slots: Mutex::default(),
        })
    }

    /// The key set of `client`, which publishes it at `url`; fetched where the kept one is too old or lacks the key.
    pub(super) async fn get(
        &self,
        client: &Arc<str>,
        url: &str,
        kid: &str,
        signing: Signing,
    ) -> std::result::Result<Arc<KeySet>, Fault> {
        let asked_at = self.clock.millis();
        let slot = self.slot(client);
        let mut slot = slot.lock().await;
        if slot.url != url {
            *slot = Slot {
                url: url.to_owned(),
                ..Slot::default()
            };
        }
        let now = self.clock.millis();
        // A fetch that began after this call was made is as good as one of its own.
        let just_fetched = slot.failures == 0 && slot.fetched_at >= asked_at;
        if let Some(set) = slot
            .set
            .clone()
            .filter(|_| now < slot.fresh_until || just_fetched)
        {
            let spare = slot.forced_at.is_none_or(|at| now - at >= FORCED_EVERY);
            if set.find(kid, signing).is_some() || !spare {
                return Ok(set);
            }
            slot.forced_at = Some(now);
            // The kept set stays good where this fetch fails: the client's own words allow it.
            return Ok(self.refresh(&mut slot, now).await.unwrap_or(set));
        }
        slot.set = None;
        self.refresh(&mut slot, now).await
    }

    /// Forgets what is kept for `client`.
    pub(super) fn forget(&self, client: &str) {
        self.slots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(client);
    }

    fn slot(&self, client: &Arc<str>) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(client.clone()).or_default().clone()
    }

    async fn refresh(&self, slot: &mut Slot, now: i64) -> std::result::Result<Arc<KeySet>, Fault> {
        if now < slot.paused_until {
            return Err("the URL failed too often and is left alone for a while".into());
        }
        match self.fetch(&slot.url).await {
            Ok((set, life)) => {
                let set = Arc::new(set);
                *slot = Slot {
                    url: std::mem::take(&mut slot.url),
                    set: Some(set.clone()),
                    fresh_until: now + life,
                    fetched_at: now,
                    forced_at: slot.forced_at,
                    ..Slot::default()
                };
                Ok(set)
            }
            Err(fault) => {
                slot.failures += 1;
                if slot.failures >= MAX_FAILURES {
                    slot.failures = 0;
                    slot.paused_until = now + PAUSE;
                }
                Err(fault)
            }
        }
    }

    /// Fetches a set and says how long it may be kept, milliseconds.
    async fn fetch(&self, url: &str) -> std::result::Result<(KeySet, i64), Fault> {
        let url = guard(url, self.plain)?;
        let request = self.http.get(url).header("accept", "application/json");
        let mut response = request
            .send()
            .await
            .map_err(|e| e.without_url().to_string())?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(format!("the URL answers {}", response.status().as_u16()));
        }
        let header = |name: &str| response.headers().get(name).and_then(|v| v.to_str().ok());
        let life = life(header("cache-control"), header("age"));
        let mut body = vec![];
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|e| e.without_url().to_string())?
        {
            if body.len() + chunk.len() > MAX_SET_BYTES {
                return Err("the key set is larger than 64 KiB".into());
            }
            body.extend_from_slice(&chunk);
        }
        let text = std::str::from_utf8(&body).map_err(|_| "the key set is not UTF-8")?;
        Ok((KeySet::parse(text)?, life))
    }
}

/// How long an answer may be kept, milliseconds (RFC 9111 §4.2, §5.2.2).
fn life(cache_control: Option<&str>, age: Option<&str>) -> i64 {
    let Some(text) = cache_control else {
        return DEFAULT_LIFE;
    };
    let mut life = DEFAULT_LIFE;
    for directive in text.split(',').map(|d| d.trim().to_ascii_lowercase()) {
        if directive == "no-store" || directive.starts_with("no-cache") {
            return 0;
        }
        if let Some(seconds) = directive.strip_prefix("max-age=") {
            // What cannot be read is taken as the shortest.
            let seconds: i64 = seconds.trim_matches('"').parse().unwrap_or(0);
            let old: i64 = age.and_then(|age| age.trim().parse().ok()).unwrap_or(0);
            life = seconds
                .saturating_sub(old.max(0))
                .saturating_mul(1000)
                .clamp(0, MAX_LIFE);
        }
    }
    life
}

#[cfg(test)]
pub(super) mod tests;
