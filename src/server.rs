//! The server: accepts connections with limits on time and number, and drains on shutdown.
//!
//! An own accept loop, because `axum::serve` keeps half-open and idle connections for ever.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::app::App;
use crate::error::{Error, Result};

const FIRST_BYTE: Duration = Duration::from_secs(5);
const HEADERS: Duration = Duration::from_secs(10);
const DRAIN: Duration = Duration::from_secs(25);
const SWEEP: Duration = Duration::from_mins(1);

/// A server that accepts connections until it is stopped.
#[derive(Debug)]
pub struct Running {
    /// The address that was bound.
    pub addr: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    /// Stops accepting, lets running requests end (at most 25 s) and returns.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
    }
}

/// Binds `listen`.
///
/// # Errors
/// `Internal` where the address cannot be bound, with the reason as its cause.
pub async fn bind(listen: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(listen).await.map_err(Error::internal)
}

/// Serves the app on `listener`, with the periodic work of the service beside it.
///
/// # Errors
/// `Internal` where the listener has no address.
#[expect(
    clippy::disallowed_methods,
    reason = "the home of tasks: they are awaited in `Running::stop`"
)]
pub fn start(app: App, listener: TcpListener, max_connections: usize) -> Result<Running> {
    let addr = listener.local_addr().map_err(Error::internal)?;
    let (stop, stopped) = watch::channel(false);
    let router = crate::http::router(app.clone());
    let accept = tokio::spawn(accept(listener, router, max_connections, stopped.clone()));
    let sweep = tokio::spawn(sweep(app, stopped));
    Ok(Running {
        addr,
        stop,
        tasks: vec![accept, sweep],
    })
}

/// Resolves on SIGTERM or Ctrl-C.
pub async fn signal() {
    let interrupt = tokio::signal::ctrl_c();
    let Ok(mut terminate) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    else {
        let _ = interrupt.await;
        return;
    };
    tokio::select! {
        _ = interrupt => {}
        _ = terminate.recv() => {}
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "one task per connection; `GracefulShutdown` awaits them"
)]
async fn accept(
    listener: TcpListener,
    router: Router,
    most: usize,
    mut stopped: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(most));
    let graceful = GracefulShutdown::new();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_headers(100);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        .max_header_list_size(16 * 1024)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    loop {
        let permit = tokio::select! {
            permit = room.clone().acquire_owned() => permit,
            _ = stopped.changed() => break,
        };
        let (Ok(permit), Some(stream)) = (permit, next(&listener, &mut stopped).await) else {
            break;
        };
        let service = TowerToHyperService::new(router.clone());
        let (builder, watcher) = (builder.clone(), graceful.watcher());
        tokio::spawn(async move {
            if speaks_in_time(&stream).await {
                let connection = builder
                    .serve_connection(TokioIo::new(stream), service)
                    .into_owned();
                let _ = watcher.watch(connection).await;
            }
            drop(permit);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}

/// The next connection; `None` when the server stops. A failed accept (out of file handles) is waited out.
async fn next(listener: &TcpListener, stopped: &mut watch::Receiver<bool>) -> Option<TcpStream> {
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    return Some(stream);
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            _ = stopped.changed() => return None,
        }
    }
}

/// Whether a first byte comes in time: hyper's protocol sniffing waits for it without a limit.
async fn speaks_in_time(stream: &TcpStream) -> bool {
    let mut byte = [0];
    matches!(
        tokio::time::timeout(FIRST_BYTE, stream.peek(&mut byte)).await,
        Ok(Ok(1))
    )
}

/// Removes what has expired (tokens, replay marks, idempotency records), once a minute.
async fn sweep(app: App, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            _ = stopped.changed() => return,
        }
        if let Err(error) = app.auth.purge().await {
            tracing::warn!(kind = ?error.kind, "the sweep of expired rows failed; it is tried again");
        }
    }
}
