//! An event of the audit: one thing that was done or refused.
//!
//! Compact on purpose: a read must not cost much more because it is recorded. The AuditEvent that others see is a pure
//! function of the row ([`super::balp`]).

use std::sync::Arc;

use crate::kap::base::codes;

codes! {
    /// What was done, or was to be done where the outcome is a failure.
    Kind {
        Create = "create", Read = "read", Vread = "vread", Update = "update", Delete = "delete", Search = "search",
        /// Any other request, such as a command of the practice.
        Operation = "operation",
        /// Versions of a record, of a type or of everything.
        History = "history",
        Transaction = "transaction",
        /// A bundle of requests each of which stands alone and has an event of its own.
        Batch = "batch",
        /// A document or a whole episode went to another organization than the record's owner.
        Disclose = "disclose",
        Token = "token", Revoke = "revoke",
        /// A token was given that breaks the glass; its detail is the reason.
        Emergency = "emergency",
        /// A private note, which is no resource: its target is the word [`PRIVATE_NOTE`] and its id, never what it says.
        NoteCreate = "note-create", NoteRead = "note-read", NoteUpdate = "note-update", NoteList = "note-list",
        /// A key of private notes was made known to the database, which is before the first note is sealed with it.
        NoteKeyAdd = "note-key-add",
        NoteKeyRotate = "note-key-rotate",
        /// Data keys of notes were wrapped anew; old keys that nothing needs were forgotten.
        NoteRewrap = "note-rewrap",
        /// Notes went from one client of a practice to another.
        NoteHandOver = "note-hand-over",
        /// An operator took labels off a record: its new version.
        LabelLower = "label-lower",
        ClientAdd = "client-add", ClientDisable = "client-disable", ClientEnable = "client-enable", ClientKeys = "client-keys",
        Start = "start", Stop = "stop",
        /// A subscriber was told of a record.
        Notify = "notify",
        /// A subscriber was not told of a record that it may see no more.
        Withhold = "withhold",
        /// Where a client may be called was changed.
        ClientOrigin = "client-origin",
        /// What is exchanged with a partner's system was changed.
        Partner = "partner",
        /// The database took a step of its schema.
        Migrate = "migrate",
        /// Sealing failed for a while; the event is written when it works again.
        SealFailed = "seal-failed",
    }
}

/// The target of an event about a private note.
pub const PRIVATE_NOTE: &str = "private note";

/// The target of an event about a key of private notes.
pub const NOTE_KEY: &str = "key of private notes";

/// How it ended: the codes of FHIR `audit-event-outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success = 0,
    /// The client can mend it.
    Minor = 4,
    /// Refused: who asked may not.
    Serious = 8,
    /// The service failed.
    Major = 12,
}

impl Outcome {
    /// The code.
    #[must_use]
    pub const fn code(self) -> i64 {
        self as i64
    }

    /// The outcome with this code; a failure of the service where there is none.
    #[must_use]
    pub const fn of(code: i64) -> Self {
        match code {
            0 => Self::Success,
            4 => Self::Minor,
            8 => Self::Serious,
            _ => Self::Major,
        }
    }

    /// The outcome of a request that was answered with this HTTP status.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        match status {
            0..400 => Self::Success,
            401 | 403 => Self::Serious,
            400..500 => Self::Minor,
            _ => Self::Major,
        }
    }
}

/// Text that may be absent; cheap to clone.
pub type Text = Option<Arc<str>>;

/// Who did it, as far as it is known. Nothing is known of the operator at the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who {
    /// Client id.
    pub client: Text,
    /// The organization that the client acts for.
    pub organization: Text,
    /// Code of the client's role.
    pub role: Text,
    /// Loggable id of the access token.
    pub token: Text,
    /// HL7 v3 ActReason code.
    pub purpose: Text,
}

/// With which record it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Resource type.
    pub kind: Arc<str>,
    pub id: Text,
    pub version: Option<i64>,
}

/// One thing that was done or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: Kind,
    pub outcome: Outcome,
    /// Why it failed: a code, never a sentence and never data.
    pub reason: Text,
    pub who: Who,
    /// IP address of the other end of the connection.
    pub peer: Text,
    /// Id of the request.
    pub request: Text,
    pub target: Option<Target>,
    /// Id of the patient whose data it was.
    pub patient: Text,
    /// Of a search, the request as it came; else a word on what was shown or changed.
    pub detail: Text,
}

impl Event {
    /// A success of nobody in particular.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            outcome: Outcome::Success,
            reason: None,
            who: Who::default(),
            peer: None,
            request: None,
            target: None,
            patient: None,
            detail: None,
        }
    }

    /// The same, done with this record.
    #[must_use]
    pub fn target(mut self, kind: &str, id: &str, version: Option<i64>) -> Self {
        self.target = Some(Target {
            kind: kind.into(),
            id: Some(id.into()),
            version,
        });
        self
    }

    /// The same, with data of this patient.
    #[must_use]
    pub fn patient(mut self, id: Option<&str>) -> Self {
        self.patient = id.map(Arc::from);
        self
    }

    /// The same, with a word on it.
    #[must_use]
    pub fn detail(mut self, text: impl Into<Arc<str>>) -> Self {
        self.detail = Some(text.into());
        self
    }

    /// The same, failed.
    #[must_use]
    pub fn failed(mut self, outcome: Outcome, reason: impl Into<Arc<str>>) -> Self {
        self.outcome = outcome;
        self.reason = Some(reason.into());
        self
    }
}

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// UUID of version 7: sorts by time, so that rows are only ever added at the end.
    pub id: Arc<str>,
    /// When, milliseconds since 1970.
    pub at: i64,
    /// Version of the program and name of its instance.
    pub source: Arc<str>,
    pub event: Event,
}
