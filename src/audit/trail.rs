//! What one request did so far: gathered while it runs, written before its answer leaves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::event::{Event, Kind, Who};

/// Most bytes that are kept of a path or a form.
const LONGEST: usize = 16 * 1024;

/// Text as it can be kept: not endless, and without the one character that a database may refuse.
fn kept(text: &str) -> String {
    let whole = text.floor_char_boundary(LONGEST);
    let mut out = text[..whole].replace('\0', "\u{fffd}");
    if whole < text.len() {
        out.push('…');
    }
    out
}

/// The trail of a request. Whatever is shown to the caller is noted here; the outermost layer of `http` writes it and
/// sends no success that left no trace.
#[derive(Debug)]
pub struct Trail {
    request: Arc<str>,
    peer: Arc<str>,
    state: Mutex<Noted>,
}

/// What was noted.
#[derive(Debug, Default)]
pub struct Noted {
    /// The caller, once a token was accepted (or known and refused).
    pub who: Option<Who>,
    /// The request as it came, without its token: method, path, query, and the form of a search by POST.
    pub asked: String,
    /// Not written yet.
    pub events: Vec<Event>,
    /// Whether events of this request are in the store already, in the transaction of what they are about.
    pub written: bool,
}

impl Trail {
    /// The trail of a request that just came. `asked` is its method, path and query.
    #[must_use]
    pub fn new(request: Arc<str>, peer: Arc<str>, asked: &str) -> Self {
        let state = Noted {
            asked: kept(asked),
            ..Noted::default()
        };
        Self {
            request,
            peer,
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, Noted> {
        // Each change is one assignment, so a poisoned lock guards a whole state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says who calls.
    pub fn by(&self, who: Who) {
        self.state().who = Some(who);
    }

    /// Adds the form of a search by POST to what was asked.
    pub fn form(&self, text: &str) {
        let mut state = self.state();
        state.asked.push_str("\n\n");
        state.asked.push_str(&kept(text));
    }

    /// A success of this request's caller.
    #[must_use]
    pub fn event(&self, kind: Kind) -> Event {
        Event {
            who: self.state().who.clone().unwrap_or_default(),
            peer: Some(self.peer.clone()),
            request: Some(self.request.clone()),
            ..Event::new(kind)
        }
    }

    /// As [`Trail::event`], with the request as it came.
    #[must_use]
    pub fn asked(&self, kind: Kind) -> Event {
        let event = self.event(kind);
        let asked = self.state().asked.as_str().into();
        Event {
            detail: Some(asked),
            ..event
        }
    }

    /// Notes an event, to be written before the answer leaves.
    pub fn note(&self, event: Event) {
        self.state().events.push(event);
    }

    /// Says that events of this request are in the store.
    pub fn written(&self) {
        self.state().written = true;
    }

    /// What was noted since the last call.
    #[must_use]
    pub fn take(&self) -> Noted {
        let mut state = self.state();
        Noted {
            who: state.who.clone(),
            asked: state.asked.clone(),
            events: std::mem::take(&mut state.events),
            written: state.written,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_request_is_not_endless_and_can_be_stored() {
        let trail = Trail::new(
            "r".into(),
            "p".into(),
            &format!("GET /{}", "é".repeat(20_000)),
        );
        trail.form("name=a\0b");
        let asked = trail.asked(Kind::Search).detail.expect("asked");
        assert!(asked.len() < LONGEST + 100, "{}", asked.len());
        assert!(asked.ends_with("…\n\nname=a\u{fffd}b"));
    }
}
