//! The server as HTTP meets it: what goes wrong, what is kept of a request, what needs a token.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::habits::Does;
use super::reply::{Refusal, Reply};
use super::rest::{self, Call};
use super::{Asked, Inner, State, behind, capability, token};

/// Most bytes of a body.
const MOST: usize = 64 * 1024 * 1024;

/// Serves until it is dropped, and every connection with it.
pub(super) async fn serve(listener: TcpListener, inner: Arc<Inner>) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let inner = inner.clone();
                let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    answer(inner.clone(), request.map(Body::new))
                });
                open.spawn(async move {
                    let http = http1::Builder::new();
                    let _cut = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = open.join_next() => {}
        }
    }
}

/// An error ends the connection before anything was answered.
async fn answer(inner: Arc<Inner>, request: Request) -> Result<Response, std::io::Error> {
    let cut = || std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, MOST).await.map_err(|_| cut())?;
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.to_string(),
        headers: parts.headers,
        body: String::from_utf8_lossy(&bytes).into_owned(),
        status: None,
        answer: None,
        lost: false,
    };
    let (does, reply, behind, delay) = {
        let mut state = inner.state();
        let does = state.fault(&asked.what(), &asked.body);
        let (reply, behind) = match does {
            Some(Does::Cut) => (None, None),
            Some(Does::Answer {
                status,
                retry_after,
            }) => (Some(failed(status, retry_after)), None),
            Some(Does::DoAndCut) | None => match done(&mut state, &asked) {
                Done::Answered(reply) => (Some(reply), None),
                Done::LetThrough(behind) => (None, Some(behind)),
            },
        };
        (does, reply, behind, state.habits.delay)
    };
    let reply = match behind {
        Some(behind) => behind::ask(behind, &asked).await,
        None => reply,
    };
    inner.state().asked.push(Asked {
        status: reply.as_ref().map(|reply| reply.status),
        answer: reply.as_ref().and_then(|reply| reply.body.clone()),
        lost: does == Some(Does::DoAndCut),
        ..asked
    });
    inner.count.send_modify(|count| *count += 1);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    match (does, reply) {
        (Some(Does::Cut | Does::DoAndCut), _) | (_, None) => Err(cut()),
        (_, Some(reply)) => Ok(reply.response()),
    }
}

fn failed(status: u16, retry_after: Option<&'static str>) -> Reply {
    let reply = Reply::from(Refusal::new(status, "transient", "not now"));
    match retry_after {
        Some(after) => reply.with("retry-after", after.to_owned()),
        None => reply,
    }
}

/// What becomes of a request.
enum Done {
    Answered(Reply),
    /// It is for the server whose gate this is.
    LetThrough(SocketAddr),
}

fn done(state: &mut State, asked: &Asked) -> Done {
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let base = state.base();
    let below = base.splitn(4, '/').nth(3).unwrap_or_default();
    let path = path.trim_start_matches('/');
    let path = path.strip_prefix(below).unwrap_or(path);
    let path = path.trim_matches('/');
    let behind = state.habits.behind;
    let open = match (asked.method.as_str(), path, behind) {
        ("GET", "metadata", None) => Some(Reply::new(200, capability::statement(state))),
        ("GET", "metadata", Some(behind)) => return Done::LetThrough(behind),
        ("GET", ".well-known/smart-configuration", _) => Some(token::configuration(state)),
        ("POST", "auth/token", _) => Some(token::give(state, asked)),
        _ => token::check(state, asked.header("authorization")).err(),
    };
    match (open, behind) {
        (Some(reply), _) => Done::Answered(reply),
        (None, Some(behind)) => Done::LetThrough(behind),
        (None, None) => Done::Answered(call(state, asked, path, query)),
    }
}

fn call(state: &mut State, asked: &Asked, path: &str, query: &str) -> Reply {
    let call = match body(asked) {
        Ok(body) => Call {
            method: &asked.method,
            path,
            query,
            body,
            form: &asked.body,
            if_match: value(&asked.headers, "if-match"),
            if_none_exist: value(&asked.headers, "if-none-exist"),
            prefer: asked.header("prefer"),
        },
        Err(refusal) => return refusal.into(),
    };
    rest::interact(state, &call).unwrap_or_else(Reply::from)
}

fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The resource that was sent; none where none was.
fn body(asked: &Asked) -> Result<Option<Value>, Refusal> {
    if asked.body.is_empty() || asked.what().ends_with("/_search") {
        return Ok(None);
    }
    let kind = asked.header("content-type").split(';').next();
    let kind = kind.unwrap_or_default().trim();
    if !["application/fhir+json", "application/json"].contains(&kind) {
        let text = format!("{kind} is not read here");
        return Err(Refusal::new(415, "not-supported", text));
    }
    let wrong = |_| Refusal::new(400, "structure", "the body is not JSON");
    serde_json::from_str(&asked.body).map(Some).map_err(wrong)
}
