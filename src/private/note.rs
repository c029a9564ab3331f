//! What a private note holds, by kind; the only two ways out of it are being sealed and being told to its originator.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::words::{Private, has_none_of};
use crate::error::{Error, Kind, Result};
use crate::kap::base::{Coding, Id, Instant, codes};
use crate::kap::preparation::{GoalTarget, IntentionCategory};

codes! {
    /// What a private note is: its kind is known to the database, nothing else that was said is.
    NoteKind {
        PsychotherapyNote = "psychotherapy-note", Intention = "intention", PartsWork = "parts-work", Imagery = "imagery",
    }
}

/// Role of a part in parts work (code system `kap-part-role`, which is never exchanged).
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PartRole {
    Protector,
    Manager,
    Firefighter,
    Exile,
    InnerCritic,
    #[serde(rename = "self")]
    Own,
}

impl PartRole {
    const fn code(self) -> &'static str {
        match self {
            Self::Protector => "protector",
            Self::Manager => "manager",
            Self::Firefighter => "firefighter",
            Self::Exile => "exile",
            Self::InnerCritic => "inner-critic",
            Self::Own => "self",
        }
    }
}

/// A part that was met.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    name: Private<String>,
    role: Option<Private<PartRole>>,
    /// What it said.
    message: Option<Private<String>>,
    /// How to respond to it.
    response: Option<Private<String>>,
}

/// A note as a client sends it.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Draft {
    kind: NoteKind,
    author_id: Id,
    session_id: Option<Id>,
    at: Option<Instant>,
    text: Option<Private<String>>,
    expressed_by: Option<Private<Id>>,
    category: Option<Private<IntentionCategory>>,
    measure: Option<Private<Coding>>,
    target: Option<Private<GoalTarget>>,
    #[serde(default)]
    parts: Vec<Part>,
    experience_type: Option<Private<String>>,
    #[serde(default)]
    domains: Vec<Private<String>>,
}

/// A note whose fields fit its kind.
#[derive(Debug, PartialEq, Eq)]
pub struct Note(Draft);

/// What is known of a note without opening it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    pub id: Id,
    pub episode_id: Id,
    pub version: i64,
    pub kind: NoteKind,
    /// The clinician who wrote it.
    pub author_id: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Id>,
    /// When its first version was stored.
    pub created_at: Instant,
    /// When this version was stored.
    pub recorded_at: Instant,
}

has_none_of!(Note: Writes = Serialize, Shows = std::fmt::Display, Copies = Clone);
has_none_of!(Draft: Writes = Serialize, Shows = std::fmt::Display, Copies = Clone);

impl Draft {
    /// The note, if its fields are those of its kind.
    ///
    /// # Errors
    /// `Unprocessable` with a JSON pointer to the first field that is missing or has no place.
    pub fn checked(self) -> Result<Note> {
        use NoteKind::{Imagery, Intention, PartsWork, PsychotherapyNote};
        let places: [(&str, bool, &[NoteKind]); 7] = [
            ("expressedBy", self.expressed_by.is_some(), &[Intention]),
            ("category", self.category.is_some(), &[Intention]),
            ("measure", self.measure.is_some(), &[Intention]),
            ("target", self.target.is_some(), &[Intention]),
            ("parts", !self.parts.is_empty(), &[PartsWork]),
            ("experienceType", self.experience_type.is_some(), &[Imagery]),
            ("domains", !self.domains.is_empty(), &[Imagery]),
        ];
        for (name, given, kinds) in places {
            if given && !kinds.contains(&self.kind) {
                let text = format!("A note of the kind {} has no `{name}`.", self.kind);
                return Err(unfit(text).at(format!("/{name}")));
            }
        }
        if let Some(n) = self.parts.iter().position(|p| !is_said(Some(&p.name))) {
            return Err(unfit("A part needs a name.".into()).at(format!("/parts/{n}/name")));
        }
        let text = is_said(self.text.as_ref());
        match self.kind {
            PsychotherapyNote | Intention if !text => Err(needs("text", self.kind)),
            Intention if self.expressed_by.is_none() => Err(needs("expressedBy", self.kind)),
            PartsWork if !text && self.parts.is_empty() => Err(needs("parts", self.kind)),
            Imagery if !text && self.experience_type.is_none() && self.domains.is_empty() => {
                Err(needs("text", self.kind))
            }
            _ => Ok(Note(self)),
        }
    }
}

fn is_said(text: Option<&Private<String>>) -> bool {
    text.is_some_and(|t| !t.reveal().trim().is_empty())
}

fn needs(name: &str, kind: NoteKind) -> Error {
    unfit(format!("A note of the kind {kind} needs `{name}`.")).at(format!("/{name}"))
}

fn unfit(text: String) -> Error {
    Error::new(Kind::Unprocessable, text)
}

impl Note {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> NoteKind {
        self.0.kind
    }

    /// The clinician who says to have written it.
    #[must_use]
    pub const fn author(&self) -> &Id {
        &self.0.author_id
    }

    /// The session that it is about.
    #[must_use]
    pub const fn session(&self) -> Option<&Id> {
        self.0.session_id.as_ref()
    }

    /// When it was said or thought.
    #[must_use]
    pub const fn at(&self) -> Option<Instant> {
        self.0.at
    }

    /// Whether an intention was expressed by somebody who is `known`; true of a note that names nobody.
    pub fn is_of_somebody(&self, known: impl Fn(&Id) -> bool) -> bool {
        self.0
            .expressed_by
            .as_ref()
            .is_none_or(|who| known(who.reveal()))
    }

    /// The text that is sealed.
    pub(super) fn to_seal(&self) -> Result<Zeroizing<Vec<u8>>> {
        let kept = Kept {
            kind: self.0.kind,
            author_id: &self.0.author_id,
            session_id: self.0.session_id.as_ref(),
            said: Said::of(&self.0),
        };
        let text = serde_json::to_vec(&kept).map_err(|_| unwritten())?;
        Ok(Zeroizing::new(text))
    }

    /// Reads a text that was sealed.
    pub(super) fn unsealed(text: &[u8]) -> Result<Self> {
        // The cause would show where in the words reading broke off.
        let draft: Draft = serde_json::from_slice(text)
            .map_err(|_| Error::internal("a private note was opened and is no note"))?;
        Ok(Self(draft))
    }

    /// The answer to the note's originator, as JSON. The words are in the clear from here on: only the private
    /// endpoint may call this (tests/it/tidy.rs checks it).
    ///
    /// # Errors
    /// `Internal` where it cannot be written.
    pub fn told_to_its_originator(&self, head: &Head) -> Result<String> {
        let told = Told {
            head,
            said: Said::of(&self.0),
        };
        serde_json::to_string(&told).map_err(|_| unwritten())
    }
}

fn unwritten() -> Error {
    Error::internal("a private note cannot be written as JSON")
}

/// What is sealed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kept<'a> {
    kind: NoteKind,
    author_id: &'a Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a Id>,
    #[serde(flatten)]
    said: Said<'a>,
}

/// What the originator reads.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    head: &'a Head,
    #[serde(flatten)]
    said: Said<'a>,
}

/// The words of a note, laid open for one of the two.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Said<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expressed_by: Option<&'a Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a IntentionCategory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    measure: Option<&'a Coding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a GoalTarget>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<SaidPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    experience_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    domains: Vec<&'a str>,
}

#[derive(Serialize)]
struct SaidPart<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<&'a str>,
}

impl<'a> Said<'a> {
    fn of(draft: &'a Draft) -> Self {
        Self {
            at: draft.at,
            text: words(draft.text.as_ref()),
            expressed_by: draft.expressed_by.as_ref().map(Private::reveal),
            category: draft.category.as_ref().map(Private::reveal),
            measure: draft.measure.as_ref().map(Private::reveal),
            target: draft.target.as_ref().map(Private::reveal),
            parts: draft.parts.iter().map(SaidPart::of).collect(),
            experience_type: words(draft.experience_type.as_ref()),
            domains: draft.domains.iter().map(|d| d.reveal().as_str()).collect(),
        }
    }
}

impl<'a> SaidPart<'a> {
    fn of(part: &'a Part) -> Self {
        Self {
            name: part.name.reveal(),
            role: part.role.as_ref().map(|r| r.reveal().code()),
            message: words(part.message.as_ref()),
            response: words(part.response.as_ref()),
        }
    }
}

fn words(text: Option<&Private<String>>) -> Option<&str> {
    text.map(|t| t.reveal().as_str())
}
