//! A server whose gate it is: another program, which asks for no token itself.

use std::net::SocketAddr;

use axum::http::{HeaderName, Method};

use super::Asked;
use super::reply::Reply;

/// What is said of the request and of its answer.
const SAID: [&str; 7] = [
    "accept",
    "content-type",
    "if-match",
    "if-none-exist",
    "prefer",
    "etag",
    "location",
];

/// Asks it the same; nothing where it does not answer.
pub(super) async fn ask(behind: SocketAddr, asked: &Asked) -> Option<Reply> {
    let http = kap_fhir::demo::http().expect("a client");
    let method: Method = asked.method.parse().ok()?;
    let mut request = http.request(method, format!("http://{behind}{}", asked.path));
    for name in SAID {
        if let Some(value) = asked.headers.get(name) {
            request = request.header(HeaderName::from_static(name), value);
        }
    }
    let response = request.body(asked.body.clone()).send().await.ok()?;
    let mut reply = Reply {
        status: response.status().as_u16(),
        headers: vec![],
        body: None,
    };
    for name in SAID {
        let value = response.headers().get(name).and_then(|v| v.to_str().ok());
        if let Some(value) = value {
            reply = reply.with(name, value.to_owned());
        }
    }
    reply.body = serde_json::from_str(&response.text().await.ok()?).ok();
    Some(reply)
}
