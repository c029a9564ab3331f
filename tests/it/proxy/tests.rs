//! The proxy, as a client meets it.

use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::get;
use reqwest::{Client, Error};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{Behaviour, Proxy};
use crate::peer::tests::http;

const LENGTH: usize = 100_000;

const ASK: &[u8] = b"GET /short HTTP/1.1\r\nhost: x\r\n\r\n";

async fn connect(proxy: &Proxy) -> tokio::net::TcpStream {
    tokio::net::TcpStream::connect(proxy.address())
        .await
        .expect("a connection")
}

async fn target() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("address");
    let router = Router::new()
        .route("/", get(|| async { "x".repeat(LENGTH) }))
        .route("/short", get(|| async { "x".repeat(10) }));
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn text(client: &Client, proxy: &Proxy, path: &str) -> Result<String, Error> {
    let request = client
        .get(format!("{}{path}", proxy.url()))
        .timeout(Duration::from_secs(2));
    request.send().await?.text().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_behaviour() {
    let proxy = Proxy::start(target().await).await;
    let mut kept = connect(&proxy).await;
    for _ in 0..2 {
        kept.write_all(ASK).await.expect("asks");
        let mut said = vec![];
        while !said.ends_with(b"xxxxxxxxxx") {
            assert_ne!(kept.read_buf(&mut said).await.expect("an answer"), 0);
        }
    }
    assert_eq!(proxy.connections(), 1, "it was kept");
    proxy.hang_up().await;
    assert_eq!(kept.read_buf(&mut vec![]).await.unwrap_or(0), 0);
    let mut kept = connect(&proxy).await;
    while proxy.connections() < 2 {
        tokio::task::yield_now().await;
    }

    proxy.set(Behaviour::Refuse).await;
    let refused = text(&http(), &proxy, "/")
        .await
        .expect_err("nobody listens");
    assert!(refused.is_connect(), "{refused:?}");
    assert_eq!(
        kept.read_buf(&mut vec![]).await.unwrap_or(0),
        0,
        "what was open is closed"
    );
    assert_eq!(proxy.connections(), 2);

    proxy.set(Behaviour::Pass).await;
    assert!(text(&http(), &proxy, "/").await.is_ok());
    proxy.next([
        Behaviour::Reset,
        Behaviour::ResetAfter(0),
        Behaviour::ResetAfter(50_000),
    ]);
    for _ in 0..3 {
        let error = text(&http(), &proxy, "/").await.expect_err("reset");
        assert!(!error.is_timeout(), "{error:?}");
    }
    assert!(
        text(&http(), &proxy, "/").await.is_ok(),
        "the script is over"
    );

    for (behaviour, most) in [
        (Behaviour::Reset, 0),
        (Behaviour::ResetAfter(0), 0),
        (Behaviour::ResetAfter(20), 20),
    ] {
        proxy.next([behaviour]);
        let mut said = vec![];
        let talk = async {
            let mut stream = tokio::net::TcpStream::connect(proxy.address()).await?;
            stream.write_all(ASK).await?;
            stream.read_to_end(&mut said).await
        };
        let error: std::io::Error = talk.await.expect_err("a reset");
        assert_eq!(
            error.kind(),
            std::io::ErrorKind::ConnectionReset,
            "{behaviour:?}"
        );
        assert_eq!(said.len(), most);
    }

    for n in [0, 1, 9, 50_000] {
        proxy.set(Behaviour::CutBody(n)).await;
        let path = if n < 10 { "/short" } else { "/" };
        let mut response = http()
            .get(format!("{}{path}", proxy.url()))
            .send()
            .await
            .expect("a head");
        assert_eq!(response.status(), 200);
        let mut read = 0;
        let error = loop {
            match response.chunk().await {
                Ok(chunk) => read += chunk.expect("no end").len(),
                Err(error) => break error,
            }
        };
        assert!(!error.is_timeout() && read == n, "{read}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_ones() {
    let proxy = Proxy::start(target().await).await;
    proxy.set(Behaviour::BlackHole).await;
    assert!(
        text(&http(), &proxy, "/")
            .await
            .expect_err("nothing")
            .is_timeout()
    );
    proxy
        .set(Behaviour::Latency(Duration::from_millis(50)))
        .await;
    let begun = Instant::now();
    assert_eq!(
        text(&http(), &proxy, "/short").await.expect("slow").len(),
        10
    );
    assert!(begun.elapsed() >= Duration::from_millis(100));
    proxy
        .set(Behaviour::Drip {
            bytes: 10,
            every: Duration::from_millis(5),
        })
        .await;
    let begun = Instant::now();
    assert_eq!(
        text(&http(), &proxy, "/short").await.expect("drips").len(),
        10
    );
    assert!(
        begun.elapsed() >= Duration::from_millis(50),
        "{:?}",
        begun.elapsed()
    );
    let address = proxy.address();
    drop(proxy);
    // It ends a moment later.
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it ends");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
