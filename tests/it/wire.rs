//! Requests as bytes, so that broken ones can be sent too.

use std::collections::HashMap;

use kap_fhir::demo::player::Caller;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::unique;

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The length that the header claims; the true one where absent.
    pub claims: Option<usize>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Heard {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub text: String,
}

impl Ask {
    pub fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: vec![],
            body: vec![],
            claims: None,
        }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    /// A command with a key that was never used.
    pub fn post(path: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        let ask = Self::new("POST", path)
            .with("Content-Type", "application/json")
            .with("Idempotency-Key", &unique("key"));
        Self {
            body: body.into(),
            ..ask
        }
    }

    pub fn json(path: impl Into<String>, body: &Value) -> Self {
        Self::post(path, body.to_string())
    }

    /// The same with this header, in the place of another of its name.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(n, _)| n != name);
        self
    }

    /// The same with a second header of this name.
    pub fn twice(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends it with the caller's token, on a connection of its own.
    pub async fn send(&self, caller: &Caller) -> Heard {
        let token = format!("Bearer {}", caller.token);
        self.clone()
            .with("Authorization", &token)
            .send_bare(&caller.base)
            .await
    }

    /// Sends it as it is.
    pub async fn send_bare(&self, base: &str) -> Heard {
        let host = base.trim_start_matches("http://");
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let length = self.claims.unwrap_or(self.body.len());
        if length > 0 || self.method != "GET" {
            head.push_str(&format!("Content-Length: {length}\r\n"));
        }
        head.push_str("Connection: close\r\n\r\n");
        let stream = TcpStream::connect(host).await.expect("connection");
        let (mut from, mut to) = stream.into_split();
        let broken = self.claims.is_some_and(|n| n > self.body.len());
        let write = async {
            to.write_all(head.as_bytes()).await.expect("head");
            // A server may answer, and stop listening, before the body is through.
            let _ = to.write_all(&self.body).await;
            if broken {
                let _ = to.shutdown().await;
            }
        };
        let mut bytes = Vec::new();
        let read = async {
            let _ = from.read_to_end(&mut bytes).await;
        };
        tokio::join!(write, read);
        heard(&bytes)
    }
}

fn heard(bytes: &[u8]) -> Heard {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|l| l.split(' ').nth(1));
    let headers = lines.filter_map(|l| l.split_once(": "));
    Heard {
        status: status.and_then(|s| s.parse().ok()).unwrap_or_default(),
        headers: headers
            .map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()))
            .collect(),
        text: body.to_owned(),
    }
}

impl Heard {
    /// The body; a text where it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| Value::String(self.text.clone()))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}
