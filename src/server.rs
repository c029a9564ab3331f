//! The server: accepts connections with limits on time and number, and drains on shutdown.
//!
//! An own accept loop, because `axum::serve` keeps half-open and idle connections for ever.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

use crate::app::App;
use crate::audit::{Event, Kind as Act};
use crate::delivery::{courier, partner};
use crate::error::{Error, Result};
use crate::http::Peer;
use crate::interaction::audit::{append, seal};
use crate::interaction::subscription::{calendar, operate};
use crate::interaction::{job, reindex};

const FIRST_BYTE: Duration = Duration::from_secs(5);
const HEADERS: Duration = Duration::from_secs(10);
const DRAIN: Duration = Duration::from_secs(25);
const SWEEP: Duration = Duration::from_mins(1);
/// So many sweeps, then what nobody knows of is looked for among the files: an hour.
const LISTING: u64 = 60;
/// Jobs at once.
const WORKERS: usize = 2;
const SEAL: Duration = Duration::from_secs(1);
/// So many seals, then the log tells the head of the audit: five minutes.
const ANCHOR: u64 = 300;
/// How long the answers to idempotency keys are kept: seven days.
const KEEP_ANSWERS_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// A server that accepts connections until it is stopped.
#[derive(Debug)]
pub struct Running {
    /// The address that was bound.
    pub addr: SocketAddr,
    stop: watch::Sender<bool>,
    ended: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    /// Ends after the others: it seals what they did.
    last: JoinHandle<()>,
}

impl Running {
    /// Stops accepting, lets running requests end (at most 25 s) and returns.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        for task in self.tasks {
            let _ = task.await;
        }
        let _ = self.ended.send(true);
        let _ = self.last.await;
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
/// `Internal` where the listener has no address; `Invalid` where there is no key to seal the audit with.
#[expect(
    clippy::disallowed_methods,
    reason = "the home of tasks: they are awaited in `Running::stop`"
)]
pub fn start(app: App, listener: TcpListener, max_connections: usize) -> Result<Running> {
    let addr = listener.local_addr().map_err(Error::internal)?;
    app.sealing.key()?;
    let (stop, stopped) = watch::channel(false);
    let (ended, end) = watch::channel(false);
    let router = crate::http::router(app.clone());
    let accept = tokio::spawn(accept(listener, router, max_connections, stopped.clone()));
    let sweep = tokio::spawn(sweep(app.clone(), stopped.clone()));
    let index = tokio::spawn(index(app.clone(), stopped.clone()));
    let work = [(); WORKERS].map(|()| tokio::spawn(job::work(app.clone(), stopped.clone())));
    let number = tokio::spawn(courier::number(app.clone(), stopped.clone()));
    let tell = tokio::spawn(courier::work(app.clone(), stopped.clone()));
    let exchange = tokio::spawn(partner::work(app.clone(), stopped.clone()));
    let seal = tokio::spawn(keep_sealed(app, end));
    Ok(Running {
        addr,
        stop,
        ended,
        tasks: [accept, sweep, index, number, tell, exchange]
            .into_iter()
            .chain(work)
            .collect(),
        last: seal,
    })
}

/// Resolves on SIGTERM or Ctrl-C, from the call on: to be called before the service answers anybody.
///
/// # Errors
/// `Internal` where the system does not tell of signals.
pub fn signal() -> Result<impl Future<Output = ()>> {
    let mut interrupt = unix::signal(SignalKind::interrupt()).map_err(Error::internal)?;
    let mut terminate = unix::signal(SignalKind::terminate()).map_err(Error::internal)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
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
        let (Ok(permit), Some((stream, peer))) = (permit, next(&listener, &mut stopped).await)
        else {
            break;
        };
        let peer = Peer(peer.ip());
        let service = router
            .clone()
            .map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(peer);
                request
            });
        let service = TowerToHyperService::new(service);
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
async fn next(
    listener: &TcpListener,
    stopped: &mut watch::Receiver<bool>,
) -> Option<(TcpStream, SocketAddr)> {
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let _ = stream.set_nodelay(true);
                    return Some((stream, peer));
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

/// Records the start and the end, seals the audit every second and tells the log its head every five minutes.
async fn keep_sealed(app: App, mut ended: watch::Receiver<bool>) {
    record(&app, Act::Start).await;
    let mut count = 0_u64;
    loop {
        tokio::select! {
            () = tokio::time::sleep(SEAL) => {}
            _ = ended.changed() => break,
        }
        let sealed = seal::pass(&app).await;
        count += 1;
        match sealed {
            Ok(tip) if count.is_multiple_of(ANCHOR) => {
                let (head, requests) = (seal::anchor(&tip), app.recorder.counted());
                tracing::info!(%head, requests, "audit head");
            }
            Ok(_) => {}
            Err(error) => complain(&error, "the audit cannot be sealed; it is tried again"),
        }
    }
    record(&app, Act::Stop).await;
    match seal::pass(&app).await {
        Ok(tip) => tracing::info!(head = %seal::anchor(&tip), "audit head"),
        Err(error) => complain(&error, "the end of the audit is not sealed"),
    }
}

async fn record(app: &App, kind: Act) {
    if let Err(error) = append(app, vec![Event::new(kind)]).await {
        complain(&error, "an event of the service itself cannot be recorded");
    }
}

fn complain(error: &Error, what: &str) {
    let cause = error.cause.as_ref().map(ToString::to_string);
    tracing::error!(kind = ?error.kind, cause, "{what}");
}

/// Indexes anew what an older version of the service indexed; where that fails it is tried again.
async fn index(app: App, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            done = reindex::run(&app) => match done {
                Ok(0) => return,
                Ok(records) => return tracing::info!(records, "indexed anew"),
                Err(error) => complain(&error, "records cannot be indexed anew; it is tried again"),
            },
            _ = stopped.changed() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            _ = stopped.changed() => return,
        }
    }
}

/// What is removed once an hour: it takes longer to find. A store of exports is not asked before a minute is over.
async fn hourly(app: &App, count: u64) -> Result<()> {
    match count % LISTING {
        0 => operate::forget_old(app).await,
        1 => job::remove_orphans(app).await,
        _ => Ok(()),
    }
}

/// Removes what has expired (tokens, replay marks, idempotency records), once a minute.
async fn sweep(app: App, mut stopped: watch::Receiver<bool>) {
    for count in 0_u64.. {
        let kept_from = app.clock.millis() - KEEP_ANSWERS_MS;
        let swept = match app.auth.purge().await {
            Ok(()) => crate::store::idempotency::sweep(&app.store, kept_from).await,
            failed => failed,
        };
        let swept = match swept {
            Ok(()) => job::forget_expired(&app).await,
            failed => failed,
        };
        let swept = match swept {
            Ok(()) => calendar::pass(&app).await,
            failed => failed,
        };
        let swept = match swept {
            Ok(()) => job::set_clock(&app).await,
            failed => failed,
        };
        let swept = match swept {
            Ok(()) => hourly(&app, count).await,
            failed => failed,
        };
        if let Err(error) = swept {
            tracing::warn!(kind = ?error.kind, "the sweep of expired rows failed; it is tried again");
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            _ = stopped.changed() => return,
        }
    }
}
