//! What a server can do, and how.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::macros::datetime;

/// How ids look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// One count for all types, as in `1042`.
    Numbers,
    Uuids,
}

/// Whether something is supported; the CapabilityStatement says so only where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    Yes,
    /// It is done as if it had not been asked for.
    Ignored,
    /// The request is refused.
    Refused,
}

/// The time of a server.
#[derive(Clone)]
pub struct Time(Arc<dyn Fn() -> OffsetDateTime + Send + Sync>);

impl Time {
    /// Stands still at this time.
    pub fn stands(at: OffsetDateTime) -> Self {
        Self(Arc::new(move || at))
    }

    /// Goes as another clock goes.
    pub fn follows(clock: impl Fn() -> OffsetDateTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(clock))
    }

    pub(super) fn now(&self) -> OffsetDateTime {
        (self.0)()
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Time").field(&self.now()).finish()
    }
}

/// Who may have a token (SMART Backend Services).
#[derive(Clone, Debug)]
pub struct Registration {
    pub client: String,
    /// The client's public keys; without them any signature will do.
    pub jwks: Option<Value>,
    /// The scopes that may be given; empty is all that are asked for. They are not looked at afterwards.
    pub scopes: Vec<String>,
    /// How long a token lasts.
    pub lasts: time::Duration,
}

impl Registration {
    /// One whose signatures are verified with these keys and whose tokens last five minutes.
    pub fn new(client: &str, jwks: Option<Value>) -> Self {
        Self {
            client: client.to_owned(),
            jwks,
            scopes: vec![],
            lasts: time::Duration::minutes(5),
        }
    }
}

/// What a server can do, and how.
#[derive(Clone, Debug)]
pub struct Habits {
    /// The base URL that it says of itself, where it is not its address: a proxy's.
    pub public: Option<String>,
    /// The server whose gate it is, where it has no records of its own: who has a token is let through.
    pub behind: Option<SocketAddr>,
    pub ids: Ids,
    /// The resource types that it has; the others are 404.
    pub kinds: Vec<String>,
    /// Where ignored, a transaction is done as a batch. Where refused, a batch is refused too.
    pub transactions: Support,
    /// `If-None-Exist` and `ifNoneExist`. Where ignored, another one is made.
    pub conditional_create: Support,
    /// `PUT Type?criteria`. Cannot be ignored: that is a refusal.
    pub conditional_update: Support,
    /// `Organization?identifier=…` as a reference within a transaction. Where ignored, it stays as it is.
    pub conditional_references: Support,
    /// References to resources that it does not have, as `Patient/1`. Where refused, 422.
    pub dangling: Support,
    pub last_updated: Support,
    /// `_sort=_lastUpdated` and `-_lastUpdated`. Without it the newest come first.
    pub sort: Support,
    /// Search parameters that it does not know; `Yes` is as ignored.
    pub unknown: Support,
    /// Most resources of a page, whatever `_count` says.
    pub page: usize,
    /// What it asks of a client; nothing where there is none.
    pub token: Option<Registration>,
    /// Whether `meta.versionId` and `meta.lastUpdated` are in its resources.
    pub adds_meta: bool,
    /// Whether it writes a narrative where there is none.
    pub adds_text: bool,
    /// URLs of the extensions that it takes away, wherever they are; `*` is all. Modifier extensions stay.
    pub strips: Vec<String>,
    /// Whether locations in the answer to a bundle are absolute; else they begin with the type.
    pub absolute: bool,
    pub time: Time,
    /// How far its clock goes on with each writing; a transaction is one. With zero many resources have one time.
    pub tick: time::Duration,
    /// How long it takes to answer, after the work has been done.
    pub delay: Duration,
}

impl Default for Habits {
    /// Everything is supported and nothing is asked for; a page has five.
    fn default() -> Self {
        let kinds = "Patient Practitioner PractitionerRole Organization Location Encounter EpisodeOfCare \
            ServiceRequest Condition Observation Consent CarePlan CareTeam Medication MedicationRequest \
            MedicationAdministration QuestionnaireResponse Task Communication DocumentReference \
            Composition Procedure AllergyIntolerance ClinicalImpression Provenance";
        Self {
            public: None,
            behind: None,
            ids: Ids::Numbers,
            kinds: kinds.split_whitespace().map(ToOwned::to_owned).collect(),
            transactions: Support::Yes,
            conditional_create: Support::Yes,
            conditional_update: Support::Yes,
            conditional_references: Support::Yes,
            dangling: Support::Refused,
            last_updated: Support::Yes,
            sort: Support::Yes,
            unknown: Support::Ignored,
            page: 5,
            token: None,
            adds_meta: true,
            adds_text: false,
            strips: vec![],
            absolute: false,
            time: Time::stands(datetime!(2026-11-22 12:00 UTC)),
            tick: time::Duration::milliseconds(1),
            delay: Duration::ZERO,
        }
    }
}

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Nothing is done, and this is the answer.
    Answer {
        status: u16,
        retry_after: Option<&'static str>,
    },
    /// The connection is cut; nothing is done.
    Cut,
    /// The request is done, then the connection is cut: the caller cannot know.
    DoAndCut,
}

/// What goes wrong, with which requests and how often.
#[derive(Clone, Debug)]
pub struct Fault {
    pub does: Does,
    pub times: usize,
    /// A method and a path, `POST /`, or the beginning of one, `GET /Patient*`; `*` is every request.
    pub on: &'static str,
    /// A word that the body has; empty is whatever it says.
    pub says: String,
}

impl Fault {
    /// Once, to whatever comes next.
    pub fn new(does: Does) -> Self {
        Self {
            does,
            times: 1,
            on: "*",
            says: String::new(),
        }
    }

    /// Once, this status to whatever comes next.
    pub fn status(status: u16) -> Self {
        let retry_after = None;
        Self::new(Does::Answer {
            status,
            retry_after,
        })
    }

    /// The same for so many requests.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// The same for such requests.
    #[must_use]
    pub fn on(self, on: &'static str) -> Self {
        Self { on, ..self }
    }

    /// The same for requests whose body has this word.
    #[must_use]
    pub fn saying(self, word: &str) -> Self {
        let says = word.to_owned();
        Self { says, ..self }
    }

    pub(super) fn is_for(&self, what: &str, body: &str) -> bool {
        self.times > 0 && is_like(self.on, what) && body.contains(&self.says)
    }
}

/// Whether a method and path is this one, or begins like it where it ends with a star.
pub(super) fn is_like(pattern: &str, what: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => what.starts_with(beginning),
        None => pattern == what,
    }
}
