use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
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
    held: tokio::sync::watch::Sender<bool>,
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
        let (held, mut open) = tokio::sync::watch::channel(false);
        let mut server = JoinSet::new();
        server.spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 2048];
                let _ = stream.read(&mut buffer).await;
                count.fetch_add(1, Ordering::SeqCst);
                let _ = open.wait_for(|held| !held).await;
                let bytes = text.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let _ = stream.write_all(&bytes).await;
            }
        });
        let clock = Clock::fixed(time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000));
        let jwks = Arc::new(
            Jwks::new(clock.clone(), PlainHttp::Loopback, Lookup::system()).expect("jwks"),
        );
        Self {
            url,
            answer,
            hits,
            held,
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

    /// Whether requests wait for their answer.
    fn holds(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Waits until so many requests have come.
    async fn reached(&self, hits: usize) {
        while self.hits() < hits {
            tokio::task::yield_now().await;
        }
    }

    async fn finds(&self, kid: &str) -> bool {
        self.finds_since(kid, 0).await
    }

    async fn finds_since(&self, kid: &str, since: i64) -> bool {
        let set = self.jwks.get(wanted(&self.url, kid, since)).await;
        set.is_ok_and(|set| set.find(kid, Signing::Es384).is_some())
    }

    fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    fn advance(&self, seconds: i64) {
        self.clock.advance(time::Duration::seconds(seconds));
    }
}

fn wanted<'a>(url: &'a str, kid: &'a str, since: i64) -> Wanted<'a> {
    Wanted {
        url,
        kid,
        signing: Signing::Es384,
        since,
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

#[tokio::test]
async fn calls_at_once_share_one_fetch() {
    let site = Site::new().await;
    let (kid, set) = key();
    site.answers("200 OK", "cache-control: no-store\r\n", &set);
    // All have asked before the one that fetches is done: there is one thread, and each is polled once first.
    let all = join_all((0..20).map(|_| site.finds(&kid))).await;
    assert_eq!(all, [true; 20]);
    assert_eq!(site.hits(), 1);
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
    #[rustfmt::skip]
    const CASES: &[(&[&str], Option<&str>, i64)] = &[
        (&[], None, 300),
        (&[], Some("10"), 300),
        (&["public"], None, 300),
        (&["max-age=10"], None, 10),
        (&["Max-Age=10, public"], Some("4"), 6),
        (&["max-age=10"], Some("40"), 0),
        (&["max-age=10"], Some("-40"), 10),
        (&["max-age=\"10\""], None, 10),
        (&["max-age=9999999999999999999"], None, 0),
        (&["max-age=999999999"], None, 86_400),
        (&["max-age=-1"], None, 0),
        (&["max-age=soon"], None, 0),
        (&["max-age=60, max-age=10"], None, 10),
        (&["max-age=10, max-age=60"], None, 10),
        (&["no-store, max-age=60"], None, 0),
        (&["max-age=60, no-cache"], None, 0),
        // Lines count together (RFC 9110 §5.2).
        (&["max-age=60", "no-store"], None, 0),
        (&["public", "max-age=20"], None, 20),
    ];
    for (cache_control, age, seconds) in CASES {
        let found = life(cache_control, *age);
        assert_eq!(found, seconds * 1000, "{cache_control:?} {age:?}");
    }
}

#[tokio::test]
async fn a_set_from_before_the_client_was_changed_is_not_good() {
    let site = Site::new().await;
    let (kid, set) = key();
    site.answers("200 OK", "", &set);
    let changed = site.clock.millis() + 5000;
    assert!(site.finds(&kid).await && site.finds(&kid).await);
    site.advance(10);
    assert!(site.finds_since(&kid, changed).await);
    assert_eq!(site.hits(), 2, "fetched anew, though the old one was fresh");
    assert!(site.finds_since(&kid, changed).await);
    assert_eq!(site.hits(), 2);
}

#[tokio::test]
async fn two_lines_of_caching_count_together() {
    let site = Site::new().await;
    let (kid, set) = key();
    let lines = "cache-control: max-age=600\r\ncache-control: no-store\r\n";
    site.answers("200 OK", lines, &set);
    assert!(site.finds(&kid).await && site.finds(&kid).await);
    assert_eq!(site.hits(), 2);
}

#[tokio::test]
async fn those_who_wait_share_a_failure_and_one_who_hangs_up_ends_nothing() {
    let site = Site::new().await;
    let (kid, _) = key();
    site.answers("503 Busy", "", "");
    site.holds(true);
    let (jwks, url) = (site.jwks.clone(), site.url.clone());
    let name = kid.clone();
    let mut first = JoinSet::new();
    first.spawn(async move { jwks.get(wanted(&url, &name, 0)).await });
    site.reached(1).await;
    let mut rest = pin!(join_all((0..20).map(|_| site.finds(&kid))));
    let once = tokio::time::timeout(Duration::ZERO, rest.as_mut()).await;
    assert!(once.is_err(), "they wait");
    first.shutdown().await;
    site.holds(false);
    assert_eq!(rest.await, [false; 20]);
    assert_eq!(site.hits(), 1);
}

#[tokio::test]
async fn a_name_that_leads_here_is_not_called() {
    let site = Site::new().await;
    let (kid, set) = key();
    site.answers("200 OK", "", &set);
    let port = site.url.rsplit(':').next().expect("port and path");
    let here = Lookup::told(|_| vec![[127, 0, 0, 1].into()]);
    for plain in [PlainHttp::Never, PlainHttp::Loopback] {
        let jwks = Jwks::new(site.clock.clone(), plain, here.clone()).expect("jwks");
        let url = format!("https://ehr.example.org:{port}");
        let fault = jwks.get(wanted(&url, &kid, 0)).await.expect_err("refused");
        assert!(fault.contains("private, local or reserved"), "{fault}");
        let fault = jwks.get(wanted("https://127.0.0.1/k", &kid, 0)).await;
        assert!(fault.is_err());
    }
    // The same lookup is good for the name that is this machine's own.
    let jwks = Jwks::new(site.clock.clone(), PlainHttp::Loopback, here).expect("jwks");
    let url = format!("http://localhost:{port}");
    assert!(jwks.get(wanted(&url, &kid, 0)).await.is_ok());
    assert_eq!(site.hits(), 1);
}
