use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;
use crate::auth::key::PrivateKey;

/// A web server that gives each request the answer that it holds at the time, and counts.
pub(in crate::auth) struct Site {
    pub(in crate::auth) url: String,
    answer: Arc<Mutex<Vec<u8>>>,
    hits: Arc<AtomicUsize>,
    clock: Clock,
    jwks: Arc<Jwks>,
    _server: JoinSet<()>,
}

impl Site {
    pub(in crate::auth) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let url = format!(
            "http://{}/jwks.json",
            listener.local_addr().expect("address")
        );
        let (answer, hits) = (Arc::new(Mutex::new(vec![])), Arc::new(AtomicUsize::new(0)));
        let (text, count) = (answer.clone(), hits.clone());
        let mut server = JoinSet::new();
        server.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 2048];
                let _ = stream.read(&mut buffer).await;
                count.fetch_add(1, Ordering::SeqCst);
                let bytes = text.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let _ = stream.write_all(&bytes).await;
            }
        });
        let clock = Clock::fixed(time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000));
        let jwks = Arc::new(Jwks::new(clock.clone(), PlainHttp::Loopback).expect("jwks"));
        Self {
            url,
            answer,
            hits,
            clock,
            jwks,
            _server: server,
        }
    }

    pub(in crate::auth) fn answers(&self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let text = format!(
            "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = text.into_bytes();
    }

    async fn finds(&self, kid: &str) -> bool {
        let set = self
            .jwks
            .get(&"c".into(), &self.url, kid, Signing::Es384)
            .await;
        set.is_ok_and(|set| set.find(kid, Signing::Es384).is_some())
    }

    fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    fn advance(&self, seconds: i64) {
        self.clock.advance(time::Duration::seconds(seconds));
    }
}

fn key() -> (String, String) {
    let key = PrivateKey::generate().expect("key");
    (key.kid().to_owned(), key.public_set().to_string())
}

#[tokio::test]
async fn a_set_is_kept_as_long_as_it_says() {
    let site = Site::new().await;
    let (kid, set) = key();
    site.answers("200 OK", "cache-control: public, max-age=60\r\n", &set);
    assert!(site.finds(&kid).await && site.finds(&kid).await);
    site.advance(59);
    assert!(site.finds(&kid).await);
    assert_eq!(site.hits(), 1);
    site.advance(1);
    assert!(site.finds(&kid).await);
    assert_eq!(site.hits(), 2);
    site.advance(60);
    site.answers("500 Oops", "", "");
    assert!(
        !site.finds(&kid).await,
        "an old set is not used because the new one is not to be had"
    );
}

#[tokio::test]
async fn an_unknown_key_fetches_once_a_minute() {
    let site = Site::new().await;
    let (old, old_set) = key();
    let (new, new_set) = key();
    site.answers("200 OK", "", &old_set);
    assert!(site.finds(&old).await);
    site.advance(1);
    site.answers("200 OK", "", &new_set);
    assert!(site.finds(&new).await, "a new key is found at once");
    for _ in 0..5 {
        assert!(!site.finds("unknown").await);
    }
    assert_eq!(site.hits(), 2);
    site.advance(60);
    assert!(!site.finds("unknown").await);
    assert_eq!(site.hits(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_at_once_share_one_fetch() {
    let site = Site::new().await;
    let (kid, set) = key();
    site.answers("200 OK", "cache-control: no-store\r\n", &set);
    let mut all = JoinSet::new();
    for _ in 0..20 {
        let (jwks, url, kid) = (site.jwks.clone(), site.url.clone(), kid.clone());
        all.spawn(async move {
            jwks.get(&"c".into(), &url, &kid, Signing::Es384)
                .await
                .is_ok()
        });
    }
    assert!(all.join_all().await.into_iter().all(|ok| ok));
    assert_eq!(site.hits(), 1);
    site.advance(1);
    assert!(site.finds(&kid).await);
    assert_eq!(site.hits(), 2, "what must not be kept is fetched again");
}

#[tokio::test]
async fn a_url_that_fails_is_left_alone_for_a_while() {
    let site = Site::new().await;
    let (kid, set) = key();
    site.answers("503 Busy", "", "");
    for _ in 0..8 {
        assert!(!site.finds(&kid).await);
        site.advance(1);
    }
    assert_eq!(site.hits(), 5);
    site.answers("200 OK", "", &set);
    assert!(!site.finds(&kid).await);
    site.advance(30);
    assert!(site.finds(&kid).await);
}

#[tokio::test]
async fn an_answer_out_of_bounds_is_no_set() {
    let site = Site::new().await;
    let (kid, set) = key();
    let elsewhere = format!("location: {}\r\n", site.url);
    let huge = format!("{set}{}", " ".repeat(64 * 1024));
    for (status, headers, body) in [
        ("302 Found", elsewhere.as_str(), set.as_str()),
        ("200 OK", "", huge.as_str()),
        ("200 OK", "", "not JSON"),
        ("404 Not Found", "", set.as_str()),
    ] {
        site.answers(status, headers, body);
        assert!(!site.finds(&kid).await, "{status}");
    }
    assert_eq!(site.hits(), 4, "no redirect was followed");
    site.answers("200 OK", "", &set);
    assert!(site.finds(&kid).await);
}

#[test]
fn the_life_of_an_answer_is_read_from_its_headers() {
    for (cache_control, age, seconds) in [
        (None, None, 300),
        (None, Some("10"), 300),
        (Some("public"), None, 300),
        (Some("max-age=10"), None, 10),
        (Some("Max-Age=10, public"), Some("4"), 6),
        (Some("max-age=10"), Some("40"), 0),
        (Some("max-age=\"10\""), None, 10),
        (Some("max-age=9999999999999999999"), None, 0),
        (Some("max-age=999999999"), None, 86_400),
        (Some("max-age=-1"), None, 0),
        (Some("no-store, max-age=60"), None, 0),
        (Some("max-age=60, no-cache"), None, 0),
    ] {
        assert_eq!(
            life(cache_control, age),
            seconds * 1000,
            "{cache_control:?} {age:?}"
        );
    }
}
