//! Why a call to a partner's server came to nothing: a code, and what may be said of it. Nothing of a record is in it.

use serde_json::Value;

use super::remote::Reply;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// No answer.
    Unheard,
    /// The URL may not be called.
    Blocked,
    /// It does not let this service in.
    Unauthorized,
    /// It has too much to do.
    Busy,
    /// It broke down.
    Broken,
    /// It does not take what was sent.
    Refused,
    /// It has another version.
    Stale,
    /// What it says is no FHIR.
    NotFhir,
    /// The partner's client here is disabled.
    Client,
    /// This service cannot.
    Here,
}

impl Failure {
    /// Its code.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Unheard => "no-response",
            Self::Blocked => "blocked",
            Self::Unauthorized => "unauthorized",
            Self::Busy => "busy",
            Self::Broken => "broken",
            Self::Refused => "refused",
            Self::Stale => "version-conflict",
            Self::NotFhir => "not-fhir",
            Self::Client => "client-disabled",
            Self::Here => "internal",
        }
    }

    /// Whether another question may well be answered.
    pub(super) const fn is_of_one_question(self) -> bool {
        matches!(
            self,
            Self::Unauthorized | Self::Refused | Self::Broken | Self::NotFhir | Self::Stale
        )
    }

    /// With something said of it.
    pub(super) fn trouble(self, said: &str) -> Trouble {
        Trouble {
            failure: self,
            said: said.to_owned(),
            after: None,
        }
    }
}

/// How long a server that was too slow is left alone, milliseconds.
const LATE: i64 = 30_000;

/// A failure with what may be said of it.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) failure: Failure,
    pub(super) said: String,
    /// When to come again at the earliest, milliseconds from now.
    pub(super) after: Option<i64>,
}

impl Trouble {
    pub(super) fn unheard(error: reqwest::Error) -> Self {
        // It may be at it still: who asks too soon does not find what is being done.
        let late = error.is_timeout() && !error.is_connect();
        let cause = crate::net::reason(error);
        tracing::debug!(cause, "a partner's server was not heard");
        if cause.contains(crate::net::REFUSED) {
            return Failure::Blocked.trouble(crate::net::REFUSED);
        }
        let said = "the server cannot be reached, or its answer broke off";
        Self {
            after: late.then_some(LATE),
            ..Failure::Unheard.trouble(said)
        }
    }

    /// The reply, unless the server could not answer at all.
    pub(super) fn unless_heard(reply: Reply) -> Result<Reply, Self> {
        match reply.status {
            403 => Err(Failure::Unauthorized.trouble(&outcome(&reply))),
            500..=599 => Err(Failure::Broken.trouble(&outcome(&reply))),
            300..=399 => Err(Failure::NotFhir.trouble("redirects are not followed")),
            _ => Ok(reply),
        }
    }

    /// What a reply that is no success means.
    pub(super) fn refused(reply: &Reply) -> Self {
        match reply.status {
            409 | 412 => Failure::Stale.trouble(&outcome(reply)),
            _ => Failure::Refused.trouble(&outcome(reply)),
        }
    }
}

impl From<crate::error::Error> for Trouble {
    fn from(error: crate::error::Error) -> Self {
        let cause = error.cause.as_ref().map(ToString::to_string);
        tracing::warn!(kind = ?error.kind, cause, "the exchange with a partner cannot go on");
        Failure::Here.trouble("this service cannot go on; it is tried again")
    }
}

/// Codes and places of an OperationOutcome; never its sentences, which may speak of a patient.
pub(super) fn outcome(reply: &Reply) -> String {
    let issues = reply.body["issue"].as_array().into_iter().flatten();
    let said = issues.take(5).map(|issue| {
        let code = issue["code"].as_str().unwrap_or_default();
        let at: Vec<&str> = issue["expression"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        // Of a path only what stands before a bracket: a filter may name somebody.
        let at = at.iter().map(|at| at.split('(').next().unwrap_or_default());
        let code: String = code
            .chars()
            .filter(|c| c.is_ascii_lowercase() || *c == '-')
            .collect();
        plain(&format!("{code} {}", at.collect::<Vec<_>>().join(" ")))
    });
    let said: Vec<String> = said.collect();
    format!("status {} {}", reply.status, said.join("; "))
        .trim()
        .to_owned()
}

/// The letters of codes and paths alone, and not many.
pub(super) fn plain(text: &str) -> String {
    let may = |c: &char| c.is_ascii_alphanumeric() || " -_.[]():/".contains(*c);
    text.chars()
        .filter(may)
        .take(200)
        .collect::<String>()
        .trim()
        .to_owned()
}
