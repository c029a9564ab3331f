//! What lies between the service and somebody else: a TCP proxy that behaves as a bad network does.

use std::collections::VecDeque;
use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Most bytes that are read at once.
const CHUNK: usize = 16 * 1024;
/// How often it is tried to listen again.
const TRIES: usize = 100;

/// What happens to a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// What is said passes.
    #[default]
    Pass,
    /// Each chunk waits so long, in both directions.
    Latency(Duration),
    /// It is reset as soon as it is made; nothing reaches the other side.
    Reset,
    /// It is reset after so many bytes of what is answered, heads included; with 0, once the first of them has come.
    ResetAfter(usize),
    /// So many bytes of the first answer's body pass, then nothing more is sent (a half-close).
    CutBody(usize),
    /// It is read to its end and never answered; nothing reaches the other side.
    BlackHole,
    /// Nobody listens. What is open is closed, as by a program that ends.
    Refuse,
    /// What is answered comes in pieces of so many bytes, each after so long.
    Drip { bytes: usize, every: Duration },
}

#[derive(Debug)]
struct Shared {
    behaviour: watch::Sender<Behaviour>,
    /// What happens to the next connections, before `behaviour` does.
    script: Mutex<VecDeque<Behaviour>>,
    /// Counts the orders to end what is open.
    hang_ups: watch::Sender<usize>,
    /// The behaviour that is in force, and how many orders were done.
    done: watch::Sender<(Behaviour, usize)>,
    connections: AtomicUsize,
}

/// The proxy. Its tasks end when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Listens on a port of its own; what passes goes to `target`.
    pub async fn start(target: SocketAddr) -> Self {
        let holder = socket();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        holder.bind(any).expect("a port");
        let address = holder.local_addr().expect("address");
        let shared = Arc::new(Shared {
            behaviour: watch::channel(Behaviour::Pass).0,
            script: Mutex::default(),
            hang_ups: watch::channel(0).0,
            done: watch::channel((Behaviour::Refuse, 0)).0,
            connections: AtomicUsize::new(0),
        });
        let run = run(holder, address, target, shared.clone());
        #[expect(clippy::disallowed_methods, reason = "its owner ends it")]
        let task = tokio::spawn(run);
        let proxy = Self {
            address,
            shared,
            task,
        };
        proxy.settle().await;
        proxy
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL, without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Behaves so to the connections that are made from now on. Those that are open keep their ways, see
    /// [`Proxy::hang_up`].
    pub async fn set(&self, behaviour: Behaviour) {
        self.shared.behaviour.send_replace(behaviour);
        self.settle().await;
    }

    /// Behaves so to the next connections, one each; [`Behaviour::Refuse`] is not for one.
    pub fn next(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        let mut script = self.shared.script.lock().expect("script");
        script.extend(behaviours);
    }

    /// Closes what is open, so that a caller who keeps connections must make a new one.
    pub async fn hang_up(&self) {
        self.shared.hang_ups.send_modify(|count| *count += 1);
        self.settle().await;
    }

    /// How many connections were taken.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Waits until what was ordered is in force.
    async fn settle(&self) {
        let order = (
            *self.shared.behaviour.borrow(),
            *self.shared.hang_ups.borrow(),
        );
        let mut done = self.shared.done.subscribe();
        let settled = done.wait_for(|done| *done == order).await;
        settled.expect("the proxy runs");
    }
}

/// A socket that shares its port with others of this program.
fn socket() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseport(true).expect("a shared port");
    socket
}

async fn listen(address: SocketAddr) -> TcpListener {
    for _ in 0..TRIES {
        let socket = socket();
        if socket.bind(address).is_ok()
            && let Ok(listener) = socket.listen(128)
        {
            return listener;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{address} cannot be listened on");
}

/// `holder` is bound and does not listen: the port stays ours while it refuses.
async fn run(holder: TcpSocket, address: SocketAddr, target: SocketAddr, shared: Arc<Shared>) {
    let mut behaviours = shared.behaviour.subscribe();
    let mut hang_ups = shared.hang_ups.subscribe();
    let mut listener = None;
    let mut open = JoinSet::new();
    let mut ended = 0;
    loop {
        let behaviour = *behaviours.borrow_and_update();
        let orders = *hang_ups.borrow_and_update();
        if behaviour == Behaviour::Refuse {
            listener = None;
        } else if listener.is_none() {
            listener = Some(listen(address).await);
        }
        if behaviour == Behaviour::Refuse || ended < orders {
            open.shutdown().await;
            ended = orders;
        }
        shared.done.send_replace((behaviour, orders));
        tokio::select! {
            stream = accept(listener.as_ref()) => {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let script = shared.script.lock().expect("script").pop_front();
                open.spawn(carry(stream, target, script.unwrap_or(behaviour)));
            }
            Some(_) = open.join_next() => {}
            changed = behaviours.changed() => if changed.is_err() { break },
            changed = hang_ups.changed() => if changed.is_err() { break },
        }
    }
    drop(holder);
}

/// The next connection; without a listener there is none.
async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            return stream;
        }
    }
}

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// As the other side ended it.
    Done,
    Reset,
    /// Nothing more is sent; what the caller says is read until it closes.
    HalfClosed,
}

/// Whoever breaks off first breaks off: there is nobody to tell of it.
async fn carry(mut client: TcpStream, target: SocketAddr, behaviour: Behaviour) {
    let end = match behaviour {
        Behaviour::Reset => Ok(End::Reset),
        Behaviour::BlackHole => drain(&mut client).await.map(|()| End::Done),
        _ => pass(&mut client, target, behaviour).await,
    };
    match end {
        Ok(End::Done) | Err(_) => {}
        Ok(End::Reset) => client.set_zero_linger().expect("a linger"),
        Ok(End::HalfClosed) => {
            let _gone = client.shutdown().await;
            let _gone = drain(&mut client).await;
        }
    }
}

async fn drain(stream: &mut TcpStream) -> Result<()> {
    tokio::io::copy(stream, &mut tokio::io::sink()).await?;
    Ok(())
}

async fn pass(client: &mut TcpStream, target: SocketAddr, behaviour: Behaviour) -> Result<End> {
    let mut server = TcpStream::connect(target).await?;
    server.set_nodelay(true)?;
    client.set_nodelay(true)?;
    let (mut asks, mut hears) = client.split();
    let (mut answers, mut is_asked) = server.split();
    let asking = async {
        let pace = match behaviour {
            Behaviour::Latency(_) => behaviour,
            _ => Behaviour::Pass,
        };
        pump(&mut asks, &mut is_asked, pace).await?;
        is_asked.shutdown().await?;
        std::future::pending::<Result<End>>().await
    };
    tokio::select! {
        end = pump(&mut answers, &mut hears, behaviour) => end,
        end = asking => end,
    }
}

/// Carries bytes in one direction until they end or the behaviour says so.
async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    behaviour: Behaviour,
) -> Result<End> {
    let mut buffer = vec![0; CHUNK];
    let mut head = Head::default();
    let mut sent = 0;
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            to.shutdown().await?;
            return Ok(End::Done);
        }
        let chunk = buffer.get(..read).ok_or(ErrorKind::InvalidData)?;
        match behaviour {
            Behaviour::Latency(wait) => {
                tokio::time::sleep(wait).await;
                to.write_all(chunk).await?;
            }
            Behaviour::Drip { bytes, every } => {
                for piece in chunk.chunks(bytes.max(1)) {
                    tokio::time::sleep(every).await;
                    to.write_all(piece).await?;
                }
            }
            Behaviour::ResetAfter(limit) => {
                if upto(to, chunk, limit.saturating_sub(sent)).await? {
                    return Ok(End::Reset);
                }
            }
            Behaviour::CutBody(limit) => {
                if upto(to, chunk, head.pass(chunk, limit)).await? {
                    return Ok(End::HalfClosed);
                }
            }
            _ => to.write_all(chunk).await?,
        }
        sent += read;
    }
}

/// Writes no more than `limit` bytes; whether the limit is reached.
async fn upto(to: &mut (impl AsyncWrite + Unpin), chunk: &[u8], limit: usize) -> Result<bool> {
    let most = limit.min(chunk.len());
    to.write_all(
        chunk
            .get(..most)
            .ok_or_else(|| Error::from(ErrorKind::InvalidData))?,
    )
    .await?;
    to.flush().await?;
    Ok(limit <= chunk.len())
}

/// Where the head of an answer ends.
#[derive(Debug, Default)]
struct Head {
    /// Bytes of the head's last line ending that were seen.
    seen: usize,
    /// Bytes of the body that passed.
    body: usize,
}

impl Head {
    const END: &[u8] = b"\r\n\r\n";

    /// Takes the chunk in; after how many of its bytes `limit` bytes of the body have passed.
    fn pass(&mut self, chunk: &[u8], limit: usize) -> usize {
        let mut head = 0;
        for byte in chunk {
            if self.seen == Self::END.len() {
                break;
            }
            self.seen = match *byte {
                b if Self::END.get(self.seen) == Some(&b) => self.seen + 1,
                b'\r' => 1,
                _ => 0,
            };
            head += 1;
        }
        if self.seen < Self::END.len() {
            return usize::MAX;
        }
        let left = head + limit.saturating_sub(self.body);
        self.body += chunk.len() - head;
        left
    }
}

mod tests;
