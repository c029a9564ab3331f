//! A subscriber's endpoint: a real server that keeps what it is sent and answers as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use tokio::sync::watch;

use receiver::Keys;

#[path = "../receivers/receiver.rs"]
mod receiver;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an endpoint answers.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: vec![],
        }
    }
}

/// A call that was made to it.
#[derive(Clone, Debug)]
pub struct Call {
    pub headers: axum::http::HeaderMap,
    pub text: String,
    /// What it was answered.
    pub status: u16,
}

impl Call {
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("json")
    }

    fn parameters(&self) -> Vec<Value> {
        let bundle = self.json();
        let all = bundle["entry"][0]["resource"]["parameter"].clone();
        serde_json::from_value(all).expect("parameters")
    }

    /// Why it was made.
    pub fn kind(&self) -> String {
        let all = self.parameters();
        let kind = all.iter().find(|p| p["name"] == "type").expect("a type");
        kind["valueCode"].as_str().expect("a code").to_owned()
    }

    /// Number and focus of each event; no focus is empty.
    pub fn events(&self) -> Vec<(i64, String)> {
        let all = self.parameters();
        let events = all.iter().filter(|p| p["name"] == "notification-event");
        let part = |event: &Value, name: &str| -> Option<Value> {
            let parts = event["part"].as_array().expect("parts");
            parts.iter().find(|p| p["name"] == name).cloned()
        };
        let read = |event: &Value| {
            let number = part(event, "event-number").expect("a number");
            let number = number["valueString"].as_str().expect("text").parse();
            let focus = part(event, "focus").map_or(String::new(), |focus| {
                let url = focus["valueReference"]["reference"].as_str();
                let url = url.expect("a reference");
                url.split_once("/fhir/")
                    .expect("of this service")
                    .1
                    .to_owned()
            });
            (number.expect("a number"), focus)
        };
        events.map(read).collect()
    }

    /// Whether one of the keys of this set signed it: judged as a receiver does, at the time that it bears.
    pub fn is_signed_by(&self, jwks: &Value) -> bool {
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers = names.map(|name| self.header(name));
        let sent: i64 = headers[1].parse().expect("seconds");
        let keys = Keys::of(jwks);
        let late = keys.prove(headers, self.text.as_bytes(), sent + 301);
        assert!(!late, "an old one is refused");
        keys.prove(headers, self.text.as_bytes(), sent + 299)
    }
}

/// The endpoint. Cloned, it is the same one.
#[derive(Clone, Debug)]
pub struct Hook(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    address: SocketAddr,
    calls: Mutex<Vec<Call>>,
    count: watch::Sender<usize>,
    /// What is answered next; 200 where nothing is said.
    script: Mutex<VecDeque<Reply>>,
    /// What is answered to all, whatever the script says.
    always: Mutex<Option<Reply>>,
}

impl Hook {
    pub async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("address");
        let hook = Self(Arc::new(Inner {
            address,
            calls: Mutex::default(),
            count: watch::channel(0).0,
            script: Mutex::default(),
            always: Mutex::default(),
        }));
        let router = axum::Router::new()
            .fallback(answer)
            .with_state(hook.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "the server of a test ends with it"
        )]
        tokio::spawn(async move { axum::serve(listener, router).await });
        hook
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.0.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Answers the next calls so.
    pub fn answer_next(&self, replies: impl IntoIterator<Item = Reply>) {
        let mut script = self.0.script.lock().expect("script");
        script.extend(replies);
    }

    /// Answers every call so, or as the script says.
    pub fn answer_all(&self, reply: Option<Reply>) {
        *self.0.always.lock().expect("reply") = reply;
    }

    pub fn calls(&self) -> Vec<Call> {
        self.0.calls.lock().expect("calls").clone()
    }

    /// The calls, once there are so many.
    pub async fn wait(&self, calls: usize) -> Vec<Call> {
        let mut count = self.0.count.subscribe();
        let enough = count.wait_for(|count| *count >= calls);
        let came = tokio::time::timeout(PATIENCE, enough).await.is_ok();
        let made = self.calls();
        assert!(came, "{} of {calls} calls: {made:#?}", made.len());
        made
    }

    /// The events that arrived: number and focus, in the order in which they came.
    pub fn arrived(&self) -> Vec<(i64, String)> {
        let calls = self.calls();
        let taken = calls.iter().filter(|call| call.status < 300);
        taken.flat_map(Call::events).collect()
    }

    /// The events that arrived, once number `last` is among them.
    pub async fn wait_for_event(&self, last: i64) -> Vec<(i64, String)> {
        let mut count = self.0.count.subscribe();
        let until = async {
            loop {
                if self.arrived().iter().any(|(n, _)| *n >= last) {
                    return;
                }
                count.changed().await.expect("the server runs");
            }
        };
        let came = tokio::time::timeout(PATIENCE, until).await.is_ok();
        let arrived = self.arrived();
        assert!(came, "event {last} did not come: {arrived:?}");
        arrived
    }
}

async fn answer(State(hook): State<Hook>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, 16 * 1024 * 1024).await.expect("a body");
    let always = hook.0.always.lock().expect("reply").clone();
    let next = || hook.0.script.lock().expect("script").pop_front();
    let reply = always.or_else(next).unwrap_or(Reply::status(200));
    hook.0.calls.lock().expect("calls").push(Call {
        headers: parts.headers,
        text: String::from_utf8(bytes.to_vec()).expect("text"),
        status: reply.status,
    });
    hook.0.count.send_modify(|count| *count += 1);
    let mut response =
        Response::builder().status(StatusCode::from_u16(reply.status).expect("status"));
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::empty()).expect("response")
}
