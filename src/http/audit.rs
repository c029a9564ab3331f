//! The trail of a request: begun before its handler runs, settled before its answer leaves.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::response::Response;

use super::respond::{Form, Logged};
use crate::app::App;
use crate::audit::event::{Event, Kind, Outcome, PRIVATE_NOTE, Target};
use crate::audit::trail::{Noted, Trail};
use crate::error::{Error, Kind as ErrorKind};
use crate::interaction::audit::settle as write;
use crate::kap::Id;

/// Longest wait for the audit.
const LONGEST: Duration = Duration::from_secs(10);

/// The other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Begins the trail of a request and puts it where the handlers find it.
pub fn begin(request: &mut Request, id: &HeaderValue) -> Arc<Trail> {
    let peer = request.extensions().get::<Peer>();
    let peer = peer.map_or_else(|| "unknown".to_owned(), |Peer(ip)| ip.to_string());
    let uri = request.uri();
    let path = uri.path_and_query().map_or("/", |p| p.as_str());
    let asked = format!("{} {path}", request.method());
    let id = id.to_str().unwrap_or_default();
    let trail = Arc::new(Trail::new(id.into(), peer.into(), &asked));
    request.extensions_mut().insert(trail.clone());
    trail
}

/// Writes what the request did, or that it was refused; `route` is its template. The answer is replaced by a refusal
/// where that fails, and where it is a success that left no trace. Requests of nobody (health, discovery, a token that
/// never was) leave none; the token endpoint writes its own.
pub async fn settle(
    app: &App,
    trail: &Trail,
    (form, route): (Form, &str),
    response: Response,
) -> Response {
    let mut noted = trail.take();
    if noted.who.is_none() {
        return response;
    }
    if response.status().as_u16() >= 400 {
        noted.events = vec![failure(trail, &noted, route, &response)];
    }
    let error = match tokio::time::timeout(LONGEST, write(app, noted)).await {
        Ok(Ok(())) => return response,
        Ok(Err(error)) if error.kind == ErrorKind::Internal => error,
        Ok(Err(error)) => unwritten(error.to_string(), error.cause),
        Err(_) => unwritten("it took too long".to_owned(), None),
    };
    form.refuse(error)
}

fn unwritten(what: String, cause: Option<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let text = "The request cannot be recorded, so it is not answered. Try again.";
    let cause = cause.map_or(what, |cause| cause.to_string());
    Error::new(ErrorKind::Unavailable, text).because(format!("audit: {cause}"))
}

/// What was asked and why it was not done. Of the target nothing is known but what the path says.
fn failure(trail: &Trail, noted: &Noted, route: &str, response: &Response) -> Event {
    let status = response.status().as_u16();
    let reason = match response.extensions().get::<Logged>() {
        Some(Logged(error)) => {
            let issue = error.issues.first().and_then(|issue| issue.code);
            let code = error.code.or(issue).unwrap_or(error.kind.wire().1);
            format!("{status} {code}")
        }
        None => status.to_string(),
    };
    let (method, rest) = noted.asked.split_once(' ').unwrap_or_default();
    let path = rest.split(['?', '\n']).next().unwrap_or_default();
    let (kind, target) = asked(method, path);
    let event = match kind {
        Kind::Search | Kind::History => trail.asked(kind),
        Kind::Operation => trail.event(kind).detail(route),
        Kind::NoteCreate | Kind::NoteRead | Kind::NoteUpdate | Kind::NoteList => {
            trail.event(kind).detail(of_note(path))
        }
        _ => trail.event(kind),
    };
    let patient = target
        .as_ref()
        .filter(|target| &*target.kind == "Patient")
        .and_then(|target| target.id.clone());
    let event = Event {
        target,
        patient,
        ..event
    };
    event.failed(Outcome::of_status(status), reason)
}

/// The interaction that a path asks for, and with what.
fn asked(method: &str, path: &str) -> (Kind, Option<Target>) {
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    match (method, steps.as_slice()) {
        (_, ["fhir"]) => (Kind::Transaction, None),
        (_, ["fhir", "_history"]) => (Kind::History, None),
        (_, ["fhir", kind, "_history"]) => (Kind::History, target(kind, None)),
        (_, ["fhir", kind, id, "_history"]) => (Kind::History, target(kind, Some(id))),
        (_, ["fhir", name, ..]) if name.starts_with('$') => (Kind::Operation, None),
        (_, ["fhir", kind, name]) if name.starts_with('$') => (Kind::Operation, target(kind, None)),
        ("POST", ["fhir", kind]) => (Kind::Create, target(kind, None)),
        (_, ["fhir", kind, "$validate"]) => (Kind::Operation, target(kind, None)),
        ("PUT" | "PATCH", ["fhir", kind]) => (Kind::Update, target(kind, None)),
        ("DELETE", ["fhir", kind]) => (Kind::Delete, target(kind, None)),
        (_, ["fhir", kind] | ["fhir", kind, "_search"]) => (Kind::Search, target(kind, None)),
        ("DELETE", ["fhir", kind, id]) => (Kind::Delete, target(kind, Some(id))),
        ("PUT" | "PATCH", ["fhir", kind, id]) => (Kind::Update, target(kind, Some(id))),
        (_, ["fhir", kind, id, "_history", _]) => (Kind::Vread, target(kind, Some(id))),
        (_, ["fhir", kind, id, ..]) => (Kind::Read, target(kind, Some(id))),
        ("GET" | "HEAD", ["kap", _, "patients", id, ..]) => {
            (Kind::Read, target("Patient", Some(id)))
        }
        // The episode, not the note: so that it is told to whom keeps the record, wherever the note is.
        (_, ["kap", _, "episodes", id, "private-notes", rest @ ..]) => {
            let kind = match (method, rest) {
                ("GET" | "HEAD", []) => Kind::NoteList,
                ("GET" | "HEAD", _) => Kind::NoteRead,
                (_, []) => Kind::NoteCreate,
                _ => Kind::NoteUpdate,
            };
            (kind, target("EpisodeOfCare", Some(id)))
        }
        ("GET" | "HEAD", ["kap", _, "episodes", id, ..]) => {
            (Kind::Read, target("EpisodeOfCare", Some(id)))
        }
        ("GET" | "HEAD", ["kap", ..]) => (Kind::Search, None),
        (_, ["kap", _, "episodes", id, ..]) => (Kind::Operation, target("EpisodeOfCare", Some(id))),
        _ => (Kind::Operation, None),
    }
}

/// What was asked for below an episode's private notes: the id of one, if it is one.
fn of_note(path: &str) -> String {
    let id = path
        .split_once("/private-notes/")
        .and_then(|(_, id)| Id::new(id));
    id.map_or_else(
        || "private notes".to_owned(),
        |id| format!("{PRIVATE_NOTE} {id}"),
    )
}

/// Only what could be a type and an id is kept of a path.
fn target(kind: &str, id: Option<&str>) -> Option<Target> {
    let is_type = kind.len() <= 64
        && kind.starts_with(|c: char| c.is_ascii_uppercase())
        && kind.bytes().all(|b| b.is_ascii_alphabetic());
    is_type.then(|| Target {
        kind: kind.into(),
        id: id.and_then(Id::new).map(|id| id.as_str().into()),
        version: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(method: &str, path: &str) -> String {
        let (kind, target) = asked(method, path);
        let target = target.map(|t| format!("{}/{}", t.kind, t.id.as_deref().unwrap_or("-")));
        format!("{kind} {}", target.unwrap_or_default())
    }

    const FHIR: &[(&str, &str, &str)] = &[
        ("GET", "/fhir/Patient/p1", "read Patient/p1"),
        ("PUT", "/fhir/Task/t1", "update Task/t1"),
        ("PATCH", "/fhir/Task/t1", "update Task/t1"),
        ("PUT", "/fhir/Task", "update Task/-"),
        ("PATCH", "/fhir/Task", "update Task/-"),
        ("DELETE", "/fhir/Task/t1", "delete Task/t1"),
        ("DELETE", "/fhir/Task", "delete Task/-"),
        ("POST", "/fhir/Task", "create Task/-"),
        ("GET", "/fhir/Task", "search Task/-"),
        ("POST", "/fhir/Task/_search", "search Task/-"),
        ("GET", "/fhir/Task/t1/_history/2", "vread Task/t1"),
        ("GET", "/fhir/Task/t1/_history", "history Task/t1"),
        ("GET", "/fhir/Task/_history", "history Task/-"),
        ("GET", "/fhir/_history", "history "),
        (
            "GET",
            "/fhir/Composition/c1/$document",
            "read Composition/c1",
        ),
        ("POST", "/fhir/Task/$validate", "operation Task/-"),
        ("POST", "/fhir/Patient/p1/$everything", "read Patient/p1"),
        ("GET", "/fhir/Patient/$export", "operation Patient/-"),
        ("POST", "/fhir/$export", "operation "),
        ("DELETE", "/fhir/$export/1", "operation "),
    ];

    const KAP: &[(&str, &str, &str)] = &[
        ("POST", "/fhir", "transaction "),
        ("POST", "/fhir/", "transaction "),
        ("GET", "/kap/v1/worklist", "search "),
        ("GET", "/kap/v1/episodes/e1/trends", "read EpisodeOfCare/e1"),
        (
            "POST",
            "/kap/v1/episodes/e1/sessions",
            "operation EpisodeOfCare/e1",
        ),
        (
            "GET",
            "/kap/v1/episodes/e1/private-notes",
            "note-list EpisodeOfCare/e1",
        ),
        (
            "HEAD",
            "/kap/v1/episodes/e1/private-notes/n1",
            "note-read EpisodeOfCare/e1",
        ),
        (
            "POST",
            "/kap/v1/episodes/e1/private-notes",
            "note-create EpisodeOfCare/e1",
        ),
        (
            "PUT",
            "/kap/v1/episodes/e1/private-notes/n1",
            "note-update EpisodeOfCare/e1",
        ),
        ("POST", "/kap/v1/episodes", "operation "),
        ("GET", "/kap/v1/patients/p1/disclosures", "read Patient/p1"),
        ("POST", "/auth/introspect", "operation "),
        ("GET", "/fhir/pat%20ient/p1", "read "),
        ("GET", "/fhir/Patient/a%20b", "read Patient/-"),
    ];

    #[test]
    fn what_a_path_asks_for() {
        for (method, path, expected) in FHIR.iter().chain(KAP) {
            assert_eq!(told(method, path), *expected, "{method} {path}");
        }
    }
}
