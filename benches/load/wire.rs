//! The load generator: HTTP/1.1 connections that each send the next request when the last one is answered.
//!
//! Written by hand on sockets, because it shares the machine with the server and must cost little.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kap_fhir::error::{Error, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::seed::{CODES, Seeded};

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// `GET /fhir/Observation/{id}`, any of them.
    Read,
    /// `GET /fhir/Observation?patient=&code=&date=`, any patient and code.
    Search,
    /// `POST /kap/v1/episodes/{id}/sessions/{id}/doses`.
    Dose,
    /// `GET /kap/v1/episodes/{id}`: the whole episode read, folded and shown.
    Episode,
}

/// One run.
#[derive(Debug)]
pub struct Load<'a> {
    pub addr: SocketAddr,
    pub token: &'a str,
    pub work: Work,
    pub connections: usize,
    pub time: Duration,
    /// Makes the idempotency keys of this run its own.
    pub run: String,
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Run {
    /// Of each good answer.
    pub millis: Vec<f64>,
    pub errors: usize,
    /// Status and body of the first bad answer.
    pub first_error: String,
    pub seconds: f64,
}

impl Load<'_> {
    /// Sends until the time is over.
    pub async fn run(&self, seeded: &Seeded) -> Result<Run> {
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for number in 0..self.connections {
            let asker = Asker {
                head: format!(
                    "Host: {}\r\nAuthorization: Bearer {}\r\n",
                    self.addr, self.token
                ),
                work: self.work,
                number,
                of: self.connections,
                run: self.run.clone(),
                seeded: seeded.names.clone(),
                dice: Dice(0x9e37_79b9_7f4a_7c15 ^ ((number as u64 + 1) << 32)),
                sent: 0,
            };
            tasks.spawn(connection(self.addr, asker, started + self.time));
        }
        let mut all = Run::default();
        while let Some(done) = tasks.join_next().await {
            let one = done.map_err(Error::internal)?.map_err(Error::internal)?;
            all.millis.extend(one.millis);
            all.errors += one.errors;
            if all.first_error.is_empty() {
                all.first_error = one.first_error;
            }
        }
        all.seconds = started.elapsed().as_secs_f64();
        Ok(all)
    }
}

async fn connection(addr: SocketAddr, mut asker: Asker, end: Instant) -> std::io::Result<Run> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    let mut run = Run::default();
    let (mut request, mut answer) = (String::new(), Vec::with_capacity(64 * 1024));
    while Instant::now() < end {
        asker.next(&mut request);
        let asked = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        let good = receive(&mut stream, &mut answer).await?;
        if good {
            run.millis.push(asked.elapsed().as_secs_f64() * 1000.0);
        } else {
            run.errors += 1;
            if run.first_error.is_empty() {
                run.first_error = String::from_utf8_lossy(&answer).into_owned();
            }
        }
    }
    Ok(run)
}

/// Reads one answer whole; whether its status is 2xx.
async fn receive(stream: &mut TcpStream, answer: &mut Vec<u8>) -> std::io::Result<bool> {
    answer.clear();
    let mut whole = usize::MAX;
    while answer.len() < whole {
        if stream.read_buf(answer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if whole == usize::MAX
            && let Some(end) = answer.windows(4).position(|w| w == b"\r\n\r\n")
        {
            let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|l| l.strip_prefix("content-length:"));
            whole = end + 4 + length.and_then(|l| l.trim().parse().ok()).unwrap_or(0);
        }
    }
    Ok(answer.get(9) == Some(&b'2'))
}

/// Makes the requests of one connection.
struct Asker {
    head: String,
    work: Work,
    number: usize,
    of: usize,
    run: String,
    seeded: Arc<crate::seed::Names>,
    dice: Dice,
    sent: usize,
}

impl Asker {
    fn next(&mut self, out: &mut String) {
        use std::fmt::Write as _;
        out.clear();
        self.sent += 1;
        let names = &self.seeded;
        let _ = match self.work {
            Work::Read => {
                let id = &names.observations[self.dice.below(names.observations.len())];
                write!(
                    out,
                    "GET /fhir/Observation/{id} HTTP/1.1\r\n{}\r\n",
                    self.head
                )
            }
            Work::Search => {
                let patient = &names.patients[self.dice.below(names.patients.len())];
                let code = CODES[self.dice.below(CODES.len())].0;
                write!(
                    out,
                    "GET /fhir/Observation?patient=Patient/{patient}&code=http%3A%2F%2Floinc.org%7C{code}&date=ge2026-04-01&_count=20 HTTP/1.1\r\n{}\r\n",
                    self.head
                )
            }
            Work::Episode => {
                let (episode, _) = &names.episodes[self.dice.below(names.episodes.len())];
                write!(
                    out,
                    "GET /kap/v1/episodes/{episode} HTTP/1.1\r\n{}\r\n",
                    self.head
                )
            }
            Work::Dose => {
                // Each connection has its own episodes, so that the doses of one are spread in time.
                let mine = (self.sent * self.of + self.number) % names.episodes.len();
                let (episode, session) = &names.episodes[mine];
                let minute = 4 + self.sent / names.episodes.len().div_ceil(self.of) % 50;
                let body = crate::seed::dose(minute);
                write!(
                    out,
                    "POST /kap/v1/episodes/{episode}/sessions/{session}/doses HTTP/1.1\r\n{}Content-Type: application/json\r\nIdempotency-Key: dose-{}-{}-{}\r\nContent-Length: {}\r\n\r\n{body}",
                    self.head,
                    self.run,
                    self.number,
                    self.sent,
                    body.len()
                )
            }
        };
    }
}

/// The same throws in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % n
    }
}
