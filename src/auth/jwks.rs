//! Key sets that clients publish at a URL: fetched within limits, kept no longer than they say
//! (<https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html#registering-a-client>).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::jose::Signing;
use super::key::{KeySet, MAX_SET_BYTES};
use crate::clock::Clock;
use crate::error::Result;
use crate::net::{self, Lookup, PlainHttp, guard};

/// How long a set without a word on caching is kept, milliseconds.
const DEFAULT_LIFE: i64 = 300_000;
/// How long any set is kept at most, milliseconds.
const MAX_LIFE: i64 = 24 * 3_600_000;
/// How often an unknown key id may cause a fetch, milliseconds.
const FORCED_EVERY: i64 = 60_000;
/// Failures in a row after which a URL is left alone …
const MAX_FAILURES: u32 = 5;
/// … for this long, milliseconds.
const PAUSE: i64 = 30_000;

/// Why there is no key set. For the log: a client learns nothing of it.
type Fault = String;
type Outcome = std::result::Result<Arc<KeySet>, Fault>;

/// The key sets that clients publish.
#[derive(Debug)]
pub(super) struct Jwks {
    fetcher: Fetcher,
    clock: Clock,
    slots: Mutex<HashMap<Arc<str>, Arc<Slot>>>,
}

/// Which key is wanted, and where it should be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) url: &'a str,
    pub(super) kid: &'a str,
    pub(super) signing: Signing,
    /// A set that was fetched before this instant is not good enough: the client was changed then.
    pub(super) since: i64,
}

/// What is kept of one URL.
#[derive(Debug, Default)]
struct Slot {
    /// How many fetches have ended. Raised while `kept` is locked.
    ended: AtomicU64,
    /// Locked during a fetch: one at a time.
    kept: Arc<tokio::sync::Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    /// What the last fetch gave, and when it began.
    last: Option<Outcome>,
    tried_at: i64,
    /// The last set that came, which may be used before `fresh_until`.
    set: Option<Arc<KeySet>>,
    fresh_until: i64,
    /// When the fetch began that brought the set.
    fetched_at: i64,
    /// When an unknown key id last caused a fetch.
    forced_at: Option<i64>,
    failures: u32,
    paused_until: i64,
}

impl Jwks {
    pub(super) fn new(clock: Clock, plain: PlainHttp, lookup: Lookup) -> Result<Self> {
        let http = net::client(plain, lookup)?;
        Ok(Self {
            fetcher: Fetcher { http, plain },
            clock,
            slots: Mutex::default(),
        })
    }

    /// The set at a URL: fetched where the kept one is too old or lacks the wanted key.
    pub(super) async fn get(&self, wanted: Wanted<'_>) -> Outcome {
        let slot = self.slot(wanted.url);
        let ended = slot.ended.load(Ordering::Acquire);
        let mut kept = slot.kept.clone().lock_owned().await;
        if slot.ended.load(Ordering::Acquire) != ended
            && let Some(last) = kept.last.clone().filter(|_| kept.tried_at >= wanted.since)
        {
            // A fetch that ended while this call waited is as good as one of its own, and so is its failure.
            return last;
        }
        let now = self.clock.millis();
        if let Some(set) = kept.good(now, wanted.since) {
            let spare = kept.forced_at.is_none_or(|at| now - at >= FORCED_EVERY);
            if set.find(wanted.kid, wanted.signing).is_some() || !spare {
                return Ok(set);
            }
            kept.forced_at = Some(now);
            // The kept set stays good where this fetch fails: the client's own words allow it.
            return Ok(self.refresh(wanted.url, &slot, kept).await.unwrap_or(set));
        }
        self.refresh(wanted.url, &slot, kept).await
    }

    fn slot(&self, url: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(url) {
            return slot.clone();
        }
        slots.entry(url.into()).or_default().clone()
    }

    async fn refresh(
        &self,
        url: &str,
        slot: &Arc<Slot>,
        mut kept: OwnedMutexGuard<Kept>,
    ) -> Outcome {
        let now = self.clock.millis();
        if now < kept.paused_until {
            return Err("the URL failed too often and is left alone for a while".into());
        }
        let (fetcher, url, slot) = (self.fetcher.clone(), url.to_owned(), slot.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "a caller that hangs up must not end the fetch for those who wait; it ends by itself in five seconds"
        )]
        let fetch = tokio::spawn(async move {
            let outcome = kept.note(fetcher.fetch(&url).await, now);
            slot.ended.fetch_add(1, Ordering::Release);
            outcome
        });
        fetch.await.unwrap_or_else(|fault| Err(fault.to_string()))
    }
}

impl Kept {
    /// The set, if it may be used now by a client that was last changed at `since`.
    fn good(&self, now: i64, since: i64) -> Option<Arc<KeySet>> {
        let fresh = now < self.fresh_until && self.fetched_at >= since;
        self.set.clone().filter(|_| fresh)
    }

    /// Keeps what a fetch gave that began at `now`.
    fn note(&mut self, fetched: std::result::Result<(KeySet, i64), Fault>, now: i64) -> Outcome {
        let outcome = match fetched {
            Ok((set, life)) => {
                let set = Arc::new(set);
                self.set = Some(set.clone());
                self.fresh_until = now + life;
                self.fetched_at = now;
                self.failures = 0;
                Ok(set)
            }
            Err(fault) => {
                self.failures += 1;
                if self.failures >= MAX_FAILURES {
                    self.failures = 0;
                    self.paused_until = now + PAUSE;
                }
                Err(fault)
            }
        };
        self.tried_at = now;
        self.last = Some(outcome.clone());
        outcome
    }
}

/// What fetches.
#[derive(Clone, Debug)]
struct Fetcher {
    http: reqwest::Client,
    plain: PlainHttp,
}

impl Fetcher {
    /// Fetches a set and says how long it may be kept, milliseconds.
    async fn fetch(&self, url: &str) -> std::result::Result<(KeySet, i64), Fault> {
        let target = guard(url, self.plain)?;
        let request = self.http.get(target).header("accept", "application/json");
        let mut response = request.send().await.map_err(net::reason)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(format!("the URL answers {}", response.status().as_u16()));
        }
        let lines = response.headers().get_all("cache-control").iter();
        // A line that is not text cannot be understood, which is taken as the shortest.
        let lines: Vec<_> = lines
            .map(|line| line.to_str().unwrap_or("no-store"))
            .collect();
        let age = response.headers().get("age").and_then(|v| v.to_str().ok());
        let life = life(&lines, age);
        let mut body = vec![];
        while let Some(chunk) = response.chunk().await.map_err(net::reason)? {
            if body.len() + chunk.len() > MAX_SET_BYTES {
                return Err("the key set is larger than 64 KiB".into());
            }
            body.extend_from_slice(&chunk);
        }
        let text = std::str::from_utf8(&body).map_err(|_| "the key set is not UTF-8")?;
        let set = KeySet::parse(text)?;
        for why in &set.refused {
            tracing::warn!(url, why, "a published key is passed over");
        }
        Ok((set, life))
    }
}

/// How long an answer with these `Cache-Control` lines may be kept, milliseconds (RFC 9111 §4.2, §5.2.2).
fn life(cache_control: &[&str], age: Option<&str>) -> i64 {
    let old: i64 = age.and_then(|age| age.trim().parse().ok()).unwrap_or(0);
    let mut life = None;
    for directive in cache_control.iter().flat_map(|line| line.split(',')) {
        let directive = directive.trim().to_ascii_lowercase();
        if directive == "no-store" || directive.starts_with("no-cache") {
            return 0;
        }
        if let Some(seconds) = directive.strip_prefix("max-age=") {
            // What cannot be read is taken as the shortest, and of two the shorter.
            let seconds: i64 = seconds.trim_matches('"').parse().unwrap_or(0);
            let left = seconds.saturating_sub(old.max(0)).saturating_mul(1000);
            let left = left.clamp(0, MAX_LIFE);
            life = Some(life.map_or(left, |other: i64| other.min(left)));
        }
    }
    life.unwrap_or(DEFAULT_LIFE)
}

#[cfg(test)]
pub(super) mod tests;
