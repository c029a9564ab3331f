//! The one error of the service: a kind to branch on, issues to show, a cause to log.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong, as far as a program must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request cannot be read: syntax, unknown field, wrong type, bad parameter.
    Invalid,
    /// The request reads well but breaks a rule of content.
    Unprocessable,
    /// No valid token.
    Unauthenticated,
    /// The caller's role or scope does not allow this at all.
    Forbidden,
    /// Does not exist, or is not visible to the caller (the two look the same).
    NotFound,
    /// Was deleted.
    Gone,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// No representation that the client accepts.
    NotAcceptable,
    /// The body's media type is not supported.
    UnsupportedMediaType,
    /// A command that the present state does not allow, or an idempotency key used with another body.
    Conflict,
    /// `If-Match` names another version.
    PreconditionFailed,
    /// `If-Match` is required here.
    PreconditionRequired,
    /// Body, header or answer is larger than the limit.
    TooLarge,
    /// A part of a file that it does not have.
    OutOfRange,
    /// The request did not arrive in time.
    Timeout,
    /// Too many requests.
    TooMany,
    /// A part that this service does not offer.
    NotSupported,
    /// Overloaded, starting, stopping, or the database is away: try again.
    Unavailable,
    /// A defect of the service.
    Internal,
}

impl Kind {
    /// HTTP status and FHIR R4 issue type (<https://hl7.org/fhir/R4/valueset-issue-type.html>).
    #[must_use]
    pub const fn wire(self) -> (u16, &'static str) {
        match self {
            Self::Invalid => (400, "invalid"),
            Self::Unprocessable => (422, "business-rule"),
            Self::Unauthenticated => (401, "login"),
            Self::Forbidden => (403, "forbidden"),
            Self::NotFound => (404, "not-found"),
            Self::Gone => (410, "deleted"),
            Self::MethodNotAllowed => (405, "not-supported"),
            Self::NotAcceptable => (406, "not-supported"),
            Self::UnsupportedMediaType => (415, "not-supported"),
            Self::Conflict => (409, "conflict"),
            Self::PreconditionFailed => (412, "conflict"),
            Self::PreconditionRequired => (428, "required"),
            Self::TooLarge => (413, "too-long"),
            Self::OutOfRange => (416, "value"),
            Self::Timeout => (408, "timeout"),
            Self::TooMany => (429, "throttled"),
            Self::NotSupported => (501, "not-supported"),
            Self::Unavailable => (503, "transient"),
            Self::Internal => (500, "exception"),
        }
    }
}

/// One thing that the caller can mend.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Issue {
    /// FHIR issue type where it is more exact than the kind's: `structure`, `value`, `required`, `duplicate`, …
    pub code: Option<&'static str>,
    /// A sentence that says what to change. Never holds stored data.
    pub text: String,
    /// Where, in the sender's own body: FHIRPath (`Observation.value`) on FHIR paths, JSON pointer (`/doses/0/at`) elsewhere.
    pub at: Option<String>,
    /// The rule that spoke, such as `KAP-INV-07`.
    pub rule: Option<String>,
    /// Who can resolve it, such as `prescriber`.
    pub resolve_by: Option<String>,
}

/// An error with everything that its answer and its log line need.
#[derive(Debug)]
pub struct Error {
    /// To branch on.
    pub kind: Kind,
    /// A code of `kap-error`, where one fits.
    pub code: Option<&'static str>,
    /// To show. Never empty.
    pub issues: Vec<Issue>,
    /// To log, once, where the error is handled. Never shown.
    pub cause: Option<Box<dyn StdError + Send + Sync>>,
}

/// The usual result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error with one sentence.
    #[must_use]
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        let issue = Issue {
            text: text.into(),
            ..Issue::default()
        };
        Self {
            kind,
            code: None,
            issues: vec![issue],
            cause: None,
        }
    }

    /// An error with several issues; a defect is reported where there is none.
    #[must_use]
    pub fn with_issues(kind: Kind, issues: Vec<Issue>) -> Self {
        if issues.is_empty() {
            return Self::new(kind, "The request was refused.");
        }
        Self {
            kind,
            code: None,
            issues,
            cause: None,
        }
    }

    /// The same error, said of the element at `at`.
    #[must_use]
    pub fn at(mut self, at: impl Into<String>) -> Self {
        let at = at.into();
        for issue in &mut self.issues {
            issue.at.get_or_insert_with(|| at.clone());
        }
        self
    }

    /// The same error with a code of `kap-error`.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The same error with a more exact FHIR issue type.
    #[must_use]
    pub fn issue_code(mut self, code: &'static str) -> Self {
        for issue in &mut self.issues {
            issue.code.get_or_insert(code);
        }
        self
    }

    /// The same error with its cause, for the log.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// A defect; the caller is told nothing but that.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(
            Kind::Internal,
            "The service met a defect. The request id names it in the log.",
        )
        .because(cause)
    }

    /// A thing that is missing or hidden: the two are one answer.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(
            Kind::NotFound,
            "There is no such record, or it is not visible to this client.",
        )
    }

    /// HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.kind.wire().0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)?;
        match self.issues.first() {
            Some(issue) => write!(f, ": {}", issue.text),
            None => Ok(()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause
            .as_deref()
            .map(|c| c as &(dyn StdError + 'static))
    }
}
